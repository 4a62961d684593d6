/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording file against SQLite: 10 million spans written, grouped by name, their size, the memory it takes.
 *
 * The spans are those of a service of 300 threads: nested calls five deep, 20 names with durations of their own
 * scale and spread (log-uniform around it), written as a recorder writes them: when they end, one thread's
 * ring drained after the other, ids given when they begin. Rows are made outside the measured time, a batch of 8,192 at a time, the same for both
 * sides. SQLite gets what speeds it up: one transaction, one prepared statement, no journal, no sync, exclusive
 * lock, names as integer ids. Each step is a process of its own, so that VmHWM is
 * its own. The figures are of wall time; CPU times are talk, for a machine that is not quiet.
 */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "recording/reader.h"
#include "recording/writer.h"

#define NAME_COUNT  20
#define TRACK_COUNT 300
#define DEPTH       5
#define START_NS    5000000000000ull
#define DRAIN_NS    200000
#define BATCH_ROWS  8192
#define ROUND_COUNT 5

static uint64_t span_count = 10000000;

/* splitmix64 (S. Vigna, public domain). */
static uint64_t random_u64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

struct open_span {
    struct row_span row;
    uint64_t children_left;
};

/* One thread's stack of open spans. Every step ends one span, and begins what comes after it. */
struct thread {
    struct open_span stack[DEPTH];
    size_t depth;
    uint64_t now_ns;
};

struct source {
    uint64_t random;
    uint64_t id_last;
    struct thread threads[TRACK_COUNT];
    uint64_t name_scale_ns[NAME_COUNT];
    size_t draining;
    uint64_t drained_to_ns;
};

static void source_init(struct source *source)
{
    *source = (struct source){.random = 42, .drained_to_ns = START_NS + DRAIN_NS};
    for (size_t i = 0; i < NAME_COUNT; i++)
        source->name_scale_ns[i] = (uint64_t)(500.0 * pow(1.6, (double)i));
    for (size_t i = 0; i < TRACK_COUNT; i++)
        source->threads[i].now_ns = START_NS + random_u64(&source->random) % 1000000;
}

/* Log-uniform over a factor of 8 around the name's scale. */
static uint64_t draw_duration(struct source *source, uint64_t name)
{
    uint64_t bits = random_u64(&source->random);
    uint64_t scale_ns = source->name_scale_ns[name] << (bits % 3) >> 1;
    return scale_ns + (bits >> 8) % scale_ns;
}

static void begin_spans(struct source *source, struct thread *thread, size_t track)
{
    while (thread->depth < DEPTH) {
        struct open_span *parent = thread->depth ? &thread->stack[thread->depth - 1] : NULL;
        uint64_t bits = random_u64(&source->random);
        struct open_span *span = &thread->stack[thread->depth++];
        uint64_t level = thread->depth - 1;
        *span = (struct open_span){
            .row = {.id = ++source->id_last,
                    .parent = parent ? parent->row.id : 0,
                    .track = track + 2,
                    .name = 10 + (DEPTH - 1 - level) * (NAME_COUNT / DEPTH) + bits % (NAME_COUNT / DEPTH),
                    .category = level ? SPAN_TASK + bits / 16 % 2 * 4 : SPAN_REQUEST,
                    .start_ns = thread->now_ns += 20 + (bits >> 40) % 300,
                    .status = (bits >> 20) % 50 == 0}};
        span->children_left = thread->depth == DEPTH ? 0 : 1 + (bits >> 32) % 4;
        if (!span->children_left)
            return;
    }
}

/* The span that ends next on the thread: a leaf runs its time, others end soon after their last child. */
static struct row_span next_span(struct source *source, size_t track)
{
    struct thread *thread = &source->threads[track];
    if (!thread->depth || thread->stack[thread->depth - 1].children_left)
        begin_spans(source, thread, track);
    struct open_span *span = &thread->stack[--thread->depth];
    uint64_t own_ns = draw_duration(source, span->row.name - 10);
    thread->now_ns += thread->depth == DEPTH - 1 ? own_ns : own_ns / 8;
    span->row.end_ns = thread->now_ns;
    if (thread->depth)
        thread->stack[thread->depth - 1].children_left--;
    return span->row;
}

