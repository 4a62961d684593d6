/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "bench/plan.h"
#include "experiment/internal.h"
#include "experiment/slope.h"
#include "experiment/stage_wire.h"

#define BLOCKED_RATIO_MAX 0.2 /* hold: of the stage's time, waiting for the other end of its pipe */
#define MISSED_RATIO_MAX  0.1 /* replay: of its calls, not the same as any that was kept */
#define RUNNING_RATIO_MIN 0.8 /* stop: less, and stopping it hardly makes it longer */

static const double hold_levels[] = {0.5, 1.0};

int experiment_remark(struct experiment_result *result, const char *format, ...)
{
    va_list arguments;
    char text[512];
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start did */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = arena_string(&result->arena, text);
    if (!copy)
        return -1;
    if (result->remark_count < EXPERIMENT_REMARKS_MAX)
        result->remarks[result->remark_count++] = copy;
    return 0;
}

/* "KEY=VALUE" pairs in front of the command's own variables; the last of a name counts, and these come last. */
static char *const *variables_with(struct arena *arena, char *const *own, char *const *more)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; own && own[i]; i++)
        count++;
    for (size_t i = 0; more[i]; i++)
        count++;
    char **all = arena_alloc(arena, (count + 1) * sizeof *all);
    for (size_t i = 0; all && own && own[i]; i++)
        if (strncmp(own[i], "PATH=", 5) != 0)
            all[at++] = own[i];
    for (size_t i = 0; all && more[i]; i++)
        all[at++] = more[i];
    return all;
}

/* The command with the stand-in in front: in that mode, with that share. */
static int stand_in(struct trial *trial, const char *mode, double share, struct bench_text *ret_text,
                    struct err *err)
{
    struct arena *arena = &trial->result->arena;
    char *more[] = {arena_printf(arena, "PATH=%s/bin:%s", trial->folder.path, trial->search_path),
                    arena_printf(arena, STAGE_MODE "=%s", mode),
                    arena_printf(arena, STAGE_SHARE "=%g", share),
                    arena_printf(arena, STAGE_FOLDER "=%s", trial->folder.path),
                    arena_printf(arena, STAGE_ROOT "=%s", trial->root),
                    NULL};
    *ret_text = trial->command;
    ret_text->variables = variables_with(arena, trial->command.variables, more);
    for (size_t i = 0; i + 1 < sizeof more / sizeof more[0]; i++)
        if (!more[i])
            return err_memory(err);
    return ret_text->variables ? 0 : err_memory(err);
}

/* The command below the pacer, with a log of its own. */
static int paced(struct trial *trial, size_t level, double share, struct bench_text *ret_text,
                 struct err *err)
{
    struct arena *arena = &trial->result->arena;
    size_t count = 0;
    while (trial->command.words[count])
        count++;
    char **words = arena_alloc(arena, (count + 8) * sizeof *words);
    if (!words)
        return err_memory(err);
    char *const before[] = {trial->folder.program,
                            arena_string(arena, "--pace"),
                            arena_string(arena, trial->means == EXPERIMENT_OTHERS ? "others" : "stage"),
                            arena_string(arena, trial->request->stage),
                            arena_printf(arena, "%g", share),
                            arena_printf(arena, "%s/log%zu", trial->folder.path, level),
                            arena_string(arena, "--")};
    for (size_t i = 0; i < 7; i++) {
        if (!before[i])
            return err_memory(err);
        words[i] = before[i];
    }
    memcpy(words + 7, trial->command.words, count * sizeof *words);
    *ret_text = trial->command;
    ret_text->words = words;
    return 0;
}

static void bench_forget(struct experiment_result *result)
{
    if (result->has_bench)
        bench_result_free(&result->bench);
    result->has_bench = false;
}

