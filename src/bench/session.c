/* SPDX-License-Identifier: Apache-2.0 */
/* session: the loop that measures (bench.h). */
#include "bench/session.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/judge.h"
#include "bench/plan.h"
#include "bench/printed.h"
#include "bench/process_tree.h"
#include "bench/spawner.h"
#include "report/units.h"
#include "stats/random.h"

#define LOOK_INTERVAL_MS   5
#define OFFSET_BYTES       4096u
#define PROGRESS_PERIOD_NS (100 * NS_PER_MS)

extern char **environ;

struct session {
    const struct bench_options *options;
    struct bench_result *result;
    struct spawner *spawner;
    struct counters counters;
    struct random random;
    struct printed *printed; /* what reads the number that a run prints; NULL */
    size_t order[BENCH_ARMS_MAX + 1];
    size_t order_count;
    char **environments
        [BENCH_ARMS_MAX +
         1]; /* of each arm, from its first run on: toll's, the arm's, and two of the benchmark's */
    char offset[sizeof "TOLL_BENCH_OFFSET=" + OFFSET_BYTES];
    char round_text[48];
    uint64_t first_ns, progress_ns, begin_ns, own_cpu_ns;
    struct conditions before;
    struct sigaction old[4]; /* of `handled` */
};

/* What the signal handler reaches: one session at a time has it. */
static struct spawner *running;
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    /* Who asks twice means it, also where the command ignores it. */
    if (running)
        spawner_signal(running, interrupted ? SIGKILL : number);
    interrupted = 1;
}

bool bench_was_interrupted(void)
{
    return interrupted;
}

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define HANDLED_COUNT (sizeof handled / sizeof handled[0])

static void signals_take(struct sigaction *ret_old)
{
    struct sigaction mine = {.sa_handler = interrupt};
    interrupted = 0;
    for (size_t i = 0; i < HANDLED_COUNT; i++) {
        sigaction(handled[i], NULL, &ret_old[i]);
        if (ret_old[i].sa_handler != SIG_IGN)
            sigaction(handled[i], &mine, NULL);
    }
}

static void signals_give_back(const struct sigaction *old)
{
    for (size_t i = 0; i < HANDLED_COUNT; i++)
        sigaction(handled[i], &old[i], NULL);
}

/* toll's own variables without those that the arm sets, the arm's, and two that change from run to run. */
static int environment_init(struct session *session, size_t index, struct err *err)
{
    char *const *variables = session->result->arms.items[index].variables;
    size_t count = 0, most = 0;
    if (session->environments[index])
        return 0;
    while (environ[most])
        most++;
    for (size_t i = 0; variables && variables[i]; i++)
        most++;
    char **environment = calloc(most + 3, sizeof *environment);
    session->environments[index] = environment;
    if (!environment)
        return err_memory(err);
    for (size_t i = 0; environ[i]; i++) {
        char name[256];
        size_t length = strcspn(environ[i], "=");
        snprintf(name, sizeof name, "%.*s", (int)length, environ[i]);
        if (length >= sizeof name || !bench_variable(variables, name))
            environment[count++] = environ[i];
    }
    for (size_t i = 0; variables && variables[i]; i++)
        environment[count++] = variables[i];
    environment[count] = session->round_text;
    environment[count + 1] = session->offset;
    return 0;
}

/* A program's speed can hang on where its stack starts, which the size of the environment moves (Mytkowicz and others, ASPLOS 2009): each
 * run gets another size. */
static void environment_shake(struct session *session, size_t round)
{
    size_t length = session->options->no_jitter ? 0 : (size_t)random_below(&session->random, OFFSET_BYTES);
    size_t head = (size_t)snprintf(session->offset, sizeof session->offset, "TOLL_BENCH_OFFSET=");
    memset(session->offset + head, 'X', length);
    session->offset[head + length] = '\0';
    snprintf(session->round_text, sizeof session->round_text, "TOLL_BENCH_ROUND=%zu", round);
}

static int exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void failed_hint(const struct session *session, int status, struct err *err)
{
    char character = session->result->shell_character;
    if (character && !session->options->use_shell)
        err_hint(err,
                 "it holds a '%c', which no shell has seen: --shell runs commands by one; --ignore-failure "
                 "goes on",
                 character);
    else if (status > 128)
        err_hint(err, "signal %d ended it; --ignore-failure measures it all the same", status - 128);
    else
        err_hint(err, "--show-output shows what it says; --ignore-failure measures it all the same");
}

