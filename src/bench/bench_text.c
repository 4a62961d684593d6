/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/bench_export.h"
#include "bench/figures.h"
#include "bench/judge.h"
#include "report/escape.h"
#include "report/units.h"
#include "stats/quantile.h"

#define STRIP_MAX      32u
#define STRIP_MIN      8u
#define COLUMN_MIN     4
#define COLUMN_MAX     16
#define COLUMNS_BESIDE 52u /* of the table, without the strip */
#define TEXT_MAX       FIGURE_MAX

#define BOLD   "\x1b[1m"
#define DIM    "\x1b[2m"
#define GREEN  "\x1b[32m"
#define RED    "\x1b[31m"
#define YELLOW "\x1b[33m"
#define PLAIN  "\x1b[0m"

struct page {
    const struct bench_result *result;
    const struct bench_look *look;
    struct str *text;
    int name;         /* columns of the widest name */
    size_t strip;     /* columns of a strip */
    double low, high; /* ends of the strips' axis, ns */
};

static const char *paint(const struct page *page, const char *colour)
{
    return page->look->colour ? colour : "";
}

/* Up to the 98th percentile of all: a single slow run would squeeze the rest into one column. */
static void axis_fill(struct page *page)
{
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < bench_arm_count(page->result); i++) {
        const struct bench_arm *arm = &page->result->arms.items[i];
        double *sorted = calloc(arm->runs.count, sizeof *sorted);
        for (size_t j = 0; sorted && j < arm->runs.count; j++)
            sorted[j] = (double)arm->runs.items[j].wall_ns;
        if (sorted) {
            sort_values(sorted, arm->runs.count);
            low = fmin(low, sorted[0]);
            high = fmax(high, quantile_sorted(sorted, arm->runs.count, 0.98, QUANTILE_TYPE_7));
        }
        free(sorted);
    }
    page->low = low;
    page->high = high > low ? high : low + 1;
}

static void strip(struct page *page, const struct bench_arm *arm)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {" ", ".", ".", ":", ":", "+", "+", "#", "#"};
    size_t counts[STRIP_MAX] = {0}, most = 1;
    for (size_t i = 0; i < arm->runs.count; i++) {
        double at = ((double)arm->runs.items[i].wall_ns - page->low) / (page->high - page->low);
        size_t column = at >= 1 ? page->strip - 1 : (size_t)(at * (double)page->strip);
        counts[column]++;
        most = counts[column] > most ? counts[column] : most;
    }
    for (size_t column = 0; column < page->strip; column++) {
        size_t height = (counts[column] * 8 + most - 1) / most;
        str_append(page->text, page->look->ascii ? letters[height] : blocks[height]);
    }
}

static void row(struct page *page, const struct bench_arm *arm)
{
    const struct bench_summary *wall = &arm->summaries[BENCH_WALL];
    char median[TEXT_MAX], low[TEXT_MAX], high[TEXT_MAX], cpu[TEXT_MAX], interval[2 * TEXT_MAX + 8];
    figure_duration(wall->description.median, median);
    figure_duration(wall->median_low, low);
    figure_duration(wall->median_high, high);
    char *unit = strchr(low, ' ');
    if (unit && strcmp(unit, strchr(high, ' ')) == 0)
        *unit = '\0';
    snprintf(interval, sizeof interval, "%s to %s", low, high);
    figure_duration(arm->summaries[BENCH_CPU].description.median, cpu);
    double kernel = arm->summaries[BENCH_MEMORY].description.median;
    uint64_t memory = kernel > (double)arm->tree_bytes_max ? (uint64_t)kernel : arm->tree_bytes_max;
    str_printf(page->text, "%s%-*s%s %10s  %-20s ", paint(page, BOLD), page->name, arm->name,
               paint(page, PLAIN), median, wall->median_confidence_ratio > 0 ? interval : "");
    strip(page, arm);
    str_printf(page->text, " %9s %9s\n", cpu, unit_bytes(memory).text);
}

static void commands(struct page *page)
{
    for (size_t i = 0; i < bench_arm_count(page->result); i++) {
        const struct bench_arm *arm = &page->result->arms.items[i];
        str_printf(page->text, "%s%-*s%s ", paint(page, BOLD), page->name, arm->name, paint(page, PLAIN));
        escape_plain_cut(page->text, arm->command, page->look->width - 2 - (unsigned)page->name,
                         page->look->ascii);
        str_append(page->text, "\n");
    }
}

