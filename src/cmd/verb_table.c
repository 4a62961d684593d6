/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs, in the order in which `toll help` shows them: a new one is one file in src/verbs, one line in verbs/verbs.h, one here. */
#include "cmd/verb_table.h"

#include <string.h>

#include "base/suggest.h"
#include "cmd/help.h"
#include "data_verbs/data_verbs.h"
#include "verbs/verbs.h"

const struct verb *const verbs[] = {
    &run_verb,         &attach_verb,       &report_verb,     &whatif_verb,      &bench_verb,    &compare_verb,
    &tune_verb,        &verify_verb,       &experiment_verb, &calibration_verb, &history_verb,  &init_verb,
    &investigate_verb, &journal_verb,      &gate_verb,       &law_verb,         &diagnose_verb, &doctor_verb,
    &span_verb,        &mark_verb,         &check_verb,      &recover_verb,     &record_verb,   &import_verb,
    &usage_verb,       &prices_verb,       &query_verb,      &collapse_verb,    &budget_verb,   &help_verb,
    &version_verb,     &investigator_verb, &set_key_verb,
};
const size_t verb_count = sizeof verbs / sizeof verbs[0];

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

const struct verb *verb_nearest(const char *word)
{
    const struct verb *nearest = NULL;
    for (size_t i = 0; i < verb_count; i++)
        if (!verbs[i]->is_hidden && suggest_is_near(word, verbs[i]->name) &&
            (!nearest || suggest_distance(word, verbs[i]->name) < suggest_distance(word, nearest->name)))
            nearest = verbs[i];
    return nearest;
}
