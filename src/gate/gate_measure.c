/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_measure.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/words.h"
#include "bench/conditions.h"
#include "gate/gate_history.h"
#include "gate/gate_judge.h"
#include "gate/gate_source.h"
#include "gate/gate_values.h"

/* The interval gets as narrow as this part of what is allowed, within the two bounds: what the control shows by chance, and
 * Holm's correction, take some of it too. */
#define PRECISION_PART  8
#define PRECISION_LEAST 0.002
#define PRECISION_MOST  0.05
#define PRECISION_ALONE 0.01
#define ROUNDS_LEAST    20u
#define ROUNDS_BEYOND   4u
#define P99_ROUNDS      400u

struct measuring {
    const struct gate_measure_request *request;
    const struct gate *gate;
    const struct gate_check *checks[GATE_CHECKS_MAX]; /* the wanted ones of this gate */
    size_t indexes[GATE_CHECKS_MAX];
    size_t count;
    struct gate_outcome *outcomes;
    struct gate_measured *measured;
    bool was_interrupted;
};

static bool is_in_pairs(const struct measuring *measuring, const struct gate_check *check)
{
    return gate_limit_is_relative(check->limit) && measuring->gate->baseline.kind != GATE_AGAINST_HISTORY;
}

static struct gate_side side_before(const struct measuring *measuring)
{
    const struct gate_baseline *baseline = &measuring->gate->baseline;
    return baseline->kind == GATE_AGAINST_COMMAND
               ? (struct gate_side){.command = baseline->command}
               : (struct gate_side){.command = measuring->gate->command,
                                    .folder = measuring->request->baseline_folder};
}

/* How many of a kind there are, and whether one of them is compared with a baseline that runs. */
static size_t count_of_kind(const struct measuring *measuring, enum gate_source_kind kind,
                            bool *ret_has_pairs)
{
    size_t count = 0;
    *ret_has_pairs = false;
    for (size_t i = 0; i < measuring->count; i++) {
        if (measuring->checks[i]->source.kind != kind)
            continue;
        count++;
        *ret_has_pairs = *ret_has_pairs || is_in_pairs(measuring, measuring->checks[i]);
    }
    return count;
}

static int measure_check(const struct measuring *measuring, size_t at, const double *after,
                         const double *before, size_t count, bool is_one, struct err *err)
{
    const struct gate_measure_request *request = measuring->request;
    const struct gate_check *check = measuring->checks[at];
    struct gate_samples samples = {.after = after, .before = before, .count = count, .is_one = is_one};
    double *earlier = NULL;
    int status = 0;
    if (is_in_pairs(measuring, check)) {
        samples.design = GATE_PAIRS;
    } else if (gate_limit_is_relative(check->limit)) {
        samples.design = GATE_BESIDE_HISTORY;
        if (request->history)
            status = gate_history_values(request->history, request->config, check, request->machine, &earlier,
                                         &samples.before_count, err);
        samples.before = earlier;
    }
    if (!status)
        status =
            gate_measure(check, &samples, &measuring->measured->conditions, request->config->confidence_ratio,
                         &measuring->outcomes[measuring->indexes[at]], err);
    free(earlier);
    return status;
}

static double value_of_run(const struct gate_check *check, const struct bench_run *run)
{
    switch (check->metric) {
    case GATE_CPU: return bench_metric_of(run, BENCH_CPU);
    case GATE_MEMORY: return bench_metric_of(run, BENCH_MEMORY);
    case GATE_ROWS: return check->source.rows / (bench_metric_of(run, BENCH_WALL) / (double)NS_PER_S);
    case GATE_WALL:
    case GATE_P99:
    case GATE_SIZE:
    case GATE_TOKENS:
    case GATE_COST: break;
    }
    return bench_metric_of(run, BENCH_WALL);
}

static double precision_wanted(const struct measuring *measuring)
{
    double narrowest = PRECISION_ALONE;
    bool has_one = false;
    for (size_t i = 0; i < measuring->count; i++) {
        const struct gate_check *check = measuring->checks[i];
        if (check->source.kind != GATE_FROM_RUNS || !is_in_pairs(measuring, check))
            continue;
        double wanted = fmin(fmax(log1p(check->bound) / PRECISION_PART, PRECISION_LEAST), PRECISION_MOST);
        narrowest = has_one ? fmin(narrowest, wanted) : wanted;
        has_one = true;
    }
    return narrowest;
}

static size_t rounds_least(const struct measuring *measuring)
{
    size_t least =
        gate_rounds_least(measuring->request->judged_count, measuring->request->config->confidence_ratio) +
        ROUNDS_BEYOND;
    for (size_t i = 0; i < measuring->count; i++)
        if (measuring->checks[i]->metric == GATE_P99 && measuring->checks[i]->source.kind == GATE_FROM_RUNS)
            least = P99_ROUNDS;
    return least > ROUNDS_LEAST ? least : ROUNDS_LEAST;
}

