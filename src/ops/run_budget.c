/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/run_budget.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "budget/budget_guard.h"
#include "budget/budget_show.h"

int run_budget_start(const char *limits, struct sink **sink, struct budget_guard **ret_guard, struct err *err)
{
    /* Not toll itself: all that it starts, also what gave up its parent. */
    struct budget_guard_options options = {.root = getpid()};
    int status = budget_limits_parse(limits, &options.limits, err);
    if (status)
        return status;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    status = budget_guard_start(&options, ret_guard, err);
    if (!status)
        *sink = budget_guard_sink(*ret_guard, *sink);
    return status;
}

int run_budget_of_log(const char *limits, const char *const *log, bool stops, struct budget_guard **ret_guard,
                      struct err *err)
{
    struct budget_guard_options options = {.watch = {.places = log, .place_count = 1, .source = &otlp_source},
                                           .root = stops ? getpid() : 0};
    int status = budget_limits_parse(limits, &options.limits, err);
    if (stops)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    return status ? status : budget_guard_start(&options, ret_guard, err);
}

bool run_budget_is_over(struct budget_guard *guard)
{
    return guard && budget_guard_now(guard).exceeded != BUDGET_NONE;
}

bool run_budget_finish(struct budget_guard *guard, struct str *ret_text)
{
    struct budget_state state;
    if (!guard)
        return false;
    budget_guard_finish(guard, &state);
    budget_guard_destroy(guard);
    str_append(ret_text, "toll: ");
    budget_verdict(&state, ret_text);
    str_append(ret_text, "\n");
    budget_remarks(&state, ret_text);
    return state.exceeded != BUDGET_NONE;
}
