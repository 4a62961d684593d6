/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/prediction.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

#define FACTOR_MAX 1e6

/* Up to three factors with ".." between them; their number, or 0. */
static size_t read_factors(const char *text, double *ret_factors)
{
    char copy[128];
    size_t count = 0;
    if (strlen(text) >= sizeof copy)
        return 0;
    memcpy(copy, text, strlen(text) + 1);
    for (char *at = copy; at; count++) {
        char *dots = strstr(at, "..");
        if (dots)
            *dots = '\0';
        size_t length = strlen(at);
        if (length && at[length - 1] == 'x')
            at[length - 1] = '\0';
        if (count == 3 || num_parse_double(at, &ret_factors[count]) || ret_factors[count] <= 0 ||
            ret_factors[count] > FACTOR_MAX || (count && ret_factors[count] < ret_factors[count - 1]))
            return 0;
        at = dots ? dots + 2 : NULL;
    }
    return count;
}

struct verify_prediction prediction_of_factors(double factor, double factor_low, double factor_high)
{
    return (struct verify_prediction){.is_given = true,
                                      .ratio = 1 / factor,
                                      .ratio_low = factor_high > 0 ? 1 / factor_high : NAN,
                                      .ratio_high = factor_low > 0 ? 1 / factor_low : NAN,
                                      .drift_ratio = NAN};
}

int prediction_parse(const char *text, struct verify_prediction *ret_prediction, struct err *err)
{
    double factors[3];
    size_t count = read_factors(text, factors);
    if (!count) {
        err_set(err, ERR_USAGE, "could not understand prediction '%.100s'", text);
        err_hint(err, "1.8x is 1.8 times as fast; 1.6x..2x is an interval, 1.6x..1.8x..2x has both");
        return -ERR_USAGE;
    }
    if (count == 1)
        *ret_prediction = prediction_of_factors(factors[0], 0, 0);
    else if (count == 2)
        *ret_prediction = prediction_of_factors(sqrt(factors[0] * factors[1]), factors[0], factors[1]);
    else
        *ret_prediction = prediction_of_factors(factors[1], factors[0], factors[2]);
    ret_prediction->source = "--predict";
    return 0;
}

void prediction_hold(const struct verify_prediction *prediction, const struct bench_comparison *measured,
                     struct outcome *outcome)
{
    if (!prediction->is_given || !(measured->ratio > 0))
        return;
    outcome->has_error = true;
    outcome->error_ratio = measured->ratio / prediction->ratio - 1;
    outcome->has_interval = isfinite(prediction->ratio_low) && isfinite(prediction->ratio_high);
    outcome->is_inside = outcome->has_interval && measured->ratio >= prediction->ratio_low &&
                         measured->ratio <= prediction->ratio_high;
    outcome->overlaps = outcome->has_interval && measured->ratio_high >= prediction->ratio_low &&
                        measured->ratio_low <= prediction->ratio_high;
}