int experiment_run_once(struct trial *trial, const struct bench_text *text, struct err *err)
{
    struct bench_options options = trial->request->options;
    struct bench_result result;
    options.commands = text;
    options.command_count = 1;
    options.name_count = 0;
    options.use_shell = false;
    options.round_count = 1;
    options.warmup_count = 0;
    options.no_control = true;
    options.progress = NULL;
    int status = bench_run(&options, &result, err);
    if (!status)
        bench_result_free(&result);
    return status;
}

/* And what the log of that name says of it. */
static int run_once(struct trial *trial, const struct bench_text *text, const char *log,
                    struct stage_lines *lines, struct err *err)
{
    stage_log_forget(&trial->folder, log);
    int status = experiment_run_once(trial, text, err);
    return status ? status : stage_log_read(&trial->folder, log, &trial->result->arena, lines, err);
}

/* The same below the stand-in in that mode, at no share. */
static int run_stand_in(struct trial *trial, const char *mode, struct stage_lines *lines, struct err *err)
{
    struct bench_text text;
    int status = stand_in(trial, mode, 0, &text, err);
    return status ? status : run_once(trial, &text, "log", lines, err);
}

int experiment_cannot(struct trial *trial, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start did */
    vsnprintf(trial->why_not, sizeof trial->why_not, format, arguments);
    va_end(arguments);
    return TRIAL_IMPOSSIBLE;
}

/* The stage's calls as lines tell them. */
static void calls_sum(const struct stage_lines *lines, double run_count, struct experiment_stage *calls)
{
    *calls = (struct experiment_stage){0};
    for (size_t i = 0; i < lines->list.count; i++)
        calls->elapsed_ns += (double)lines->list.items[i].elapsed_ns;
    calls->elapsed_ns /= run_count;
    calls->call_count = (double)lines->list.count / run_count;
}

static int names_look(struct trial *trial, struct err *err)
{
    size_t count;
    int status = stage_folder_names(&trial->folder, trial->request->stage, trial->search_path, &count, err);
    if (status)
        return status;
    return count ? 0
                 : experiment_cannot(trial, "no program '%s' is found through PATH", trial->request->stage);
}

/* Lines of prepare that forget what was replayed, then what the user wants. */
static const char *prepare_reset(struct trial *trial)
{
    struct arena *arena = &trial->result->arena;
    char *words[] = {trial->folder.program, arena_string(arena, "--reset"), trial->folder.path,
                     arena_string(arena, "--"), NULL};
    const char *own = trial->request->options.prepare;
    const char *line = words[1] && words[3] ? words_join(words, arena) : NULL;
    return line && own ? arena_printf(arena, "%s %s", line, own) : line;
}

/* The arms: filled in by who calls. */
static int measure(struct trial *trial, struct bench_options *options, struct err *err)
{
    struct experiment_result *result = trial->result;
    bench_forget(result);
    options->use_shell = false;
    if (!(options->time_s > 0))
        options->time_s = EXPERIMENT_TIME_S;
    int status = bench_run(options, &result->bench, err);
    result->has_bench = status == 0;
    return status;
}

/* The gain of the second arm. */
static void gain_of_comparison(struct experiment_result *result, bool is_bound)
{
    const struct bench_comparison *wall = bench_comparison_of(&result->bench, 1, BENCH_WALL);
    if (!wall)
        return;
    bool has_interval = wall->ratio_low > 0 && isfinite(wall->ratio_high);
    result->has_gain = true;
    result->gain = (struct experiment_gain){.factor = 1 / wall->ratio,
                                            .factor_low = has_interval ? 1 / wall->ratio_high : 0,
                                            .factor_high = has_interval ? 1 / wall->ratio_low : INFINITY,
                                            .is_bound = is_bound};
}

int experiment_by_knob(struct trial *trial, struct err *err)
{
    static const char *const names[] = {"as it is", "changed"};
    const struct experiment_request *request = trial->request;
    struct bench_text texts[2] = {trial->command, trial->after};
    const char *prepares[2] = {request->prepare_before, request->prepare_after};
    struct bench_options options = request->options;
    options.commands = texts;
    options.command_count = 2;
    options.names = names;
    options.name_count = 2;
    if (prepares[0] || prepares[1]) {
        options.prepares = prepares;
        options.prepare_count = 2;
    }
    int status = measure(trial, &options, err);
    if (!status)
        gain_of_comparison(trial->result, false);
    return status;
}

