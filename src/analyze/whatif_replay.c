/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/whatif_replay.h"

#include <math.h>
#include <string.h>

#include "analyze/attribution.h"
#include "analyze/call_change.h"
#include "analyze/change_target.h"
#include "analyze/loop_change.h"
#include "analyze/loop_spread.h"
#include "analyze/overlap_change.h"
#include "analyze/replay.h"
#include "analyze/share_change.h"
#include "analyze/spin_change.h"
#include "base/num.h"

/* What even an exact replay cannot know: how much two runs of the same program differ; and of what a change saves, what the fix
 * itself costs (a peer that answers at once still answers). Both set so that the planted suite's outcomes lie within (docs/accuracy.md). The
 * widest an interval gets is 1.5x from low to high. */
#define SPREAD_MIN     0.08
#define FIX_COST_RATIO 0.03
#define SPREAD_MAX     0.2
/* Cores that one stretch of running is spread over at most. */
#define PART_MAX 1000

int whatif_init(const struct run *run, struct whatif *ret_whatif, struct err *err)
{
    struct whatif whatif = {.run = run};
    int status = program_build(run, &whatif.program, err);
    if (status)
        return status;
    struct replay_result result;
    whatif.changed = calloc(1, sizeof *whatif.changed);
    status = whatif.changed ? siblings_find(run, &whatif.siblings, err) : err_memory(err);
    if (!status)
        status = spins_find(run, &whatif.spins, err);
    if (!status)
        status = replay_program(&whatif.program, &result, err);
    if (status) {
        whatif_deinit(&whatif);
        return status;
    }
    uint64_t wall_ns = run->end_ns - run->start_ns;
    whatif.baseline_ns = num_max(result.wall_ns, 1);
    whatif.baseline_drift_ratio = fabs((double)result.wall_ns - (double)wall_ns) / (double)wall_ns;
    *ret_whatif = whatif;
    return 0;
}

int whatif_twin(const struct whatif *whatif, struct whatif *ret_twin, struct err *err)
{
    struct program *changed = calloc(1, sizeof *changed);
    if (!changed)
        return err_memory(err);
    *ret_twin = *whatif;
    ret_twin->changed = changed;
    return 0;
}

void whatif_twin_deinit(struct whatif *twin)
{
    if (twin->changed)
        program_deinit(twin->changed);
    free(twin->changed);
    *twin = (struct whatif){0};
}

void whatif_deinit(struct whatif *whatif)
{
    if (whatif->changed)
        program_deinit(whatif->changed);
    free(whatif->changed);
    whatif->changed = NULL;
    program_deinit(&whatif->program);
    siblings_deinit(&whatif->siblings);
    spins_deinit(&whatif->spins);
}

/* --- the share of a function in what an actor did in a stage --- */

struct share {
    uint64_t inside, total;
};

struct shares {
    struct map index; /* (actor, stage) to entries */
    VEC(struct share) entries;
    struct share all;
};

/* What a stack is looked through for: a function, or code of the system of one kind. */
struct sought {
    const char *function;
    bool (*is_in)(const struct run *run, uint32_t stack); /* where `function` is NULL */
};

static bool stack_has(const struct run *run, uint32_t stack, struct sought sought)
{
    if (!sought.function)
        return sought.is_in(run, stack);
    while (stack != RUN_NONE && stack < run->stacks.count) {
        uint32_t frame = run->stacks.items[stack].frame;
        if (frame < run->frames.count && run->frames.items[frame].function &&
            strcmp(run->frames.items[frame].function, sought.function) == 0)
            return true;
        stack = run->stacks.items[stack].parent;
    }
    return false;
}

static uint64_t share_key(uint32_t actor, uint32_t stage)
{
    return (uint64_t)actor << 32 | stage;
}

static int count_shares(const struct run *run, struct sought sought, struct shares *shares)
{
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        for (size_t j = 0; j < run->tracks.items[i].samples.count; j++) {
            const struct run_sample *sample = &run->tracks.items[i].samples.items[j];
            uint64_t key = share_key(i, run_stage_at(run, i, sample->time_ns));
            uint64_t *at = map_get(&shares->index, key);
            struct share none = {0};
            if (!at &&
                (map_put(&shares->index, key, shares->entries.count) || vec_push(&shares->entries, none)))
                return -1;
            struct share *share = &shares->entries.items[at ? *at : shares->entries.count - 1];
            uint64_t inside = stack_has(run, sample->stack, sought) ? sample->weight : 0;
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what the index names is there */
            share->total += sample->weight;
            share->inside += inside;
            shares->all.total += sample->weight;
            shares->all.inside += inside;
        }
    }
    return 0;
}