static uint64_t limit_of(const struct session *session)
{
    return (uint64_t)(session->options->limit_s * (double)NS_PER_S);
}

/* The message of what was ended by the limit; `what` is its run, or the option of a hook. */
static int late(const struct session *session, const char *command, const char *what, struct err *err)
{
    err_set(err, ERR_ENVIRONMENT, "could not measure command '%s': %s took longer than %s", command, what,
            unit_duration(limit_of(session)).text);
    err_hint(err, "if it does not hang: --timeout gives it longer");
    return -ERR_ENVIRONMENT;
}

/* Before or after a run of an arm; what it takes does not count, but it must succeed. */
static int hook_run(struct session *session, size_t index, char *const *words, const char *option,
                    struct err *err)
{
    const struct bench_arm *arm = &session->result->arms.items[index];
    struct spawn_place place = {arm->folder, bench_variable(arm->variables, "PATH")};
    char path[4096];
    struct spawn_result result;
    if (!words)
        return 0;
    int status = spawner_resolve(words[0], &place, path, err);
    struct spawn_command command = {.path = path,
                                    .folder = arm->folder,
                                    .arguments = words,
                                    .environment = session->environments[index],
                                    .limit_ns = limit_of(session)};
    if (!status)
        status = spawner_run(session->spawner, &command, NULL, &result, err);
    if (status)
        return err_wrap(err, "%s", option);
    if (result.is_late && !interrupted)
        return late(session, words[0], option, err);
    int ended = exit_status(result.wait_status);
    if (ended && !interrupted) {
        err_set(err, ERR_ENVIRONMENT, "could not run command '%s' of %s: it ended with status %d", words[0],
                option, ended);
        err_hint(err, "--show-output shows what it says");
        return -ERR_ENVIRONMENT;
    }
    return 0;
}

static void look(void *context, pid_t pid)
{
    struct bench_arm *arm = context;
    uint64_t bytes = pid > 0 ? process_tree_bytes(pid) : 0;
    if (bytes > arm->tree_bytes_max)
        arm->tree_bytes_max = bytes;
}

static struct bench_run run_of(const struct spawn_result *result, const struct session *session)
{
    return (struct bench_run){
        .exit_status = exit_status(result->wait_status),
        .start_ns = session->first_ns ? result->start_ns - session->first_ns : 0,
        .wall_ns = result->wall_ns,
        .user_ns = result->user_ns,
        .system_ns = result->system_ns,
        .memory_bytes_max = result->memory_bytes_max,
        .faults_minor = result->faults_minor,
        .faults_major = result->faults_major,
        .switches_voluntary = result->switches_voluntary,
        .switches_involuntary = result->switches_involuntary,
        .read_bytes = result->read_bytes,
        .write_bytes = result->write_bytes,
    };
}

/* The caches as they were asked for; the command itself warms them where no file was named. */
static int cache_set(struct session *session, const struct spawn_command *command, struct err *err)
{
    const struct bench_options *options = session->options;
    struct spawn_result result;
    if (options->cache == PAGE_CACHE_WARMED && !options->cache_file_count) {
        int status = spawner_run(session->spawner, command, NULL, &result, err);
        printed_clear(session->printed);
        return status;
    }
    return page_cache_set(options->cache, options->cache_files, options->cache_file_count, err);
}

/* An arm that failed: the end of the measurement, or of this arm alone. */
static int arm_fail(struct session *session, struct bench_arm *arm, int exit_status, const struct err *why,
                    struct err *err)
{
    if (!session->options->leave_out) {
        if (err)
            *err = *why;
        return -(int)why->code;
    }
    arm->failure = arena_string(&session->result->arena, why->what);
    arm->failure_status = exit_status;
    return arm->failure ? 0 : err_memory(err);
}

/* Whether a run that has ended counts; the number it printed. */
static int arm_check(struct session *session, struct bench_arm *arm, struct bench_run *run, bool is_warmup,
                     bool is_late, struct err *err)
{
    struct err why = {0};
    char what[40];
    if (interrupted)
        return 0;
    snprintf(what, sizeof what, "%s %u", is_warmup ? "warm-up" : "run", run->round + 1);
    if (is_late) {
        (void)!late(session, arm->command, what, &why);
        return arm_fail(session, arm, 0, &why, err);
    }
    if (run->exit_status && !session->options->ignore_failure) {
        err_set(&why, ERR_ENVIRONMENT, "could not measure command '%s': it ended with status %d in its %s",
                arm->command, run->exit_status, what);
        failed_hint(session, run->exit_status, &why);
        return arm_fail(session, arm, run->exit_status, &why, err);
    }
    if (printed_number(session->printed, &run->printed, &why))
        return arm_fail(session, arm, 0, &why, err);
    return 0;
}