/* All calls of a run, kept; or why that cannot be. */
static int keep(struct trial *trial, struct err *err)
{
    struct stage_lines lines = {0};
    const char *stage = trial->request->stage;
    int status = names_look(trial, err);
    if (!status)
        status = run_stand_in(trial, "keep", &lines, err);
    if (!status && !lines.list.count)
        status = experiment_cannot(trial, "no call of '%s' went through PATH", stage);
    for (size_t i = 0; !status && i < lines.list.count; i++)
        if (lines.list.items[i].kind == STAGE_UNKEPT)
            status = experiment_cannot(trial, "what '%s' does could not be kept: %s", stage,
                                       lines.list.items[i].why);
    calls_sum(&lines, 1, &trial->result->calls);
    vec_free(&lines.list);
    return status;
}

/* How many calls of the measured runs were not the same as any that was kept. */
static int misses_look(struct trial *trial, struct err *err)
{
    struct stage_lines lines = {0};
    size_t missed = 0, replayed = 0;
    int status = stage_log_read(&trial->folder, "log", &trial->result->arena, &lines, err);
    for (size_t i = 0; i < lines.list.count; i++) {
        missed += lines.list.items[i].kind == STAGE_MISSED;
        replayed += lines.list.items[i].kind == STAGE_REPLAYED;
    }
    vec_free(&lines.list);
    if (status || !missed)
        return status;
    double ratio = (double)missed / (double)(missed + replayed);
    if (ratio > MISSED_RATIO_MAX)
        return experiment_cannot(trial, "%.0f %% of the calls of '%s' are other ones in each run",
                                 100 * ratio, trial->request->stage);
    return experiment_remark(trial->result, "%.1f %% of the calls were none that was kept, and ran for real",
                             100 * ratio)
               ? err_memory(err)
               : 0;
}

int experiment_by_replay(struct trial *trial, struct err *err)
{
    static const char *const names[] = {"as it is", "replayed"};
    const struct experiment_request *request = trial->request;
    struct bench_options options = request->options;
    struct bench_text texts[2];
    const char *reset = prepare_reset(trial);
    double share = request->speed > 0 ? 1 / request->speed : 0;
    int status = reset ? keep(trial, err) : err_memory(err);
    if (!status)
        status = stand_in(trial, "hold", 0, &texts[0], err);
    if (!status)
        status = stand_in(trial, "replay", share, &texts[1], err);
    if (status)
        return status;
    options.commands = texts;
    options.command_count = 2;
    options.names = names;
    options.name_count = 2;
    options.prepare = reset;
    stage_log_forget(&trial->folder, "log");
    status = measure(trial, &options, err);
    if (status == -ERR_ENVIRONMENT && !bench_was_interrupted())
        return experiment_cannot(trial, "the run fails when '%s' is replayed: %s", request->stage,
                                 err ? err->what : "");
    if (!status)
        status = misses_look(trial, err);
    if (!status)
        gain_of_comparison(trial->result, !(request->speed > 0));
    return status;
}

/* Wall times round by round; what was inserted is taken off where `inserted_ns` has it. NULL when memory ran out. */
static double *walls_of(const struct experiment_result *result, const double *inserted_ns)
{
    size_t width = result->level_count + 1, rounds = result->bench.rounds;
    double *walls = arena_alloc((struct arena *)(uintptr_t)&result->arena, rounds * width * sizeof *walls);
    for (size_t i = 0; walls && i < rounds * width; i++) {
        const struct bench_arm *arm = &result->bench.arms.items[i % width];
        size_t round = i / width;
        walls[i] = (double)arm->runs.items[round].wall_ns - (inserted_ns ? inserted_ns[i] : 0);
    }
    return walls;
}

