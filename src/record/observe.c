/* SPDX-License-Identifier: Apache-2.0 */
#include "record/observe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "stacks/stacks.h"

#define THREAD_NAME_NS     (5 * NS_PER_MS)
#define THREAD_NAME_NS_MAX (2 * NS_PER_S) /* who has no name by then has none */
#define THREAD_NAME_MAX    64             /* threads asked for it in one tick */
#define BUDGET_WINDOW_NS   (100 * NS_PER_MS)
#define HELD_READ_COUNT    32 /* waits held back that are worth a reading */
#define NAME_NS_MAX        (250 * NS_PER_MS)
#define PACE_NS_MAX        (5 * NS_PER_MS)
#define PACE_NS_MAX_EXACT  (20 * NS_PER_MS)
#define PACE_NS_MAX_CALM   (80 * NS_PER_MS) /* bpf rung, when nothing was new for CALM_NS */
#define PACE_NS_MAX_PYTHON (5 * NS_PER_MS)  /* its functions are seen by looks alone */
#define CALM_NS            NS_PER_S
#define REST_RATIO         4 /* a wait is looked at again when it is longer by one part in so many */
#define REST_NS_MAX        (3 * NS_PER_MS)
#define UNSEEN_RATIO       40 /* one part in so many of the time may pass in waits that no look met */
#define SCAN_NS_MIN                                                                                          \
    (3 * NS_PER_MS) /* age at the first listing of descriptors, when someone waits for a pipe */
#define SCAN_PAUSE_NS (50 * NS_PER_MS) /* when a new pipe asks for it */
#define SCAN_NS_MAX   (2 * NS_PER_S)
#define CARE_NS_MIN   (20 * NS_PER_MS) /* age at the first look at a process's resources, while there is time */
#define CARE_NS_MAX   (320 * NS_PER_MS)

#define INSIDE_LOOK_NS       (20 * NS_PER_MS)
#define INSIDE_END_NS        (5 * NS_PER_MS)
#define INSIDE_UNSAMPLED_MAX 20 /* periods of CPU time without a sample */

void observe_init(struct observe *observe)
{
    observe->period_ns = observe->pace_ns = OBSERVE_PERIOD_NS_MIN;
    observe->care_ns = CARE_NS_MIN;
    observe->window_ns = clock_monotonic_ns();
    observe->window_cpu_ns = clock_thread_cpu_ns();
    observe->random = observe->window_ns | 1;
}

void observe_deinit(struct observe *observe)
{
    intern_free(&observe->images);
    map_free(&observe->image_stacks);
}

static uint64_t between(uint64_t value, uint64_t low, uint64_t high)
{
    return num_min(num_max(value, low), high);
}

/* xorshift64 (G. Marsaglia, 2003) */
static uint64_t random_next(struct observe *observe)
{
    observe->random ^= observe->random << 13;
    observe->random ^= observe->random >> 7;
    observe->random ^= observe->random << 17;
    return observe->random;
}

/* The Python stack of a thread; 0 when there is none, or none that can be told. */
static uint64_t python_read(struct observe *observe, const struct task *task)
{
    struct err err = {0};
    uint64_t stack = 0;

    if (observe->python &&
        python_thread_read(observe->python, (uint32_t)task->process->pid, (uint32_t)task->tid, &stack, &err))
        emit_fail(observe->emit, &err);
    return stack;
}

/* The row of what a blocked thread runs in Python. It is asked for its call again: what was read is of this wait then. */
static uint64_t python_blocked(struct observe *observe, struct task *task, const struct reason_call *call)
{
    struct reason_call again;
    struct stacks_dumped none = {0};
    struct err err = {0};
    uint64_t row = 0;
    uint64_t stack = observe->has_python ? python_read(observe, task) : 0;

    if (!stack || look_call(&task->look, task->process->pid, task->tid, &again) != LOOK_BLOCKED ||
        again.number != call->number || again.arguments[0] != call->arguments[0])
        return 0;
    if (python_stacks_add(observe->python, (uint32_t)task->process->pid, &none, stack, &row, &err))
        emit_fail(observe->emit, &err);
    return row;
}

