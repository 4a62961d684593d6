/* SPDX-License-Identifier: Apache-2.0 */
#include "record/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"
#include "record/launch.h"

#define CHECKPOINT_NS_MIN   (NS_PER_S / 2) /* a wait or slice that lasts so long is written while it goes on */
#define CHECKPOINT_TASK_MAX 256            /* threads looked at each time */
#define MEMO_NS_MIN         (50 * NS_PER_MS)
#define MEMO_NS_MAX         (400 * NS_PER_MS)
#define END_PAUSE_NS        (50 * NS_PER_US)
#define END_WAIT_ROUNDS     100

int watch_open(struct watch *watch, const struct bpf_source_options *options, uint64_t main_pid,
               struct err *err)
{
    struct bpf_thread main = {.pid = (uint32_t)main_pid, .tid = (uint32_t)main_pid};
    struct stacks_options stacks = {0};
    int code = bpf_open(options, &watch->source, err);

    if (code)
        return code;
    watch->main_pid = main_pid;
    watch->reasons.resolve = watch->resolve;
    watch->reasons.tracks = watch->tracks;
    watch_reason_init(&watch->reasons);
    code = stacks_create(&stacks, &watch->stacks, err);
    if (!code)
        code = python_create(watch->stacks, &watch->python, err);
    if (!code && main_pid)
        code = bpf_follow(watch->source, &main, err);
    if (code)
        watch_close(watch);
    return code;
}

/* Whether the process runs Python is asked of it; if so, the kernel's programs are told. */
static int python_seek(struct watch *watch, uint32_t pid, struct err *err)
{
    const struct python_place *place = python_look(watch->python, pid);

    if (!place)
        return 0;
    struct bpf_python python = python_for_bpf(place, clock_monotonic_ns());
    return bpf_python_put(watch->source, pid, &python, err);
}

/* A process began to run a program of that name, or a Python stack was met for the first time. */
static int on_python(struct watch *watch, const struct bpf_event *event, struct err *err)
{
    struct python_stack stack = {.is_cut = event->python->is_cut};
    uint64_t ignored;

    if (!event->python->count)
        return python_seek(watch, event->pid, err);
    if (!python_known(watch->python, event->pid))
        python_look(watch->python, event->pid); /* just forked, which is not told yet */
    for (size_t i = 0; i < event->python->count && stack.count < PYTHON_DEPTH_MAX; i++) {
        const struct bpf_python_frame *frame = &event->python->frames[i];
        stack.frames[stack.count++] = (struct python_frame){.code = frame->code & ~BPF_PYTHON_ENTRY,
                                                            .instruction = frame->instruction,
                                                            .lines = frame->lines,
                                                            .is_entry = frame->code & BPF_PYTHON_ENTRY};
    }
    return python_stack_note(watch->python, event->pid, event->python->key, &stack, &ignored, err);
}

void watch_join(struct watch *watch, struct task *task, bool is_running, uint64_t now_ns)
{
    struct bpf_thread thread = {.pid = (uint32_t)task->process->pid, .tid = (uint32_t)task->tid};
    struct reason_call call;
    struct err err = {0};

    if (is_running) {
        thread.in_ns = now_ns;
    } else {
        thread.out_ns = now_ns;
        thread.is_waiting = 1;
        thread.wait = (struct bpf_wait){.call = BPF_CALL_FOREIGN, .stack = -1, .file = {.number = -1}};
        if (look_call(&task->look, task->process->pid, task->tid, &call) == LOOK_BLOCKED) {
            thread.wait.call = (int32_t)call.number;
            memcpy(thread.wait.arguments, call.arguments, sizeof thread.wait.arguments);
        }
    }
    if (bpf_follow(watch->source, &thread, &err) ||
        (task->tid == task->process->pid && (stacks_read_maps(watch->stacks, (uint32_t)task->tid, &err) ||
                                             python_seek(watch, (uint32_t)task->tid, &err))))
        emit_fail(watch->emit, &err);
}

void watch_close(struct watch *watch)
{
    python_destroy(watch->python);
    stacks_destroy(watch->stacks);
    bpf_close(watch->source);
    stack_memo_free(&watch->rows);
    watch_reason_deinit(&watch->reasons);
    watch->stacks = NULL;
    watch->python = NULL;
    watch->source = NULL;
}

