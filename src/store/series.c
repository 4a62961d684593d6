/* SPDX-License-Identifier: Apache-2.0 */
#include "store/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/effect.h"
#include "stats/mann_whitney.h"
#include "stats/sequence.h"

#define INTERVAL_VALUES_MAX 100u /* on each side of a change, nearest to it */

const char *series_alert_name(enum series_alert_kind kind)
{
    switch (kind) {
    case SERIES_ALERT_RESULT: return "result";
    case SERIES_ALERT_LEVEL: return "level";
    case SERIES_ALERT_CREEP: return "creep";
    case SERIES_ALERT_TREND: return "trend";
    case SERIES_NO_ALERT: break;
    }
    return NULL;
}

double series_worse(const struct series *series, double before, double now)
{
    if (!(before > 0) || !(now > 0))
        return NAN;
    return series->more_is_better ? before / now - 1 : now / before - 1;
}

static const char *kept(struct series *series, const char *text, bool *failed)
{
    if (!text)
        return NULL;
    /* Neighbours mostly share theirs. */
    if (series->results.count) {
        const struct history_result *last = &series->results.items[series->results.count - 1];
        const char *const theirs[] = {last->name, last->metric,  last->kind,    last->unit,
                                      last->tags, last->machine, last->verdict, last->revision};
        for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
            if (theirs[i] && strcmp(theirs[i], text) == 0)
                return theirs[i];
    }
    const char *copy = arena_string(&series->arena, text);
    *failed = *failed || !copy;
    return copy;
}

static int keep(const struct history_result *result, void *data)
{
    struct series *series = data;
    struct history_result copy = *result;
    bool failed = false;
    /* The filter looks for a part of it. */
    if (series->machine && (!result->machine || strcmp(result->machine, series->machine) != 0))
        return 0;
    copy.name = kept(series, result->name, &failed);
    copy.metric = kept(series, result->metric, &failed);
    copy.kind = kept(series, result->kind, &failed);
    copy.unit = kept(series, result->unit, &failed);
    copy.tags = kept(series, result->tags, &failed);
    copy.machine = kept(series, result->machine, &failed);
    copy.verdict = kept(series, result->verdict, &failed);
    copy.revision = kept(series, result->revision, &failed);
    return failed || vec_push(&series->results, copy) ? -ERR_ENVIRONMENT : 0;
}

struct machine_of {
    struct series *series;
    bool failed;
};

static int keep_machine(const struct history_result *result, void *data)
{
    struct machine_of *machine = data;
    machine->series->machine = kept(machine->series, result->machine, &machine->failed);
    return machine->failed ? -ERR_ENVIRONMENT : 0;
}

static int add_count(const struct history_series *series, void *data)
{
    uint64_t *count = data;
    *count += series->count;
    return 0;
}

/* The newest result says which machine; what others measured is counted. */
static int choose_machine(struct history *history, struct history_filter *filter, struct series *series,
                          struct err *err)
{
    struct history_filter newest = *filter;
    struct machine_of machine = {.series = series};
    uint64_t all = 0, here = 0;
    newest.newest = 1;
    int status = history_each(history, &newest, keep_machine, &machine, err);
    if (status)
        return machine.failed ? err_memory(err) : status;
    if (!series->machine)
        return 0;
    status = history_series_each(history, filter, add_count, &all, err);
    filter->machine = series->machine;
    if (!status)
        status = history_series_each(history, filter, add_count, &here, err);
    series->left_out = all - here;
    return status;
}

static int load_results(struct history *history, const struct series_request *request, struct series *series,
                        struct err *err)
{
    struct history_filter filter = request->filter;
    int status = 0;
    if (!filter.machine && !request->all_machines)
        status = choose_machine(history, &filter, series, err);
    if (status)
        return status;
    status = history_each(history, &filter, keep, series, err);
    if (status)
        return status;
    if (!series->results.count)
        return err_set(err, ERR_INPUT, "could not find results of '%.200s' in the history",
                       filter.name ? filter.name : "");
    const struct history_result *last = &series->results.items[series->results.count - 1];
    series->name = last->name;
    series->metric = last->metric;
    series->kind = last->kind;
    series->unit = last->unit;
    series->machine = request->all_machines ? NULL : last->machine;
    series->more_is_better = history_more_is_better(last->better, last->metric);
    return 0;
}

/* The interval of the ratio across a change, from the results nearest to it, widened where they depend on one another. */
static int change_interval(const double *logs, size_t start, size_t end, struct series_change *change,
                           struct err *err)
{
    size_t at = change->point.index;
    size_t before = at - start < INTERVAL_VALUES_MAX ? at - start : INTERVAL_VALUES_MAX;
    size_t after = end - at < INTERVAL_VALUES_MAX ? end - at : INTERVAL_VALUES_MAX;
    const struct sample a = {logs + at - before, before}, b = {logs + at, after};
    struct estimate estimate;
    int status = mann_whitney(&a, &b, OUTLOOK_CONFIDENCE, &estimate, err);
    if (status)
        return status;
    effect_widen(&estimate, fmax(autocorrelation_widening(a.values, a.count),
                                 autocorrelation_widening(b.values, b.count)));
    change->ratio_low = exp(estimate.low);
    change->ratio_high = exp(estimate.high);
    return 0;
}

/* Schwarz's criterion with residuals of Laplace's distribution. */
static double criterion(double residual_sum, size_t count, size_t parameters)
{
    double n = (double)count;
    return 2 * n * log(fmax(residual_sum / n, 1e-300)) + (double)parameters * log(n);
}

