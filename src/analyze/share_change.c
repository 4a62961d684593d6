/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/share_change.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

/* A member with less than this of the mean has no operations that its new share could be put into. */
#define IDLE_RATIO 0.1
/* The threads of a pool have all had a part of its work. */
#define POOL_BUSIEST_MAX 0.6
#define PART_MAX         1000

static bool is_named(const struct run *run, const struct sibling_group *group, const struct target *target)
{
    bool spans = target->change.kind == CHANGE_STAGE && run->has_spans;
    return (group->kind == SIBLING_SPAN) == spans && strcmp(group->name, target->change.name) == 0;
}

/* Work, not waiting for others of the run. */
static bool is_work(const struct op *op)
{
    if (op->kind == OP_CPU)
        return true;
    return op->kind == OP_DELAY && op->reason != WAIT_LOCK && op->reason != WAIT_PIPE &&
           op->reason != WAIT_IPC && op->reason != WAIT_IDLE;
}

static void scale_actor(struct program *program, uint32_t actor, const struct sibling *member, double scale)
{
    for (size_t i = 0; i < program->actors[actor].ops.count; i++) {
        struct op *op = &program->actors[actor].ops.items[i];
        if (op->at_ns < member->start_ns || op->at_ns >= member->end_ns || !is_work(op))
            continue;
        op->duration_ns = num_u64((double)op->duration_ns * scale);
        op->server_ns = num_u64((double)op->server_ns * scale);
    }
}

static void scale_member(struct program *program, const struct sibling_group *group,
                         const struct sibling *member, double scale)
{
    const struct run_track *track = &program->run->tracks.items[member->actor];
    if (group->kind != SIBLING_PROGRAM || track->process == RUN_NONE) {
        scale_actor(program, member->actor, member, scale);
        return;
    }
    const struct run_track *process = &program->run->tracks.items[track->process];
    for (size_t i = 0; i < process->actors.count; i++)
        scale_actor(program, process->actors.items[i], member, scale);
}

/* A member that did next to nothing gets its share at its beginning: on a CPU as much as the others were. */
static int give_work(struct program *program, const struct sibling_group *group, const struct sibling *member,
                     double work_ns)
{
    struct op_list *list = &program->actors[member->actor];
    size_t at = 0;
    while (at < list->ops.count &&
           (list->ops.items[at].kind == OP_AWAIT ? at == 0 : list->ops.items[at].at_ns < member->start_ns))
        at++;
    double on_cpu = num_ratio(group->cpu_ns, group->busy_ns);
    struct op ops[2] = {
        {.kind = OP_CPU, .duration_ns = num_u64(work_ns * on_cpu)},
        {.kind = OP_DELAY, .reason = WAIT_UNKNOWN, .duration_ns = num_u64(work_ns * (1 - on_cpu))}};
    for (size_t i = 0; i < 2; i++) {
        ops[i].at_ns = member->start_ns;
        ops[i].stage = group->stage;
        ops[i].peer = RUN_NONE;
        ops[i].chunks = 1;
        if (vec_push(&list->ops, ops[i])) /* makes room; its place is made next */
            return -1;
        memmove(&list->ops.items[at + 1], &list->ops.items[at],
                (list->ops.count - 1 - at) * sizeof list->ops.items[0]);
        list->ops.items[at++] = ops[i];
    }
    return 0;
}

static int even_out(struct program *program, const struct sibling_group *group)
{
    double mean = (double)group->busy_ns / (double)group->members.count;
    int status = 0;
    for (size_t i = 0; i < group->members.count && !status && mean >= 1; i++) {
        const struct sibling *member = &group->members.items[i];
        if ((double)member->busy_ns < mean * IDLE_RATIO)
            status = give_work(program, group, member, mean);
        else
            scale_member(program, group, member, mean / (double)member->busy_ns);
    }
    return status;
}

static void cut_to_usual(struct program *program, const struct sibling_group *group)
{
    uint64_t usual = siblings_usual_ns(group);
    for (size_t i = 0; i < group->members.count && group->members.items[i].busy_ns > usual; i++)
        scale_member(program, group, &group->members.items[i],
                     (double)usual / (double)group->members.items[i].busy_ns);
}

int share_change_set(struct program *program, const struct siblings *siblings, const struct target *target,
                     struct err *err)
{
    bool even = strcmp(target->change.text, "even") == 0, found = false;
    if (!even && strcmp(target->change.text, "median") != 0) {
        int status = err_set(err, ERR_USAGE,
                             "could not replay change 'set:%s/%s': '%s' is neither 'even' nor 'median'",
                             change_kind_name(target->change.kind), target->change.name, target->change.text);
        err_hint(err,
                 "even: siblings share their work evenly; median: none takes longer than half of the others");
        return status;
    }
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        if (!is_named(program->run, group, target))
            continue;
        found = true;
        if (!even)
            cut_to_usual(program, group);
        else if (even_out(program, group))
            return err_memory(err);
    }
    return found ? 0
                 : err_set(err, ERR_USAGE,
                           "could not replay change 'set:%s/%s': nothing of it was done side by side",
                           change_kind_name(target->change.kind), target->change.name);
}

static void split_member(struct program *program, const struct sibling *member, double factor)
{
    for (size_t i = 0; i < program->actors[member->actor].ops.count; i++) {
        struct op *op = &program->actors[member->actor].ops.items[i];
        if (!is_work(op))
            continue;
        if (op->kind == OP_CPU)
            op->chunks = (uint16_t)fmin(ceil(factor), PART_MAX);
        else
            op->duration_ns = num_u64((double)op->duration_ns / factor);
    }
}

/* Workers that are there together, with about as much to do each, and hardly ever idle: more of them share the work. */
static bool is_busy_pool(const struct sibling_group *group)
{
    uint64_t life_ns = 0;
    for (size_t i = 0; i < group->members.count; i++)
        life_ns += group->members.items[i].end_ns - group->members.items[i].start_ns;
    return group->kind == SIBLING_THREAD && group->width == group->members.count &&
           group->busy_ns * 2 > life_ns &&
           num_ratio(group->members.items[0].busy_ns, group->busy_ns) <= POOL_BUSIEST_MAX;
}

bool share_change_pool(struct program *program, const struct siblings *siblings, const struct target *target)
{
    bool found = false;
    for (size_t i = 0; i < siblings->groups.count; i++) {
        const struct sibling_group *group = &siblings->groups.items[i];
        double count = (double)group->members.count;
        if (!is_named(program->run, group, target) || !is_busy_pool(group))
            continue;
        found = true;
        for (size_t j = 0; j < group->members.count && target->change.value > count; j++)
            split_member(program, &group->members.items[j], target->change.value / count);
    }
    return found;
}
