/* SPDX-License-Identifier: Apache-2.0 */
/* sweep_html: one page that fetches nothing: the answer, the curve or the map, the table, the law. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench_export.h"
#include "report/escape.h"
#include "report/units.h"
#include "sweep/sweep_export.h"

#define WIDTH       720.0
#define HEIGHT      320.0
#define LEFT        86.0
#define BOTTOM      34.0
#define TOP         12.0
#define CURVE_STEPS 120u
#define TICKS       5u
#define CELL_WIDTH  86.0
#define CELL_HEIGHT 40.0

static const char more_style[] =
    ".curve{fill:none;stroke:var(--dot);stroke-width:1.5;stroke-dasharray:4 "
    "3}.range{stroke:var(--ink);stroke-width:1.5}"
    ".value{fill:var(--page);stroke:var(--ink);stroke-width:1.5}.tied{fill:var(--fast);stroke:var(--fast)}"
    ".best{fill:var(--fast);stroke:var(--ink);stroke-width:2}.failed{stroke:var(--slow);stroke-width:2}"
    ".plateau{fill:var(--fast);fill-opacity:.14}.today{stroke:var(--dot);stroke-dasharray:2 3}"
    ".cell{fill:var(--fast);stroke:var(--line)}.map text{fill:var(--ink)}.answer{font-size:1.1rem}\n";

struct plot {
    const struct sweep_result *result;
    struct sweep_axis x, y;
    struct str *text;
};

static double x_of(const struct plot *plot, double value)
{
    return LEFT + 10 + sweep_axis_at(&plot->x, value) * (WIDTH - LEFT - 30);
}

static double y_of(const struct plot *plot, double shown)
{
    return TOP + (1 - sweep_axis_at(&plot->y, shown)) * (HEIGHT - TOP - BOTTOM);
}

static void axes(const struct plot *plot)
{
    const struct sweep_result *result = plot->result;
    for (size_t tick = 0; tick < TICKS; tick++) {
        double shown = sweep_axis_value(&plot->y, (double)tick / (TICKS - 1)), y = y_of(plot, shown);
        char figure[FIGURE_MAX];
        str_printf(
            plot->text,
            "<line class=\"axis\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.0f\" "
            "y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            LEFT, WIDTH, y, y, LEFT - 6, y + 4,
            sweep_figure(result->objective, sweep_is_rate(result->objective) ? 1 / shown : shown, figure));
    }
    double last = -INFINITY;
    for (size_t i = 0; i < result->values.count; i++) {
        double x = x_of(plot, sweep_x(result, i)),
               room = 7.5 * (double)strlen(result->values.items[i].knobs[0].text);
        if (x - last < room && i != result->best)
            continue;
        str_printf(plot->text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\"%s>", x,
                   HEIGHT - (i == result->best ? 4 : 16), i == result->best ? " font-weight=\"bold\"" : "");
        escape_markup(plot->text, result->values.items[i].knobs[0].text);
        str_append(plot->text, "</text>\n");
        last = i == result->best ? last : x + room / 4;
    }
}

/* A band behind each run of neighbours that are tied. */
static void bands(const struct plot *plot)
{
    const struct sweep_result *result = plot->result;
    for (size_t i = 0; i < result->values.count; i++) {
        size_t last = i;
        if (!result->values.items[i].is_tied)
            continue;
        while (last + 1 < result->values.count &&
               (result->values.items[last + 1].is_tied || !result->values.items[last + 1].count))
            last++;
        double from = x_of(plot, sweep_x(result, i)) - 7, to = x_of(plot, sweep_x(result, last)) + 7;
        str_printf(plot->text,
                   "<rect class=\"plateau\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.1f\"/>\n", from,
                   TOP, to - from, HEIGHT - TOP - BOTTOM);
        i = last;
    }
    if (result->today != SWEEP_NONE) {
        double x = x_of(plot, sweep_x(result, result->today));
        str_printf(plot->text,
                   "<line class=\"today\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                   "y2=\"%.1f\"><title>today</title></line>\n",
                   x, x, TOP, HEIGHT - BOTTOM);
    }
}

static void law_curve(const struct plot *plot)
{
    bool is_open = false;
    if (plot->result->fit.law == SWEEP_LAW_NONE)
        return;
    str_append(plot->text, "<polyline class=\"curve\" points=\"");
    for (size_t step = 0; step <= CURVE_STEPS; step++) {
        double x = sweep_axis_value(&plot->x, (double)step / CURVE_STEPS),
               at = sweep_axis_at(&plot->y, sweep_law_shown(plot->result, x));
        if (!isfinite(at) || at < -0.02 || at > 1.02)
            continue;
        str_printf(plot->text, "%s%.1f,%.1f", is_open ? " " : "", x_of(plot, x),
                   TOP + (1 - at) * (HEIGHT - TOP - BOTTOM));
        is_open = true;
    }
    str_append(plot->text, "\"/>\n");
}

