/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/finding_claim.h"

#include <stdio.h>
#include <string.h>

#include "investigate/path_vote.h"

bool finding_is_about_memory(const char *cause)
{
    static const char *const causes[] = {"page-faults", "allocation-churn", "gc", "memory-reclaim",
                                         "memory-leak"};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (strcmp(causes[i], cause) == 0)
            return true;
    return false;
}

int findings_claim(const struct question *question, struct answers *answers, bool about_memory,
                   struct err *err)
{
    const struct verdict *verdict = &question->opened->verdict;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        struct path_share share;
        char id[24];
        if (finding_is_about_memory(finding->cause) != about_memory)
            continue;
        int status = path_share_of(question, &finding->where, &share, err);
        if (status)
            return status;
        snprintf(id, sizeof id, "%zu", i + 1);
        struct claim claim = {.id = id,
                              .finding = *finding,
                              .evidence_class = EVIDENCE_MEASURED,
                              .rows = share.rows,
                              .row_count = share.row_count};
        answers_claim(answers, &claim);
    }
    return answers_status(answers, err);
}
