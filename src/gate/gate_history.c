/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "stats/changepoint.h"

#define KIND "gate"

static void series_name(const struct gate_config *config, const struct gate_check *check, struct str *name)
{
    str_printf(name, "%s/%s", config->name ? config->name : "", config->gates.items[check->gate].name);
}

struct collected {
    VEC(double) values;
    bool failed;
};

static int collect(const struct history_result *result, void *data)
{
    struct collected *collected = data;
    if (result->verdict && (strcmp(result->verdict, gate_verdict_name(GATE_FAIL)) == 0 ||
                            strcmp(result->verdict, gate_verdict_name(GATE_NOISY)) == 0))
        return 0;
    collected->failed = vec_push(&collected->values, result->value) != 0;
    return collected->failed;
}

/* Those before the newest change of level say nothing of what is usual now. */
static int newest_level(double *values, size_t *count, struct err *err)
{
    struct change_points changes = {0};
    int status = change_points_find(values, *count, &changes, err);
    if (!status && changes.points.count) {
        size_t first = changes.points.items[changes.points.count - 1].index;
        memmove(values, values + first, (*count - first) * sizeof *values);
        *count -= first;
    }
    change_points_free(&changes);
    return status;
}

int gate_history_values(struct history *history, const struct gate_config *config,
                        const struct gate_check *check, const char *machine, double **ret_values,
                        size_t *ret_count, struct err *err)
{
    const struct gate_baseline *baseline = &config->gates.items[check->gate].baseline;
    struct collected collected = {0};
    struct str name = {0};
    series_name(config, check, &name);
    struct history_filter filter = {.name = str_text(&name),
                                    .metric = gate_metric_about(check->metric)->series,
                                    .kind = KIND,
                                    .machine = machine,
                                    .newest = baseline->newest ? baseline->newest : GATE_HISTORY_NEWEST};
    int status = name.failed ? err_memory(err) : history_each(history, &filter, collect, &collected, err);
    str_free(&name);
    if (collected.failed)
        status = err_memory(err);
    if (!status && collected.values.count)
        status = newest_level(collected.values.items, &collected.values.count, err);
    if (status) {
        vec_free(&collected.values);
        return status;
    }
    *ret_values = collected.values.items;
    *ret_count = collected.values.count;
    return 0;
}

/* The first check of the same gate and metric stands for both. */
static bool is_first_of_metric(const struct gate_result *result, size_t index)
{
    const struct gate_check *checks = result->config->checks.items;
    for (size_t i = 0; i < index; i++)
        if (result->was_judged[i] && checks[i].gate == checks[index].gate &&
            checks[i].metric == checks[index].metric)
            return false;
    return true;
}

/* The worst of what the metric's limits say. */
static enum gate_verdict verdict_of_metric(const struct gate_result *result, size_t index)
{
    static const int badness[] = {
        [GATE_PASS] = 0, [GATE_INCONCLUSIVE] = 1, [GATE_NOISY] = 2, [GATE_FAIL] = 3};
    const struct gate_check *checks = result->config->checks.items;
    enum gate_verdict worst = result->checks[index].outcome.verdict;
    for (size_t i = index + 1; i < result->config->checks.count; i++)
        if (result->was_judged[i] && checks[i].gate == checks[index].gate &&
            checks[i].metric == checks[index].metric &&
            badness[result->checks[i].outcome.verdict] > badness[worst])
            worst = result->checks[i].outcome.verdict;
    return worst;
}

int gate_history_add(struct history *history, const struct gate_result *result, struct err *err)
{
    struct history_result rows[GATE_CHECKS_MAX];
    struct str names[GATE_CHECKS_MAX] = {0};
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < result->config->checks.count && count < GATE_CHECKS_MAX; i++) {
        const struct gate_check *check = &result->config->checks.items[i];
        const struct gate_outcome *outcome = &result->checks[i].outcome;
        if (!result->was_judged[i] || !is_first_of_metric(result, i))
            continue;
        series_name(result->config, check, &names[count]);
        rows[count] = (struct history_result){
            .at_ns = (int64_t)result->started_at_ns,
            .kind = KIND,
            .name = str_text(&names[count]),
            .metric = gate_metric_about(check->metric)->series,
            .better = gate_metric_about(check->metric)->more_is_better ? HISTORY_MORE : HISTORY_LESS,
            .value = outcome->value,
            .value_low = outcome->value_low,
            .value_high = outcome->value_high,
            .count = outcome->count,
            .verdict = gate_verdict_name(verdict_of_metric(result, i)),
            .predicted = NAN,
            .predicted_low = NAN,
            .predicted_high = NAN,
            .machine = result->machine,
            .revision = result->revision};
        status = names[count].failed ? err_memory(err) : status;
        count++;
    }
    if (!status && count)
        status = history_add(history, rows, count, err);
    for (size_t i = 0; i < count; i++)
        str_free(&names[i]);
    return status;
}