static int note(struct watch *watch, enum perf_kind kind, const struct bpf_event *event, uint32_t parent_pid,
                struct err *err)
{
    struct perf_event perf = {.kind = kind, .pid = event->pid, .tid = event->tid, .ppid = parent_pid};
    return stacks_note(watch->stacks, &perf, err);
}

static struct task *task_of(struct watch *watch, uint32_t pid, uint32_t tid, uint64_t time_ns)
{
    struct task *task = tracks_find(watch->tracks, tid);

    if (task || !tid)
        return task;
    return tracks_adopt(watch->tracks, pid, tid, time_ns);
}

static int on_fork(struct watch *watch, const struct bpf_event *event, struct err *err)
{
    struct track_fork fork = {.pid = event->pid,
                              .tid = event->tid,
                              .parent_pid = event->fork->parent_pid,
                              .parent_tid = event->fork->parent_tid,
                              .time_ns = event->time_ns};
    struct task *stale = tracks_find(watch->tracks, event->tid);
    /* A new thread has its maker's process; a new process of the same number is no thread. */
    uint32_t parent_pid = event->pid == event->tid ? event->fork->parent_pid : event->pid;

    if (stale) /* its end was lost */
        tracks_exit(watch->tracks, watch->waits, stale, event->time_ns);
    tracks_fork(watch->tracks, &fork);
    if (event->pid == event->tid)
        python_fork(watch->python, event->pid, event->fork->parent_pid);
    return note(watch, PERF_FORK, event, parent_pid, err);
}

static void on_exec(struct watch *watch, const struct bpf_event *event)
{
    struct task *task = task_of(watch, event->pid, event->tid, event->time_ns);
    char name[sizeof event->exec->comm];

    if (!task)
        return;
    memcpy(name, event->exec->comm, sizeof name);
    struct track_image image = {
        .name = name, .arguments = event->arguments, .arguments_bytes = event->exec->arguments_bytes};
    tracks_exec_told(watch->tracks, task->process, &image, event->time_ns);
    python_forget(watch->python, event->pid, event->time_ns);
    task->process->scan_due_ns = 0;
    if (event->exec->old_tid != event->tid) {
        struct task *caller = tracks_find(watch->tracks, event->exec->old_tid);
        if (caller)
            tracks_exit(watch->tracks, watch->waits, caller, event->time_ns);
    }
}

/* The kernel's sums of a process that ended are complete; they replace what was read of it. */
static void usage_told(struct process *process, const struct bpf_exit *exit, uint64_t time_ns)
{
    struct usage *usage = &process->usage;

    usage->cpu_user_ns = exit->user_ns;
    usage->cpu_system_ns = exit->system_ns;
    usage->fault_minor_count = exit->fault_minor_count;
    usage->fault_major_count = exit->fault_major_count;
    if (exit->rss_pages_max) {
        usage->has_memory = true;
        usage->rss_bytes_max =
            num_max(usage->rss_bytes_max, exit->rss_pages_max * (uint64_t)sysconf(_SC_PAGESIZE));
    }
    usage->read_ns = time_ns;
    usage->is_zombie = true;
    usage->exit_status = process->exit_status;
}

static int on_exit_of(struct watch *watch, const struct bpf_event *event, struct err *err)
{
    struct task *task = tracks_find(watch->tracks, event->tid);
    struct process *process = task ? task->process : NULL;

    if (!task)
        return 0;
    if (event->tid == event->pid || event->exit->is_last)
        process->exit_status = (uint64_t)launch_shell_status((int)event->exit->status);
    if (process->task_count == 1)
        python_forget(watch->python, event->pid, UINT64_MAX);
    if (process->task_count == 1)
        usage_told(process, event->exit, event->time_ns);
    if (process->pid == watch->main_pid) {
        watch->main_end_ns = event->time_ns;
        if (task->tid == process->pid) {
            task->end_ns = event->time_ns;
            return 0; /* until the recorder has waited for it */
        }
    }
    tracks_exit(watch->tracks, watch->waits, task, event->time_ns);
    return note(watch, PERF_EXIT, event, 0, err);
}

