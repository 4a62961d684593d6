/* SPDX-License-Identifier: Apache-2.0 */
#include "run/helper_threads.h"

#include <string.h>

#include "base/num.h"

/* Samples and waits of a thread that are looked at for the function it begins in. */
#define LOOK_MAX 16
/* Of its life, what a thread may have run to have done little. */
#define IDLE_RATIO_MAX 0.2

/* Beginnings of names; the kernel keeps 15 characters of them. */
static const char *const names[] = {
    "C1 CompilerThre", "C2 CompilerThre", "JVMCI-native Co", "VM Thread",       "VM Periodic Tas",
    "Monitor Deflati", "Reference Handl", "Common-Cleaner",  "Attach Listener", "GC Thread#",
    "GC main Marker",  "ZDriver",         "ZWorker",         "Shenandoah GC", /* HotSpot */
    ".NET Finalizer",  ".NET SigHandler", ".NET Tiered Com", ".NET EventPipe",  ".NET SynchManag",
    ".NET Server GC",  ".NET BGC",        ".NET TP Gate",                       /* .NET */
    "V8Worker",        "V8 DefaultWorke", "DelayedTaskSche", "SignalInspector", /* V8 */
};

/* Likewise, of HotSpot: others may call a thread of theirs the same. */
static const char *const java_names[] = {
    "Signal Dispatch", "Service Thread", "Notification Th", "Sweeper thread", "Finalizer", "G1 ",
};

/* Of them HotSpot has at least one. */
static const char *const java_marks[] = {"VM Thread", "VM Periodic Tas", "C1 CompilerThre",
                                         "C2 CompilerThre"};

/* Beginnings of functions. */
static const char *const functions[] = {
    "node::(anonymous namespace)::PlatformWorkerThread",
    "node::WorkerThreadsTaskRunner::DelayedTaskScheduler",
    "node::inspector::(anonymous namespace)::StartIoThreadMain",
    "v8::platform::DefaultWorkerThreadsTaskRunner",
    "runtime.sysmon", /* Go */
};

/* Threads that a program of Node.js made. */
static const char *const workers[] = {"node::worker::Worker::"};

static bool begins_with_any(const char *text, const char *const *beginnings, size_t count)
{
    for (size_t i = 0; text && i < count; i++)
        if (strncmp(text, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static bool is_named(const struct run_track *track, bool is_of_java)
{
    return begins_with_any(track->name, names, sizeof names / sizeof names[0]) ||
           (is_of_java && begins_with_any(track->name, java_names, sizeof java_names / sizeof java_names[0]));
}

static bool is_java(const struct run *run, const struct run_track *process)
{
    bool has_mark = process->name && strcmp(process->name, "java") == 0;
    for (size_t i = 0; i < process->actors.count && !has_mark; i++)
        has_mark = begins_with_any(run->tracks.items[process->actors.items[i]].name, java_marks,
                                   sizeof java_marks / sizeof java_marks[0]);
    return has_mark;
}

/* What stacks tell of a thread. */
struct seen {
    bool is_helper, is_worker; /* it begins as one */
};

static void stack_see(const struct run *run, uint32_t stack, struct seen *seen)
{
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t frame = run->stacks.items[at].frame;
        const char *function = frame < run->frames.count ? run->frames.items[frame].function : NULL;
        seen->is_worker =
            seen->is_worker || begins_with_any(function, workers, sizeof workers / sizeof workers[0]);
        seen->is_helper =
            seen->is_helper || begins_with_any(function, functions, sizeof functions / sizeof functions[0]);
    }
}

static struct seen stacks_see(const struct run *run, const struct run_track *track)
{
    struct seen seen = {0};
    for (size_t i = 0; i < track->samples.count && i < LOOK_MAX; i++)
        stack_see(run, track->samples.items[i].stack, &seen);
    for (size_t i = 0; i < track->waits.count && i < LOOK_MAX; i++)
        stack_see(run, track->waits.items[i].stack, &seen);
    return seen;
}

static bool is_thread_of(const struct run_track *process, const struct run_track *track)
{
    return track->kind == TRACK_THREAD && track->tid != process->pid;
}

static bool is_nodes_name(const char *name)
{
    return name && (strcmp(name, "node") == 0 || strcmp(name, "nodejs") == 0);
}

/* Its tools give themselves a name of their own (npm: process.title), which from outside looks like another program. */
static bool is_node(const struct run *run, const struct run_track *process)
{
    bool is_found = is_nodes_name(process->name);
    for (size_t i = 0; i < process->spans.count && !is_found; i++) {
        const struct run_span *span = &process->spans.items[i];
        is_found =
            span->exec && span->name < run->stages.count && is_nodes_name(run->stages.items[span->name].name);
    }
    return is_found;
}

static bool did_little(const struct run_track *track)
{
    return num_ratio(track->run_ns, track->end_ns - track->start_ns) < IDLE_RATIO_MAX;
}

static void mark_threads(struct run *run, const struct run_track *process)
{
    bool is_nodes = is_node(run, process), is_javas = is_java(run, process);
    for (size_t i = 0; i < process->actors.count; i++) {
        struct run_track *track = &run->tracks.items[process->actors.items[i]];
        if (!is_thread_of(process, track))
            continue;
        struct seen seen = stacks_see(run, track);
        bool is_idle = is_nodes && !seen.is_worker && did_little(track);
        track->is_helper = is_named(track, is_javas) || seen.is_helper || is_idle;
    }
}

void helper_threads_mark(struct run *run)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->present && track->kind == TRACK_PROCESS)
            mark_threads(run, track);
    }
}
