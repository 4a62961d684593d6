/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "bench/plan.h"
#include "bench/session.h"
#include "sweep/sweep_judge.h"

#define VALUES_COARSE_MAX 48u
#define BETWEEN           2u /* new values on each side of the best */
#define BETWEEN_AT_END    3u /* where it has one side only */
#define NS_PER_S_DOUBLE   1e9

struct sweep {
    const struct sweep_options *options;
    struct bench_options bench;
    struct sweep_result *result;
    struct session *session;
    struct knob_value today[SWEEP_KNOBS_MAX];
    size_t round; /* the next one's number */
    uint64_t begin_ns;
};

bool sweep_is_rate(enum sweep_objective objective)
{
    return objective == SWEEP_ROWS || objective == SWEEP_PRINTED_MORE;
}

double sweep_shown(enum sweep_objective objective, double cost)
{
    return sweep_is_rate(objective) ? 1 / cost : cost;
}

const char *sweep_objective_name(enum sweep_objective objective)
{
    static const char *const names[] = {"wall_ns",    "cpu_ns",  "memory_bytes_max",
                                        "rows_per_s", "printed", "printed"};
    return names[objective];
}

bool sweep_is_flat(const struct sweep_result *result)
{
    size_t measured = 0;
    for (size_t i = 0; i < result->values.count; i++)
        measured += result->values.items[i].count > 0;
    return measured > 1 && result->tied_count == measured;
}

bool sweep_is_told(const struct sweep_result *result)
{
    for (size_t i = 0; i < result->values.count; i++)
        if (i != result->best && result->values.items[i].count &&
            !isfinite(result->values.items[i].log_ratio.low))
            return false;
    return true;
}

void sweep_change(const struct sweep_result *result, size_t value, size_t knob, struct str *text)
{
    str_printf(text, "set:knob/%s=%s", result->knobs[knob].name,
               result->values.items[value].knobs[knob].text);
}

/* What is asked for, understood. */

static int knobs_read(struct sweep *sweep, struct err *err)
{
    const struct sweep_options *options = sweep->options;
    struct sweep_result *result = sweep->result;
    size_t plain = options->knob_count, count = plain + options->environment_knob_count;
    if (!count) {
        err_set(err, ERR_USAGE, "could not tune: there is no knob");
        err_hint(err, "--knob workers=1..64 puts values in the place of {workers}; --env-knob "
                      "OMP_NUM_THREADS=1..8 sets a variable");
        return -ERR_USAGE;
    }
    if (count > SWEEP_KNOBS_MAX)
        return err_set(err, ERR_USAGE, "could not tune %zu knobs at once: %u at most", count,
                       SWEEP_KNOBS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *text = i < plain ? options->knobs[i] : options->environment_knobs[i - plain];
        int status = knob_parse(text, i >= plain, &result->bench.arena, &result->knobs[i], err);
        if (status)
            return status;
        if (i && strcmp(result->knobs[0].name, result->knobs[i].name) == 0)
            return err_set(err, ERR_USAGE, "could not tune knob '%s' twice", result->knobs[i].name);
        result->knob_count++;
    }
    return 0;
}

static bool holds(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text ? strchr(text, '{') : NULL; at; at = strchr(at + 1, '{'))
        if (strncmp(at + 1, name, length) == 0 && at[length + 1] == '}')
            return true;
    return false;
}

/* A knob that is nowhere would be measured all the same, and be flat. */
static int knobs_check(const struct sweep *sweep, struct err *err)
{
    const struct bench_options *bench = &sweep->bench;
    for (size_t i = 0; i < sweep->result->knob_count; i++) {
        const struct knob *knob = &sweep->result->knobs[i];
        const struct bench_text *command = &bench->commands[0];
        bool is_used = knob->is_environment || holds(command->line, knob->name) ||
                       holds(bench->setup, knob->name) || holds(bench->prepare, knob->name);
        for (size_t word = 0; command->words && command->words[word]; word++)
            is_used = is_used || holds(command->words[word], knob->name);
        for (size_t at = 0; at < bench->prepare_count; at++)
            is_used = is_used || holds(bench->prepares[at], knob->name);
        if (is_used)
            continue;
        err_set(err, ERR_USAGE, "could not tune knob '%s': the command does not hold {%s}", knob->name,
                knob->name);
        err_hint(err, "write {%s} where the value belongs, or --env-knob for a variable of the environment",
                 knob->name);
        return -ERR_USAGE;
    }
    return 0;
}

