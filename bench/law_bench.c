/* SPDX-License-Identifier: Apache-2.0 */
/* law_bench: how often the 95 % interval of the Universal Scalability Law's peak holds the true one. */
#include <math.h>
#include <stdio.h>

#include "law/usl.h"
#include "stats/random.h"

#define SIMULATIONS 1000

int main(void)
{
    static const double loads[] = {1, 2, 5, 10, 20, 50, 100};
    const struct usl truth = {.gamma = 1000, .sigma = 0.03, .kappa = 1e-4};
    struct random random;
    int covered = 0, open = 0;
    random_seed(&random, 1);
    for (int i = 0; i < SIMULATIONS; i++) {
        struct usl_point points[7];
        struct usl_fit fit;
        for (size_t at = 0; at < 7; at++)
            points[at] = (struct usl_point){loads[at], usl_throughput(&truth, loads[at]) *
                                                           (1 + 0.03 * random_normal(&random))};
        if (usl_fit(points, 7, NULL, &fit, NULL))
            return 1;
        covered += fit.peak_low <= usl_peak(&truth) && usl_peak(&truth) <= fit.peak_high;
        open += isinf(fit.peak_high);
    }
    printf("USL peak inside its 95 %% interval, 7 points, 3 %% noise | %.1f %% | at least 93 %% | %d "
           "simulations, %.0f %% of "
           "the intervals open above\n",
           100.0 * covered / SIMULATIONS, SIMULATIONS, 100.0 * open / SIMULATIONS);
    return 0;
}
