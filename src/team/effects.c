/* SPDX-License-Identifier: Apache-2.0 */
/* effects: what changes make of a replayed run and of its bill. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/replay.h"
#include "base/num.h"
#include "team/team.h"

int effects_add(struct team_effects *effects, struct team_effect effect)
{
    return vec_push(&effects->items, effect);
}

/* --- the bill --- */

/* What is left of a call. Effects on the prompt are one, all others are multiplied. */
struct left {
    double all, prompt;
};

static struct left *left_of_calls(const struct team *team, const struct team_effects *effects,
                                  enum team_case which, bool is_cost)
{
    struct left *left = calloc(team->calls.count + 1, sizeof *left);
    if (!left)
        return NULL;
    for (size_t i = 0; i < team->calls.count; i++)
        left[i] = (struct left){1, 1};
    for (size_t i = 0; i < effects->items.count; i++) {
        const struct team_effect *effect = &effects->items.items[i];
        if (effect->kind != EFFECT_CALL || effect->index >= team->calls.count)
            continue;
        double keep = fmin(fmax((is_cost ? effect->cost_keep : effect->time_keep)[which], 0), 1);
        struct left *call = &left[effect->index];
        if (effect->is_of_prompt)
            call->prompt = fmin(call->prompt, keep);
        else
            call->all *= keep;
    }
    return left;
}

double team_bill(const struct team *team, const struct team_effects *effects, enum team_case which)
{
    struct left *left = left_of_calls(team, effects, which, true);
    double sum = 0;
    if (!left)
        return team->usd;
    for (size_t i = 0; i < team->calls.count; i++)
        sum += left[i].all * left[i].prompt * team->calls.items[i].usd;
    free(left);
    return sum;
}

/* --- time --- */

/* The first operation that may reach beyond `from`: they are in order, each ends before the next one that lasts begins. */
static size_t first_op(const struct op_list *list, uint64_t from)
{
    size_t low = 0, high = list->ops.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->ops.items[middle].at_ns < from)
            low = middle + 1;
        else
            high = middle;
    }
    while (low) {
        const struct op *before = &list->ops.items[low - 1];
        if (before->duration_ns && before->at_ns + before->duration_ns <= from)
            break;
        low--;
    }
    return low;
}

/* Of the operations that lie in [from, to) as they were recorded, only a part stays. */
static void keep_part(const struct op_list *recorded, struct op_list *changed, uint64_t from, uint64_t to,
                      double keep)
{
    for (size_t i = first_op(recorded, from); i < recorded->ops.count && recorded->ops.items[i].at_ns < to;
         i++) {
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

static int shorten(const struct program *recorded, struct program *changed, uint32_t actor,
                   const uint64_t range[2], double keep, struct err *err)
{
    if (actor >= changed->actor_count || keep >= 1)
        return 0;
    int status = program_own(changed, actor, err);
    if (!status)
        keep_part(&recorded->actors[actor], &changed->actors[actor], range[0], range[1], keep);
    return status;
}

static int shorten_calls(const struct team *team, const struct program *recorded, struct program *changed,
                         const struct left *left, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < team->calls.count && !status; i++) {
        const struct team_call *call = &team->calls.items[i];
        const uint64_t range[2] = {call->start_ns, call->end_ns};
        status = shorten(recorded, changed, call->actor, range, left[i].all * left[i].prompt, err);
    }
    return status;
}

/* What it waits for in the range is there when its own part of the wait is over, whoever else waits: the await, and the time from what
 * ended it to the wait's end. */
static void set_alone(struct op_list *list, const struct team_effect *effect, enum team_case which)
{
    double keep = fmin(fmax(effect->time_keep[which], 0), 1);
    bool is_done = false;
    for (size_t i = 0; i < list->ops.count; i++) {
        struct op *op = &list->ops.items[i];
        if (!is_in(op, effect) || (op->kind != OP_AWAIT && (op->kind != OP_DELAY || !is_done)))
            continue;
        *op = (struct op){.kind = OP_DELAY,
                          .at_ns = op->at_ns,
                          .duration_ns =
                              is_done ? 0 : num_u64((double)(effect->end_ns - effect->start_ns) * keep),
                          .stage = op->stage,
                          .peer = op->peer,
                          .reason = op->reason};
        is_done = true;
    }
}

/* Those that move operations come when none is looked for by its place any more. */
static int move(struct program *changed, const struct team_effect *effect, enum team_case which,
                struct err *err)
{
    bool is_moving =
        effect->kind == EFFECT_APART || effect->kind == EFFECT_LATE || effect->kind == EFFECT_ALONE;
    if (effect->actor >= changed->actor_count || !is_moving)
        return 0;
    int status = program_own(changed, effect->actor, err);
    if (status)
        return status;
    if (effect->kind == EFFECT_APART)
        set_apart(&changed->actors[effect->actor], effect, which);
    else if (effect->kind == EFFECT_LATE)
        set_late(&changed->actors[effect->actor], effect);
    else
        set_alone(&changed->actors[effect->actor], effect, which);
    return 0;
}

int team_replay(const struct team *team, const struct whatif *whatif, const struct team_effects *effects,
                enum team_case which, uint64_t *ret_wall_ns, struct err *err)
{
    struct program changed = {0};
    struct replay_result result = {0};
    struct left *left = left_of_calls(team, effects, which, false);
    int status = left ? program_copy(&whatif->program, &changed, err) : err_memory(err);
    if (!status)
        status = shorten_calls(team, &whatif->program, &changed, left, err);
    for (size_t i = 0; i < effects->items.count && !status; i++) {
        const struct team_effect *effect = &effects->items.items[i];
        const uint64_t range[2] = {effect->start_ns, effect->end_ns};
        if (effect->kind == EFFECT_TIME)
            status = shorten(&whatif->program, &changed, effect->actor, range,
                             fmax(effect->time_keep[which], 0), err);
    }
    for (size_t i = 0; i < effects->items.count && !status; i++)
        status = move(&changed, &effects->items.items[i], which, err);
    if (!status)
        status = replay_program(&changed, &result, err);
    program_deinit(&changed);
    free(left);
    if (status)
        return status;
    double calibration = whatif->baseline_ns ? (double)team->makespan_ns / (double)whatif->baseline_ns : 1;
    *ret_wall_ns = num_min(num_u64((double)result.wall_ns * calibration), team->makespan_ns);
    return 0;
}