/* What the thread waits for; false when the look did not find it blocked. */
static enum look_state call_observe(struct observe *observe, struct task *task,
                                    struct wait_reason_seen *ret_seen)
{
    struct reason_call call;
    struct reason_found found;
    enum look_state state = look_call(&task->look, task->process->pid, task->tid, &call);

    if (state == LOOK_REFUSED) {
        observe->refused_count++;
        *ret_seen = (struct wait_reason_seen){0};
        return look_is_blocked(task->process->pid, task->tid) ? LOOK_BLOCKED : LOOK_RUNNING;
    }
    if (state != LOOK_BLOCKED)
        return state;
    struct reason_source source = resolve_source(observe->resolve, task->process->pid, task->tid);
    source.parks = observe->python && python_parks(observe->python, (uint32_t)task->process->pid);
    reason_find(&call, &source, &found);
    if (found.peer_kind == PEER_LOCK && observe->python &&
        python_is_gil(observe->python, (uint32_t)task->process->pid, call.arguments[0]))
        reason_set_gil(&found, task->process->pid);
    *ret_seen = (struct wait_reason_seen){.reason = found.reason, .known = found.reason != WAIT_UNKNOWN};
    ret_seen->peer = peers_put(observe->peers, &found);
    ret_seen->stack = python_blocked(observe, task, &call);
    return state;
}

/* A thread that runs: what in, for the samples of about this time. */
static void python_running(struct observe *observe, struct task *task, uint64_t now_ns)
{
    if (!observe->has_python)
        return;
    uint64_t stack = python_read(observe, task);
    if (!stack) /* it may have gone on in the middle of it */
        stack = python_read(observe, task);
    if (!stack)
        return;
    task->python = stack;
    task->python_ns = now_ns;
    task->python_run_ns = task_run_ns(task, now_ns);
}

/* The run-queue counter, for the waits that are held back. */
static void queue_read(struct observe *observe, struct task *task)
{
    struct ledger_look look;

    if (look_schedstat(&task->look, task->process->pid, task->tid, &look) == LOOK_RUNNING)
        waits_queue(observe->waits, task, look.queue_ns);
}

/* perf rung: a blocked thread whose present wait was not looked into yet. Returns whether it cost a look. */
static bool exact_look(struct observe *observe, struct task *task)
{
    struct wait_state *wait = &task->wait;
    struct wait_reason_seen seen;

    if (wait->on_cpu || (wait->preempted && task->python_ns < wait->since_ns)) /* it stays where it was */
        python_running(observe, task, clock_monotonic_ns());
    if (wait->on_cpu || wait->preempted || task->refused_ns == wait->since_ns ||
        (wait->seen.known && wait->seen_ns >= wait->since_ns)) {
        if (wait->held.count < HELD_READ_COUNT)
            return false;
        queue_read(observe, task);
        return true;
    }
    observe->news_count++;
    enum look_state state = call_observe(observe, task, &seen);
    if (state == LOOK_BLOCKED && seen.known)
        waits_observe(wait, clock_monotonic_ns(), &seen);
    else
        task->refused_ns = state == LOOK_RUNNING ? 0 : wait->since_ns;
    if (state == LOOK_BLOCKED)
        queue_read(observe, task);
    return true;
}

static void pieces_add(struct observe *observe, struct task *task, const struct ledger_piece *pieces,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wait_interval interval = {.start_ns = pieces[i].start_ns,
                                         .end_ns = pieces[i].end_ns,
                                         .count = pieces[i].count,
                                         .blocked_ns = pieces[i].blocked_ns,
                                         .runnable_ns = pieces[i].runnable_ns};
        bool is_seen = pieces[i].side == LEDGER_BEFORE && task->wait.seen.known;
        if (!is_seen)
            observe->waits->unseen_ns += pieces[i].blocked_ns;
        waits_add(observe->waits, task, &interval, is_seen ? &task->wait.seen : NULL);
    }
}