static void table(struct page *page)
{
    char low[TEXT_MAX], high[TEXT_MAX], axis[2 * TEXT_MAX + 8];
    unsigned width = page->look->width + 4 - (unsigned)page->name;
    page->strip = width > COLUMNS_BESIDE + STRIP_MIN ? width - COLUMNS_BESIDE : STRIP_MIN;
    if (page->strip > STRIP_MAX)
        page->strip = STRIP_MAX;
    axis_fill(page);
    figure_duration(page->low, low);
    figure_duration(page->high, high);
    snprintf(axis, sizeof axis, "%s .. %s", low, high);
    str_printf(page->text, "%s%*s %10s  %-20s %-*s %9s %9s%s\n", paint(page, DIM), page->name, "", "median",
               "", (int)page->strip, strlen(axis) <= page->strip ? axis : "", "CPU", "memory",
               paint(page, PLAIN));
    for (size_t i = 0; i < bench_arm_count(page->result); i++)
        row(page, &page->result->arms.items[i]);
}

static const char *why_denied(enum bench_denial denial)
{
    switch (denial) {
    case BENCH_DENIED_BY_CONTROL: return "the first command differed from itself by as much";
    case BENCH_DENIED_BY_AUTOCORRELATION:
        return "the pairs depend on one another, which makes the interval wider";
    case BENCH_DENIED_BY_STEAL: return "other guests of this host took too much of the machine";
    case BENCH_NOT_DENIED: break;
    }
    return NULL;
}

static void inconclusive(struct page *page, const struct bench_comparison *comparison, const char *b,
                         const char *range)
{
    char matters[TEXT_MAX];
    const char *denied = why_denied(comparison->denial);
    figure_percent(page->result->threshold_ratio, matters);
    str_printf(page->text, "%sNo verdict on %s%s: %s", paint(page, YELLOW), b, paint(page, PLAIN), range);
    if (denied)
        str_printf(page->text, ": %s.\n", denied);
    else if (!isfinite(comparison->ratio_high))
        str_printf(page->text, ": %zu pairs are too few, it takes %zu.\n", comparison->pair_count,
                   judge_pairs_least(page->result));
    else if (comparison->ratio_low > 1 || comparison->ratio_high < 1)
        str_printf(page->text, ": %s, but perhaps by less than the %s that matters.\n",
                   comparison->ratio_low > 1 ? "slower" : "faster", matters);
    else if (comparison->pairs_needed < BENCH_ROUNDS_MAX)
        str_printf(page->text, ": about %zu pairs would tell %s.\n", comparison->pairs_needed, matters);
    else
        str_append(page->text, ": the runs vary too much.\n");
}

static void verdict(struct page *page, const struct bench_comparison *comparison)
{
    const char *a = page->result->arms.items[comparison->baseline].name;
    const char *b = page->result->arms.items[comparison->arm].name;
    char ratio[TEXT_MAX], low[TEXT_MAX], high[TEXT_MAX], matters[TEXT_MAX], range[4 * TEXT_MAX + 64];
    figure_factor(comparison->ratio, ratio);
    figure_factor(comparison->ratio_low, low);
    figure_factor(comparison->ratio_high, high);
    figure_percent(page->result->threshold_ratio, matters);
    if (isfinite(comparison->ratio_high))
        snprintf(range, sizeof range, "%s of %s's time (%s to %s)", ratio, a, low, high);
    else
        snprintf(range, sizeof range, "%s of %s's time", ratio, a);
    switch (comparison->verdict) {
    case EFFECT_SLOWER:
        str_printf(page->text, "%s%s is slower%s: %s.\n", paint(page, RED), b, paint(page, PLAIN), range);
        break;
    case EFFECT_FASTER:
        str_printf(page->text, "%s%s is faster%s: %s.\n", paint(page, GREEN), b, paint(page, PLAIN), range);
        break;
    case EFFECT_EQUIVALENT:
        str_printf(page->text, "%s%s is as fast%s: %s, within the %s that matters.\n", paint(page, BOLD), b,
                   paint(page, PLAIN), range, matters);
        break;
    case EFFECT_INCONCLUSIVE: inconclusive(page, comparison, b, range); break;
    }
}

