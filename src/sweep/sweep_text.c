/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/units.h"
#include "sweep/sweep_export.h"

#define BOLD  "\x1b[1m"
#define DIM   "\x1b[2m"
#define GREEN "\x1b[32m"
#define RED   "\x1b[31m"
#define PLAIN "\x1b[0m"

#define CELL 11u

struct page {
    const struct sweep_result *result;
    const struct sweep_look *look;
    struct str *text;
};

static const char *paint(const struct page *page, const char *colour)
{
    return page->look->colour ? colour : "";
}

const char *sweep_figure(enum sweep_objective objective, double cost, char text[FIGURE_MAX])
{
    char number[FIGURE_MAX];
    text[0] = '\0';
    switch (objective) {
    case SWEEP_WALL:
    case SWEEP_CPU:
        if (cost > 0)
            return figure_duration(cost, text);
        snprintf(text, FIGURE_MAX, "0");
        break;
    case SWEEP_MEMORY: snprintf(text, FIGURE_MAX, "%s", unit_bytes((uint64_t)fmax(cost, 0)).text); break;
    case SWEEP_ROWS:
        snprintf(text, FIGURE_MAX, "%.40s rows/s", cost < INFINITY ? figure_number(1 / cost, number) : "0");
        break;
    case SWEEP_PRINTED_MORE: return figure_number(1 / cost, text);
    case SWEEP_PRINTED_LESS: return figure_number(cost, text);
    }
    return text;
}

void sweep_name(const struct sweep_result *result, size_t value, struct str *text)
{
    for (size_t knob = 0; knob < result->knob_count; knob++) {
        str_printf(text, "%s%s=", knob ? " " : "", result->knobs[knob].name);
        escape_plain(text, result->values.items[value].knobs[knob].text);
    }
}

const char *sweep_failure(const struct sweep_result *result, size_t value)
{
    return result->bench.arms.items[result->values.items[value].arm].failure;
}

void sweep_map_fill(const struct sweep_result *result, struct sweep_map *ret_map)
{
    struct sweep_map map = {.row_count = 0};
    for (size_t i = 0; i < result->values.count; i++) {
        const struct knob_value *knobs = result->values.items[i].knobs;
        struct knob_value *axes[] = {map.rows, map.columns};
        size_t *counts[] = {&map.row_count, &map.column_count};
        for (size_t knob = 0; knob < 2; knob++) {
            size_t at = 0, count = *counts[knob];
            while (at < count && !knob_equal(&axes[knob][at], &knobs[knob]) &&
                   !(axes[knob][at].number > knobs[knob].number))
                at++;
            if (count >= SWEEP_AXIS_MAX || (at < count && knob_equal(&axes[knob][at], &knobs[knob])))
                continue;
            memmove(&axes[knob][at + 1], &axes[knob][at], (count - at) * sizeof axes[knob][at]);
            axes[knob][at] = knobs[knob];
            ++*counts[knob];
        }
    }
    *ret_map = map;
}

size_t sweep_map_at(const struct sweep_result *result, const struct sweep_map *map, size_t row, size_t column)
{
    for (size_t i = 0; i < result->values.count; i++)
        if (knob_equal(&result->values.items[i].knobs[0], &map->rows[row]) &&
            knob_equal(&result->values.items[i].knobs[1], &map->columns[column]))
            return i;
    return SWEEP_NONE;
}

/* The first and the last of one knob's tied values when none between them is worse. */
static bool plateau_ends(const struct sweep_result *result, size_t *ret_first, size_t *ret_last)
{
    size_t first = SWEEP_NONE, last = 0;
    for (size_t i = 0; i < result->values.count; i++) {
        if (!result->values.items[i].is_tied)
            continue;
        first = first == SWEEP_NONE ? i : first;
        last = i;
    }
    if (result->knob_count != 1 || !result->knobs[0].is_number || first == SWEEP_NONE)
        return false;
    for (size_t i = first; i <= last; i++)
        if (!result->values.items[i].is_tied)
            return false;
    *ret_first = first;
    *ret_last = last;
    return true;
}

void sweep_plateau(const struct sweep_result *result, struct str *text)
{
    size_t first, last, told = 0;
    if (result->tied_count > 2 && plateau_ends(result, &first, &last)) {
        str_printf(text, "%s=%s to %s, %zu values", result->knobs[0].name,
                   result->values.items[first].knobs[0].text, result->values.items[last].knobs[0].text,
                   result->tied_count);
        return;
    }
    for (size_t i = 0; i < result->values.count; i++) {
        if (!result->values.items[i].is_tied)
            continue;
        str_append(text, told++ ? ", " : "");
        sweep_name(result, i, text);
    }
}