static void points(const struct plot *plot)
{
    const struct sweep_result *result = plot->result;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        double x = x_of(plot, sweep_x(result, i));
        char figure[FIGURE_MAX];
        if (sweep_failure(result, i)) {
            double y = HEIGHT - BOTTOM - 6;
            str_printf(plot->text, "<path class=\"failed\" d=\"M%.1f %.1fl8 8m0 -8l-8 8\"><title>", x - 4,
                       y - 4);
            escape_markup(plot->text, sweep_failure(result, i));
            str_append(plot->text, "</title></path>\n");
        }
        if (!value->count)
            continue;
        str_printf(plot->text, "<line class=\"range\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x,
                   x, y_of(plot, sweep_shown(result->objective, value->cost_low)),
                   y_of(plot, sweep_shown(result->objective, value->cost_high)));
        str_printf(plot->text, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>",
                   i == result->best ? "best"
                   : value->is_tied  ? "tied"
                                     : "value",
                   x, y_of(plot, sweep_shown(result->objective, value->cost)), i == result->best ? 6 : 4);
        escape_markup(plot->text, value->knobs[0].text);
        str_printf(plot->text, ": %s</title></circle>\n",
                   sweep_figure(result->objective, value->cost, figure));
    }
}

static void curve(const struct sweep_result *result, struct str *text)
{
    struct plot plot = {.result = result, .x = sweep_axis_x(result), .y = sweep_axis_y(result), .text = text};
    str_append(text, "<h2>By ");
    escape_markup(text, result->knobs[0].name);
    str_printf(text, "</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"the curve\">\n", WIDTH,
               HEIGHT + 4);
    axes(&plot);
    bands(&plot);
    law_curve(&plot);
    points(&plot);
    str_append(text, "</svg>\n<p>Filled: as good as the best, which is the largest; the band is the plateau, "
                     "the dashed line the law");
    str_append(text, result->today != SWEEP_NONE ? ", the dotted one today's value.</p>\n" : ".</p>\n");
}

static void map_cell(const struct sweep_result *result, size_t at, double x, double y, double worst,
                     struct str *text)
{
    const struct sweep_value *value = at == SWEEP_NONE ? NULL : &result->values.items[at];
    char figure[FIGURE_MAX] = "";
    double part =
        value && value->count ? 1 - (worst > 0 ? fmin(fmax(value->log_ratio.value, 0) / worst, 1) : 0) : 0;
    if (value && sweep_failure(result, at))
        snprintf(figure, sizeof figure, "fails");
    else if (value && value->count)
        sweep_figure(result->objective, value->cost, figure);
    str_printf(
        text,
        "<rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" fill-opacity=\"%.2f\"%s/>",
        x, y, CELL_WIDTH, CELL_HEIGHT, 0.6 * part,
        at != SWEEP_NONE && at == result->best ? " style=\"stroke:var(--ink);stroke-width:2\"" : "");
    str_printf(text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\"%s>%s</text>\n", x + CELL_WIDTH / 2,
               y + CELL_HEIGHT / 2 + 4, value && value->is_tied ? " font-weight=\"bold\"" : "", figure);
}

static void map_names(const struct knob_value *names, size_t count, bool is_across, struct str *text)
{
    for (size_t i = 0; i < count; i++) {
        double along = (double)i + 0.5;
        if (is_across)
            str_printf(text, "<text x=\"%.1f\" y=\"14\" text-anchor=\"middle\">", LEFT + along * CELL_WIDTH);
        else
            str_printf(text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 8,
                       20 + along * CELL_HEIGHT + 4);
        escape_markup(text, names[i].text);
        str_append(text, "</text>\n");
    }
}

static void map(const struct sweep_result *result, struct str *text)
{
    struct sweep_map map;
    double worst = 0;
    sweep_map_fill(result, &map);
    for (size_t i = 0; i < result->values.count; i++)
        if (result->values.items[i].count)
            worst = fmax(worst, result->values.items[i].log_ratio.value);
    str_append(text, "<h2>");
    escape_markup(text, result->knobs[0].name);
    str_append(text, " down, ");
    escape_markup(text, result->knobs[1].name);
    str_printf(
        text,
        " across</h2>\n<svg class=\"map\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"the map\">\n",
        LEFT + CELL_WIDTH * (double)map.column_count + 4, 24 + CELL_HEIGHT * (double)map.row_count);
    map_names(map.columns, map.column_count, true, text);
    map_names(map.rows, map.row_count, false, text);
    for (size_t row = 0; row < map.row_count; row++)
        for (size_t column = 0; column < map.column_count; column++)
            map_cell(result, sweep_map_at(result, &map, row, column), LEFT + CELL_WIDTH * (double)column,
                     20 + CELL_HEIGHT * (double)row, worst, text);
    str_append(text, "</svg>\n<p>The greener the better; the best has a frame, what is as good is bold; "
                     "empty: not measured.</p>\n");
}

