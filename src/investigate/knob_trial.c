/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/knob_trial.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/bench.h"
#include "report/units.h"
#include "sweep/sweep.h"
#include "sweep/sweep_export.h"

/* Runs of a sweep of k values with w warm-ups: first rounds, those around the best, those of today's value against it; most values are
 * faster than today's, or leave early. */
#define SWEEP_RUNS(k, w) ((double)(k) * ((double)(w) + SWEEP_COARSE_LEAST) + 30)
#define SWEEP_PART       0.7
#define PAIR_ROUNDS      6u
#define PAIR_RUNS        (2.0 * (PAIR_ROUNDS + 1))
#define TIME_PART        0.8 /* of the time, until no more rounds than needed are run; and no longer than so: */
#define ENOUGH_S         10.0
#define ENOUGH_RUNS      15.0
#define LIMIT_LEAST_S                                                                                        \
    10.0 /* one run may take this, or so many of the recorded run, and no more than a part of the time */
#define LIMIT_RUNS         10.0
#define LIMIT_TIME_PARTS   3.0
#define EVIDENCE_MAX       6u
#define VALUES_TOLD_MAX    12u
#define RANGE_POINTS_LEAST 4u

struct trial {
    const struct question *question;
    const struct pipeline_knob *knob;
    struct knob_trial *result;
    struct answers *answers;
    struct pipeline_command open; /* the command with the knob's place left open */
    const char *evidence[EVIDENCE_MAX];
    double time_s, run_s;
    size_t warmup_count, point_count;
    struct err *err;
};

static enum sweep_objective objective_of(const struct pipeline_file *file)
{
    bool is_printed = file->measure.match != NULL;
    switch (file->objective.metric) {
    case PIPELINE_CPU: return is_printed ? SWEEP_PRINTED_LESS : SWEEP_CPU;
    case PIPELINE_MEMORY: return is_printed ? SWEEP_PRINTED_LESS : SWEEP_MEMORY;
    case PIPELINE_RATE: return is_printed ? SWEEP_PRINTED_MORE : SWEEP_WALL;
    case PIPELINE_WALL:
    case PIPELINE_LATENCY:
    case PIPELINE_COST:
    case PIPELINE_TOKENS: break;
    }
    return is_printed ? SWEEP_PRINTED_LESS : SWEEP_WALL;
}

/* How many values of a knob are tried at first. */
static size_t coarse_count(const struct pipeline_knob *knob)
{
    return (knob->value_count ? knob->value_count : SWEEP_POINTS) + 1;
}

/* What the time is enough for. */
static enum knob_design design_of(struct trial *trial)
{
    double runs = trial->time_s / fmax(trial->run_s, 1e-3);
    size_t count = coarse_count(trial->knob), most = trial->question->file->warmup_count;
    trial->warmup_count = most ? 1 : 0;
    while (trial->warmup_count < most && SWEEP_PART * SWEEP_RUNS(count, trial->warmup_count + 1) <= runs)
        trial->warmup_count++;
    /* A range can be looked at in fewer places. */
    while (!trial->knob->value_count && count > RANGE_POINTS_LEAST + 1 &&
           SWEEP_PART * SWEEP_RUNS(count, trial->warmup_count) > runs)
        count--;
    trial->point_count = trial->knob->value_count ? 0 : count - 1;
    if (SWEEP_PART * SWEEP_RUNS(count, trial->warmup_count) <= runs)
        return KNOB_SWEEP;
    return PAIR_RUNS <= runs ? KNOB_PAIR : KNOB_TOO_SHORT;
}

static int tell(struct trial *trial, const char *text)
{
    if (!text)
        return err_memory(trial->err);
    if (*text && trial->result->evidence_count < EVIDENCE_MAX)
        trial->evidence[trial->result->evidence_count++] = text;
    return 0;
}

static int tell_str(struct trial *trial, struct str *text)
{
    int status = text->failed ? err_memory(trial->err)
                              : tell(trial, arena_string(trial->question->arena, str_text(text)));
    str_free(text);
    return status;
}

/* A measurement ends by itself in time: as if it had been asked to. Who is asked without one running is not hurt. */
struct alarm {
    timer_t timer;
    struct sigaction old;
    bool is_set;
};

static void do_nothing(int signal)
{
    (void)signal;
}

static void alarm_set(struct alarm *alarm, double seconds)
{
    struct sigaction quiet = {.sa_handler = do_nothing};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)seconds + 1}};
    alarm->is_set = sigaction(SIGTERM, &quiet, &alarm->old) == 0;
    if (!alarm->is_set || timer_create(CLOCK_MONOTONIC, &event, &alarm->timer) != 0)
        return;
    if (timer_settime(alarm->timer, 0, &at, NULL) != 0)
        timer_delete(alarm->timer);
}