static uint64_t stack_of(struct observe *observe, const struct process *process)
{
    char name[80], link[64], module[256];
    uint64_t id = 0;
    bool is_new = false;

    if (intern_put(&observe->images, process->image, strlen(process->image), &id, &is_new))
        return 0;
    if (!is_new) {
        const uint64_t *known = map_get(&observe->image_stacks, id);
        return known ? *known : id;
    }
    snprintf(name, sizeof name, "[%s]", process->image);
    snprintf(link, sizeof link, "/proc/%" PRIu64 "/exe", process->pid);
    ssize_t length = readlink(link, module, sizeof module - 1);
    module[length > 0 ? length : 0] = '\0';
    uint64_t frame_id = id, image_id = id;
    if (observe->stacks) { /* ids are shared with the stacks that programs tell */
        stacks_take(observe->stacks, &id, &frame_id);
        if (map_put(&observe->image_stacks, image_id, id))
            return 0;
    }
    struct row_frame frame = {.id = frame_id,
                              .function = emit_string(observe->emit, name),
                              .module = emit_string(observe->emit, module)};
    struct row_stack stack = {.id = id, .frame = frame_id};
    emit_append(observe->emit, frame, &frame);
    emit_append(observe->emit, stack, &stack);
    return id;
}

uint64_t observe_python(struct observe *observe, const struct task *task, uint64_t time_ns)
{
    struct stacks_dumped none = {0};
    struct err err = {0};
    uint64_t row = 0, stack = task_python(task, time_ns);

    if (!stack)
        return 0;
    if (python_stacks_add(observe->python, (uint32_t)task->process->pid, &none, stack, &row, &err))
        emit_fail(observe->emit, &err);
    return row;
}

static void samples_add(struct observe *observe, struct task *task, uint64_t cpu_ns, uint64_t time_ns,
                        bool is_last)
{
    uint64_t weight = cpu_ns > task->sampled_cpu_ns ? cpu_ns - task->sampled_cpu_ns : 0;

    if (!weight || (!is_last && weight < observe->sample_period_ns))
        return;
    task->sampled_cpu_ns = cpu_ns;
    uint64_t stack = observe_python(observe, task, time_ns);
    struct row_sample row = {.time_ns = time_ns,
                             .track = task->track,
                             .stack = stack ? stack : stack_of(observe, task->process),
                             .weight = weight,
                             .kind = SAMPLE_CPU};
    emit_append(observe->emit, sample, &row);
}

static void cpu_account(struct observe *observe, struct task *task, const struct ledger_look *look,
                        bool is_last)
{
    if (look->cpu_ns > task->cpu_ns) {
        task->process->cpu_ns += look->cpu_ns - task->cpu_ns;
        task->cpu_ns = look->cpu_ns;
    }
    samples_add(observe, task, task->cpu_ns, look->time_ns, is_last);
}

void observe_first(struct task *task)
{
    struct ledger_look look = {.time_ns = task->start_ns};

    if (look_schedstat(&task->look, task->process->pid, task->tid, &look) == LOOK_RUNNING &&
        task->process->parent_track)
        /* A fork's counters start at zero, and so does what it owes. */
        look = (struct ledger_look){.time_ns = task->start_ns};
    look.time_ns = task->start_ns;
    ledger_start(&task->ledger, &look);
    task->cpu_ns = task->sampled_cpu_ns = look.cpu_ns;
}

void observe_join(struct task *task)
{
    struct ledger_look look = {.time_ns = task->start_ns};

    if (look_schedstat(&task->look, task->process->pid, task->tid, &look) != LOOK_RUNNING)
        look = (struct ledger_look){0};
    look.time_ns = task->start_ns;
    ledger_start(&task->ledger, &look);
    task->cpu_ns = task->sampled_cpu_ns = look.cpu_ns;
}

/* When a thread that told its waits ended: when it said so, unless its last steps took long. */
static uint64_t inside_end(const struct task *task, uint64_t now_ns)
{
    uint64_t told_ns = task->process->told_end_ns;
    return told_ns && told_ns <= now_ns && now_ns < told_ns + INSIDE_END_NS ? told_ns : now_ns;
}

