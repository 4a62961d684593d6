/* SPDX-License-Identifier: Apache-2.0 */
#include "store/overview.h"

#include <math.h>
#include <string.h>

#include "stats/quantile.h"

static int keep_row(const struct history_series *series, void *data)
{
    struct overview *overview = data;
    overview->series_count++;
    overview->result_count += series->count;
    if (overview->rows.count >= OVERVIEW_ROWS_MAX)
        return 0;
    struct overview_row row = {.name = arena_string(&overview->arena, series->name),
                               .metric = arena_string(&overview->arena, series->metric),
                               .kind = arena_string(&overview->arena, series->kind),
                               .unit = series->unit ? arena_string(&overview->arena, series->unit) : NULL,
                               .more_is_better = history_more_is_better(series->better, series->metric),
                               .count = series->count,
                               .first_at_ns = series->first_at_ns,
                               .last_at_ns = series->last_at_ns};
    if (!row.name || !row.metric || !row.kind || (series->unit && !row.unit))
        return -ERR_ENVIRONMENT;
    return vec_push(&overview->rows, row) ? -ERR_ENVIRONMENT : 0;
}

struct newest {
    struct overview_row *row;
    struct arena *arena;
    const char *machines[OVERVIEW_VALUES];
    bool failed;
};

static int keep_value(const struct history_result *result, void *data)
{
    struct newest *newest = data;
    size_t at = newest->row->value_count;
    if (at >= OVERVIEW_VALUES)
        return 0;
    const char *before = at ? newest->machines[at - 1] : NULL, *machine = result->machine;
    newest->machines[at] = before && machine && strcmp(before, machine) == 0 ? before
                           : machine ? arena_string(newest->arena, machine)
                                     : NULL;
    newest->failed = newest->failed || (machine && !newest->machines[at]);
    newest->row->values[newest->row->value_count++] = result->value;
    return newest->failed ? -ERR_ENVIRONMENT : 0;
}

static bool same_machine(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int values_fill(struct history *history, const struct history_filter *filter,
                       struct overview *overview, struct overview_row *row, struct err *err)
{
    struct newest newest = {.row = row, .arena = &overview->arena};
    struct history_filter of_row = *filter;
    of_row.name = row->name;
    of_row.metric = row->metric;
    of_row.kind = row->kind;
    of_row.newest = OVERVIEW_VALUES;
    int status = history_each(history, &of_row, keep_value, &newest, err);
    if (status)
        return newest.failed ? err_memory(err) : status;
    size_t kept = 0, count = row->value_count;
    for (size_t i = 0; i < count; i++)
        if (same_machine(newest.machines[i], newest.machines[count - 1]))
            row->values[kept++] = row->values[i];
    row->value_count = kept;
    return 0;
}

int overview_load(struct history *history, const struct history_filter *filter, struct overview *ret_overview,
                  struct err *err)
{
    struct overview overview = {0};
    struct err failure = {0};
    int status = history_series_each(history, filter, keep_row, &overview, &failure);
    if (status && failure.code == ERR_NONE)
        err_memory(&failure);
    for (size_t i = 0; !status && i < overview.rows.count; i++)
        status = values_fill(history, filter, &overview, &overview.rows.items[i], &failure);
    if (status) {
        overview_free(&overview);
        if (err)
            *err = failure;
        return status;
    }
    *ret_overview = overview;
    return 0;
}

void overview_free(struct overview *overview)
{
    vec_free(&overview->rows);
    arena_free(&overview->arena);
}

double overview_change(const struct overview_row *row)
{
    double before[OVERVIEW_VALUES];
    if (row->value_count < 2)
        return NAN;
    size_t count = row->value_count - 1;
    memcpy(before, row->values, count * sizeof *before);
    sort_values(before, count);
    double median = median_sorted(before, count), now = row->values[count];
    return median > 0 && now > 0 ? now / median - 1 : NAN;
}