static double share_of(const struct shares *shares, uint32_t actor, uint32_t stage)
{
    const uint64_t *at = map_get(&shares->index, share_key(actor, stage));
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what the index names is there */
    return at ? num_ratio(shares->entries.items[*at].inside, shares->entries.items[*at].total) : 0;
}

static void shares_free(struct shares *shares)
{
    map_free(&shares->index);
    vec_free(&shares->entries);
}

/* --- changes of operations in place --- */

/* Running, or queueing for a core because of others: both shrink with the work. */
static bool is_computing(const struct op *op)
{
    return op->kind == OP_CPU || (op->kind == OP_DELAY && op->reason == WAIT_CPU_QUEUE && op->ref == 0);
}

/* Which of the run's peers the change is about, for the caller to free; NULL when memory ran out. */
static bool *find_peers(const struct run *run, const struct target *target)
{
    bool *found = calloc(run->peers.count + 1, sizeof *found);
    bool is_peer = target->change.kind == CHANGE_PEER || target->change.kind == CHANGE_LOCK;
    for (size_t i = 0; found && is_peer && i < run->peers.count; i++)
        found[i] = resolve_is_peer(target, &run->peers.items[i]);
    return found;
}

static bool op_matches(const struct run *run, const struct target *target, const bool *peers, uint32_t actor,
                       const struct op *op)
{
    switch (target->change.kind) {
    case CHANGE_STAGE:
        if (run->has_spans)
            return op->stage == target->stage;
        return strcmp(run_process_name(run, actor, op->at_ns + 1), target->change.name) == 0;
    case CHANGE_PROCESS:
        /* A faster program computes faster; what it waits for stays. Removing it removes its waits too. */
        return (target->change.op == CHANGE_REMOVE || is_computing(op)) &&
               strcmp(run_process_name(run, actor, op->at_ns + 1), target->change.name) == 0;
    case CHANGE_PEER:
    case CHANGE_LOCK: return op->peer != RUN_NONE && peers[op->peer];
    case CHANGE_WAIT:
        if (op->kind == OP_DELAY && op->reason == WAIT_CPU_QUEUE && op->ref == target->reason && op->ref)
            return true;
        return (op->kind == OP_DELAY || op->kind == OP_AWAIT) && op->reason == target->reason;
    case CHANGE_RUN: return true;
    case CHANGE_ANY:
    case CHANGE_FUNCTION:
    case CHANGE_AGENT:
    case CHANGE_TASK:
    case CHANGE_KNOB:
    case CHANGE_KIND_COUNT: return false;
    }
    return false;
}

/* Whether any operation of the actor can be the target's: looking at each of them takes long. */
static bool actor_matches(const struct run *run, const struct target *target, uint32_t actor)
{
    const struct run_track *track = &run->tracks.items[actor];
    bool is_there = target->change.kind != CHANGE_STAGE || !run->has_spans;
    for (size_t i = 0; !is_there && i < track->pieces.count; i++)
        is_there = track->pieces.items[i].stage == target->stage;
    return is_there;
}

/* With scale 0 a lock is no longer waited for. Other awaits are of real events: they stay. */
static void scale_op(struct op *op, double scale)
{
    if (op->kind == OP_AWAIT) {
        if (scale == 0 && op->reason == WAIT_LOCK)
            *op = (struct op){.kind = OP_CPU, .at_ns = op->at_ns, .stage = op->stage, .peer = RUN_NONE};
        return;
    }
    op->duration_ns = num_u64((double)op->duration_ns * scale);
    op->server_ns = num_u64((double)op->server_ns * scale);
}

