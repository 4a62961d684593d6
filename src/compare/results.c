/* SPDX-License-Identifier: Apache-2.0 */
/* results: series of A against series of B; compare.h says how. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/judged_difference.h"
#include "compare/measured.h"
#include "stats/mann_whitney.h"
#include "stats/quantile.h"
#include "stats/sequence.h"
#include "stats/signed_rank.h"

/* So many files a side, and each counts as one value: runs of one session are more alike than runs of two. */
#define SESSIONS_MIN 4u

struct side {
    const struct measured *files;
    size_t count;
};

struct values {
    VEC(double) items;
    VEC(uint64_t) rounds;
    bool is_sequence; /* in the order in which they were taken, of one session */
    bool is_summary;
};

static void values_free(struct values *values)
{
    vec_free(&values->items);
    vec_free(&values->rounds);
}

static size_t files_with(const struct side *side, const char *name, const char *metric)
{
    size_t count = 0;
    for (size_t i = 0; i < side->count; i++)
        count += measured_find(&side->files[i], name, metric) != NULL;
    return count;
}

static int push_median(struct values *values, const struct series *series, struct err *err)
{
    double *sorted;
    int status = sorted_copy(series->values.items, series->values.count, &sorted, err);
    if (status)
        return status;
    double median = median_sorted(sorted, series->values.count);
    free(sorted);
    return vec_push(&values->items, median) ? err_memory(err) : 0;
}

static int push_all(struct values *values, const struct series *series, struct err *err)
{
    for (size_t i = 0; i < series->values.count; i++)
        if (vec_push(&values->items, series->values.items[i]))
            return err_memory(err);
    for (size_t i = 0; i < series->rounds.count; i++)
        if (vec_push(&values->rounds, series->rounds.items[i]))
            return err_memory(err);
    return 0;
}

/* All values of a series in all files of a side, or the median of each file. */
static int gather(const struct side *side, const char *name, const char *metric, bool by_session,
                  struct values *ret_values, struct err *err)
{
    struct values values = {.is_sequence = !by_session && files_with(side, name, metric) == 1};
    int status = 0;
    for (size_t i = 0; !status && i < side->count; i++) {
        const struct series *series = measured_find(&side->files[i], name, metric);
        if (!series)
            continue;
        values.is_summary = values.is_summary || series->is_summary;
        status = by_session ? push_median(&values, series, err) : push_all(&values, series, err);
    }
    if (status)
        values_free(&values);
    else
        *ret_values = values;
    return status;
}

/* --- one series --- */

static bool has_zero(const struct values *values)
{
    for (size_t i = 0; i < values->items.count; i++)
        if (!(values->items.items[i] > 0))
            return true;
    return false;
}

static bool is_steady(const struct values *values)
{
    for (size_t i = 1; i < values->items.count; i++)
        if (fabs(values->items.items[i] - values->items.items[0]) > 0)
            return false;
    return values->items.count > 1;
}

/* Counts and bytes that repeat to the digit need no statistics; times that do were rounded. */
static bool is_exact(const struct difference *difference, const struct values *a, const struct values *b)
{
    bool counts = strcmp(difference->unit, "bytes") == 0 || strcmp(difference->unit, "count") == 0;
    return counts && !a->is_summary && !b->is_summary && is_steady(a) && is_steady(b);
}

static int median_of(const struct values *values, double *ret_median, struct err *err)
{
    double *sorted;
    int status = sorted_copy(values->items.items, values->items.count, &sorted, err);
    if (status)
        return status;
    *ret_median = median_sorted(sorted, values->items.count);
    free(sorted);
    return 0;
}

static void exact(struct difference *difference)
{
    double a = difference->a, b = difference->b;
    double value = a > 0 && b > 0 ? log(b / a) : b > a ? INFINITY : a > b ? -INFINITY : 0;
    difference->is_exact = true;
    difference->log_ratio = (struct estimate){value, value, value, 1, fabs(value) > 0 ? 0 : 1, true};
}