static void alarm_end(struct alarm *alarm)
{
    struct itimerspec never = {0};
    if (!alarm->is_set)
        return;
    if (alarm->timer && timer_settime(alarm->timer, 0, &never, NULL) == 0)
        timer_delete(alarm->timer);
    sigaction(SIGTERM, &alarm->old, NULL);
}

static void progress(void *context, const struct sweep_progress *progress)
{
    static const char *const phases[] = {"a first look", "around the best", "today against the best"};
    static const double parts[] = {0, 0.35, 0.7};
    const struct trial *trial = context;
    char doing[160];
    snprintf(doing, sizeof doing, "%s: %s, round %zu of %zu, %zu values", trial->knob->name,
             phases[progress->phase], progress->round, progress->round_count, progress->value_count);
    answers_progress(trial->answers, doing,
                     parts[progress->phase] + 0.3 * (double)progress->round / (double)progress->round_count);
}

/* What all measurements have in common. */
static int options_fill(struct trial *trial, struct bench_options *options)
{
    const struct pipeline_file *file = trial->question->file;
    options->warmup_count = trial->warmup_count;
    options->printed = file->measure.match;
    options->threshold_ratio = -1;
    options->cpu = -1;
    options->leave_out = true;
    /* A value with which the command hangs must not take the time of the others. */
    options->limit_s = fmin(fmax(LIMIT_LEAST_S, LIMIT_RUNS * trial->run_s), trial->time_s / LIMIT_TIME_PARTS);
    return page_cache_parse(file->cache, &options->cache, trial->err);
}

static double cost_ratio(const struct sweep_value *today, const struct sweep_value *value)
{
    return today->cost / value->cost;
}

/* Each value against today's: exact for the best where it was measured so, else from the two medians' intervals. */
static int outcomes_fill(struct trial *trial, const struct sweep_result *result)
{
    struct knob_trial *told = trial->result;
    const struct sweep_value *today = &result->values.items[result->today];
    told->outcomes = arena_alloc(trial->question->arena, result->values.count * sizeof *told->outcomes);
    if (!told->outcomes)
        return err_memory(trial->err);
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (!value->count || !today->count)
            continue;
        struct knob_outcome outcome = {.value = arena_string(trial->question->arena, value->knobs[0].text),
                                       .factor = cost_ratio(today, value),
                                       .factor_low = today->cost_low / value->cost_high,
                                       .factor_high = today->cost_high / value->cost_low};
        if (!outcome.value)
            return err_memory(trial->err);
        if (i == result->best && result->move.is_known) {
            outcome.factor = exp(-result->move.log_ratio.value);
            outcome.factor_low = exp(-result->move.log_ratio.high);
            outcome.factor_high = exp(-result->move.log_ratio.low);
        }
        told->outcomes[told->outcome_count++] = outcome;
        told->value_count++;
    }
    return 0;
}

/* Of a sweep in which nothing was shown to be better than today's value: how much better it may be all the same. */
static double most_left(const struct sweep_result *result)
{
    double most = 1;
    const struct sweep_value *today = &result->values.items[result->today];
    if (result->move.is_known)
        return exp(-result->move.log_ratio.low);
    if (result->today != result->best)
        return isfinite(today->log_ratio.high) ? exp(today->log_ratio.high) : NAN;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        const struct estimate *against = value->is_dropped ? &value->before : &value->log_ratio;
        if (i == result->best || !value->count)
            continue;
        if (!isfinite(against->low))
            return NAN;
        most = fmax(most, exp(-against->low));
    }
    return most;
}

static int tell_sweep(struct trial *trial, const struct sweep_result *result)
{
    struct str values = {0}, law = {0}, rounds = {0};
    char figure[FIGURE_MAX];
    size_t told = 0;
    for (size_t i = 0; i < result->values.count && told < VALUES_TOLD_MAX; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (value->count)
            str_printf(&values, "%s%s=%s %s", told++ ? ", " : "", trial->knob->name, value->knobs[0].text,
                       sweep_figure(result->objective, value->cost, figure));
        else if (sweep_failure(result, i))
            str_printf(&values, "%s%s=%s fails", told++ ? ", " : "", trial->knob->name, value->knobs[0].text);
    }
    str_append(&values, told ? " (medians)" : "");
    if (result->move.is_known)
        str_printf(&rounds, "today's value and the best in %zu rounds of their own, after %zu of all values",
                   result->move.pair_count, result->rounds[SWEEP_COARSE] + result->rounds[SWEEP_FINE]);
    else
        str_printf(&rounds, "%zu rounds of all values in turn",
                   result->rounds[SWEEP_COARSE] + result->rounds[SWEEP_FINE]);
    if (result->fit.law != SWEEP_LAW_NONE)
        sweep_law_text(result, &law);
    int status = tell_str(trial, &values);
    if (!status)
        status = tell_str(trial, &rounds);
    else
        str_free(&rounds);
    if (!status)
        return tell_str(trial, &law);
    str_free(&law);
    return status;
}