/* Durations times `scale`. Only actors with something to change get operations of their own. */
static int scale_ops(struct program *program, const struct target *target, double scale, struct err *err)
{
    bool *peers = find_peers(program->run, target);
    int status = peers ? 0 : err_memory(err);
    for (uint32_t i = 0; i < program->actor_count && !status; i++) {
        bool is_possible = actor_matches(program->run, target, i);
        for (size_t j = 0; is_possible && j < program->actors[i].ops.count; j++) {
            const struct op *op = &program->actors[i].ops.items[j];
            if (op->kind == OP_SIGNAL || op->kind == OP_POOL ||
                !op_matches(program->run, target, peers, i, op))
                continue;
            status = program_own(program, i, err);
            if (status)
                break;
            scale_op(&program->actors[i].ops.items[j], scale);
        }
    }
    free(peers);
    return status;
}

static int scale_function(struct program *program, const struct target *target, double scale,
                          double *ret_error, struct err *err)
{
    struct shares shares = {0};
    if (count_shares(program->run, (struct sought){.function = target->change.name}, &shares)) {
        shares_free(&shares);
        return err_memory(err);
    }
    for (uint32_t i = 0; i < program->actor_count; i++) {
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            double share = is_computing(op) ? share_of(&shares, i, op->stage) : 0;
            if (share > 0)
                op->duration_ns = num_u64((double)op->duration_ns * (1 - share + share * scale));
        }
    }
    /* Two standard errors of a share that was sampled (binomial). */
    double all = num_ratio(shares.all.inside, shares.all.total);
    double samples = 0;
    for (size_t i = 0; i < program->run->tracks.count; i++)
        samples += (double)program->run->tracks.items[i].samples.count;
    *ret_error = samples > 0 ? 2 * sqrt(all * (1 - all) / samples) : 1;
    shares_free(&shares);
    return 0;
}

/* Running in the function, side by side on as many cores as there are free, up to `value`; the rest stays in line. */
static int split_function(struct program *program, const struct target *target, struct err *err)
{
    struct shares shares = {0};
    double parts = fmin(target->change.value, PART_MAX);
    int status = count_shares(program->run, (struct sought){.function = target->change.name}, &shares);
    for (uint32_t i = 0; i < program->actor_count && !status; i++) {
        struct op_list split = {0};
        for (size_t j = 0; j < program->actors[i].ops.count && !status; j++) {
            struct op op = program->actors[i].ops.items[j], part = op;
            double share = is_computing(&op) ? share_of(&shares, i, op.stage) : 0;
            part.duration_ns = num_u64((double)op.duration_ns * share);
            op.duration_ns -= num_min(part.duration_ns, op.duration_ns);
            if (op.kind == OP_CPU)
                part.chunks = (uint16_t)parts;
            else /* so many queue for a CPU at the same time */
                part.duration_ns = num_u64((double)part.duration_ns / fmin(parts, program->core_count));
            status = (op.duration_ns || part.duration_ns == 0) && vec_push(&split.ops, op) ? -1 : 0;
            if (!status && part.duration_ns)
                status = vec_push(&split.ops, part);
        }
        vec_free(&program->actors[i].ops);
        program->actors[i] = split;
    }
    shares_free(&shares);
    return status ? err_memory(err) : 0;
}

/* Page faults are CPU time in the kernel: their share is the system time of processes that fault a lot. */
static void remove_faults(struct program *program)
{
    for (uint32_t i = 0; i < program->actor_count; i++) {
        const struct run_track *track = &program->run->tracks.items[i];
        const struct run_track *process =
            track->process == RUN_NONE ? NULL : &program->run->tracks.items[track->process];
        if (!process || process->fault_minor_count < 1000)
            continue;
        double share = num_ratio(process->cpu_system_ns, process->cpu_system_ns + process->cpu_user_ns);
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            if (is_computing(op))
                op->duration_ns = num_u64((double)op->duration_ns * (1 - share));
        }
    }
}

/* A process loses pages that it needs again when it waits for memory to be freed, or frees some, for a good part of its life, or for some
 * of it while the kernel tells of stalls for memory or the pages that it had to wait for are more than it ever held. */
#define LOST_RATIO_MIN  0.05
#define FREED_RATIO_MIN 0.01
#define PAGE_BYTES      4096

