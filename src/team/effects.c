/* SPDX-License-Identifier: Apache-2.0 */
/* effects: what changes make of a replayed run and of its bill. */
#include <math.h>
#include <string.h>

#include "analyze/replay.h"
#include "base/num.h"
#include "team/team.h"

int effects_add(struct team_effects *effects, struct team_effect effect)
{
    return vec_push(&effects->items, effect);
}

/* --- the bill --- */

double team_bill(const struct team *team, const struct team_effects *effects, enum team_case which)
{
    double *keep = malloc((team->calls.count + 1) * sizeof *keep);
    double sum = 0;
    if (!keep)
        return team->usd;
    for (size_t i = 0; i < team->calls.count; i++)
        keep[i] = 1;
    for (size_t i = 0; i < effects->items.count; i++) {
        const struct team_effect *effect = &effects->items.items[i];
        if (effect->kind == EFFECT_CALL && effect->index < team->calls.count)
            keep[effect->index] *= fmin(fmax(effect->cost_keep[which], 0), 1);
    }
    for (size_t i = 0; i < team->calls.count; i++)
        sum += keep[i] * team->calls.items[i].usd;
    free(keep);
    return sum;
}

/* --- time --- */

/* Of the operations that lie in [from, to) as they were recorded, only a part stays. */
static void keep_part(const struct op_list *recorded, struct op_list *changed, uint64_t from, uint64_t to,
                      double keep)
{
    for (size_t i = 0; i < recorded->ops.count; i++) {
        const struct op *was = &recorded->ops.items[i];
        if ((was->kind != OP_DELAY && was->kind != OP_CPU) || !was->duration_ns)
            continue;
        uint64_t start = num_max(was->at_ns, from), end = num_min(was->at_ns + was->duration_ns, to);
        if (end <= start)
            continue;
        double share = num_ratio(end - start, was->duration_ns);
        struct op *op = &changed->ops.items[i];
        op->duration_ns = num_u64((double)op->duration_ns * (1 - share * (1 - keep)));
    }
}

static bool is_in(const struct op *op, const struct team_effect *effect)
{
    return op->at_ns >= effect->start_ns && op->at_ns < effect->end_ns;
}

/* Moves the operation at `from` to `to`; those between go one place down. */
static void move_up(struct op_list *list, size_t from, size_t to)
{
    struct op op = list->ops.items[from];
    memmove(&list->ops.items[from], &list->ops.items[from + 1], (to - from) * sizeof op);
    list->ops.items[to] = op;
}

/* All awaits of the range behind its last one; what the actor did between its children it need not do, but in the case in
 * which the least is saved. */
static void set_apart(struct op_list *list, const struct team_effect *effect, enum team_case which)
{
    size_t first = SIZE_MAX, last = 0;
    for (size_t i = 0; i < list->ops.count; i++) {
        const struct op *op = &list->ops.items[i];
        if (op->kind != OP_AWAIT || !is_in(op, effect))
            continue;
        first = first == SIZE_MAX ? i : first;
        last = i;
    }
    if (first == SIZE_MAX)
        return;
    for (size_t i = first; i < last && which != CASE_LEAST; i++) {
        struct op *op = &list->ops.items[i];
        if (op->kind == OP_DELAY || op->kind == OP_CPU)
            op->duration_ns = 0;
    }
    for (size_t i = first, left = last - first; left--;) {
        if (list->ops.items[i].kind == OP_AWAIT)
            move_up(list, i, last);
        else
            i++;
    }
}

/* All awaits of the range behind the actor's last work; signals that it gives at its end stay behind them. */
static void set_late(struct op_list *list, const struct team_effect *effect)
{
    size_t end = list->ops.count;
    while (end && list->ops.items[end - 1].kind == OP_SIGNAL)
        end--;
    size_t limit = end;
    for (size_t i = 0, left = limit; left-- && i < limit;) {
        const struct op *op = &list->ops.items[i];
        if (op->kind == OP_AWAIT && is_in(op, effect))
            move_up(list, i, end - 1);
        else
            i++;
    }
}

static int apply(const struct team *team, const struct program *recorded, struct program *changed,
                 const struct team_effect *effect, enum team_case which, struct err *err)
{
    uint32_t actor = effect->actor;
    uint64_t from = effect->start_ns, to = effect->end_ns;
    if (effect->kind == EFFECT_CALL) {
        if (effect->index >= team->calls.count)
            return 0;
        const struct team_call *call = &team->calls.items[effect->index];
        actor = call->actor;
        from = call->start_ns;
        to = call->end_ns;
    }
    double keep = fmax(effect->time_keep[which], 0);
    if (actor >= changed->actor_count || keep >= 1)
        return 0;
    int status = program_own(changed, actor, err);
    if (!status)
        keep_part(&recorded->actors[actor], &changed->actors[actor], from, to, keep);
    return status;
}

/* Those that move operations come when none is looked for by its place any more. */
static int move(struct program *changed, const struct team_effect *effect, enum team_case which,
                struct err *err)
{
    if (effect->actor >= changed->actor_count ||
        (effect->kind != EFFECT_APART && effect->kind != EFFECT_LATE))
        return 0;
    int status = program_own(changed, effect->actor, err);
    if (!status && effect->kind == EFFECT_APART)
        set_apart(&changed->actors[effect->actor], effect, which);
    else if (!status)
        set_late(&changed->actors[effect->actor], effect);
    return status;
}

int team_replay(const struct team *team, const struct whatif *whatif, const struct team_effects *effects,
                enum team_case which, uint64_t *ret_wall_ns, struct err *err)
{
    struct program changed = {0};
    struct replay_result result = {0};
    int status = program_copy(&whatif->program, &changed, err);
    for (size_t i = 0; i < effects->items.count && !status; i++) {
        const struct team_effect *effect = &effects->items.items[i];
        if (effect->kind == EFFECT_CALL || effect->kind == EFFECT_TIME)
            status = apply(team, &whatif->program, &changed, effect, which, err);
    }
    for (size_t i = 0; i < effects->items.count && !status; i++)
        status = move(&changed, &effects->items.items[i], which, err);
    if (!status)
        status = replay_program(&changed, &result, err);
    program_deinit(&changed);
    if (status)
        return status;
    double calibration = whatif->baseline_ns ? (double)team->makespan_ns / (double)whatif->baseline_ns : 1;
    *ret_wall_ns = num_min(num_u64((double)result.wall_ns * calibration), team->makespan_ns);
    return 0;
}
