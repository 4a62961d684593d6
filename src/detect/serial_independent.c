/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial-independent: a stage is done many times, one after another, though nothing but program order ties one call
 * to the next. The number of workers is the smallest that brings most of what any number would.
 */
#include <string.h>

#include "base/num.h"
#include "detect/detectors.h"
#include "detect/peer_limit.h"

#define STAGE_RATIO_MIN 0.1
#define CLAIM_MAX       2

static const uint32_t worker_counts[] = {2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64};

/* Whether each occurrence of b falls between an occurrence of a and the next one. */
static bool follows(const struct loop *a, const struct loop *b)
{
    for (size_t i = 0; i < a->occurrences.count; i++) {
        const struct occurrence *one = &a->occurrences.items[i], *other = &b->occurrences.items[i];
        bool last = i + 1 == a->occurrences.count || one[1].driver != one->driver;
        if (other->driver != one->driver || other->start_ns < one->start_ns ||
            (!last && other->start_ns >= one[1].start_ns))
            return false;
    }
    return true;
}

/* Stages that take turns are parts of the same iterations. */
static bool take_turns(const struct loop *a, const struct loop *b)
{
    return a->occurrences.count == b->occurrences.count && (follows(a, b) || follows(b, a));
}

static int best_count(const struct scene *scene, const char *target, size_t calls, uint32_t *ret_count,
                      struct err *err)
{
    double factors[sizeof worker_counts / sizeof worker_counts[0]] = {0}, best = 0;
    size_t tried = 0;
    for (; tried < sizeof worker_counts / sizeof worker_counts[0]; tried++) {
        if (worker_counts[tried] > calls && tried)
            break;
        struct str text = {0};
        struct whatif_result result;
        str_printf(&text, "workers:%s=%u", target, worker_counts[tried]);
        int status = text.failed ? err_memory(err) : whatif_text(scene->whatif, text.text, &result, err);
        str_free(&text);
        if (status)
            return status;
        factors[tried] = result.factor;
        best = result.factor > best ? result.factor : best;
    }
    for (size_t i = 0; i < tried; i++) {
        if (factors[i] >= best * 0.9) {
            *ret_count = worker_counts[i];
            break;
        }
    }
    return 0;
}

static void find_peer(const struct scene *scene, const char *stage, struct where *where)
{
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (entry->where.stage && strcmp(entry->where.stage, stage) == 0) {
            *where = entry->where;
            return;
        }
    }
}

static int claim_stage(const struct scene *scene, struct cause_claims *claims, uint32_t index,
                       const struct loop *loop, struct err *err)
{
    const struct stage *stage = &scene->stages[index];
    const char *target =
        arena_printf(scene->arena, "%s/%s", scene->run->has_spans ? "stage" : "process", stage->name);
    if (!target)
        return err_memory(err);
    uint32_t count = 2;
    int status = best_count(scene, target, loop->occurrences.count, &count, err);
    if (status)
        return status;
    struct cause_claim claim = {.cause = "serial-independent",
                                .critical_ns = scene->attribution->stage_critical_ns[index],
                                .where = {.stage = stage->name}};
    find_peer(scene, stage->name, &claim.where);
    claim.change = arena_printf(scene->arena, "workers:%s=%u", target, count);
    claim.max_change = arena_printf(scene->arena, "remove:%s", target);
    claim.title = arena_printf(scene->arena, "%s is done %zu times, one after another", stage->name,
                               loop->occurrences.count);
    claim.fix = arena_printf(scene->arena, "do %u at once", count);
    bool is_network = stage->wait_ns[WAIT_NETWORK] * 2 > stage->wall_ns;
    if (claim.where.peer && is_network) {
        status = peer_limit_assumption(scene, claim.where.peer, &claim.assumption, err);
        if (status)
            return status;
    }
    claim_evidence(scene, &claim, "%zu calls of %s on average, never two at once", loop->occurrences.count,
                   scene_duration(scene, loop->busy_ns / loop->occurrences.count));
    for (int reason = 0; reason < WAIT_REASON_COUNT; reason++) {
        if (stage->wait_ns[reason] * 4 > stage->wall_ns)
            claim_evidence(scene, &claim, "%s of its %s are waiting: %s%s%s",
                           scene_duration(scene, stage->wait_ns[reason]),
                           scene_duration(scene, stage->wall_ns), doing_name(reason),
                           claim.where.peer ? " of " : "", claim.where.peer ? claim.where.peer : "");
    }
    return claim_add(claims, &claim, err);
}

static bool is_claimed(const struct loop *claimed, size_t claimed_count, const struct loop *loop)
{
    for (size_t i = 0; i < claimed_count; i++)
        if (take_turns(&claimed[i], loop))
            return true;
    return false;
}

/* The largest stage whose share of the path is below the ceiling; RUN_NONE when none is worth a look. */
static uint32_t next_stage(const struct scene *scene, uint64_t ceiling)
{
    uint32_t best = RUN_NONE;
    for (uint32_t i = 0; i < scene->run->stages.count; i++) {
        uint64_t ns = scene->attribution->stage_critical_ns[i];
        if (scene->run->stages.items[i].process != scene->run->has_spans && ns < ceiling &&
            (best == RUN_NONE || ns > scene->attribution->stage_critical_ns[best]))
            best = i;
    }
    if (best == RUN_NONE ||
        num_ratio(scene->attribution->stage_critical_ns[best], scene->wall_ns) < STAGE_RATIO_MIN)
        return RUN_NONE;
    return best;
}

/* Stages by their share of the path; one that was claimed stands for the loop it is in. */
int detect_serial_independent(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct loop claimed[CLAIM_MAX];
    size_t claimed_count = 0;
    uint64_t ceiling = UINT64_MAX;
    int status = 0;
    while (!status && claimed_count < CLAIM_MAX) {
        uint32_t stage = next_stage(scene, ceiling);
        if (stage == RUN_NONE)
            break;
        ceiling = scene->attribution->stage_critical_ns[stage];
        struct loop loop;
        status = loop_find(scene->run, stage, &loop, err);
        if (status)
            break;
        if (!scene_loop_is_serial(scene, stage, &loop) || is_claimed(claimed, claimed_count, &loop)) {
            loop_deinit(&loop);
            continue;
        }
        claimed[claimed_count++] = loop;
        status = claim_stage(scene, claims, stage, &loop, err);
    }
    for (size_t i = 0; i < claimed_count; i++)
        loop_deinit(&claimed[i]);
    return status;
}
