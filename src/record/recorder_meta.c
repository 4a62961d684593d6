/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of the meta table: what was recorded, with what, and what was outside view. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/str.h"
#include "model/meta.h"
#include "record/recorder_state.h"

/* The event that samples come from. */
static const char *cpu_event_name(const struct recorder *recorder)
{
    if (recorder->watch.source)
        return perf_event_name(bpf_perf(recorder->watch.source));
    if (recorder->inside.drain)
        return "thread-timer:u";
    return recorder->events.source ? perf_event_name(recorder->events.source) : "schedstat";
}

static const char *scope_of(const struct record_options *options)
{
    if (options->whole_machine)
        return "machine";
    return options->command ? "command" : "attached";
}

void recorder_meta_start(struct recorder *recorder)
{
    struct emit *emit = &recorder->emit;
    struct str json = {0};
    char text[4096];
    uint64_t id = 0;

    if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
        id = clock_realtime_ns();
    snprintf(text, sizeof text, "%016" PRIx64, id);
    emit_meta(emit, META_ID, text);
    if (recorder->options->command)
        redact_argv(recorder->options->command, &json);
    else
        running_command(&recorder->running, &json);
    emit_meta(emit, META_COMMAND, str_text(&json));
    str_free(&json);
    emit_meta(emit, META_SCOPE, scope_of(recorder->options));
    if (recorder->options->objective)
        emit_meta(emit, META_OBJECTIVE, recorder->options->objective);
    if (getcwd(text, sizeof text))
        emit_meta(emit, META_DIRECTORY, text);
    system_host(emit);
    emit_meta_u64(emit, META_STARTED_REALTIME,
                  clock_realtime_ns() - (clock_monotonic_ns() - recorder->start_ns));
    emit_meta_u64(emit, META_START, recorder->start_ns);
    emit_meta_u64(emit, META_ROOT_TRACK, 1);
    emit_meta(emit, META_RECORDER_CPU, rung_name(recorder->rung));
    emit_meta(emit, META_RECORDER_WAIT, rung_name(recorder->rung));
    emit_meta(emit, META_RECORDER_SPANS, recorder->spans ? "ring" : "none");
    emit_meta(emit, META_RECORDER_HEAP, allocations_name(&recorder->allocations));
    emit_meta(emit, META_RECORDER_IO, watch_io_name(&recorder->watch));
    emit_meta(emit, META_CPU_EVENT, cpu_event_name(recorder));
    emit_meta_u64(emit, META_RATE_HZ, recorder_rate_hz(recorder));
}

/* Python programs whose functions could not be told. */
static void python_remark(struct recorder *recorder)
{
    struct emit *emit = &recorder->emit;
    struct python_counts counts = {0};

    if (recorder->watch.python || recorder->python)
        counts = python_counts(recorder->python ? recorder->python : recorder->watch.python);
    unsigned minor = (unsigned)(counts.unknown_version_hex >> 16 & 0xff);
    if (counts.unknown_count && minor)
        emit_remark(emit,
                    "%" PRIu64 " processes run Python 3.%u, whose functions cannot be read (" PYTHON_VERSIONS
                    " can)",
                    counts.unknown_count, minor);
    else if (counts.unknown_count)
        emit_remark(emit,
                    "%" PRIu64
                    " processes run a Python before 3.11, whose functions cannot be read (" PYTHON_VERSIONS
                    " can)",
                    counts.unknown_count);
    if (counts.refused_count)
        emit_remark(emit,
                    "Python functions of %" PRIu64
                    " processes are outside view: their memory may not be read "
                    "(ptrace: kernel.yama.ptrace_scope, CAP_SYS_PTRACE)",
                    counts.refused_count);
    if (counts.overflow_count)
        emit_remark(emit, "%" PRIu64 " stacks lack Python functions: there were too many different ones",
                    counts.overflow_count);
}

/* What of collectors' pauses is outside view; returns what counts as lost. */
static uint64_t collectors_remark(struct recorder *recorder)
{
    if (!recorder->collectors)
        return 0;
    struct collectors_losses losses = collectors_losses(recorder->collectors);
    if (losses.lost_count)
        emit_remark(&recorder->emit,
                    "%" PRIu64 " beginnings and ends of collectors' pauses are lost: a ring was full",
                    losses.lost_count);
    if (losses.jvm_count)
        emit_remark(&recorder->emit,
                    "the collectors of %" PRIu64 " JVMs are outside view: too many ran at once",
                    losses.jvm_count);
    if (losses.late_ns)
        emit_remark(&recorder->emit,
                    "the first %" PRIu64
                    " ms of CPython or Node.js are without their collectors' pauses: the "
                    "kernel took so long to place probes, as with many CPUs or right after another recording",
                    (uint64_t)(losses.late_ns / NS_PER_MS));
    if (losses.refusal)
        emit_remark(&recorder->emit, "pauses of the collectors of CPython or Node.js are outside view: %s",
                    losses.refusal);
    return losses.lost_count;
}

void recorder_meta_end(struct recorder *recorder, uint64_t overhead_ns)
{
    struct emit *emit = &recorder->emit;

    emit_meta_u64(emit, META_END, recorder->end_ns);
    if (recorder->collectors)
        emit_meta(emit, META_RECORDER_GC, collectors_sources(recorder->collectors));
    emit_meta_u64(emit, META_EXIT_STATUS, (uint64_t)recorder->exit_status);
    uint64_t lost_count =
        recorder_lost_count(recorder) + inside_lost_count(&recorder->inside) + collectors_remark(recorder);
    if (recorder->spans)
        lost_count += span_drain_totals(recorder->spans).lost_count;
    emit_meta_u64(emit, META_LOST_COUNT, lost_count);
    emit_meta_u64(emit, META_OVERHEAD_CPU, overhead_ns);
    emit_meta_u64(emit, META_MISSED_PROCESS_COUNT_MAX,
                  recorder_is_exact(recorder)
                      ? 0
                      : inside_missed_count(&recorder->inside, discover_missed_count(&recorder->discover)));
    emit_meta_u64(emit, META_SAMPLE_PERIOD_PROC, observe_gap_ns(&recorder->observe));
    emit_meta_u64(emit, META_WAIT_BOUNDARY_ERROR,
                  recorder_is_exact(recorder) ? 0 : observe_gap_ns(&recorder->observe));
    emit_meta_u64(emit, META_WAIT_SEEN_NS, recorder->waits.seen_ns);
    emit_meta_u64(emit, META_WAIT_INFERRED_NS, recorder->waits.inferred_ns);
    if (recorder->observe.refused_count)
        emit_remark(emit, "the reasons of %" PRIu64 " looks at waits were refused (programs of another user)",
                    recorder->observe.refused_count);
    python_remark(recorder);
    if (recorder->fallback[0])
        emit_remark(emit, "%s: %s",
                    recorder->rung == RUNG_PROC ? "process tree, waits and CPU time are from /proc alone"
                                                : "a better recorder was refused",
                    recorder->fallback);
}
