/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the files of the example: one-minute candles of eight symbols in five months of 31 days, each a
 * CSV of twelve columns in a ZIP archive, and index.txt. Prices are a random walk seeded by the file's
 * name in whole numbers only, so every machine writes the same files.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "problem.h"

enum { ROWS_OF_A_MONTH = 31 * 24 * 60, ROW_BYTES_MAX = 256, THREADS_MAX = 16 };

struct symbol {
    const char *name;
    uint64_t price_cents;
};

struct month {
    const char *name;
    uint64_t start_ms;
};

static const struct symbol symbols[] = {
    {"BTCUSDT", 1654177}, {"ETHUSDT", 119613}, {"BNBUSDT", 124630}, {"LTCUSDT", 107068},
    {"BCHUSDT", 239720},  {"MKRUSDT", 151460}, {"YFIUSDT", 554200}, {"PAXGUSDT", 181900},
};

static const struct month months[] = {
    {"2023-01", 1672531200000}, {"2023-03", 1677628800000}, {"2023-05", 1682899200000},
    {"2023-07", 1688169600000}, {"2023-08", 1690848000000},
};

enum {
    SYMBOL_COUNT = sizeof(symbols) / sizeof(symbols[0]),
    MONTH_COUNT = sizeof(months) / sizeof(months[0]),
};

struct job {
    const char *folder;
    unsigned file_count;
    unsigned row_count;
    atomic_uint file_next;
    atomic_uint file_done;
    atomic_bool failed;
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

/* FNV-1a. */
static uint64_t seed_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
    return hash;
}

/* The sum of six draws: small moves are frequent, large ones rare. */
static uint64_t random_bell(uint64_t *state, uint64_t scale)
{
    uint64_t sum = 0;

    for (int draw = 0; draw < 6; draw++)
        sum += random_below(state, scale);
    return sum;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void make_csv(const char *name, const struct symbol *symbol, const struct month *month,
                     unsigned row_count, struct buffer *csv)
{
    uint64_t state = seed_of(name);
    /* Prices are in units of 1e-4; a minute moves them by up to 0.12 %. */
    uint64_t step = symbol->price_cents / 25 + 1;
    uint64_t close = symbol->price_cents * (80 + random_below(&state, 40));

    csv->length = 0;
    for (unsigned row = 0; row < row_count; row++) {
        uint64_t open = close + random_below(&state, step / 8) - step / 16;
        uint64_t up = random_bell(&state, step);
        uint64_t spread = random_bell(&state, step / 4 + 1);
        uint64_t time_ms = month->start_ms + (uint64_t)row * 60000;
        uint64_t high;
        uint64_t low;
        uint64_t volume;       /* units of 1e-8 */
        uint64_t taker_volume; /* units of 1e-8 */

        close = max_u64(open + up, 3 * step + 10000) - 3 * step;
        high = max_u64(open, close) + spread / 2;
        low = (open < close ? open : close) - spread / 3;
        volume = 100000000 + random_below(&state, 40000000000) * (1 + random_below(&state, 8));
        taker_volume = volume / 1000 * (300 + random_below(&state, 400)) + random_below(&state, 100000000);
        /* 1e-6 times 1e-4, without the last two digits, are eight decimals. */
        csv->length += (size_t)snprintf(
            csv->data + csv->length, ROW_BYTES_MAX,
            "%llu,%llu.%04llu0000,%llu.%04llu0000,%llu.%04llu0000,%llu.%04llu0000,"
            "%llu.%08llu,%llu,%llu.%08llu,%llu,%llu.%08llu,%llu.%08llu,0\n",
            (unsigned long long)time_ms, (unsigned long long)(open / 10000),
            (unsigned long long)(open % 10000), (unsigned long long)(high / 10000),
            (unsigned long long)(high % 10000), (unsigned long long)(low / 10000),
            (unsigned long long)(low % 10000), (unsigned long long)(close / 10000),
            (unsigned long long)(close % 10000), (unsigned long long)(volume / 100000000),
            (unsigned long long)(volume % 100000000), (unsigned long long)(time_ms + 59999),
            (unsigned long long)(volume / 100 * open / 10000000000),
            (unsigned long long)(volume / 100 * open / 100 % 100000000),
            (unsigned long long)(volume / 30000000 + random_below(&state, 900)),
            (unsigned long long)(taker_volume / 100000000), (unsigned long long)(taker_volume % 100000000),
            (unsigned long long)(taker_volume / 100 * close / 10000000000),
            (unsigned long long)(taker_volume / 100 * close / 100 % 100000000));
    }
}

/* Written beside and renamed, so that a file that is there is whole. */
static int write_zip(const char *path, const char *entry_name, const struct buffer *csv,
                     struct problem *problem)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    char beside[512];
    int result = -1;

    snprintf(beside, sizeof(beside), "%s.part", path);
    if (archive == NULL || entry == NULL) {
        problem_set(problem, "could not write file '%s': out of memory", path);
    } else {
        archive_write_set_format_zip(archive);
        archive_write_set_options(archive, "zip:compression-level=3");
        archive_entry_set_pathname(entry, entry_name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)csv->length);
        if (archive_write_open_filename(archive, beside) == ARCHIVE_OK &&
            archive_write_header(archive, entry) == ARCHIVE_OK &&
            archive_write_data(archive, csv->data, csv->length) == (la_ssize_t)csv->length &&
            archive_write_close(archive) == ARCHIVE_OK)
            result = rename(beside, path);
        if (result < 0)
            problem_set(problem, "could not write file '%s': %s", path,
                        archive_error_string(archive) != NULL ? archive_error_string(archive)
                                                              : strerror(errno));
    }
    archive_entry_free(entry);
    archive_write_free(archive);
    return result;
}

