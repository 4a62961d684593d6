/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "report/escape.h"
#include "report/units.h"
#include "store/history_show.h"
#include "store/quantity.h"

#define BOLD  "\x1b[1m"
#define DIM   "\x1b[2m"
#define GREEN "\x1b[32m"
#define RED   "\x1b[31m"
#define PLAIN "\x1b[0m"

#define NAME_MIN       24u /* before there is room for more than the numbers */
#define NAME_LEAST     12u
#define COLUMNS_BESIDE 54u /* of the list, without the name */
#define AGE_COLUMNS    15u
#define NEWEST_SHOWN   8u
#define CHANGES_SHOWN  12u
#define REVISION_SHOWN 10

struct history_stamp history_stamp(int64_t at_ns)
{
    struct history_stamp stamp = {"?"};
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (localtime_r(&seconds, &parts))
        strftime(stamp.text, sizeof stamp.text, "%Y-%m-%d %H:%M", &parts);
    return stamp;
}

struct history_stamp history_stamp_utc(int64_t at_ns)
{
    struct history_stamp stamp = {"?"};
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(stamp.text, sizeof stamp.text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return stamp;
}

static const char *paint(const struct history_look *look, const char *colour)
{
    return look->colour ? colour : "";
}

/* "3 min ago", "5 days ago" */
static struct history_stamp age_of(int64_t at_ns, int64_t now_ns)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400 * 365, "year"}, {86400 * 30, "month"}, {86400, "day"},
                 {3600, "h"},           {60, "min"},           {1, "s"}};
    struct history_stamp stamp = {"now"};
    int64_t seconds = (now_ns - at_ns) / (int64_t)NS_PER_S;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t whole = seconds / units[i].seconds;
        if (whole < 1)
            continue;
        snprintf(stamp.text, sizeof stamp.text, "%lld %s%s ago", (long long)whole, units[i].name,
                 whole > 1 && i < 3 ? "s" : "");
        break;
    }
    return stamp;
}

static void sparkline(const struct overview_row *row, const struct history_look *look, struct str *text)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {"_", "_", ".", ".", "-", "-", "^", "^"};
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < row->value_count; i++) {
        low = fmin(low, row->values[i]);
        high = fmax(high, row->values[i]);
    }
    for (size_t i = 0; i < row->value_count; i++) {
        size_t height = high > low ? (size_t)((row->values[i] - low) / (high - low) * 7.99) : 3;
        str_append(text, look->ascii ? letters[height] : blocks[height]);
    }
}

/* Worse is red, better green; only what is large enough to be seen. */
static const char *change_colour(const struct history_look *look, double ratio, bool more_is_better)
{
    if (!look->colour || !isfinite(ratio) || fabs(ratio) < 0.05)
        return "";
    return (ratio > 0) == more_is_better ? GREEN : RED;
}

/* A name in so many columns. */
static void name_column(const char *name, unsigned columns, const struct history_look *look, struct str *text)
{
    struct str cut = {0};
    escape_plain_cut(&cut, name, columns, look->ascii);
    str_append(text, str_text(&cut));
    for (size_t i = escape_columns(str_text(&cut)); i < columns; i++)
        str_append(text, " ");
    str_free(&cut);
}

/* What stands beside the name, as far as there is room. */
struct layout {
    unsigned name;
    bool has_age;
    bool has_sparkline;
};

static struct layout layout_of(const struct overview *overview, const struct history_look *look)
{
    size_t longest = strlen("name");
    for (size_t i = 0; i < overview->rows.count; i++) {
        size_t columns = escape_columns(overview->rows.items[i].name);
        longest = columns > longest ? columns : longest;
    }
    struct layout layout = {.has_age = look->width >= COLUMNS_BESIDE + NAME_MIN + AGE_COLUMNS,
                            .has_sparkline =
                                look->width >= COLUMNS_BESIDE + NAME_MIN + AGE_COLUMNS + OVERVIEW_VALUES + 2};
    unsigned beside = COLUMNS_BESIDE + (layout.has_age ? AGE_COLUMNS : 0) +
                      (layout.has_sparkline ? OVERVIEW_VALUES + 2 : 0);
    unsigned room = look->width > beside + NAME_LEAST ? look->width - beside : NAME_LEAST;
    layout.name = longest < room ? (unsigned)longest : room;
    return layout;
}

