/* SPDX-License-Identifier: Apache-2.0 */
/* The axes of a sweep, and its curve in characters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "sweep/sweep_export.h"

#define ROWS            12u
#define COLUMNS_MAX     72u
#define COLUMNS_MIN     24u
#define LABEL           13u /* columns left of the curve */
#define LOG_SPAN        8.0 /* a scale is logarithmic from so many times on */
#define NS_PER_S_DOUBLE 1e9

double sweep_axis_at(const struct sweep_axis *axis, double value)
{
    double from = axis->is_log ? log(axis->low) : axis->low, to = axis->is_log ? log(axis->high) : axis->high;
    double at = axis->is_log ? log(value) : value;
    return to > from ? (at - from) / (to - from) : 0.5;
}

double sweep_axis_value(const struct sweep_axis *axis, double at)
{
    if (axis->is_log)
        return axis->low * pow(axis->high / axis->low, at);
    return axis->low + (axis->high - axis->low) * at;
}

double sweep_x(const struct sweep_result *result, size_t value)
{
    return result->knobs[0].is_number ? result->values.items[value].knobs[0].number : (double)value;
}

struct sweep_axis sweep_axis_x(const struct sweep_result *result)
{
    struct sweep_axis axis = {INFINITY, -INFINITY, false};
    for (size_t i = 0; i < result->values.count; i++) {
        axis.low = fmin(axis.low, sweep_x(result, i));
        axis.high = fmax(axis.high, sweep_x(result, i));
    }
    axis.is_log = result->knobs[0].is_number && axis.low > 0 && axis.high / axis.low >= LOG_SPAN;
    return axis;
}

struct sweep_axis sweep_axis_y(const struct sweep_result *result)
{
    struct sweep_axis axis = {INFINITY, -INFINITY, false};
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (!value->count)
            continue;
        double one = sweep_shown(result->objective, value->cost_low),
               two = sweep_shown(result->objective, value->cost_high);
        axis.low = fmin(axis.low, fmin(one, two));
        axis.high = fmax(axis.high, fmax(one, two));
    }
    axis.is_log = axis.low > 0 && axis.high / axis.low >= LOG_SPAN;
    if (!axis.is_log)
        axis.low = axis.low > 0 ? 0 : axis.low; /* a length must mean what it shows */
    return axis;
}

double sweep_law_shown(const struct sweep_result *result, double number)
{
    const struct sweep_fit *fit = &result->fit;
    bool is_ns = result->objective == SWEEP_WALL || result->objective == SWEEP_CPU;
    double cost = NAN;
    if (fit->law == SWEEP_LAW_USL && number >= 1) {
        struct usl usl = usl_of(&fit->usl);
        cost = 1 / usl_throughput(&usl, number);
    } else if (fit->law == SWEEP_LAW_BATCH && number > 0) {
        cost = batch_item_cost(&fit->batch, number);
    }
    return sweep_shown(result->objective, is_ns ? cost * NS_PER_S_DOUBLE : cost);
}

/* What stands in a cell; a later one covers an earlier one. */
enum mark { NOTHING, CURVE, INTERVAL, VALUE, TIED, BEST, FAILED };

static const char *glyph(enum mark mark, bool ascii)
{
    static const char *const signs[] = {" ", "·", "│", "○", "●", "◆", "×"};
    static const char *const letters[] = {" ", ".", "|", "o", "*", "@", "x"};
    return (ascii ? letters : signs)[mark];
}

struct canvas {
    unsigned char cells[ROWS][COLUMNS_MAX];
    size_t columns;
    struct sweep_axis x, y;
};

static void put(struct canvas *canvas, size_t column, double y, enum mark mark)
{
    double at = sweep_axis_at(&canvas->y, y);
    if (!isfinite(at) || at < -1e-9 || at > 1 + 1e-9)
        return;
    size_t row = (size_t)(fmin(fmax(1 - at, 0), 1) * (ROWS - 1) + 0.5);
    if (mark > canvas->cells[row][column])
        canvas->cells[row][column] = (unsigned char)mark;
}

static size_t column_of(const struct canvas *canvas, double x)
{
    return (size_t)(fmin(fmax(sweep_axis_at(&canvas->x, x), 0), 1) * (double)(canvas->columns - 1) + 0.5);
}

