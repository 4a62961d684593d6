/* SPDX-License-Identifier: Apache-2.0 */
#include "record/recorder.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "record/recorder_state.h"

#define FLUSH_NS           (NS_PER_S / 2)
#define SYSTEM_EARLY_NS    (20 * NS_PER_MS) /* what is nearly due is done now, and saves waking up for it */
#define COLLECTORS_LOOK_NS 2000             /* for each process: a hundredth of a CPU goes into asking them */
#define SYMBOLS_NS_MIN     (2 * NS_PER_S)
#define SYMBOLS_RATIO      300

static uint64_t spans_track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns);

static void recorder_init(struct recorder *recorder, const struct record_options *options)
{
    *recorder = (struct recorder){.options = options, .emit = {.sink = options->sink}};
    tracks_init(&recorder->tracks, &recorder->emit);
    waits_init(&recorder->waits, &recorder->emit);
    peers_init(&recorder->peers, &recorder->emit);
    resolve_init(&recorder->resolve);
    recorder->observe = (struct observe){.emit = &recorder->emit,
                                         .tracks = &recorder->tracks,
                                         .waits = &recorder->waits,
                                         .peers = &recorder->peers,
                                         .sample_period_ns = NS_PER_S / recorder_rate_hz(recorder),
                                         .resolve = &recorder->resolve};
    recorder->events =
        (struct events){.emit = &recorder->emit, .tracks = &recorder->tracks, .waits = &recorder->waits};
    recorder->watch = (struct watch){.emit = &recorder->emit,
                                     .tracks = &recorder->tracks,
                                     .waits = &recorder->waits,
                                     .peers = &recorder->peers,
                                     .resolve = &recorder->resolve};
    recorder->inside = (struct inside){.emit = &recorder->emit,
                                       .tracks = &recorder->tracks,
                                       .waits = &recorder->waits,
                                       .peers = &recorder->peers,
                                       .observe = &recorder->observe};
    recorder->allocations = (struct allocations){.emit = &recorder->emit,
                                                 .tracks = &recorder->tracks,
                                                 .context = recorder,
                                                 .track_of = spans_track_of,
                                                 .rate_bytes = options->heap_rate_bytes};
    recorder->discover.loadavg_fd = -1;
    recorder->running.signal_fd = recorder->launch.signal_fd = -1;
}

static void recorder_deinit(struct recorder *recorder)
{
    if (recorder->is_attached)
        running_close(&recorder->running);
    python_destroy(recorder->python);
    stacks_destroy(recorder->stacks);
    tracks_deinit(&recorder->tracks);
    waits_deinit(&recorder->waits);
    peers_deinit(&recorder->peers);
    resolve_deinit(&recorder->resolve);
    observe_deinit(&recorder->observe);
    discover_deinit(&recorder->discover);
    system_deinit(&recorder->system);
    events_close(&recorder->events);
    watch_close(&recorder->watch);
    inside_close(&recorder->inside);
    allocations_close(&recorder->allocations);
    collectors_destroy(recorder->collectors);
    span_drain_destroy(recorder->spans);
}

/* What the kernel told since the last time. */
static void kernel_drain(struct recorder *recorder, bool flush)
{
    events_drain(&recorder->events, flush);
    watch_drain(&recorder->watch, flush);
}

/* The CPU time of the whole tree so far; on the perf rung with what runs now. */
static uint64_t tree_cpu_ns(const struct recorder *recorder, uint64_t now_ns)
{
    uint64_t sum_ns = recorder->tracks.dead_cpu_ns;

    if (recorder->watch.source)
        return bpf_cpu_ns(recorder->watch.source, now_ns);
    for (size_t i = 0; i < recorder->tracks.processes.count; i++)
        sum_ns += recorder->tracks.processes.items[i]->cpu_ns;
    for (size_t i = 0; i < recorder->tracks.tasks.count; i++) {
        const struct wait_state *wait = &recorder->tracks.tasks.items[i]->wait;
        if (wait->on_cpu && now_ns > wait->since_ns)
            sum_ns += now_ns - wait->since_ns;
    }
    return sum_ns;
}

static void process_reaped(struct recorder *recorder, uint64_t pid, int status, const struct rusage *rusage)
{
    struct process *process = tracks_process(&recorder->tracks, pid);

    if (!process)
        return;
    process->exit_status = (uint64_t)launch_shell_status(status);
    usage_reaped(&process->usage, rusage, process->exit_status);
}