static bool loses_pages(const struct run *run, const struct run_track *process)
{
    uint64_t freed = 0, life_ns = process->end_ns - process->start_ns;
    for (size_t i = 0; i < process->actors.count; i++) {
        const struct run_track *track = &run->tracks.items[process->actors.items[i]];
        freed += num_u64(attribute_reclaim_ratio(run, track) * (double)track->run_ns);
        for (size_t j = 0; j < track->waits.count; j++)
            freed += track->waits.items[j].reason == WAIT_RECLAIM ? track->waits.items[j].blocked_ns : 0;
    }
    bool again =
        process->rss_bytes_max && process->fault_major_count > 2 * process->rss_bytes_max / PAGE_BYTES;
    double ratio = num_ratio(freed, life_ns);
    return ratio >= LOST_RATIO_MIN ||
           (ratio >= FREED_RATIO_MIN && (again || run_stalled_ratio(run) >= RUN_STALLED_MIN));
}

/* With enough memory nothing is freed, and nothing that was freed is got again: the search itself goes, and in a process
 * that lost pages it needed, the waits for them and the kernel's work to bring them back. */
static int remove_reclaim(struct program *program, struct err *err)
{
    const struct run *run = program->run;
    struct shares shares = {0};
    int status = count_shares(run, (struct sought){.is_in = attribute_is_reclaim}, &shares);
    for (uint32_t i = 0; i < program->actor_count && !status; i++) {
        const struct run_track *track = &run->tracks.items[i];
        const struct run_track *process =
            track->process == RUN_NONE ? NULL : &run->tracks.items[track->process];
        bool lost = process && loses_pages(run, process);
        double kernel =
            lost ? num_ratio(process->cpu_system_ns, process->cpu_system_ns + process->cpu_user_ns) : 0;
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            bool fault =
                op->kind == OP_DELAY && (op->reason == WAIT_PAGE_FAULT || op->ref == WAIT_PAGE_FAULT);
            double share = fmax(kernel, share_of(&shares, i, op->stage));
            if (is_computing(op))
                op->duration_ns = num_u64((double)op->duration_ns * (1 - share));
            else if (lost && fault)
                op->duration_ns = 0;
        }
    }
    shares_free(&shares);
    return status ? err_memory(err) : 0;
}

/* What the syncs themselves computed, where the samples have stacks that tell it: writes stay. */
static int remove_sync(struct program *program, struct err *err)
{
    struct shares shares = {0};
    int status = count_shares(program->run, (struct sought){.is_in = attribute_is_sync}, &shares);
    for (uint32_t i = 0; i < program->actor_count && !status; i++) {
        for (size_t j = 0; j < program->actors[i].ops.count; j++) {
            struct op *op = &program->actors[i].ops.items[j];
            if (is_computing(op))
                op->duration_ns = num_u64((double)op->duration_ns * (1 - share_of(&shares, i, op->stage)));
        }
    }
    shares_free(&shares);
    return status ? err_memory(err) : 0;
}

static int refuse(const struct target *target, struct err *err)
{
    int status = err_set(err, ERR_USAGE, "could not replay change '%s:%s/%s': this operation is not replayed",
                         change_op_name(target->change.op), change_kind_name(target->change.kind),
                         target->change.name);
    err_hint(
        err,
        "the replay knows speed, remove, workers (of a stage, process, function or peer), "
        "set (of a process or stage, even or median; of a function, block), overlap (of a stage or process), "
        "batch (of a peer or process), cached:peer/NAME=connection and cores:run=N");
    return status;
}

static bool is_place(enum change_kind kind)
{
    return kind == CHANGE_STAGE || kind == CHANGE_PROCESS;
}

static int apply_workers(const struct whatif *whatif, struct program *program, const struct target *target,
                         struct err *err)
{
    if (target->change.kind == CHANGE_FUNCTION)
        return split_function(program, target, err);
    if (is_place(target->change.kind) && share_change_pool(program, &whatif->siblings, target))
        return 0;
    return loop_change_workers(program, target, err);
}

