/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/spin_change.h"

#include <string.h>

#include "base/num.h"
#include "base/search.h"

static int insert(struct op_list *list, size_t at, struct op op)
{
    if (vec_push(&list->ops, op))
        return -1;
    memmove(&list->ops.items[at + 1], &list->ops.items[at],
            (list->ops.count - 1 - at) * sizeof list->ops.items[0]);
    list->ops.items[at] = op;
    return 0;
}

/* When an operation ended in the recording. Running may be told to take less than that (core_load_squeezed_ns): it goes on to what the
 * track did next, be it a wait that is none of the program's. */
static uint64_t end_of(const struct program *program, uint32_t actor, size_t at)
{
    const struct op_list *list = &program->actors[actor];
    const struct run_track *track = &program->run->tracks.items[actor];
    const struct op *op = &list->ops.items[at];
    uint64_t end_ns = op->at_ns + op->duration_ns;
    if (op->kind != OP_CPU)
        return end_ns;
    size_t behind = run_waits_before(track, op->at_ns + 1);
    uint64_t next_ns = at + 1 < list->ops.count ? list->ops.items[at + 1].at_ns
                                                : num_min(track->end_ns, program->run->end_ns);
    if (behind < track->waits.count)
        next_ns = num_min(next_ns, track->waits.items[behind].start_ns);
    return num_max(end_ns, next_ns);
}

/* The index of the first operation at or after t; one that goes on over t is cut there. */
static int cut_at(struct program *program, uint32_t actor, uint64_t t, size_t *ret_index)
{
    struct op_list *list = &program->actors[actor];
    size_t at = search_first(i, list->ops.count, list->ops.items[i].at_ns >= t);
    *ret_index = at;
    struct op *before = at ? &list->ops.items[at - 1] : NULL;
    uint64_t end_ns = before ? end_of(program, actor, at - 1) : 0;
    if (!before || (before->kind != OP_CPU && before->kind != OP_DELAY) || end_ns <= t)
        return 0;
    struct op rest = *before;
    rest.at_ns = t;
    rest.duration_ns = num_u64((double)before->duration_ns * num_ratio(end_ns - t, end_ns - before->at_ns));
    rest.server_ns = num_u64((double)before->server_ns * num_ratio(rest.duration_ns, before->duration_ns));
    before->server_ns -= num_min(rest.server_ns, before->server_ns);
    before->duration_ns -= num_min(rest.duration_ns, before->duration_ns);
    return insert(list, at, rest);
}

static void give_back_cpu(struct op_list *list, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct op *op = &list->ops.items[i];
        if (op->kind == OP_CPU || (op->kind == OP_DELAY && op->reason == WAIT_CPU_QUEUE))
            op->duration_ns = 0;
    }
}

static int block(struct program *program, const struct spin *spin)
{
    struct op_list *own = &program->actors[spin->actor];
    size_t first, end, at;
    if (!own->ops.count || cut_at(program, spin->actor, spin->start_ns, &first) ||
        cut_at(program, spin->actor, spin->end_ns, &end))
        return own->ops.count ? -1 : 0;
    give_back_cpu(own, first, end);
    struct op away = {.kind = OP_DELAY,
                      .reason = WAIT_POLL,
                      .at_ns = spin->start_ns,
                      .duration_ns = spin->end_ns - spin->start_ns,
                      .stage = end ? own->ops.items[end - 1].stage : RUN_NONE,
                      .peer = RUN_NONE,
                      .chunks = 1};
    struct op_list *other = spin->waker == RUN_NONE ? NULL : &program->actors[spin->waker];
    if (other && other->ops.count) {
        struct op signal = {.kind = OP_SIGNAL,
                            .at_ns = spin->event_ns,
                            .ref = (uint32_t)program->signal_count,
                            .stage = RUN_NONE,
                            .peer = RUN_NONE,
                            .chunks = 1};
        away.kind = OP_AWAIT;
        away.ref = (uint32_t)program->signal_count++;
        if (cut_at(program, spin->waker, spin->event_ns, &at) || insert(other, at, signal))
            return -1;
    }
    return insert(own, end, away);
}

int spin_change_block(struct program *program, const struct spins *spins, const char *function,
                      struct err *err)
{
    const struct run *run = program->run;
    bool found = false;
    for (size_t i = 0; i < spins->items.count; i++) {
        const struct spin *spin = &spins->items.items[i];
        if (spin->frame == RUN_NONE || strcmp(run->frames.items[spin->frame].function, function) != 0)
            continue;
        found = true;
        if (block(program, spin))
            return err_memory(err);
    }
    return found ? 0
                 : err_set(err, ERR_USAGE,
                           "could not replay change 'set:function/%s=block': nothing spins there", function);
}