/* A zombie's last readings, before it is reaped. */
static void process_last(struct recorder *recorder, uint64_t pid, uint64_t now_ns)
{
    struct tracks *tracks = &recorder->tracks;

    inside_poll(&recorder->inside);
    struct process *process = tracks_process(&recorder->tracks, pid);
    if (!process)
        return;
    usage_read(&process->usage, pid, true, now_ns);
    for (size_t i = tracks->tasks.count; i > 0; i--) {
        struct task *task = tracks->tasks.items[i - 1];
        if (task->process == process && !recorder_is_exact(recorder)) {
            task->end_ns = observe_last(&recorder->observe, task, true, now_ns);
            inside_settle(&recorder->inside, task, task->end_ns);
        }
    }
}

/* All threads of a process that is gone. */
static void process_close(struct recorder *recorder, uint64_t pid)
{
    struct tracks *tracks = &recorder->tracks;

    for (size_t i = tracks->tasks.count; i > 0; i--) {
        struct task *task = tracks->tasks.items[i - 1];
        if (task->process->pid != pid)
            continue;
        if (recorder->watch.source && !task->end_ns) { /* reaped, and not off its CPU for the last time yet */
            watch_task_end(&recorder->watch, task, recorder->end_ns);
            task->end_ns = recorder->end_ns;
        }
        tracks_exit(tracks, &recorder->waits, task, task->end_ns);
    }
}

/* Reaps the main command and orphans that came to toll. */
static void children_reap(struct recorder *recorder)
{
    siginfo_t info;
    struct rusage rusage;
    int status;

    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        uint64_t pid = (uint64_t)info.si_pid, now_ns = clock_monotonic_ns();
        process_last(recorder, pid, now_ns);
        if (wait4(info.si_pid, &status, WNOHANG, &rusage) != info.si_pid)
            return;
        if (pid == recorder->main_pid)
            watch_drain_end(&recorder->watch);
        kernel_drain(recorder, true);
        process_reaped(recorder, pid, status, &rusage);
        if (pid == recorder->main_pid) {
            recorder->is_ended = true;
            recorder->exit_status = launch_shell_status(status);
            recorder->end_ns = now_ns;
            const struct task *task = tracks_find(&recorder->tracks, pid);
            if (task && task->end_ns > recorder->start_ns)
                recorder->end_ns = task->end_ns;
        }
        process_close(recorder, pid);
    }
}

static void flush(struct recorder *recorder)
{
    struct emit *emit = &recorder->emit;

    if (emit->failed || !recorder->options->flush)
        return;
    if (recorder->options->flush(recorder->options->context, &emit->err))
        emit->failed = true;
}

/* The track of a thread (tid 0: of a process) that the SDK speaks of; called by span_drain_poll. */
static uint64_t spans_track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    struct recorder *recorder = context;
    struct tracks *tracks = &recorder->tracks;
    uint64_t id = tid ? tid : pid;
    const struct task *task = tracks_find(tracks, id);

    if (!task) { /* it may have been forked since the last round */
        kernel_drain(recorder, true);
        inside_poll(&recorder->inside);
        if (!recorder_is_exact(recorder))
            discover_tick(&recorder->discover, clock_monotonic_ns());
        task = tracks_find(tracks, id);
    }
    const struct track_ended *ended = tracks_ended(tracks, id, time_ns);
    if (ended && (!task || time_ns < task->start_ns))
        return tid ? ended->track : ended->process_track;
    if (!task)
        task = tracks_adopt(tracks, pid, id, time_ns);
    if (!task)
        return 0;
    return tid ? task->track : task->process->track;
}

static uint64_t spans_new_id(void *context, enum table_id table)
{
    struct recorder *recorder = context;

    if (table == TABLE_TRACK)
        return ++recorder->tracks.track_count;
    return table == TABLE_SPAN ? ++recorder->tracks.span_count : ++recorder->emit.series_count;
}

static uint64_t spans_end_of(void *context, uint64_t pid, uint64_t time_ns)
{
    const struct recorder *recorder = context;
    const struct track_ended *ended =
        tracks_find(&recorder->tracks, pid) ? NULL : tracks_ended(&recorder->tracks, pid, time_ns);
    return ended ? ended->end_ns : 0;
}

