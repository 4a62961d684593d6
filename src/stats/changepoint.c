/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/changepoint.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stats/quantile.h"
#include "stats/random.h"

#define SEED              0x746f6c6cu
#define DEPENDENCE_MARGIN 0.1
#define DEPENDENCE_MAX    0.9
#define WARM_UP           20u /* values of a resampled series that are thrown away */
#define MAD_TO_DEVIATION  1.4826
#define MEAN_TO_DEVIATION 1.2533

/* The largest reduction of the residual sum, as a part of it, and the split that has it. */
struct peak {
    double reduction;
    size_t at;
};

/* Where the largest reduction is looked for. */
struct scan {
    bool within_windows;   /* else over the whole stretch */
    unsigned exceeded_max; /* of the resampled maxima may reach the one found; with more there is no change */
    unsigned clear_after;  /* when none of so many did, more would hardly ever decide otherwise */
    double share;          /* of CHANGEPOINT_LEVEL */
};

static const struct scan whole = {.exceeded_max = 4, .clear_after = 100, .share = 5.0 / 6},
                         windows = {.within_windows = true,
                                    .exceeded_max = 0,
                                    .clear_after = CHANGEPOINT_RESAMPLES,
                                    .share = 1.0 / 6};

/* Room for one stretch; all arrays have `capacity` + 1 numbers. */
struct room {
    double *block;
    double *values;      /* cut and scaled */
    double *resampled;   /* a series without a change */
    double *residuals;   /* around the levels of a split */
    double *innovations; /* residuals without what the one before explains */
    double *whitened;
    double *sums; /* sums[i]: of whitened[0] to whitened[i - 1] */
};

static int room_init(struct room *room, size_t capacity, struct err *err)
{
    size_t each = capacity + 1;
    room->block = calloc(6 * each, sizeof *room->block);
    if (!room->block)
        return err_memory(err);
    room->values = room->block;
    room->resampled = room->block + each;
    room->residuals = room->block + 2 * each;
    room->innovations = room->block + 3 * each;
    room->whitened = room->block + 4 * each;
    room->sums = room->block + 5 * each;
    return 0;
}

/* Centred, scaled and cut; false when all values are the same. */
static bool standardise(struct room *room, const double *values, size_t count)
{
    double *work = room->resampled, mean_deviation = 0;
    memcpy(work, values, count * sizeof *work);
    sort_values(work, count);
    double median = median_sorted(work, count);
    double deviation = MAD_TO_DEVIATION * mad_sorted(work, count);
    for (size_t i = 0; i < count; i++)
        mean_deviation += fabs(values[i] - median) / (double)count;
    /* Half of the values or more are the same. */
    if (!(deviation > 0))
        deviation = MEAN_TO_DEVIATION * mean_deviation;
    if (!(deviation > 0))
        return false;
    for (size_t i = 0; i < count; i++)
        room->values[i] = fmax(-CHANGEPOINT_CUT, fmin(CHANGEPOINT_CUT, (values[i] - median) / deviation));
    return true;
}

/* Fills `whitened` and `sums`; returns the sum of squares. */
static double whiten(struct room *room, const double *values, size_t count, double dependence)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i];
    mean /= (double)count;
    double before = 0, scale = sqrt(1 - dependence * dependence);
    for (size_t i = 0; i < count; i++) {
        double value = values[i] - mean, white = i ? value - dependence * before : value * scale;
        room->whitened[i] = white;
        room->sums[i + 1] = room->sums[i] + white;
        squares += white * white;
        before = value;
    }
    return squares;
}

/* Over start to end: what a step after some value takes off the residual sum, beyond what a constant does. Whitened, a constant is
 * w = 1 - dependence everywhere; a step is 0 before its first value, 1 at it and w after it. */
static double best_split(const struct room *room, size_t start, size_t end, double dependence, size_t *ret_at)
{
    const double *sums = room->sums, *whitened = room->whitened;
    double w = 1 - dependence, best = 0;
    double constant_squared = 1 / (w * w * (double)(end - start));
    double level = w * (sums[end] - sums[start]) * constant_squared;
    for (size_t at = start + CHANGEPOINT_SEGMENT_MIN; at + CHANGEPOINT_SEGMENT_MIN <= end; at++) {
        double after = w * w * (double)(end - at - 1), both = w + after;
        double step = whitened[at] + w * (sums[end] - sums[at + 1]) - both * level;
        double reduction = step * step / (1 + after - both * both * constant_squared);
        if (reduction > best) {
            best = reduction;
            *ret_at = at;
        }
    }
    return best;
}