uint64_t observe_last(struct observe *observe, struct task *task, bool is_now, uint64_t now_ns)
{
    struct ledger_look look = {0};
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    struct ledger *ledger = &task->ledger;

    if (task->inside.is_attached)
        return inside_end(task, now_ns);
    if (look_schedstat(&task->look, task->process->pid, task->tid, &look) == LOOK_RUNNING) {
        /* A zombie's counters are complete: its end is a wait that never ends. */
        look.blocked = true;
        look.ended = is_now;
        look.time_ns = num_min(look.time_ns, now_ns);
        cpu_account(observe, task, &look, true);
        pieces_add(observe, task, pieces, ledger_settle(ledger, &look, pieces));
        return ledger->open_ns;
    }
    look = (struct ledger_look){.time_ns = now_ns, .cpu_ns = task->cpu_ns};
    cpu_account(observe, task, &look, true);
    if (!ledger->blocked)
        return now_ns;
    struct ledger_piece piece = {.side = LEDGER_BEFORE,
                                 .start_ns = ledger->open_ns,
                                 .end_ns = ledger->seen_ns + (now_ns - ledger->seen_ns) / 2,
                                 .count = 1};
    piece.blocked_ns = piece.end_ns - piece.start_ns;
    pieces_add(observe, task, &piece, 1);
    return num_max(piece.end_ns, task->start_ns);
}

/* Returns false: another task took its place. */
static bool task_gone(struct observe *observe, struct task *task)
{
    uint64_t tid = task->tid, now_ns = clock_monotonic_ns();

    if (observe->inside) { /* its last words, which may be its end */
        observe->inside_poll(observe->inside);
        task = tracks_find(observe->tracks, tid);
        if (!task)
            return false;
    }
    uint64_t end_ns = observe_last(observe, task, false, now_ns);
    if (observe->inside)
        observe->inside_settle(observe->inside, task, end_ns);
    struct process *process = task->process;
    if (process->task_count == 1 && usage_read(&process->usage, process->pid, true, end_ns) &&
        process->usage.is_zombie)
        process->exit_status = process->usage.exit_status;
    tracks_exit(observe->tracks, observe->waits, task, end_ns);
    return false;
}

/* preload rung: a thread that tells its waits itself. Its counters, and once a turn what it waits for. */
static bool inside_look(struct observe *observe, struct task *task, uint64_t now_ns)
{
    struct task_inside *inside = &task->inside;
    struct ledger_look look;
    struct wait_reason_seen seen;
    enum look_state state = look_schedstat(&task->look, task->process->pid, task->tid, &look);

    if (state == LOOK_GONE)
        return task_gone(observe, task);
    inside->look_due_ns = now_ns + INSIDE_LOOK_NS;
    if (state != LOOK_RUNNING)
        return true;
    if (look.cpu_ns > task->cpu_ns) {
        python_running(observe, task, now_ns);
        task->process->cpu_ns += look.cpu_ns - task->cpu_ns;
        task->cpu_ns = look.cpu_ns;
    }
    if (task->cpu_ns > task->sampled_cpu_ns + INSIDE_UNSAMPLED_MAX * observe->sample_period_ns)
        samples_add(observe, task, task->cpu_ns, look.time_ns, false); /* its timer does not work */
    if (look.turn_count != inside->turn_count) {
        inside->turn_count = look.turn_count;
        inside->is_asked = false;
        inside->look_due_ns = now_ns + INSIDE_LOOK_NS / 4;
        return true;
    }
    if (inside->is_asked)
        return true;
    state = call_observe(observe, task, &seen);
    if (state == LOOK_GONE)
        return task_gone(observe, task);
    inside->is_asked = state == LOOK_BLOCKED;
    if (state == LOOK_BLOCKED) {
        inside->seen = seen;
        inside->seen_ns = now_ns;
    }
    return true;
}

