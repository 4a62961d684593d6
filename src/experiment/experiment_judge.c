/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "experiment/experiment.h"

static const char *const means_names[EXPERIMENT_MEANS_COUNT] = {"auto", "knob", "replay",
                                                                "hold", "stop", "others"};

const char *experiment_means_name(enum experiment_means means)
{
    return means_names[means];
}

bool experiment_means_find(const char *name, enum experiment_means *ret_means)
{
    for (size_t i = 0; i < EXPERIMENT_MEANS_COUNT; i++)
        if (strcmp(name, means_names[i]) == 0) {
            *ret_means = (enum experiment_means)i;
            return true;
        }
    return false;
}

const char *experiment_outcome_name(enum experiment_outcome outcome)
{
    static const char *const names[] = {"measured", "confirmed", "rejected", "undecided"};
    return names[outcome];
}

enum experiment_outcome experiment_judge(const struct experiment_gain *gain,
                                         const struct experiment_promise *promise)
{
    double careful = promise->factor_low > 0 ? promise->factor_low : promise->factor;
    if (!(promise->factor > 0))
        return EXPERIMENT_MEASURED;
    bool has_interval = gain->factor_low > 0 && isfinite(gain->factor_high);
    if (!has_interval)
        return EXPERIMENT_UNDECIDED;
    if (gain->factor_high < careful)
        return EXPERIMENT_REJECTED;
    bool gains = gain->factor_low > 1 + EFFECT_THRESHOLD_RATIO;
    return gains && gain->factor >= careful ? EXPERIMENT_CONFIRMED : EXPERIMENT_UNDECIDED;
}