/* The interval of what is shown; a rate's ends change places. */
static void interval_text(const struct sweep_result *result, const struct sweep_value *value, char *text,
                          size_t size)
{
    bool is_rate = sweep_is_rate(result->objective);
    char low[FIGURE_MAX], high[FIGURE_MAX];
    sweep_figure(result->objective, is_rate ? value->cost_high : value->cost_low, low);
    sweep_figure(result->objective, is_rate ? value->cost_low : value->cost_high, high);
    char *unit = strchr(low, ' ');
    if (unit && strchr(high, ' ') && strcmp(unit, strchr(high, ' ')) == 0)
        *unit = '\0';
    snprintf(text, size, "%.60s to %.60s", low, high);
}

/* A ratio of what is shown: of costs, or of rates the other way round. */
static void ratio_text(const struct sweep_result *result, const struct estimate *estimate, char *text,
                       size_t size)
{
    double sign = sweep_is_rate(result->objective) ? -1 : 1;
    double one = exp(sign * estimate->low), two = exp(sign * estimate->high);
    char ratio[FIGURE_MAX], low[FIGURE_MAX], high[FIGURE_MAX];
    figure_factor(exp(sign * estimate->value), ratio);
    figure_factor(fmin(one, two), low);
    figure_factor(fmax(one, two), high);
    if (isfinite(estimate->low) && isfinite(estimate->high))
        snprintf(text, size, "%s (%s to %s)", ratio, low, high);
    else
        snprintf(text, size, "%s", ratio);
}

/* What moving to the best does, "makes it 2.01x as fast (1.98x to 2.03x)". */
static void move_text(const struct sweep_result *result, char *text, size_t size)
{
    static const struct {
        const char *before, *after;
        bool is_gain; /* today's cost over the best's; else the other way round */
    } words[] = {[SWEEP_WALL] = {"makes it", " as fast", true},
                 [SWEEP_CPU] = {"takes", " of the CPU time", false},
                 [SWEEP_MEMORY] = {"takes", " of the memory", false},
                 [SWEEP_ROWS] = {"does", " the rows a second", true},
                 [SWEEP_PRINTED_MORE] = {"prints", " of what it did", true},
                 [SWEEP_PRINTED_LESS] = {"prints", " of what it did", false}};
    const struct estimate *estimate = &result->move.log_ratio;
    double sign = words[result->objective].is_gain ? -1 : 1, one = exp(sign * estimate->low),
           two = exp(sign * estimate->high);
    char ratio[FIGURE_MAX], low[FIGURE_MAX], high[FIGURE_MAX];
    figure_factor(exp(sign * estimate->value), ratio);
    figure_factor(fmin(one, two), low);
    figure_factor(fmax(one, two), high);
    snprintf(text, size, "%s %s%s (%s to %s)", words[result->objective].before, ratio,
             words[result->objective].after, low, high);
}

void sweep_today_text(const struct sweep_result *result, struct str *text)
{
    const struct sweep_move *move = &result->move;
    char figure[FIGURE_MAX], ratio[3 * FIGURE_MAX + 64];
    if (result->today == SWEEP_NONE)
        return;
    const struct sweep_value *today = &result->values.items[result->today];
    sweep_name(result, result->today, text);
    if (sweep_failure(result, result->today)) {
        str_append(text, " fails.");
        return;
    }
    str_printf(text, ": %s", sweep_figure(result->objective, today->cost, figure));
    if (sweep_is_flat(result)) {
        str_append(text, ", as good as any other.");
        return;
    }
    if (result->today == result->best) {
        str_append(text, ", the best value.");
        return;
    }
    if (!move->is_known) {
        str_append(text, ".");
        return;
    }
    move_text(result, ratio, sizeof ratio);
    switch (move->verdict) {
    case EFFECT_FASTER: str_printf(text, "; moving to the best %s.", ratio); break;
    case EFFECT_SLOWER:
        str_printf(text, "; the best was worse than it when both were run again: it %s.", ratio);
        break;
    case EFFECT_EQUIVALENT:
        str_printf(text, "; moving to the best changes nothing that matters: it %s.", ratio);
        break;
    case EFFECT_INCONCLUSIVE: str_printf(text, "; no verdict on moving to the best: it %s.", ratio); break;
    }
}