/* What else differs, where it does. */
static void others(struct page *page, size_t arm)
{
    static const struct {
        enum bench_metric metric;
        const char *name;
    } metrics[] = {{BENCH_CPU, "CPU time"}, {BENCH_MEMORY, "memory"}, {BENCH_INSTRUCTIONS, "instructions"}};
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        const struct bench_comparison *comparison = bench_comparison_of(page->result, arm, metrics[i].metric);
        char ratio[TEXT_MAX], low[TEXT_MAX], high[TEXT_MAX];
        if (!comparison || (comparison->verdict != EFFECT_SLOWER && comparison->verdict != EFFECT_FASTER))
            continue;
        str_printf(page->text, "  %s %s (%s to %s).\n", metrics[i].name,
                   figure_factor(comparison->ratio, ratio), figure_factor(comparison->ratio_low, low),
                   figure_factor(comparison->ratio_high, high));
    }
}

static void comparisons(struct page *page)
{
    char seen[TEXT_MAX];
    double smallest = 0;
    str_append(page->text, "\n");
    for (size_t arm = 1; arm < bench_arm_count(page->result); arm++) {
        const struct bench_comparison *comparison = bench_comparison_of(page->result, arm, BENCH_WALL);
        if (!comparison)
            continue;
        verdict(page, comparison);
        others(page, arm);
        smallest = fmax(smallest, comparison->smallest_effect_ratio);
    }
    if (isfinite(smallest) && smallest > 0)
        str_printf(page->text, "A difference of %s would have been seen nine times of ten.\n",
                   figure_percent(smallest, seen));
}

static const char *stopped(enum bench_stop stop)
{
    switch (stop) {
    case BENCH_STOP_PRECISION: return "the interval is narrow enough";
    case BENCH_STOP_ROUNDS: return "as many as asked";
    case BENCH_STOP_TIME: return "the time is up";
    case BENCH_STOP_INTERRUPT: break;
    }
    return "interrupted";
}

static void trust_notes(struct page *page)
{
    const struct bench_result *result = page->result;
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct bench_summary *wall = &arm->summaries[BENCH_WALL];
        double drifted = wall->description.median > 0 ? wall->drift.change / wall->description.median : 0;
        char text[TEXT_MAX];
        if (wall->drift.p_value < 0.01 && fabs(drifted) > 0.02)
            str_printf(page->text, "  - %s drifted by %s%s while it was measured; pairs cancel that.\n",
                       arm->name, drifted > 0 ? "+" : "-", figure_percent(fabs(drifted), text));
        if (wall->description.outlier_count)
            str_printf(page->text, "  - %s: %zu of %zu runs far off the rest; none is left out.\n", arm->name,
                       wall->description.outlier_count, arm->runs.count);
        if (arm->left_count)
            str_printf(page->text, "  - %s leaves processes behind: %u ended later than it.\n", arm->name,
                       arm->left_count);
        if (wall->description.median < (double)NS_PER_MS && i == 0)
            str_append(page->text, "  - Under 1 ms most of the time is starting the process.\n");
    }
}

static void trust(struct page *page)
{
    const struct bench_result *result = page->result;
    char ratio[TEXT_MAX], low[TEXT_MAX], high[TEXT_MAX];
    str_printf(page->text, "%sTrust%s  ", paint(page, BOLD), paint(page, PLAIN));
    if (result->has_control && isfinite(result->control.ratio_high))
        str_printf(page->text, "%s against itself %s (%s to %s), ", result->arms.items[0].name,
                   figure_factor(result->control.ratio, ratio), figure_factor(result->control.ratio_low, low),
                   figure_factor(result->control.ratio_high, high));
    str_printf(page->text, "others kept %.1f of %u CPUs busy", result->outside_cores, result->cpu_count);
    if (result->steal_ratio >= 0.001)
        str_printf(page->text, ", steal %s", figure_percent(result->steal_ratio, low));
    str_printf(page->text, "\n       %zu rounds in %s (%s), seed %llu\n", result->rounds,
               unit_duration(result->duration_ns).text, stopped(result->stop),
               (unsigned long long)result->seed);
    trust_notes(page);
}

void bench_text(const struct bench_result *result, const struct bench_look *look, struct str *text)
{
    struct page page = {.result = result, .look = look, .text = text, .name = COLUMN_MIN};
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        size_t length = strlen(result->arms.items[i].name);
        if (length > (size_t)page.name)
            page.name = (int)(length < COLUMN_MAX ? length : COLUMN_MAX);
    }
    commands(&page);
    str_append(text, "\n");
    table(&page);
    if (bench_arm_count(result) > 1)
        comparisons(&page);
    trust(&page);
    for (size_t i = 0; look->recordings && i < bench_arm_count(result); i++)
        if (look->recordings[i])
            str_printf(text, "%s recorded: toll report %s\n", result->arms.items[i].name,
                       look->recordings[i]);
}