static int today_read(struct sweep *sweep, struct err *err)
{
    const struct sweep_options *options = sweep->options;
    struct sweep_result *result = sweep->result;
    if (!options->today_count)
        return 0;
    for (size_t i = 0; i < options->today_count; i++) {
        const char *text = options->today[i], *equals = strchr(text, '=');
        size_t knob = 0, length = equals ? (size_t)(equals - text) : 0;
        while (knob < result->knob_count && (strlen(result->knobs[knob].name) != length ||
                                             strncmp(result->knobs[knob].name, text, length) != 0))
            knob++;
        if (!equals || knob == result->knob_count)
            return err_set(err, ERR_USAGE, "could not understand '%s' of --today: it is NAME=VALUE of a knob",
                           text);
        int status =
            knob_value_of(&result->knobs[knob], equals + 1, &result->bench.arena, &sweep->today[knob], err);
        if (status)
            return status;
    }
    for (size_t knob = 0; knob < result->knob_count; knob++)
        if (!sweep->today[knob].text)
            return err_set(err, ERR_USAGE, "could not place today: --today %s=VALUE is missing",
                           result->knobs[knob].name);
    return 0;
}

/* Values and their arms. */

static bool is_there(const struct sweep_result *result, const struct knob_value *knobs, size_t *ret_at)
{
    for (size_t i = 0; i < result->values.count; i++) {
        size_t same = 0;
        for (size_t knob = 0; knob < result->knob_count; knob++)
            same += knob_equal(&result->values.items[i].knobs[knob], &knobs[knob]);
        if (same == result->knob_count) {
            *ret_at = i;
            return true;
        }
    }
    return false;
}

static int rows_read(struct sweep *sweep, struct sweep_value *value, struct err *err)
{
    struct bench_result *bench = &sweep->result->bench;
    value->rows = 1;
    if (sweep->options->objective != SWEEP_ROWS)
        return 0;
    char *text = plan_fill_in(&bench->arms.items[value->arm], sweep->options->rows, bench);
    if (!text)
        return err_memory(err);
    if (num_parse_double(text, &value->rows) || value->rows <= 0) {
        err_set(err, ERR_USAGE, "could not understand '%s' of --rows: it is no number above 0", text);
        err_hint(err, "--rows 100000, or --rows '{batch}' for a run that does one batch");
        return -ERR_USAGE;
    }
    return 0;
}

/* The command's own variables (none of them a knob), then "NAME=VALUE" of the knobs that are some. NULL when memory ran
 * out. */
static char **variables_of(struct sweep *sweep, const struct knob_value *knobs)
{
    struct sweep_result *result = sweep->result;
    struct arena *arena = &result->bench.arena;
    char *const *own = sweep->bench.commands[0].variables;
    size_t count = 0;
    while (own && own[count])
        count++;
    char **variables = arena_alloc(arena, (count + SWEEP_KNOBS_MAX + 1) * sizeof *variables);
    for (size_t i = 0; variables && i < count; i++)
        variables[i] = own[i];
    for (size_t i = 0; variables && i < result->knob_count; i++) {
        if (!result->knobs[i].is_environment)
            continue;
        variables[count] = arena_printf(arena, "%s=%s", result->knobs[i].name, knobs[i].text);
        if (!variables[count++])
            return NULL;
    }
    return variables;
}