/* Median of the runs as they are. */
static double wall_ns_of(const struct experiment_result *result)
{
    return result->bench.arms.items[0].summaries[BENCH_WALL].description.median;
}

int experiment_share(struct trial *trial, const double *inserted_ns, struct err *err)
{
    struct experiment_result *result = trial->result;
    double levels[EXPERIMENT_LEVELS_MAX];
    /* Others that stand still for s of the stage's time make it 1 + s times as fast beside them. */
    for (size_t i = 0; i < result->level_count; i++)
        levels[i] = inserted_ns ? -result->levels[i] / (1 + result->levels[i]) : result->levels[i];
    struct slope_rounds rounds = {.wall_ns = walls_of(result, inserted_ns),
                                  .levels = levels,
                                  .level_count = result->level_count,
                                  .round_count = result->bench.rounds,
                                  .confidence_ratio = result->bench.confidence_ratio};
    struct estimate share;
    if (!rounds.wall_ns)
        return err_memory(err);
    int status = slope_of_rounds(&rounds, &share, err);
    if (status)
        return status;
    /* What is added to the stage's calls is all that the run can lose. */
    bool is_exact = trial->means == EXPERIMENT_HOLD && wall_ns_of(result) > 0;
    double most = is_exact ? result->calls.elapsed_ns / wall_ns_of(result) : INFINITY;
    result->share = share.value = fmin(share.value, most);
    result->share_low = share.low = fmin(share.low, most);
    result->share_high = share.high = fmin(share.high, most);
    result->gain = slope_gain(&share);
    result->has_gain = true;
    return 0;
}

/* The unslowed command and each level of it, as arms. */
int experiment_measure_levels(struct trial *trial, struct bench_text *texts, struct err *err)
{
    struct experiment_result *result = trial->result;
    struct bench_options options = trial->request->options;
    const char *names[EXPERIMENT_LEVELS_MAX + 1] = {"as it is"};
    for (size_t i = 0; i < result->level_count; i++) {
        names[i + 1] = arena_printf(&result->arena, "+%.0f %%", 100 * result->levels[i]);
        if (!names[i + 1])
            return err_memory(err);
    }
    options.commands = texts;
    options.command_count = result->level_count + 1;
    options.names = names;
    options.name_count = result->level_count + 1;
    options.no_control = true; /* the levels are held against each other */
    return measure(trial, &options, err);
}

void experiment_levels_set(struct experiment_result *result)
{
    result->level_count = sizeof hold_levels / sizeof hold_levels[0];
    memcpy(result->levels, hold_levels, sizeof hold_levels);
}

/* The stage's calls in the runs that were measured, and in their warm-ups. */
static int held_sum(struct trial *trial, struct err *err)
{
    struct experiment_result *result = trial->result;
    struct stage_lines lines = {0};
    size_t rounds = result->bench.rounds + trial->request->options.warmup_count;
    int status = stage_log_read(&trial->folder, "log", &result->arena, &lines, err);
    calls_sum(&lines, (double)(rounds * (result->level_count + 1)), &result->calls);
    vec_free(&lines.list);
    return status;
}

int experiment_by_hold(struct trial *trial, struct err *err)
{
    struct experiment_result *result = trial->result;
    struct bench_text texts[EXPERIMENT_LEVELS_MAX + 1];
    struct stage_lines lines = {0};
    double blocked_ns = 0;
    experiment_levels_set(result);
    int status = names_look(trial, err);
    if (!status)
        status = run_stand_in(trial, "hold", &lines, err);
    if (!status && !lines.list.count)
        status = experiment_cannot(trial, "no call of '%s' went through PATH", trial->request->stage);
    for (size_t i = 0; i < lines.list.count; i++)
        blocked_ns += (double)lines.list.items[i].blocked_ns;
    calls_sum(&lines, 1, &result->calls);
    vec_free(&lines.list);
    if (!status && blocked_ns > BLOCKED_RATIO_MAX * result->calls.elapsed_ns)
        status = experiment_cannot(
            trial, "'%s' waits for the other end of its pipe: holding its end is not its work",
            trial->request->stage);
    for (size_t i = 0; !status && i <= result->level_count; i++)
        status = stand_in(trial, "hold", i ? result->levels[i - 1] : 0, &texts[i], err);
    stage_log_forget(&trial->folder, "log");
    if (!status)
        status = experiment_measure_levels(trial, texts, err);
    if (!status)
        status = held_sum(trial, err);
    return status ? status : experiment_share(trial, NULL, err);
}

