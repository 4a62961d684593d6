/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_bench: a history of a million results, 1,000 series of 1,000: how fast they are added, and what it takes to list the
 * series and to judge one. RESULTS sets how many (1000000).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "stats/random.h"
#include "store/overview.h"
#include "store/series.h"

#define RESULTS     1000000u
#define SERIES      1000u
#define BATCH       1000u
#define ONE_BY_ONE  5000u
#define LOOKS       9u
#define CHANGE_EACH 250u /* results between changes of a series */

static void die(const struct err *err)
{
    fprintf(stderr, "history_bench: %s\n", err->what);
    exit(1);
}

/* The i-th result: those of all series in turn, as a nightly job adds them. */
static struct history_result result_of(size_t i, struct random *random, char name[32])
{
    size_t changes = i / SERIES / CHANGE_EACH;
    double level = 10e6 + (double)changes * 1e6;
    snprintf(name, 32, "job %zu", i % SERIES);
    return (struct history_result){.at_ns = 1700000000000000000 + (int64_t)(i / SERIES) * 3600000000000,
                                   .kind = "bench",
                                   .name = name,
                                   .metric = "wall_ns",
                                   .value = level * (1 + 0.02 * random_normal(random)),
                                   .value_low = level * 0.99,
                                   .value_high = level * 1.01,
                                   .count = 20,
                                   .predicted = NAN,
                                   .predicted_low = NAN,
                                   .predicted_high = NAN,
                                   .machine = "a CPU, 2 CPUs, 24 GiB, x86_64",
                                   .revision = "0123456789abcdef0123456789abcdef01234567",
                                   .tags = "nightly"};
}

static void add_batches(struct history *history, size_t count, struct random *random)
{
    static struct history_result results[BATCH];
    static char names[BATCH][32];
    struct err err;
    uint64_t start = clock_monotonic_ns();
    for (size_t i = 0; i < count; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++)
            results[j] = result_of(i + j, random, names[j]);
        if (history_add(history, results, BATCH, &err))
            die(&err);
    }
    double took_s = (double)(clock_monotonic_ns() - start) / NS_PER_S;
    printf("%zu results added, %u at a time | %.0f a second | at least 20000 a second |\n", count, BATCH,
           (double)count / took_s);
    fflush(stdout);
}

static void add_one_by_one(struct history *history, struct random *random)
{
    struct err err;
    char name[32];
    uint64_t start = clock_monotonic_ns();
    for (size_t i = 0; i < ONE_BY_ONE; i++) {
        struct history_result result = result_of(0, random, name);
        result.name = "another job";
        result.at_ns += (int64_t)i * 1000000000;
        if (history_add(history, &result, 1, &err))
            die(&err);
    }
    double took_s = (double)(clock_monotonic_ns() - start) / NS_PER_S;
    printf("results added one at a time to that | %.0f a second | at least 2000 a second |\n",
           ONE_BY_ONE / took_s);
    fflush(stdout);
}

static int by_time(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Opened anew each time, as the verb does. */
static double median_ms(const char *path, void (*look)(struct history *))
{
    uint64_t times[LOOKS];
    for (size_t i = 0; i < LOOKS; i++) {
        struct history *history;
        struct err err;
        uint64_t start = clock_monotonic_ns();
        if (history_open_to_read(&history, path, &err) || !history)
            die(&err);
        look(history);
        history_close(history);
        times[i] = clock_monotonic_ns() - start;
    }
    qsort(times, LOOKS, sizeof times[0], by_time);
    uint64_t median = times[LOOKS / 2];
    return (double)median / (double)NS_PER_MS;
}

static size_t change_count;

static void judge_one(struct history *history)
{
    struct series_request request = {.filter = {.name = "job 500", .metric = "wall_ns", .kind = "bench"},
                                     .alert_ratio = 0.2};
    struct series series;
    struct err err;
    if (series_load(history, &request, &series, &err))
        die(&err);
    change_count = series.changes.count;
    series_free(&series);
}

static void list_all(struct history *history)
{
    struct overview overview;
    struct err err;
    if (overview_load(history, &(struct history_filter){0}, &overview, &err))
        die(&err);
    overview_free(&overview);
}

int main(void)
{
    const char *asked = getenv("RESULTS"), *folder = getenv("TMPDIR");
    size_t count = asked ? strtoul(asked, NULL, 10) / BATCH * BATCH : RESULTS;
    char path[256];
    struct history *history;
    struct random random;
    struct err err;
    snprintf(path, sizeof path, "%s/toll-history-bench-%d.db", folder ? folder : "/tmp", (int)getpid());
    random_seed(&random, 1);
    if (history_open(&history, path, &err))
        die(&err);
    add_batches(history, count, &random);
    add_one_by_one(history, &random);
    history_close(history);
    double judged = median_ms(path, judge_one);
    printf("one series of %zu of them listed and judged, %zu changes | %.1f ms | at most 100 ms |\n",
           count / SERIES, change_count, judged);
    printf("the list of all series | %.1f ms | |\n", median_ms(path, list_all));
    unlink(path);
    return 0;
}
