/* SPDX-License-Identifier: Apache-2.0 */
/* bench_html: one page that fetches nothing: the table, each run as a dot, and the intervals of the ratios. */
#include <math.h>
#include <stdlib.h>

#include "bench/bench_export.h"
#include "report/escape.h"
#include "report/units.h"
#include "stats/quantile.h"

#define PLOT_WIDTH 720.0
#define PLOT_LEFT  60.0
#define ROW_HEIGHT 36.0
#define DOTS_MAX   2000u /* of one arm; more would only make the page heavy */

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1a1a1a;--dim:#666;--line:#ccc;--page:#fff;--dot:#2563eb;--slow:#b91c1c;"
    "--fast:#15803d;--same:#555}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#999;--line:#444;--page:#161616;--dot:#7aa2ff;"
    "--slow:#f87171;--fast:#4ade80;--same:#aaa}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem;color:var(--ink);"
    "background:var(--page)}\n"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:right;border-bottom:1px "
    "solid "
    "var(--line)}td:first-child,th:first-child{text-align:left}\n"
    "code{font:13px "
    "ui-monospace,monospace;overflow-wrap:anywhere}svg{width:100%;height:auto}text{fill:var(--dim);"
    "font-size:12px}\n"
    ".dot{fill:var(--dot);fill-opacity:.45}.median{stroke:var(--ink);stroke-width:2}.axis{stroke:var(--line)}"
    ".band{fill:var(--line);fill-opacity:.4}\n"
    ".slower{stroke:var(--slow);fill:var(--slow)}.faster{stroke:var(--fast);fill:var(--fast)}"
    ".equivalent,.inconclusive{stroke:var(--same);fill:var(--same)}.verdict{font-size:1.1rem}\n";

void bench_page_open(const char *verb, const char *subject, const char *more_style, struct str *text)
{
    str_append(text,
               "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
               "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>toll ");
    str_printf(text, "%s: ", verb);
    escape_markup(text, subject);
    str_append(text, "</title>\n<style>\n");
    str_append(text, style);
    str_append(text, more_style);
    str_printf(text, "</style>\n</head>\n<body>\n<h1>toll %s</h1>\n", verb);
}

static const char *phrase(enum effect_verdict verdict)
{
    switch (verdict) {
    case EFFECT_SLOWER: return "is slower than";
    case EFFECT_FASTER: return "is faster than";
    case EFFECT_EQUIVALENT: return "is as fast as";
    case EFFECT_INCONCLUSIVE: break;
    }
    return "against";
}

static void verdicts(const struct bench_result *result, struct str *text)
{
    for (size_t arm = 1; arm < bench_arm_count(result); arm++) {
        const struct bench_comparison *comparison = bench_comparison_of(result, arm, BENCH_WALL);
        if (!comparison)
            continue;
        str_append(text, "<p class=\"verdict\"><b>");
        escape_markup(text, result->arms.items[arm].name);
        str_printf(text, "</b> %s <b>", phrase(comparison->verdict));
        escape_markup(text, result->arms.items[comparison->baseline].name);
        str_printf(text, "</b>: %.3fx of its time", comparison->ratio);
        if (isfinite(comparison->ratio_high))
            str_printf(text, " (%.3fx to %.3fx)", comparison->ratio_low, comparison->ratio_high);
        if (comparison->verdict == EFFECT_INCONCLUSIVE)
            str_append(text, ", no verdict");
        if (isfinite(comparison->smallest_effect_ratio))
            str_printf(text, "; %.2g %% would have been seen", 100 * comparison->smallest_effect_ratio);
        str_append(text, ".</p>\n");
    }
}

static void table(const struct bench_result *result, struct str *text)
{
    str_append(
        text,
        "<table><tr><th>command</th><th>median</th><th>interval</th><th>CPU</th><th>memory</th></tr>\n");
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct bench_summary *wall = &arm->summaries[BENCH_WALL];
        str_append(text, "<tr><td><b>");
        escape_markup(text, arm->name);
        str_append(text, "</b> <code>");
        escape_markup(text, arm->command);
        str_printf(text, "</code></td><td>%.4g ms</td><td>%.4g to %.4g ms</td><td>%s</td><td>%s</td></tr>\n",
                   wall->description.median / 1e6, wall->median_low / 1e6, wall->median_high / 1e6,
                   unit_duration((uint64_t)arm->summaries[BENCH_CPU].description.median).text,
                   unit_bytes((uint64_t)arm->summaries[BENCH_MEMORY].description.median).text);
    }
    str_append(text, "</table>\n");
}

/* From the fastest run to the 98th percentile of each arm. */
static void axis_of(const struct bench_result *result, double *ret_low, double *ret_high)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        double *sorted = calloc(arm->runs.count + 1, sizeof *sorted);
        for (size_t j = 0; sorted && j < arm->runs.count; j++)
            sorted[j] = (double)arm->runs.items[j].wall_ns;
        if (sorted) {
            sort_values(sorted, arm->runs.count);
            low = fmin(low, sorted[0]);
            high = fmax(high, quantile_sorted(sorted, arm->runs.count, 0.98, QUANTILE_TYPE_7));
        }
        free(sorted);
    }
    *ret_low = low;
    *ret_high = high > low ? high : low + 1;
}

