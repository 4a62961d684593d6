/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/engine.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/num.h"
#include "investigate/worker.h"

#define LOOK_NS      (100 * NS_PER_MS)
#define LOOK_MS      100
#define CLAIMS_PART  0.75 /* of all the time, for the claims of those that do not read the others' */
#define READERS_PART 0.85 /* and for those that do */
#define STRAY_LOOKS  20

struct job_state {
    const struct engine_job *job;
    unsigned flags; /* as far as they matter here */
    struct worker worker;
    bool is_wanted, has_started, is_running;
    char *folder, *scratch;
    struct statement *statement;
    struct question question; /* what its process is asked, kept until that has ended */
};

struct engine {
    const struct engine_options *options;
    struct arena *arena;
    struct job_state *states;
    struct statement *statements;
    size_t count;
    enum round round;
    uint64_t stage_end_ns; /* of those that run now */
    uint64_t looked_ns, shown_ns;
    size_t parallel_max;
    uint64_t memory_bytes;
};

/* --- signals --- */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDING_COUNT (sizeof ending / sizeof ending[0])
static volatile sig_atomic_t was_interrupted;

static void interrupt(int number)
{
    was_interrupted = number;
}

static void signals_take(struct sigaction *ret_old)
{
    struct sigaction mine = {.sa_handler = interrupt};
    was_interrupted = 0;
    for (size_t i = 0; i < ENDING_COUNT; i++) {
        sigaction(ending[i], NULL, &ret_old[i]);
        if (ret_old[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &mine, NULL);
    }
}

static void signals_give_back(const struct sigaction *old)
{
    for (size_t i = 0; i < ENDING_COUNT; i++)
        sigaction(ending[i], &old[i], NULL);
}

/* --- who may start --- */

static bool disturbs(const struct job_state *a, const struct job_state *b)
{
    bool a_is_busy =
             a->job->builtin || (a->flags & (INVESTIGATOR_RUNS_PIPELINE | INVESTIGATOR_LOADS_MACHINE)),
         b_is_busy =
             b->job->builtin || (b->flags & (INVESTIGATOR_RUNS_PIPELINE | INVESTIGATOR_LOADS_MACHINE));
    return ((a->flags & INVESTIGATOR_RUNS_PIPELINE) && b_is_busy) ||
           ((b->flags & INVESTIGATOR_RUNS_PIPELINE) && a_is_busy);
}

/* Readers first: they are short, and who measures waits for none of them to be there. */
static bool may_start(const struct engine *engine, const struct job_state *state)
{
    size_t running_count = 0;
    for (size_t i = 0; i < engine->count; i++) {
        const struct job_state *other = &engine->states[i];
        bool is_ahead = other->is_wanted && !other->has_started &&
                        !(other->flags & INVESTIGATOR_RUNS_PIPELINE) && other->job->builtin;
        if (is_ahead && (state->flags & INVESTIGATOR_RUNS_PIPELINE))
            return false;
        if (!other->is_running)
            continue;
        running_count += other->job->builtin != NULL;
        if (disturbs(state, other))
            return false;
    }
    /* Who waits for someone far away takes no core. */
    return !state->job->builtin || running_count < engine->parallel_max;
}

/* Those that run the pipeline go one after the other: each gets its part of the time. */
static uint64_t deadline_of(const struct engine *engine, const struct job_state *state, uint64_t now_ns)
{
    uint64_t parts = 1, left_ns = engine->stage_end_ns - num_min(engine->stage_end_ns, now_ns);
    for (size_t i = 0; i < engine->count && (state->flags & INVESTIGATOR_RUNS_PIPELINE); i++) {
        const struct job_state *other = &engine->states[i];
        parts += other != state && other->is_wanted && !other->has_started &&
                 (other->flags & INVESTIGATOR_RUNS_PIPELINE);
    }
    left_ns /= parts;
    if (engine->options->deadline_each_ns)
        left_ns = num_min(left_ns, engine->options->deadline_each_ns);
    return now_ns + left_ns;
}

/* --- one job --- */

static int make_folders(struct engine *engine, struct job_state *state, struct err *err)
{
    state->folder = arena_printf(engine->arena, "%s/%s", engine->options->evidence, state->job->name);
    state->scratch =
        arena_printf(engine->arena, "%s/%s/scratch", engine->options->evidence, state->job->name);
    if (!state->folder || !state->scratch)
        return err_memory(err);
    if ((mkdir(state->folder, 0700) && errno != EEXIST) || (mkdir(state->scratch, 0700) && errno != EEXIST))
        return err_errno(err, errno, "could not make folder '%s'", state->scratch);
    return 0;
}

/* The claims, and what was cleared, of all others that finished; a failed one's are no claims. */
static int gather(struct engine *engine, struct job_state *state, struct err *err)
{
    size_t claim_count = 0, cleared_count = 0;
    for (size_t i = 0; i < engine->count; i++) {
        claim_count += engine->statements[i].claim_count;
        cleared_count += engine->statements[i].cleared_count;
    }
    struct claim *claims = arena_alloc(engine->arena, (claim_count + 1) * sizeof *claims);
    struct cleared_by *cleared = arena_alloc(engine->arena, (cleared_count + 1) * sizeof *cleared);
    if (!claims || !cleared)
        return err_memory(err);
    claim_count = cleared_count = 0;
    for (size_t i = 0; i < engine->count; i++) {
        const struct statement *statement = &engine->statements[i];
        if (statement == state->statement || statement->outcome != STATEMENT_FINISHED)
            continue;
        for (size_t j = 0; j < statement->claim_count; j++)
            claims[claim_count++] = statement->claims[j];
        for (size_t j = 0; j < statement->cleared_count; j++)
            cleared[cleared_count++] = statement->cleared[j];
    }
    state->question.claims = claims;
    state->question.claim_count = claim_count;
    state->question.cleared = cleared;
    state->question.cleared_count = cleared_count;
    return 0;
}

static void failed(struct engine *engine, struct job_state *state, const char *why)
{
    const char *copy = arena_string(engine->arena, why);
    if (!copy)
        copy = "memory ran out";
    if (engine->round == ROUND_CLAIMS) {
        state->statement->outcome = STATEMENT_DID_NOT_FINISH;
        state->statement->why_not = copy;
    } else {
        state->statement->why_no_votes = copy;
    }
}

static int start_job(struct engine *engine, struct job_state *state, struct err *err)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool reads_others = engine->round == ROUND_VOTES || (state->flags & INVESTIGATOR_READS_OTHERS);
    state->question = *engine->options->question;
    state->question.scratch = state->scratch;
    state->question.arena = engine->arena;
    state->question.deadline_ns = deadline_of(engine, state, now_ns);
    if (state->question.deadline_ns <= now_ns) {
        state->has_started = true;
        failed(engine, state, "was not asked: there was no time left for it");
        return 0;
    }
    state->question.memory_bytes = engine->memory_bytes;
    int status = reads_others ? gather(engine, state, err) : 0;
    if (status)
        return status;
    const struct question *question = &state->question;
    struct request request = {.round = engine->round,
                              .investigator = state->job->name,
                              .recording = question->recording,
                              .report = engine->options->report,
                              .pipeline = question->pipeline,
                              .rules = question->rules,
                              .scratch = question->scratch,
                              .deadline_s = (double)(question->deadline_ns - now_ns) / (double)NS_PER_S,
                              .memory_bytes = question->memory_bytes,
                              .claims = question->claims,
                              .claim_count = question->claim_count,
                              .cleared = question->cleared,
                              .cleared_count = question->cleared_count};
    struct worker_options worker = {.builtin = state->job->builtin,
                                    .command = state->job->command,
                                    .directory = state->job->directory,
                                    .folder = state->folder,
                                    .request = &request,
                                    .question = question,
                                    .deadline_ns = question->deadline_ns,
                                    .memory_bytes = engine->memory_bytes,
                                    .runs_others = state->flags & INVESTIGATOR_RUNS_PIPELINE};
    struct err start_err;
    state->has_started = true;
    if (worker_start(&worker, engine->arena, &state->worker, &start_err))
        failed(engine, state, start_err.what);
    else
        state->is_running = true;
    return 0;
}