static int value_add(struct sweep *sweep, const struct knob_value *knobs, enum sweep_phase phase,
                     struct err *err)
{
    struct sweep_result *result = sweep->result;
    struct sweep_value value = {.joined = phase, .arm = result->bench.arms.count, .reference = SWEEP_NONE};
    struct bench_parameter parameters[SWEEP_KNOBS_MAX];
    size_t at;
    if (is_there(result, knobs, &at))
        return 0;
    if (result->values.count + 2 > BENCH_ARMS_MAX) /* one is for the control */
        return 0;
    for (size_t i = 0; i < result->knob_count; i++) {
        value.knobs[i] = knobs[i];
        parameters[i] = (struct bench_parameter){result->knobs[i].name, knobs[i].text};
    }
    struct bench_text command = sweep->bench.commands[0];
    struct bench_options bench = sweep->bench;
    command.variables = variables_of(sweep, knobs);
    if (!command.variables)
        return err_memory(err);
    bench.commands = &command;
    int status = plan_arm_of(&bench, parameters, result->knob_count, &result->bench, err);
    if (!status)
        status = rows_read(sweep, &value, err);
    if (!status && vec_push(&result->values, value))
        status = err_memory(err);
    return status;
}

/* Every value of the first knob with every one of the second. */
static int values_cross(struct sweep *sweep, const struct knob_value *first, size_t first_count,
                        const struct knob_value *second, size_t second_count, enum sweep_phase phase,
                        struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < first_count; i++)
        for (size_t j = 0; !status && j < second_count; j++)
            status = value_add(sweep, (struct knob_value[]){first[i], second[j]}, phase, err);
    return status;
}

static int coarse_values(struct sweep *sweep, struct err *err)
{
    struct sweep_result *result = sweep->result;
    struct knob_value values[SWEEP_KNOBS_MAX][KNOB_VALUES_MAX];
    size_t counts[SWEEP_KNOBS_MAX] = {1, 1};
    size_t wanted = sweep->options->point_count ? sweep->options->point_count
                    : result->knob_count == 1   ? SWEEP_POINTS
                                                : SWEEP_POINTS_TWO;
    values[1][0] = (struct knob_value){"", NAN};
    for (size_t knob = 0; knob < result->knob_count; knob++) {
        counts[knob] = knob_coarse(&result->knobs[knob], wanted, &result->bench.arena, values[knob]);
        if (!counts[knob])
            return err_memory(err);
    }
    if (counts[0] * counts[1] > VALUES_COARSE_MAX) {
        err_set(err, ERR_USAGE, "could not tune with %zu values at once: %u at most", counts[0] * counts[1],
                VALUES_COARSE_MAX);
        err_hint(err, "a range takes --points; a list can be shorter");
        return -ERR_USAGE;
    }
    int status = values_cross(sweep, values[0], counts[0], values[1], counts[1], SWEEP_COARSE, err);
    if (!status && sweep->options->today_count)
        status = value_add(sweep, sweep->today, SWEEP_COARSE, err);
    return status;
}

/* The nearest values of one knob on both sides of the best one; NAN: none. */
static void neighbours(const struct sweep_result *result, size_t best, size_t knob, double *ret_below,
                       double *ret_above)
{
    double at = result->values.items[best].knobs[knob].number, below = NAN, above = NAN;
    for (size_t i = 0; i < result->values.count; i++) {
        double number = result->values.items[i].knobs[knob].number;
        if (number < at && !(below >= number))
            below = number;
        if (number > at && !(above <= number))
            above = number;
    }
    *ret_below = below;
    *ret_above = above;
}

/* New values of one knob on both sides of the best, the best's own among them. */
static size_t fine_of_knob(struct sweep *sweep, size_t best, size_t knob, size_t each, size_t at_end,
                           struct knob_value ret_values[3 * KNOB_VALUES_MAX])
{
    struct sweep_result *result = sweep->result;
    const struct knob *about = &result->knobs[knob];
    struct knob_value own = result->values.items[best].knobs[knob];
    double below, above;
    size_t count = 0;
    neighbours(result, best, knob, &below, &above);
    if (isfinite(below))
        count += knob_between(about, below, own.number, isfinite(above) ? each : at_end, &result->bench.arena,
                              ret_values);
    ret_values[count++] = own;
    if (isfinite(above))
        count += knob_between(about, own.number, above, isfinite(below) ? each : at_end, &result->bench.arena,
                              ret_values + count);
    return count;
}