/* The windows are half as long from layer to layer, and overlap by half or more. */
static void scan_windows(const struct room *room, size_t count, double dependence, struct peak *peak)
{
    for (size_t size = (count + 1) / 2; size >= 2 * (size_t)CHANGEPOINT_SEGMENT_MIN; size = (size + 1) / 2) {
        size_t number = 2 * ((count + size - 1) / size) - 1;
        double step = (double)(count - size) / (double)(number - 1);
        for (size_t i = 0; i < number; i++) {
            size_t at = 0, start = (size_t)((double)i * step);
            double reduction = best_split(room, start, start + size, dependence, &at);
            if (reduction > peak->reduction)
                *peak = (struct peak){reduction, at};
        }
    }
}

/* Residuals around the two levels of a split; returns their first autocorrelation, corrected for its bias. */
static double residuals_fill(struct room *room, const double *values, size_t count, size_t at)
{
    double low = 0, high = 0, squares = 0, products = 0;
    for (size_t i = 0; i < count; i++)
        *(i < at ? &low : &high) += values[i];
    low /= (double)(at ? at : 1);
    high /= (double)(count - at ? count - at : 1);
    for (size_t i = 0; i < count; i++) {
        double residual = values[i] - (i < at ? low : high);
        room->residuals[i] = residual;
        squares += residual * residual;
        products += i ? residual * room->residuals[i - 1] : 0;
    }
    double correlation = squares > 0 ? products / squares : 0;
    return correlation + (1 + 4 * correlation) / (double)count;
}

/* Of a first-order process, the mean squares of differences at lags 2 and 1 have the ratio 1 + autocorrelation, whatever few
 * changes of level there are. */
static double dependence_by_differences(const double *values, size_t count)
{
    double first = 0, second = 0;
    for (size_t i = 1; i < count; i++) {
        double one = values[i] - values[i - 1], two = i > 1 ? values[i] - values[i - 2] : 0;
        first += one * one;
        second += two * two;
    }
    if (!(first > 0))
        return 0;
    return second / (double)(count - 2) / (first / (double)(count - 1)) - 1;
}

static double estimate_dependence(struct room *room, const double *values, size_t count)
{
    size_t at = 0;
    whiten(room, values, count, 0);
    best_split(room, 0, count, 0, &at);
    double dependence = residuals_fill(room, values, count, at);
    dependence = fmin(dependence, dependence_by_differences(values, count) + DEPENDENCE_MARGIN);
    return fmax(0, fmin(DEPENDENCE_MAX, dependence));
}

static struct peak find_peak(struct room *room, const struct scan *scan, const double *values, size_t count,
                             double *ret_dependence)
{
    struct peak peak = {0};
    double dependence = estimate_dependence(room, values, count);
    double squares = whiten(room, values, count, dependence);
    if (scan->within_windows)
        scan_windows(room, count, dependence, &peak);
    else
        peak.reduction = best_split(room, 0, count, dependence, &peak.at);
    if (squares > 0)
        peak.reduction /= squares;
    *ret_dependence = dependence;
    return peak;
}

/* What the values before do not explain, with mean 0: the raw material of series without a change. */
static void innovations_fill(struct room *room, size_t count, double dependence)
{
    double mean = 0;
    for (size_t i = 1; i < count; i++) {
        room->innovations[i - 1] = room->residuals[i] - dependence * room->residuals[i - 1];
        mean += room->innovations[i - 1] / (double)(count - 1);
    }
    for (size_t i = 0; i + 1 < count; i++)
        room->innovations[i] -= mean;
}

static void resample(struct room *room, size_t count, double dependence, struct random *random)
{
    double value = 0, limit = (double)(count - 1);
    for (size_t i = 0; i < count + WARM_UP; i++) {
        value = dependence * value + room->innovations[(size_t)(random_uniform(random) * limit)];
        if (i >= WARM_UP)
            room->resampled[i - WARM_UP] = value;
    }
}

