/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc: the path goes through a garbage collector. Where the runtime told of its pauses they are the evidence: what of the path
 * lies in them, and before the first that was seen (probes are placed while the program runs) what CPU samples tell. Else CPU
 * samples whose stack is inside a collector, by the names of its functions; what collectors do on
 * threads of their own beside the path costs no time of it and is not counted. The change replays the program without that
 * share.
 */
#include "base/num.h"
#include "heap_detect/gc_pauses.h"
#include "heap_detect/heap_detectors.h"
#include "heap_detect/path_samples.h"

#include <string.h>

#define GC_RATIO_MIN    0.08 /* of the path, by samples */
#define GC_RATIO_EXACT  0.05 /* and by pauses */
#define GC_EVIDENCE_MAX 3    /* kinds of pauses told one by one */
#define SHARE_MAX       0.98

struct runtime_hint {
    const char *part; /* of the collector's function */
    const char *fix;
};

static const char *fix_of(const char *inner)
{
    static const struct runtime_hint hints[] = {
        {"termination", "let the heap grow further between collections (GOGC), or allocate less"}, /* Go */
        {"MinorGC", "keep fewer short-lived objects, or give the young generation more room "
                    "(node --max-semi-space-size=64)"},
        {"MajorGC",
         "let fewer objects live long, or give the heap more room (node --max-old-space-size=4096)"},
        {"gc: scavenge", "keep fewer short-lived objects, or give the young generation more room "
                         "(node --max-semi-space-size=64)"},
        {"gc: minor", "keep fewer short-lived objects, or give the young generation more room "
                      "(node --max-semi-space-size=64)"},
        {"gc: mark-compact",
         "let fewer objects live long, or give the heap more room (node --max-old-space-size=4096)"},
        {"gc: generation",
         "collect less often (gc.set_threshold, gc.freeze() after the start), or make fewer objects "
         "that hold each other"},
        {"gc: ", "give the heap more room (-Xmx, -Xmn), or allocate less"},
        {"v8::", "keep fewer short-lived objects, or give the young generation more room "
                 "(node --max-semi-space-size=64)"},
        {"cppgc", "keep fewer short-lived objects, or give the young generation more room "
                  "(node --max-semi-space-size=64)"},
        {"Py",
         "collect less often (gc.set_threshold, gc.freeze() after the start), or make fewer objects that "
         "hold each other"},
        {"gc_collect",
         "collect less often (gc.set_threshold, gc.freeze() after the start), or make fewer objects "
         "that hold each other"},
        {"runtime.", "let the heap grow further between collections (GOGC), or allocate less"},
        {"GC", "give the heap more room (-Xmx, -Xmn), or allocate less"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strstr(inner, hints[i].part))
            return hints[i].fix;
    return NULL;
}

/* Before its probes are placed a program runs unwatched; a JVM's counters and a file that was read tell of all. */
static uint64_t unseen_ns(const struct scene *scene, const struct gc_time *time)
{
    bool is_probed = strcmp(time->source, "usdt") == 0 || strcmp(time->source, "functions") == 0;
    return is_probed ? inside_before_ns(scene, stack_in_collector, time->process, time->first_ns) : 0;
}

static void pause_evidence(const struct scene *scene, struct cause_claim *claim, const struct gc_time *time,
                           uint64_t unseen)
{
    claim_evidence(scene, claim, "%s of the path is in pauses: %llu of them, %s together, the longest %s",
                   scene_duration(scene, time->pause_ns), (unsigned long long)time->count,
                   scene_duration(scene, time->ns), scene_duration(scene, time->longest_ns));
    for (size_t i = 0; i < time->kind_count && i < GC_EVIDENCE_MAX; i++) {
        const struct gc_kind *kind = &time->kinds[i];
        claim_evidence(scene, claim, "%s: %llu, %s together, the longest %s", kind->name,
                       (unsigned long long)kind->count, scene_duration(scene, kind->ns),
                       scene_duration(scene, kind->longest_ns));
    }
    if (time->missed_count)
        claim_evidence(scene, claim, "%llu more were not seen one by one, %s together",
                       (unsigned long long)time->missed_count, scene_duration(scene, time->missed_ns));
    if (unseen)
        claim_evidence(scene, claim, "before the first that was seen %s more by CPU samples",
                       scene_duration(scene, unseen));
    claim_evidence(scene, claim, "told by the runtime itself%s%s%s", time->source[0] ? " (" : "",
                   time->source, time->source[0] ? ")" : "");
}

static int claim_pauses(const struct scene *scene, struct cause_claims *claims, const struct gc_time *time,
                        struct err *err)
{
    uint64_t unseen = unseen_ns(scene, time);
    uint64_t pause_ns = num_min(gc_with_missed(time, time->pause_ns, time->path_ns) + unseen, time->path_ns);
    uint64_t cpu_ns = gc_with_missed(time, time->pause_cpu_ns, time->path_cpu_ns) + unseen;
    double share = num_ratio(num_min(cpu_ns, time->path_cpu_ns), time->path_cpu_ns);
    struct cause_claim claim = {.cause = "gc", .critical_ns = pause_ns};

    if ((double)pause_ns < GC_RATIO_EXACT * (double)scene->wall_ns)
        return 0;
    claim.where.process = time->process;
    claim.where.stage = scene->run->has_spans ? NULL : time->process;
    claim.fix = time->kind_count ? fix_of(time->kinds[0].name) : NULL;
    claim.change = arena_printf(scene->arena, "speed:%s=%.4g", scene_target(scene, &claim.where),
                                1 / (1 - (share < SHARE_MAX ? share : SHARE_MAX)));
    claim.title = arena_printf(scene->arena, "%s stands still for its garbage collector",
                               scene_place(scene, &claim.where));
    if (2 * time->pause_cpu_ns < time->pause_ns) {
        claim.is_kept = true;
        claim.fix_without_gain = arena_printf(
            scene->arena,
            "%s; what it brings is not known: the recording does not tell what ran in the pauses",
            claim.fix ? claim.fix : "allocate less");
    }
    pause_evidence(scene, &claim, time, unseen);
    return claim_add(claims, &claim, err);
}

static int claim_time(const struct scene *scene, struct cause_claims *claims, const struct inside_time *time,
                      struct err *err)
{
    double share = num_ratio(time->inside_ns, time->ns);
    struct cause_claim claim = {
        .cause = "gc", .where = time->where, .critical_ns = time->inside_ns, .fix = fix_of(time->inner)};

    claim.where.function = NULL;
    claim.change = arena_printf(scene->arena, "speed:%s=%.4g", scene_target(scene, &claim.where),
                                1 / (1 - (share < SHARE_MAX ? share : SHARE_MAX)));
    claim.title = arena_printf(scene->arena, "%s collects garbage for %.0f %% of its time on a CPU",
                               scene_place(scene, &claim.where), 100 * share);
    claim_evidence(scene, &claim, "%s of the path is inside the collector: stacks under %s",
                   scene_duration(scene, time->inside_ns), time->inner);
    claim_evidence(scene, &claim, "founded on CPU samples, not on what the runtime says of its pauses");
    return claim_add(claims, &claim, err);
}

static int claim_all(const struct scene *scene, struct cause_claims *claims, const struct gc_times *pauses,
                     const struct inside_times *samples, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < pauses->items.count && !status; i++)
        status = claim_pauses(scene, claims, &pauses->items.items[i], err);
    for (size_t i = 0; i < samples->items.count && !status; i++) {
        const struct inside_time *time = &samples->items.items[i];
        if (num_ratio(time->inside_ns, scene->wall_ns) < GC_RATIO_MIN)
            break;
        if (!gc_time_find(pauses, time->where.process))
            status = claim_time(scene, claims, time, err);
    }
    return status;
}

int detect_gc(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct inside_times samples = {0};
    struct gc_times pauses = {0};
    int status = gc_times_of(scene->run, scene->path, &pauses, err);

    if (!status)
        status = inside_times_of(scene, stack_in_collector, false, &samples, err);
    if (!status)
        status = claim_all(scene, claims, &pauses, &samples, err);
    gc_times_free(&pauses);
    inside_times_free(&samples);
    return status;
}