/* proc rung: the thread's counters, and its call when it had a turn since the last look. */
static bool counter_look(struct observe *observe, struct task *task)
{
    struct ledger_look look;
    struct ledger_piece pieces[LEDGER_PIECE_MAX];
    struct wait_reason_seen seen = {0};
    enum look_state state = look_schedstat(&task->look, task->process->pid, task->tid, &look);
    uint64_t seen_before_ns = task->ledger.seen_ns;

    if (state == LOOK_REFUSED)
        return true;
    if (state == LOOK_RUNNING) {
        observe->look_count++;
        observe->look_gap_ns += look.time_ns - num_min(seen_before_ns, look.time_ns);
        if (!ledger_changed(&task->ledger, &look)) {
            look.blocked = true;
            ledger_settle(&task->ledger, &look, pieces);
            return true;
        }
        state = call_observe(observe, task, &seen);
    }
    if (state == LOOK_GONE)
        return task_gone(observe, task);
    look.blocked = state == LOOK_BLOCKED;
    if (!look.blocked)
        python_running(observe, task, look.time_ns);
    if (!look.blocked && ledger_is_due(&task->ledger, &look))
        look.has_slept = look_has_slept(&task->look, task->process->pid, task->tid);
    observe->news_count += look.blocked;
    cpu_account(observe, task, &look, false);
    size_t count = ledger_settle(&task->ledger, &look, pieces);
    pieces_add(observe, task, pieces, count);
    if (look.blocked)
        task->wait.seen = seen;
    return true;
}

/* proc rung: the wait that the last look saw has lasted, and likely goes on. */
static bool is_resting(const struct task *task, uint64_t now_ns)
{
    const struct ledger *ledger = &task->ledger;

    return ledger->blocked && ledger->seen_ns > ledger->open_ns &&
           now_ns < ledger->seen_ns + num_min((ledger->seen_ns - ledger->open_ns) / REST_RATIO, REST_NS_MAX);
}

/* Where no event tells of it. Threads have their maker's name when they begin and get their own soon after, on a busy machine later: they
 * are asked again when they are twice as old, whatever they said. */
static bool thread_name_read(struct observe *observe, struct task *task, uint64_t now_ns)
{
    struct look *look = &task->look;
    char path[80], name[32];
    uint64_t age_ns = now_ns > task->start_ns ? now_ns - task->start_ns : 0;

    if (task->tid == task->process->pid || look->name_age_ns > THREAD_NAME_NS_MAX ||
        age_ns < num_max(THREAD_NAME_NS, 2 * look->name_age_ns))
        return false;
    look->name_age_ns = age_ns;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%" PRIu64 "/comm", task->process->pid, task->tid);
    ssize_t length = fs_read_small(path, name, sizeof name);
    if (length <= 1)
        return true;
    name[length - 1] = '\0';
    if (strncmp(name, look->name[0] ? look->name : task->process->image, 15) != 0)
        tracks_rename(observe->tracks, task, name);
    return true;
}

static void threads_look(struct observe *observe, uint64_t now_ns)
{
    struct tracks *tracks = observe->tracks;
    size_t left = num_min(tracks->tasks.count, OBSERVE_LOOK_MAX), names_left = THREAD_NAME_MAX;

    for (size_t visited = 0; left && visited < tracks->tasks.count; visited++) {
        struct task *task = tracks->tasks.items[observe->cursor % tracks->tasks.count];
        if (!observe->is_exact && names_left)
            names_left -= thread_name_read(observe, task, now_ns);
        if (observe->is_exact) {
            left -= exact_look(observe, task);
            observe->cursor++;
        } else if (task->inside.is_attached) {
            bool is_ending = task->process->told_end_ns && now_ns >= task->process->told_end_ns + NS_PER_MS;
            if (now_ns < task->inside.look_due_ns && !is_ending) {
                observe->cursor++;
            } else {
                left--;
                observe->cursor += inside_look(observe, task, now_ns);
            }
        } else if (is_resting(task, now_ns)) {
            observe->cursor++;
        } else {
            left--;
            observe->cursor += counter_look(observe, task); /* another took its place when it ended */
        }
        if (!tracks->tasks.count)
            return;
    }
}

/* An exec shows as a new name; a fork has its maker's until then. */
static void name_read(struct observe *observe, struct process *process, uint64_t now_ns)
{
    char path[64], name[32];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/comm", process->pid);
    ssize_t length = fs_read_small(path, name, sizeof name);
    if (length <= 1)
        return;
    name[length - 1] = '\0';
    if (strncmp(name, process->image, 15) != 0)
        tracks_exec(observe->tracks, process, name, now_ns);
    else
        return;
    process->scan_due_ns = now_ns + NS_PER_MS;
}

