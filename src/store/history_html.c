/* SPDX-License-Identifier: Apache-2.0 */
/* history_html: one page that fetches nothing: each series as a plot with its levels, its changes and what comes next. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "store/history_show.h"
#include "store/quantity.h"

#define WIDTH          860.0
#define HEIGHT         260.0
#define LEFT           76.0
#define RIGHT          14.0
#define TOP            12.0
#define BOTTOM         26.0
#define DOTS_MAX       5000u
#define NEWEST_SHOWN   50u
#define REVISION_SHOWN 10

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1a1a1a;--dim:#666;--line:#ccc;--page:#fff;--dot:#2563eb;--slow:#b91c1c;"
    "--fast:#15803d;--mark:#b45309}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#999;--line:#444;--page:#161616;--dot:#7aa2ff;"
    "--slow:#f87171;--fast:#4ade80;--mark:#fbbf24}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem;color:var(--ink);"
    "background:var(--page)}\n"
    "h2{margin:2.5rem 0 .2rem;font-size:1.2rem;overflow-wrap:anywhere}p{margin:.3rem "
    "0}.dim{color:var(--dim)}\n"
    "table{border-collapse:collapse;width:100%;margin:.6rem 0 1rem}td,th{padding:.25rem "
    ".6rem;text-align:right;"
    "border-bottom:1px solid var(--line);white-space:nowrap}td:first-child,th:first-child{text-align:left}"
    "th{font-weight:600;color:var(--dim);font-size:13px}\n"
    ".wide{overflow-x:auto}code{font:13px ui-monospace,monospace}\n"
    "svg{width:100%;height:auto;margin:.4rem 0}text{fill:var(--dim);font-size:12px}\n"
    ".dot{fill:var(--dot);fill-opacity:.55}.level{stroke:var(--ink);stroke-width:2}.axis{stroke:var(--line)}"
    ".change{stroke:var(--mark);stroke-dasharray:4 3}.marked{fill:var(--mark)}"
    ".next{fill:var(--dot);fill-opacity:.14}\n"
    ".alert{border-left:4px solid var(--slow);padding:.3rem "
    ".8rem}.worse{color:var(--slow)}.better{color:var(--fast)}"
    "summary{cursor:pointer;color:var(--dim)}\n";

struct chart {
    const struct series *series;
    double low, high;
    size_t steps; /* results, and those looked ahead */
};

static double x_of(const struct chart *chart, double index)
{
    return LEFT + (index + 0.5) * (WIDTH - LEFT - RIGHT) / (double)chart->steps;
}

static double y_of(const struct chart *chart, double value)
{
    double at = (chart->high - fmax(chart->low, fmin(chart->high, value))) / (chart->high - chart->low);
    return TOP + at * (HEIGHT - TOP - BOTTOM);
}

static struct quantity shown(const struct series *series, double value)
{
    return quantity_of(series->metric, series->unit, value);
}

static void revision(const char *revision, struct str *text)
{
    char start[REVISION_SHOWN + 1];
    snprintf(start, sizeof start, "%s", revision ? revision : "");
    escape_markup(text, start);
}

/* What is foreseen, from the last result to as far as is looked ahead. */
static void next_band(const struct chart *chart, struct str *text)
{
    const struct outlook *outlook = &chart->series->outlook;
    double last = (double)chart->series->results.count - 1;
    if (!isfinite(outlook->next.low))
        return;
    double from = x_of(chart, last + 0.5), to = x_of(chart, last + (double)outlook->ahead);
    str_printf(text, "<polygon class=\"next\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n", from,
               y_of(chart, outlook->next.high), to, y_of(chart, outlook->later.high), to,
               y_of(chart, outlook->later.low), from, y_of(chart, outlook->next.low));
}