/* One run of one arm. During a warm-up its tree's memory is looked at, which would disturb a run that counts. */
static int arm_run(struct session *session, size_t index, size_t round, bool is_warmup,
                   struct bench_run *ret_run, struct err *err)
{
    struct bench_arm *arm = &session->result->arms.items[index];
    int status = environment_init(session, index, err);
    struct spawn_command command = {.path = arm->path,
                                    .input = session->options->input,
                                    .folder = arm->folder,
                                    .arguments = arm->words,
                                    .environment = session->environments[index],
                                    .limit_ns = limit_of(session)};
    struct spawn_watch watch = {.interval_ms = LOOK_INTERVAL_MS, .look = look, .context = arm};
    struct spawn_result result;
    struct counter_reading before, after;
    environment_shake(session, round);
    if (!status)
        status = hook_run(session, index, arm->prepare, "--prepare", err);
    if (!status)
        status = cache_set(session, &command, err);
    printed_clear(session->printed);
    before = counters_read(&session->counters);
    if (!status)
        status = spawner_run(session->spawner, &command, is_warmup ? &watch : NULL, &result, err);
    after = counters_read(&session->counters);
    if (status)
        return status;
    if (!is_warmup && !session->first_ns)
        session->first_ns = result.start_ns;
    struct bench_run run = run_of(&result, session);
    run.round = (uint32_t)round;
    int failed = arm_check(session, arm, &run, is_warmup, result.is_late, err);
    if (!interrupted)
        status = hook_run(session, index, arm->cleanup, "--cleanup", failed ? NULL : err);
    if (failed || status)
        return failed ? failed : status;
    for (int i = 0; i < COUNTER_COUNT; i++)
        run.counts[i] = counters_between(&before, &after, i);
    session->own_cpu_ns += run.user_ns + run.system_ns;
    arm->left_count += result.left_count;
    *ret_run = run;
    return 0;
}

/* Even rounds draw an order, odd ones turn it round. The order is of places in the list of arms. */
static void order_next(struct session *session, const struct session_round *round)
{
    size_t count = round->count;
    if (session->order_count != count) {
        for (size_t i = 0; i < count; i++)
            session->order[i] = i;
        session->order_count = count;
        random_shuffle(&session->random, session->order, count);
    } else if (round->number % 2 == 0) {
        random_shuffle(&session->random, session->order, count);
    } else {
        for (size_t i = 0; i < count / 2; i++) {
            size_t kept = session->order[i];
            session->order[i] = session->order[count - 1 - i];
            session->order[count - 1 - i] = kept;
        }
    }
}

/* A round counts when all its arms ran: an interrupted one leaves nothing behind. */
int session_round(struct session *session, const struct session_round *round, struct err *err)
{
    struct bench_run runs[BENCH_ARMS_MAX + 1];
    struct bench_result *result = session->result;
    order_next(session, round);
    for (size_t at = 0; at < round->count; at++) {
        size_t place = session->order[at];
        struct bench_arm *arm = &result->arms.items[round->arms[place]];
        if (arm->failure)
            continue;
        int status = interrupted ? 0
                                 : arm_run(session, round->arms[place], round->number, round->is_warmup,
                                           &runs[place], err);
        if (status || interrupted)
            return status;
        runs[place].position = (uint32_t)at;
    }
    for (size_t place = 0; place < round->count && !round->is_warmup; place++) {
        struct bench_arm *arm = &result->arms.items[round->arms[place]];
        if (!arm->failure && vec_push(&arm->runs, runs[place]))
            return err_memory(err);
    }
    result->rounds += !round->is_warmup;
    return 0;
}

/* Rounds until the precision is reached, as the width falls with the square root of their number. */
static size_t rounds_wanted(const struct session *session, double half)
{
    size_t done = session->result->rounds, most = session->options->round_count_max;
    double relative = half / session->result->precision_ratio, wanted = (double)done * relative * relative;
    if (session->options->round_count)
        return session->options->round_count;
    if (!(wanted < (double)most))
        return most;
    return wanted < (double)session->options->round_count_min ? session->options->round_count_min
                                                              : (size_t)ceil(wanted);
}