/* Reads the SDK's rings; the last time with the end of the run. */
static void spans_poll(struct recorder *recorder, uint64_t end_ns)
{
    struct err err = {0};
    struct span_host host = {.context = recorder,
                             .sink = recorder->emit.sink,
                             .track_of = spans_track_of,
                             .new_id = spans_new_id,
                             .end_of = spans_end_of};

    if (!recorder->spans || recorder->emit.failed)
        return;
    int code = end_ns ? span_drain_finish(recorder->spans, &host, end_ns, &err)
                      : span_drain_poll(recorder->spans, &host, &err);
    if (code)
        emit_fail(&recorder->emit, &err);
}

/* The track of a thread, or its process (tid 0); 0 where it is none of the run's, as of programs beside it. */
static uint64_t collectors_track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    const struct recorder *recorder = context;
    const struct task *task = tracks_find(&recorder->tracks, tid ? tid : pid);
    const struct track_ended *ended = tracks_ended(&recorder->tracks, tid ? tid : pid, time_ns);

    if (ended && (!task || time_ns < task->start_ns))
        return tid ? ended->track : ended->process_track;
    if (!task)
        return tid ? collectors_track_of(context, pid, 0, time_ns) : 0;
    return tid ? task->track : task->process->track;
}

static bool collectors_is_there(void *context, uint64_t pid, uint64_t track)
{
    const struct recorder *recorder = context;
    const struct process *process = tracks_process(&recorder->tracks, pid);
    return process && process->track == track;
}

static uint64_t collectors_new_span(void *context)
{
    return spans_new_id(context, TABLE_SPAN);
}

/* Pauses of garbage collectors; the last time with the end of the run. */
static void pauses_poll(struct recorder *recorder, uint64_t now_ns, uint64_t end_ns)
{
    struct tracks *tracks = &recorder->tracks;
    struct err err = {0};
    struct collectors_host host = {.context = recorder,
                                   .sink = recorder->emit.sink,
                                   .track_of = collectors_track_of,
                                   .is_there = collectors_is_there,
                                   .new_span = collectors_new_span};

    if (!recorder->collectors || recorder->emit.failed)
        return;
    bool is_due = !end_ns && now_ns >= recorder->collectors_due_ns;
    for (size_t i = 0; is_due && i < tracks->processes.count; i++) {
        struct process *process = tracks->processes.items[i];
        collectors_look(recorder->collectors, process->pid, now_ns, &process->collector);
    }
    if (is_due)
        recorder->collectors_due_ns = now_ns + COLLECTORS_LOOK_NS * tracks->processes.count;
    if (!end_ns && now_ns < collectors_due_ns(recorder->collectors))
        return;
    int code = end_ns ? collectors_finish(recorder->collectors, &host, end_ns, &err)
                      : collectors_poll(recorder->collectors, &host, now_ns, &err);
    if (code)
        emit_fail(&recorder->emit, &err);
}

/* proc rung: names of Python functions, for a moment or all of them. */
static void python_frames_write(struct recorder *recorder, bool is_last)
{
    struct emit *emit = &recorder->emit;
    struct err err = {0};

    if (!recorder->stacks || emit->failed)
        return;
    int code = is_last ? stacks_finish(recorder->stacks, emit->sink, &err)
                       : stacks_advance(recorder->stacks, emit->sink, NS_PER_MS, &err);
    if (code)
        emit_fail(emit, &err);
}

/* Names for stacks can wait for the end, but a recording cut short is the better for those it has. Looking into
 * one file may take tens of milliseconds, so the next only comes when the last has become a small part. */
static void symbols_advance(struct recorder *recorder, uint64_t now_ns)
{
    uint64_t before_ns = clock_thread_cpu_ns();

    if (now_ns - recorder->start_ns < SYMBOLS_NS_MIN ||
        recorder->symbols_cpu_ns * SYMBOLS_RATIO > now_ns - recorder->start_ns)
        return;
    events_advance(&recorder->events, NS_PER_MS);
    watch_advance(&recorder->watch, NS_PER_MS);
    inside_advance(&recorder->inside, NS_PER_MS);
    python_frames_write(recorder, false);
    recorder->symbols_cpu_ns += clock_thread_cpu_ns() - before_ns;
}

/* Of a thread that ended before it was watched no end is told. */
static void ended_look(struct recorder *recorder, uint64_t now_ns)
{
    struct tracks *tracks = &recorder->tracks;

    if (!recorder->is_attached || !recorder_is_exact(recorder))
        return;
    kernel_drain(recorder, true);
    for (size_t i = tracks->tasks.count; i > 0; i--) {
        struct task *task = tracks->tasks.items[i - 1];
        if (task->process->usage.is_partial && !running_is_there(task->process->pid, task->tid))
            tracks_exit(tracks, &recorder->waits, task, now_ns);
    }
}

