/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk_bench: what a span costs the program, in reads of the CPU's counter, and the recorder.
 *
 * The program runs itself: `alone` without a recorder, `attached` under a drain in the parent. Attached, it measures
 * bursts that fit its ring, each beside as many bare reads of the counter, and sleeps between them so that the
 * drain empties the ring; the median of the bursts counts.
 */
#include <toll.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "rings/spans.h"
#include "wire/ring.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#define COUNTER() __rdtsc()
#else
#define COUNTER() clock_monotonic_ns()
#endif

#define BURST_SPANS  5000u /* two slots each, in 32768 */
#define BURST_COUNT  200u
#define ALONE_SPANS  20000000u
#define ALONE_ROUNDS 7u
/* Keeps the compiler from merging the turns of a loop. */
#define BARRIER() __asm__ volatile("" ::: "memory")

enum measure { MEASURE_COUNTER, MEASURE_SITE, MEASURE_NAME, MEASURE_ROWS, MEASURE_COUNT };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], compare);
    return values[count / 2];
}

static uint64_t burst(enum measure measure, unsigned count)
{
    uint64_t from_ns = clock_monotonic_ns(), sum = 0;

    switch (measure) {
    case MEASURE_COUNTER:
        for (unsigned i = 0; i < count; i++) {
            sum += COUNTER();
            BARRIER();
        }
        break;
    case MEASURE_SITE:
        for (unsigned i = 0; i < count; i++) {
            TOLL_SPAN("burst");
            BARRIER();
        }
        break;
    case MEASURE_NAME:
        for (unsigned i = 0; i < count; i++) {
            toll_span_end(toll_span_begin("burst by name"));
            BARRIER();
        }
        break;
    case MEASURE_ROWS:
        for (unsigned i = 0; i < count; i++) {
            toll_rows(1);
            BARRIER();
        }
        break;
    case MEASURE_COUNT: break;
    }
    __asm__ volatile("" ::"r"(sum));
    return clock_monotonic_ns() - from_ns;
}

/* Prints the medians, ns each, for the parent. */
static int attached(void)
{
    static double costs[MEASURE_COUNT][BURST_COUNT];

    if (!toll_active())
        return 1;
    for (unsigned i = 0; i < BURST_COUNT; i++)
        for (unsigned measure = 0; measure < MEASURE_COUNT; measure++) {
            costs[measure][i] = (double)burst((enum measure)measure, BURST_SPANS) / BURST_SPANS;
            if (measure != MEASURE_COUNTER)
                usleep(3000);
        }
    for (unsigned measure = 0; measure < MEASURE_COUNT; measure++)
        printf("%.4f ", median(costs[measure], BURST_COUNT));
    return 0;
}

static int alone(void)
{
    double costs[ALONE_ROUNDS];

    for (unsigned i = 0; i < ALONE_ROUNDS; i++)
        costs[i] = (double)burst(MEASURE_SITE, ALONE_SPANS) / ALONE_SPANS;
    printf("%.4f", median(costs, ALONE_ROUNDS));
    return 0;
}

struct tally {
    struct sink sink;
    uint64_t ids[TABLE_END];
    uint64_t row_count;
};

static int tally_append(struct sink *sink, enum table_id table, const uint64_t *row, struct err *err)
{
    (void)table, (void)row, (void)err;
    ((struct tally *)sink)->row_count++;
    return 0;
}

static int tally_intern(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id,
                        struct err *err)
{
    (void)sink, (void)err;
    *ret_id = length > 0 ? (unsigned char)bytes[0] + length : 1;
    return 0;
}

static uint64_t tally_track(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    (void)context, (void)pid, (void)tid, (void)time_ns;
    return 1;
}

static uint64_t tally_id(void *context, enum table_id table)
{
    return ++((struct tally *)context)->ids[table];
}

/* Runs this program in a mode and gives what it printed; polls the drain meanwhile, when there is one. The CPU time of
 * the polls that found spans goes to *ret_drain_ns. */
static int child_run(const char *mode, struct span_drain *drain, char *text, size_t capacity,
                     uint64_t *ret_drain_ns)
{
    struct tally tally = {.sink = {tally_append, tally_intern}};
    struct span_host host = {
        .context = &tally, .sink = &tally.sink, .track_of = tally_track, .new_id = tally_id};
    struct err err;
    int pipes[2], status = 0;
    uint64_t drain_ns = 0;
    ssize_t length;
    pid_t child;

    if (pipe(pipes))
        return -1;
    child = fork();
    if (child == 0) {
        if (drain)
            setenv(WIRE_SESSION_VARIABLE, span_drain_folder(drain), 1);
        else
            unsetenv(WIRE_SESSION_VARIABLE);
        dup2(pipes[1], STDOUT_FILENO);
        execl("/proc/self/exe", "sdk_bench", mode, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    while (waitpid(child, &status, drain ? WNOHANG : 0) == 0) {
        uint64_t before_count = span_drain_totals(drain).event_count, before_ns = clock_thread_cpu_ns();
        if (span_drain_poll(drain, &host, &err))
            break;
        if (span_drain_totals(drain).event_count != before_count)
            drain_ns += clock_thread_cpu_ns() - before_ns;
        usleep(1000);
    }
    length = read(pipes[0], text, capacity - 1);
    close(pipes[0]);
    text[length > 0 ? length : 0] = '\0';
    if (drain && span_drain_finish(drain, &host, clock_monotonic_ns(), &err))
        status = 1;
    *ret_drain_ns = drain_ns;
    return status;
}

int main(int argc, char **argv)
{
    struct span_drain *drain;
    struct span_drain_totals totals;
    struct err err;
    double cost[MEASURE_COUNT];
    uint64_t drain_ns;
    char text[256];

    if (argc > 1)
        return strcmp(argv[1], "alone") == 0 ? alone() : attached();
    if (child_run("alone", NULL, text, sizeof text, &drain_ns))
        return 1;
    printf("span, no recorder | %.2f ns | at most 1 ns |\n", strtod(text, NULL));
    if (span_drain_create(&(struct span_drain_options){0}, &drain, &err)) {
        fprintf(stderr, "sdk_bench: %s\n", err.what);
        return 1;
    }
    if (child_run("attached", drain, text, sizeof text, &drain_ns) ||
        sscanf(text, "%lf %lf %lf %lf", &cost[0], &cost[1], &cost[2], &cost[3]) != MEASURE_COUNT) {
        span_drain_destroy(drain);
        return 1;
    }
    totals = span_drain_totals(drain);
    fprintf(stderr,
            "counter %.2f ns, span %.2f, by name %.2f, rows %.2f; lost %" PRIu64 " of %" PRIu64 " events\n",
            cost[0], cost[1], cost[2], cost[3], totals.lost_count, totals.event_count);
    printf("span, begin and end | %.2f x | at most 3.5 x | one read of the CPU's counter, %.1f ns\n",
           cost[MEASURE_SITE] / cost[MEASURE_COUNTER], cost[MEASURE_COUNTER]);
    printf("span by a name made at run time | %.2f x | | one read of the CPU's counter\n",
           cost[MEASURE_NAME] / cost[MEASURE_COUNTER]);
    printf("rows added to a span | %.2f x | | one read of the CPU's counter\n",
           cost[MEASURE_ROWS] / cost[MEASURE_COUNTER]);
    printf("events dropped in the bursts | %" PRIu64 " | at most 0 |\n", totals.lost_count);
    printf("events the recorder reads | %.1f million/s of its CPU time | |\n",
           (double)totals.event_count * 1000 / (double)num_max(drain_ns, 1));
    span_drain_destroy(drain);
    return 0;
}