static void usl_text(const struct sweep_result *result, struct str *text)
{
    const struct usl_fit *fit = &result->fit.usl;
    const char *name = result->knobs[0].name;
    if (fit->has_peak && isfinite(fit->peak_workers)) {
        str_printf(text, "Universal Scalability Law: the peak is at %s=%.3g (%.3g to ", name,
                   fit->peak_workers, fit->peak_low);
        str_printf(text, isfinite(fit->peak_high) ? "%.3g)" : "any)", fit->peak_high);
        str_append(text, fit->is_peak_beyond ? ", far past what was measured: a guess" : "");
    } else {
        str_printf(text, "Universal Scalability Law: no peak, more %s always help, ever less", name);
    }
    str_printf(
        text,
        "; contention %.2g %% (%.2g to %.2g), coherency %.2g %% (%.2g to %.2g); it fits within %.2g %%%s.",
        100 * fit->sigma.value, 100 * fit->sigma.low, 100 * fit->sigma.high, 100 * fit->kappa.value,
        100 * fit->kappa.low, 100 * fit->kappa.high, 100 * fit->residual_error,
        fit->residual_error > SWEEP_POORLY_RATIO ? ": badly" : "");
}

static void batch_text(const struct sweep_result *result, struct str *text)
{
    const struct batch_fit *fit = &result->fit.batch;
    char fixed[FIGURE_MAX], low[FIGURE_MAX], high[FIGURE_MAX], each[FIGURE_MAX], size[FIGURE_MAX];
    bool is_time = result->objective == SWEEP_ROWS;
    str_append(text, "A batch of n costs a + b n: ");
    if (is_time) {
        str_printf(text, "a %s (%s to %s)", figure_duration(fit->fixed.value * 1e9, fixed),
                   figure_duration(fit->fixed.low * 1e9, low), figure_duration(fit->fixed.high * 1e9, high));
        str_printf(text, ", b %s (%s to %s) a row", figure_duration(fit->each.value * 1e9, each),
                   figure_duration(fit->each.low * 1e9, low), figure_duration(fit->each.high * 1e9, high));
    } else if (fit->each.value > 0) {
        str_printf(text, "a is as much as %s items",
                   figure_number(fit->fixed.value / fit->each.value, fixed));
    } else {
        str_append(text, "all of it is a");
    }
    str_printf(text, "; R2 %.4f, it fits within %.2g %%%s.", fit->r_squared_ratio, 100 * fit->residual_error,
               fit->residual_error > SWEEP_POORLY_RATIO ? ": badly" : "");
    if (isfinite(fit->size) && fit->size > 0) {
        str_printf(text, " Batches of %s already pay %.0f %%", figure_number(ceil(fit->size - 1e-9), size),
                   100 * (1 - BATCH_SHARE_RATIO));
        if (isfinite(fit->size_high))
            str_printf(text, " (%s to %s)", figure_number(fit->size_low, low),
                       figure_number(fit->size_high, high));
        str_append(text, ".");
    }
}

void sweep_law_text(const struct sweep_result *result, struct str *text)
{
    if (result->fit.law == SWEEP_LAW_USL)
        usl_text(result, text);
    else if (result->fit.law == SWEEP_LAW_BATCH)
        batch_text(result, text);
    else if (result->fit.refusal)
        str_printf(text, "No law: %s.", result->fit.refusal);
}

void sweep_notes(const struct sweep_result *result, const char *before, struct str *text)
{
    const struct bench_result *bench = &result->bench;
    if (bench->steal_ratio > 0.3)
        str_printf(text, "%sOther guests of this host took %.0f %% of the CPU time: believe none of it.\n",
                   before, 100 * bench->steal_ratio);
    if (bench->stop == BENCH_STOP_INTERRUPT)
        str_printf(text, "%sInterrupted: what there is comes of fewer rounds.\n", before);
    if (result->move.denial == BENCH_DENIED_BY_CONTROL)
        str_printf(text, "%sThe best value differed from itself by as much as from today's.\n", before);
    if (result->cache == PAGE_CACHE_AS_IS)
        return;
    str_printf(text, "%sThe page cache was %s before each run.\n", before, page_cache_name(result->cache));
}