/* Long waits that go on are written up to now, so that a killed recorder loses little. */
static void checkpoint(struct recorder *recorder, uint64_t now_ns)
{
    inside_poll(&recorder->inside);
    for (size_t i = 0; !recorder->watch.source && i < recorder->tracks.tasks.count; i++)
        observe_checkpoint(&recorder->observe, recorder->tracks.tasks.items[i], now_ns);
    watch_checkpoint(&recorder->watch, now_ns);
    symbols_advance(recorder, now_ns);
    if (recorder_stacks(recorder))
        stacks_look_ahead(recorder_stacks(recorder), now_ns - recorder->start_ns);
    ended_look(recorder, now_ns);
    flush(recorder);
}

static uint64_t due_run(struct recorder *recorder, uint64_t now_ns)
{
    uint64_t before_ns = clock_thread_cpu_ns();

    kernel_drain(recorder, false);
    if (recorder->inside.drain && now_ns >= recorder->inside.due_ns)
        inside_poll(&recorder->inside);
    uint64_t early_ns = recorder->watch.source ? SYSTEM_EARLY_NS : 0; /* others wake up all the time */
    if (now_ns + early_ns >= recorder->system_due_ns) {
        recorder->system_due_ns =
            system_tick(&recorder->system, now_ns, tree_cpu_ns(recorder, now_ns), false);
        peers_tick(&recorder->peers, now_ns);
    }
    if (recorder->allocations.drain && now_ns >= recorder->allocations.due_ns)
        allocations_poll(&recorder->allocations);
    if (recorder->spans && now_ns >= recorder->spans_due_ns) {
        spans_poll(recorder, 0);
        recorder->spans_due_ns = now_ns + span_drain_pause_ns(recorder->spans);
    }
    pauses_poll(recorder, now_ns, 0);
    if (now_ns >= recorder->flush_due_ns) {
        checkpoint(recorder, now_ns);
        recorder->flush_due_ns = now_ns + FLUSH_NS;
    }
    recorder->observe.excluded_cpu_ns += clock_thread_cpu_ns() - before_ns;
    if (now_ns >= recorder->observe_due_ns) {
        if (!recorder_is_exact(recorder))
            discover_tick(&recorder->discover, now_ns);
        recorder->observe_due_ns = observe_tick(&recorder->observe, now_ns);
    }
    uint64_t due_ns = num_min(recorder->observe_due_ns, recorder->system_due_ns);
    due_ns = num_min(due_ns, watch_io_tick(&recorder->watch, now_ns));
    due_ns = num_min(due_ns, recorder->flush_due_ns);
    if (recorder->collectors)
        due_ns = num_min(due_ns, collectors_due_ns(recorder->collectors));
    if (recorder->inside.drain)
        due_ns = num_min(due_ns, recorder->inside.due_ns);
    if (recorder->allocations.drain)
        due_ns = num_min(due_ns, recorder->allocations.due_ns);
    if (recorder->options->limit_ns && !recorder->options->command)
        due_ns = num_min(due_ns, recorder->start_ns + recorder->options->limit_ns);
    return recorder->spans ? num_min(due_ns, recorder->spans_due_ns) : due_ns;
}

/* Without a command the recording ends by a signal, its limit, or when nothing is left to be watched. */
static void attached_look(struct recorder *recorder, bool is_stopped)
{
    uint64_t now_ns = clock_monotonic_ns(), limit_ns = recorder->options->limit_ns;
    bool is_over = limit_ns && now_ns >= recorder->start_ns + limit_ns;

    if (!is_stopped && !is_over && recorder->tracks.processes.count)
        return;
    recorder->is_ended = true;
    recorder->end_ns = is_over ? recorder->start_ns + limit_ns : now_ns;
}

