/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unbuffered-io: a file or a pipe is read or written a few bytes at a time, and every few bytes are a system call.
 * Where calls are not told apart by peer, it is known of the process only.
 */
#include "base/num.h"
#include "detect/detectors.h"
#include "run/exchange.h"

#define CALL_COUNT_MIN 5000
/* Of the calls, so many in ten are small. */
#define SMALL_TENTHS 8
#define CLAIM_MAX    3

static const uint32_t batch_sizes[] = {4, 16, 64, 256, 1024, 4096};

static bool is_tiny(const struct run_flow *flow, enum io_operation operation)
{
    return flow->count[operation] >= CALL_COUNT_MIN &&
           flow->small_count[operation] * 10 >= flow->count[operation] * SMALL_TENTHS;
}

/* Of a process's calls together it is not known where they went; where it waited for a connection once in so many calls or more, and
 * reads about as often as it writes, they may well be messages: one is read, one is written, and a try finds nothing. */
#define CALLS_A_WAIT   20
#define ONE_SIDE_RATIO 4

static bool may_be_messages(const struct run *run, const struct run_flow *together)
{
    uint64_t waits = 0, calls = 0;
    uint64_t reads = together->count[IO_READ], writes = together->count[IO_WRITE];
    if (num_min(reads, writes) < num_max(reads, writes) / ONE_SIDE_RATIO)
        return false;
    for (size_t i = 0; i < run->flows.count; i++) {
        const struct run_flow *flow = &run->flows.items[i];
        if (flow->process == together->process && flow->peer != RUN_NONE &&
            run->peers.items[flow->peer].kind == PEER_SOCKET)
            waits += flow->wait_count;
    }
    for (size_t i = 0; i < IO_OPERATION_COUNT; i++)
        calls += together->count[i];
    return waits * CALLS_A_WAIT >= calls;
}

/* Of a socket, little calls are questions (chatty-client); everything else is read and written through buffers. */
static bool is_candidate(const struct run *run, const struct run_flow *flow)
{
    bool is_kind = flow->peer == RUN_NONE || run->peers.items[flow->peer].kind == PEER_FILE ||
                   run->peers.items[flow->peer].kind == PEER_PIPE;
    if (flow->peer == RUN_NONE && may_be_messages(run, flow))
        return false;
    return is_kind && (is_tiny(flow, IO_READ) || is_tiny(flow, IO_WRITE));
}

static void tell(const struct scene *scene, const struct run_flow *flow, struct cause_claim *claim)
{
    static const enum io_operation operations[] = {IO_READ, IO_WRITE};
    for (size_t i = 0; i < 2; i++) {
        enum io_operation operation = operations[i];
        if (!is_tiny(flow, operation))
            continue;
        uint64_t count = flow->count[operation], length_ns = flow->end_ns - flow->start_ns;
        claim_evidence(scene, claim, "%llu %s of %.1f bytes each, %.0f a second", (unsigned long long)count,
                       operation == IO_READ ? "reads" : "writes", num_ratio(flow->bytes[operation], count),
                       length_ns ? (double)count * 1e9 / (double)length_ns : 0);
    }
    claim_evidence(scene, claim, "they take about %s of CPU time",
                   scene_duration(scene, exchange_call_cpu_ns(scene->run, flow)));
    if (flow->peer == RUN_NONE)
        claim_evidence(scene, claim,
                       "the kernel's counts of the process; what was read or written is not known");
}

static int claim_flow(const struct scene *scene, struct cause_claims *claims, const struct run_flow *flow,
                      struct err *err)
{
    struct cause_claim claim = {.cause = "unbuffered-io"};
    claim.critical_ns = scene_flow_ns(scene, flow, exchange_call_cpu_ns(scene->run, flow), &claim.where);
    if (num_ratio(claim.critical_ns, scene->wall_ns) < CLAIM_RATIO_MIN)
        return 0;
    const char *change = flow->name ? arena_printf(scene->arena, "batch:peer/%s", flow->name)
                                    : arena_printf(scene->arena, "batch:process/%s", claim.where.process);
    if (!change)
        return err_memory(err);
    uint32_t size = batch_sizes[0];
    size_t count = sizeof batch_sizes / sizeof batch_sizes[0];
    int status = scene_best_value(scene, change, batch_sizes, count, &size, err);
    if (status)
        return status;
    bool is_writing = flow->count[IO_WRITE] > flow->count[IO_READ];
    enum io_operation operation = is_writing ? IO_WRITE : IO_READ;
    claim.change = arena_printf(scene->arena, "%s=%u", change, size);
    claim.max_change = arena_printf(scene->arena, "%s=1000000", change);
    claim.title =
        arena_printf(scene->arena, "%s %s%s%s %.1f bytes at a time, a system call for each",
                     scene_place(scene, &claim.where), is_writing ? "writes" : "reads", flow->name ? " " : "",
                     flow->name ? flow->name : "", num_ratio(flow->bytes[operation], flow->count[operation]));
    tell(scene, flow, &claim);
    return claim_add(claims, &claim, err);
}

int detect_unbuffered_io(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    size_t claimed = 0;
    for (size_t i = 0; i < scene->run->flows.count && claimed < CLAIM_MAX; i++) {
        const struct run_flow *flow = &scene->run->flows.items[i];
        if (!is_candidate(scene->run, flow))
            continue;
        size_t before = claims->items.count;
        int status = claim_flow(scene, claims, flow, err);
        if (status)
            return status;
        claimed += claims->items.count - before;
    }
    return 0;
}