static bool one_direction(const struct change_points *found)
{
    size_t rises = 0;
    for (size_t i = 0; i < found->points.count; i++)
        rises += found->points.items[i].after > found->points.items[i].before;
    return rises == 0 || rises == found->points.count;
}

/* Whether a straight line describes the values better than the steps that were found. */
static int is_line(const double *values, size_t count, const struct change_points *found, bool *ret_line,
                   struct err *err)
{
    struct outlook line;
    double by_steps = 0, by_line = 0;
    size_t changes = found->points.count;
    *ret_line = false;
    if (changes < 2 || !one_direction(found))
        return 0;
    int status = outlook_of(values, count, 1, &line, err);
    if (status || !line.has_trend)
        return status;
    for (size_t i = 0, at = 0; i < count; i++) {
        at += at < changes && found->points.items[at].index == i;
        double level = at ? found->points.items[at - 1].after : found->points.items[0].before;
        by_steps += fabs(values[i] - level);
        by_line += fabs(values[i] - line.start - line.slope * (double)i);
    }
    *ret_line = criterion(by_line, count, 2) < criterion(by_steps, count, 2 * changes + 1);
    return 0;
}

static int changes_fill(struct series *series, const double *values, const double *logs, struct err *err)
{
    struct change_points found = {0};
    size_t count = series->results.count, start = 0;
    bool line = false;
    int status = change_points_find(values, count, &found, err);
    if (!status)
        status = is_line(values, count, &found, &line, err);
    for (size_t i = 0; !status && !line && i < found.points.count; i++) {
        const struct change_point *point = &found.points.items[i];
        const struct history_result *first = &series->results.items[point->index];
        size_t end = i + 1 < found.points.count ? found.points.items[i + 1].index : count;
        struct series_change change = {.point = *point,
                                       .at_ns = first->at_ns,
                                       .revision = first->revision,
                                       .worse_ratio = series_worse(series, point->before, point->after),
                                       .ratio = logs ? point->after / point->before : NAN,
                                       .ratio_low = NAN,
                                       .ratio_high = NAN};
        if (logs)
            status = change_interval(logs, start, end, &change, err);
        if (!status && vec_push(&series->changes, change))
            status = err_memory(err);
        start = point->index;
    }
    series->level_start = start;
    change_points_free(&found);
    return status;
}

static bool is_over(const struct series *series, double before, double now, double limit_ratio)
{
    return series_worse(series, before, now) > limit_ratio;
}

static void alert_set(struct series *series, enum series_alert_kind kind, double before, double now,
                      size_t since)
{
    series->alert.kind = kind;
    series->alert.before = before;
    series->alert.now = now;
    series->alert.since = since;
    series->alert.worse_ratio = series_worse(series, before, now);
}

/* The newest result against what the ones of its level before it foresaw. */
static int alert_of_result(struct series *series, const double *values, struct err *err)
{
    size_t count = series->results.count, before = count - 1 - series->level_start;
    struct outlook outlook;
    if (before < OUTLOOK_MIN)
        return 0;
    int status = outlook_of(values + series->level_start, before, 1, &outlook, err);
    if (status)
        return status;
    double now = values[count - 1];
    bool is_outside = series->more_is_better ? now < outlook.next.low : now > outlook.next.high;
    if (is_outside && is_over(series, outlook.next.value, now, series->alert.limit_ratio))
        alert_set(series, SERIES_ALERT_RESULT, outlook.next.value, now, count - 1);
    return 0;
}

static int alert_fill(struct series *series, const double *values, struct err *err)
{
    const struct outlook *outlook = &series->outlook;
    const struct series_change *first = series->changes.count ? series->changes.items : NULL;
    const struct series_change *last = first ? &series->changes.items[series->changes.count - 1] : NULL;
    double limit = series->alert.limit_ratio;
    if (last && is_over(series, last->point.before, last->point.after, limit)) {
        alert_set(series, SERIES_ALERT_LEVEL, last->point.before, last->point.after, last->point.index);
        return 0;
    }
    if (first && is_over(series, first->point.before, last->point.after, limit)) {
        alert_set(series, SERIES_ALERT_CREEP, first->point.before, last->point.after, first->point.index);
        return 0;
    }
    double end = outlook->start + outlook->slope * (double)(outlook->count - 1);
    if (outlook->has_trend && is_over(series, outlook->start, end, limit)) {
        alert_set(series, SERIES_ALERT_TREND, outlook->start, end, series->level_start);
        return 0;
    }
    return alert_of_result(series, values, err);
}

static int judge(struct series *series, struct err *err)
{
    size_t count = series->results.count;
    double *values = calloc(2 * count, sizeof *values);
    if (!values)
        return err_memory(err);
    double *logs = values + count;
    bool has_logs = true;
    for (size_t i = 0; i < count; i++) {
        values[i] = series->results.items[i].value;
        has_logs = has_logs && values[i] > 0;
        logs[i] = has_logs ? log(values[i]) : 0;
    }
    int status = changes_fill(series, values, has_logs ? logs : NULL, err);
    if (!status)
        status = outlook_of(values + series->level_start, count - series->level_start, SERIES_AHEAD,
                            &series->outlook, err);
    if (!status)
        status = alert_fill(series, values, err);
    free(values);
    return status;
}

int series_load(struct history *history, const struct series_request *request, struct series *ret_series,
                struct err *err)
{
    struct series series = {.alert.limit_ratio = request->alert_ratio};
    int status = load_results(history, request, &series, err);
    if (!status)
        status = judge(&series, err);
    if (status)
        series_free(&series);
    else
        *ret_series = series;
    return status;
}

void series_free(struct series *series)
{
    vec_free(&series->results);
    vec_free(&series->changes);
    arena_free(&series->arena);
}
