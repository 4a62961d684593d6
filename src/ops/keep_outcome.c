/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/keep_outcome.h"

#include <math.h>
#include <string.h>

#include "store/journal.h"
#include "verify/outcome.h"

#define JOURNAL_NAME "journal.db"

/* Ratios are after / before; a factor is the other way round, and so are the ends of its interval. */
static double factor_of(double ratio)
{
    return isfinite(ratio) && ratio > 0 ? 1 / ratio : NAN;
}

/* In the folder of a history that was chosen; "" is the default. */
static void journal_beside(const char *history, struct str *ret_path)
{
    const char *slash = history ? strrchr(history, '/') : NULL;
    if (slash)
        str_append_bytes(ret_path, history, (size_t)(slash - history) + 1);
    if (history)
        str_append(ret_path, JOURNAL_NAME);
}

/* "faster, as predicted", "equivalent, 35 % slower than predicted" */
static void outcome_words(const struct outcome *outcome, struct str *text)
{
    str_append(text, effect_name(outcome->verdict));
    if (!outcome->has_error)
        return;
    bool is_as_said =
        outcome->has_interval ? outcome->is_inside || outcome->overlaps : fabs(outcome->error_ratio) < 0.1;
    if (is_as_said)
        str_append(text, ", as predicted");
    else
        str_printf(text, ", %.0f %% %s than predicted", fabs(outcome->error_ratio) * 100,
                   outcome->error_ratio > 0 ? "slower" : "faster");
}

static int add(const char *path, const struct journal_entry *entry, struct err *err)
{
    struct journal *journal = NULL;
    int status = journal_open(&journal, path, err);
    if (!status)
        status = journal_add(journal, entry, 1, NULL, err);
    journal_close(journal);
    return status;
}

void keep_outcome(const struct outcome_record *record, const struct verify_prediction *prediction,
                  const struct outcome *outcome, struct str *ret_warning)
{
    const struct verify_metric *wall = outcome_metric(outcome, BENCH_WALL);
    struct str path = {0}, words = {0}, key = {0};
    struct err err = {0};
    if (!prediction->is_given || !wall || !record->name)
        return;
    journal_beside(record->history, &path);
    outcome_words(outcome, &words);
    str_printf(&key, "outcome\n%s\n%s\n%s", prediction->recording_id ? prediction->recording_id : "",
               record->name, prediction->change ? prediction->change : "");
    struct journal_entry entry =
        journal_blank("outcome", prediction->title ? prediction->title : record->name);
    entry.key = str_text(&key);
    entry.symptom = prediction->symptom;
    entry.cause = prediction->cause;
    entry.place = prediction->place;
    entry.change = prediction->change;
    entry.fix = prediction->fix;
    entry.outcome = str_text(&words);
    entry.name = record->name;
    entry.recording = prediction->recording_id ? prediction->source : NULL;
    entry.machine = record->machine;
    entry.revision = record->revision;
    entry.predicted = factor_of(prediction->ratio);
    entry.predicted_low = factor_of(prediction->ratio_high);
    entry.predicted_high = factor_of(prediction->ratio_low);
    entry.measured = factor_of(wall->comparison->ratio);
    entry.measured_low = factor_of(wall->comparison->ratio_high);
    entry.measured_high = factor_of(wall->comparison->ratio_low);
    int status = path.failed || words.failed || key.failed
                     ? err_memory(&err)
                     : add(record->history ? str_text(&path) : NULL, &entry, &err);
    if (status)
        str_printf(ret_warning, "%sthe outcome is not in the journal: %s", ret_warning->length ? "; " : "",
                   err.what);
    str_free(&path);
    str_free(&words);
    str_free(&key);
}
