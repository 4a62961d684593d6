/* SPDX-License-Identifier: Apache-2.0 */
/* sweep_export: a sweep's result for a person and for programs. */
#ifndef TOLL_SWEEP_SWEEP_EXPORT_H
#define TOLL_SWEEP_SWEEP_EXPORT_H

#include "base/str.h"
#include "bench/figures.h"
#include "sweep/sweep.h"

struct sweep_look {
    unsigned width; /* columns */
    bool colour;
    bool ascii;
};

/* The answer, the curve (one knob) or the map (two), the table, the law, what to trust. */
void sweep_text(const struct sweep_result *result, const struct sweep_look *look, struct str *text);

/* Everything, schema toll.tune/1; docs/tune.md has the fields. */
void sweep_json(const struct sweep_result *result, struct str *text);

/* One page that fetches nothing. */
void sweep_html(const struct sweep_result *result, struct str *text);

/* The curve of one knob, with intervals, the law and the plateau, in characters. */
void sweep_plot(const struct sweep_result *result, const struct sweep_look *look, struct str *text);

/* Every value of the first knob in a row, of the second in a column. */
#define SWEEP_AXIS_MAX BENCH_ARMS_MAX
struct sweep_map {
    struct knob_value rows[SWEEP_AXIS_MAX], columns[SWEEP_AXIS_MAX];
    size_t row_count, column_count;
};
void sweep_map_fill(const struct sweep_result *result, struct sweep_map *ret_map);
/* SWEEP_NONE: not measured. */
size_t sweep_map_at(const struct sweep_result *result, const struct sweep_map *map, size_t row,
                    size_t column);

/* A scale from 0 to 1, by the logarithm where the values span much. */
struct sweep_axis {
    double low, high;
    bool is_log;
};
double sweep_axis_at(const struct sweep_axis *axis, double value);
double sweep_axis_value(const struct sweep_axis *axis, double at);

/* Of one knob's values (names stand at 0, 1, 2 …) and of what is shown of them, intervals included. */
struct sweep_axis sweep_axis_x(const struct sweep_result *result);
struct sweep_axis sweep_axis_y(const struct sweep_result *result);
double sweep_x(const struct sweep_result *result, size_t value);

/* What the law says is shown at a value of the knob; NAN without a law. */
double sweep_law_shown(const struct sweep_result *result, double number);

/* "102.3 ms", "1.2 MB", "12,340 rows/s", "98.76" */
const char *sweep_figure(enum sweep_objective objective, double cost, char text[FIGURE_MAX]);
/* "workers=12", "workers=12 batch=100" */
void sweep_name(const struct sweep_result *result, size_t value, struct str *text);
/* Whether it failed. */
const char *sweep_failure(const struct sweep_result *result, size_t value);
/* What is tied, as a person says it: "8 to 16 (5 values)", or the values by name. */
void sweep_plateau(const struct sweep_result *result, struct str *text);
/* The law in one or two sentences; "" without one. */
void sweep_law_text(const struct sweep_result *result, struct str *text);
/* What moving from today's value to the best brings, in one sentence; "" when today was not told. */
void sweep_today_text(const struct sweep_result *result, struct str *text);
/* What to know before it is believed, a line each, without a bullet. */
void sweep_notes(const struct sweep_result *result, const char *before, struct str *text);

#endif