static void row_text(const struct overview_row *row, const struct layout *layout,
                     const struct history_look *look, struct str *text)
{
    double change = overview_change(row);
    struct quantity newest = quantity_of(row->metric, row->unit, row->values[row->value_count - 1]);
    name_column(row->name, layout->name, look, text);
    str_append(text, "  ");
    name_column(row->metric, 16, look, text);
    str_append(text, " ");
    name_column(row->kind, 6, look, text);
    str_printf(text, " %7llu %12s %s%7s%s", (unsigned long long)row->count, newest.text,
               change_colour(look, change, row->more_is_better),
               isfinite(change) ? quantity_change(change).text : "", paint(look, PLAIN));
    if (layout->has_age)
        str_printf(text, "  %-*s", (int)AGE_COLUMNS - 2, age_of(row->last_at_ns, look->now_ns).text);
    if (layout->has_sparkline) {
        str_append(text, "  ");
        sparkline(row, look, text);
    }
    str_append(text, "\n");
}

void overview_text(const struct overview *overview, const struct history_look *look, struct str *text)
{
    struct layout layout = layout_of(overview, look);
    str_printf(text, "%s%-*s  %-16s %-6s %7s %12s %7s", paint(look, DIM), (int)layout.name, "name", "metric",
               "kind", "results", "newest", "change");
    if (layout.has_age)
        str_printf(text, "  %-*s", (int)AGE_COLUMNS - 2, "when");
    str_printf(text, "%s%s\n", layout.has_sparkline ? "  newest results" : "", paint(look, PLAIN));
    for (size_t i = 0; i < overview->rows.count; i++)
        row_text(&overview->rows.items[i], &layout, look, text);
    if (overview->series_count > overview->rows.count)
        str_printf(text, "and %llu series more, whose results are older.\n",
                   (unsigned long long)(overview->series_count - overview->rows.count));
    str_printf(text, "\n%s result%s in ", unit_count((double)overview->result_count).text,
               overview->result_count == 1 ? "" : "s");
    escape_plain(text, look->path);
    str_append(text, "; the change is of the newest against those before it.\n");
}

static void head(const struct series *series, const struct history_look *look, struct str *text)
{
    str_append(text, paint(look, BOLD));
    escape_plain_cut(text, series->name, look->width > 30 ? look->width - 2 : 30, look->ascii);
    str_append(text, paint(look, PLAIN));
    str_append(text, "\n");
    escape_plain(text, series->metric);
    if (strcmp(series->kind, "value") != 0) {
        str_append(text, " of ");
        escape_plain(text, series->kind);
    }
    str_printf(text, ", %zu result%s", series->results.count, series->results.count == 1 ? "" : "s");
    if (series->machine) {
        str_append(text, " on ");
        escape_plain(text, series->machine);
    }
    if (series->left_out)
        str_printf(text, "\n%llu of other machines left out (--machine all)",
                   (unsigned long long)series->left_out);
    str_append(text, "\n\n");
}

static void revision_of(const struct history_result *result, struct str *text)
{
    char start[REVISION_SHOWN + 1];
    snprintf(start, sizeof start, "%s", result->revision ? result->revision : "");
    escape_plain(text, start);
}

static void changes(const struct series *series, const struct history_look *look, struct str *text)
{
    size_t count = series->changes.count, from = count > CHANGES_SHOWN ? count - CHANGES_SHOWN : 0;
    if (!count) {
        str_printf(text, "%sChanges%s  none\n", paint(look, BOLD), paint(look, PLAIN));
        return;
    }
    str_printf(text, "%sChanges%s", paint(look, BOLD), paint(look, PLAIN));
    if (from)
        str_printf(text, "  the newest %u of %zu", CHANGES_SHOWN, count);
    str_append(text, "\n");
    for (size_t i = from; i < count; i++) {
        const struct series_change *change = &series->changes.items[i];
        double ratio = change->ratio - 1;
        struct quantity before = quantity_of(series->metric, series->unit, change->point.before);
        struct quantity after = quantity_of(series->metric, series->unit, change->point.after);
        str_printf(text, "  %s  %s%7s%s  %s -> %s", history_stamp(change->at_ns).text,
                   change_colour(look, ratio, series->more_is_better), quantity_change(ratio).text,
                   paint(look, PLAIN), before.text, after.text);
        if (isfinite(change->ratio_low) && isfinite(change->ratio_high))
            str_printf(text, "  (%s to %s)", quantity_change(change->ratio_low - 1).text,
                       quantity_change(change->ratio_high - 1).text);
        if (change->revision) {
            str_append(text, "  ");
            revision_of(&series->results.items[change->point.index], text);
        }
        str_append(text, "\n");
    }
}