/* Slices of a thread neither overlap nor go back. */
static void slice_tell(struct watch *watch, struct task *task, const struct bpf_slice *slice)
{
    struct wait_state *state = &task->wait;
    uint64_t start_ns = num_max(slice->start_ns, state->since_ns);

    if (slice->end_ns <= start_ns)
        return;
    struct row_slice row = {
        .track = task->track, .cpu = slice->cpu, .start_ns = start_ns, .end_ns = slice->end_ns};
    emit_append(watch->emit, slice, &row);
    uint64_t run_ns = num_min(slice->run_ns, slice->end_ns - start_ns);
    state->since_ns = slice->end_ns;
    state->run_ns += run_ns;
    task->process->cpu_ns += run_ns;
}

/* The row of a copied stack is known by its number among the thread's, and for stacks that were not copied by what
 * frame pointers tell and where it ended. */
static uint64_t key_of_dump(uint64_t tid, uint32_t number)
{
    return stack_memo_key(tid, number, 0);
}

/* A stack that was not copied is like the last one that was alike, else what frame pointers tell. */
struct told_stack {
    uint32_t dump;
    int32_t stack;
    uint64_t sp, python;
};

static uint64_t key_of_alike(const struct process *process, const struct told_stack *told)
{
    return stack_memo_key(process->span, (uint64_t)(uint32_t)told->stack ^ told->python, told->sp | 1);
}

/* A chain with the frames of Python in it. */
static int row_add(struct watch *watch, const struct process *process, const struct stacks_dumped *dumped,
                   uint64_t python, uint64_t *ret_row, struct err *err)
{
    return python_stacks_add(watch->python, (uint32_t)process->pid, dumped,
                             python_stack_find(watch->python, python), ret_row, err);
}

static int on_stack(struct watch *watch, const struct bpf_event *event, struct err *err)
{
    const struct bpf_stack *stack = event->stack;
    const struct task *task = tracks_find(watch->tracks, event->tid);
    struct stacks_dumped dumped = {.dump = event->dump};
    struct told_stack told = {.stack = stack->stack, .sp = stack->sp, .python = stack->python};
    uint64_t row = 0;

    if (!task)
        return 0;
    dumped.chain_count = bpf_stack(watch->source, stack->stack, &dumped.chain);
    stacks_set_time(watch->stacks, event->time_ns);
    int code = row_add(watch, task->process, &dumped, stack->python, &row, err);
    if (!code && row)
        code = stack_memo_put(&watch->rows, key_of_dump(event->tid, stack->number), row, err);
    if (!code && row && stack->stack >= 0)
        code = stack_memo_put(&watch->rows, key_of_alike(task->process, &told), row, err);
    return code;
}

static uint64_t stack_row(struct watch *watch, const struct task *task, struct told_stack told)
{
    const uint64_t *addresses = NULL;
    uint64_t row = told.dump ? stack_memo_get(&watch->rows, key_of_dump(task->tid, told.dump)) : 0;
    uint64_t key = key_of_alike(task->process, &told);

    if (row || (told.stack < 0 && !told.python))
        return row;
    row = stack_memo_get(&watch->rows, key);
    if (row)
        return row;
    size_t count = bpf_stack(watch->source, told.stack, &addresses);
    struct stacks_dumped dumped = {.chain = addresses, .chain_count = count};
    struct err err = {0};
    if ((count || told.python) && (row_add(watch, task->process, &dumped, told.python, &row, &err) ||
                                   stack_memo_put(&watch->rows, key, row, &err)))
        emit_fail(watch->emit, &err);
    return row;
}

/* The address's host part says that both ends are on this machine. */
static bool is_local(const struct bpf_file *file)
{
    bool is_loopback =
        file->family == AF_INET6 ? file->remote[0] == 0 && file->remote[15] == 1 : file->remote[0] == 127;
    return file->family && (is_loopback || !memcmp(file->local, file->remote, sizeof file->local));
}

