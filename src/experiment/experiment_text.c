/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "experiment/internal.h"
#include "report/escape.h"
#include "report/units.h"

#define LABEL_COLUMNS 9u
#define BOLD          "\x1b[1m"
#define GREEN         "\x1b[32m"
#define RED           "\x1b[31m"
#define YELLOW        "\x1b[33m"
#define PLAIN         "\x1b[0m"

/* Two digits behind the point: 1.00x and 1.04x are another thing. */
static void times(struct str *text, double factor)
{
    if (factor < 100)
        str_printf(text, factor < 10 ? "%.2fx" : "%.1fx", factor);
    else
        str_append(text, unit_factor(factor).text);
}

void experiment_factor(struct str *text, double factor, double low, double high)
{
    times(text, factor);
    if (!(low > 0) || !isfinite(high) || low == high)
        return;
    str_append(text, " (");
    times(text, low);
    str_append(text, " to ");
    times(text, high);
    str_append(text, ")");
}

/* What was found, without what was promised. */
static void found(const struct experiment_result *result, struct str *text)
{
    const struct experiment_gain *gain = &result->gain;
    const char *stage = result->stage ? result->stage : "";
    switch (result->means) {
    case EXPERIMENT_KNOB: str_append(text, "with the change the run is "); break;
    case EXPERIMENT_REPLAY:
        if (result->speed > 0)
            str_printf(text, "with %s %gx as fast the run is ", stage, result->speed);
        else
            str_printf(text, "if %s cost nothing the run would be ", stage);
        break;
    case EXPERIMENT_AUTO:
    case EXPERIMENT_HOLD:
    case EXPERIMENT_STOP:
    case EXPERIMENT_OTHERS:
    case EXPERIMENT_MEANS_COUNT:
        str_printf(text, "%.1f %% of the run hangs on %s, which can bring at most ",
                   100 * fmax(result->share, 0), stage);
        experiment_factor(text, gain->factor, gain->factor_low, gain->factor_high);
        return;
    }
    bool is_slower = gain->factor < 1;
    experiment_factor(text, is_slower ? 1 / gain->factor : gain->factor,
                      is_slower ? 1 / gain->factor_high : gain->factor_low,
                      is_slower && gain->factor_low > 0 ? 1 / gain->factor_low : gain->factor_high);
    str_append(text, is_slower ? " slower" : " faster");
}

static void capital(struct str *text, size_t at)
{
    if (at < text->length && text->text[at] >= 'a' && text->text[at] <= 'z')
        text->text[at] = (char)(text->text[at] - 'a' + 'A');
}

int experiment_conclude(struct experiment_result *result, struct err *err)
{
    struct str text = {0};
    const struct experiment_promise *promise = &result->promise;
    result->outcome = result->has_gain      ? experiment_judge(&result->gain, promise)
                      : promise->factor > 0 ? EXPERIMENT_UNDECIDED
                                            : EXPERIMENT_MEASURED;
    if (!result->has_gain)
        str_append(&text, "There were too few runs to tell");
    else
        found(result, &text);
    capital(&text, 0);
    if (promise->factor > 0) {
        str_append(&text, "; ");
        experiment_factor(&text, promise->factor, promise->factor_low, promise->factor_high);
        str_printf(&text, " was claimed%s%s: %s", promise->source ? " by " : "",
                   promise->source ? promise->source : "", experiment_outcome_name(result->outcome));
    }
    result->sentence = text.failed ? NULL : arena_string(&result->arena, str_text(&text));
    str_free(&text);
    return result->sentence ? 0 : err_memory(err);
}

static void label(struct str *text, const struct bench_look *look, const char *name)
{
    str_printf(text, "%s%-*s%s", look->colour ? BOLD : "", (int)LABEL_COLUMNS, name,
               look->colour ? PLAIN : "");
}

/* Words from column `at` on; further lines start there too. Ends the line. */
static void wrap(struct str *text, const struct bench_look *look, const char *words, size_t indent)
{
    size_t width = look->width > indent + 20 ? look->width : indent + 20, at = indent;
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
        if (!is_first && at + 1 + columns > width && at > indent) {
            str_printf(text, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            str_append(text, " ");
            at++;
        }
        str_append(text, str_text(&word));
        at += columns;
        words += length + strspn(words + length, " ");
    }
    str_append(text, "\n");
    str_free(&word);
    str_free(&raw);
}