/* ln(b / a) of each round that both have. */
static int pair_logs(const struct values *a, const struct values *b, double **ret_logs, size_t *ret_count,
                     struct err *err)
{
    size_t count = a->items.count < b->items.count ? a->items.count : b->items.count, pairs = 0;
    double *logs = calloc(count + 1, sizeof *logs);
    if (!logs)
        return err_memory(err);
    for (size_t i = 0, j = 0; i < a->items.count && j < b->items.count;) {
        uint64_t round_a = a->rounds.items[i], round_b = b->rounds.items[j];
        if (round_a == round_b && pairs < count)
            logs[pairs++] = log(b->items.items[j] / a->items.items[i]);
        i += round_a <= round_b;
        j += round_b <= round_a;
    }
    *ret_logs = logs;
    *ret_count = pairs;
    return 0;
}

static int paired(struct difference *difference, const struct values *a, const struct values *b,
                  double confidence, struct err *err)
{
    double *logs = NULL;
    size_t count = 0;
    int status = pair_logs(a, b, &logs, &count, err);
    if (status)
        return status;
    if (count)
        status = signed_rank(logs, count, confidence, &difference->log_ratio, err);
    else
        difference->log_ratio = (struct estimate){.low = -INFINITY, .high = INFINITY, .p_value = 1};
    if (!status && count)
        effect_widen(&difference->log_ratio, autocorrelation_widening(logs, count));
    difference->is_paired = true;
    free(logs);
    return status;
}

static double *logs_of(const struct values *values)
{
    double *logs = calloc(values->items.count + 1, sizeof *logs);
    for (size_t i = 0; logs && i < values->items.count; i++)
        logs[i] = log(values->items.items[i]);
    return logs;
}

static int unpaired(struct difference *difference, const struct values *a, const struct values *b,
                    double confidence, struct err *err)
{
    double *logs_a = logs_of(a), *logs_b = logs_of(b);
    struct sample sample_a = {logs_a, a->items.count}, sample_b = {logs_b, b->items.count};
    int status = logs_a && logs_b ? 0 : err_memory(err);
    if (!status)
        status = mann_whitney(&sample_a, &sample_b, confidence, &difference->log_ratio, err);
    if (!status) {
        double widening = 1;
        if (a->is_sequence)
            widening = autocorrelation_widening(logs_a, a->items.count);
        if (b->is_sequence)
            widening = fmax(widening, autocorrelation_widening(logs_b, b->items.count));
        effect_widen(&difference->log_ratio, widening);
    }
    free(logs_a);
    free(logs_b);
    return status;
}

static int series_compare(struct difference *difference, const struct values *a, const struct values *b,
                          const struct compare_options *options, struct err *err)
{
    bool is_paired = a->rounds.count && a->rounds.count == a->items.count &&
                     b->rounds.count == b->items.count && difference->is_paired;
    difference->is_paired = false;
    difference->count_a = a->items.count;
    difference->count_b = b->items.count;
    int status = median_of(a, &difference->a, err);
    if (!status)
        status = median_of(b, &difference->b, err);
    if (status)
        return status;
    difference->log_ratio = (struct estimate){
        .value = log(difference->b / difference->a), .low = -INFINITY, .high = INFINITY, .p_value = NAN};
    if (a->items.count < 2 || b->items.count < 2) {
        difference->denial = COMPARE_DENIED_BY_RUNS;
    } else if (is_exact(difference, a, b)) {
        exact(difference);
    } else if (has_zero(a) || has_zero(b)) {
        difference->denial = COMPARE_DENIED_BY_ZERO;
    } else {
        status = is_paired ? paired(difference, a, b, options->confidence_ratio, err)
                           : unpaired(difference, a, b, options->confidence_ratio, err);
        difference_judge(difference, options);
        return status;
    }
    difference_judge(difference, options);
    return 0;
}

/* --- all of them --- */

struct match {
    const struct side *a, *b;
    const char *name_a, *name_b;
    bool may_pair; /* of one file */
    bool is_first; /* no metric of these was compared yet */
};

