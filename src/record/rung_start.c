/* SPDX-License-Identifier: Apache-2.0 */
/* The start of each rung, and of the best that there is. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/num.h"
#include "record/recorder_state.h"

static const char *const names[RUNG_COUNT] = {
    [RUNG_BPF] = "bpf", [RUNG_PERF] = "perf", [RUNG_PROC] = "proc", [RUNG_PRELOAD] = "preload"};

const char *rung_name(enum record_rung rung)
{
    return (unsigned)rung < RUNG_COUNT && names[rung] ? names[rung] : "";
}

bool rung_find(const char *name, enum record_rung *ret_rung)
{
    for (unsigned i = 1; i < RUNG_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_rung = (enum record_rung)i;
            return true;
        }
    }
    return false;
}

#define DUMP_BYTES_MAX   16384u
#define DUMP_BYTES_MIN   4096u
#define DUMP_BYTES_PER_S (32u << 20) /* of a CPU */

/* Of the stack of each sample, to find callers in: enough for nearly all, less where samples come often. */
static uint32_t dump_bytes(const struct recorder *recorder)
{
    uint64_t bytes = DUMP_BYTES_PER_S / recorder_rate_hz(recorder);
    return (uint32_t)num_max(num_min(bytes, DUMP_BYTES_MAX), DUMP_BYTES_MIN);
}

static int bpf_start(struct recorder *recorder, struct err *err)
{
    struct bpf_source_options options = {.whole_machine = recorder->options->whole_machine,
                                         .rate_hz = (unsigned)recorder_rate_hz(recorder),
                                         .dump_bytes = dump_bytes(recorder)};
    return watch_open(&recorder->watch, &options, recorder->main_pid, err);
}

static int perf_start(struct recorder *recorder, struct err *err)
{
    const struct running *running = &recorder->running;
    struct perf_options perf = {.pid = recorder->is_attached ? 0 : recorder->launch.pid,
                                .whole_machine = recorder->options->whole_machine,
                                .rate_hz = (unsigned)recorder_rate_hz(recorder),
                                .dump_bytes = dump_bytes(recorder)};
    VEC(pid_t) threads = {0};

    for (size_t i = 0; !perf.pid && !perf.whole_machine && i < running->threads.count; i++)
        if (vec_push(&threads, running->threads.items[i].tid)) {
            vec_free(&threads);
            return err_memory(err);
        }
    perf.threads = threads.items;
    perf.thread_count = threads.count;
    int code = events_open(&recorder->events, &perf, recorder->main_pid, err);
    vec_free(&threads);
    return code;
}

static int proc_start(struct recorder *recorder, struct err *err)
{
    if (recorder->options->command)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    int code = discover_init(&recorder->discover, &recorder->tracks, err);
    recorder->discover.main_pid = recorder->main_pid;
    recorder->discover.whole_machine = recorder->options->whole_machine;
    return code;
}

static void inside_poll_now(void *inside)
{
    inside_poll(inside);
}

static void inside_settle_now(void *inside, struct task *task, uint64_t end_ns)
{
    inside_settle(inside, task, end_ns);
}

static int preload_start(struct recorder *recorder, struct err *err)
{
    if (!recorder->options->command)
        return err_set(err, ERR_USAGE,
                       "could not record what runs already with recorder 'preload': it is a library "
                       "that a program starts with");
    if (!recorder->spans)
        return err_set(err, ERR_ENVIRONMENT,
                       "could not record with recorder 'preload': there is no folder for its rings");
    if (!inside_library(INSIDE_LIBRARY, recorder->preload, sizeof recorder->preload))
        return err_set(
            err, ERR_ENVIRONMENT,
            "could not find libtoll_preload.so beside toll or in ../lib/toll, on a path without blanks");
    int code = inside_open(&recorder->inside, span_drain_folder(recorder->spans),
                           NS_PER_S / recorder_rate_hz(recorder), err);
    if (!code)
        code = proc_start(recorder, err);
    if (code) {
        inside_close(&recorder->inside);
        recorder->preload[0] = '\0';
        return code;
    }
    recorder->tracks.is_inside_wanted = true;
    recorder->observe.inside = &recorder->inside;
    recorder->observe.inside_poll = inside_poll_now;
    recorder->observe.inside_settle = inside_settle_now;
    return 0;
}

/* A start that fails leaves nothing behind. It may ask for a library in the command (recorder->preload). */
typedef int rung_start_fn(struct recorder *recorder, struct err *err);
static rung_start_fn *const rung_starts[RUNG_COUNT] = {[RUNG_BPF] = bpf_start,
                                                       [RUNG_PERF] = perf_start,
                                                       [RUNG_PROC] = proc_start,
                                                       [RUNG_PRELOAD] = preload_start};

static void fallback_note(struct recorder *recorder, enum record_rung rung, const struct err *why)
{
    size_t length = strlen(recorder->fallback);

    snprintf(recorder->fallback + length, sizeof recorder->fallback - length, "%s%s: %s", length ? "; " : "",
             rung_name(rung), why->what);
}

/* Where the kernel's programs do not read Python stacks, looks do. Without memory there are none. */
static void python_start(struct recorder *recorder)
{
    struct stacks *stacks = recorder->events.stacks ? recorder->events.stacks : recorder->inside.stacks;
    struct stacks_options options = {.cache_folder = recorder->options->heap ? NULL : ""};
    struct err err;

    if (recorder->watch.source)
        return;
    if (!stacks && !stacks_create(&options, &recorder->stacks, &err)) {
        stacks = recorder->stacks;
        recorder->observe.stacks = stacks; /* ids are shared */
    }
    if (!stacks || python_create(stacks, &recorder->python, &err))
        recorder->python = NULL;
    recorder->observe.python = recorder->events.python = recorder->python;
}

int rung_open(struct recorder *recorder, enum record_rung wanted, struct err *err)
{
    enum record_rung rung = wanted ? wanted : RUNG_FIRST;
    struct err why = {0};
    int code = rung_starts[rung](recorder, &why);

    while (code && !wanted && rung + 1 < RUNG_COUNT) {
        fallback_note(recorder, rung, &why);
        rung = (enum record_rung)(rung + 1);
        why = (struct err){0};
        code = rung_starts[rung](recorder, &why);
    }
    if (code) {
        if (err)
            *err = why;
        return code;
    }
    recorder->rung = rung;
    recorder->observe.is_exact = recorder->waits.is_exact = recorder_is_exact(recorder);
    recorder->observe.is_told = recorder->watch.source != NULL;
    observe_init(&recorder->observe);
    python_start(recorder);
    return 0;
}