static int conclude_sweep(struct trial *trial, const struct sweep_result *result)
{
    struct knob_trial *told = trial->result;
    told->round_count = result->rounds[0] + result->rounds[1] + result->rounds[2];
    if (result->today == SWEEP_NONE || !result->values.items[result->today].count) {
        const char *why = result->today == SWEEP_NONE ? NULL : sweep_failure(result, result->today);
        told->failure = arena_printf(trial->question->arena, "%s=%s, today's value: %s", trial->knob->name,
                                     trial->knob->now, why ? why : "no run of it was finished in time");
        return told->failure ? 0 : err_memory(trial->err);
    }
    int status = outcomes_fill(trial, result);
    if (status)
        return status;
    if (result->move.is_known && result->move.verdict == EFFECT_FASTER) {
        for (size_t i = 0; i < told->outcome_count; i++)
            if (strcmp(told->outcomes[i].value, result->values.items[result->best].knobs[0].text) == 0)
                told->gain = told->outcomes[i];
        told->best = told->gain.value;
        told->factor_max = told->gain.factor_high;
    } else {
        told->factor_max = most_left(result);
    }
    return tell_sweep(trial, result);
}

static int sweep_knob(struct trial *trial)
{
    struct arena *arena = trial->question->arena;
    const struct pipeline_knob *knob = trial->knob;
    bool is_variable = knob->place == KNOB_ENVIRONMENT;
    const char *name = is_variable ? knob->variable : knob->name;
    const char *values = arena_printf(arena, "%s=%s", name, knob->values_text),
               *today = arena_printf(arena, "%s=%s", name, knob->now);
    if (!values || !today)
        return err_memory(trial->err);
    struct bench_text command = {
        .words = trial->open.words, .folder = trial->open.folder, .variables = trial->open.variables};
    struct sweep_options options = {
        .bench = {.commands = &command, .command_count = 1, .prepare = trial->open.prepare},
        .knobs = is_variable ? NULL : &values,
        .knob_count = is_variable ? 0 : 1,
        .environment_knobs = is_variable ? &values : NULL,
        .environment_knob_count = is_variable ? 1 : 0,
        .today = &today,
        .today_count = 1,
        .objective = objective_of(trial->question->file),
        .law = knob->role == KNOB_ROLE_WORKERS ? SWEEP_LAW_USL
               : knob->role == KNOB_ROLE_BATCH ? SWEEP_LAW_BATCH
                                               : SWEEP_LAW_AUTO,
        .point_count = trial->point_count,
        .time_s = fmin(trial->time_s * TIME_PART, fmax(ENOUGH_S, ENOUGH_RUNS * trial->run_s)),
        .progress = progress,
        .progress_context = trial};
    struct sweep_result result;
    struct alarm alarm = {0};
    int status = options_fill(trial, &options.bench);
    if (status)
        return status;
    alarm_set(&alarm, trial->time_s);
    status = sweep_run(&options, &result, trial->err);
    alarm_end(&alarm);
    if (status)
        return status;
    status = conclude_sweep(trial, &result);
    sweep_result_free(&result);
    return status;
}

static enum bench_metric metric_of(const struct pipeline_file *file)
{
    return file->objective.metric == PIPELINE_CPU      ? BENCH_CPU
           : file->objective.metric == PIPELINE_MEMORY ? BENCH_MEMORY
                                                       : BENCH_WALL;
}

