/* SPDX-License-Identifier: Apache-2.0 */
/* A plot in braille: each character is 2 x 4 dots. Results stand in their order, not by their time: they come in bursts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/quantile.h"
#include "store/history_show.h"
#include "store/quantity.h"

#define ROWS        8u
#define COLUMNS_MAX 200u
#define COLUMNS_MIN 20u
#define LABEL_WIDTH 10u
#define DATE_LENGTH 10u /* of a stamp */
#define OFF_SCALE   3.0 /* of the range of 96 in 100 results, beyond it */

#define CYAN   "\x1b[36m"
#define YELLOW "\x1b[33m"
#define PLAIN  "\x1b[0m"

void series_axis(const struct series *series, double *ret_low, double *ret_high)
{
    size_t count = series->results.count;
    double low = 0, high = 0, *sorted = calloc(count + 1, sizeof *sorted);
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = series->results.items[i].value;
    if (sorted && count) {
        sort_values(sorted, count);
        double from = quantile_sorted(sorted, count, 0.02, QUANTILE_TYPE_7);
        double to = quantile_sorted(sorted, count, 0.98, QUANTILE_TYPE_7), reach = OFF_SCALE * (to - from);
        low = fmax(sorted[0], from - reach);
        high = fmin(sorted[count - 1], to + reach);
    }
    free(sorted);
    double margin = high > low ? 0.04 * (high - low) : fabs(low) * 0.05 + 1e-9;
    *ret_low = low - margin;
    *ret_high = high + margin;
}

struct canvas {
    unsigned char cells[ROWS][COLUMNS_MAX]; /* bits of the braille pattern */
    bool is_change[COLUMNS_MAX];
    size_t columns;
};

static size_t column_of(const struct canvas *canvas, size_t index, size_t count, size_t per_cell)
{
    size_t dots = canvas->columns * per_cell;
    return count > 1 ? index * (dots - 1) / (count - 1) : 0;
}

static void draw(const struct series *series, double low, double high, struct canvas *canvas)
{
    /* Bits of the dots of a braille character, by row and column. */
    static const unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    size_t count = series->results.count;
    for (size_t i = 0; i < count; i++) {
        double at = (high - series->results.items[i].value) / (high - low);
        double dot = floor(fmax(0, fmin(at, 1)) * (4 * ROWS - 1) + 0.5);
        size_t y = (size_t)dot, x = column_of(canvas, i, count, 2);
        canvas->cells[y / 4][x / 2] |= bits[y % 4][x % 2];
    }
    for (size_t i = 0; i < series->changes.count; i++)
        canvas->is_change[column_of(canvas, series->changes.items[i].point.index, count, 1)] = true;
}

static void label(const struct series *series, const struct history_look *look, size_t row, double low,
                  double high, struct str *text)
{
    const char *shown = "";
    struct quantity quantity;
    if (row == 0 || row == ROWS - 1) {
        quantity = quantity_of(series->metric, series->unit, row == 0 ? high : low);
        shown = quantity.text;
    }
    str_printf(text, "%*.*s %s", (int)LABEL_WIDTH, (int)LABEL_WIDTH, shown, look->ascii ? "|" : "│");
}

static void row_of_dots(const struct canvas *canvas, size_t row, bool ascii, struct str *text)
{
    size_t end = canvas->columns;
    while (end && !canvas->cells[row][end - 1])
        end--;
    for (size_t i = 0; i < end; i++) {
        unsigned bits = canvas->cells[row][i];
        if (!bits)
            str_append(text, " ");
        else if (ascii)
            str_append(text, bits & 0x09 ? "'" : bits & 0x36 ? "-" : ".");
        else /* U+2800 and the bits, as UTF-8 */
            str_printf(text, "\xe2%c%c", (char)(0xa0 | bits >> 6), (char)(0x80 | (bits & 0x3f)));
    }
}

static void axis(const struct series *series, const struct canvas *canvas, const struct history_look *look,
                 struct str *text)
{
    str_printf(text, "%*s %s", (int)LABEL_WIDTH, "", look->ascii ? "+" : "└");
    for (size_t i = 0; i < canvas->columns; i++) {
        if (!canvas->is_change[i])
            str_append(text, look->ascii ? "-" : "─");
        else
            str_printf(text, "%s%s%s", look->colour ? YELLOW : "", look->ascii ? "^" : "▲",
                       look->colour ? PLAIN : "");
    }
    const struct history_result *first = series->results.items,
                                *last = &series->results.items[series->results.count - 1];
    struct history_stamp from = history_stamp(first->at_ns), to = history_stamp(last->at_ns);
    /* The time of day where the days are the same. */
    if (strncmp(from.text, to.text, DATE_LENGTH) != 0)
        from.text[DATE_LENGTH] = to.text[DATE_LENGTH] = '\0';
    str_printf(text, "\n%*s  %s%*s\n", (int)LABEL_WIDTH, "", from.text,
               (int)canvas->columns - (int)strlen(from.text), to.text);
}

void series_plot(const struct series *series, const struct history_look *look, struct str *text)
{
    struct canvas *canvas = calloc(1, sizeof *canvas);
    double low, high;
    if (!canvas) {
        text->failed = true;
        return;
    }
    unsigned room = look->width > LABEL_WIDTH + COLUMNS_MIN + 4 ? look->width - LABEL_WIDTH - 4 : COLUMNS_MIN;
    canvas->columns = room < COLUMNS_MAX ? room : COLUMNS_MAX;
    series_axis(series, &low, &high);
    draw(series, low, high, canvas);
    for (size_t row = 0; row < ROWS; row++) {
        label(series, look, row, low, high, text);
        str_append(text, look->colour ? CYAN : "");
        row_of_dots(canvas, row, look->ascii, text);
        str_append(text, look->colour ? PLAIN "\n" : "\n");
    }
    axis(series, canvas, look, text);
    free(canvas);
}
