/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/call_change.h"

#include <math.h>
#include <string.h>

#include "analyze/trips.h"
#include "base/num.h"
#include "run/exchange.h"

/* Of a request on a connection of its own: the calls, and the waiting where it cannot be told, that are for the
 * connection. */
#define CONNECTION_CALL_RATIO 0.6
#define CONNECTION_WAIT_RATIO 0.5

/* What a peer does for an item of a batch, of what it did for a call of its own: a server looks up what it is asked for all
 * the same, and parses and stores what it is sent. */
#define ASKED_WORK_RATIO 0.1
#define SENT_WORK_RATIO  0.2

/* What is left of a process's computing, and of what it waits for. */
struct scale {
    double cpu, wait;
    uint64_t wait_ns; /* of the flows that `wait` is the mean of */
    bool is_touched;
};

struct call_change {
    struct program *program;
    const struct target *target;
    struct scale *scales; /* by process track index */
    double every;         /* of awaits one in so many stays; 0: none goes */
};

static bool is_server(const struct run *run, const struct run_flow *flow)
{
    return flow->peer != RUN_NONE && run->peers.items[flow->peer].kind == PEER_SOCKET;
}

static bool is_flow(const struct run *run, const struct target *target, const struct run_flow *flow)
{
    if (target->change.kind == CHANGE_PEER)
        return flow->peer != RUN_NONE && resolve_is_peer(target, &run->peers.items[flow->peer]);
    const struct run_track *process = &run->tracks.items[flow->process];
    return strcmp(run_process_name(run, flow->process, process->end_ns), target->change.name) == 0;
}

/* What is left of a server's work for a call, when so much of the calls is left. */
static double work_left(const struct run *run, const struct run_flow *flow, double left)
{
    struct trips trips;
    bool is_sending = trips_of(run, flow, &trips) && trips.is_sending;
    return left + (is_sending ? SENT_WORK_RATIO : ASKED_WORK_RATIO) * (1 - left);
}

/* Waits that a call which reads or writes waits for. */
static bool is_call_wait(uint8_t reason)
{
    return reason == WAIT_NETWORK || reason == WAIT_PIPE || reason == WAIT_IPC || reason == WAIT_DISK_READ ||
           reason == WAIT_DISK_WRITE || reason == WAIT_DISK_SYNC;
}

static bool is_wait(const struct call_change *change, uint32_t actor, const struct op *op)
{
    const struct run *run = change->program->run;
    if (op->kind != OP_DELAY && op->kind != OP_AWAIT)
        return false;
    if (change->target->change.kind == CHANGE_PEER)
        return op->peer != RUN_NONE && resolve_is_peer(change->target, &run->peers.items[op->peer]);
    return is_call_wait(op->reason) &&
           strcmp(run_process_name(run, actor, op->at_ns + 1), change->target->change.name) == 0;
}

static bool is_computing(const struct op *op)
{
    return op->kind == OP_CPU || (op->kind == OP_DELAY && op->reason == WAIT_CPU_QUEUE && op->ref == 0);
}

static void scale_actor(const struct call_change *change, uint32_t actor, const struct scale *scale)
{
    struct op_list *list = &change->program->actors[actor];
    bool after_wait = false;
    double awaited = 0;
    for (size_t i = 0; i < list->ops.count; i++) {
        struct op *op = &list->ops.items[i];
        if (is_wait(change, actor, op)) {
            after_wait = true;
            if (op->kind == OP_DELAY) {
                op->duration_ns = num_u64((double)op->duration_ns * scale->wait);
                op->server_ns = num_u64((double)op->server_ns * scale->wait);
            } else if (change->every > 1 && fmod(++awaited, change->every) >= 1) {
                *op = (struct op){
                    .kind = OP_CPU, .at_ns = op->at_ns, .stage = op->stage, .peer = RUN_NONE, .chunks = 1};
            }
        } else if (is_computing(op)) {
            after_wait = false;
            op->duration_ns = num_u64((double)op->duration_ns * scale->cpu);
        } else if (op->kind == OP_DELAY && op->reason == WAIT_CPU_QUEUE && after_wait) {
            /* Who waits less often queues less often after it. */
            op->duration_ns = num_u64((double)op->duration_ns * scale->wait);
        }
    }
}