static void levels(const struct chart *chart, struct str *text)
{
    const struct series *series = chart->series;
    const struct outlook *outlook = &series->outlook;
    size_t start = 0;
    for (size_t i = 0; i < series->changes.count; i++) {
        const struct change_point *point = &series->changes.items[i].point;
        double at = x_of(chart, (double)point->index - 0.5);
        str_printf(text, "<line class=\"level\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
                   x_of(chart, (double)start - 0.5), at, y_of(chart, point->before),
                   y_of(chart, point->before));
        str_printf(text, "<line class=\"change\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", at, at,
                   TOP, HEIGHT - BOTTOM);
        str_printf(text, "<text class=\"marked\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", at + 4, TOP + 10,
                   quantity_change(series->changes.items[i].ratio - 1).text);
        start = point->index;
    }
    double last = (double)(series->results.count - 1);
    str_printf(text, "<line class=\"level\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
               x_of(chart, (double)start - 0.5), x_of(chart, last + 0.5), y_of(chart, outlook->start),
               y_of(chart, outlook->start + outlook->slope * (double)(outlook->count - 1)));
}

static void dots(const struct chart *chart, struct str *text)
{
    const struct series *series = chart->series;
    size_t count = series->results.count, from = count > DOTS_MAX ? count - DOTS_MAX : 0;
    for (size_t i = from; i < count; i++) {
        const struct history_result *result = &series->results.items[i];
        str_printf(text, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>%s  ",
                   x_of(chart, (double)i), y_of(chart, result->value), count > 400 ? "1.6" : "3",
                   history_stamp(result->at_ns).text);
        escape_markup(text, shown(series, result->value).text);
        str_append(text, "  ");
        revision(result->revision, text);
        str_append(text, "</title></circle>\n");
    }
}

static void plot(const struct series *series, struct str *text)
{
    struct chart chart = {.series = series, .steps = series->results.count + series->outlook.ahead};
    series_axis(series, &chart.low, &chart.high);
    str_printf(text, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"every result\">\n", WIDTH,
               HEIGHT);
    for (int i = 0; i <= 4; i++) {
        double value = chart.low + (chart.high - chart.low) * i / 4, y = y_of(&chart, value);
        str_printf(text, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                   WIDTH - RIGHT, y, y);
        str_printf(text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 8, y + 4);
        escape_markup(text, shown(series, value).text);
        str_append(text, "</text>\n");
    }
    next_band(&chart, text);
    dots(&chart, text);
    levels(&chart, text);
    str_printf(text, "<text x=\"%.1f\" y=\"%.1f\">%.10s</text>", LEFT, HEIGHT - 6,
               history_stamp(series->results.items[0].at_ns).text);
    str_printf(text, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.10s</text>\n</svg>\n",
               x_of(&chart, (double)series->results.count - 1), HEIGHT - 6,
               history_stamp(series->results.items[series->results.count - 1].at_ns).text);
}

static void alert(const struct series *series, struct str *text)
{
    const struct series_alert *alert = &series->alert;
    if (alert->kind == SERIES_NO_ALERT)
        return;
    str_printf(text, "<p class=\"alert\"><b class=\"worse\">Worse by %s</b>, over the %s allowed: ",
               quantity_size(alert->worse_ratio).text, quantity_size(alert->limit_ratio).text);
    escape_markup(text, shown(series, alert->before).text);
    str_append(text, " to ");
    escape_markup(text, shown(series, alert->now).text);
    str_printf(text, " since %s (%s).</p>\n", history_stamp(series->results.items[alert->since].at_ns).text,
               series_alert_name(alert->kind));
}

static void interval(const struct series *series, double low, double high, const char *between,
                     struct str *text)
{
    if (!isfinite(low) || !isfinite(high))
        return;
    escape_markup(text, shown(series, low).text);
    str_append(text, between);
    escape_markup(text, shown(series, high).text);
}

static void outlook(const struct series *series, struct str *text)
{
    const struct outlook *outlook = &series->outlook;
    str_append(text, "<p>Level <b>");
    escape_markup(text, shown(series, outlook->start + outlook->slope * (double)(outlook->count - 1)).text);
    str_printf(text, "</b> since %s (%zu results), ",
               history_stamp(series->results.items[series->level_start].at_ns).text, outlook->count);
    if (outlook->has_trend)
        str_printf(text, "a trend of %s over them",
                   quantity_change(outlook->slope * (double)(outlook->count - 1) / outlook->start).text);
    else
        str_append(text, outlook->count < OUTLOOK_TREND_MIN ? "too few to tell a trend" : "no trend");
    str_append(text, "; the next is foreseen at ");
    escape_markup(text, shown(series, outlook->next.value).text);
    if (isfinite(outlook->next.low)) {
        str_append(text, ", 95 of 100 within ");
        interval(series, outlook->next.low, outlook->next.high, " to ", text);
    }
    str_append(text, ".</p>\n");
}