static void waker_tell(struct watch *watch, const struct task *task, const struct bpf_wait *wait,
                       struct wait_told *told)
{
    if (wait->waker_context == BPF_CONTEXT_NONE)
        return;
    told->waker_source = WAKER_INTERRUPT;
    /* A wait on several descriptors has no file, and may well be for a neighbour. */
    bool is_sent = wait->waker_context == BPF_CONTEXT_SENDING && wait->waker_tid != task->tid &&
                   (wait->file.number < 0 || !wait->file.family || is_local(&wait->file)) &&
                   (told->reason == WAIT_NETWORK || told->reason == WAIT_POLL || told->reason == WAIT_IDLE);
    if (wait->waker_context != BPF_CONTEXT_TASK && !is_sent)
        return;
    struct task *waker = tracks_find(watch->tracks, wait->waker_tid);
    const struct track_ended *ended = NULL;
    if (!waker || waker->start_ns > wait->end_ns)
        ended = tracks_ended(watch->tracks, wait->waker_tid, wait->end_ns);
    told->waker_track = ended ? ended->track : waker ? waker->track : 0;
    told->waker_source = told->waker_track ? WAKER_EXACT : WAKER_NONE;
    if (waker && !ended)
        told->waker_stack = stack_row(watch, waker,
                                      (struct told_stack){.dump = wait->waker_dump,
                                                          .stack = wait->waker_stack,
                                                          .sp = wait->waker_sp,
                                                          .python = wait->waker_python});
}

static void reason_tell(struct watch *watch, struct task *task, const struct bpf_wait *wait, uint64_t time_ns,
                        struct wait_told *told)
{
    struct watch_memo *memo = &task->watch;
    struct reason_found found;

    if (wait->flags & BPF_WAIT_QUEUE) {
        told->reason = WAIT_CPU_QUEUE;
        return;
    }
    bool is_alike = !wait->memory_bytes && memo->call == wait->call && memo->flags == wait->flags &&
                    memo->inode == wait->file.inode && memo->argument == wait->arguments[0] &&
                    memo->value == wait->arguments[2];
    if (!is_alike || memo->until_ns <= time_ns) {
        watch_reason_find(&watch->reasons, task, wait, time_ns, &found);
        if (found.peer_kind == PEER_LOCK &&
            python_is_gil(watch->python, (uint32_t)task->process->pid, wait->arguments[0]))
            reason_set_gil(&found, task->process->pid);
        uint64_t peer = peers_put(watch->peers, &found);
        bool is_right = is_alike && memo->reason == found.reason && memo->peer == peer;
        uint64_t keep_ns = num_max(is_right ? num_min(2 * memo->keep_ns, MEMO_NS_MAX) : 0, MEMO_NS_MIN);
        *memo = (struct watch_memo){.until_ns = time_ns + keep_ns,
                                    .keep_ns = keep_ns,
                                    .call = wait->call,
                                    .flags = wait->flags,
                                    .inode = wait->file.inode,
                                    .argument = wait->arguments[0],
                                    .value = wait->arguments[2],
                                    .reason = found.reason,
                                    .peer = peer,
                                    .sample_python = memo->sample_python,
                                    .sample_python_ns = memo->sample_python_ns,
                                    .loop_argument = memo->loop_argument,
                                    .loop_peer = memo->loop_peer};
        watch_memo_loop(memo, &found);
    }
    uint64_t connection = watch_reason_loop_peer(memo, wait);
    told->reason = connection ? WAIT_NETWORK : memo->reason;
    told->peer = connection ? connection : memo->peer;
    if (watch_reason_is_rung(memo, wait, task->process->pid)) {
        told->reason = WAIT_POLL; /* for work of that thread */
        told->peer = 0;
    }
}

/* Who waits for the lock of a Python interpreter looks after it every 5 ms: such a wait is ended by a timer, and is for the
 * thread that has the lock. */
static void gil_holder_tell(struct watch *watch, const struct task *task, const struct bpf_wait *wait,
                            struct wait_told *told)
{
    const struct task *holder = wait->gil_holder ? tracks_find(watch->tracks, wait->gil_holder) : NULL;

    if (told->waker_track || told->reason != WAIT_LOCK || !holder || holder == task ||
        holder->process != task->process)
        return;
    told->waker_track = holder->track;
    told->waker_source = WAKER_INFERRED;
}

