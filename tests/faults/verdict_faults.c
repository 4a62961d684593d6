/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict_faults [SEED COUNT]: recordings of nonsense are judged, reported and replayed (src/ops/verdict_fuzz.c). Each
 * has a limit of time and of memory; a seed that breaks is named, so that `verdict_faults SEED 1` repeats it.
 *
 * Then runs of one shape at two sizes (src/judge/huge_runs.h): four times the rows may take somewhat more than four
 * times as long, but not sixteen.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "judge/huge_runs.h"
#include "judge/verdict.h"
#include "report/exporter.h"

#define SEED_COUNT  1500
#define BYTES_MAX   6000
#define LIMIT_CPU_S 8
#define BROKEN_MAX  20
#define HUGE_ROWS   40000
#define ENOUGH_S    0.25
#define GROWTH_MAX  9
/* A sanitizer keeps freed memory for a while, 256 MB of it. */
#define MEGABYTES_MAX 700

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static uint64_t random_state;
static volatile uint64_t *running; /* shared with the process that runs the seeds */

/* splitmix64 (S. Vigna, public domain). */
static uint64_t random_u64(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static void run_seed(uint64_t seed)
{
    random_state = seed * 1000003;
    size_t count = random_u64() % (seed % 4 ? 400 : BYTES_MAX);
    uint8_t *bytes = malloc(count + 1);
    if (!bytes)
        abort();
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)random_u64();
    *running = seed;
    struct itimerval limit = {.it_value.tv_sec = LIMIT_CPU_S};
    setitimer(ITIMER_VIRTUAL, &limit, NULL);
    LLVMFuzzerTestOneInput(bytes, count);
    free(bytes);
}

/* Runs seeds [first, end) in a process of its own; *running is the last one begun. */
static int run_seeds(uint64_t first, uint64_t end, long *ret_megabytes)
{
    struct rusage usage;
    int status = 0;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        for (uint64_t seed = first; seed < end; seed++)
            run_seed(seed);
        exit(0);
    }
    if (wait4(pid, &status, 0, &usage) != pid)
        return -1;
    *ret_megabytes = usage.ru_maxrss / 1024;
    return status;
}

/* CPU time of a verdict and all its reports. */
static double judge_s(const struct huge_run *run, uint64_t count)
{
    struct dataset dataset;
    struct verdict verdict;
    struct err err;
    dataset_init(&dataset);
    if (huge_run_fill(run, &dataset, count))
        abort();
    clock_t begin = clock();
    if (analyze_verdict(&dataset.view, &verdict, &err))
        abort();
    for (size_t i = 0; i < exporter_count; i++) {
        struct str text = {0};
        struct export_options options = {0};
        if (exporter_write(&exporters[i], &verdict, &options, &text, &err))
            abort();
        str_free(&text);
    }
    double taken_s = (double)(clock() - begin) / CLOCKS_PER_SEC;
    verdict_deinit(&verdict);
    dataset_deinit(&dataset);
    return taken_s;
}

/* What takes next to nothing proves nothing about its growth. */
static bool grows_too_fast(const struct huge_run *run)
{
    double small_s = judge_s(run, HUGE_ROWS / 4), large_s = judge_s(run, HUGE_ROWS);
    bool too_fast = large_s > ENOUGH_S && large_s > small_s * GROWTH_MAX;
    if (too_fast)
        printf("# %s: %d rows take %.2f s, a quarter of them %.2f s\n", run->name, HUGE_ROWS, large_s,
               small_s);
    return too_fast;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : SEED_COUNT, end = first + count;
    unsigned broken = 0;
    long megabytes = 0;
    running = mmap(NULL, sizeof *running, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (running == MAP_FAILED)
        return 1;
    for (uint64_t seed = first; seed < end && broken < BROKEN_MAX; seed = *running + 1) {
        *running = seed;
        int status = run_seeds(seed, end, &megabytes);
        if (status == 0)
            break;
        printf("# seed %llu ended with %s %d\n", (unsigned long long)*running,
               WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        fflush(stdout);
        broken++;
    }
    bool small = megabytes < MEGABYTES_MAX;
    printf("1..3\n%sok 1 - %llu recordings of nonsense get an error or a verdict\n", broken ? "not " : "",
           (unsigned long long)count);
    printf("%sok 2 - their memory is in proportion (%ld MB)\n", small ? "" : "not ", megabytes);
    unsigned slow = 0;
    for (size_t i = 0; i < huge_run_count; i++)
        slow += grows_too_fast(&huge_runs[i]);
    printf("%sok 3 - the time grows with the rows, not with their square\n", slow ? "not " : "");
    return broken || !small || slow;
}
