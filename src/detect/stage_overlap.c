/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial-stages: the stages of an item are done one after another, by one worker, though they could overlap. Two acts, each with a
 * gain of its own: the next item's first stage runs while the rest of this one is done (`overlap:…=ahead`); and the stage behind it
 * begins with the first part of what it makes (`overlap:…`). Looked for in loops that serial-independent tells too, whose workers
 * would bring more: these are what comes on top, or instead where one more connection may not be had.
 */
#include <string.h>

#include "analyze/loop_change.h"
#include "analyze/overlap_change.h"
#include "analyze/structure.h"
#include "base/num.h"
#include "detect/detectors.h"

#define NAMES_SHOWN_MAX 3

/* What comes behind the first stage of an item, and the parts of the path it takes. */
struct behind {
    const char *names, *next; /* all of it, "extract, parse and ingest"; the first */
    uint64_t all_ns, next_ns;
};

/* The stages behind the first occurrence, up to the next one; "extract, parse and ingest". NULL: none. */
static const char *stages_behind(const struct scene *scene, const struct loop *loop, struct behind *behind)
{
    const struct run *run = scene->run;
    const struct occurrence *first = &loop->occurrences.items[0];
    const struct run_track *track = &run->tracks.items[first->driver];
    uint64_t until =
        loop->occurrences.count > 1 && first[1].driver == first->driver ? first[1].start_ns : UINT64_MAX;
    uint32_t names[NAMES_SHOWN_MAX + 1];
    size_t count = 0;
    uint64_t behind_ns = first->end_ns;
    for (size_t i = 0; i < track->spans.count && count <= NAMES_SHOWN_MAX; i++) {
        const struct run_span *span = &track->spans.items[i];
        if (span->exec || span->start_ns < behind_ns || span->end_ns > until)
            continue;
        behind_ns = span->end_ns; /* not what is inside it */
        names[count++] = span->name;
    }
    if (!count)
        return NULL;
    behind->next = run->stages.items[names[0]].name;
    behind->next_ns = scene->attribution->stage_critical_ns[names[0]];
    for (size_t i = 0; i < count; i++)
        behind->all_ns += scene->attribution->stage_critical_ns[names[i]];
    struct str text = {0};
    for (size_t i = 0; i < count && i < NAMES_SHOWN_MAX; i++)
        str_printf(&text, "%s%s",
                   i == 0           ? ""
                   : i + 1 == count ? " and "
                                    : ", ",
                   run->stages.items[names[i]].name);
    if (count > NAMES_SHOWN_MAX)
        str_append(&text, " and more");
    const char *kept = text.failed ? NULL : arena_string(scene->arena, str_text(&text));
    str_free(&text);
    return kept;
}

static const char *process_of(const struct scene *scene, const char *stage)
{
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct where *where = &scene->attribution->entries[i].where;
        if (where->stage && strcmp(where->stage, stage) == 0)
            return where->process;
    }
    return NULL;
}

static int claim_ahead(const struct scene *scene, struct cause_claims *claims, const struct cause_claim *base,
                       const struct behind *behind, struct err *err)
{
    const char *name = base->where.stage;
    struct cause_claim claim = *base;
    struct change change = {.op = CHANGE_OVERLAP, .text = CHANGE_AHEAD};
    claim.change = arena_printf(scene->arena, "overlap:stage/%s=" CHANGE_AHEAD, name);
    claim.critical_ns = num_min(claim.critical_ns, behind->all_ns); /* that much at most is done meanwhile */
    claim.title =
        arena_printf(scene->arena, "The next %s waits until %s of this item are done", name, behind->names);
    claim.fix =
        arena_printf(scene->arena, "begin the next %s while this item's %s go on", name, behind->names);
    claim.assumption = change_assumption(&change);
    claim_evidence(scene, &claim, "%s never runs beside %s", name, behind->names);
    return claim_add(claims, &claim, err);
}

static int claim_stream(const struct scene *scene, struct cause_claims *claims,
                        const struct cause_claim *base, const struct behind *behind, struct err *err)
{
    const char *name = base->where.stage, *next = behind->next;
    struct cause_claim claim = *base;
    struct change change = {.op = CHANGE_OVERLAP};
    claim.critical_ns = num_min(claim.critical_ns, behind->next_ns);
    claim.change = arena_printf(scene->arena, "overlap:stage/%s", name);
    claim.title = arena_printf(scene->arena, "%s waits until all of %s is there", next, name);
    claim.fix = arena_printf(
        scene->arena, "begin %s while %s still goes on: hand on what it makes piece by piece", next, name);
    claim.assumption = change_assumption(&change);
    claim_evidence(scene, &claim, "%s never begins before %s has ended", next, name);
    return claim_add(claims, &claim, err);
}

int detect_stage_overlap(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; i < scene->run->stages.count && !status; i++) {
        struct loop loop;
        struct behind behind = {0};
        uint64_t critical_ns = scene->attribution->stage_critical_ns[i];
        if (!scene->run->has_spans || scene->run->stages.items[i].process ||
            critical_ns < num_u64((double)scene->wall_ns * CLAIM_RATIO_MIN))
            continue;
        status = loop_find(scene->run, i, &loop, err);
        if (status)
            break;
        if (!scene_loop_is_serial(scene, i, &loop)) {
            loop_deinit(&loop);
            continue;
        }
        struct cause_claim claim = {.cause = "serial-stages",
                                    .critical_ns = critical_ns,
                                    .where = {.stage = scene->run->stages.items[i].name}};
        claim.where.process = process_of(scene, claim.where.stage);
        behind.names = stages_behind(scene, &loop, &behind);
        if (behind.names && loop_change_can_be_ahead(scene->run, i))
            status = claim_ahead(scene, claims, &claim, &behind, err);
        if (!status && behind.names && overlap_change_is_possible(scene->run, i))
            status = claim_stream(scene, claims, &claim, &behind, err);
        loop_deinit(&loop);
    }
    return status;
}