static void wait_tell(struct watch *watch, struct task *task, const struct bpf_wait *wait, uint64_t time_ns)
{
    struct wait_told told = {.interval = {.start_ns = wait->start_ns,
                                          .end_ns = wait->end_ns,
                                          .count = wait->count,
                                          .blocked_ns = wait->blocked_ns,
                                          .runnable_ns = wait->runnable_ns}};

    reason_tell(watch, task, wait, time_ns, &told);
    told.stack =
        stack_row(watch, task,
                  (struct told_stack){
                      .dump = wait->dump, .stack = wait->stack, .sp = wait->sp, .python = wait->python});
    waker_tell(watch, task, wait, &told);
    gil_holder_tell(watch, task, wait, &told);
    waits_tell(watch->waits, task, &told);
}

static int on_sample(struct watch *watch, const struct perf_event *event, struct task *task, struct err *err)
{
    struct row_sample row = {
        .time_ns = event->time_ns, .track = task->track, .weight = event->weight_ns, .kind = SAMPLE_CPU};
    uint64_t python = python_stack_find(watch->python, watch_memo_python_take(&task->watch, event->time_ns));
    struct stacks_dumped dumped = {
        .chain = event->chain, .chain_count = event->chain_count, .dump = event->dump};
    stacks_set_time(watch->stacks, event->time_ns);
    int code = python_stacks_add(watch->python, event->pid, &dumped, python, &row.stack, err);

    if (!code)
        emit_append(watch->emit, sample, &row);
    return code;
}

/* Perf events are the whole machine's: only threads of the tree are heard. */
static int on_perf(struct watch *watch, const struct bpf_event *event, struct err *err)
{
    const struct perf_event *perf = event->perf;
    struct task *task = tracks_find(watch->tracks, perf->tid);

    if (!task)
        return 0;
    if (perf->kind == PERF_MAP && python_is_interpreter(perf->map.path) &&
        !python_known(watch->python, perf->pid)) { /* a library: its program has another name */
        int code = python_seek(watch, perf->pid, err);
        if (code)
            return code;
    }
    if (perf->kind == PERF_EXEC || perf->kind == PERF_MAP)
        return stacks_note(watch->stacks, perf, err);
    if (perf->kind == PERF_SAMPLE)
        return on_sample(watch, perf, task, err);
    return 0;
}

static int on_event(void *context, const struct bpf_event *event, struct err *err)
{
    struct watch *watch = context;

    if (event->perf)
        return on_perf(watch, event, err);
    if (event->kind == BPF_RECORD_FORK)
        return on_fork(watch, event, err);
    if (event->kind == BPF_RECORD_EXIT)
        return on_exit_of(watch, event, err);
    if (event->kind == BPF_RECORD_PYTHON)
        return on_python(watch, event, err);
    if (event->kind == BPF_RECORD_STACK)
        return on_stack(watch, event, err);
    if (event->kind == BPF_RECORD_EXEC) {
        on_exec(watch, event);
        return 0;
    }
    struct task *task = task_of(watch, event->pid, event->tid, event->time_ns);
    if (!task)
        return 0;
    if (event->kind == BPF_RECORD_SLICE)
        slice_tell(watch, task, event->slice);
    else if (event->kind == BPF_RECORD_WAIT)
        wait_tell(watch, task, event->wait, event->time_ns);
    else if (event->kind == BPF_RECORD_COMM)
        tracks_rename(watch->tracks, task, event->comm->comm);
    else if (event->kind == BPF_RECORD_PYTHON_SAMPLE) {
        task->watch.sample_python = event->python_sample->key;
        task->watch.sample_python_ns = event->time_ns;
    }
    return 0;
}

void watch_drain(struct watch *watch, bool flush)
{
    struct err err = {0};

    if (watch->source && bpf_drain(watch->source, flush, on_event, watch, &err))
        emit_fail(watch->emit, &err);
}

void watch_drain_end(struct watch *watch)
{
    struct timespec pause = {.tv_nsec = END_PAUSE_NS};

    for (unsigned round = 0; watch->source && !watch->main_end_ns && round < END_WAIT_ROUNDS; round++) {
        watch_drain(watch, true);
        if (!watch->main_end_ns)
            nanosleep(&pause, NULL);
    }
}

void watch_advance(struct watch *watch, uint64_t budget_ns)
{
    struct err err = {0};

    if (watch->stacks && !watch->emit->failed &&
        stacks_advance(watch->stacks, watch->emit->sink, budget_ns, &err))
        emit_fail(watch->emit, &err);
}