static int apply(const struct whatif *whatif, struct program *program, const struct target *target,
                 double *ret_error, struct err *err)
{
    const struct change *change = &target->change;
    bool is_plain = (change->op == CHANGE_SPEED || change->op == CHANGE_REMOVE) &&
                    (change->kind == CHANGE_STAGE || change->kind == CHANGE_PROCESS ||
                     change->kind == CHANGE_PEER || change->kind == CHANGE_LOCK);
    int owned = is_plain ? 0 : program_own_all(program, err); /* scale_ops takes what it changes itself */
    if (owned)
        return owned;
    if (change->op == CHANGE_CORES) {
        bool all_fit = change->value >= program->core_count + program->background_threads;
        struct target queue = {.change = {.kind = CHANGE_WAIT}, .reason = WAIT_CPU_QUEUE};
        program->core_count = change->value;
        return all_fit ? scale_ops(program, &queue, 0, err) : 0;
    }
    if (change->op == CHANGE_WORKERS &&
        (is_place(change->kind) || change->kind == CHANGE_PEER || change->kind == CHANGE_FUNCTION))
        return apply_workers(whatif, program, target, err);
    if (change->op == CHANGE_OVERLAP && is_place(change->kind) && change_is_ahead(change))
        return loop_change_ahead(program, target, err);
    if (change->op == CHANGE_OVERLAP && is_place(change->kind))
        return overlap_change(program, target, err);
    if (change->op == CHANGE_SET && is_place(change->kind))
        return share_change_set(program, &whatif->siblings, target, err);
    if (change->op == CHANGE_SET && change->kind == CHANGE_FUNCTION && strcmp(change->text, "block") == 0)
        return spin_change_block(program, &whatif->spins, change->name, err);
    if (change->op == CHANGE_BATCH && (change->kind == CHANGE_PEER || change->kind == CHANGE_PROCESS))
        return call_change_batch(program, target, err);
    if (change->op == CHANGE_CACHED && change->kind == CHANGE_PEER)
        return call_change_cached(program, target, err);
    if (change->op != CHANGE_SPEED && change->op != CHANGE_REMOVE)
        return refuse(target, err);
    double scale = change->op == CHANGE_REMOVE ? 0 : 1 / change->value;
    if (change->kind == CHANGE_FUNCTION)
        return scale_function(program, target, scale, ret_error, err);
    if (change->kind == CHANGE_WAIT && target->reason == WAIT_CPU_QUEUE)
        program->core_count = 1e9;
    if (change->kind == CHANGE_WAIT && target->reason == WAIT_PAGE_FAULT)
        remove_faults(program);
    int status = scale_ops(program, target, scale, err);
    bool is_gone = change->kind == CHANGE_WAIT && scale == 0;
    if (!status && is_gone && target->reason == WAIT_RECLAIM)
        status = remove_reclaim(program, err);
    if (!status && is_gone && target->reason == WAIT_DISK_SYNC)
        status = remove_sync(program, err);
    return status;
}

/* --- several changes at once --- */

/* What cuts operations where they lay in the recording comes before what makes them shorter; loops are cut last, when
 * their iterations have become what they are to be, and what works ahead does so in those: so changes mean the same in any order. */
enum phase { PHASE_CUT, PHASE_SHARE, PHASE_SCALE, PHASE_OVERLAP, PHASE_LOOP, PHASE_AHEAD };

struct planned {
    struct target target;
    enum phase phase;
    size_t occurrences; /* PHASE_LOOP */
};

static void plan_phase(const struct whatif *whatif, struct planned *planned)
{
    const struct change *change = &planned->target.change;
    planned->phase = PHASE_SCALE;
    if (change->op == CHANGE_SET)
        planned->phase = change->kind == CHANGE_FUNCTION ? PHASE_CUT : PHASE_SHARE;
    if (change->op == CHANGE_OVERLAP)
        planned->phase = change_is_ahead(change) ? PHASE_AHEAD : PHASE_OVERLAP;
    if (change->op == CHANGE_WORKERS && (is_place(change->kind) || change->kind == CHANGE_PEER)) {
        planned->phase = PHASE_LOOP;
        planned->occurrences = loop_change_count(whatif->run, &planned->target);
    }
}

static int compare_planned(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    if (x->phase != y->phase)
        return x->phase > y->phase ? 1 : -1;
    if (x->occurrences != y->occurrences)
        return x->occurrences < y->occurrences ? 1 : -1;
    int by_op = (x->target.change.op > y->target.change.op) - (x->target.change.op < y->target.change.op);
    return by_op ? by_op : strcmp(x->target.change.name, y->target.change.name);
}

