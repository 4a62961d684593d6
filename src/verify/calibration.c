/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/distribution.h"
#include "stats/quantile.h"

/* The value of a tag "KEY=value"; NULL without. */
static int tag_copy(struct calibration *calibration, const char *tags, const char *key,
                    const char **ret_value, struct err *err)
{
    size_t length = strlen(key);
    *ret_value = NULL;
    for (const char *at = tags; at && *at;) {
        size_t end = strcspn(at, ",");
        if (end > length && strncmp(at, key, length) == 0) {
            *ret_value = arena_copy(&calibration->arena, at + length, end - length);
            return *ret_value ? 0 : err_memory(err);
        }
        at += end + (at[end] == ',');
    }
    return 0;
}

int calibration_add(struct calibration *calibration, const struct calibration_point *point, const char *tags,
                    struct err *err)
{
    struct calibration_point copy = *point;
    if (!(point->predicted > 0 && point->measured > 0) || !isfinite(point->predicted) ||
        !isfinite(point->measured))
        return 0;
    copy.name = arena_string(&calibration->arena, point->name);
    int status = tag_copy(calibration, tags, "cause=", &copy.cause, err);
    if (!status)
        status = tag_copy(calibration, tags, "change=", &copy.change, err);
    if (!status && copy.change) {
        copy.kind = arena_copy(&calibration->arena, copy.change, strcspn(copy.change, ":"));
        status = copy.kind ? 0 : err_memory(err);
    }
    if (!status && (!copy.name || vec_push(&calibration->points, copy)))
        status = err_memory(err);
    return status;
}

static double error_of(const struct calibration_point *point)
{
    return log(point->measured / point->predicted);
}

bool calibration_has_interval(const struct calibration_point *point)
{
    return isfinite(point->predicted_low) && isfinite(point->predicted_high);
}

bool calibration_is_inside(const struct calibration_point *point)
{
    return point->measured >= point->predicted_low && point->measured <= point->predicted_high;
}

bool calibration_overlaps(const struct calibration_point *point)
{
    double low = isfinite(point->measured_low) ? point->measured_low : point->measured,
           high = isfinite(point->measured_high) ? point->measured_high : point->measured;
    return high >= point->predicted_low && low <= point->predicted_high;
}

enum grouping { BY_CAUSE, BY_KIND };

static const char *key_of(const struct calibration_point *point, enum grouping by)
{
    return by == BY_CAUSE ? point->cause : point->kind;
}

/* Median and interval of the errors, which are turned into their sizes. */
static int errors_describe(struct calibration_group *group, double *errors, struct err *err)
{
    size_t count = group->count;
    double *sorted;
    int status = sorted_copy(errors, count, &sorted, err);
    if (status)
        return status;
    struct order_interval interval = quantile_interval(sorted, count, 0.5, CALIBRATION_CONFIDENCE);
    group->bias = expm1(median_sorted(sorted, count));
    if (interval.confidence_ratio > 0) {
        group->bias_low = expm1(interval.low);
        group->bias_high = expm1(interval.high);
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = fabs(sorted[i]);
    sort_values(sorted, count);
    group->error = expm1(median_sorted(sorted, count));
    free(sorted);
    return 0;
}

static void coverage_fill(struct calibration_group *group)
{
    if (!group->interval_count)
        return;
    struct proportion_interval covered = proportion_interval(
        (int64_t)group->inside_count, (int64_t)group->interval_count, CALIBRATION_CONFIDENCE);
    group->coverage_ratio = (double)group->inside_count / (double)group->interval_count;
    group->coverage_low = covered.low_ratio;
    group->coverage_high = covered.high_ratio;
}

/* Fills a group from the points with its name; from all when it has none. `errors` has room for all of them. */
static int group_fill(const struct calibration *calibration, struct calibration_group *group,
                      enum grouping by, double *errors, struct err *err)
{
    *group = (struct calibration_group){.name = group->name,
                                        .bias = NAN,
                                        .bias_low = NAN,
                                        .bias_high = NAN,
                                        .error = NAN,
                                        .coverage_ratio = NAN,
                                        .coverage_low = NAN,
                                        .coverage_high = NAN};
    for (size_t i = 0; i < calibration->points.count; i++) {
        const struct calibration_point *point = &calibration->points.items[i];
        const char *key = key_of(point, by);
        if (group->name && (!key || strcmp(key, group->name) != 0))
            continue;
        errors[group->count++] = error_of(point);
        group->interval_count += calibration_has_interval(point);
        group->inside_count += calibration_is_inside(point);
        group->overlap_count += calibration_overlaps(point);
    }
    coverage_fill(group);
    return group->count ? errors_describe(group, errors, err) : 0;
}

static int by_count(const void *a, const void *b)
{
    const struct calibration_group *first = a, *second = b;
    if (first->count != second->count)
        return first->count < second->count ? 1 : -1;
    return strcmp(first->name, second->name);
}

/* One group for each key that occurs. */
static int groups_fill(const struct calibration *calibration, struct calibration_groups *groups,
                       enum grouping by, double *errors, struct err *err)
{
    for (size_t i = 0; i < calibration->points.count && groups->list.count < CALIBRATION_GROUPS_MAX; i++) {
        struct calibration_group group = {.name = key_of(&calibration->points.items[i], by)};
        bool is_known = !group.name;
        for (size_t j = 0; j < groups->list.count && !is_known; j++)
            is_known = strcmp(groups->list.items[j].name, group.name) == 0;
        if (is_known)
            continue;
        int status = group_fill(calibration, &group, by, errors, err);
        if (!status && vec_push(&groups->list, group))
            status = err_memory(err);
        if (status)
            return status;
    }
    if (groups->list.count)
        qsort(groups->list.items, groups->list.count, sizeof *groups->list.items, by_count);
    return 0;
}

int calibration_judge(struct calibration *calibration, struct err *err)
{
    double *errors = calloc(calibration->points.count + 1, sizeof *errors);
    if (!errors)
        return err_memory(err);
    int status = group_fill(calibration, &calibration->all, BY_CAUSE, errors, err);
    if (!status)
        status = groups_fill(calibration, &calibration->causes, BY_CAUSE, errors, err);
    if (!status)
        status = groups_fill(calibration, &calibration->kinds, BY_KIND, errors, err);
    free(errors);
    return status;
}

void calibration_deinit(struct calibration *calibration)
{
    vec_free(&calibration->points);
    vec_free(&calibration->causes.list);
    vec_free(&calibration->kinds.list);
    arena_free(&calibration->arena);
}