static int conclude_pair(struct trial *trial, const struct bench_result *result, const char *candidate)
{
    struct knob_trial *told = trial->result;
    struct arena *arena = trial->question->arena;
    const struct bench_comparison *compared =
        bench_comparison_of(result, 1, metric_of(trial->question->file));
    for (size_t i = 0; i < 2 && i < result->arms.count; i++)
        if (result->arms.items[i].failure) {
            told->failure = arena_printf(arena, "%s=%s: %s", trial->knob->name,
                                         i ? candidate : trial->knob->now, result->arms.items[i].failure);
            return told->failure ? 0 : err_memory(trial->err);
        }
    told->round_count = result->rounds;
    told->value_count = 2;
    told->outcomes = arena_alloc(arena, sizeof *told->outcomes);
    if (!told->outcomes)
        return err_memory(trial->err);
    told->factor_max = NAN;
    if (!compared || !compared->pair_count)
        return 0;
    told->outcomes[told->outcome_count++] = (struct knob_outcome){.value = candidate,
                                                                  .factor = 1 / compared->ratio,
                                                                  .factor_low = 1 / compared->ratio_high,
                                                                  .factor_high = 1 / compared->ratio_low};
    if (compared->verdict == EFFECT_FASTER) {
        told->gain = told->outcomes[0];
        told->best = candidate;
    }
    told->factor_max = told->outcomes[0].factor_high;
    return tell(
        trial,
        arena_printf(
            arena, "%s=%s took %s, %s=%s %s (medians of %zu rounds of both in turn)", trial->knob->name,
            trial->knob->now,
            unit_duration((uint64_t)result->arms.items[0].summaries[BENCH_WALL].description.median).text,
            trial->knob->name, candidate,
            unit_duration((uint64_t)result->arms.items[1].summaries[BENCH_WALL].description.median).text,
            result->rounds));
}

static int pair_knob(struct trial *trial, const char *candidate)
{
    const struct pipeline_file *file = trial->question->file;
    struct pipeline_assignment assignment = {trial->knob->name, candidate};
    struct pipeline_command today, other;
    int status = pipeline_command_fill(file, NULL, 0, trial->question->arena, &today, trial->err);
    if (!status)
        status = pipeline_command_fill(file, &assignment, 1, trial->question->arena, &other, trial->err);
    if (status)
        return status;
    struct bench_text commands[] = {
        {.words = today.words, .folder = today.folder, .variables = today.variables},
        {.words = other.words, .folder = other.folder, .variables = other.variables}};
    const char *const prepares[] = {today.prepare, other.prepare};
    struct bench_options options = {.commands = commands,
                                    .command_count = 2,
                                    .prepares = today.prepare ? prepares : NULL,
                                    .prepare_count = today.prepare ? 2 : 0,
                                    .round_count = PAIR_ROUNDS,
                                    .no_control = true};
    struct bench_result result;
    struct alarm alarm = {0};
    status = options_fill(trial, &options);
    options.printed = NULL;
    options.leave_out = false;
    if (status)
        return status;
    answers_progress(trial->answers, "today's value against one other", -1);
    alarm_set(&alarm, trial->time_s);
    status = bench_run(&options, &result, trial->err);
    alarm_end(&alarm);
    if (status)
        return status;
    status = conclude_pair(trial, &result, candidate);
    bench_result_free(&result);
    return status;
}

/* A command that fails, or that cannot be started, is a matter of the pipeline: it is told. */
static int failure_of(struct trial *trial, int status)
{
    if (status != -ERR_ENVIRONMENT && status != -ERR_USAGE && status != -ERR_INPUT)
        return status;
    trial->result->failure = arena_string(trial->question->arena, trial->err->what);
    return trial->result->failure ? 0 : err_memory(trial->err);
}

int knob_trial_run(const struct question *question, const struct pipeline_knob *knob, const char *candidate,
                   double time_s, struct answers *answers, struct knob_trial *ret_trial, struct err *err)
{
    struct err own;
    struct knob_trial result = {.knob = knob, .candidate = candidate, .factor_max = NAN};
    struct trial trial = {.question = question,
                          .knob = knob,
                          .result = &result,
                          .answers = answers,
                          .time_s = time_s,
                          .run_s = (double)question->opened->verdict.run.wall_ns / 1e9,
                          .err = err ? err : &own};
    struct pipeline_kept *kept = NULL;
    int status = pipeline_command_open(question->file, knob, question->arena, &trial.open, trial.err);
    result.design = design_of(&trial);
    if (result.design == KNOB_PAIR && (!candidate || question->file->measure.match))
        result.design = KNOB_TOO_SHORT;
    if (!status && result.design != KNOB_TOO_SHORT)
        status = pipeline_files_keep(question->file, &kept, trial.err);
    if (!status && result.design == KNOB_SWEEP)
        status = failure_of(&trial, sweep_knob(&trial));
    else if (!status && result.design == KNOB_PAIR)
        status = failure_of(&trial, pair_knob(&trial, candidate));
    struct err restoring;
    if (pipeline_files_restore(kept, status ? &restoring : trial.err) && !status)
        status = -(int)trial.err->code;
    const char **evidence = arena_alloc(question->arena, EVIDENCE_MAX * sizeof *evidence);
    if (!status && !evidence)
        status = err_memory(trial.err);
    if (status)
        return status;
    memcpy(evidence, trial.evidence, sizeof trial.evidence);
    result.evidence = evidence;
    *ret_trial = result;
    return 0;
}
