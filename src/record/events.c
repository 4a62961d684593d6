/* SPDX-License-Identifier: Apache-2.0 */
#include "record/events.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/num.h"
#include "model/meta.h"

int events_open(struct events *events, const struct perf_options *options, uint64_t main_pid, struct err *err)
{
    struct stacks_options stacks = {0};
    int code = perf_open(options, &events->source, err);

    if (code)
        return code;
    events->main_pid = main_pid;
    events->whole_machine = options->whole_machine;
    events->ignored_pid = options->whole_machine ? (uint64_t)getpid() : 0;
    code = stacks_create(&stacks, &events->stacks, err);
    if (code)
        events_close(events);
    return code;
}

int events_add_thread(struct events *events, pid_t thread, struct err *err)
{
    return events->source && !events->whole_machine ? perf_add_thread(events->source, thread, err) : 0;
}

void events_join(struct events *events, uint32_t pid)
{
    struct err err = {0};

    if (events->stacks && stacks_read_maps(events->stacks, pid, &err))
        emit_fail(events->emit, &err);
}

void events_close(struct events *events)
{
    stacks_destroy(events->stacks);
    if (events->source)
        perf_close(events->source);
    events->stacks = NULL;
    events->source = NULL;
}

static void on_fork(struct events *events, const struct perf_event *event)
{
    struct track_fork fork = {.pid = event->pid,
                              .tid = event->tid,
                              .parent_pid = event->ppid,
                              .parent_tid = event->ptid,
                              .time_ns = event->time_ns};
    struct task *stale = tracks_find(events->tracks, event->tid);

    if (stale) /* its end was lost */
        tracks_exit(events->tracks, events->waits, stale, event->time_ns);
    tracks_fork(events->tracks, &fork);
}

static struct task *task_of(struct events *events, const struct perf_event *event)
{
    struct task *task = tracks_find(events->tracks, event->tid);

    if (task || !event->tid)
        return task;
    return tracks_adopt(events->tracks, event->pid, event->tid, event->time_ns);
}

static void on_exit_of(struct events *events, const struct perf_event *event)
{
    struct task *task = tracks_find(events->tracks, event->tid);
    struct process *process = task ? task->process : NULL;

    if (!task)
        return;
    if (events->main_pid && process->pid == events->main_pid) {
        events->main_end_ns = event->time_ns;
        if (task->tid == process->pid) {
            task->end_ns = event->time_ns;
            return;
        }
    }
    if (process->task_count == 1 && usage_read(&process->usage, process->pid, true, event->time_ns) &&
        process->usage.is_zombie)
        process->exit_status = process->usage.exit_status;
    tracks_exit(events->tracks, events->waits, task, event->time_ns);
}

static int on_sample(struct events *events, const struct perf_event *event, const struct task *task,
                     struct err *err)
{
    struct row_sample row = {
        .time_ns = event->time_ns, .track = task->track, .weight = event->weight_ns, .kind = SAMPLE_CPU};
    stacks_set_time(events->stacks, event->time_ns);
    struct stacks_dumped dumped = {
        .chain = event->chain, .chain_count = event->chain_count, .dump = event->dump};
    int code = events->python ? python_stacks_add(events->python, event->pid, &dumped,
                                                  task_python_ran(task, event->time_ns), &row.stack, err)
                              : stacks_add_dumped(events->stacks, event->pid, &dumped, &row.stack, err);

    if (!code)
        emit_append(events->emit, sample, &row);
    return code;
}

static void on_exec(struct events *events, const struct perf_event *event, struct task *task)
{
    tracks_exec(events->tracks, task->process, event->name, event->time_ns);
    task->process->scan_due_ns = 0;
    if (task->wait.on_cpu)
        task->wait.cpu = event->cpu;
}

static int on_event(void *context, const struct perf_event *event, struct err *err)
{
    struct events *events = context;

    if (events->ignored_pid && event->pid == events->ignored_pid)
        return 0;
    int code = stacks_note(events->stacks, event, err);

    if (code)
        return code;
    if (event->kind == PERF_FORK) {
        on_fork(events, event);
        return 0;
    }
    if (event->kind == PERF_EXIT) {
        on_exit_of(events, event);
        return 0;
    }
    if (event->kind == PERF_LOST || event->kind == PERF_THROTTLE || event->kind == PERF_MAP)
        return 0;
    struct task *task = task_of(events, event);
    if (!task)
        return 0;
    if (event->kind == PERF_SWITCH_IN)
        waits_switch_in(events->waits, task, event->time_ns, event->cpu);
    else if (event->kind == PERF_SWITCH_OUT)
        waits_switch_out(events->waits, task, event->time_ns, event->preempted);
    else if (event->kind == PERF_SAMPLE)
        return on_sample(events, event, task, err);
    else if (event->kind == PERF_EXEC)
        on_exec(events, event, task);
    else if (event->kind == PERF_COMM)
        tracks_rename(events->tracks, task, event->name);
    return 0;
}

void events_drain(struct events *events, bool flush)
{
    struct err err = {0};

    if (events->source && perf_drain(events->source, flush, on_event, events, &err))
        emit_fail(events->emit, &err);
}

void events_advance(struct events *events, uint64_t budget_ns)
{
    struct err err = {0};

    if (events->stacks && !events->emit->failed &&
        stacks_advance(events->stacks, events->emit->sink, budget_ns, &err))
        emit_fail(events->emit, &err);
}

uint64_t events_lost_count(const struct events *events)
{
    return events->source ? perf_counts(events->source).lost_count : 0;
}

void events_finish(struct events *events)
{
    struct err err = {0};

    if (!events->emit->failed && stacks_finish(events->stacks, events->emit->sink, &err))
        emit_fail(events->emit, &err);
    struct stacks_counts stacks = stacks_counts(events->stacks);
    struct perf_counts perf = perf_counts(events->source);
    emit_meta_u64(events->emit, META_STACK_COUNT, stacks.stack_count);
    emit_meta_u64(events->emit, META_STACK_TRUNCATED_COUNT, stacks.truncated_count);
    if (perf.lost_count)
        emit_remark(events->emit, "the kernel dropped %" PRIu64 " events: a ring was full", perf.lost_count);
    if (perf.throttle_count)
        emit_remark(events->emit, "the kernel paused sampling %" PRIu64 " times: it took too much time",
                    perf.throttle_count);
    if (!perf_sees_kernel(events->source))
        emit_remark(events->emit, "the kernel's own functions are outside view (kernel.perf_event_paranoid)");
}
