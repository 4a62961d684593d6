/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/multiple.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    double first = ((const struct ranked *)a)->p, second = ((const struct ranked *)b)->p;
    return (first > second) - (first < second);
}

/* The tests in ascending order of p; *ret_count of them. */
static struct ranked *ranked_create(const double *p_values, size_t count, size_t *ret_count)
{
    struct ranked *ranked = malloc((count ? count : 1) * sizeof *ranked);
    size_t tests = 0;
    for (size_t i = 0; ranked && i < count; i++)
        if (!isnan(p_values[i]))
            ranked[tests++] = (struct ranked){p_values[i], i};
    if (ranked && tests)
        qsort(ranked, tests, sizeof *ranked, by_p);
    *ret_count = tests;
    return ranked;
}

int holm_adjust(const double *p_values, size_t count, double *ret_adjusted, struct err *err)
{
    size_t tests;
    double most = 0;
    struct ranked *ranked = ranked_create(p_values, count, &tests);
    if (!ranked)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        ret_adjusted[i] = p_values[i];
    for (size_t i = 0; i < tests; i++) {
        most = fmax(most, fmin(1, (double)(tests - i) * ranked[i].p));
        ret_adjusted[ranked[i].index] = most;
    }
    free(ranked);
    return 0;
}

int benjamini_hochberg_adjust(const double *p_values, size_t count, double *ret_adjusted, struct err *err)
{
    size_t tests;
    double least = 1;
    struct ranked *ranked = ranked_create(p_values, count, &tests);
    if (!ranked)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        ret_adjusted[i] = p_values[i];
    for (size_t i = tests; i-- > 0;) {
        least = fmin(least, (double)tests / (double)(i + 1) * ranked[i].p);
        ret_adjusted[ranked[i].index] = least;
    }
    free(ranked);
    return 0;
}