static int finish_job(struct engine *engine, struct job_state *state, struct err *err)
{
    struct worker *worker = &state->worker;
    struct statement *statement = state->statement;
    int status = worker_finish(worker, err);
    if (worker->why[0])
        failed(engine, state, worker->why);
    if (!status && (engine->round == ROUND_CLAIMS || !worker->why[0]))
        status = protocol_keep(&worker->protocol, statement, err);
    if (!worker->why[0] && engine->round == ROUND_VOTES)
        statement->has_voted = true;
    statement->wall_ns += worker->end_ns - worker->start_ns;
    statement->rss_bytes_max = num_max(statement->rss_bytes_max, worker->rss_bytes_max);
    worker_deinit(worker);
    state->is_running = false;
    return status;
}

/* --- what is left over --- */

/* Once no worker runs: processes that lost their parent are this one's children now. True when one was there. */
static bool kill_strays(void)
{
    DIR *tasks = opendir("/proc/self/task");
    bool is_one = false;
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        char path[300], text[16384];
        snprintf(path, sizeof path, "/proc/self/task/%s/children", task->d_name);
        if (task->d_name[0] == '.' || fs_read_small(path, text, sizeof text) <= 0)
            continue;
        for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
            pid_t pid = (pid_t)strtol(at, &end, 10);
            if (end == at)
                break;
            kill(pid, SIGKILL);
            is_one = waitpid(pid, NULL, 0) == pid || is_one;
        }
    }
    if (tasks)
        closedir(tasks);
    return is_one;
}

