/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/units.h"
#include "verify/outcome.h"
#include "verify/verify_export.h"

#define LABEL_COLUMNS 11
#define BOLD          "\x1b[1m"
#define GREEN         "\x1b[32m"
#define RED           "\x1b[31m"
#define YELLOW        "\x1b[33m"
#define PLAIN         "\x1b[0m"

static const char *paint(const struct bench_look *look, const char *colour)
{
    return look->colour ? colour : "";
}

void verify_wrap(struct str *text, const struct bench_look *look, const char *words, size_t at, size_t indent)
{
    size_t width = look->width > indent + 20 ? look->width : indent + 20;
    struct str word = {0}, raw = {0};
    for (bool is_first = true; *words; is_first = false) {
        size_t length = strcspn(words, " ");
        if (strncmp(words + length, " %", 2) == 0) /* stays with its number */
            length += 1 + strcspn(words + length + 1, " ");
        str_clear(&raw);
        str_clear(&word);
        str_append_bytes(&raw, words, length);
        escape_plain_cut(&word, str_text(&raw), width - indent, look->ascii);
        size_t columns = escape_columns(str_text(&word));
        if (at + !is_first + columns > width && at > indent) {
            str_printf(text, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            str_append(text, " ");
            at++;
        }
        str_append(text, str_text(&word));
        at += columns;
        words += length;
        words += strspn(words, " ");
    }
    str_append(text, "\n");
    str_free(&word);
    str_free(&raw);
}

static void label(struct str *text, const struct bench_look *look, const char *name)
{
    str_printf(text, "%s%-*s%s", paint(look, BOLD), LABEL_COLUMNS, name, paint(look, PLAIN));
}

static const char *times(double factor, char text[32])
{
    snprintf(text, 32, factor >= 10 ? "%.1fx" : "%.2fx", factor);
    return text;
}

void verify_speed(struct str *text, double ratio, double ratio_low, double ratio_high)
{
    char factor[32], low[32], high[32];
    bool is_faster = ratio <= 1;
    str_printf(text, "%s %s", times(is_faster ? 1 / ratio : ratio, factor), is_faster ? "faster" : "slower");
    if (isfinite(ratio_low) && isfinite(ratio_high) && ratio_low > 0)
        str_printf(text, " (%s to %s)", times(is_faster ? 1 / ratio_high : ratio_low, low),
                   times(is_faster ? 1 / ratio_low : ratio_high, high));
}

static void lines(struct str *text, const struct bench_look *look, const char *name,
                  const struct verify_lines *lines, bool wraps)
{
    for (size_t i = 0; i < lines->list.count; i++) {
        if (i)
            str_printf(text, "%*s", LABEL_COLUMNS, "");
        else
            label(text, look, name);
        if (wraps) {
            bool has_dash = lines->list.count > 1;
            str_append(text, has_dash ? "- " : "");
            verify_wrap(text, look, lines->list.items[i], LABEL_COLUMNS + 2 * (size_t)has_dash,
                        LABEL_COLUMNS + 2 * (size_t)has_dash);
        } else {
            escape_plain_cut(text, lines->list.items[i], look->width - LABEL_COLUMNS, look->ascii);
            str_append(text, "\n");
        }
    }
}

static void field(struct str *text, const struct bench_look *look, const char *name, const char *value)
{
    if (!value)
        return;
    label(text, look, name);
    escape_plain_cut(text, value, look->width - LABEL_COLUMNS, look->ascii);
    str_append(text, "\n");
}

static void prediction(struct str *text, const struct verify_prediction *prediction)
{
    verify_speed(text, prediction->ratio, prediction->ratio_low, prediction->ratio_high);
    if (prediction->change)
        str_printf(text, " by %s", prediction->change);
    if (prediction->finding)
        str_printf(text, ", finding %llu", (unsigned long long)prediction->finding);
    if (prediction->cause)
        str_printf(text, " (%s)", prediction->cause);
    if (prediction->source && strcmp(prediction->source, "--predict") != 0)
        str_printf(text, " of %s", prediction->source);
}

void preflight_text(const struct preflight *preflight, const struct bench_look *look, struct str *text)
{
    struct str line = {0};
    if (preflight->kind != VERIFY_ENVIRONMENT) { /* there the change says both */
        field(text, look, "Before", preflight->before);
        field(text, look, "After", preflight->after);
    }
    field(text, look, "Command", preflight->command);
    field(text, look, "Build", preflight->build);
    lines(text, look, "Change", &preflight->changes, false);
    label(text, look, "Predicted");
    if (preflight->prediction.is_given)
        prediction(&line, &preflight->prediction);
    else
        str_append(&line, "nothing: --recording FILE, or --predict 1.8x");
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    lines(text, look, "Risks", &preflight->risks, true);
    lines(text, look, "Verify", &preflight->checks, true);
    lines(text, look, "Revert", &preflight->reverts, false);
    str_free(&line);
}

static void prediction_held(const struct verify_story *story, const struct bench_look *look, struct str *text)
{
    const struct outcome *outcome = story->outcome;
    const struct verify_prediction *promised = &story->preflight->prediction;
    const struct verify_metric *wall = outcome_metric(outcome, BENCH_WALL);
    struct str line = {0};
    if (!promised->is_given || !wall)
        return;
    label(text, look, "Predicted");
    prediction(&line, promised);
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    str_clear(&line);
    label(text, look, "Measured");
    verify_speed(&line, wall->comparison->ratio, wall->comparison->ratio_low, wall->comparison->ratio_high);
    if (outcome->has_interval)
        str_append(&line, outcome->is_inside  ? ", within what was predicted"
                          : outcome->overlaps ? ", beside what was predicted, though the intervals overlap"
                                              : ", outside what was predicted");
    if (fabs(outcome->error_ratio) < 0.005)
        str_append(&line, ": it takes as long as predicted.");
    else
        str_printf(&line, ": it takes %.*f %% %s than predicted.", fabs(outcome->error_ratio) < 0.1,
                   100 * fabs(outcome->error_ratio), outcome->error_ratio > 0 ? "longer" : "less");
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    str_free(&line);
}

static const char *metric_words(enum bench_metric metric)
{
    switch (metric) {
    case BENCH_CPU: return "CPU time";
    case BENCH_MEMORY: return "peak memory";
    case BENCH_INSTRUCTIONS: return "the number of instructions";
    case BENCH_WALL:
    case BENCH_USER:
    case BENCH_SYSTEM: break;
    }
    return "wall time";
}

static void grew(struct str *line, const struct bench_comparison *comparison)
{
    char ratio[32], low[32], high[32];
    str_printf(line, "%s is %s of what it was (%s to %s)", metric_words(comparison->metric),
               times(comparison->ratio, ratio), times(comparison->ratio_low, low),
               times(comparison->ratio_high, high));
}

/* What got worse although the verdict does not hang on it. */
static void besides(const struct verify_story *story, const struct bench_look *look, struct str *text)
{
    struct str line = {0};
    for (size_t i = 0; i < story->outcome->metric_count; i++) {
        const struct verify_metric *metric = &story->outcome->metrics[i];
        if (metric->decides || metric->verdict != EFFECT_SLOWER)
            continue;
        str_clear(&line);
        label(text, look, "But");
        grew(&line, metric->comparison);
        str_append(&line, ".");
        verify_wrap(text, look, str_text(&line), LABEL_COLUMNS, LABEL_COLUMNS);
    }
    str_free(&line);
}

static void regression(const struct verify_story *story, const struct bench_look *look, struct str *text)
{
    struct str line = {0};
    size_t count = 0;
    str_printf(text, "%sregression%s: ", paint(look, RED), paint(look, PLAIN));
    for (size_t i = 0; i < story->outcome->metric_count; i++) {
        const struct verify_metric *metric = &story->outcome->metrics[i];
        if (!metric->decides || metric->verdict != EFFECT_SLOWER)
            continue;
        str_append(&line, count++ ? "; " : "");
        grew(&line, metric->comparison);
    }
    str_append(&line, ". Take the change back:");
    verify_wrap(text, look, str_text(&line), LABEL_COLUMNS + strlen("regression: "), LABEL_COLUMNS);
    for (size_t i = 0; i < story->preflight->reverts.list.count; i++) {
        str_printf(text, "%*s", LABEL_COLUMNS + 2, "");
        escape_plain_cut(text, story->preflight->reverts.list.items[i], look->width - LABEL_COLUMNS - 2,
                         look->ascii);
        str_append(text, "\n");
    }
    str_free(&line);
}

static void verdict(const struct verify_story *story, const struct bench_look *look, struct str *text)
{
    const struct outcome *outcome = story->outcome;
    label(text, look, "Verdict");
    if (outcome->is_interrupted) {
        str_append(text, "none: interrupted\n");
        return;
    }
    switch (outcome->verdict) {
    case EFFECT_SLOWER: regression(story, look, text); break;
    case EFFECT_FASTER:
        str_printf(text, "%sbetter%s: keep the change.\n", paint(look, GREEN), paint(look, PLAIN));
        break;
    case EFFECT_EQUIVALENT:
        verify_wrap(text, look,
                    "the same, as far as it matters: keep the change for other reasons, or leave it.",
                    LABEL_COLUMNS, LABEL_COLUMNS);
        break;
    case EFFECT_INCONCLUSIVE:
        str_printf(text, "%sinconclusive%s: ", paint(look, YELLOW), paint(look, PLAIN));
        verify_wrap(text, look, "measure longer (--time 30s) or on a quieter machine before you decide.",
                    LABEL_COLUMNS + strlen("inconclusive: "), LABEL_COLUMNS);
        break;
    }
}

void outcome_text(const struct verify_story *story, const struct bench_look *look, struct str *text)
{
    bench_text(story->result, look, text);
    str_append(text, "\n");
    prediction_held(story, look, text);
    if (story->outcome->verdict != EFFECT_SLOWER)
        besides(story, look, text);
    verdict(story, look, text);
    if (story->history_path && !story->history_error)
        field(text, look, "History", story->history_path);
}