static int apply(struct call_change *change, struct err *err)
{
    const struct run *run = change->program->run;
    bool is_touched = false;
    for (uint32_t i = 0; i < change->program->actor_count; i++) {
        uint32_t process = run->tracks.items[i].process;
        if (process == RUN_NONE || !change->scales[process].is_touched)
            continue;
        scale_actor(change, i, &change->scales[process]);
        is_touched = true;
    }
    free(change->scales);
    if (is_touched)
        return 0;
    return err_set(err, ERR_USAGE,
                   "could not replay change of '%s': no calls of it and no waits for it are recorded",
                   change->target->change.name);
}

static int begin(struct call_change *change, struct err *err)
{
    change->scales = calloc(change->program->run->tracks.count + 1, sizeof *change->scales);
    return change->scales ? 0 : err_memory(err);
}

static double cpu_share(const struct run *run, uint32_t process, uint64_t cpu_ns)
{
    return fmin(num_ratio(cpu_ns, exchange_cpu_ns(run, process)), 1);
}

int call_change_batch(struct program *program, const struct target *target, struct err *err)
{
    struct call_change change = {.program = program, .target = target, .every = target->change.value};
    const struct run *run = program->run;
    if (begin(&change, err))
        return -ERR_ENVIRONMENT;
    for (size_t i = 0; i < run->flows.count; i++) {
        const struct run_flow *flow = &run->flows.items[i];
        uint64_t count = num_max(exchange_call_count(flow), flow->wait_count);
        if (!count || !is_flow(run, target, flow))
            continue;
        struct scale *scale = &change.scales[flow->process];
        if (!scale->is_touched)
            *scale = (struct scale){.cpu = 1, .wait = 1 / target->change.value, .is_touched = true};
        double left = 1 / fmin(target->change.value, (double)count);
        double wait_left = is_server(run, flow) ? work_left(run, flow, left) : left;
        scale->cpu -= cpu_share(run, flow->process, exchange_call_cpu_ns(run, flow)) * (1 - left);
        scale->cpu = fmax(scale->cpu, 0);
        scale->wait_ns += flow->wait_ns;
        if (flow->wait_ns)
            scale->wait += (wait_left - scale->wait) * num_ratio(flow->wait_ns, scale->wait_ns);
    }
    return apply(&change, err);
}

/* Of the time inside calls to the peer, that of those that connect; 0 when they were not timed. */
static double connecting_share(const struct run_flow *flow)
{
    uint64_t connecting = flow->time_ns[IO_CONNECT] + flow->time_ns[IO_ACCEPT];
    return num_ratio(connecting, connecting + flow->time_ns[IO_READ] + flow->time_ns[IO_WRITE]);
}

/* Of the waiting for the peer, what is for its connections: where each was seen to be made and is waited for more than once,
 * the first time, when the other end makes ready; else a part that is usual. */
static double opening_share(const struct run_flow *flow)
{
    uint64_t made = flow->count[IO_CONNECT], met = flow->connection_count;
    if (made && met * 10 >= made * 9 && flow->wait_count * 2 >= met * 3)
        return num_ratio(flow->opening_wait_ns, flow->wait_ns);
    return fmax(CONNECTION_WAIT_RATIO, connecting_share(flow));
}

int call_change_cached(struct program *program, const struct target *target, struct err *err)
{
    struct call_change change = {.program = program, .target = target};
    const struct run *run = program->run;
    if (strcmp(target->change.text, "connection") != 0) {
        int status = err_set(err, ERR_USAGE, "could not replay change of '%s': only connections can be kept",
                             target->change.name);
        err_hint(err, "write cached:peer/%s=connection", target->change.name);
        return status;
    }
    if (begin(&change, err))
        return -ERR_ENVIRONMENT;
    for (size_t i = 0; i < run->flows.count; i++) {
        const struct run_flow *flow = &run->flows.items[i];
        uint64_t connections = num_max(flow->connection_count, flow->count[IO_CONNECT]);
        if (!is_flow(run, target, flow) || connections < 2)
            continue;
        struct scale *scale = &change.scales[flow->process];
        double kept = 1 - 1 / (double)connections;
        double calls = cpu_share(run, flow->process, exchange_kernel_ns(run, flow->process));
        *scale = (struct scale){.cpu = 1 - calls * CONNECTION_CALL_RATIO * kept,
                                .wait = 1 - opening_share(flow) * kept,
                                .is_touched = true};
    }
    return apply(&change, err);
}