/* --- a stage: some jobs, side by side --- */

static void show(struct engine *engine, bool is_due)
{
    struct engine_status statuses[ENGINE_JOBS_MAX];
    uint64_t now_ns = clock_monotonic_ns();
    if (!engine->options->show || (!is_due && now_ns - engine->shown_ns < LOOK_NS))
        return;
    engine->shown_ns = now_ns;
    for (size_t i = 0; i < engine->count; i++) {
        const struct job_state *state = &engine->states[i];
        const struct statement *statement = state->statement;
        const struct protocol *protocol = state->is_running ? &state->worker.protocol : NULL;
        bool has_failed = statement->outcome == STATEMENT_DID_NOT_FINISH && statement->why_not;
        bool is_waiting = engine->round == ROUND_CLAIMS && !state->has_started;
        statuses[i] = (struct engine_status){
            .name = state->job->name,
            .state = has_failed          ? ENGINE_FAILED
                     : state->is_running ? ENGINE_RUNS
                     : is_waiting        ? ENGINE_WAITS
                                         : ENGINE_DONE,
            .is_voting = engine->round == ROUND_VOTES,
            .doing = protocol ? protocol->doing : "",
            .done_ratio = protocol ? protocol->done_ratio : -1,
            .wall_ns = statement->wall_ns + (protocol ? now_ns - state->worker.start_ns : 0),
            .claim_count =
                protocol && engine->round == ROUND_CLAIMS ? protocol->claims.count : statement->claim_count,
            .cleared_count = protocol && engine->round == ROUND_CLAIMS ? protocol->cleared.count
                                                                       : statement->cleared_count,
            .why_not = statement->why_not};
    }
    engine->options->show(engine->options->context, statuses, engine->count);
}

/* Waits until something happens, a tenth of a second at most. */
static void wait_for_news(const struct engine *engine)
{
    struct pollfd fds[ENGINE_JOBS_MAX * 3];
    nfds_t count = 0;
    for (size_t i = 0; i < engine->count; i++) {
        const struct worker *worker = &engine->states[i].worker;
        if (!engine->states[i].is_running)
            continue;
        fds[count++] = (struct pollfd){.fd = worker->process_fd, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = worker->out_fd, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = worker->err_fd, .events = POLLIN};
    }
    if (!was_interrupted && poll(fds, count, LOOK_MS) < 0 && errno != EINTR)
        clock_sleep_until(clock_monotonic_ns() + LOOK_NS);
}