/* What the kernel holds of a thread and will not change any more, and the wait or slice it is in, up to `now_ns`. */
static void thread_tell(struct watch *watch, struct task *task, struct bpf_thread *thread, uint64_t now_ns)
{
    if (bpf_wait_is_sane(&thread->run))
        wait_tell(watch, task, &thread->run, now_ns);
    if (thread->slice.end_ns)
        slice_tell(watch, task, &thread->slice);
    if (thread->in_ns && thread->in_ns < now_ns) {
        struct bpf_slice slice = {.cpu = thread->cpu, .start_ns = thread->in_ns, .end_ns = now_ns};
        slice.run_ns = now_ns - thread->in_ns;
        slice_tell(watch, task, &slice);
    }
    if (!thread->is_waiting || thread->out_ns >= now_ns)
        return;
    struct bpf_wait *wait = thread->is_same ? &thread->run : &thread->wait;
    wait->start_ns = thread->out_ns;
    wait->end_ns = now_ns;
    wait->count = 1;
    wait->blocked_ns = wait->flags & BPF_WAIT_QUEUE ? 0 : now_ns - thread->out_ns;
    wait->runnable_ns = wait->flags & BPF_WAIT_QUEUE ? now_ns - thread->out_ns : 0;
    wait->waker_context = BPF_CONTEXT_NONE;
    if (bpf_wait_is_sane(wait))
        wait_tell(watch, task, wait, now_ns);
}

void watch_checkpoint(struct watch *watch, uint64_t now_ns)
{
    const struct tracks *tracks = watch->tracks;
    size_t left = num_min(tracks->tasks.count, CHECKPOINT_TASK_MAX);
    struct bpf_thread thread;

    for (; watch->source && left; left--) {
        struct task *task = tracks->tasks.items[watch->checkpoint_cursor++ % tracks->tasks.count];
        if (!bpf_thread_read(watch->source, (uint32_t)task->tid, &thread))
            continue;
        uint64_t since_ns = thread.is_waiting ? thread.out_ns : thread.in_ns;
        if (since_ns && since_ns + CHECKPOINT_NS_MIN < now_ns)
            thread_tell(watch, task, &thread, now_ns);
    }
}

void watch_task_end(struct watch *watch, struct task *task, uint64_t end_ns)
{
    struct bpf_thread thread;

    if (bpf_thread_read(watch->source, (uint32_t)task->tid, &thread))
        thread_tell(watch, task, &thread, end_ns);
}

void watch_leave(struct watch *watch, uint64_t end_ns)
{
    for (size_t i = 0; i < watch->tracks->tasks.count; i++)
        watch_task_end(watch, watch->tracks->tasks.items[i], end_ns);
}

uint64_t watch_lost_count(const struct watch *watch)
{
    return watch->source ? bpf_counts(watch->source).lost_count : 0;
}

void watch_finish(struct watch *watch)
{
    struct err err = {0};

    if (!watch->emit->failed && stacks_finish(watch->stacks, watch->emit->sink, &err))
        emit_fail(watch->emit, &err);
    struct stacks_counts stacks = stacks_counts(watch->stacks);
    struct bpf_counts_seen counts = bpf_counts(watch->source);
    emit_meta_u64(watch->emit, META_STACK_COUNT, stacks.stack_count);
    emit_meta_u64(watch->emit, META_STACK_TRUNCATED_COUNT, stacks.truncated_count);
    if (counts.lost_count)
        emit_remark(watch->emit, "the kernel dropped %" PRIu64 " events: a ring was full", counts.lost_count);
    if (counts.unfollowed_count)
        emit_remark(watch->emit, "%" PRIu64 " threads are outside view: there were more than %d at once",
                    counts.unfollowed_count, BPF_THREAD_COUNT);
    if (counts.stack_lost_count)
        emit_remark(watch->emit, "%" PRIu64 " waits have no stack: there were too many different ones",
                    counts.stack_lost_count);
    if (counts.io_lost_count)
        emit_remark(watch->emit,
                    "%" PRIu64 " calls are not counted by peer: there were too many peers at once",
                    counts.io_lost_count);
    if (counts.broken_count)
        emit_remark(watch->emit, "%" PRIu64 " events made no sense and were skipped", counts.broken_count);
}