static void prediction(const struct series *series, const struct prediction *prediction, struct str *text)
{
    str_append(text, quantity_of(series->metric, series->unit, prediction->value).text);
    if (isfinite(prediction->low))
        str_printf(text, " (%s to %s)", quantity_of(series->metric, series->unit, prediction->low).text,
                   quantity_of(series->metric, series->unit, prediction->high).text);
}

static void outlook(const struct series *series, const struct history_look *look, struct str *text)
{
    const struct outlook *outlook = &series->outlook;
    double level = outlook->start + outlook->slope * (double)(outlook->count - 1);
    str_printf(text, "%sLevel%s    %s, %zu result%s since %s\n", paint(look, BOLD), paint(look, PLAIN),
               quantity_of(series->metric, series->unit, level).text, outlook->count,
               outlook->count == 1 ? "" : "s",
               history_stamp(series->results.items[series->level_start].at_ns).text);
    str_printf(text, "%sTrend%s    ", paint(look, BOLD), paint(look, PLAIN));
    if (!outlook->has_trend && outlook->count < OUTLOOK_TREND_MIN)
        str_printf(text, "not to be told from %zu result%s\n", outlook->count,
                   outlook->count == 1 ? "" : "s");
    else if (!outlook->has_trend)
        str_append(text, "none\n");
    else
        str_printf(text, "%s over %zu results\n",
                   quantity_change(outlook->slope * (double)(outlook->count - 1) / outlook->start).text,
                   outlook->count);
    str_printf(text, "%sNext%s     ", paint(look, BOLD), paint(look, PLAIN));
    prediction(series, &outlook->next, text);
    if (outlook->has_trend) {
        str_printf(text, "; the %zuth from now ", outlook->ahead);
        prediction(series, &outlook->later, text);
    }
    str_append(text, isfinite(outlook->next.low) ? ", 95 of 100\n" : "\n");
}

static void alert(const struct series *series, const struct history_look *look, struct str *text)
{
    const struct series_alert *alert = &series->alert;
    static const char *const what[] = {[SERIES_ALERT_RESULT] = "the newest result, out of what was foreseen",
                                       [SERIES_ALERT_LEVEL] = "the last change of level",
                                       [SERIES_ALERT_CREEP] = "several changes together",
                                       [SERIES_ALERT_TREND] = "a trend"};
    if (alert->kind == SERIES_NO_ALERT) {
        str_printf(text, "%sAlert%s    none over %s\n", paint(look, BOLD), paint(look, PLAIN),
                   quantity_size(alert->limit_ratio).text);
        return;
    }
    str_printf(text, "%sALERT%s    worse by %s, over the %s allowed: %s -> %s since %s: %s\n",
               paint(look, RED), paint(look, PLAIN), quantity_size(alert->worse_ratio).text,
               quantity_size(alert->limit_ratio).text,
               quantity_of(series->metric, series->unit, alert->before).text,
               quantity_of(series->metric, series->unit, alert->now).text,
               history_stamp(series->results.items[alert->since].at_ns).text, what[alert->kind]);
}

static void newest(const struct series *series, const struct history_look *look, struct str *text)
{
    size_t count = series->results.count, from = count > NEWEST_SHOWN ? count - NEWEST_SHOWN : 0;
    str_printf(text, "%sNewest%s\n", paint(look, BOLD), paint(look, PLAIN));
    for (size_t i = from; i < count; i++) {
        const struct history_result *result = &series->results.items[i];
        str_printf(text, "  %s  %12s", history_stamp(result->at_ns).text,
                   quantity_of(series->metric, series->unit, result->value).text);
        if (isfinite(result->value_low) && isfinite(result->value_high))
            str_printf(text, "  %s to %s", quantity_of(series->metric, series->unit, result->value_low).text,
                       quantity_of(series->metric, series->unit, result->value_high).text);
        if (result->count > 1)
            str_printf(text, "  of %llu", (unsigned long long)result->count);
        if (isfinite(result->predicted))
            str_printf(text, "  predicted %s",
                       quantity_of(series->metric, series->unit, result->predicted).text);
        const char *const more[] = {result->verdict, result->tags};
        for (size_t j = 0; j < 2; j++) {
            str_append(text, more[j] ? "  " : "");
            escape_plain(text, more[j] ? more[j] : "");
        }
        str_append(text, result->revision ? "  " : "");
        revision_of(result, text);
        str_append(text, "\n");
    }
}

void series_text(const struct series *series, const struct history_look *look, struct str *text)
{
    head(series, look, text);
    series_plot(series, look, text);
    str_append(text, "\n");
    changes(series, look, text);
    outlook(series, look, text);
    alert(series, look, text);
    newest(series, look, text);
}
