/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigation_past.h"

#include <time.h>

#include "base/clock.h"
#include "store/journal_show.h"

static const char *text_of_day(struct arena *arena, int64_t at_ns)
{
    char text[32];
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%d", &parts))
        return "";
    const char *copy = arena_string(arena, text);
    return copy ? copy : "";
}

static const char *copy_of(struct arena *arena, const char *text)
{
    return text ? arena_string(arena, text) : NULL;
}

int past_cases_find(struct investigation *investigation, const char *store, struct str *ret_warning,
                    struct err *err)
{
    struct arena *arena = &investigation->arena;
    struct similar_cases cases;
    journal_similar(store, investigation->verdict, 0, &cases, ret_warning);
    struct similar_case *similar = arena_alloc(arena, (cases.entries.count + 1) * sizeof *similar);
    for (size_t i = 0; similar && i < cases.entries.count; i++) {
        const struct journal_entry *entry = &cases.entries.items[i];
        struct str outcome = {0};
        journal_outcome_text(entry, &outcome);
        similar[i] =
            (struct similar_case){.when = text_of_day(arena, entry->at_ns),
                                  .symptom = copy_of(arena, entry->symptom),
                                  .finding = copy_of(arena, entry->finding),
                                  .change = copy_of(arena, entry->change),
                                  .outcome = outcome.length ? copy_of(arena, str_text(&outcome)) : NULL};
        str_free(&outcome);
    }
    investigation->similar = similar;
    investigation->similar_count = similar ? cases.entries.count : 0;
    similar_cases_deinit(&cases);
    return similar ? 0 : err_memory(err);
}

void past_case_line(const struct similar_case *similar, struct str *line)
{
    str_printf(line, "like before (%s): %s", similar->when, similar->finding);
    if (similar->change)
        str_printf(line, "; %s", similar->change);
    if (similar->outcome)
        str_printf(line, "%s%s", similar->change ? ": " : "; ", similar->outcome);
}

void past_cases_learn(const struct investigation *investigation, const char *store, struct str *ret_warning)
{
    struct lesson items[LESSONS_MAX];
    size_t count = 0;
    for (; count < LESSONS_MAX && count < investigation->conclusion_count; count++) {
        const struct conclusion *conclusion = &investigation->conclusions[count];
        items[count] = (struct lesson){.finding = &conclusion->claim.finding,
                                       .agreement = agreement_name(conclusion->agreement),
                                       .settled_by = conclusion->settled_by};
    }
    struct lessons lessons = {.store = store,
                              .recording = investigation->recording,
                              .name = investigation->pipeline,
                              .verdict = investigation->verdict,
                              .items = items,
                              .count = count};
    journal_learn(&lessons, ret_warning);
}
