/* SPDX-License-Identifier: Apache-2.0 */
#include "export/counter_scan.h"

#include <math.h>

#include "base/num.h"

struct counter {
    const char *name, *unit;
    uint32_t track;
};

struct scanning {
    const struct cast *cast;
    counter_scan_fn *each;
    void *context;
    VEC(struct counter) series; /* by id - 1 */
};

static int take_series(void *context, const struct batch *batch, struct err *err)
{
    struct scanning *scanning = context;
    const struct view *view = scanning->cast->view;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_series row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!row.id || row.id > view->row_count(view, TABLE_SERIES))
            continue; /* ids are dense */
        while (scanning->series.count < row.id)
            if (vec_push(&scanning->series, (struct counter){.track = CAST_NONE}))
                return err_memory(err);
        scanning->series.items[row.id - 1] = (struct counter){.name = view_text(view, row.name),
                                                              .unit = view_text(view, row.unit),
                                                              .track = cast_track(scanning->cast, row.track)};
    }
    return 0;
}

static int take_points(void *context, const struct batch *batch, struct err *err)
{
    struct scanning *scanning = context;
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        uint64_t id = batch->columns[COLUMN(point, series)][i];
        double value = num_double(batch->columns[COLUMN(point, value)][i]);
        if (!id || id > scanning->series.count || !scanning->series.items[id - 1].name || !isfinite(value))
            continue;
        const struct counter *counter = &scanning->series.items[id - 1];
        const struct foreign_point point = {.series = (size_t)id - 1,
                                            .name = counter->name,
                                            .unit = counter->unit,
                                            .track = counter->track,
                                            .time_ns = batch->columns[COLUMN(point, time_ns)][i],
                                            .value = value};
        status = scanning->each(scanning->context, &point, err);
    }
    return status;
}

int counter_scan(const struct cast *cast, counter_scan_fn *each, void *context, struct err *err)
{
    struct scanning scanning = {.cast = cast, .each = each, .context = context};
    int status = view_scan_all(cast->view, TABLE_SERIES, take_series, &scanning, err);
    if (!status)
        status = view_scan_all(cast->view, TABLE_POINT, take_points, &scanning, err);
    vec_free(&scanning.series);
    return status;
}