/* A recorder drains one thread's ring after the other: all that ended up to the instant, then the next thread. */
static size_t draw_thread(struct source *source)
{
    while (source->threads[source->draining].now_ns >= source->drained_to_ns) {
        if (++source->draining == TRACK_COUNT) {
            source->draining = 0;
            source->drained_to_ns += DRAIN_NS;
        }
    }
    return source->draining;
}

static size_t make_batch(struct source *source, uint64_t made, struct row_span *ret_rows)
{
    size_t count = span_count - made < BATCH_ROWS ? (size_t)(span_count - made) : BATCH_ROWS;
    for (size_t i = 0; i < count; i++)
        ret_rows[i] = next_span(source, draw_thread(source));
    return count;
}

struct group {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
};

/* What a step's process tells. */
struct result {
    uint64_t elapsed_ns;
    uint64_t cpu_ns; /* making rows included */
    uint64_t rss_bytes_max;
    uint64_t file_bytes;
    struct group groups[NAME_COUNT];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "recording_bench: %s: %s\n", what, why);
    _exit(1);
}

/* Static: the step's memory is measured, so nothing of the bench's own may grow with the rows. */
static struct source source;
static struct row_span rows[BATCH_ROWS];

static void write_recording(const char *path, bool compress, struct result *result)
{
    struct writer_options options = {.path = path, .overwrite = true, .compress = compress};
    struct writer *writer;
    struct err err;
    uint64_t start_ns = clock_monotonic_ns();
    if (writer_create(&options, &writer, &err))
        die("writer_create", err.what);
    struct sink *sink = writer_sink(writer);
    for (uint64_t name = 1; name < 10 + NAME_COUNT; name++) {
        char text[32];
        uint64_t id;
        snprintf(text, sizeof text, "name %" PRIu64, name);
        if (sink_intern(sink, text, &id, &err))
            die("sink_intern", err.what);
    }
    result->elapsed_ns = clock_monotonic_ns() - start_ns;
    for (uint64_t made = 0; made < span_count;) {
        size_t count = make_batch(&source, made, rows);
        start_ns = clock_monotonic_ns();
        for (size_t i = 0; i < count; i++) {
            if (sink_append(sink, span, &rows[i], &err))
                die("sink_append", err.what);
        }
        result->elapsed_ns += clock_monotonic_ns() - start_ns;
        made += count;
    }
    start_ns = clock_monotonic_ns();
    if (writer_seal(writer, &err))
        die("writer_seal", err.what);
    writer_destroy(writer);
    result->elapsed_ns += clock_monotonic_ns() - start_ns;
}

static int group_batch(void *context, const struct batch *batch, struct err *err)
{
    struct group *groups = context;
    const uint64_t *name = batch->columns[COLUMN(span, name)];
    const uint64_t *start_ns = batch->columns[COLUMN(span, start_ns)];
    const uint64_t *end_ns = batch->columns[COLUMN(span, end_ns)];
    for (size_t i = 0; i < batch->row_count; i++) {
        uint64_t duration_ns = end_ns[i] - start_ns[i];
        if (name[i] - 10 >= NAME_COUNT)
            return err_set(err, ERR_BUG, "a name outside the twenty");
        struct group *group = &groups[name[i] - 10];
        group->count++;
        group->sum_ns += duration_ns;
        group->max_ns = duration_ns > group->max_ns ? duration_ns : group->max_ns;
    }
    return 0;
}

static void group_recording(const char *path, struct result *result)
{
    struct reader *reader;
    struct err err;
    struct view_query query = {.table = TABLE_SPAN,
                               .column_mask = 1u << COLUMN(span, name) | 1u << COLUMN(span, start_ns) |
                                              1u << COLUMN(span, end_ns),
                               .range_column = VIEW_NO_RANGE};
    uint64_t start_ns = clock_monotonic_ns();
    if (reader_open(path, &reader, &err) ||
        view_scan(reader_view(reader), &query, group_batch, result->groups, &err))
        die("view_scan", err.what);
    reader_close(reader);
    result->elapsed_ns = clock_monotonic_ns() - start_ns;
}

static void run_sql(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sql, sqlite3_errmsg(database));
}