static void progress_tell(struct session *session, double half, double ratio)
{
    const struct bench_options *options = session->options;
    const struct bench_result *result = session->result;
    uint64_t now = clock_monotonic_ns();
    if (!options->progress || now - session->progress_ns < PROGRESS_PERIOD_NS)
        return;
    session->progress_ns = now;
    double spent = (double)(now - session->begin_ns) / (double)NS_PER_S,
           each = spent / (double)result->rounds;
    size_t wanted = rounds_wanted(session, half);
    double left = each * (double)(wanted > result->rounds ? wanted - result->rounds : 0);
    if (!options->round_count)
        left = fmin(left, fmax(0, options->time_s - spent));
    size_t coming = each > 0 ? (size_t)(left / each + 0.5) : 0;
    const struct bench_arm *first = &result->arms.items[0];
    struct bench_progress progress = {.round = result->rounds,
                                      .round_count = result->rounds + coming,
                                      .left_s = left,
                                      .ratio = ratio,
                                      .half_ratio = half,
                                      .wall_ns = first->runs.items[first->runs.count - 1].wall_ns};
    options->progress(options->progress_context, &progress);
}

static bool is_done(struct session *session, double half)
{
    const struct bench_options *options = session->options;
    struct bench_result *result = session->result;
    double spent = (double)(clock_monotonic_ns() - session->begin_ns) / (double)NS_PER_S;
    if (interrupted)
        result->stop = BENCH_STOP_INTERRUPT;
    else if (options->round_count ? result->rounds >= options->round_count
                                  : result->rounds >= options->round_count_max)
        result->stop = BENCH_STOP_ROUNDS;
    else if (options->round_count)
        return false;
    else if (result->rounds >= options->round_count_min && half <= result->precision_ratio)
        result->stop = BENCH_STOP_PRECISION;
    else if (result->rounds >= judge_pairs_least(result) && spent >= options->time_s)
        result->stop = BENCH_STOP_TIME;
    else
        return false;
    return true;
}

int session_once(struct session *session, size_t arm, bool is_setup, struct err *err)
{
    const struct bench_arm *about = &session->result->arms.items[arm];
    environment_shake(session, 0);
    int status = environment_init(session, arm, err);
    if (!status)
        status = hook_run(session, arm, is_setup ? about->setup : about->conclude,
                          is_setup ? "--setup" : "--conclude", err);
    return status;
}

static int once_each(struct session *session, bool is_setup, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && !interrupted && i < session->result->arms.count; i++)
        status = session_once(session, i, is_setup, err);
    return status;
}

void session_conditions_begin(struct session *session)
{
    session->before = conditions_now();
    session->begin_ns = clock_monotonic_ns();
    session->own_cpu_ns = 0;
}

void session_conditions_end(struct session *session)
{
    struct bench_result *result = session->result;
    struct conditions after = conditions_now();
    result->duration_ns = after.time_ns - session->before.time_ns;
    result->steal_ratio = conditions_steal_ratio(&session->before, &after);
    result->outside_cores = conditions_outside_cores(&session->before, &after, session->own_cpu_ns);
}

static int measure(struct session *session, struct err *err)
{
    struct bench_result *result = session->result;
    size_t arms[BENCH_ARMS_MAX + 1];
    struct session_round round = {.arms = arms, .count = result->arms.count, .is_warmup = true};
    for (size_t i = 0; i < result->arms.count; i++)
        arms[i] = i;
    int status = once_each(session, true, err);
    for (; !status && !interrupted && round.number < session->options->warmup_count; round.number++)
        status = session_round(session, &round, err);
    session_conditions_begin(session);
    double half = INFINITY, ratio = 0;
    round.is_warmup = false;
    round.number = 0;
    /* Judging takes longer the more rounds there are, so it comes at every twentieth part more of them. */
    for (size_t next = 0; !status; round.number++) {
        status = session_round(session, &round, err);
        if (!status && !session->options->round_count && result->rounds >= next) {
            status = judge_precision(result, &half, &ratio, err);
            next = result->rounds + 1 + result->rounds / 20;
        }
        if (status || is_done(session, half))
            break;
        progress_tell(session, half, ratio);
    }
    session_conditions_end(session);
    return status ? status : once_each(session, false, err);
}