static void line(struct str *text, const struct bench_look *look, const char *name, const char *words)
{
    label(text, look, name);
    wrap(text, look, words, LABEL_COLUMNS);
}

static void how(const struct experiment_result *result, struct str *text)
{
    const char *stage = result->stage ? result->stage : "";
    const struct experiment_stage *calls = &result->calls;
    switch (result->means) {
    case EXPERIMENT_KNOB:
        str_printf(text, "%s, for real", result->change ? result->change : "the change");
        break;
    case EXPERIMENT_REPLAY:
        str_printf(text, "what %s did was kept from one run and done again ", stage);
        if (result->speed > 0)
            str_printf(text, "in %.3g of its time", 1 / result->speed);
        else
            str_append(text, "at no cost");
        break;
    case EXPERIMENT_HOLD: str_printf(text, "each call of %s was made longer", stage); break;
    case EXPERIMENT_STOP: str_printf(text, "%s was stopped for a part of the time", stage); break;
    case EXPERIMENT_OTHERS:
        str_printf(text, "all but %s was stopped for a part of the time in which it ran", stage);
        break;
    case EXPERIMENT_AUTO:
    case EXPERIMENT_MEANS_COUNT: break;
    }
    for (size_t i = 0; i < result->level_count; i++)
        str_printf(text, "%s%.0f %%", i ? " and " : ", by ", 100 * result->levels[i]);
    if (calls->call_count > 0)
        str_printf(text, " (%.0f call%s, %s a run)", calls->call_count, calls->call_count > 1.5 ? "s" : "",
                   unit_duration((uint64_t)calls->elapsed_ns).text);
}

static void arms(const struct experiment_result *result, struct str *text)
{
    for (size_t i = 0; i < bench_arm_count(&result->bench); i++) {
        const struct bench_arm *arm = &result->bench.arms.items[i];
        str_printf(text, "%s%s%s%s", i ? ", " : "", i ? arm->name : "", i ? " " : "",
                   unit_duration((uint64_t)arm->summaries[BENCH_WALL].description.median).text);
    }
    str_printf(text, "; %zu round%s in turn", result->bench.rounds, result->bench.rounds == 1 ? "" : "s");
    if (result->bench.has_control && result->bench.control.ratio > 0)
        str_printf(text, ", the same against itself %.2fx", result->bench.control.ratio);
}

static const char *colour_of(const struct experiment_result *result)
{
    switch (result->outcome) {
    case EXPERIMENT_CONFIRMED: return GREEN;
    case EXPERIMENT_REJECTED: return RED;
    case EXPERIMENT_UNDECIDED: return YELLOW;
    case EXPERIMENT_MEASURED: break;
    }
    return "";
}

void experiment_text(const struct experiment_result *result, const struct bench_look *look, struct str *text)
{
    struct str words = {0};
    if (result->outcome != EXPERIMENT_MEASURED) {
        str_append(&words, experiment_outcome_name(result->outcome));
        capital(&words, 0);
        str_printf(text, "%s%s%s  ", look->colour ? colour_of(result) : "", str_text(&words),
                   look->colour ? PLAIN : "");
        str_clear(&words);
    }
    size_t indent =
        result->outcome == EXPERIMENT_MEASURED ? 0 : strlen(experiment_outcome_name(result->outcome)) + 2;
    /* The outcome stands in front already. */
    const char *colon = result->outcome == EXPERIMENT_MEASURED ? NULL : strrchr(result->sentence, ':');
    str_append_bytes(&words, result->sentence,
                     colon ? (size_t)(colon - result->sentence) : strlen(result->sentence));
    str_append(&words, ".");
    wrap(text, look, str_text(&words), indent);
    str_append(text, "\n");
    str_clear(&words);
    how(result, &words);
    line(text, look, "How", str_text(&words));
    str_clear(&words);
    if (result->has_bench) {
        arms(result, &words);
        line(text, look, "Runs", str_text(&words));
    }
    if (result->command)
        line(text, look, "Command", result->command);
    for (size_t i = 0; i < result->remark_count; i++)
        line(text, look, i ? "" : "Note", result->remarks[i]);
    str_free(&words);
}