static void head(struct page *page)
{
    const struct sweep_result *result = page->result;
    const struct sweep_value *best = &result->values.items[result->best];
    char figure[FIGURE_MAX], interval[2 * FIGURE_MAX + 8], seen[FIGURE_MAX];
    struct str line = {0};
    if (sweep_is_flat(result) && !sweep_is_told(result)) {
        str_printf(page->text, "%sNo verdict%s: the rounds are too few to tell one value from another.\n",
                   paint(page, BOLD), paint(page, PLAIN));
    } else if (sweep_is_flat(result)) {
        str_printf(page->text, "%sNo value is better%s: all %zu are as good as one another (",
                   paint(page, BOLD), paint(page, PLAIN), result->tied_count);
        interval_text(result, best, interval, sizeof interval);
        str_printf(page->text, "%s).\n", interval);
    } else {
        sweep_name(result, result->best, &line);
        interval_text(result, best, interval, sizeof interval);
        str_printf(page->text, "%sBest%s   %s: %s", paint(page, GREEN), paint(page, PLAIN), str_text(&line),
                   sweep_figure(result->objective, best->cost, figure));
        str_printf(page->text, " (%s)\n", interval);
        str_clear(&line);
        sweep_plateau(result, &line);
        if (result->tied_count > 1)
            str_printf(page->text, "%sAs good%s %s.\n", paint(page, BOLD), paint(page, PLAIN),
                       str_text(&line));
    }
    if (result->tied_count > 1 && isfinite(result->smallest_effect_ratio))
        str_printf(page->text, "        A difference of %s would have been seen nine times of ten.\n",
                   figure_percent(result->smallest_effect_ratio, seen));
    str_clear(&line);
    sweep_today_text(result, &line);
    if (line.length)
        str_printf(page->text, "%sToday%s  %s\n", paint(page, BOLD), paint(page, PLAIN), str_text(&line));
    if (!sweep_is_flat(result) && result->best != result->today) {
        str_printf(page->text, "%sChange%s ", paint(page, BOLD), paint(page, PLAIN));
        for (size_t knob = 0; knob < result->knob_count; knob++) {
            str_append(page->text, knob ? " " : "");
            sweep_change(result, result->best, knob, page->text);
        }
        str_append(page->text, "\n");
    }
    str_free(&line);
}

/* How dark a cell of the map is: from the best (full) to the worst. */
static const char *shade(const struct sweep_result *result, const struct sweep_value *value, bool ascii)
{
    static const char *const signs[] = {"█", "▓", "▒", "░", " "}, *const letters[] = {"#", "+", ":", ".",
                                                                                      " "};
    double worst = 0;
    for (size_t i = 0; i < result->values.count; i++)
        if (result->values.items[i].count)
            worst = fmax(worst, result->values.items[i].log_ratio.value);
    double part = worst > 0 ? fmin(fmax(value->log_ratio.value, 0) / worst, 1) : 0;
    return (ascii ? letters : signs)[(size_t)(part * 4 + 0.5)];
}

/* Blanks at the end of a line serve nobody. */
static void line_end(struct str *text)
{
    while (text->length && text->text[text->length - 1] == ' ')
        text->text[--text->length] = '\0';
    str_append(text, "\n");
}

static void map(struct page *page)
{
    const struct sweep_result *result = page->result;
    struct sweep_map map;
    sweep_map_fill(result, &map);
    str_printf(page->text, "%s%s down, %s across%s\n%*s", paint(page, DIM), result->knobs[0].name,
               result->knobs[1].name, paint(page, PLAIN), (int)CELL, "");
    for (size_t column = 0; column < map.column_count; column++)
        str_printf(page->text, " %*.*s", (int)CELL + 1, (int)CELL, map.columns[column].text);
    str_append(page->text, "\n");
    for (size_t row = 0; row < map.row_count; row++) {
        str_printf(page->text, "%*.*s", (int)CELL, (int)CELL, map.rows[row].text);
        for (size_t column = 0; column < map.column_count; column++) {
            size_t at = sweep_map_at(result, &map, row, column);
            char figure[FIGURE_MAX] = "";
            const struct sweep_value *value = at == SWEEP_NONE ? NULL : &result->values.items[at];
            if (value && sweep_failure(result, at))
                snprintf(figure, sizeof figure, "fails");
            else if (value && value->count)
                sweep_figure(result->objective, value->cost, figure);
            const char *mark = !value || !value->count ? " "
                               : at == result->best    ? "*"
                               : value->is_tied        ? "="
                                                       : " ";
            str_printf(page->text, " %*s%s%s", (int)CELL - 1, figure, mark,
                       value && value->count ? shade(result, value, page->look->ascii) : " ");
        }
        line_end(page->text);
    }
    str_printf(page->text, "%*s * the best, = as good, the darker the better\n", (int)CELL, "");
}