static void process_care(struct observe *observe, struct process *process, uint64_t now_ns)
{
    uint64_t age_ns = now_ns > process->start_ns ? now_ns - process->start_ns : 0;

    if (observe->python &&
        python_seek_tick(observe->python, (uint32_t)process->pid, now_ns, &process->python))
        observe->has_python = true;
    if (!observe->is_exact && now_ns >= process->name_due_ns) {
        name_read(observe, process, now_ns);
        process->name_due_ns = now_ns + between(age_ns / 8, observe->period_ns / 2, NAME_NS_MAX);
    }
    if (now_ns >= process->scan_due_ns &&
        age_ns >= (process->is_scan_asked ? SCAN_NS_MIN : observe->care_ns)) {
        peers_scan(observe->peers, observe->resolve, process, now_ns);
        process->is_scan_asked = false;
        process->scan_ns = now_ns;
        process->scan_due_ns = now_ns + between(3 * age_ns, SCAN_NS_MIN, SCAN_NS_MAX);
    }
    if (now_ns >= process->usage_due_ns && age_ns >= observe->care_ns) {
        if (usage_read(&process->usage, process->pid, true, now_ns))
            usage_point(&process->usage, observe->emit, process->track, now_ns);
        process->usage_due_ns = now_ns + between(3 * age_ns, observe->care_ns, NS_PER_S);
    }
    struct traffic_owner owner = tracks_owner(observe->tracks, process);
    owner.pause_ns_min = observe->care_ns;
    traffic_tick(&process->traffic, &owner, &process->usage, now_ns);
}

static void processes_care(struct observe *observe, uint64_t now_ns)
{
    struct tracks *tracks = observe->tracks;

    for (size_t i = 0; i < tracks->processes.count; i++) {
        struct process *process = tracks->processes.items[i];
        if (observe->pipe_count != observe->peers->pipe_count) {
            process->is_scan_asked = true;
            process->scan_due_ns =
                num_min(process->scan_due_ns, num_max(now_ns, process->scan_ns + SCAN_PAUSE_NS));
        }
        process_care(observe, process, now_ns);
    }
    observe->pipe_count = observe->peers->pipe_count;
}

/* All CPU time of this thread is looking, waking up for it included, but for what the owner excludes. */
static void budget_keep(struct observe *observe, uint64_t now_ns)
{
    if (now_ns < observe->window_ns + BUDGET_WINDOW_NS)
        return;
    uint64_t cpu_ns = clock_thread_cpu_ns() - observe->excluded_cpu_ns;
    double ratio = (double)(cpu_ns - observe->window_cpu_ns) / (double)(now_ns - observe->window_ns);
    /* Where ticks are far apart already it is the number of processes that costs: the short ones get less care. */
    if (ratio > OBSERVE_BUDGET_RATIO && observe->period_ns < OBSERVE_PERIOD_NS_MAX)
        observe->period_ns += observe->period_ns / 4;
    else if (ratio > OBSERVE_BUDGET_RATIO)
        observe->care_ns += observe->care_ns / 4;
    else if (ratio < 0.7 * OBSERVE_BUDGET_RATIO && observe->care_ns > CARE_NS_MIN)
        observe->care_ns -= observe->care_ns / 8;
    else if (ratio < 0.7 * OBSERVE_BUDGET_RATIO)
        observe->period_ns -= observe->period_ns / 8;
    observe->care_ns = between(observe->care_ns, CARE_NS_MIN, CARE_NS_MAX);
    observe->period_ns = between(observe->period_ns, OBSERVE_PERIOD_NS_MIN, OBSERVE_PERIOD_NS_MAX);
    observe->window_ns = now_ns;
    observe->window_cpu_ns = cpu_ns;
}

/* Where the kernel tells all of it, and neither threads nor other ends were new for a while, ticks serve the processes'
 * resources alone. */
static uint64_t pace_ns_max(struct observe *observe, bool is_news, uint64_t now_ns)
{
    uint64_t peer_count = observe->peers->keys.entries.count;

    if (is_news || peer_count != observe->peer_count || !observe->news_ns)
        observe->news_ns = now_ns;
    observe->peer_count = peer_count;
    if (observe->has_python)
        return PACE_NS_MAX_PYTHON;
    if (observe->is_told && now_ns >= observe->news_ns + CALM_NS)
        return PACE_NS_MAX_CALM;
    return observe->is_exact ? PACE_NS_MAX_EXACT : PACE_NS_MAX;
}

