/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_bench: how often a second a run of a million waits is replayed with a change, how long a search over 100
 * changes of it takes, and how much memory both need.
 *
 * The run: 40 threads, each its own stage, that compute and wait in turns: for one of 50 servers, or for another thread
 * (who woke them was recorded).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "analyze/infer.h"
#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "base/num.h"
#include "model/dataset.h"
#include "model/meta.h"
#include "rank/best_changes.h"

#define WAIT_COUNT      1000000u
#define THREAD_COUNT    40u
#define PEER_COUNT      50u
#define RUN_NS          (10 * NS_PER_US)
#define TURN_NS         (50 * NS_PER_US)
#define START_NS        NS_PER_S
#define REPLAY_ROUNDS   10u
#define CANDIDATE_COUNT 100u

static uint64_t name_of(struct sink *sink, const char *format, uint64_t number)
{
    char text[64];
    uint64_t id = 0;
    snprintf(text, sizeof text, "%s%" PRIu64, format, number);
    return sink_intern(sink, text, &id, NULL) ? 0 : id;
}

static int add_threads(struct sink *sink, uint64_t end_ns)
{
    int status = 0;
    for (uint64_t i = 0; i <= THREAD_COUNT && !status; i++) {
        struct row_track track = {.id = i + 1,
                                  .parent = i ? 1 : 0,
                                  .kind = i ? TRACK_THREAD : TRACK_PROCESS,
                                  .pid = 1,
                                  .tid = i ? i : 1,
                                  .name = name_of(sink, "worker", 0),
                                  .start_ns = START_NS,
                                  .end_ns = end_ns};
        struct row_span span = {.id = i,
                                .track = i + 1,
                                .category = SPAN_PHASE,
                                .name = name_of(sink, "stage-", i),
                                .start_ns = START_NS,
                                .end_ns = end_ns};
        status =
            sink_append(sink, track, &track, NULL) || (i && sink_append(sink, span, &span, NULL)) ? -1 : 0;
    }
    for (uint64_t i = 0; i < PEER_COUNT && !status; i++) {
        struct row_peer peer = {.id = i + 1,
                                .kind = PEER_SOCKET,
                                .name = name_of(sink, "socket", 0),
                                .address = name_of(sink, "10.0.0.1:", i)};
        status = sink_append(sink, peer, &peer, NULL);
    }
    return status;
}

/* Of every four turns one is for another thread, which was at work when it ended. */
static int add_waits(struct sink *sink)
{
    for (uint64_t i = 0; i < WAIT_COUNT; i++) {
        uint64_t thread = i % THREAD_COUNT, turn = i / THREAD_COUNT;
        uint64_t from = START_NS + turn * TURN_NS + thread * NS_PER_US + RUN_NS;
        struct row_wait wait = {.track = thread + 2,
                                .start_ns = from,
                                .end_ns = from + TURN_NS - RUN_NS,
                                .count = 1,
                                .reason = WAIT_NETWORK,
                                .peer = 1 + (thread * 7 + turn) % PEER_COUNT,
                                .waker_source = WAKER_NONE};
        if (turn % 4 == 3 && thread >= 5) {
            wait.reason = WAIT_LOCK;
            wait.peer = 0;
            wait.waker_track = thread - 5 + 2;
            wait.waker_source = WAKER_EXACT;
        }
        wait.blocked_ns = wait.end_ns - wait.start_ns;
        if (sink_append(sink, wait, &wait, NULL))
            return -1;
    }
    return 0;
}

static int fill(struct sink *sink)
{
    char end[24];
    uint64_t end_ns = START_NS + (WAIT_COUNT / THREAD_COUNT + 2) * TURN_NS;
    snprintf(end, sizeof end, "%" PRIu64, end_ns);
    return sink_meta(sink, META_START, "1000000000", NULL) || sink_meta(sink, META_END, end, NULL) ||
                   sink_meta(sink, META_CPU_COUNT, "16", NULL) ||
                   sink_meta(sink, META_ROOT_TRACK, "1", NULL) || add_threads(sink, end_ns) || add_waits(sink)
               ? -1
               : 0;
}

static uint64_t memory_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

static int measure_replay(const struct whatif *whatif, struct err *err)
{
    uint64_t before_bytes = memory_bytes(), start = clock_monotonic_ns();
    for (unsigned i = 0; i < REPLAY_ROUNDS; i++) {
        struct whatif_result result;
        char change[64];
        snprintf(change, sizeof change, "speed:peer/10.0.0.1:%u=2", i);
        int status = whatif_text(whatif, change, &result, err);
        if (status)
            return status;
    }
    double seconds = (double)(clock_monotonic_ns() - start) / (double)NS_PER_S;
    printf("a run of a million waits replayed with a change | %.1f a second | at least 5 a second | %.0f MiB "
           "beside "
           "the run\n",
           REPLAY_ROUNDS / seconds, (double)(memory_bytes() - before_bytes) / 1048576);
    return 0;
}

static int measure_search(const struct whatif *whatif, struct err *err)
{
    struct candidates candidates = {0};
    struct best_changes best;
    struct arena arena = {0};
    for (unsigned i = 0; i < CANDIDATE_COUNT; i++) {
        struct candidate candidate = {
            .is_promise = true,
            .change = i % 2 ? arena_printf(&arena, "speed:stage/stage-%u=%u", 1 + i / 2 % THREAD_COUNT,
                                           2 + i / 2 / THREAD_COUNT)
                            : arena_printf(&arena, "speed:peer/10.0.0.1:%u=3", i / 2)};
        if (!candidate.change)
            return err_memory(err);
        candidates_add(&candidates, &candidate);
    }
    uint64_t start = clock_monotonic_ns();
    int status = best_changes_find(whatif, &candidates, &arena, &best, err);
    if (!status)
        printf("a search over %zu changes of it | %.1f s | at most 10 s | %" PRIu64
               " replays, %.0f MiB in all\n",
               candidates.count, (double)(clock_monotonic_ns() - start) / (double)NS_PER_S, best.replay_count,
               (double)memory_bytes() / 1048576);
    arena_free(&arena);
    return status;
}

int main(void)
{
    struct dataset dataset;
    struct run run = {0};
    struct whatif whatif = {0};
    struct err err = {0};
    dataset_init(&dataset);
    int status = fill(&dataset.sink) ? err_memory(&err) : run_load(&dataset.view, &run, &err);
    if (!status)
        status = infer_wakers(&run, &err);
    if (!status)
        status = whatif_init(&run, &whatif, &err);
    if (!status)
        status = measure_replay(&whatif, &err);
    if (!status)
        status = measure_search(&whatif, &err);
    if (status)
        fprintf(stderr, "replay_bench: %s\n", err.what);
    else
        fprintf(stderr, "replay_bench: drift %.2f %%\n", 100 * whatif.baseline_drift_ratio);
    whatif_deinit(&whatif);
    run_deinit(&run);
    dataset_deinit(&dataset);
    return status ? 1 : 0;
}