static void sentence(const char *name, const struct str *line, struct str *text)
{
    if (!line->length)
        return;
    str_printf(text, "<p><b>%s</b> ", name);
    escape_markup(text, str_text(line));
    str_append(text, "</p>\n");
}

static void answer(const struct sweep_result *result, struct str *text)
{
    struct str line = {0};
    char figure[FIGURE_MAX];
    str_append(text, "<p class=\"answer\">");
    if (sweep_is_flat(result) && !sweep_is_told(result)) {
        str_append(text, "<b>No verdict</b>: the rounds are too few to tell one value from another.</p>\n");
    } else if (sweep_is_flat(result)) {
        str_printf(text, "<b>No value is better</b>: all %zu are as good as one another.</p>\n",
                   result->tied_count);
    } else {
        sweep_name(result, result->best, &line);
        str_append(text, "<b>Best: ");
        escape_markup(text, str_text(&line));
        str_printf(text, "</b>, %s</p>\n",
                   sweep_figure(result->objective, result->values.items[result->best].cost, figure));
        str_clear(&line);
        if (result->tied_count > 1)
            sweep_plateau(result, &line);
        sentence("As good:", &line, text);
    }
    str_clear(&line);
    sweep_today_text(result, &line);
    sentence("Today:", &line, text);
    str_clear(&line);
    for (size_t knob = 0;
         knob < result->knob_count && !sweep_is_flat(result) && result->best != result->today; knob++) {
        str_append(&line, knob ? " " : "");
        sweep_change(result, result->best, knob, &line);
    }
    sentence("Change:", &line, text);
    str_clear(&line);
    sweep_law_text(result, &line);
    sentence("Law:", &line, text);
    str_free(&line);
}

static void table(const struct sweep_result *result, struct str *text)
{
    str_append(text, "<table><tr><th>value</th><th>median</th><th>of the best's "
                     "cost</th><th>CPU</th><th>memory</th><th></th></tr>\n");
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        struct str name = {0};
        char figure[FIGURE_MAX], ratio[FIGURE_MAX];
        sweep_name(result, i, &name);
        str_append(text, "<tr><td>");
        escape_markup(text, str_text(&name));
        str_free(&name);
        if (!value->count) {
            str_append(text, "</td><td colspan=\"4\">");
            escape_markup(text, sweep_failure(result, i) ? sweep_failure(result, i) : "not measured");
        } else {
            str_printf(text, "</td><td>%s</td><td>%s</td>",
                       sweep_figure(result->objective, value->cost, figure),
                       figure_factor(exp(value->log_ratio.value), ratio));
            str_printf(text, "<td>%s</td><td>%s", unit_duration((uint64_t)value->cpu_ns).text,
                       unit_bytes((uint64_t)value->memory_bytes).text);
        }
        str_printf(text, "</td><td>%s%s</td></tr>\n",
                   i == result->best                ? "best"
                   : value->count && value->is_tied ? "as good"
                                                    : "",
                   i == result->today ? " (today)" : "");
    }
    str_append(text, "</table>\n");
}

void sweep_html(const struct sweep_result *result, struct str *text)
{
    const struct bench_result *bench = &result->bench;
    bench_page_open("tune", bench->arms.items[0].command, more_style, text);
    answer(result, text);
    if (result->knob_count == 1)
        curve(result, text);
    else
        map(result, text);
    table(result, text);
    str_printf(text,
               "<h2>Trust</h2>\n<p>%zu values in %zu + %zu + %zu rounds and %s, seed %llu; others kept %.1f "
               "of %u CPUs busy, steal %.2g %%.</p>\n",
               result->values.count, result->rounds[SWEEP_COARSE], result->rounds[SWEEP_FINE],
               result->rounds[SWEEP_CONFIRM], unit_duration(bench->duration_ns).text,
               (unsigned long long)bench->seed, bench->outside_cores, bench->cpu_count,
               100 * bench->steal_ratio);
    sweep_notes(result, "<p>", text);
    str_append(text, "</body>\n</html>\n");
}