static int fine_values(struct sweep *sweep, size_t best, struct err *err)
{
    struct knob_value values[SWEEP_KNOBS_MAX][3 * KNOB_VALUES_MAX];
    size_t counts[SWEEP_KNOBS_MAX] = {1, 1};
    bool is_one = sweep->result->knob_count == 1;
    values[1][0] = (struct knob_value){"", NAN};
    for (size_t knob = 0; knob < sweep->result->knob_count; knob++)
        counts[knob] =
            fine_of_knob(sweep, best, knob, is_one ? BETWEEN : 1, is_one ? BETWEEN_AT_END : 1, values[knob]);
    return values_cross(sweep, values[0], counts[0], values[1], counts[1], SWEEP_FINE, err);
}

/* Rounds. */

static double spent_s(const struct sweep *sweep)
{
    return (double)(clock_monotonic_ns() - sweep->begin_ns) / NS_PER_S_DOUBLE;
}

static void tell(const struct sweep *sweep, enum sweep_phase phase, size_t done, size_t wanted,
                 size_t value_count, uint64_t since_ns)
{
    double each = (double)(clock_monotonic_ns() - since_ns) / NS_PER_S_DOUBLE / (double)(done ? done : 1);
    struct sweep_progress progress = {phase, done, wanted, value_count, each * (double)(wanted - done)};
    if (sweep->options->progress)
        sweep->options->progress(sweep->options->progress_context, &progress);
}

struct phase {
    enum sweep_phase phase;
    const size_t *arms;
    size_t count;
    size_t wanted, least; /* rounds */
    double until_s;       /* no more than `least` once so much time is spent */
};

/* The rounds of a phase start at an even number, so that they belong together in twos. */
static int phase_run(struct sweep *sweep, const struct phase *phase, struct err *err)
{
    struct session_round round = {.arms = phase->arms, .count = phase->count};
    uint64_t since_ns = clock_monotonic_ns();
    int status = 0;
    sweep->round += sweep->round % 2;
    for (size_t done = 0; !status && done < phase->wanted && !bench_was_interrupted();) {
        round.number = sweep->round++;
        status = session_round(sweep->session, &round, err);
        if (status || bench_was_interrupted())
            break;
        sweep->result->rounds[phase->phase] = ++done;
        tell(sweep, phase->phase, done, phase->wanted, phase->count, since_ns);
        if (done >= phase->least && spent_s(sweep) >= phase->until_s) {
            sweep->result->bench.stop = BENCH_STOP_TIME;
            break;
        }
    }
    return status;
}

/* Arms of the values that are not dropped and did not fail; of those that joined in `only`, where that is not NULL. */
static size_t live_arms(const struct sweep_result *result, const enum sweep_phase *only,
                        size_t arms[BENCH_ARMS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < result->values.count; i++) {
        const struct sweep_value *value = &result->values.items[i];
        if (!value->is_dropped && !result->bench.arms.items[value->arm].failure &&
            (!only || value->joined == *only))
            arms[count++] = value->arm;
    }
    return count;
}

/* What comes before the first run of arms that are new. */
static int prepare_arms(struct sweep *sweep, const size_t *arms, size_t count, struct err *err)
{
    struct session_round round = {.arms = arms, .count = count, .is_warmup = true};
    int status = 0;
    for (size_t i = 0; !status && i < count && !bench_was_interrupted(); i++)
        status = session_once(sweep->session, arms[i], true, err);
    for (; !status && count && round.number < sweep->bench.warmup_count && !bench_was_interrupted();
         round.number++)
        status = session_round(sweep->session, &round, err);
    return status;
}

static int all_fail(const struct sweep_result *result, struct err *err)
{
    const struct sweep_value *first = &result->values.items[0];
    const char *why = result->bench.arms.items[first->arm].failure;
    err_set(err, ERR_ENVIRONMENT, "could not tune: the command fails with every value: %s",
            why ? why : "interrupted");
    err_hint(err, "--show-output shows what it says; --ignore-failure measures it all the same");
    return -ERR_ENVIRONMENT;
}

