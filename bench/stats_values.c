/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_values: toll's statistics for stats_bench.py to hold against R. Each line of stdin is an operation, the counts of
 * one or two lists, and their numbers; each line of stdout the results.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "law/queueing.h"
#include "law/usl.h"
#include "stats/describe.h"
#include "stats/distribution.h"
#include "stats/mann_whitney.h"
#include "stats/multiple.h"
#include "stats/quantile.h"
#include "stats/sequence.h"
#include "stats/signed_rank.h"

#define VALUES_MAX 4096

struct lists {
    double a[VALUES_MAX], b[VALUES_MAX];
    size_t a_count, b_count;
};

static void say(double value)
{
    printf("%.15g ", value);
}

static void say_estimate(const struct estimate *estimate)
{
    say(estimate->p_value);
    say(estimate->value);
    say(estimate->low);
    say(estimate->high);
}

static int pairs(const struct lists *lists)
{
    struct estimate estimate;
    int status = signed_rank(lists->a, lists->a_count, 0.95, &estimate, NULL);
    if (!status)
        say_estimate(&estimate);
    return status;
}

static int samples(const struct lists *lists)
{
    struct sample a = {lists->a, lists->a_count}, b = {lists->b, lists->b_count};
    struct estimate estimate;
    int status = mann_whitney(&a, &b, 0.95, &estimate, NULL);
    if (!status)
        say_estimate(&estimate);
    return status;
}

static int quantiles(const struct lists *lists)
{
    static const enum quantile_type types[] = {QUANTILE_TYPE_1, QUANTILE_TYPE_6, QUANTILE_TYPE_7,
                                               QUANTILE_TYPE_8};
    struct description description;
    double *sorted;
    int status = sorted_copy(lists->a, lists->a_count, &sorted, NULL);
    if (status)
        return status;
    for (size_t type = 0; type < 4; type++)
        for (size_t i = 0; i < lists->b_count; i++)
            say(quantile_sorted(sorted, lists->a_count, lists->b[i], types[type]));
    say(mad_sorted(sorted, lists->a_count));
    free(sorted);
    status = describe(lists->a, lists->a_count, &description, NULL);
    if (!status) {
        say(description.mean);
        say(description.deviation);
    }
    return status;
}

/* a: probabilities, b: one parameter */
static int distributions(const struct lists *lists)
{
    double freedom = lists->b[0];
    for (size_t i = 0; i < lists->a_count; i++) {
        double p = lists->a[i], z = normal_quantile(p);
        say(z);
        say(normal_cdf(z * 1.1));
        say(student_quantile(p, freedom));
        say(student_cdf(z, freedom));
        say(beta_quantile(p, freedom, freedom / 3));
        say(beta_cdf(p, freedom / 2, 3));
        say(binomial_cdf((int64_t)(p * 40), 40, 1 - p));
    }
    return 0;
}

static int adjusted(const struct lists *lists)
{
    double values[VALUES_MAX];
    int status = holm_adjust(lists->a, lists->a_count, values, NULL);
    for (size_t i = 0; !status && i < lists->a_count; i++)
        say(values[i]);
    if (!status)
        status = benjamini_hochberg_adjust(lists->a, lists->a_count, values, NULL);
    for (size_t i = 0; !status && i < lists->a_count; i++)
        say(values[i]);
    return status;
}

static int sequences(const struct lists *lists)
{
    struct drift drift;
    int status = sequence_drift(lists->a, lists->a_count, &drift, NULL);
    say(autocorrelation(lists->a, lists->a_count));
    say(drift.slope);
    say(drift.p_value);
    return status;
}

static int scalability(const struct lists *lists)
{
    struct usl_point points[VALUES_MAX];
    struct usl_options options = {.is_absolute = true};
    struct usl_fit fit;
    for (size_t i = 0; i < lists->a_count && i < lists->b_count; i++)
        points[i] = (struct usl_point){lists->a[i], lists->b[i]};
    int status = usl_fit(points, lists->a_count, &options, &fit, NULL);
    if (!status) {
        say(fit.gamma.value);
        say(fit.sigma.value);
        say(fit.kappa.value);
        say(fit.residual_error);
    }
    return status;
}

static int read_list(size_t count, double *values)
{
    for (size_t i = 0; i < count; i++)
        if (scanf("%lf", &values[i]) != 1)
            return -1;
    return 0;
}

int main(void)
{
    static const struct {
        const char *name;
        int (*answer)(const struct lists *lists);
    } operations[] = {{"pairs", pairs},         {"samples", samples},
                      {"quantiles", quantiles}, {"distributions", distributions},
                      {"adjusted", adjusted},   {"sequences", sequences},
                      {"usl", scalability}};
    static struct lists lists;
    char name[32];
    while (scanf("%31s %zu %zu", name, &lists.a_count, &lists.b_count) == 3) {
        if (lists.a_count > VALUES_MAX || lists.b_count > VALUES_MAX || read_list(lists.a_count, lists.a) ||
            read_list(lists.b_count, lists.b))
            return 1;
        int status = -1;
        for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
            if (strcmp(operations[i].name, name) == 0)
                status = operations[i].answer(&lists);
        if (status)
            return 1;
        putchar('\n');
    }
    return fflush(stdout) ? 1 : 0;
}