static int series_match(struct comparison *comparison, const struct match *match, const struct series *series,
                        struct err *err)
{
    const char *metric = series->metric;
    size_t with_a = files_with(match->a, match->name_a, metric),
           with_b = files_with(match->b, match->name_b, metric);
    bool by_session = with_a >= SESSIONS_MIN && with_b >= SESSIONS_MIN;
    struct values a = {0}, b = {0};
    struct difference difference = {.kind = COMPARE_RESULT,
                                    .place = arena_string(&comparison->arena, match->name_b),
                                    .detail = "",
                                    .peer = "",
                                    .metric = arena_string(&comparison->arena, metric),
                                    .unit = arena_string(&comparison->arena, series->unit),
                                    .higher_is_better = series->higher_is_better,
                                    .is_primary = match->is_first,
                                    .is_paired = match->may_pair};
    if (!with_b)
        return 0;
    if (!difference.place || !difference.metric || !difference.unit)
        return err_memory(err);
    int status = gather(match->a, match->name_a, metric, by_session, &a, err);
    if (!status)
        status = gather(match->b, match->name_b, metric, by_session, &b, err);
    if (!status && a.items.count && b.items.count) {
        status = series_compare(&difference, &a, &b, &comparison->options, err);
        if (!status && vec_push(&comparison->differences, difference))
            status = err_memory(err);
    }
    values_free(&a);
    values_free(&b);
    return status;
}

/* Every metric that A has of a name, in the order of its files. */
static int name_match(struct comparison *comparison, const struct match *wanted, struct err *err)
{
    struct match match_now = *wanted, *match = &match_now;
    size_t before_count = comparison->differences.count;
    int status = 0;
    for (size_t file = 0; file < match->a->count; file++)
        for (size_t i = 0; !status && i < match->a->files[file].series.count; i++) {
            const struct series *series = &match->a->files[file].series.items[i];
            bool is_seen = false;
            for (size_t before = 0; before < file; before++)
                is_seen = is_seen || measured_find(&match->a->files[before], series->name, series->metric);
            match->is_first = comparison->differences.count == before_count;
            if (!is_seen && strcmp(series->name, match->name_a) == 0)
                status = series_match(comparison, match, series, err);
        }
    return status;
}

struct names {
    VEC(const char *) items;
};

static int names_of(const struct side *side, struct names *ret_names, struct err *err)
{
    struct names names = {0};
    for (size_t file = 0; file < side->count; file++)
        for (size_t i = 0; i < side->files[file].series.count; i++) {
            const char *name = side->files[file].series.items[i].name;
            bool is_known = false;
            for (size_t j = 0; j < names.items.count && !is_known; j++)
                is_known = strcmp(names.items.items[j], name) == 0;
            if (!is_known && vec_push(&names.items, name)) {
                vec_free(&names.items);
                return err_memory(err);
            }
        }
    *ret_names = names;
    return 0;
}

static bool names_have(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->items.count; i++)
        if (strcmp(names->items.items[i], name) == 0)
            return true;
    return false;
}

static int keep(struct arena *arena, const char *name, const char **ret_copy, struct err *err)
{
    *ret_copy = arena_string(arena, name);
    return *ret_copy ? 0 : err_memory(err);
}

/* "" where there is none. */
static const char *names_first(const struct names *names)
{
    return names->items.count ? names->items.items[0] : "";
}

static int match_sides(struct comparison *comparison, const struct side *a, const struct side *b,
                       const struct names *names_a, const struct names *names_b, struct err *err)
{
    /* One benchmark on either side is meant, whatever it is called. */
    bool is_single = names_a->items.count == 1 && names_b->items.count == 1;
    int status = 0;
    for (size_t i = 0; !status && i < names_a->items.count; i++) {
        const char *name = names_a->items.items[i], *copy;
        if (is_single || names_have(names_b, name)) {
            struct match match = {
                .a = a, .b = b, .name_a = name, .name_b = is_single ? names_b->items.items[0] : name};
            status = name_match(comparison, &match, err);
        } else {
            status = keep(&comparison->arena, name, &copy, err);
            if (!status && vec_push(&comparison->only_a, copy))
                status = err_memory(err);
        }
    }
    for (size_t i = 0; !status && !is_single && i < names_b->items.count; i++) {
        const char *copy;
        if (names_have(names_a, names_b->items.items[i]))
            continue;
        status = keep(&comparison->arena, names_b->items.items[i], &copy, err);
        if (!status && vec_push(&comparison->only_b, copy))
            status = err_memory(err);
    }
    if (!status && is_single)
        status = keep(&comparison->arena, names_a->items.items[0], &comparison->sides[0].title, err);
    if (!status && is_single)
        status = keep(&comparison->arena, names_b->items.items[0], &comparison->sides[1].title, err);
    if (status || comparison->differences.count)
        return status;
    err_set(err, ERR_INPUT, "could not compare A with B: they have no benchmark in common");
    err_hint(err, "A has '%.100s', B has '%.100s'", names_first(names_a), names_first(names_b));
    return -ERR_INPUT;
}

