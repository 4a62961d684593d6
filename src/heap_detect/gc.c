/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc: the path goes through a garbage collector: CPU samples whose stack is inside one, by the names of its functions. What
 * collectors do on threads of their own beside the path costs no time of it and is not counted. The change replays the
 * program without that share.
 */
#include "base/num.h"
#include "heap_detect/heap_detectors.h"
#include "heap_detect/path_samples.h"

#include <string.h>

#define GC_RATIO_MIN 0.08 /* of the path */
#define SHARE_MAX    0.98

struct runtime_hint {
    const char *part; /* of the collector's function */
    const char *fix;
};

static const char *fix_of(const char *inner)
{
    static const struct runtime_hint hints[] = {
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

int detect_gc(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct inside_times times = {0};
    int status = inside_times_of(scene, stack_in_collector, false, &times, err);

    for (size_t i = 0; i < times.items.count && !status; i++) {
        const struct inside_time *time = &times.items.items[i];
        if (num_ratio(time->inside_ns, scene->wall_ns) < GC_RATIO_MIN)
            break;
        status = claim_time(scene, claims, time, err);
    }
    inside_times_free(&times);
    return status;
}
