/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle-leak: a process opens descriptors and does not close them: their number rises to the end. No time is lost
 * until the limit is reached; then every open fails.
 */
#include <string.h>

#include "analyze/trend.h"
#include "base/clock.h"
#include "base/num.h"
#include "detect/detectors.h"
#include "model/meta.h"

#define RISE_MIN 32
/* A limit that comes so soon is a warning, a later one is worth knowing. */
#define WARNING_S 3600

static int claim_series(const struct scene *scene, struct cause_claims *claims,
                        const struct run_series *series, const struct trend *trend, struct err *err)
{
    const struct run_track *process = &scene->run->tracks.items[series->process];
    const char *name = run_process_name(scene->run, series->process, trend->end_ns);
    double limit = (double)process->descriptor_limit;
    double left_s = (limit > trend->last ? limit - trend->last : 0) / trend->rate_per_s;
    struct cause_claim claim = {.cause = "handle-leak",
                                .where = {.process = name, .stage = scene->run->has_spans ? NULL : name},
                                .is_growth = true,
                                .priority = limit > 0 && left_s < WARNING_S ? PRIORITY_P2 : PRIORITY_P3};
    claim.title =
        arena_printf(scene->arena, "%s opens descriptors and does not close them: %.0f more every second",
                     name, trend->rate_per_s);
    claim_evidence(scene, &claim, "open descriptors rose from %.0f to %.0f in %s, steadily", trend->low,
                   trend->high, scene_duration(scene, trend->end_ns - trend->start_ns));
    if (limit > 0)
        claim_evidence(scene, &claim, "at that pace the limit of %.0f is reached in %s", limit,
                       scene_duration(scene, num_u64(left_s * (double)NS_PER_S)));
    claim_evidence(scene, &claim, "founded on the number of its descriptors, looked at %llu times",
                   (unsigned long long)series->seen_count);
    return claim_add(claims, &claim, err);
}

int detect_handle_leak(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    for (size_t i = 0; i < scene->run->series.count; i++) {
        const struct run_series *series = &scene->run->series.items[i];
        struct trend trend;
        if (series->process == RUN_NONE || strcmp(series->name, SERIES_DESCRIPTORS) != 0 ||
            !trend_of(series, &trend) || !trend.is_lasting || trend.high - trend.low < RISE_MIN)
            continue;
        int status = claim_series(scene, claims, series, &trend, err);
        if (status)
            return status;
    }
    return 0;
}
