/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/siblings.h"

#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "base/str.h"

/* Samples of a thread that are looked at for the function it begins in. */
#define SAMPLE_LOOK_MAX 64
/* Calls of one span beyond these are left out. */
#define MEMBER_MAX 20000

struct finder {
    const struct run *run;
    struct siblings *siblings;
    struct intern keys; /* ids are indexes in groups + 1 */
};

static bool is_same_process(const struct run *run, uint32_t a, uint32_t b)
{
    return a != RUN_NONE && b != RUN_NONE && run->tracks.items[a].process == run->tracks.items[b].process;
}

bool siblings_is_internal(const struct run *run, uint32_t actor, const struct run_wait *wait)
{
    switch ((enum wait_reason)wait->reason) {
    case WAIT_LOCK:
    case WAIT_PIPE:
    case WAIT_IPC:
    case WAIT_IDLE: return true;
    case WAIT_CHILD:
        return is_same_process(run, wait->waker, actor); /* a join; else the child's work is its own */
    case WAIT_POLL:
    case WAIT_NETWORK: return wait->waker != RUN_NONE;
    case WAIT_UNKNOWN:
    case WAIT_CPU_QUEUE:
    case WAIT_DISK_READ:
    case WAIT_DISK_WRITE:
    case WAIT_DISK_SYNC:
    case WAIT_DNS:
    case WAIT_SLEEP: /* a poller's too: what it looks for is a guess */
    case WAIT_PAGE_FAULT:
    case WAIT_RECLAIM:
    case WAIT_GPU:
    case WAIT_RATE_LIMIT:
    case WAIT_REMOTE:
    case WAIT_HUMAN:
    case WAIT_REASON_COUNT: break;
    }
    return false;
}

/* --- what a member did --- */

static void measure(const struct run *run, struct sibling *member)
{
    const struct run_track *track = &run->tracks.items[member->actor];
    uint64_t at = member->start_ns;
    member->last_busy_ns = member->start_ns;
    size_t first = run_waits_before(track, member->start_ns);
    for (size_t i = first ? first - 1 : 0; i <= track->waits.count; i++) {
        const struct run_wait *wait = i < track->waits.count ? &track->waits.items[i] : NULL;
        if (wait && wait->end_ns <= member->start_ns)
            continue;
        uint64_t start = wait ? num_max(num_min(wait->start_ns, member->end_ns), at) : member->end_ns;
        member->cpu_ns += start - at;
        member->busy_ns += start - at;
        if (start > at)
            member->last_busy_ns = start;
        if (!wait || start >= member->end_ns)
            break;
        uint64_t end = num_min(wait->end_ns, member->end_ns);
        double part = num_ratio(end - start, wait->end_ns - wait->start_ns);
        uint64_t blocked = num_u64(part * (double)wait->blocked_ns);
        uint64_t idle = siblings_is_internal(run, member->actor, wait) ? blocked : 0;
        member->cpu_ns += end - start - num_min(blocked, end - start);
        member->queue_ns += num_min(num_u64(part * (double)wait->runnable_ns), end - start);
        member->busy_ns += end - start - num_min(idle, end - start);
        if (idle * 2 < end - start)
            member->last_busy_ns = end;
        at = num_max(at, end);
    }
}

