/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/preflight.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bench/judge.h"

#define LINE_MAX_BYTES 2048
#define DIFF_WORDS_MAX 512u
#define BUSY_CORES     0.3 /* of other programs: worth a word */
#define DRIFT_BOUND    0.05

int verify_line(struct verify_lines *lines, struct arena *arena, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start did */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = arena_string(arena, text);
    return copy ? vec_push(&lines->list, copy) : -1;
}

const char *verify_kind_name(enum verify_kind kind)
{
    static const char *const names[] = {"commands", "environment", "revisions"};
    return names[kind];
}

void preflight_deinit(struct preflight *preflight)
{
    vec_free(&preflight->changes.list);
    vec_free(&preflight->risks.list);
    vec_free(&preflight->checks.list);
    vec_free(&preflight->reverts.list);
    arena_free(&preflight->arena);
}

/* Lengths of the longest common subsequences of the words from (i, j) on. */
struct diff {
    char *const *before, *const *after;
    size_t before_count, after_count;
    uint16_t *common; /* (before_count + 1) rows of after_count + 1 */
};

static size_t count_words(char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static uint16_t *common_at(const struct diff *diff, size_t i, size_t j)
{
    return &diff->common[i * (diff->after_count + 1) + j];
}

static void diff_fill(struct diff *diff)
{
    for (size_t i = diff->before_count; i-- > 0;)
        for (size_t j = diff->after_count; j-- > 0;) {
            uint16_t down = *common_at(diff, i + 1, j), right = *common_at(diff, i, j + 1);
            *common_at(diff, i, j) = strcmp(diff->before[i], diff->after[j]) == 0
                                         ? (uint16_t)(*common_at(diff, i + 1, j + 1) + 1)
                                     : down > right ? down
                                                    : right;
        }
}

/* Ends a run of words of one side. */
static int flush(struct preflight *preflight, struct str *run, char sign)
{
    int failed = 0;
    if (run->length)
        failed = verify_line(&preflight->changes, &preflight->arena, "%c%s", sign, str_text(run));
    failed = failed || run->failed;
    str_clear(run);
    return failed;
}

static int diff_tell(struct preflight *preflight, const struct diff *diff)
{
    struct str gone = {0}, come = {0};
    size_t i = 0, j = 0;
    int failed = 0;
    while (!failed && (i < diff->before_count || j < diff->after_count)) {
        bool both = i < diff->before_count && j < diff->after_count;
        if (both && strcmp(diff->before[i], diff->after[j]) == 0) {
            failed = flush(preflight, &gone, '-') || flush(preflight, &come, '+');
            i++;
            j++;
        } else if (j == diff->after_count ||
                   (both && *common_at(diff, i + 1, j) >= *common_at(diff, i, j + 1))) {
            str_printf(&gone, " %s", diff->before[i++]);
        } else {
            str_printf(&come, " %s", diff->after[j++]);
        }
    }
    failed = failed || flush(preflight, &gone, '-') || flush(preflight, &come, '+');
    str_free(&gone);
    str_free(&come);
    return failed;
}

int preflight_words(struct preflight *preflight, char *const *before, char *const *after, struct err *err)
{
    struct diff diff = {before, after, count_words(before), count_words(after), NULL};
    if (diff.before_count > DIFF_WORDS_MAX || diff.after_count > DIFF_WORDS_MAX)
        return verify_line(&preflight->changes, &preflight->arena, "%zu words against %zu", diff.before_count,
                           diff.after_count)
                   ? err_memory(err)
                   : 0;
    diff.common = calloc((diff.before_count + 1) * (diff.after_count + 1), sizeof *diff.common);
    if (!diff.common)
        return err_memory(err);
    diff_fill(&diff);
    int failed = diff_tell(preflight, &diff);
    free(diff.common);
    return failed ? err_memory(err) : 0;
}

/* Copies up to a comma that no backslash protects; where it ended. */
static const char *value_read(const char *at, struct str *value)
{
    for (; *at && *at != ','; at++) {
        if (*at == '\\' && (at[1] == ',' || at[1] == '\\'))
            at++;
        str_append_bytes(value, at, 1);
    }
    return at;
}

static bool is_name(const char *text, size_t length)
{
    bool fits = length > 0 && !isdigit((unsigned char)*text);
    for (size_t i = 0; i < length; i++)
        fits = fits && (isalnum((unsigned char)text[i]) || text[i] == '_');
    return fits;
}

int preflight_variable(struct preflight *preflight, const char *text, const char *now,
                       const char **ret_before, const char **ret_after, struct err *err)
{
    size_t length = strcspn(text, "=");
    struct str first = {0}, second = {0};
    const char *at = text[length] ? value_read(text + length + 1, &first) : "";
    bool has_two = *at == ',';
    if (has_two)
        at = value_read(at + 1, &second);
    int status = 0;
    if (!text[length] || !is_name(text, length) || *at) {
        status = err_set(err, ERR_USAGE, "could not understand --env '%.200s'", text);
        err_hint(err,
                 "--env NAME=OLD,NEW; --env NAME=NEW compares with its value now; a comma in a value is \\,");
    } else {
        struct arena *arena = &preflight->arena;
        const char *old = has_two ? str_text(&first) : now, *new = str_text(has_two ? &second : &first);
        const char *before = old ? arena_printf(arena, "%.*s=%s", (int)length, text, old) : NULL;
        const char *after = arena_printf(arena, "%.*s=%s", (int)length, text, new);
        bool failed = first.failed || second.failed || !after || (old && !before) ||
                      verify_line(&preflight->changes, arena, "- %.*s%s%s", (int)length, text,
                                  old ? "=" : " is not set", old ? old : "") ||
                      verify_line(&preflight->changes, arena, "+ %s", after ? after : "");
        *ret_before = before;
        *ret_after = after;
        status = failed ? err_memory(err) : 0;
    }
    str_free(&first);
    str_free(&second);
    return status;
}

/* What the measuring itself may do or miss. */
static int risks_of_measuring(struct preflight *preflight, const struct preflight_facts *facts)
{
    const struct bench_options *options = facts->options;
    struct verify_lines *risks = &preflight->risks;
    struct arena *arena = &preflight->arena;
    size_t rounds = options->round_count ? options->round_count : BENCH_ROUNDS_LEAST;
    size_t sides = options->no_control ? 2 : 3, runs = (rounds + options->warmup_count) * sides;
    int failed = verify_line(
        risks, arena, "The command runs %s%zu times: what it writes, sends or deletes happens as often%s.",
        options->round_count ? "" : "at least ", runs,
        options->prepare || options->cleanup ? "" : " (--prepare and --cleanup put things back)");
    if (!failed && facts->shell_character && !options->use_shell)
        failed = verify_line(risks, arena,
                             "A command holds a '%c', which no shell will see: --shell runs them by one.",
                             facts->shell_character);
    if (!failed && facts->other_program)
        failed = verify_line(
            risks, arena,
            "Before and after start different programs: all that differs between them is measured.");
    if (!failed && preflight->outside_cores > BUSY_CORES)
        failed = verify_line(
            risks, arena,
            "Other programs keep %.1f of %u CPUs busy: it takes longer to be sure, or there is no verdict.",
            preflight->outside_cores, preflight->cpu_count);
    if (!failed && preflight->cpu_count == 1)
        failed = verify_line(risks, arena, "One CPU alone: whatever else runs is measured too.");
    return failed;
}

static int risks_of_prediction(struct preflight *preflight, const struct preflight_facts *facts)
{
    const struct verify_prediction *prediction = &preflight->prediction;
    struct verify_lines *risks = &preflight->risks;
    struct arena *arena = &preflight->arena;
    int failed = 0;
    if (prediction->drift_ratio > DRIFT_BOUND)
        failed = verify_line(
            risks, arena,
            "The replay of the unchanged recording is off by %.0f %%: take the prediction as a bound.",
            100 * prediction->drift_ratio);
    if (!failed && facts->recorded_command && facts->before_command &&
        strcmp(facts->recorded_command, facts->before_command) != 0)
        failed = verify_line(risks, arena, "The prediction is from a recording of another command: %s",
                             facts->recorded_command);
    if (!failed && facts->recorded_cpu_count && facts->recorded_cpu_count != preflight->cpu_count)
        failed = verify_line(risks, arena, "The prediction is from a recording on %llu CPUs, here are %u.",
                             (unsigned long long)facts->recorded_cpu_count, preflight->cpu_count);
    return failed;
}

static int checks_fill(struct preflight *preflight, const struct preflight_facts *facts)
{
    const struct bench_options *options = facts->options;
    struct verify_lines *checks = &preflight->checks;
    struct arena *arena = &preflight->arena;
    double precision = options->precision_ratio > 0 ? options->precision_ratio : BENCH_PRECISION;
    double threshold = options->threshold_ratio < 0 ? EFFECT_THRESHOLD_RATIO : options->threshold_ratio;
    int failed =
        options->round_count
            ? verify_line(checks, arena, "%zu rounds, before and after in turn%s.", options->round_count,
                          options->no_control ? "" : ", before also against itself")
            : verify_line(checks, arena,
                          "Rounds of before and after in turn%s, until the ratio is known within %.2g %% or "
                          "%.3g s are over, but for six rounds at least.",
                          options->no_control ? "" : ", before also against itself", 100 * precision,
                          options->time_s > 0 ? options->time_s : BENCH_TIME_S);
    return failed ||
           verify_line(checks, arena,
                       "A regression is an interval wholly over +%.2g %%: then toll ends with status 1.",
                       100 * threshold);
}

int preflight_complete(struct preflight *preflight, const struct preflight_facts *facts, struct err *err)
{
    int failed = risks_of_measuring(preflight, facts);
    if (!failed && preflight->prediction.is_given)
        failed = risks_of_prediction(preflight, facts);
    if (!failed)
        failed = checks_fill(preflight, facts);
    return failed ? err_memory(err) : 0;
}
