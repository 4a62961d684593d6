/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigation_objective.h"

#include <string.h>

#include "base/clock.h"

static const char *const metric_names[] = {
    [PIPELINE_WALL] = "wall",     [PIPELINE_RATE] = "throughput", [PIPELINE_LATENCY] = "latency",
    [PIPELINE_CPU] = "cpu",       [PIPELINE_MEMORY] = "memory",   [PIPELINE_COST] = "cost",
    [PIPELINE_TOKENS] = "tokens",
};

/* The most that one stage reports of a kind: what passes through several stages is counted once. */
static double units_recorded(const struct verdict *verdict, const char *noun)
{
    double most = 0;
    for (size_t i = 0; i < verdict->stage_count; i++) {
        const struct stage *stage = &verdict->stages[i];
        for (size_t j = 0; j < stage->usage_count; j++)
            if (strcmp(stage->usage[j].kind, noun) == 0 && stage->usage[j].amount > most)
                most = stage->usage[j].amount;
    }
    return most;
}

/* In base units (nanoseconds, bytes); 0: not known. */
static double measured_value(const struct pipeline_objective *objective, const struct verdict *verdict,
                             double unit_count)
{
    double value = 0;
    double units = unit_count > 0 ? unit_count : units_recorded(verdict, objective->noun);
    switch (objective->metric) {
    case PIPELINE_CPU: return (double)verdict->run.cpu_ns;
    case PIPELINE_MEMORY: return (double)verdict->run.rss_bytes_max;
    case PIPELINE_LATENCY:
        if (!verdict->service)
            return 0;
        return (double)(strcmp(objective->name, "p50") == 0 ? verdict->service->latency_ns_p50
                                                            : verdict->service->latency_ns_p99);
    case PIPELINE_WALL:
    case PIPELINE_RATE:
    case PIPELINE_COST:
    case PIPELINE_TOKENS: break;
    }
    if (objective->metric == PIPELINE_RATE && verdict->service)
        return verdict->service->throughput_per_s;
    return pipeline_objective_of_wall(objective, (double)verdict->run.wall_ns, units, &value) ? value : 0;
}

/* Nothing was said to be wanted: how it is. */
static void fill_unsaid(const struct verdict *verdict, struct objective *objective)
{
    if (verdict->service) {
        *objective = (struct objective){
            .unit = "requests/s", .more_is_better = true, .measured = verdict->service->throughput_per_s};
        return;
    }
    *objective = (struct objective){.unit = "s", .measured = (double)verdict->run.wall_ns / (double)NS_PER_S};
}

void investigation_objective_fill(const struct pipeline_file *file, const struct verdict *verdict,
                                  double unit_count, struct objective *ret_objective)
{
    struct objective objective = {0};
    double scale = 1;
    if (!file || !file->has_objective) {
        fill_unsaid(verdict, ret_objective);
        return;
    }
    const struct pipeline_objective *wanted = &file->objective;
    double measured = measured_value(wanted, verdict, unit_count);
    objective.text = wanted->text;
    objective.metric = metric_names[wanted->metric];
    objective.unit = pipeline_objective_unit(wanted, &scale);
    objective.more_is_better = pipeline_objective_is_rate(wanted);
    objective.measured = measured / scale;
    if (wanted->has_value) {
        objective.wanted = wanted->value / scale;
        objective.gap_ratio = measured > 0 ? pipeline_objective_factor(wanted, measured) - 1 : 0;
        objective.is_met = measured > 0 && objective.gap_ratio <= 0;
    }
    *ret_objective = objective;
}