static int compare_busy(const void *a, const void *b)
{
    const struct sibling *x = a, *y = b;
    if (x->busy_ns != y->busy_ns)
        return x->busy_ns < y->busy_ns ? 1 : -1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int compare_start(const void *a, const void *b)
{
    const struct sibling *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int compare_end(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Members stand by start. */
static int find_width(struct sibling_group *group)
{
    uint64_t *ends = malloc((group->members.count + 1) * sizeof *ends);
    size_t ended = 0;
    if (!ends)
        return -1;
    for (size_t i = 0; i < group->members.count; i++)
        ends[i] = group->members.items[i].end_ns;
    qsort(ends, group->members.count, sizeof *ends, compare_end);
    for (size_t i = 0; i < group->members.count; i++) {
        while (ends[ended] <= group->members.items[i].start_ns)
            ended++;
        group->width = (uint32_t)num_max(group->width, i + 1 - ended);
    }
    free(ends);
    return 0;
}

/* --- who belongs together --- */

static int add_member(struct finder *finder, struct str *key, const struct sibling_group *model,
                      struct sibling member)
{
    const struct run *run = finder->run;
    uint64_t id = 0;
    bool fresh = false;
    int status = key->failed ? -1 : intern_put(&finder->keys, key->text, key->length, &id, &fresh);
    str_free(key);
    if (status || (fresh && vec_push(&finder->siblings->groups, *model)))
        return -1;
    struct sibling_group *group = &finder->siblings->groups.items[id - 1];
    member.start_ns = num_max(member.start_ns, run->start_ns);
    member.end_ns = num_min(member.end_ns, run->end_ns);
    if (member.end_ns <= member.start_ns || group->members.count >= MEMBER_MAX)
        return 0;
    return vec_push(&group->members, member);
}

/* The function a thread begins in: the outermost of the program's own, right above the library's. One that was running
 * itself is no word: functions that call none keep no frame, and their caller is missing then. */
static const char *begins_in(const struct run *run, const struct run_track *track)
{
    for (size_t i = 0; i < track->samples.count && i < SAMPLE_LOOK_MAX; i++) {
        const char *own = NULL;
        bool above_library = false;
        for (uint32_t at = track->samples.items[i].stack; at < run->stacks.count;
             at = run->stacks.items[at].parent) {
            uint32_t frame = run->stacks.items[at].frame;
            if (frame >= run->frames.count)
                continue;
            above_library = !attribute_is_own(&run->frames.items[frame]);
            if (!above_library && at != track->samples.items[i].stack)
                own = run->frames.items[frame].function;
        }
        if (own && above_library)
            return own;
    }
    return NULL;
}

static int add_thread(struct finder *finder, uint32_t index)
{
    const struct run *run = finder->run;
    const struct run_track *track = &run->tracks.items[index];
    if (track->kind != TRACK_THREAD || track->process == RUN_NONE || track->is_helper ||
        run->tracks.items[track->process].pid == track->tid)
        return 0;
    struct sibling_group model = {.kind = SIBLING_THREAD,
                                  .name = run_process_name(run, index, track->end_ns),
                                  .stage = RUN_NONE,
                                  .maker = track->spawner,
                                  .thread = track->name,
                                  .begins = begins_in(run, track)};
    struct str key = {0};
    str_printf(&key, "t%u %u %s\1%s", track->process, track->spawner, track->name ? track->name : "",
               model.begins ? model.begins : "");
    struct sibling member = {.actor = index, .start_ns = track->start_ns, .end_ns = track->end_ns};
    return add_member(finder, &key, &model, member);
}

static uint32_t main_actor(const struct run *run, const struct run_track *process)
{
    for (size_t i = 0; i < process->actors.count; i++) {
        if (run->tracks.items[process->actors.items[i]].tid == process->pid)
            return process->actors.items[i];
    }
    return RUN_NONE;
}

static int add_process(struct finder *finder, uint32_t index)
{
    const struct run *run = finder->run;
    const struct run_track *process = &run->tracks.items[index];
    uint32_t actor = process->kind == TRACK_PROCESS ? main_actor(run, process) : RUN_NONE;
    uint32_t maker = actor == RUN_NONE ? RUN_NONE : run->tracks.items[actor].spawner;
    if (maker == RUN_NONE)
        return 0;
    struct sibling_group model = {.kind = SIBLING_PROGRAM,
                                  .name = run_process_name(run, actor, process->end_ns),
                                  .stage = RUN_NONE,
                                  .maker = maker};
    struct str key = {0};
    str_printf(&key, "p%u %s", maker, model.name);
    struct sibling member = {
        .actor = actor, .start_ns = run->tracks.items[actor].spawn_ns, .end_ns = process->end_ns};
    return add_member(finder, &key, &model, member);
}

static int add_spans(struct finder *finder, uint32_t index)
{
    const struct run *run = finder->run;
    const struct run_track *track = &run->tracks.items[index];
    int status = 0;
    for (size_t i = 0; track->actor && i < track->spans.count && !status; i++) {
        const struct run_span *span = &track->spans.items[i];
        if (span->exec)
            continue;
        struct sibling_group model = {.kind = SIBLING_SPAN,
                                      .name = run->stages.items[span->name].name,
                                      .stage = span->name,
                                      .maker = RUN_NONE};
        struct str key = {0};
        str_printf(&key, "s%u", span->name);
        struct sibling member = {.actor = index, .start_ns = span->start_ns, .end_ns = span->end_ns};
        status = add_member(finder, &key, &model, member);
    }
    return status;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool may_join(const struct run *run, const struct sibling_group *group,
                     const struct sibling_group *other)
{
    return other->kind == SIBLING_THREAD && other->begins && other->members.count &&
           other->maker == group->maker && same_text(other->thread, group->thread) &&
           is_same_process(run, other->members.items[0].actor, group->members.items[0].actor);
}

/* Threads that were never seen running belong to those of their maker that were, when these all begin alike. */
static int join_unseen(const struct run *run, struct siblings *siblings)
{
    int status = 0;
    for (size_t i = 0; i < siblings->groups.count && !status; i++) {
        struct sibling_group *group = &siblings->groups.items[i], *found = NULL;
        size_t count = 0;
        if (group->kind != SIBLING_THREAD || group->begins || !group->members.count)
            continue;
        for (size_t j = 0; j < siblings->groups.count; j++) {
            if (!may_join(run, group, &siblings->groups.items[j]))
                continue;
            found = &siblings->groups.items[j];
            count++;
        }
        for (size_t j = 0; count == 1 && j < group->members.count && !status; j++)
            status = vec_push(&found->members, group->members.items[j]);
        if (count == 1)
            group->members.count = 0;
    }
    return status;
}

/* False when it is no group: nothing in it was side by side. */
static bool settle_group(const struct run *run, struct sibling_group *group, int *ret_status)
{
    if (group->members.count < 2)
        return false;
    qsort(group->members.items, group->members.count, sizeof *group->members.items, compare_start);
    *ret_status = find_width(group);
    if (*ret_status || group->width < 2)
        return false;
    group->start_ns = group->members.items[0].start_ns;
    for (size_t i = 0; i < group->members.count; i++) {
        struct sibling *member = &group->members.items[i];
        measure(run, member);
        group->busy_ns += member->busy_ns;
        group->cpu_ns += member->cpu_ns;
        group->end_ns = num_max(group->end_ns, member->end_ns);
    }
    qsort(group->members.items, group->members.count, sizeof *group->members.items, compare_busy);
    return true;
}

static int settle(const struct run *run, struct siblings *siblings)
{
    size_t kept = 0;
    int status = join_unseen(run, siblings);
    for (size_t i = 0; i < siblings->groups.count; i++) {
        struct sibling_group *group = &siblings->groups.items[i];
        if (!status && settle_group(run, group, &status))
            siblings->groups.items[kept++] = *group;
        else
            vec_free(&group->members);
    }
    siblings->groups.count = kept;
    return status;
}

int siblings_find(const struct run *run, struct siblings *ret_siblings, struct err *err)
{
    struct siblings siblings = {0};
    struct finder finder = {.run = run, .siblings = &siblings};
    int status = 0;
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        if (!run->tracks.items[i].present)
            continue;
        status = add_thread(&finder, i);
        if (!status)
            status = add_process(&finder, i);
        if (!status)
            status = add_spans(&finder, i);
    }
    intern_free(&finder.keys);
    if (!status)
        status = settle(run, &siblings);
    if (status) {
        siblings_deinit(&siblings);
        return err_memory(err);
    }
    *ret_siblings = siblings;
    return 0;
}

void siblings_deinit(struct siblings *siblings)
{
    for (size_t i = 0; i < siblings->groups.count; i++)
        vec_free(&siblings->groups.items[i].members);
    vec_free(&siblings->groups);
}

uint64_t siblings_usual_ns(const struct sibling_group *group)
{
    size_t count = group->members.count;
    return count < 2 ? group->busy_ns : group->members.items[1 + (count - 1) / 2].busy_ns;
}

bool siblings_one_is_long(const struct sibling_group *group)
{
    const struct sibling *members = group->members.items;
    size_t count = group->members.count;
    if (count < 3)
        return false;
    uint64_t usual = siblings_usual_ns(group), others_end = 0;
    for (size_t i = 1; i < count; i++)
        others_end = num_max(others_end, members[i].last_busy_ns);
    /* What it has beyond the usual comes at the end, when the others are done; not a bit in every round. */
    uint64_t alone = members[0].last_busy_ns - num_min(others_end, members[0].last_busy_ns);
    return members[0].busy_ns * 2 > usual * 3 && members[0].busy_ns < usual * 20 &&
           members[1].busy_ns * 20 <= usual * 27 && alone * 2 > members[0].busy_ns - usual;
}

bool siblings_is_pool(const struct sibling_group *group)
{
    return (size_t)group->width * 10 >= group->members.count * 9;
}