static int coarse(struct sweep *sweep, size_t *ret_best, struct err *err)
{
    size_t arms[BENCH_ARMS_MAX];
    size_t count = live_arms(sweep->result, NULL, arms);
    int status = prepare_arms(sweep, arms, count, err);
    session_conditions_begin(sweep->session);
    sweep->begin_ns = clock_monotonic_ns();
    count = live_arms(sweep->result, NULL, arms);
    struct phase phase = {
        SWEEP_COARSE, arms, count, SWEEP_COARSE_ROUNDS, SWEEP_COARSE_LEAST, sweep->options->time_s / 3};
    if (!status && count)
        status = phase_run(sweep, &phase, err);
    if (!status && !live_arms(sweep->result, NULL, arms))
        return all_fail(sweep->result, err);
    return status ? status : sweep_drop(sweep->result, ret_best, err);
}

static int fine(struct sweep *sweep, size_t best, struct err *err)
{
    size_t arms[BENCH_ARMS_MAX];
    enum sweep_phase only = SWEEP_FINE;
    int status = fine_values(sweep, best, err);
    if (!status)
        status = prepare_arms(sweep, arms, live_arms(sweep->result, &only, arms), err);
    if (status)
        return status;
    size_t count = live_arms(sweep->result, NULL, arms), least = sweep_rounds_least(sweep->result);
    size_t wanted = sweep->options->round_count ? sweep->options->round_count
                    : least + 2 > SWEEP_ROUNDS  ? least + 2
                                                : SWEEP_ROUNDS;
    struct phase phase = {SWEEP_FINE, arms, count, wanted, least, sweep->options->time_s};
    sweep->result->fine_start = sweep->round + sweep->round % 2;
    return count > 1 ? phase_run(sweep, &phase, err) : 0;
}

/* Today's value and the best one, and the best against itself. */
static int confirm(struct sweep *sweep, struct err *err)
{
    struct sweep_result *result = sweep->result;
    size_t best, wanted = sweep->options->round_count ? sweep->options->round_count : SWEEP_ROUNDS;
    int status = sweep_best(result, &best, err);
    if (status || best == SWEEP_NONE || result->today == SWEEP_NONE || best == result->today ||
        result->bench.arms.items[result->values.items[result->today].arm].failure)
        return status;
    struct bench_arm control = result->bench.arms.items[result->values.items[best].arm];
    control.name = "control";
    control.is_control = true;
    memset(&control.runs, 0, sizeof control.runs);
    if (vec_push(&result->bench.arms, control))
        return err_memory(err);
    result->control_arm = result->bench.arms.count - 1;
    size_t arms[] = {result->values.items[result->today].arm, result->values.items[best].arm,
                     result->control_arm};
    struct phase phase = {SWEEP_CONFIRM, arms, 3, wanted, BENCH_ROUNDS_LEAST, sweep->options->time_s};
    result->confirm_start = sweep->round + sweep->round % 2;
    return phase_run(sweep, &phase, err);
}

static int conclude(struct sweep *sweep, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < sweep->result->values.count && !bench_was_interrupted(); i++)
        status = session_once(sweep->session, sweep->result->values.items[i].arm, false, err);
    return status;
}