static void changes(const struct series *series, struct str *text)
{
    if (!series->changes.count)
        return;
    str_append(text, "<div class=\"wide\"><table><tr><th>change</th><th>before</th><th>after</th><th>by</th>"
                     "<th>interval</th><th>p</th><th>revision</th></tr>\n");
    for (size_t i = 0; i < series->changes.count; i++) {
        const struct series_change *change = &series->changes.items[i];
        str_printf(text, "<tr><td>%s</td><td>", history_stamp(change->at_ns).text);
        escape_markup(text, shown(series, change->point.before).text);
        str_append(text, "</td><td>");
        escape_markup(text, shown(series, change->point.after).text);
        str_printf(text, "</td><td class=\"%s\">%s</td><td>", change->worse_ratio > 0 ? "worse" : "better",
                   quantity_change(change->ratio - 1).text);
        if (isfinite(change->ratio_low) && isfinite(change->ratio_high))
            str_printf(text, "%s to %s", quantity_change(change->ratio_low - 1).text,
                       quantity_change(change->ratio_high - 1).text);
        str_printf(text, "</td><td>%.3f</td><td><code>", change->point.p_value);
        revision(change->revision, text);
        str_append(text, "</code></td></tr>\n");
    }
    str_append(text, "</table></div>\n");
}

static void cell(const char *words, struct str *text)
{
    str_append(text, "<td>");
    escape_markup(text, words ? words : "");
    str_append(text, "</td>");
}

static void newest(const struct series *series, struct str *text)
{
    size_t count = series->results.count, from = count > NEWEST_SHOWN ? count - NEWEST_SHOWN : 0;
    str_printf(
        text,
        "<details><summary>the newest %zu results</summary><div class=\"wide\"><table><tr><th>time</th>"
        "<th>value</th><th>interval</th><th>of</th><th>verdict</th><th>tags</th><th>revision</th></tr>\n",
        count - from);
    for (size_t i = count; i > from; i--) {
        const struct history_result *result = &series->results.items[i - 1];
        str_append(text, "<tr>");
        cell(history_stamp(result->at_ns).text, text);
        cell(shown(series, result->value).text, text);
        str_append(text, "<td>");
        interval(series, result->value_low, result->value_high, " to ", text);
        str_printf(text, "</td><td>%llu</td>", (unsigned long long)result->count);
        cell(result->verdict, text);
        cell(result->tags, text);
        str_append(text, "<td><code>");
        revision(result->revision, text);
        str_append(text, "</code></td></tr>\n");
    }
    str_append(text, "</table></div></details>\n");
}

static void one(const struct series *series, struct str *text)
{
    str_append(text, "<h2>");
    escape_markup(text, series->name);
    str_append(text, "</h2>\n<p class=\"dim\">");
    escape_markup(text, series->metric);
    if (strcmp(series->kind, "value") != 0) {
        str_append(text, " of ");
        escape_markup(text, series->kind);
    }
    str_printf(text, ", %zu results", series->results.count);
    if (series->machine) {
        str_append(text, " on ");
        escape_markup(text, series->machine);
    }
    if (series->left_out)
        str_printf(text, "; %llu of other machines left out", (unsigned long long)series->left_out);
    str_append(text, "</p>\n");
    alert(series, text);
    plot(series, text);
    outlook(series, text);
    changes(series, text);
    newest(series, text);
}

void series_html(const struct series *series, size_t count, const struct history_look *look, struct str *text)
{
    str_append(
        text,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>toll history");
    if (count == 1) {
        str_append(text, ": ");
        escape_markup(text, series->name);
    }
    str_append(text, "</title>\n<style>\n");
    str_append(text, style);
    str_append(text, "</style>\n</head>\n<body>\n<h1>toll history</h1>\n<p class=\"dim\">");
    escape_markup(text, look->path);
    str_printf(text, ", as of %s</p>\n", history_stamp(look->now_ns).text);
    for (size_t i = 0; i < count; i++)
        one(&series[i], text);
    str_append(text, "</body>\n</html>\n");
}