bool whatif_are_alternatives(const struct change *a, const struct change *b)
{
    if (a->op != b->op)
        return false;
    return a->op == CHANGE_CORES || (a->kind == b->kind && change_same_act(a, b));
}

static int refuse_twice(const struct planned *planned, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            const struct change *one = &planned[i].target.change, *other = &planned[j].target.change;
            if (!whatif_are_alternatives(one, other))
                continue;
            int status = err_set(err, ERR_USAGE, "could not combine changes: there are two of '%s:%s%s%s'",
                                 change_op_name(one->op), change_kind_name(one->kind), one->kind ? "/" : "",
                                 one->name);
            err_hint(err, "'%s' and '%s' are alternatives: give one of them", one->text, other->text);
            return status;
        }
    }
    return 0;
}

/* The changes in the order they are to be made, for the caller to free. */
static int plan(const struct whatif *whatif, const struct change *changes, size_t count,
                struct planned **ret_planned, struct err *err)
{
    struct planned *planned = calloc(count + 1, sizeof *planned);
    int status = planned ? 0 : err_memory(err);
    for (size_t i = 0; i < count && !status; i++) {
        planned[i].target.change = changes[i];
        if (changes[i].op != CHANGE_CORES)
            status = resolve_change(whatif->run, &changes[i], &planned[i].target, err);
        if (!status)
            plan_phase(whatif, &planned[i]);
    }
    if (!status)
        status = refuse_twice(planned, count, err);
    if (status) {
        free(planned);
        return status;
    }
    if (count)
        qsort(planned, count, sizeof *planned, compare_planned);
    *ret_planned = planned;
    return 0;
}

static int replay_changes(const struct whatif *whatif, const struct change *changes, size_t count,
                          bool is_spread, struct whatif_result *ret_result, struct err *err)
{
    struct planned *planned;
    struct program *program = whatif->changed;
    int status = plan(whatif, changes, count, &planned, err);
    if (status)
        return status;
    status = program_copy(&whatif->program, program, err);
    double error = 0;
    for (size_t i = 0; i < count && !status; i++) {
        double own = 0;
        status = apply(whatif, program, &planned[i].target, &own, err);
        error = sqrt(error * error + own * own); /* of shares sampled apart */
    }
    free(planned);
    struct replay_result replayed;
    struct loop_spread chance = {0};
    if (!status)
        status = replay_program(program, &replayed, err);
    /* Only a changed loop is drawn anew. */
    if (!status && is_spread && program->pools.count)
        status = loop_spread(program, replayed.wall_ns, &chance, err);
    if (status)
        return status;
    double before = (double)(whatif->run->end_ns - whatif->run->start_ns);
    double after = before * (double)num_max(replayed.wall_ns, 1) / (double)whatif->baseline_ns;
    double spread = SPREAD_MIN + whatif->baseline_drift_ratio + whatif->unexplained_ratio;
    spread += error * before / after;
    /* What the model cannot know and what chance does are independent. */
    double low = fmin(sqrt(spread * spread + chance.low_ratio * chance.low_ratio), SPREAD_MAX);
    double above = spread + FIX_COST_RATIO * fmax(before - after, 0) / after;
    double high = fmin(sqrt(above * above + chance.high_ratio * chance.high_ratio), SPREAD_MAX);
    *ret_result = (struct whatif_result){.wall_ns_before = num_u64(before),
                                         .wall_ns_after = num_u64(after),
                                         .wall_ns_low = num_u64(after * (1 - low)),
                                         .wall_ns_high = num_u64(after * (1 + high)),
                                         .factor = before / after};
    return 0;
}

int whatif_replay(const struct whatif *whatif, const struct change *changes, size_t count,
                  struct whatif_result *ret_result, struct err *err)
{
    return replay_changes(whatif, changes, count, false, ret_result, err);
}

int whatif_predict(const struct whatif *whatif, const struct change *changes, size_t count,
                   struct whatif_result *ret_result, struct err *err)
{
    return replay_changes(whatif, changes, count, true, ret_result, err);
}

int whatif_text(const struct whatif *whatif, const char *text, struct whatif_result *ret_result,
                struct err *err)
{
    struct change change;
    int status = change_parse(text, &change, err);
    return status ? status : whatif_replay(whatif, &change, 1, ret_result, err);
}