static void record_loop(struct recorder *recorder)
{
    int signal_fd = recorder->options->command ? recorder->launch.signal_fd : recorder->running.signal_fd;
    struct pollfd waited[2] = {{.fd = signal_fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

    if (recorder->events.source)
        waited[1].fd = perf_wait_fd(recorder->events.source);
    else if (recorder->watch.source)
        waited[1].fd = bpf_wait_fd(recorder->watch.source);
    while (!recorder->is_ended) {
        uint64_t due_ns = due_run(recorder, clock_monotonic_ns());
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
        struct timespec timeout = {.tv_sec = (time_t)(left_ns / NS_PER_S),
                                   .tv_nsec = (long)(left_ns % NS_PER_S)};
        bool is_signalled = ppoll(waited, 2, &timeout, NULL) > 0 && waited[0].revents;
        if (!recorder->options->command)
            attached_look(recorder, is_signalled && running_signals(&recorder->running));
        else if (is_signalled && launch_signals(&recorder->launch))
            children_reap(recorder);
    }
}

/* Children that outlive the command keep open tracks; what is known of them is written. */
static void tracks_leave(struct recorder *recorder)
{
    const struct tracks *tracks = &recorder->tracks;

    if (recorder->watch.source) {
        watch_leave(&recorder->watch, recorder->end_ns);
        watch_io_finish(&recorder->watch, recorder->end_ns);
    }
    observe_finish(&recorder->observe, recorder->end_ns);
    if (tracks->processes.count && !recorder->is_attached)
        emit_remark(&recorder->emit,
                    "%zu processes outlived the command; they are outside the run from its end on",
                    tracks->processes.count);
}

static void record_finish(struct recorder *recorder, struct record_result *ret_result)
{
    inside_poll(&recorder->inside);
    if (!recorder_is_exact(recorder))
        discover_tick(&recorder->discover,
                      recorder->end_ns); /* counts what came and went since the last one */
    tracks_leave(recorder);
    spans_poll(recorder, recorder->end_ns);
    pauses_poll(recorder, recorder->end_ns, recorder->end_ns);
    /* What follows the run (symbols) is no cost to the run, nor what was done of it when nobody else wanted the CPU. */
    allocations_finish(&recorder->allocations);
    uint64_t idle_ns = recorder_stacks(recorder) ? stacks_ahead_idle_ns(recorder_stacks(recorder)) : 0;
    uint64_t cpu_ns = clock_process_cpu_ns() - recorder->cpu_before_ns;
    uint64_t overhead_ns = cpu_ns - num_min(cpu_ns, idle_ns) + recorder->inside.recording_ns;
    if (recorder->events.source)
        events_finish(&recorder->events);
    if (recorder->watch.source)
        watch_finish(&recorder->watch);
    if (recorder->inside.drain)
        inside_finish(&recorder->inside);
    python_frames_write(recorder, true);
    system_tick(&recorder->system, recorder->end_ns, tree_cpu_ns(recorder, recorder->end_ns), true);
    peers_tick(&recorder->peers, clock_monotonic_ns());
    recorder_meta_end(recorder, overhead_ns);
    flush(recorder);
    *ret_result = (struct record_result){.exit_status = recorder->exit_status,
                                         .rung = rung_name(recorder->rung),
                                         .wall_ns = recorder->end_ns - recorder->start_ns,
                                         .process_count = recorder->tracks.process_count,
                                         .thread_count = recorder->tracks.thread_count,
                                         .row_count = recorder->emit.row_count,
                                         .lost_count = recorder_lost_count(recorder),
                                         .overhead_cpu_ns = overhead_ns,
                                         .incomplete = recorder->emit.failed,
                                         .failure = recorder->emit.err};
}

int record_run(const struct record_options *options, struct record_result *ret_result, struct err *err)
{
    struct recorder recorder;
    int was_subreaper = 0;

    ret_result->exit_status = RECORD_STATUS_FAILED;
    enum record_rung wanted = (enum record_rung)0;
    if (options->rung && !rung_find(options->rung, &wanted))
        return err_set(err, ERR_USAGE, "could not record with recorder '%s': there is none of that name",
                       options->rung);
    enum watch_io_mode io;
    if (!watch_io_mode_find(options->io, &io))
        return err_set(err, ERR_USAGE, "could not record I/O '%s': choose sampled, all or none", options->io);
    enum heap_mode heap = HEAP_SAMPLED;
    if (options->heap && (!allocations_mode_find(options->heap, &heap) || !options->command))
        return err_set(err, ERR_USAGE, "could not record the heap '%s': %s", options->heap,
                       options->command ? "choose sampled or exact" : "it takes a command to start");
    recorder_init(&recorder, options);
    recorder.watch.io.mode = io;
    recorder.allocations.mode = heap;
    prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper);
    int code = recording_start(&recorder, wanted, &ret_result->exit_status, err);
    if (!code) {
        record_loop(&recorder);
        record_finish(&recorder, ret_result);
        if (options->command)
            launch_close(&recorder.launch);
    }
    prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)was_subreaper);
    recorder_deinit(&recorder);
    return code;
}
