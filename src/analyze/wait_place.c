/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/wait_place.h"

#include <string.h>

#include "analyze/attribution.h"

/* Deeper stacks are compared from their roots up to this depth. */
#define DEPTH_MAX 128

void place_actor(const struct run *run, uint32_t actor, uint64_t t, struct where *where)
{
    uint32_t stage = run_stage_at(run, actor, t);
    where->stage = stage == RUN_NONE ? NULL : run->stages.items[stage].name;
    where->process = run_process_name(run, actor, t);
}

/* The frames from the root on; returns how many. */
static size_t unroll(const struct run *run, uint32_t stack, uint32_t *frames)
{
    size_t depth = 0, count = 0;
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent)
        depth++;
    for (uint32_t at = stack; at < run->stacks.count && depth; at = run->stacks.items[at].parent) {
        if (--depth >= DEPTH_MAX)
            continue;
        frames[depth] = run->stacks.items[at].frame;
        count = count ? count : depth + 1;
    }
    return count;
}

static bool same_function(const struct run *run, uint32_t a, uint32_t b)
{
    if (a >= run->frames.count || b >= run->frames.count)
        return false;
    const char *x = run->frames.items[a].function, *y = run->frames.items[b].function;
    return x && y && strcmp(x, y) == 0;
}

static void set_function(const struct run_frame *frame, struct where *where)
{
    where->function = frame->function;
    where->file = frame->file && frame->file[0] ? frame->file : NULL;
    where->line = 0; /* where the call is, is not known */
}

static bool place_between(const struct run *run, const struct run_track *track, const struct run_wait *wait,
                          struct where *where)
{
    size_t before = run_samples_before(track, wait->start_ns),
           after = run_samples_before(track, wait->end_ns);
    if (before == 0 || after == track->samples.count)
        return false;
    uint32_t left[DEPTH_MAX], right[DEPTH_MAX];
    size_t left_count = unroll(run, track->samples.items[before - 1].stack, left);
    size_t right_count = unroll(run, track->samples.items[after].stack, right);
    bool found = false;
    for (size_t i = 0; i < left_count && i < right_count && same_function(run, left[i], right[i]); i++) {
        /* What was seen running may have returned and been called again: who called it was there all the time. */
        bool innermost = i + 1 == left_count && i + 1 == right_count;
        if (!attribute_is_own(&run->frames.items[left[i]]) || (innermost && found))
            continue;
        set_function(&run->frames.items[left[i]], where);
        found = true;
    }
    return found;
}

enum place_source place_wait(const struct run *run, uint32_t actor, const struct run_wait *wait,
                             struct where *ret_where)
{
    struct where where = {0};
    enum place_source source = PLACE_NONE;
    place_actor(run, actor, wait->end_ns, &where);
    if (attribute_own_function(run, wait->stack, &where))
        source = PLACE_RECORDED;
    else if (place_between(run, &run->tracks.items[actor], wait, &where))
        source = PLACE_NEAR;
    *ret_where = where;
    return source;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static size_t find_place(const struct places *places, const struct where *where)
{
    size_t at = 0;
    while (at < places->count && !(same_text(places->tallies[at].where.function, where->function) &&
                                   same_text(places->tallies[at].where.process, where->process)))
        at++;
    return at;
}

void places_add(struct places *places, const struct where *where, uint64_t weight)
{
    size_t at = find_place(places, where);
    if (at == PLACE_MAX)
        return;
    if (at == places->count)
        places->tallies[places->count++] = (struct place_tally){.where = *where};
    struct place_tally *tally = &places->tallies[at];
    tally->weight += weight;
    attribute_line_vote(&tally->where, &tally->line_weight, where, weight);
}

uint64_t places_weight(const struct places *places, const struct where *where)
{
    size_t at = find_place(places, where);
    return at < places->count ? places->tallies[at].weight : 0;
}

const struct place_tally *places_heaviest(const struct places *places)
{
    const struct place_tally *best = NULL;
    for (size_t i = 0; i < places->count; i++) {
        const struct place_tally *one = &places->tallies[i];
        bool named = one->where.function, best_named = best && best->where.function;
        if (!best || (named && !best_named) || (named == best_named && one->weight > best->weight))
            best = one;
    }
    return best;
}