static void draw(struct canvas *canvas, const struct sweep_result *result)
{
    for (size_t column = 0; column < canvas->columns; column++) {
        double x = sweep_axis_value(&canvas->x, (double)column / (double)(canvas->columns - 1));
        put(canvas, column, sweep_law_shown(result, x), CURVE);
    }
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        size_t column = column_of(canvas, sweep_x(result, i));
        if (sweep_failure(result, i))
            canvas->cells[ROWS - 1][column] = FAILED;
        if (!value->count)
            continue;
        for (size_t step = 0; step <= 2 * ROWS; step++) {
            double cost = value->cost_low + (value->cost_high - value->cost_low) * (double)step / (2 * ROWS);
            put(canvas, column, sweep_shown(result->objective, cost), INTERVAL);
        }
        put(canvas, column, sweep_shown(result->objective, value->cost),
            i == result->best && !sweep_is_flat(result) ? BEST
            : value->is_tied                            ? TIED
                                                        : VALUE);
    }
}

/* The line under the curve: thick where the plateau is. */
static void base_line(const struct canvas *canvas, const struct sweep_result *result,
                      const struct sweep_look *look, struct str *text)
{
    bool is_plateau[COLUMNS_MAX] = {0};
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (!value->count)
            continue;
        size_t column = column_of(canvas, sweep_x(result, i));
        if (!value->is_tied) {
            first = SIZE_MAX;
            continue;
        }
        first = first == SIZE_MAX ? column : first;
        for (size_t at = first; at <= column; at++)
            is_plateau[at] = true;
    }
    str_printf(text, "%*s ", (int)LABEL, "");
    for (size_t column = 0; column < canvas->columns; column++)
        str_append(text, look->ascii ? (is_plateau[column] ? "=" : "-") : is_plateau[column] ? "━" : "─");
    str_append(text, "\n");
}

/* Names of values under their columns, where there is room: the best and today's first. */
static void labels(const struct canvas *canvas, const struct sweep_result *result, struct str *text)
{
    char line[COLUMNS_MAX + 40];
    size_t width = canvas->columns + 8;
    memset(line, ' ', sizeof line);
    for (int turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < result->values.count; i++) {
            const char *name = result->values.items[i].knobs[0].text;
            size_t length = strlen(name), column = column_of(canvas, sweep_x(result, i));
            bool is_first = turn == 0 && (i == result->best || i == result->today);
            bool is_end = turn == 1 && (i == 0 || i + 1 == result->values.count);
            size_t start = column > length / 2 ? column - length / 2 : 0, free_count = 0;
            if ((!is_first && !is_end && turn < 2) || start + length + 1 > width ||
                strspn(name, "0123456789.-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != length)
                continue;
            for (size_t at = start ? start - 1 : 0; at < start + length + 1; at++)
                free_count += line[at] == ' ';
            if (free_count == length + 1 + (start > 0))
                for (size_t at = 0; at < length; at++)
                    line[start + at] = name[at];
        }
    }
    while (width && line[width - 1] == ' ')
        width--;
    str_printf(text, "%*s ", (int)LABEL, "");
    str_append_bytes(text, line, width);
    str_append(text, "\n");
}

void sweep_plot(const struct sweep_result *result, const struct sweep_look *look, struct str *text)
{
    struct canvas canvas = {.x = sweep_axis_x(result), .y = sweep_axis_y(result)};
    size_t room = look->width > LABEL + 9 ? look->width - LABEL - 9 : 0;
    canvas.columns = room < COLUMNS_MIN ? COLUMNS_MIN : room > COLUMNS_MAX ? COLUMNS_MAX : room;
    draw(&canvas, result);
    for (size_t row = 0; row < ROWS; row++) {
        char label[FIGURE_MAX] = "";
        size_t end = canvas.columns;
        if (row == 0 || row == ROWS - 1 || row == ROWS / 2) {
            double shown = sweep_axis_value(&canvas.y, 1 - (double)row / (ROWS - 1));
            sweep_figure(result->objective, sweep_is_rate(result->objective) ? 1 / shown : shown, label);
        }
        while (end && canvas.cells[row][end - 1] == NOTHING)
            end--;
        if (end || label[0])
            str_printf(text, "%*s%s", (int)LABEL, strlen(label) <= LABEL ? label : "", end ? " " : "");
        for (size_t column = 0; column < end; column++)
            str_append(text, glyph(canvas.cells[row][column], look->ascii));
        str_append(text, "\n");
    }
    base_line(&canvas, result, look, text);
    labels(&canvas, result, text);
}