static int watch_jobs(struct engine *engine, struct err *err)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool at_memory = now_ns - engine->looked_ns >= LOOK_NS;
    int status = 0;
    if (at_memory)
        engine->looked_ns = now_ns;
    for (size_t i = 0; i < engine->count && !status; i++) {
        struct job_state *state = &engine->states[i];
        if (!state->is_running)
            continue;
        worker_read(&state->worker);
        if (was_interrupted)
            worker_stop(&state->worker, "was interrupted");
        worker_watch(&state->worker, now_ns, at_memory);
        if (!state->worker.has_ended)
            continue;
        status = finish_job(engine, state, err);
        show(engine, true);
    }
    return status;
}

static int start_jobs(struct engine *engine, struct err *err)
{
    for (size_t i = 0; i < engine->count && !was_interrupted; i++) {
        struct job_state *state = &engine->states[i];
        if (!state->is_wanted || state->has_started || !may_start(engine, state))
            continue;
        int status = start_job(engine, state, err);
        if (status)
            return status;
        show(engine, true);
    }
    return 0;
}

static bool is_busy(const struct engine *engine)
{
    for (size_t i = 0; i < engine->count; i++) {
        const struct job_state *state = &engine->states[i];
        if (state->is_running || (state->is_wanted && !state->has_started && !was_interrupted))
            return true;
    }
    return false;
}

