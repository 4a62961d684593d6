/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a recording: what runs already is listed, the rung opened, the command let go, and both put into the tracks. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "record/recorder_state.h"

static void root_add(struct recorder *recorder)
{
    const char *name = recorder->options->command[0];
    const char *slash = strrchr(name, '/');
    struct track_fork fork = {.pid = recorder->main_pid,
                              .tid = recorder->main_pid,
                              .time_ns = recorder->start_ns,
                              .name = slash ? slash + 1 : name};
    struct task *task = tracks_fork(&recorder->tracks, &fork);

    if (!task)
        return;
    if (recorder->events.source) /* until the first switch is told */
        waits_switch_in(&recorder->waits, task, recorder->start_ns, 0);
    else if (!recorder_is_exact(recorder))
        observe_first(task);
    tracks_exec(&recorder->tracks, task->process, fork.name, recorder->start_ns);
}

/* A thread that ran before the recording began. */
static void running_add(struct recorder *recorder, const struct running_thread *thread)
{
    bool is_process = thread->pid == thread->tid;
    struct track_fork fork = {.pid = (uint64_t)thread->pid,
                              .tid = (uint64_t)thread->tid,
                              .parent_pid = (uint64_t)(is_process ? thread->parent : thread->pid),
                              .time_ns = recorder->start_ns,
                              .is_orphan = true,
                              .name = is_process ? thread->name : NULL};
    struct task *task = tracks_fork(&recorder->tracks, &fork);

    if (!task)
        return;
    task->process->usage.is_partial = true;
    if (is_process)
        tracks_exec(&recorder->tracks, task->process, thread->name, recorder->start_ns);
    else if (strncmp(thread->name, task->process->image, 15) != 0)
        tracks_rename(&recorder->tracks, task, thread->name);
    if (recorder->watch.source)
        watch_join(&recorder->watch, task, thread->is_running, recorder->start_ns);
    else if (!recorder_is_exact(recorder))
        observe_join(task);
    else if (thread->is_running)
        waits_switch_in(&recorder->waits, task, recorder->start_ns, 0);
    else
        task->wait.preempted = false; /* it waits; what is new queues first */
    if (is_process)
        events_join(&recorder->events, (uint32_t)thread->pid);
}

#define LIST_ROUNDS_MAX 8

/* The threads listed, and then those that came while they were: whoever was made by a thread that is watched already
 * has come to the tracks by itself when the rest is looked at. */
static int running_add_all(struct recorder *recorder, struct err *err)
{
    struct running *running = &recorder->running;
    size_t at = 0;

    for (size_t round = 0; round < LIST_ROUNDS_MAX; round++) {
        size_t known = running->threads.count;
        for (; at < known; at++) {
            const struct running_thread *thread = &running->threads.items[at];
            if (tracks_find(&recorder->tracks, (uint64_t)thread->tid))
                continue;
            int code = round ? events_add_thread(&recorder->events, thread->tid, err) : 0;
            if (code)
                return code;
            running_add(recorder, thread);
        }
        int code = running_list(running, err);
        if (code)
            return code;
        events_drain(&recorder->events, true);
        if (running->threads.count == known)
            break;
    }
    return 0;
}

static void tell_started(const struct recorder *recorder)
{
    if (recorder->options->started)
        recorder->options->started(recorder->options->context);
}

/* What came before (loading eBPF programs, most of all) is no cost to the run. */
static void run_begins(struct recorder *recorder)
{
    recorder->start_ns = clock_monotonic_ns();
    recorder->cpu_before_ns = clock_process_cpu_ns();
}