static void dots(const struct bench_result *result, struct str *text)
{
    double low, high, height = ROW_HEIGHT * (double)bench_arm_count(result);
    axis_of(result, &low, &high);
    double scale = (PLOT_WIDTH - PLOT_LEFT - 10) / (high - low);
    str_printf(text,
               "<h2>Every run</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"every run\">\n",
               PLOT_WIDTH, height + 20);
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        double top = ROW_HEIGHT * (double)i,
               at = PLOT_LEFT + (arm->summaries[BENCH_WALL].description.median - low) * scale;
        str_printf(text, "<text x=\"0\" y=\"%.1f\">", top + ROW_HEIGHT / 2 + 4);
        escape_markup(text, arm->name);
        str_append(text, "</text>\n");
        for (size_t run = 0; run < arm->runs.count && run < DOTS_MAX; run++) {
            double x = PLOT_LEFT + ((double)arm->runs.items[run].wall_ns - low) * scale;
            double y = top + 6 + (ROW_HEIGHT - 12) * (double)run / (double)arm->runs.count;
            str_printf(text, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>",
                       fmin(x, PLOT_WIDTH - 4), y);
        }
        str_printf(text, "\n<line class=\"median\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n", at,
                   at, top + 3, top + ROW_HEIGHT - 3);
    }
    str_printf(text,
               "<text x=\"%.0f\" y=\"%.0f\">%.4g ms</text><text x=\"%.0f\" y=\"%.0f\" "
               "text-anchor=\"end\">%.4g ms</text>\n",
               PLOT_LEFT, height + 14, low / 1e6, PLOT_WIDTH, height + 14, high / 1e6);
    str_append(text, "</svg>\n<p>From the first round at the top of a row to the last at its bottom; runs "
                     "past the 98th percentile "
                     "stand at the right edge.</p>\n");
}

/* The widest ratio shown, as a logarithm. */
static double reach_of(const struct bench_result *result)
{
    double reach = 2 * log1p(result->threshold_ratio);
    for (size_t i = 0; i < result->comparisons.count; i++) {
        const struct bench_comparison *comparison = &result->comparisons.items[i];
        if (comparison->metric == BENCH_WALL && isfinite(comparison->ratio_high))
            reach = fmax(reach, fmax(fabs(log(comparison->ratio_low)), fabs(log(comparison->ratio_high))));
    }
    return fmin(reach, log(100)) * 1.1;
}

static void ratio_row(const struct bench_result *result, const struct bench_comparison *comparison, double y,
                      double scale, double middle, struct str *text)
{
    const char *verdict = effect_name(comparison->verdict);
    double low = fmax(PLOT_LEFT, middle + log(comparison->ratio_low) * scale);
    double high = fmin(PLOT_WIDTH, middle + log(comparison->ratio_high) * scale);
    str_printf(text, "<text x=\"0\" y=\"%.1f\">", y + 4);
    escape_markup(text, result->arms.items[comparison->arm].name);
    str_printf(
        text,
        "</text><line class=\"%s\" stroke-width=\"3\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
        verdict, low, high, y, y);
    str_printf(text, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", verdict,
               fmax(PLOT_LEFT, fmin(PLOT_WIDTH, middle + log(comparison->ratio) * scale)), y);
}

static void ratios(const struct bench_result *result, struct str *text)
{
    double reach = reach_of(result), middle = (PLOT_WIDTH + PLOT_LEFT) / 2,
           scale = (PLOT_WIDTH - PLOT_LEFT) / 2 / reach;
    double height = ROW_HEIGHT * (double)(bench_arm_count(result) - 1);
    double matters = log1p(result->threshold_ratio) * scale;
    str_printf(text,
               "<h2>Time against the first</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
               "aria-label=\"ratios\">\n",
               PLOT_WIDTH, height + 20);
    str_printf(text, "<rect class=\"band\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"%.1f\"/>",
               middle - matters, 2 * matters, height);
    str_printf(text, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%.1f\"/>\n", middle, middle,
               height);
    for (size_t arm = 1; arm < bench_arm_count(result); arm++) {
        double y = ROW_HEIGHT * ((double)arm - 0.5);
        const struct bench_comparison *comparison = bench_comparison_of(result, arm, BENCH_WALL);
        if (comparison && isfinite(comparison->ratio_high))
            ratio_row(result, comparison, y, scale, middle, text);
    }
    str_printf(
        text,
        "<text x=\"%.0f\" y=\"%.0f\">%.3fx</text><text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">1x</text>"
        "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%.3fx</text>\n</svg>\n",
        PLOT_LEFT, height + 14, exp(-reach), middle, height + 14, PLOT_WIDTH, height + 14, exp(reach));
    str_printf(text, "<p>The band is what is too small to matter: %.3g %% either way.</p>\n",
               100 * result->threshold_ratio);
}

void bench_html(const struct bench_result *result, struct str *text)
{
    bench_page_open("bench", result->arms.items[0].command, "", text);
    verdicts(result, text);
    table(result, text);
    dots(result, text);
    if (bench_arm_count(result) > 1)
        ratios(result, text);
    str_append(text, "<h2>Trust</h2>\n<p>");
    if (result->has_control && isfinite(result->control.ratio_high))
        str_printf(text, "The first command against itself: %.3fx (%.3fx to %.3fx). ", result->control.ratio,
                   result->control.ratio_low, result->control.ratio_high);
    str_printf(text, "%zu rounds in %s, seed %llu; others kept %.1f of %u CPUs busy, steal %.2g %%.</p>\n",
               result->rounds, unit_duration(result->duration_ns).text, (unsigned long long)result->seed,
               result->outside_cores, result->cpu_count, 100 * result->steal_ratio);
    str_append(text, "</body>\n</html>\n");
}