static void row(struct page *page, size_t at)
{
    const struct sweep_result *result = page->result;
    const struct sweep_value *value = &result->values.items[at];
    const struct bench_arm *arm = &result->bench.arms.items[value->arm];
    char figure[FIGURE_MAX], ratio[3 * FIGURE_MAX + 16] = "1", cpu[FIGURE_MAX];
    for (size_t knob = 0; knob < result->knob_count; knob++)
        str_printf(page->text, "%*s ", (int)CELL, value->knobs[knob].text);
    if (arm->failure) {
        str_printf(page->text, "%sfails%s", paint(page, RED), paint(page, PLAIN));
        if (arm->failure_status)
            str_printf(page->text, ": exit status %d", arm->failure_status);
        else
            str_printf(page->text, ": %s", arm->failure);
        str_append(page->text, at == result->today ? ", today\n" : "\n");
        return;
    }
    if (!value->count) {
        str_append(page->text, "not measured\n");
        return;
    }
    bool is_told = isfinite(value->log_ratio.low), is_best = at == result->best && !sweep_is_flat(result);
    if (at != result->best)
        ratio_text(result, &value->log_ratio, ratio, sizeof ratio);
    str_printf(page->text, "%12s  %-26s %10s %10s  %s%s%s",
               sweep_figure(result->objective, value->cost, figure), ratio,
               figure_duration(fmax(value->cpu_ns, 1), cpu), unit_bytes((uint64_t)value->memory_bytes).text,
               is_best           ? "best"
               : !value->is_tied ? ""
               : is_told         ? "as good"
                                 : "not told",
               at == result->today && (at == result->best || value->is_tied) ? ", " : "",
               at == result->today ? "today" : "");
    line_end(page->text);
}

static void table(struct page *page)
{
    const struct sweep_result *result = page->result;
    str_printf(page->text, "%s", paint(page, DIM));
    for (size_t knob = 0; knob < result->knob_count; knob++)
        str_printf(page->text, "%*.*s ", (int)CELL, (int)CELL, result->knobs[knob].name);
    str_printf(page->text, "%12s  %-26s %10s %10s%s\n", "median", "of the best's", "CPU", "memory",
               paint(page, PLAIN));
    for (size_t i = 0; i < result->values.count; i++)
        row(page, i);
}

static const char *stopped(enum bench_stop stop)
{
    return stop == BENCH_STOP_TIME        ? "the time is up"
           : stop == BENCH_STOP_INTERRUPT ? "interrupted"
                                          : "as many as the tests need";
}

static void trust(struct page *page)
{
    const struct sweep_result *result = page->result;
    const struct bench_result *bench = &result->bench;
    char control[3 * FIGURE_MAX + 16];
    str_printf(page->text, "%sTrust%s  ", paint(page, BOLD), paint(page, PLAIN));
    if (result->move.is_known) {
        struct sweep_result as_cost = {.objective = SWEEP_WALL};
        ratio_text(&as_cost, &result->move.control, control, sizeof control);
        str_printf(page->text, "the best against itself %s, ", control);
    }
    str_printf(page->text, "others kept %.1f of %u CPUs busy", bench->outside_cores, bench->cpu_count);
    if (bench->steal_ratio >= 0.001)
        str_printf(page->text, ", steal %.1f %%", 100 * bench->steal_ratio);
    str_printf(page->text, "\n       %zu value%s in %zu + %zu + %zu rounds and %s (%s), seed %llu\n",
               result->values.count, result->values.count == 1 ? "" : "s", result->rounds[SWEEP_COARSE],
               result->rounds[SWEEP_FINE], result->rounds[SWEEP_CONFIRM],
               unit_duration(bench->duration_ns).text, stopped(bench->stop), (unsigned long long)bench->seed);
    sweep_notes(result, "  - ", page->text);
}

void sweep_text(const struct sweep_result *result, const struct sweep_look *look, struct str *text)
{
    struct page page = {.result = result, .look = look, .text = text};
    struct str law = {0};
    head(&page);
    str_append(text, "\n");
    if (result->knob_count == 1)
        sweep_plot(result, look, text);
    else
        map(&page);
    str_append(text, "\n");
    table(&page);
    sweep_law_text(result, &law);
    if (law.length)
        str_printf(text, "\n%sLaw%s    %s\n", paint(&page, BOLD), paint(&page, PLAIN), str_text(&law));
    else
        str_append(text, "\n");
    str_free(&law);
    trust(&page);
}