/* Ends whoever still runs: after a failure of the engine itself. */
static void abandon(struct engine *engine)
{
    for (size_t i = 0; i < engine->count; i++) {
        struct job_state *state = &engine->states[i];
        if (!state->is_running)
            continue;
        kill(-state->worker.pid, SIGKILL);
        memory_group_kill(&state->worker.group);
        while (waitpid(state->worker.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        worker_deinit(&state->worker);
        state->is_running = false;
    }
}

/* Those of the jobs for which `wants` holds. */
static int run_stage(struct engine *engine, bool (*wants)(const struct engine *, const struct job_state *),
                     uint64_t end_ns, struct err *err)
{
    int status = 0;
    engine->stage_end_ns = end_ns;
    for (size_t i = 0; i < engine->count; i++) {
        struct job_state *state = &engine->states[i];
        state->is_wanted = wants(engine, state);
        state->has_started = state->has_started && !state->is_wanted;
    }
    while (!status && is_busy(engine)) {
        status = start_jobs(engine, err);
        show(engine, false);
        if (!status && is_busy(engine))
            wait_for_news(engine);
        if (!status)
            status = watch_jobs(engine, err);
    }
    if (status)
        abandon(engine);
    for (int i = 0; i < STRAY_LOOKS && kill_strays(); i++)
        continue;
    return status;
}

static bool wants_claims(const struct engine *engine, const struct job_state *state)
{
    (void)engine;
    return !(state->flags & INVESTIGATOR_READS_OTHERS);
}

static bool wants_to_read(const struct engine *engine, const struct job_state *state)
{
    (void)engine;
    return state->flags & INVESTIGATOR_READS_OTHERS;
}

static bool wants_votes(const struct engine *engine, const struct job_state *state)
{
    size_t claim_count = 0;
    for (size_t i = 0; i < engine->count; i++)
        if (&engine->statements[i] != state->statement && engine->statements[i].outcome == STATEMENT_FINISHED)
            claim_count += engine->statements[i].claim_count;
    return claim_count && state->statement->outcome == STATEMENT_FINISHED &&
           (!state->job->builtin || state->job->builtin->votes);
}

static int name_claims(const struct engine *engine, struct intern *names)
{
    struct str name = {0};
    int status = 0;
    for (size_t i = 0; i < engine->count && !status; i++) {
        const struct statement *statement = &engine->statements[i];
        for (size_t j = 0; j < statement->claim_count && !status; j++) {
            uint64_t ignored;
            if (statement->outcome != STATEMENT_FINISHED)
                break;
            str_clear(&name);
            claim_name(&statement->claims[j], &name);
            status = name.failed ? -1 : intern_put(names, name.text, name.length, &ignored, NULL);
        }
    }
    str_free(&name);
    return status;
}

static bool is_own(const struct statement *voter, const char *claim)
{
    size_t length = strlen(voter->investigator);
    return strncmp(voter->investigator, claim, length) == 0 && claim[length] == '/';
}

/* Votes on claims that nobody made, or one's own, are none. */
static int drop_empty_votes(struct engine *engine, struct err *err)
{
    struct intern names = {0};
    int status = name_claims(engine, &names) ? err_memory(err) : 0;
    for (size_t i = 0; i < engine->count && !status; i++) {
        struct statement *statement = &engine->statements[i];
        size_t kept = 0;
        for (size_t j = 0; j < statement->vote_count; j++) {
            const char *claim = statement->votes[j].claim;
            if (!is_own(statement, claim) && intern_find(&names, claim, strlen(claim)))
                statement->votes[kept++] = statement->votes[j];
        }
        statement->vote_count = kept;
        if (statement->outcome == STATEMENT_FINISHED && !wants_votes(engine, &engine->states[i]))
            statement->has_voted = true; /* neutral to all */
    }
    intern_free(&names);
    return status;
}

static int run_rounds(struct engine *engine, struct err *err)
{
    uint64_t start_ns = clock_monotonic_ns(), all_ns = engine->options->deadline_ns;
    uint64_t claims_ns = num_u64((double)all_ns * CLAIMS_PART),
             readers_ns = num_u64((double)all_ns * READERS_PART);
    engine->round = ROUND_CLAIMS;
    int status = run_stage(engine, wants_claims, start_ns + claims_ns, err);
    if (!status && !was_interrupted)
        status = run_stage(engine, wants_to_read, start_ns + readers_ns, err);
    engine->round = ROUND_VOTES;
    if (!status && !was_interrupted)
        status = run_stage(engine, wants_votes, start_ns + all_ns, err);
    if (!status && was_interrupted)
        status = err_set(err, ERR_THRESHOLD, "interrupted: the investigation was not finished");
    return status ? status : drop_empty_votes(engine, err);
}

/* --- all of it --- */

static size_t core_count(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) ? 2 : num_max((uint64_t)CPU_COUNT(&cores), 2);
}

static int prepare(struct engine *engine, struct err *err)
{
    const struct engine_options *options = engine->options;
    engine->states = arena_alloc(engine->arena, (options->job_count + 1) * sizeof *engine->states);
    engine->statements = arena_alloc(engine->arena, (options->job_count + 1) * sizeof *engine->statements);
    if (!engine->states || !engine->statements)
        return err_memory(err);
    engine->count = options->job_count;
    int status = 0;
    for (size_t i = 0; i < engine->count && !status; i++) {
        struct job_state *state = &engine->states[i];
        state->job = &options->jobs[i];
        state->flags = options->jobs[i].flags;
        if (!options->question->file)
            state->flags &= ~INVESTIGATOR_RUNS_PIPELINE;
        state->statement = &engine->statements[i];
        engine->statements[i].investigator = state->job->name;
        status = make_folders(engine, state, err);
    }
    return status;
}

/* Scratch folders in which nothing was left. */
static void tidy(const struct engine *engine)
{
    for (size_t i = 0; i < engine->count; i++)
        if (engine->states[i].scratch && rmdir(engine->states[i].scratch) && errno != ENOTEMPTY)
            continue;
}

int engine_run(const struct engine_options *options, struct statement **ret_statements, struct err *err)
{
    struct engine engine = {.options = options, .arena = options->question->arena};
    struct sigaction old[ENDING_COUNT];
    int was_subreaper = 0;
    if (options->job_count > ENGINE_JOBS_MAX)
        return err_set(err, ERR_USAGE, "could not ask %zu investigators: %u at most", options->job_count,
                       ENGINE_JOBS_MAX);
    engine.parallel_max = options->parallel_max ? options->parallel_max : core_count();
    engine.memory_bytes = options->memory_bytes ? options->memory_bytes : ENGINE_MEMORY_BYTES;
    int status = prepare(&engine, err);
    if (status)
        return status;
    prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signals_take(old);
    status = run_rounds(&engine, err);
    signals_give_back(old);
    prctl(PR_SET_CHILD_SUBREAPER, was_subreaper);
    tidy(&engine);
    if (!status)
        *ret_statements = engine.statements;
    return status;
}
