/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/trend.h"

#include <string.h>

#include "base/clock.h"
#include "base/num.h"

#define POINT_MIN 5
/* The rise is cut into so many stretches of equal time; their means must go up but for a few. */
#define STRETCHES    8
#define DOWN_MAX     1
#define RISE_PARTS   5   /* a rise takes at least one part in so many of the series' time */
#define FALLEN_RATIO 0.8 /* of what it rose, less than this is left: it did not last */
#define SECOND_RATIO 0.2 /* of the rise, at least this much comes in its second half */

/* From the least to the largest that comes after it, with the largest difference. */
static bool find_rise(const struct run_series *series, size_t *ret_low, size_t *ret_high)
{
    size_t least = 0;
    double best = 0;
    for (size_t i = 1; i < series->points.count; i++) {
        double value = series->points.items[i].value;
        if (value - series->points.items[least].value > best) {
            best = value - series->points.items[least].value;
            *ret_low = least;
            *ret_high = i;
        }
        if (value <= series->points.items[least].value)
            least = i;
    }
    return best > 0;
}

/* The mean of the points in [from, to]; the value before them where there are none. */
static double mean_between(const struct run_series *series, uint64_t from_ns, uint64_t to_ns, double before)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < series->points.count; i++) {
        const struct run_point *point = &series->points.items[i];
        if (point->time_ns >= from_ns && point->time_ns <= to_ns) {
            sum += point->value;
            count++;
        }
    }
    return count ? sum / (double)count : before;
}

static bool goes_up(const struct run_series *series, const struct trend *trend)
{
    uint64_t step_ns = (trend->end_ns - trend->start_ns) / STRETCHES;
    double before = trend->low;
    size_t down_count = 0;
    for (uint64_t i = 0; i < STRETCHES; i++) {
        uint64_t from_ns = trend->start_ns + i * step_ns;
        double mean = mean_between(series, from_ns, from_ns + step_ns, before);
        down_count += mean < before;
        before = mean;
    }
    return down_count <= DOWN_MAX;
}

bool trend_of(const struct run_series *series, struct trend *ret_trend)
{
    size_t low = 0, high = 0;
    if (series->points.count < POINT_MIN || !find_rise(series, &low, &high))
        return false;
    const struct run_point *first = &series->points.items[low], *top = &series->points.items[high];
    uint64_t whole_ns = series->last.time_ns - series->points.items[0].time_ns;
    struct trend trend = {.start_ns = first->time_ns,
                          .end_ns = top->time_ns,
                          .low = first->value,
                          .high = top->value,
                          .last = series->last.value};
    uint64_t length_ns = trend.end_ns - num_min(trend.start_ns, trend.end_ns);
    if (!length_ns || length_ns * RISE_PARTS < whole_ns || !goes_up(series, &trend))
        return false;
    double rise = trend.high - trend.low;
    trend.rate_per_s = rise * (double)NS_PER_S / (double)length_ns;
    uint64_t middle_ns = trend.start_ns + length_ns / 2, tenth_ns = length_ns / 10;
    double middle = mean_between(series, middle_ns - tenth_ns, middle_ns + tenth_ns, trend.low);
    trend.is_lasting =
        trend.last - trend.low >= rise * FALLEN_RATIO && trend.high - middle >= rise * SECOND_RATIO;
    *ret_trend = trend;
    return true;
}

/* The last value at or before the moment; the first one when there is none. */
static double value_at(const struct run_series *series, uint64_t time_ns)
{
    double value = series->points.items[0].value;
    for (size_t i = 0; i < series->points.count && series->points.items[i].time_ns <= time_ns; i++)
        value = series->points.items[i].value;
    return value;
}

double trend_rate_between(const struct run_series *series, uint64_t from_ns, uint64_t to_ns)
{
    if (!series || !series->points.count || to_ns <= from_ns)
        return 0;
    return (value_at(series, to_ns) - value_at(series, from_ns)) * (double)NS_PER_S /
           (double)(to_ns - from_ns);
}

const struct run_series *trend_series(const struct run *run, uint32_t process, const char *name)
{
    for (size_t i = 0; i < run->series.count; i++) {
        const struct run_series *series = &run->series.items[i];
        if (series->process == process && strcmp(series->name, name) == 0)
            return series;
    }
    return NULL;
}