/* Whether the stage is there, and runs enough for its stops to be felt. */
static int pace_look(struct trial *trial, struct err *err)
{
    struct stage_lines lines = {0};
    struct bench_text text;
    int status = paced(trial, 0, 0, &text, err);
    if (!status)
        status = run_once(trial, &text, "log0", &lines, err);
    double running = lines.list.count ? (double)lines.list.items[0].running_ns : 0;
    double alive = running + (lines.list.count ? (double)lines.list.items[0].blocked_ns : 0);
    vec_free(&lines.list);
    if (status)
        return status;
    if (!(alive > 0))
        return experiment_cannot(trial, "no process '%s' was seen to run", trial->request->stage);
    if (trial->means == EXPERIMENT_STOP && running < RUNNING_RATIO_MIN * alive)
        return experiment_cannot(
            trial, "'%s' waits for %.0f %% of its life, and a wait takes no longer when it is stopped",
            trial->request->stage, 100 * (1 - running / alive));
    return 0;
}

int experiment_by_pace(struct trial *trial, struct err *err)
{
    struct experiment_result *result = trial->result;
    struct bench_text texts[EXPERIMENT_LEVELS_MAX + 1];
    const double *inserted_ns = NULL;
    experiment_levels_set(result);
    result->calls = (struct experiment_stage){0};
    int status = pace_look(trial, err);
    stage_log_forget(&trial->folder, "log0");
    for (size_t i = 0; !status && i <= result->level_count; i++)
        status = paced(trial, i, i ? result->levels[i - 1] : 0, &texts[i], err);
    if (!status)
        status = experiment_measure_levels(trial, texts, err);
    if (!status)
        status = experiment_pace_read(trial, &inserted_ns, err);
    return status ? status
                  : experiment_share(trial, trial->means == EXPERIMENT_OTHERS ? inserted_ns : NULL, err);
}

int experiment_pace_read(struct trial *trial, const double **ret_inserted_ns, struct err *err)
{
    struct experiment_result *result = trial->result;
    size_t width = result->level_count + 1, rounds = result->bench.rounds;
    double *inserted = arena_alloc(&result->arena, rounds * width * sizeof *inserted);
    double running = 0, alive = 0;
    int status = inserted ? 0 : err_memory(err);
    for (size_t level = 0; !status && level < width; level++) {
        struct stage_lines lines = {0};
        char name[32];
        snprintf(name, sizeof name, "log%zu", level);
        status = stage_log_read(&trial->folder, name, &result->arena, &lines, err);
        /* The last ones are of the runs that count; warm-ups came before. */
        size_t skipped = lines.list.count > rounds ? lines.list.count - rounds : 0;
        for (size_t i = skipped; i < lines.list.count; i++) {
            const struct stage_line *line = &lines.list.items[i];
            inserted[(i - skipped) * width + level] = (double)line->added_ns;
            if (level)
                continue;
            running += (double)line->running_ns;
            alive += (double)line->running_ns + (double)line->blocked_ns;
            result->calls.elapsed_ns = alive / (double)(i - skipped + 1);
        }
        vec_free(&lines.list);
    }
    result->calls.running_ratio = alive > 0 ? running / alive : 0;
    *ret_inserted_ns = inserted;
    return status;
}