static double time_wanted(const struct measuring *measuring)
{
    double asked = measuring->request->time_s > 0 ? measuring->request->time_s : measuring->gate->time_s;
    return asked > 0 ? asked : GATE_TIME_S;
}

static void conditions_fill(const struct bench_result *result, struct gate_conditions *ret_conditions)
{
    *ret_conditions =
        (struct gate_conditions){.steal_ratio = result->steal_ratio,
                                 .outside_cores = result->outside_cores,
                                 .cpu_count = result->cpu_count,
                                 .has_control = result->has_control && result->control.pair_count,
                                 .control_ratio = result->control.ratio,
                                 .control_low = result->control.ratio_low,
                                 .control_high = result->control.ratio_high};
}

/* From the rounds of a benchmark to the outcomes of the checks that come from runs. */
static int read_runs(struct measuring *measuring, const struct bench_result *result, bool has_before,
                     struct err *err)
{
    const struct bench_arm *after = &result->arms.items[has_before], *before = &result->arms.items[0];
    size_t count = after->runs.count;
    double *values = calloc(2 * count + 1, sizeof *values);
    int status = values ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < measuring->count; i++) {
        const struct gate_check *check = measuring->checks[i];
        if (check->source.kind != GATE_FROM_RUNS)
            continue;
        for (size_t run = 0; run < count; run++) {
            values[run] = value_of_run(check, &after->runs.items[run]);
            values[count + run] = value_of_run(check, &before->runs.items[run]);
        }
        status = measure_check(measuring, i, values, has_before ? values + count : NULL, count, false, err);
    }
    free(values);
    return status;
}

/* bench's own hints name options of its own. */
static void hint_fill(const struct gate *gate, bool has_copy, struct err *err)
{
    struct arena arena = {0};
    struct words words;
    if (!gate->use_shell && words_split(gate->command, &arena, &words, NULL) == 0 && words.shell_character)
        err_hint(err, "it holds a '%c', which no shell has seen: 'shell: true' lets one run it",
                 words.shell_character);
    else if (has_copy)
        err_hint(err,
                 "--show-output shows what it says; the baseline runs in a clean copy, which holds what git "
                 "knows and what the build makes");
    else
        err_hint(err, "--show-output shows what it says");
    arena_free(&arena);
}

static int run_bench(struct measuring *measuring, struct err *err)
{
    const struct gate_measure_request *request = measuring->request;
    const struct gate *gate = measuring->gate;
    bool has_before;
    if (!count_of_kind(measuring, GATE_FROM_RUNS, &has_before))
        return 0;
    struct gate_side before = side_before(measuring);
    struct bench_text commands[2];
    size_t count = 0;
    if (has_before)
        commands[count++] = (struct bench_text){.line = before.command, .folder = before.folder};
    commands[count++] = (struct bench_text){.line = gate->command};
    struct bench_options options = {.commands = commands,
                                    .command_count = count,
                                    .use_shell = gate->use_shell,
                                    .prepare = gate->prepare,
                                    .cleanup = gate->cleanup,
                                    .input = gate->input,
                                    .warmup_count = gate->warmup,
                                    .round_count = request->runs ? request->runs : gate->runs,
                                    .round_count_min = rounds_least(measuring),
                                    .time_s = time_wanted(measuring),
                                    .precision_ratio = precision_wanted(measuring),
                                    .confidence_ratio = request->config->confidence_ratio,
                                    .threshold_ratio = -1,
                                    .seed = request->seed,
                                    .show_output = request->show_output,
                                    .cpu = -1,
                                    .progress = request->progress,
                                    .progress_context = request->progress_context};
    struct bench_result result;
    int status = bench_run(&options, &result, err);
    if (status == -ERR_ENVIRONMENT)
        hint_fill(gate, has_before && before.folder, err);
    if (status)
        return status;
    measuring->was_interrupted = result.stop == BENCH_STOP_INTERRUPT;
    measuring->measured->rounds = result.rounds;
    conditions_fill(&result, &measuring->measured->conditions);
    if (!measuring->was_interrupted)
        status = read_runs(measuring, &result, has_before, err);
    bench_result_free(&result);
    return status;
}

static void values_progress(void *context, size_t round, size_t round_count)
{
    const struct gate_measure_request *request = context;
    struct bench_progress progress = {.round = round, .round_count = round_count, .half_ratio = INFINITY};
    if (request->progress)
        request->progress(request->progress_context, &progress);
}

