/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "report/escape.h"
#include "report/units.h"
#include "verify/calibration.h"
#include "verify/verify_export.h"

#define LABEL_COLUMNS 11
#define PLOT_ROWS     12
#define PLOT_COLUMNS  48
#define PLOT_MARGIN   9
#define LATEST_MAX    10u
#define DATE_COLUMNS  18
#define PREDICTED     16 /* columns */
#define MEASURED      24
#define BOLD          "\x1b[1m"
#define PLAIN         "\x1b[0m"

static const char *paint(const struct bench_look *look, const char *colour)
{
    return look->colour ? colour : "";
}

static void label(struct str *text, const struct bench_look *look, const char *name)
{
    str_printf(text, "%s%-*s%s", paint(look, BOLD), LABEL_COLUMNS, name, paint(look, PLAIN));
}

/* "3.1 % longer", "12 % less": the measured time against the predicted one. */
static void off(struct str *text, double ratio)
{
    double size = 100 * fabs(ratio);
    if (size < 0.05)
        str_append(text, "0 %");
    else
        str_printf(text, "%.*f %% %s", size<10, size, ratio> 0 ? "longer" : "less");
}

static void bias(struct str *text, const struct bench_look *look, const struct calibration_group *all)
{
    struct str line = {0};
    label(text, look, "Bias");
    str_append(&line, "after the change it takes ");
    off(&line, all->bias);
    str_append(&line, " than predicted (median)");
    if (isfinite(all->bias_low)) {
        str_append(&line, ", between ");
        off(&line, all->bias_low);
        str_append(&line, " and ");
        off(&line, all->bias_high);
    }
    bool is_none = isfinite(all->bias_low) && all->bias_low <= 0 && all->bias_high >= 0;
    str_append(&line,
               isfinite(all->bias_low) ? is_none ? ": none is seen." : ", which is not by chance." : ".");
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    str_free(&line);
    label(text, look, "Error");
    str_printf(text, "half of the predictions are off by at most %.*f %%\n", all->error < 0.1,
               100 * all->error);
}

static void coverage(struct str *text, const struct bench_look *look, const struct calibration_group *all)
{
    struct str line = {0};
    label(text, look, "Coverage");
    if (!all->interval_count)
        str_append(&line, "no prediction had an interval.");
    else
        str_printf(&line,
                   "%zu of %zu outcomes lie within the predicted interval: %.0f %% (%.0f to %.0f %%); %zu "
                   "overlap it "
                   "with their own.",
                   all->inside_count, all->interval_count, 100 * all->coverage_ratio, 100 * all->coverage_low,
                   100 * all->coverage_high, all->overlap_count);
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    str_free(&line);
}

/* Where the plot's axes begin and end, as logarithms of factors (before / after). */
struct axis {
    double low, high;
};

static struct axis axis_of(const struct calibration *calibration)
{
    struct axis axis = {0, 0};
    for (size_t i = 0; i < calibration->points.count; i++) {
        const struct calibration_point *point = &calibration->points.items[i];
        axis.low = fmin(axis.low, fmin(-log(point->predicted), -log(point->measured)));
        axis.high = fmax(axis.high, fmax(-log(point->predicted), -log(point->measured)));
    }
    double margin = fmax(0.05, (axis.high - axis.low) * 0.05);
    return (struct axis){axis.low - margin, axis.high + margin};
}

static size_t cell_of(const struct axis *axis, double value, size_t cells)
{
    double at = (value - axis->low) / (axis->high - axis->low) * (double)cells;
    return at <= 0 ? 0 : at >= (double)cells ? cells - 1 : (size_t)at;
}

static const char *cell(unsigned count, bool is_diagonal, bool ascii)
{
    if (count > 1)
        return ascii ? "@" : "◉";
    if (count)
        return ascii ? "o" : "●";
    return is_diagonal ? ascii ? "." : "·" : " ";
}

static const char *times(double log_factor, char text[32])
{
    double factor = exp(log_factor);
    snprintf(text, 32, factor >= 10 ? "%.0fx" : factor >= 2 ? "%.1fx" : "%.2fx", factor);
    return text;
}