static bool is_clear(struct room *room, const struct scan *scan, size_t count, size_t *ret_at,
                     double *ret_p_value)
{
    double dependence, ignored;
    unsigned exceeded = 0;
    struct random random;
    struct peak found = find_peak(room, &whole, room->values, count, &dependence);
    residuals_fill(room, room->values, count, found.at);
    innovations_fill(room, count, dependence);
    if (scan->within_windows)
        found = find_peak(room, scan, room->values, count, &dependence);
    random_seed(&random, SEED);
    unsigned done = 0;
    for (; done < CHANGEPOINT_RESAMPLES && exceeded <= scan->exceeded_max; done++) {
        if (done == scan->clear_after && !exceeded)
            break;
        resample(room, count, dependence, &random);
        exceeded += find_peak(room, scan, room->resampled, count, &ignored).reduction >= found.reduction;
    }
    *ret_at = found.at;
    *ret_p_value = (exceeded + 1) / (done + 1.0) / scan->share;
    return exceeded <= scan->exceeded_max;
}

/* True with the index of the first value of the new level. */
static bool has_change(struct room *room, const double *values, size_t count, size_t *ret_at,
                       double *ret_p_value)
{
    if (count < 2 * (size_t)CHANGEPOINT_SEGMENT_MIN || !standardise(room, values, count))
        return false;
    return is_clear(room, &whole, count, ret_at, ret_p_value) ||
           is_clear(room, &windows, count, ret_at, ret_p_value);
}

static int by_index(const void *left, const void *right)
{
    const struct change_point *a = left, *b = right;
    return a->index < b->index ? -1 : a->index > b->index;
}

struct stretch {
    size_t start, end;
};

/* Splits as long as there are changes. */
static int segment(struct room *room, const double *values, size_t count, struct change_points *points,
                   struct err *err)
{
    VEC(struct stretch) left = {0};
    int status = vec_push(&left, (struct stretch){0, count});
    while (!status && left.count) {
        struct stretch stretch = left.items[--left.count];
        struct change_point point = {0};
        if (!has_change(room, values + stretch.start, stretch.end - stretch.start, &point.index,
                        &point.p_value))
            continue;
        point.index += stretch.start;
        status = vec_push(&points->points, point) ||
                 vec_push(&left, (struct stretch){stretch.start, point.index}) ||
                 vec_push(&left, (struct stretch){point.index, stretch.end});
    }
    vec_free(&left);
    if (status)
        return err_memory(err);
    if (points->points.count)
        qsort(points->points.items, points->points.count, sizeof *points->points.items, by_index);
    return 0;
}

/* From the change before point i, or the start, to the one after it, or the end. */
static struct stretch around(const struct change_points *points, size_t i, size_t count)
{
    return (struct stretch){i ? points->points.items[i - 1].index : 0,
                            i + 1 < points->points.count ? points->points.items[i + 1].index : count};
}

/* Places and tests each change between its neighbours, again from the first when one went. */
static void refine(struct room *room, const double *values, size_t count, struct change_points *points)
{
    struct change_point *items = points->points.items;
    for (size_t i = 0; points->points.count > 1 && i < points->points.count;) {
        struct stretch stretch = around(points, i, count);
        size_t at = 0;
        if (has_change(room, values + stretch.start, stretch.end - stretch.start, &at, &items[i].p_value)) {
            items[i++].index = stretch.start + at;
            continue;
        }
        memmove(&items[i], &items[i + 1], (points->points.count - i - 1) * sizeof *items);
        points->points.count--;
        i = 0;
    }
}

static double median_of(struct room *room, const double *values, size_t start, size_t end)
{
    memcpy(room->resampled, values + start, (end - start) * sizeof *values);
    sort_values(room->resampled, end - start);
    return median_sorted(room->resampled, end - start);
}

int change_points_find(const double *values, size_t count, struct change_points *ret_points, struct err *err)
{
    struct change_points points = {0};
    struct room room;
    if (count > CHANGEPOINT_VALUES_MAX)
        return err_set(err, ERR_INPUT, "could not look for changes in %zu values: at most %u", count,
                       CHANGEPOINT_VALUES_MAX);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return err_set(err, ERR_INPUT, "could not look for changes: value %zu is no finite number", i);
    int status = room_init(&room, count, err);
    if (status)
        return status;
    status = segment(&room, values, count, &points, err);
    if (!status)
        refine(&room, values, count, &points);
    for (size_t i = 0; i < points.points.count; i++) {
        struct change_point *point = &points.points.items[i];
        struct stretch stretch = around(&points, i, count);
        point->before = median_of(&room, values, stretch.start, point->index);
        point->after = median_of(&room, values, point->index, stretch.end);
    }
    free(room.block);
    if (status)
        change_points_free(&points);
    else
        *ret_points = points;
    return status;
}

void change_points_free(struct change_points *points)
{
    vec_free(&points->points);
}