static void file_name(unsigned index, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "%s-1m-%s", symbols[index % SYMBOL_COUNT].name,
             months[index / SYMBOL_COUNT].name);
}

static int make_file(const struct job *job, unsigned index, struct buffer *csv, struct problem *problem)
{
    char name[48];
    char entry_name[56];
    char path[400];

    file_name(index, name, sizeof(name));
    snprintf(entry_name, sizeof(entry_name), "%s.csv", name);
    snprintf(path, sizeof(path), "%s/%s.zip", job->folder, name);
    if (access(path, R_OK) == 0)
        return 0;
    csv->length = 0;
    if (buffer_reserve(csv, (size_t)job->row_count * ROW_BYTES_MAX, problem) < 0)
        return -1;
    make_csv(name, &symbols[index % SYMBOL_COUNT], &months[index / SYMBOL_COUNT], job->row_count, csv);
    return write_zip(path, entry_name, csv, problem);
}

static void *make_main(void *argument)
{
    struct job *job = argument;
    struct buffer csv = {0};
    struct problem problem;
    unsigned index;

    while (!atomic_load(&job->failed) && (index = atomic_fetch_add(&job->file_next, 1)) < job->file_count) {
        if (make_file(job, index, &csv, &problem) < 0) {
            atomic_store(&job->failed, true);
            fprintf(stderr, "make-data: %s\n", problem.text);
        } else if (isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%u of %u files", atomic_fetch_add(&job->file_done, 1) + 1, job->file_count);
        }
    }
    buffer_deinit(&csv);
    return NULL;
}

static int write_index(const struct job *job, struct problem *problem)
{
    char path[400];
    char name[48];
    FILE *file;
    bool good;

    snprintf(path, sizeof(path), "%s/index.txt", job->folder);
    file = fopen(path, "w");
    if (file == NULL)
        return problem_set(problem, "could not write file '%s': %s", path, strerror(errno));
    for (unsigned index = 0; index < job->file_count; index++) {
        file_name(index, name, sizeof(name));
        fprintf(file, "%s.zip\n", name);
    }
    good = ferror(file) == 0;
    if (fclose(file) != 0 || !good)
        return problem_set(problem, "could not write file '%s': %s", path, strerror(errno));
    return 0;
}

static int make_all(struct job *job, struct problem *problem)
{
    long cpu_count = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned thread_count = cpu_count < 1 ? 1 : cpu_count > THREADS_MAX ? THREADS_MAX : (unsigned)cpu_count;
    pthread_t threads[THREADS_MAX];
    unsigned started_count = 0;

    if (mkdir(job->folder, 0755) < 0 && errno != EEXIST)
        return problem_set(problem, "could not make folder '%s': %s", job->folder, strerror(errno));
    while (started_count < thread_count && pthread_create(&threads[started_count], NULL, make_main, job) == 0)
        started_count++;
    if (started_count == 0)
        make_main(job);
    for (unsigned index = 0; index < started_count; index++)
        pthread_join(threads[index], NULL);
    if (atomic_load(&job->failed))
        return problem_set(problem, "not every file could be written");
    return write_index(job, problem);
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"files", required_argument, NULL, 'f'}, {"rows", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    struct job job = {.file_count = SYMBOL_COUNT * MONTH_COUNT, .row_count = ROWS_OF_A_MONTH};
    struct problem problem;
    bool good = true;

    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        unsigned long value = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

        if (option == 'f' && value >= 1 && value <= SYMBOL_COUNT * MONTH_COUNT)
            job.file_count = (unsigned)value;
        else if (option == 'r' && value >= 1 && value <= ROWS_OF_A_MONTH)
            job.row_count = (unsigned)value;
        else
            good = false;
    }
    if (!good || optind + 1 != argc) {
        fprintf(stderr, "usage: make-data [--files 1..%d] [--rows 1..%d] FOLDER\n",
                SYMBOL_COUNT * MONTH_COUNT, ROWS_OF_A_MONTH);
        return 2;
    }
    job.folder = argv[optind];
    if (make_all(&job, &problem) < 0) {
        fprintf(stderr, "make-data: %s\n", problem.text);
        return 1;
    }
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return 0;
}