int session_open(const struct bench_options *options, struct bench_result *result,
                 struct session **ret_session, struct err *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return err_memory(err);
    session->options = options;
    session->result = result;
    random_seed(&session->random, options->seed);
    int status = 0;
    if (options->printed)
        status = printed_open(options->printed, &session->printed, err);
    struct spawner_options spawner = {.show_output = options->show_output && !options->printed,
                                      .output_fd = session->printed ? printed_fd(session->printed) : 0,
                                      .cpu = options->cpu,
                                      .same_layout = options->no_jitter};
    if (!status)
        status = spawner_create(&spawner, &session->spawner, err);
    if (status) {
        printed_close(session->printed);
        free(session);
        return status;
    }
    counters_open(&session->counters, spawner_pid(session->spawner), NULL);
    result->has_counters = session->counters.fds[COUNTER_INSTRUCTIONS] >= 0;
    running = session->spawner;
    signals_take(session->old);
    *ret_session = session;
    return 0;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    signals_give_back(session->old);
    running = NULL;
    counters_close(&session->counters);
    spawner_destroy(session->spawner);
    printed_close(session->printed);
    for (size_t i = 0; i < BENCH_ARMS_MAX + 1; i++)
        free(session->environments[i]);
    free(session);
}

static int session_run(const struct bench_options *options, struct bench_result *result, struct err *err)
{
    struct session *session;
    int status = session_open(options, result, &session, err);
    if (status)
        return status;
    status = measure(session, err);
    session_close(session);
    if (!status && !result->rounds) {
        result->stop = BENCH_STOP_INTERRUPT;
        status =
            err_set(err, ERR_ENVIRONMENT, "could not measure: interrupted before the first round was done");
    }
    return status;
}

static int check_cpu(int cpu, struct err *err)
{
    cpu_set_t set;
    if (cpu < 0)
        return 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && cpu < CPU_SETSIZE && CPU_ISSET((size_t)cpu, &set))
        return 0;
    return err_set(err, ERR_USAGE, "could not stay on CPU %d: toll may not use it", cpu);
}

int session_options_fill(struct bench_options *options, struct err *err)
{
    if (!options->command_count)
        return err_set(err, ERR_USAGE, "could not measure: there is no command");
    if (options->round_count > BENCH_ROUNDS_MAX || options->round_count_max > BENCH_ROUNDS_MAX ||
        options->warmup_count > BENCH_ROUNDS_MAX)
        return err_set(err, ERR_USAGE, "could not measure more than %u rounds", BENCH_ROUNDS_MAX);
    if (options->time_s < 0 || options->precision_ratio < 0 || options->confidence_ratio < 0 ||
        options->confidence_ratio >= 1)
        return err_set(err, ERR_USAGE,
                       "could not measure: a time, a precision or a confidence is out of range");
    int status = page_cache_set(options->cache, options->cache_files, options->cache_file_count, err);
    if (status)
        return status;
    if (options->input && access(options->input, R_OK))
        return err_errno(err, errno, "could not open file '%s'", options->input);
    if (!options->round_count_min)
        options->round_count_min = BENCH_ROUNDS_MIN;
    if (!options->round_count_max)
        options->round_count_max = BENCH_ROUNDS_DEFAULT;
    if (options->time_s <= 0)
        options->time_s = BENCH_TIME_S;
    if (options->precision_ratio <= 0)
        options->precision_ratio = BENCH_PRECISION;
    if (options->confidence_ratio <= 0)
        options->confidence_ratio = EFFECT_CONFIDENCE_RATIO;
    if (options->threshold_ratio < 0)
        options->threshold_ratio = EFFECT_THRESHOLD_RATIO;
    if (!options->seed)
        options->seed = clock_realtime_ns() >> 10 & 0x7fffffff;
    return check_cpu(options->cpu, err);
}

int bench_run(const struct bench_options *asked, struct bench_result *ret_result, struct err *err)
{
    struct bench_options options = *asked;
    struct bench_result result = {.started_at_ns = clock_realtime_ns()};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int status = session_options_fill(&options, err);
    result.seed = options.seed;
    result.confidence_ratio = options.confidence_ratio;
    result.threshold_ratio = options.threshold_ratio;
    result.precision_ratio = options.precision_ratio;
    result.cpu_count = cpus > 0 ? (unsigned)cpus : 1;
    if (!status)
        status = plan_arms(&options, &result, err);
    if (!status)
        status = session_run(&options, &result, err);
    if (!status)
        status = judge(&result, err);
    if (status)
        bench_result_free(&result);
    else
        *ret_result = result;
    return status;
}

void bench_result_free(struct bench_result *result)
{
    for (size_t i = 0; i < result->arms.count; i++)
        vec_free(&result->arms.items[i].runs);
    vec_free(&result->arms);
    vec_free(&result->comparisons);
    arena_free(&result->arena);
}