static uint64_t children_cpu_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage))
        return 0;
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US;
}

static int read_values(struct measuring *measuring, const struct gate_values *values, bool has_before,
                       struct err *err)
{
    int status = 0;
    size_t at = 0;
    for (size_t i = 0; !status && i < measuring->count; i++) {
        if (measuring->checks[i]->source.kind != GATE_FROM_TEXT)
            continue;
        /* One run of a time says nothing of how it varies; a file that nothing here wrote is what it is. */
        bool is_one = values->rounds == 1 && (!measuring->gate->command ||
                                              !gate_metric_about(measuring->checks[i]->metric)->is_time);
        status =
            measure_check(measuring, i, gate_values_of(values, 0, at),
                          has_before ? gate_values_of(values, 1, at) : NULL, values->rounds, is_one, err);
        at++;
    }
    return status;
}

static int run_values(struct measuring *measuring, struct err *err)
{
    const struct gate_check *checks[GATE_CHECKS_MAX];
    bool has_before;
    size_t count = 0;
    if (!count_of_kind(measuring, GATE_FROM_TEXT, &has_before))
        return 0;
    for (size_t i = 0; i < measuring->count; i++)
        if (measuring->checks[i]->source.kind == GATE_FROM_TEXT)
            checks[count++] = measuring->checks[i];
    struct gate gate = *measuring->gate;
    gate.runs = measuring->request->runs ? measuring->request->runs : gate.runs;
    struct gate_side sides[] = {{.command = gate.command}, side_before(measuring)};
    struct gate_values_request request = {
        .gate = &gate,
        .checks = checks,
        .check_count = count,
        .sides = sides,
        .side_count = has_before ? 2 : 1,
        .round_least =
            gate_rounds_least(measuring->request->judged_count, measuring->request->config->confidence_ratio),
        .time_s = time_wanted(measuring),
        .progress = values_progress,
        .progress_context = (void *)(uintptr_t)measuring->request};
    struct gate_values values;
    struct conditions before = conditions_now();
    uint64_t cpu_ns = children_cpu_ns();
    int status = gate_values_run(&request, &values, err);
    if (status)
        return status;
    struct conditions after = conditions_now();
    struct gate_conditions *conditions = &measuring->measured->conditions;
    double steal = conditions_steal_ratio(&before, &after);
    double outside = conditions_outside_cores(&before, &after, children_cpu_ns() - cpu_ns);
    conditions->steal_ratio = fmax(conditions->steal_ratio, steal);
    conditions->outside_cores = fmax(conditions->outside_cores, outside);
    if (!conditions->cpu_count)
        conditions->cpu_count = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    measuring->was_interrupted = measuring->was_interrupted || values.was_interrupted;
    if (!measuring->was_interrupted)
        status = read_values(measuring, &values, has_before, err);
    measuring->measured->rounds += values.rounds;
    gate_values_free(&values);
    return status;
}

static int read_files(struct measuring *measuring, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < measuring->count; i++) {
        const struct gate_check *check = measuring->checks[i];
        double after, before = NAN;
        if (check->source.kind != GATE_FROM_FILES)
            continue;
        status = gate_source_bytes(check->source.files, NULL, &after, err);
        if (!status && is_in_pairs(measuring, check))
            status =
                gate_source_bytes(check->source.files, measuring->request->baseline_folder, &before, err);
        if (!status)
            status = measure_check(measuring, i, &after, &before, 1, true, err);
    }
    return status;
}

int gate_measure_run(const struct gate_measure_request *request, struct gate_outcome *ret_outcomes,
                     struct gate_measured *ret_measured, bool *ret_interrupted, struct err *err)
{
    const struct gate_config *config = request->config;
    struct gate_measured measured = {.seed = request->seed};
    struct measuring measuring = {.request = request,
                                  .gate = &config->gates.items[request->gate],
                                  .outcomes = ret_outcomes,
                                  .measured = &measured};
    for (size_t i = 0; i < config->checks.count; i++) {
        if (!request->wanted[i] || config->checks.items[i].gate != request->gate)
            continue;
        measuring.checks[measuring.count] = &config->checks.items[i];
        measuring.indexes[measuring.count++] = i;
    }
    uint64_t begin_ns = clock_monotonic_ns();
    int status = run_bench(&measuring, err);
    if (!status && !measuring.was_interrupted)
        status = run_values(&measuring, err);
    if (!status && !measuring.was_interrupted)
        status = read_files(&measuring, err);
    if (status)
        return err_wrap(err, "gate '%s'", measuring.gate->name);
    measured.duration_ns = clock_monotonic_ns() - begin_ns;
    *ret_measured = measured;
    *ret_interrupted = measuring.was_interrupted;
    return 0;
}
