/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_keep.h"

#include <math.h>
#include <string.h>

#include "base/redact.h"
#include "store/journal.h"

/* After / before of the result and of what was promised; NAN where there is none. A bound is no prediction's outcome. */
struct ratios {
    double measured, low, high;
    double predicted, predicted_low, predicted_high;
};

static struct ratios ratios_of(const struct experiment_result *result)
{
    const struct experiment_gain *gain = &result->gain;
    const struct experiment_promise *promise = &result->promise;
    struct ratios ratios = {NAN, NAN, NAN, NAN, NAN, NAN};
    bool has_interval = gain->factor_low > 0 && isfinite(gain->factor_high);
    if (!result->has_gain)
        return ratios;
    ratios.measured = 1 / gain->factor;
    if (has_interval) {
        ratios.low = 1 / gain->factor_high;
        ratios.high = 1 / gain->factor_low;
    }
    if (gain->is_bound || !(promise->factor > 0))
        return ratios;
    ratios.predicted = 1 / promise->factor;
    if (promise->factor_low > 0 && promise->factor_high > 0) {
        ratios.predicted_low = 1 / promise->factor_high;
        ratios.predicted_high = 1 / promise->factor_low;
    }
    return ratios;
}

static void keep_in_history(const struct experiment_keeping *keeping, const struct experiment_result *result,
                            const char *name, struct str *ret_warning)
{
    const char *tags[] = {result->change, experiment_means_name(result->means)};
    struct ratios ratios = ratios_of(result);
    struct str series = {0}; /* each change has its own */
    str_printf(&series, "%s [%s]", name, result->change ? result->change : "");
    struct history_result row = keep_blank("experiment", str_text(&series), "wall_ratio", ratios.measured);
    struct keep_options options = keeping->options;
    row.value_low = ratios.low;
    row.value_high = ratios.high;
    row.count = result->bench.rounds;
    row.verdict = experiment_outcome_name(result->outcome);
    row.predicted = ratios.predicted;
    row.predicted_low = ratios.predicted_low;
    row.predicted_high = ratios.predicted_high;
    if (!options.tag_count && result->change && !strchr(result->change, ',')) {
        options.tags = tags;
        options.tag_count = 2;
    }
    keep_results(&options, &row, 1, ret_warning);
    str_free(&series);
}

/* A history that was named has its journal beside it. */
static void journal_place(const char *store, struct str *path)
{
    const char *slash = store ? strrchr(store, '/') : NULL;
    if (!store)
        return;
    if (slash)
        str_append_bytes(path, store, (size_t)(slash - store) + 1);
    str_append(path, "journal.db");
}

/* Ratios are after / before, the journal's factors the other way round. */
static double factor_of(double ratio)
{
    return isfinite(ratio) && ratio > 0 ? 1 / ratio : NAN;
}

static void keep_in_journal(const struct experiment_keeping *keeping, const struct experiment_result *result,
                            const char *name, struct str *ret_warning)
{
    struct ratios ratios = ratios_of(result);
    struct journal_entry entry = journal_blank("experiment", result->sentence);
    struct journal *journal = NULL;
    struct str path = {0}, key = {0};
    struct err err = {0};
    /* Tried again, it takes the place of the older one. */
    str_printf(&key, "experiment\n%s\n%s\n%s", name, result->change ? result->change : "",
               experiment_means_name(result->means));
    entry.key = str_text(&key);
    entry.place = result->stage;
    entry.change = result->change;
    entry.outcome = experiment_outcome_name(result->outcome);
    entry.name = name;
    entry.recording = keeping->recording;
    entry.measured = factor_of(ratios.measured);
    entry.measured_low = factor_of(ratios.high);
    entry.measured_high = factor_of(ratios.low);
    entry.predicted = factor_of(ratios.predicted);
    entry.predicted_low = factor_of(ratios.predicted_high);
    entry.predicted_high = factor_of(ratios.predicted_low);
    journal_place(keeping->options.store, &path);
    int status = journal_open(&journal, keeping->options.store ? str_text(&path) : NULL, &err);
    if (!status)
        status = journal_add(journal, &entry, 1, NULL, &err);
    if (status)
        str_printf(ret_warning, "toll: the experiment is not in the journal: %s\n", err.what);
    journal_close(journal);
    str_free(&path);
    str_free(&key);
}

void experiment_keep(const struct experiment_keeping *keeping, const struct experiment_result *result,
                     struct str *ret_warning)
{
    struct str name = {0};
    if (!keeping->options.is_on || !result->has_gain)
        return;
    redact_line(keeping->name ? keeping->name : "", &name);
    keep_in_history(keeping, result, str_text(&name), ret_warning);
    keep_in_journal(keeping, result, str_text(&name), ret_warning);
    str_free(&name);
}