static int measure(struct sweep *sweep, struct err *err)
{
    size_t best = SWEEP_NONE;
    struct sweep_result *result = sweep->result;
    int status = coarse(sweep, &best, err);
    if (!status && best != SWEEP_NONE && !bench_was_interrupted())
        status = fine(sweep, best, err);
    if (!status && result->today != SWEEP_NONE && !bench_was_interrupted())
        status = confirm(sweep, err);
    session_conditions_end(sweep->session);
    if (!status)
        status = conclude(sweep, err);
    if (bench_was_interrupted())
        result->bench.stop = BENCH_STOP_INTERRUPT;
    if (!status && !result->bench.rounds)
        status = err_set(err, ERR_ENVIRONMENT, "could not tune: interrupted before the first round was done");
    return status;
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* Values of a list have no order but their own, which is that of their arms. */
static int compare_values(const void *left, const void *right)
{
    const struct sweep_value *a = left, *b = right;
    for (size_t knob = 0; knob < SWEEP_KNOBS_MAX; knob++) {
        double one = a->knobs[knob].number, two = b->knobs[knob].number;
        int order = isfinite(one) && isfinite(two) ? compare_numbers(one, two) : 0;
        if (order)
            return order;
    }
    return (a->arm > b->arm) - (a->arm < b->arm);
}

/* References are places in the order of joining: they move with their values. */
static void order_values(struct sweep_result *result)
{
    size_t arms[BENCH_ARMS_MAX];
    for (size_t i = 0; i < result->values.count; i++)
        arms[i] = result->values.items[i].arm;
    size_t today = result->today == SWEEP_NONE ? SWEEP_NONE : arms[result->today];
    if (result->values.count)
        qsort(result->values.items, result->values.count, sizeof *result->values.items, compare_values);
    for (size_t i = 0; i < result->values.count; i++) {
        struct sweep_value *value = &result->values.items[i];
        result->today = today != SWEEP_NONE && value->arm == today ? i : result->today;
        for (size_t j = 0; value->is_dropped && j < result->values.count; j++) {
            if (result->values.items[j].arm == arms[value->reference]) {
                value->reference = j;
                break;
            }
        }
    }
}

static int options_check(const struct sweep_options *options, struct err *err)
{
    bool is_printed = options->objective == SWEEP_PRINTED_MORE || options->objective == SWEEP_PRINTED_LESS;
    if (options->bench.command_count != 1)
        return err_set(err, ERR_USAGE, "could not tune: it takes one command");
    if (is_printed != (options->bench.printed != NULL) ||
        (options->objective == SWEEP_ROWS) != (options->rows != NULL))
        return err_set(err, ERR_USAGE, "could not tune: one of a metric and rows, not both");
    if (options->time_s < 0 || options->point_count > KNOB_VALUES_MAX ||
        options->round_count > BENCH_ROUNDS_MAX)
        return err_set(err, ERR_USAGE,
                       "could not tune: a time, a number of points or of rounds is out of range");
    return 0;
}

static int prepare(struct sweep *sweep, struct err *err)
{
    struct sweep_result *result = sweep->result;
    int status = options_check(sweep->options, err);
    sweep->bench.leave_out = true;
    if (!status)
        status = session_options_fill(&sweep->bench, err);
    result->bench.seed = sweep->bench.seed;
    result->bench.confidence_ratio = sweep->bench.confidence_ratio;
    result->bench.threshold_ratio = sweep->bench.threshold_ratio;
    result->bench.stop = BENCH_STOP_ROUNDS;
    if (!status)
        status = knobs_read(sweep, err);
    if (!status)
        status = knobs_check(sweep, err);
    if (!status && sweep->options->law > SWEEP_LAW_NONE && result->knob_count > 1)
        status = err_set(err, ERR_USAGE, "could not fit a law to two knobs: it takes one");
    if (!status)
        status = today_read(sweep, err);
    if (!status)
        status = coarse_values(sweep, err);
    if (!status && sweep->options->today_count && !is_there(result, sweep->today, &result->today))
        status = err_set(err, ERR_BUG, "could not find today's value among those that are measured");
    return status;
}

int sweep_run(const struct sweep_options *asked, struct sweep_result *ret_result, struct err *err)
{
    struct sweep_options options = *asked;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct sweep_result result = {
        .bench = {.started_at_ns = clock_realtime_ns(), .cpu_count = cpus > 0 ? (unsigned)cpus : 1},
        .objective = options.objective,
        .cache = options.bench.cache,
        .best = SWEEP_NONE,
        .today = SWEEP_NONE,
        .fine_start = SWEEP_NONE,
        .confirm_start = SWEEP_NONE,
        .control_arm = SWEEP_NONE};
    struct sweep sweep = {.options = &options, .bench = options.bench, .result = &result};
    options.time_s = options.time_s > 0 ? options.time_s : SWEEP_TIME_S;
    int status = prepare(&sweep, err);
    if (!status)
        status = session_open(&sweep.bench, &result.bench, &sweep.session, err);
    if (!status)
        status = measure(&sweep, err);
    session_close(sweep.session);
    order_values(&result);
    if (!status)
        status = sweep_judge(&result, options.law, err);
    if (status)
        sweep_result_free(&result);
    else
        *ret_result = result;
    return status;
}

void sweep_result_free(struct sweep_result *result)
{
    vec_free(&result->values);
    bench_result_free(&result->bench);
}
