/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate.h"

const struct gate_metric_about *gate_metric_about(enum gate_metric metric)
{
    static const struct gate_metric_about about[GATE_METRIC_COUNT] = {
        [GATE_WALL] = {"wall", "wall_ns", AMOUNT_NS, false, true},
        [GATE_CPU] = {"cpu", "cpu_ns", AMOUNT_NS, false, true},
        [GATE_MEMORY] = {"memory", "memory_bytes_max", AMOUNT_BYTES, false, false},
        [GATE_P99] = {"p99", "p99_ns", AMOUNT_NS, false, true},
        [GATE_ROWS] = {"rows/s", "rows_per_s", AMOUNT_PER_S, true, true},
        [GATE_SIZE] = {"size", "size_bytes", AMOUNT_BYTES, false, false},
        [GATE_TOKENS] = {"tokens", "tokens", AMOUNT_COUNT, false, false},
        [GATE_COST] = {"cost", "cost", AMOUNT_MONEY, false, false},
    };
    return &about[metric];
}

const char *gate_limit_name(enum gate_limit limit)
{
    static const char *const names[] = {"max", "min", "max_increase", "max_decrease"};
    return names[limit];
}

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {"pass", "fail", "inconclusive", "noisy"};
    return names[verdict];
}

int gate_exit_status(enum gate_verdict verdict)
{
    static const int statuses[] = {0, 1, 5, 6};
    return statuses[verdict];
}

enum gate_verdict gate_verdict_of(const struct gate_result *result)
{
    static const enum gate_verdict worst_first[] = {GATE_FAIL, GATE_NOISY, GATE_INCONCLUSIVE};
    for (size_t i = 0; i < sizeof worst_first / sizeof worst_first[0]; i++)
        for (size_t check = 0; check < result->config->checks.count; check++)
            if (result->was_judged[check] && result->checks[check].outcome.verdict == worst_first[i])
                return worst_first[i];
    return GATE_PASS;
}