static sqlite3 *open_sqlite(const char *path)
{
    sqlite3 *database;
    if (sqlite3_open(path, &database) != SQLITE_OK)
        die(path, "sqlite3_open");
    run_sql(database, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
                      "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=4294967296;");
    return database;
}

static void write_sqlite(const char *path, struct result *result)
{
    sqlite3_stmt *insert;
    unlink(path);
    uint64_t start_ns = clock_monotonic_ns();
    sqlite3 *database = open_sqlite(path);
    run_sql(database, "CREATE TABLE span (id INTEGER, parent INTEGER, track INTEGER, name INTEGER,"
                      " category INTEGER, start_ns INTEGER, end_ns INTEGER, status INTEGER); BEGIN");
    if (sqlite3_prepare_v2(database, "INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &insert, NULL))
        die("prepare", sqlite3_errmsg(database));
    result->elapsed_ns = clock_monotonic_ns() - start_ns;
    for (uint64_t made = 0; made < span_count;) {
        size_t count = make_batch(&source, made, rows);
        start_ns = clock_monotonic_ns();
        for (size_t i = 0; i < count; i++) {
            const uint64_t *row = (const uint64_t *)&rows[i];
            for (int column = 0; column < 8; column++)
                sqlite3_bind_int64(insert, column + 1, (sqlite3_int64)row[column]);
            if (sqlite3_step(insert) != SQLITE_DONE)
                die("step", sqlite3_errmsg(database));
            sqlite3_reset(insert);
        }
        result->elapsed_ns += clock_monotonic_ns() - start_ns;
        made += count;
    }
    start_ns = clock_monotonic_ns();
    sqlite3_finalize(insert);
    run_sql(database, "COMMIT");
    sqlite3_close(database);
    result->elapsed_ns += clock_monotonic_ns() - start_ns;
}

static void group_sqlite(const char *path, struct result *result)
{
    sqlite3_stmt *select;
    uint64_t start_ns = clock_monotonic_ns();
    sqlite3 *database = open_sqlite(path);
    if (sqlite3_prepare_v2(database,
                           "SELECT name, count(*), sum(end_ns - start_ns), max(end_ns - start_ns)"
                           " FROM span GROUP BY name",
                           -1, &select, NULL))
        die("prepare", sqlite3_errmsg(database));
    while (sqlite3_step(select) == SQLITE_ROW) {
        struct group *group = &result->groups[sqlite3_column_int64(select, 0) - 10];
        group->count = (uint64_t)sqlite3_column_int64(select, 1);
        group->sum_ns = (uint64_t)sqlite3_column_int64(select, 2);
        group->max_ns = (uint64_t)sqlite3_column_int64(select, 3);
    }
    sqlite3_finalize(select);
    sqlite3_close(database);
    result->elapsed_ns = clock_monotonic_ns() - start_ns;
}

enum step { WRITE_RECORDING, WRITE_COMPRESSED, GROUP_RECORDING, WRITE_SQLITE, GROUP_SQLITE, STEP_COUNT };

static uint64_t read_rss_bytes_max(void)
{
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmHWM: %llu", &kilobytes) == 1)
            break;
    }
    if (status)
        fclose(status);
    return kilobytes * 1024;
}

static struct result run_step(enum step step, const char *recording, const char *database)
{
    int ends[2];
    struct result result = {0};
    struct stat about;
    if (pipe(ends))
        die("pipe", "failed");
    pid_t child = fork();
    if (child == 0) {
        source_init(&source);
        switch (step) {
        case WRITE_RECORDING: write_recording(recording, false, &result); break;
        case WRITE_COMPRESSED: write_recording(recording, true, &result); break;
        case GROUP_RECORDING: group_recording(recording, &result); break;
        case WRITE_SQLITE: write_sqlite(database, &result); break;
        case GROUP_SQLITE: group_sqlite(database, &result); break;
        case STEP_COUNT: break;
        }
        result.cpu_ns = clock_process_cpu_ns();
        result.rss_bytes_max = read_rss_bytes_max();
        if (!stat(step == WRITE_SQLITE || step == GROUP_SQLITE ? database : recording, &about))
            result.file_bytes = (uint64_t)about.st_size;
        _exit(write(ends[1], &result, sizeof result) == sizeof result ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], &result, sizeof result);
    close(ends[0]);
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status || got != sizeof result)
        die("a step", "failed");
    return result;
}

