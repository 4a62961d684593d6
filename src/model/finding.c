/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

void verdict_deinit(struct verdict *verdict)
{
    arena_free(&verdict->arena);
    *verdict = (struct verdict){0};
}

const char *priority_name(enum priority priority)
{
    static const char *const names[] = {"P0", "P1", "P2", "P3"};
    return names[priority];
}

const char *priority_severity(enum priority priority)
{
    static const char *const names[] = {"critical", "critical", "warning", "info"};
    return names[priority];
}

const char *effort_name(enum effort effort)
{
    static const char *const names[] = {"low", "medium", "high"};
    return names[effort];
}

enum priority priority_of(double factor_low)
{
    if (factor_low > 5)
        return PRIORITY_P0;
    if (factor_low >= 2)
        return PRIORITY_P1;
    return factor_low >= 1.2 ? PRIORITY_P2 : PRIORITY_P3;
}

const char *doing_name(int doing)
{
    return doing == DOING_CPU ? "cpu" : wait_reason_name((uint64_t)doing);
}