/* A tick is only worth its cost where waits or threads are there to be looked into: new ones, or many that came
 * and went between two ticks. */
static uint64_t pace_next(struct observe *observe, uint64_t now_ns)
{
    uint64_t thread_count = observe->tracks->thread_count;
    bool is_news = observe->news_count || thread_count != observe->thread_count ||
                   observe->waits->unseen_ns - observe->unseen_ns > observe->pace_ns / UNSEEN_RATIO;

    observe->news_count = 0;
    observe->thread_count = thread_count;
    observe->unseen_ns = observe->waits->unseen_ns;
    observe->pace_ns = is_news ? observe->pace_ns / 2 : observe->pace_ns * 2;
    uint64_t limit_ns = num_max(observe->period_ns, pace_ns_max(observe, is_news, now_ns));
    observe->pace_ns = between(observe->pace_ns, observe->period_ns, limit_ns);
    return observe->pace_ns;
}

uint64_t observe_tick(struct observe *observe, uint64_t now_ns)
{
    if (observe->tracks->tasks.count && !observe->is_told)
        threads_look(observe, now_ns);
    processes_care(observe, now_ns);
    budget_keep(observe, now_ns);
    uint64_t pause_ns = pace_next(observe, now_ns);
    /* three quarters to five quarters of it */
    return now_ns + pause_ns * 3 / 4 + random_next(observe) % (pause_ns / 2);
}

void observe_checkpoint(struct observe *observe, struct task *task, uint64_t now_ns)
{
    struct ledger *ledger = &task->ledger;

    if (observe->is_exact) {
        waits_checkpoint(observe->waits, task, now_ns);
        return;
    }
    if (task->inside.is_attached) {
        if (now_ns >= task->inside.told_ns + NS_PER_S / 2)
            observe->inside_settle(observe->inside, task, now_ns);
        return;
    }
    if (!ledger->blocked || ledger->seen_ns < ledger->open_ns + NS_PER_S / 2)
        return;
    struct ledger_piece piece = {.side = LEDGER_BEFORE,
                                 .start_ns = ledger->open_ns,
                                 .end_ns = ledger->seen_ns,
                                 .count = 1,
                                 .blocked_ns = ledger->seen_ns - ledger->open_ns};
    pieces_add(observe, task, &piece, 1);
    ledger->open_ns = ledger->seen_ns;
}

static void task_finish(struct observe *observe, struct task *task, uint64_t end_ns)
{
    if (!task->inside.is_attached)
        counter_look(observe, task);
    else if (task->process->told_end_ns)
        task_gone(observe, task);
    else
        inside_look(observe, task, end_ns);
}

void observe_finish(struct observe *observe, uint64_t end_ns)
{
    struct tracks *tracks = observe->tracks;

    for (size_t i = tracks->tasks.count; !observe->is_exact && i > 0; i--)
        if (i <= tracks->tasks.count)
            task_finish(observe, tracks->tasks.items[i - 1], end_ns);
    for (size_t i = 0; i < tracks->tasks.count; i++) {
        struct task *task = tracks->tasks.items[i];
        struct ledger_piece piece = {.side = LEDGER_BEFORE,
                                     .start_ns = task->ledger.open_ns,
                                     .end_ns = end_ns,
                                     .count = 1,
                                     .blocked_ns = end_ns - num_min(task->ledger.open_ns, end_ns)};
        if (task->inside.is_attached)
            observe->inside_settle(observe->inside, task, end_ns);
        else if (!observe->is_exact && task->ledger.blocked && piece.blocked_ns)
            pieces_add(observe, task, &piece, 1);
        if (observe->is_exact && !observe->is_told)
            waits_close(observe->waits, task, end_ns);
        waits_end(observe->waits, task, end_ns);
    }
}

uint64_t observe_gap_ns(const struct observe *observe)
{
    return observe->look_count ? observe->look_gap_ns / observe->look_count : observe->period_ns;
}
