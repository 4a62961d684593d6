/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/slope.h"

#include <math.h>
#include <stdlib.h>

#include "stats/signed_rank.h"

#define SHARE_MAX 0.999

int slope_of_rounds(const struct slope_rounds *rounds, struct estimate *ret_share, struct err *err)
{
    size_t width = rounds->level_count + 1;
    if (!rounds->round_count || !rounds->level_count)
        return err_set(err, ERR_INPUT, "could not work out a share: there are no rounds");
    double *shares = calloc(rounds->round_count, sizeof *shares);
    if (!shares)
        return err_memory(err);
    int status = 0;
    for (size_t round = 0; !status && round < rounds->round_count; round++) {
        const double *walls = rounds->wall_ns + round * width;
        for (size_t i = 0; i < rounds->level_count; i++)
            shares[round] += (walls[i + 1] / walls[0] - 1) / rounds->levels[i] / (double)rounds->level_count;
        if (!(walls[0] > 0) || !isfinite(shares[round]))
            status = err_set(err, ERR_INPUT, "could not work out a share: round %zu has no time", round + 1);
    }
    if (!status)
        status = signed_rank(shares, rounds->round_count, rounds->confidence_ratio, ret_share, err);
    free(shares);
    return status;
}

static double factor_of(double share)
{
    return 1 / (1 - fmin(fmax(share, 0), SHARE_MAX));
}

struct experiment_gain slope_gain(const struct estimate *share)
{
    bool has_interval = isfinite(share->low) && isfinite(share->high);
    return (struct experiment_gain){
        .factor = factor_of(share->value),
        .factor_low = has_interval ? factor_of(share->low) : 0,
        .factor_high = has_interval ? factor_of(share->high) : INFINITY,
        .is_bound = true,
    };
}
