/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge/verdict.h"

void judge(struct scenario *scenario, struct verdict *ret_verdict)
{
    struct err err;
    uint64_t sum_ns = 0;

    if (analyze_verdict(&scenario->data.view, ret_verdict, &err))
        fail_msg("%s", err.what);
    for (size_t i = 0; i < ret_verdict->path_count; i++)
        sum_ns += ret_verdict->path[i].ns;
    assert_int_equal(sum_ns, ret_verdict->run.wall_ns);
}

void judged_deinit(struct scenario *scenario, struct verdict *verdict)
{
    verdict_deinit(verdict);
    scenario_deinit(scenario);
}

const struct finding *judged_finding(const struct verdict *verdict, const char *cause)
{
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (strcmp(verdict->findings[i].cause, cause) == 0)
            return &verdict->findings[i];
    return NULL;
}

bool judged_has_evidence(const struct finding *finding, const char *words)
{
    for (size_t i = 0; i < finding->evidence_count; i++)
        if (strstr(finding->evidence[i], words))
            return true;
    return false;
}