/* Measured over predicted, both as factors on logarithmic axes of the same length: on the diagonal they are equal. */
static void plot(struct str *text, const struct bench_look *look, const struct calibration *calibration)
{
    unsigned counts[PLOT_ROWS][PLOT_COLUMNS] = {{0}};
    struct axis axis = axis_of(calibration);
    char low[32], high[32];
    for (size_t i = 0; i < calibration->points.count; i++) {
        const struct calibration_point *point = &calibration->points.items[i];
        size_t row = PLOT_ROWS - 1 - cell_of(&axis, -log(point->measured), PLOT_ROWS);
        counts[row][cell_of(&axis, -log(point->predicted), PLOT_COLUMNS)]++;
    }
    times(axis.low, low);
    times(axis.high, high);
    str_append(text, "\n  measured\n");
    for (size_t row = 0; row < PLOT_ROWS; row++) {
        const char *mark = row == 0 ? high : row == PLOT_ROWS - 1 ? low : "";
        str_printf(text, "%*s %s", PLOT_MARGIN - 2, mark, look->ascii ? "|" : "│");
        for (size_t column = 0; column < PLOT_COLUMNS; column++) {
            double middle = (axis.high - axis.low) * ((double)column + 0.5) / PLOT_COLUMNS + axis.low;
            bool is_diagonal = PLOT_ROWS - 1 - cell_of(&axis, middle, PLOT_ROWS) == row;
            str_append(text, cell(counts[row][column], is_diagonal, look->ascii));
        }
        str_append(text, "\n");
    }
    str_printf(text, "%*s%s", PLOT_MARGIN - 1, "", look->ascii ? "+" : "└");
    for (size_t column = 0; column < PLOT_COLUMNS; column++)
        str_append(text, look->ascii ? "-" : "─");
    str_printf(text, "\n%*s%-*s%s predicted\n\n", PLOT_MARGIN, "", PLOT_COLUMNS - (int)strlen(high), low,
               high);
}

static void groups(struct str *text, const struct bench_look *look, const char *name,
                   const struct calibration_groups *groups)
{
    for (size_t i = 0; i < groups->list.count; i++) {
        const struct calibration_group *group = &groups->list.items[i];
        struct str error = {0};
        off(&error, group->bias);
        if (i)
            str_printf(text, "%*s", LABEL_COLUMNS, "");
        else
            label(text, look, name);
        str_printf(text, "%-22s %4zu, it takes %s", group->name, group->count, str_text(&error));
        if (group->interval_count)
            str_printf(text, ", %zu of %zu within", group->inside_count, group->interval_count);
        str_append(text, "\n");
        str_free(&error);
    }
}

/* The newest predictions, one a line. */
static void latest(struct str *text, const struct bench_look *look, const struct calibration *calibration)
{
    size_t count = calibration->points.count, first = count > LATEST_MAX ? count - LATEST_MAX : 0;
    struct str figure = {0};
    str_printf(text, "%s%-*s%-*s%-*s%s%s\n", paint(look, BOLD), DATE_COLUMNS, "When", PREDICTED, "Predicted",
               MEASURED, "Measured", "What", paint(look, PLAIN));
    for (size_t i = count; i-- > first;) {
        const struct calibration_point *point = &calibration->points.items[i];
        char stamp[32] = "";
        time_t seconds = (time_t)(point->at_ns / (int64_t)NS_PER_S);
        struct tm parts;
        if (localtime_r(&seconds, &parts))
            strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M", &parts);
        str_printf(text, "%-*s", DATE_COLUMNS, stamp);
        str_clear(&figure);
        verify_speed(&figure, point->predicted, NAN, NAN);
        str_printf(text, "%-*s", PREDICTED, str_text(&figure));
        str_clear(&figure);
        verify_speed(&figure, point->measured, NAN, NAN);
        if (calibration_has_interval(point))
            str_append(&figure, calibration_is_inside(point)  ? ", within"
                                : calibration_overlaps(point) ? ", overlaps"
                                                              : ", outside");
        str_printf(text, "%-*s", MEASURED, str_text(&figure));
        size_t beside = DATE_COLUMNS + PREDICTED + MEASURED;
        escape_plain_cut(text, point->name, look->width > beside + 10 ? look->width - beside : 10,
                         look->ascii);
        str_append(text, "\n");
    }
    str_free(&figure);
}

void calibration_text(const struct calibration *calibration, const char *store, const struct bench_look *look,
                      struct str *text)
{
    size_t count = calibration->all.count;
    if (!count) {
        verify_wrap(
            text, look,
            "No predictions yet: 'toll verify --recording FILE' keeps each one beside what came of it.", 0,
            0);
        return;
    }
    label(text, look, "History");
    escape_plain_cut(text, store, look->width - LABEL_COLUMNS, look->ascii);
    str_append(text, "\n");
    label(text, look, "Predicted");
    str_printf(text, "%zu change%s%s\n", count, count == 1 ? "" : "s",
               count < CALIBRATION_LEAST ? ": too few to say how good the predictions are" : "");
    if (count >= CALIBRATION_LEAST) {
        bias(text, look, &calibration->all);
        coverage(text, look, &calibration->all);
        groups(text, look, "By cause", &calibration->causes);
        groups(text, look, "By change", &calibration->kinds);
        plot(text, look, calibration);
    } else {
        str_append(text, "\n");
    }
    latest(text, look, calibration);
}
