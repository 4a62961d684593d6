/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/describe.h"

#include <math.h>
#include <stdlib.h>

#include "stats/quantile.h"

/* Two passes: the mean first, so that the squares are of small numbers. */
static double deviation(const double *values, size_t count, double mean)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
}

int describe(const double *values, size_t count, struct description *ret_description, struct err *err)
{
    struct description description = {.count = count};
    double *sorted, sum = 0;
    if (!count) {
        *ret_description = description;
        return 0;
    }
    int status = sorted_copy(values, count, &sorted, err);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    description.mean = sum / (double)count;
    description.deviation = deviation(sorted, count, description.mean);
    description.min = sorted[0];
    description.max = sorted[count - 1];
    description.median = median_sorted(sorted, count);
    description.mad = mad_sorted(sorted, count);
    for (size_t i = 0; i < count; i++)
        description.outlier_count += is_outlier(sorted[i], description.median, description.mad);
    free(sorted);
    *ret_description = description;
    return 0;
}

struct exact_mode exact_mode_sorted(const double *sorted, size_t count)
{
    struct exact_mode mode = {0};
    for (size_t i = 0, first = 0; i < count; i++) {
        if (sorted[i] > sorted[first])
            first = i;
        if (i - first + 1 > mode.count)
            mode = (struct exact_mode){.value = sorted[first], .count = i - first + 1};
    }
    mode.is_steady = count && mode.count == count;
    return mode;
}

int exact_mode(const double *values, size_t count, struct exact_mode *ret_mode, struct err *err)
{
    double *sorted;
    if (!count)
        return err_set(err, ERR_INPUT, "could not find the mode: there are no values");
    int status = sorted_copy(values, count, &sorted, err);
    if (status)
        return status;
    *ret_mode = exact_mode_sorted(sorted, count);
    free(sorted);
    return 0;
}
