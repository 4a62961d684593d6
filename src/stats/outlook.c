/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/outlook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/describe.h"
#include "stats/distribution.h"
#include "stats/quantile.h"
#include "stats/sequence.h"

/* Residuals around the centre, in the order of time and sorted. */
struct spread {
    const double *sorted;
    size_t count;
    double deviation;
    double widening; /* what is known of the centre is less when values depend on one another */
};

/* What the residual of one value to come may be, `at` being its index. */
static struct prediction predict(const struct outlook *outlook, const struct spread *spread, size_t at)
{
    double n = (double)spread->count, tail = (1 - OUTLOOK_CONFIDENCE) / 2;
    struct prediction prediction = {.value = outlook->start + outlook->slope * (double)at, NAN, NAN};
    if (spread->count < OUTLOOK_MIN)
        return prediction;
    double far = (double)at - (n - 1) / 2, leverage = 1 / n;
    if (outlook->has_trend)
        leverage += far * far * 12 / (n * (n * n - 1));
    double wider = sqrt(1 + spread->widening * spread->widening * leverage);
    double low = quantile_sorted(spread->sorted, spread->count, tail, QUANTILE_TYPE_6);
    double high = quantile_sorted(spread->sorted, spread->count, 1 - tail, QUANTILE_TYPE_6);
    if ((n + 1) * tail < 1) {
        high = spread->deviation * student_quantile(1 - tail, n - 1);
        low = -high;
    }
    prediction.low = prediction.value + fmin(0, low) * wider;
    prediction.high = prediction.value + fmax(0, high) * wider;
    return prediction;
}

static double median_of(double *values, size_t count)
{
    sort_values(values, count);
    return median_sorted(values, count);
}

/* Takes `slope` times the index off; returns the median of what is left, which is left in order in `residuals`. */
static double detrend(const double *values, size_t count, double slope, double *residuals, double *work)
{
    for (size_t i = 0; i < count; i++)
        work[i] = residuals[i] = values[i] - slope * (double)i;
    double centre = median_of(work, count);
    for (size_t i = 0; i < count; i++)
        residuals[i] -= centre;
    return centre;
}

static int fill(const double *values, double *residuals, double *work, struct outlook *outlook,
                struct err *err)
{
    struct drift drift;
    struct description description;
    size_t count = outlook->count;
    int status = sequence_drift(values, count, &drift, err);
    if (status)
        return status;
    detrend(values, count, drift.slope, residuals, work);
    double widening = autocorrelation_widening(residuals, count);
    double z = normal_quantile(1 - fmin(1, drift.p_value) / 2);
    outlook->p_value = isfinite(z) ? fmin(1, 2 * normal_cdf(-z / widening)) : 0;
    outlook->has_trend = count >= OUTLOOK_TREND_MIN && outlook->p_value < OUTLOOK_TREND_LEVEL;
    outlook->slope = outlook->has_trend ? drift.slope : 0;
    memcpy(work, values, count * sizeof *work);
    outlook->level = median_of(work, count);
    outlook->start = detrend(values, count, outlook->slope, residuals, work);
    status = describe(residuals, count, &description, err);
    if (status)
        return status;
    memcpy(work, residuals, count * sizeof *work);
    sort_values(work, count);
    struct spread spread = {.sorted = work,
                            .count = count,
                            .deviation = description.deviation,
                            .widening = autocorrelation_widening(residuals, count)};
    outlook->next = predict(outlook, &spread, count);
    outlook->later = predict(outlook, &spread, count - 1 + outlook->ahead);
    return 0;
}

int outlook_of(const double *values, size_t count, size_t ahead, struct outlook *ret_outlook, struct err *err)
{
    struct outlook outlook = {.count = count, .ahead = ahead ? ahead : 1};
    if (!count)
        return err_set(err, ERR_INPUT, "could not look ahead: there are no values");
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return err_set(err, ERR_INPUT, "could not look ahead: value %zu is no finite number", i);
    double *room = calloc(2 * count, sizeof *room);
    if (!room)
        return err_memory(err);
    int status = fill(values, room, room + count, &outlook, err);
    free(room);
    if (!status)
        *ret_outlook = outlook;
    return status;
}