/* One file: its first command against the others. */
static int match_within(struct comparison *comparison, const struct side *a, const struct names *names,
                        struct err *err)
{
    int status = keep(&comparison->arena, names_first(names), &comparison->sides[0].title, err);
    bool is_one_session =
        strcmp(comparison->format, "bench") == 0 || strcmp(comparison->format, "hyperfine") == 0;
    if (!is_one_session || names->items.count < 2) {
        err_set(err, ERR_USAGE,
                "could not compare '%s' with nothing: it does not hold several commands of one measurement",
                comparison->sides[0].files[0]);
        err_hint(err, "toll compare A B takes two files");
        return -ERR_USAGE;
    }
    for (size_t i = 1; !status && i < names->items.count; i++) {
        struct match match = {.a = a,
                              .b = a,
                              .name_a = names->items.items[0],
                              .name_b = names->items.items[i],
                              .may_pair = true};
        status = name_match(comparison, &match, err);
    }
    if (!status && names->items.count == 2)
        status = keep(&comparison->arena, names->items.items[1], &comparison->sides[1].title, err);
    return status;
}

/* --- files --- */

static int notes_add(struct comparison *comparison, const struct measured *measured, struct err *err)
{
    for (size_t i = 0; i < measured->notes.count; i++) {
        const char *copy;
        bool is_known = false;
        for (size_t j = 0; j < comparison->notes.count && !is_known; j++)
            is_known = strcmp(comparison->notes.items[j], measured->notes.items[i]) == 0;
        int status = is_known ? 0 : keep(&comparison->arena, measured->notes.items[i], &copy, err);
        if (!status && !is_known && vec_push(&comparison->notes, copy))
            status = err_memory(err);
        if (status)
            return status;
    }
    return 0;
}

static int side_read(struct comparison *comparison, const struct compare_text *texts, size_t count,
                     const char *format, int side, struct measured *files, struct err *err)
{
    const char **names = arena_alloc(&comparison->arena, (count + 1) * sizeof *names);
    int status = names ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < count; i++) {
        const struct result_format *found = NULL;
        status = measured_read(&texts[i], format, &found, &files[i], err);
        if (!status && comparison->format && strcmp(comparison->format, found->name) != 0) {
            status = err_set(err, ERR_INPUT,
                             "could not compare '%s' with the others: it is in format %s, they are in %s",
                             texts[i].name, found->name, comparison->format);
        }
        if (!status)
            comparison->format = found->name;
        if (!status)
            status = keep(&comparison->arena, texts[i].name, &names[i], err);
        if (!status)
            status = notes_add(comparison, &files[i], err);
    }
    if (!status) {
        comparison->sides[side].files = names;
        comparison->sides[side].file_count = count;
    }
    return status;
}

int compare_results(const struct compare_results_request *request, struct comparison *ret_comparison,
                    struct err *err)
{
    struct comparison comparison = {.options = options_filled(&request->options)};
    size_t count = request->count_a + request->count_b;
    struct measured *files = calloc(count + 1, sizeof *files);
    struct side a = {files, request->count_a},
                b = {files ? files + request->count_a : NULL, request->count_b};
    struct names names_a = {0}, names_b = {0};
    comparison.sides[0].title = comparison.sides[1].title = "";
    int status = files ? 0 : err_memory(err);
    if (!status)
        status = side_read(&comparison, request->a, request->count_a, request->format, 0, files, err);
    if (!status)
        status = side_read(&comparison, request->b, request->count_b, request->format, 1,
                           files + request->count_a, err);
    if (!status)
        status = names_of(&a, &names_a, err);
    if (!status && request->count_b)
        status = names_of(&b, &names_b, err);
    if (!status)
        status = request->count_b ? match_sides(&comparison, &a, &b, &names_a, &names_b, err)
                                  : match_within(&comparison, &a, &names_a, err);
    if (!status)
        status = differences_holm(&comparison, err);
    for (size_t i = 0; files && i < count; i++)
        measured_free(&files[i]);
    free(files);
    vec_free(&names_a.items);
    vec_free(&names_b.items);
    if (status)
        comparison_free(&comparison);
    else
        *ret_comparison = comparison;
    return status;
}