static int compare_doubles(const void *a, const void *b)
{
    double left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void run_rounds(const char *recording, const char *database)
{
    double seconds[STEP_COUNT][ROUND_COUNT];
    struct result results[STEP_COUNT];
    for (size_t round = 0; round < ROUND_COUNT; round++) {
        for (size_t i = 0; i < STEP_COUNT; i++) {
            static const enum step forward[] = {WRITE_COMPRESSED, WRITE_RECORDING, WRITE_SQLITE,
                                                GROUP_RECORDING, GROUP_SQLITE};
            static const enum step backward[] = {WRITE_SQLITE, WRITE_COMPRESSED, WRITE_RECORDING,
                                                 GROUP_SQLITE, GROUP_RECORDING};
            enum step step = round % 2 ? backward[i] : forward[i];
            results[step] = run_step(step, recording, database);
            seconds[step][round] = (double)results[step].elapsed_ns / 1e9;
            fprintf(stderr, "round %zu step %d: %.3f s, CPU %.3f s with making rows, %.1f MB of memory\n",
                    round + 1, (int)step, seconds[step][round], (double)results[step].cpu_ns / 1e9,
                    (double)results[step].rss_bytes_max / 1e6);
        }
        if (memcmp(results[GROUP_RECORDING].groups, results[GROUP_SQLITE].groups,
                   sizeof results[GROUP_SQLITE].groups) != 0)
            die("the two groupings", "are not the same");
    }
    double written = median(seconds[WRITE_RECORDING], ROUND_COUNT);
    double grouped = median(seconds[GROUP_RECORDING], ROUND_COUNT);
    double mebibyte = 1024.0 * 1024.0, count = (double)span_count, millions = count / 1e6;
    fprintf(stderr, "write: %.1f ns a span, SQLite %.1f; group: %.2f ns a span, SQLite %.1f\n",
            1e9 * written / count, 1e9 * median(seconds[WRITE_SQLITE], ROUND_COUNT) / count,
            1e9 * grouped / count, 1e9 * median(seconds[GROUP_SQLITE], ROUND_COUNT) / count);
    printf("writing %.4g million spans | %.1f x faster | at least 10 x | SQLite, one transaction, prepared\n",
           millions, median(seconds[WRITE_SQLITE], ROUND_COUNT) / written);
    printf("recording file | %.2f bytes a span | at most 10 bytes | SQLite %.1f bytes\n",
           (double)results[WRITE_RECORDING].file_bytes / count,
           (double)results[WRITE_SQLITE].file_bytes / count);
    printf(
        "recording file, compressed | %.2f bytes a span, written %.1f x faster | at most 10 bytes | SQLite\n",
        (double)results[WRITE_COMPRESSED].file_bytes / count,
        median(seconds[WRITE_SQLITE], ROUND_COUNT) / median(seconds[WRITE_COMPRESSED], ROUND_COUNT));
    printf("grouping %.4g million spans by name | %.1f x faster | at least 50 x | SQLite GROUP BY\n",
           millions, median(seconds[GROUP_SQLITE], ROUND_COUNT) / grouped);
    printf("writer's memory | %.1f MB | at most 64 MB |\n",
           (double)results[WRITE_RECORDING].rss_bytes_max / mebibyte);
    printf("reader's memory | %.1f MB | at most 64 MB |\n",
           (double)results[GROUP_RECORDING].rss_bytes_max / mebibyte);
}

/* For other benchmarks: the recording alone. */
static int keep_recording(const char *path)
{
    struct result result = {0};
    source_init(&source);
    write_recording(path, false, &result);
    return 0;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/toll-bench-XXXXXX", recording[64], database[64];
    if (argc > 1)
        span_count = strtoull(argv[1], NULL, 10);
    if (span_count && argc > 2)
        return keep_recording(argv[2]);
    if (!span_count || !mkdtemp(folder))
        die("usage", "recording_bench [SPANS [RECORDING]]");
    snprintf(recording, sizeof recording, "%s/a.toll", folder);
    snprintf(database, sizeof database, "%s/a.sqlite", folder);
    run_rounds(recording, database);
    unlink(recording);
    unlink(database);
    rmdir(folder);
    return 0;
}