/* The library of the heap stands behind the rung's. */
static int heap_open(struct recorder *recorder, struct err *err)
{
    struct allocations *allocations = &recorder->allocations;
    size_t length = strlen(recorder->preload);

    if (!recorder->options->heap)
        return 0;
    if (!recorder->spans)
        return err_set(err, ERR_ENVIRONMENT, "could not record the heap: there is no folder for its rings");
    if (length)
        recorder->preload[length++] = ':';
    if (!inside_library(HEAP_LIBRARY, recorder->preload + length, sizeof recorder->preload - length)) {
        err_set(err, ERR_ENVIRONMENT,
                "could not find %s beside toll or in ../lib/toll, on a path without blanks", HEAP_LIBRARY);
        err_hint(err, "without --heap all else is recorded");
        return -ERR_ENVIRONMENT;
    }
    allocations->is_alone = !recorder_is_exact(recorder) && !recorder->inside.drain;
    allocations->stacks = recorder_stacks(recorder);
    return allocations_open(allocations, span_drain_folder(recorder->spans), err);
}

static int command_start(struct recorder *recorder, enum record_rung wanted, int *ret_shell_status,
                         struct err *err)
{
    const char *session = recorder->spans ? span_drain_folder(recorder->spans) : NULL;
    int code = launch_start(recorder->options->command, session, &recorder->launch, err);
    if (code)
        return code;
    recorder->main_pid = (uint64_t)recorder->launch.pid;
    code = rung_open(recorder, wanted, err);
    if (!code)
        code = heap_open(recorder, err);
    if (!code) {
        run_begins(recorder);
        if (recorder->watch.source)
            watch_io_start(&recorder->watch, recorder->start_ns);
        code = launch_go(&recorder->launch, recorder->preload[0] ? recorder->preload : NULL, ret_shell_status,
                         err);
    }
    if (code) {
        launch_close(&recorder->launch);
        return code;
    }
    tell_started(recorder);
    recorder_meta_start(recorder);
    system_init(&recorder->system, &recorder->emit, recorder->start_ns);
    root_add(recorder);
    struct err why = {0};
    if (recorder->is_attached && running_add_all(recorder, &why))
        emit_fail(&recorder->emit, &why); /* the command runs by now */
    return 0;
}

/* Nothing waits at a gate: what is watched runs on meanwhile. */
static int attached_start(struct recorder *recorder, enum record_rung wanted, struct err *err)
{
    int code = rung_open(recorder, wanted, err);
    if (code)
        return code;
    run_begins(recorder);
    tell_started(recorder);
    if (recorder->watch.source)
        watch_io_start(&recorder->watch, recorder->start_ns);
    recorder_meta_start(recorder);
    system_init(&recorder->system, &recorder->emit, recorder->start_ns);
    return running_add_all(recorder, err);
}

static int running_first(struct recorder *recorder, struct err *err)
{
    const struct record_options *options = recorder->options;
    int code = 0;

    if (options->whole_machine)
        code = running_open_machine(&recorder->running, err);
    else if (!options->command)
        code = running_open(&recorder->running, options->pids, options->pid_count, err);
    recorder->is_attached = !code && (options->whole_machine || !options->command);
    return code;
}

int recording_start(struct recorder *recorder, enum record_rung wanted, int *ret_shell_status,
                    struct err *err)
{
    struct span_drain_options spans = {0};
    struct err why = {0};
    /* With the whole machine most of what is seen ran before. */
    bool is_own = recorder->options->command && !recorder->options->whole_machine;
    struct collectors_options collectors = {.may_probe = is_own, .is_new = is_own};
    int code = running_first(recorder, err);

    if (!code)
        code = collectors_create(&collectors, &recorder->collectors, err);
    if (code)
        return code;
    if (!recorder->options->command)
        return attached_start(recorder, wanted, err);
    if (span_drain_create(&spans, &recorder->spans, &why))
        recorder->spans = NULL; /* the command finds no session */
    else
        recorder->peers.own_folder = span_drain_folder(recorder->spans);
    code = command_start(recorder, wanted, ret_shell_status, err);
    if (!code && !recorder->spans)
        emit_remark(&recorder->emit, "spans of the SDK are outside view: %s", why.what);
    return code;
}
