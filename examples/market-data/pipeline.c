/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Market data into a database: each file is downloaded, extracted, parsed and ingested. A worker takes
 * one file through all four stages before it takes the next, so that with several workers the stages of
 * different files overlap. With --ahead a thread beside each worker downloads the next file meanwhile. The stages are
 * marked for toll by TOLL_SPAN.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "toll.h"

#include "buffer.h"
#include "candles.h"
#include "database.h"
#include "extract.h"
#include "http.h"
#include "problem.h"

enum { WORKERS_MAX = 256, FILES_MAX = 4096, BATCH_ROWS_MAX = 1000000000, NAME_BYTES = 64 };

struct options {
    const char *base_url;
    const char *database_url;
    const char *run_id;
    unsigned worker_count;
    unsigned file_count; /* 0: all that the server lists */
    unsigned batch_rows; /* sent at once; 0: all of a file */
    bool ahead;
    bool verify;
};

struct pipeline {
    struct options options;
    struct database database;
    char (*file_names)[NAME_BYTES];
    unsigned file_count;
    bool watched;
    atomic_uint file_next;
    atomic_uint done_count;
    atomic_uint_fast64_t row_count;
    atomic_bool failed;
    pthread_mutex_t problem_lock;
    struct problem problem; /* the first one */
};

/* Downloads for a worker: the next file when the worker has taken the last one. */
struct fetcher {
    struct pipeline *pipeline;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http *http;
    struct buffer zip;
    const char *name; /* of what lies in `zip`; NULL: it was taken */
    bool is_done;
    bool has_failed;
    struct problem problem;
};

struct worker {
    struct pipeline *pipeline;
    pthread_t thread;
    unsigned index;
    struct http *http;
    struct sink *sink;
    struct fetcher fetcher;
    struct buffer zip;
    struct buffer csv;
    struct buffer lines;
    struct candles candles;
};

static const char usage[] =
    "usage: pipeline --base-url URL --db URL [options]\n"
    "  --base-url URL   where the files and their index.txt are\n"
    "  --db URL         victoria://HOST:PORT?http=PORT, influx://HOST:PORT/NAME or null://\n"
    "  --workers N      files taken through the stages at once (1)\n"
    "  --files N        only the first N files\n"
    "  --batch ROWS     rows sent to the database at once (a whole file)\n"
    "  --ahead          each worker's next file is downloaded while it works on this one\n"
    "  --run ID         tag of this run's rows (the time and the process id)\n"
    "  --no-verify      do not count the rows in the database at the end\n";

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int stage_download(const struct pipeline *pipeline, struct http *http, const char *name,
                          struct buffer *zip, struct problem *problem)
{
    char url[512];

    TOLL_SPAN("download");
    snprintf(url, sizeof(url), "%s/%s", pipeline->options.base_url, name);
    if (http_get(http, url, zip, problem) < 0)
        return -1;
    toll_requests(1);
    toll_bytes(zip->length);
    return 0;
}

static int stage_extract(struct worker *worker, struct problem *problem)
{
    TOLL_SPAN("extract");
    if (extract(&worker->zip, &worker->csv, problem) < 0)
        return -1;
    toll_bytes(worker->csv.length);
    return 0;
}

static int stage_parse(struct worker *worker, struct problem *problem)
{
    TOLL_SPAN("parse");
    if (candles_parse(&worker->candles, &worker->csv, problem) < 0)
        return -1;
    toll_rows(worker->candles.count);
    return 0;
}

/* The bytes of the next `rows` lines from `begin` on; 0 rows: of all that are left. */
static size_t batch_bytes(const struct buffer *lines, size_t begin, unsigned rows)
{
    const char *at = lines->data + begin, *end = lines->data + lines->length;

    for (; rows > 0 && at < end; rows--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        at = newline ? newline + 1 : end;
    }
    return at > lines->data + begin ? (size_t)(at - lines->data) - begin : lines->length - begin;
}

static int send_batches(struct worker *worker, struct problem *problem)
{
    for (size_t begin = 0; begin < worker->lines.length;) {
        size_t length = batch_bytes(&worker->lines, begin, worker->pipeline->options.batch_rows);
        struct buffer batch = {.data = worker->lines.data + begin, .length = length, .capacity = length};

        if (sink_send(worker->sink, &batch, problem) < 0)
            return -1;
        begin += length;
    }
    return 0;
}

static int stage_ingest(struct worker *worker, const char *name, struct problem *problem)
{
    char tags[NAME_BYTES + 64];

    TOLL_SPAN("ingest");
    /* BTCUSDT-1m-2023-01.zip */
    snprintf(tags, sizeof(tags), "symbol=%.*s,run=%s", (int)strcspn(name, "-."), name,
             worker->pipeline->options.run_id);
    worker->lines.length = 0;
    if (candles_format(&worker->candles, tags, &worker->lines, problem) < 0 ||
        send_batches(worker, problem) < 0)
        return -1;
    toll_rows(worker->candles.count);
    toll_bytes(worker->lines.length);
    return 0;
}

/* Progress, for a person who watches. */
static void worker_tell(struct pipeline *pipeline)
{
    unsigned done_count = atomic_fetch_add(&pipeline->done_count, 1) + 1;

    if (pipeline->watched)
        fprintf(stderr, "\r%u of %u files%s", done_count, pipeline->file_count,
                done_count == pipeline->file_count ? "\n" : "");
}

/* The name of the next file; NULL when there is none left, or a worker has failed. */
static const char *next_name(struct pipeline *pipeline)
{
    unsigned index = atomic_fetch_add(&pipeline->file_next, 1);

    return index >= pipeline->file_count || atomic_load(&pipeline->failed) ? NULL
                                                                           : pipeline->file_names[index];
}

static void *fetcher_main(void *argument)
{
    struct fetcher *fetcher = argument;
    const char *name;

    while ((name = next_name(fetcher->pipeline)) != NULL) {
        int result = stage_download(fetcher->pipeline, fetcher->http, name, &fetcher->zip, &fetcher->problem);

        pthread_mutex_lock(&fetcher->lock);
        fetcher->has_failed = result < 0;
        fetcher->name = name;
        pthread_cond_broadcast(&fetcher->changed);
        while (fetcher->name != NULL && !atomic_load(&fetcher->pipeline->failed))
            pthread_cond_wait(&fetcher->changed, &fetcher->lock);
        pthread_mutex_unlock(&fetcher->lock);
        if (result < 0)
            break;
    }
    pthread_mutex_lock(&fetcher->lock);
    fetcher->is_done = true;
    pthread_cond_broadcast(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
    return NULL;
}

static int fetcher_start(struct worker *worker, struct problem *problem)
{
    struct fetcher *fetcher = &worker->fetcher;
    int code;

    fetcher->pipeline = worker->pipeline;
    pthread_mutex_init(&fetcher->lock, NULL);
    pthread_cond_init(&fetcher->changed, NULL);
    if (http_open(&fetcher->http, problem) < 0)
        return -1;
    code = pthread_create(&fetcher->thread, NULL, fetcher_main, fetcher);
    if (code == 0)
        return 0;
    http_close(fetcher->http);
    return problem_set(problem, "could not start a downloading thread: %s", strerror(code));
}

/* Takes what was downloaded into the worker's buffer; *ret_name is NULL when nothing is left. */
static int fetcher_take(struct worker *worker, const char **ret_name, struct problem *problem)
{
    struct fetcher *fetcher = &worker->fetcher;
    struct buffer emptied = worker->zip;

    pthread_mutex_lock(&fetcher->lock);
    while (fetcher->name == NULL && !fetcher->is_done)
        pthread_cond_wait(&fetcher->changed, &fetcher->lock);
    *ret_name = fetcher->name;
    if (fetcher->name != NULL && !fetcher->has_failed) {
        worker->zip = fetcher->zip;
        fetcher->zip = emptied;
    }
    fetcher->name = NULL;
    pthread_cond_broadcast(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
    return fetcher->has_failed ? problem_set(problem, "%s: %.240s", *ret_name, fetcher->problem.text) : 0;
}

/* Wakes a fetcher that waits for its worker, which has ended. */
static void fetcher_stop(struct fetcher *fetcher)
{
    pthread_mutex_lock(&fetcher->lock);
    fetcher->name = NULL;
    pthread_cond_broadcast(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
    pthread_join(fetcher->thread, NULL);
    http_close(fetcher->http);
    buffer_deinit(&fetcher->zip);
}

/* All but the download. */
static int worker_process(struct worker *worker, const char *name, struct problem *problem)
{
    struct problem cause;

    if (stage_extract(worker, &cause) < 0 || stage_parse(worker, &cause) < 0 ||
        stage_ingest(worker, name, &cause) < 0)
        return problem_set(problem, "%s: %.240s", name, cause.text);
    atomic_fetch_add(&worker->pipeline->row_count, worker->candles.count);
    worker_tell(worker->pipeline);
    return 0;
}

static int worker_process_all(struct worker *worker, struct problem *problem)
{
    struct pipeline *pipeline = worker->pipeline;

    if (http_open(&worker->http, problem) < 0 || sink_open(&pipeline->database, &worker->sink, problem) < 0)
        return -1;
    for (const char *name; (name = next_name(pipeline)) != NULL;) {
        struct problem cause;

        if (stage_download(pipeline, worker->http, name, &worker->zip, &cause) < 0)
            return problem_set(problem, "%s: %.240s", name, cause.text);
        if (worker_process(worker, name, problem) < 0)
            return -1;
    }
    return 0;
}

static int worker_process_ahead(struct worker *worker, struct problem *problem)
{
    const char *name = NULL;
    int result = 0;

    if (sink_open(&worker->pipeline->database, &worker->sink, problem) < 0 ||
        fetcher_start(worker, problem) < 0)
        return -1;
    do {
        result = fetcher_take(worker, &name, problem);
        if (result == 0 && name != NULL)
            result = worker_process(worker, name, problem);
    } while (result == 0 && name != NULL);
    if (result < 0)
        atomic_store(&worker->pipeline->failed, true);
    fetcher_stop(&worker->fetcher);
    return result;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct pipeline *pipeline = worker->pipeline;
    struct problem problem;

    int result = pipeline->options.ahead ? worker_process_ahead(worker, &problem)
                                         : worker_process_all(worker, &problem);

    if (result < 0) {
        pthread_mutex_lock(&pipeline->problem_lock);
        if (pipeline->problem.text[0] == '\0')
            pipeline->problem = problem;
        atomic_store(&pipeline->failed, true);
        pthread_mutex_unlock(&pipeline->problem_lock);
    }
    http_close(worker->http);
    sink_close(worker->sink);
    buffer_deinit(&worker->zip);
    buffer_deinit(&worker->csv);
    buffer_deinit(&worker->lines);
    candles_deinit(&worker->candles);
    return NULL;
}

/* One worker needs no thread of its own. */
static int pipeline_run(struct pipeline *pipeline, struct problem *problem)
{
    unsigned worker_count = pipeline->options.worker_count;
    struct worker *workers = calloc(worker_count, sizeof(*workers));
    unsigned started_count = 0;
    char name[16];

    if (workers == NULL)
        return problem_set(problem, "could not start %u workers: out of memory", worker_count);
    for (unsigned index = 0; index < worker_count; index++)
        workers[index] = (struct worker){.pipeline = pipeline, .index = index};
    if (worker_count == 1)
        worker_main(&workers[0]);
    for (; worker_count > 1 && started_count < worker_count; started_count++) {
        int code = pthread_create(&workers[started_count].thread, NULL, worker_main, &workers[started_count]);

        if (code != 0) {
            atomic_store(&pipeline->failed, true);
            problem_set(&pipeline->problem, "could not start worker %u: %s", started_count, strerror(code));
            break;
        }
        snprintf(name, sizeof(name), "worker-%u", started_count + 1);
        pthread_setname_np(workers[started_count].thread, name);
    }
    for (unsigned index = 0; index < started_count; index++)
        pthread_join(workers[index].thread, NULL);
    free(workers);
    if (atomic_load(&pipeline->failed)) {
        *problem = pipeline->problem;
        return -1;
    }
    return 0;
}

/* index.txt has a file name a line. */
static int pipeline_list(struct pipeline *pipeline, struct problem *problem)
{
    const struct options *options = &pipeline->options;
    struct buffer index = {0};
    struct http *http;
    char url[512];
    char *rest;
    int result;

    if (http_open(&http, problem) < 0)
        return -1;
    snprintf(url, sizeof(url), "%s/index.txt", options->base_url);
    result = http_get(http, url, &index, problem);
    http_close(http);
    if (result == 0)
        result = buffer_append(&index, "", 1, problem);
    rest = index.data;
    for (char *name; result == 0 && (name = strsep(&rest, "\n")) != NULL;) {
        if (*name == '\0')
            continue;
        if (strlen(name) >= NAME_BYTES || pipeline->file_count == FILES_MAX) {
            result = problem_set(problem, "could not use '%s': it is not a list of files", url);
            break;
        }
        if (options->file_count > 0 && pipeline->file_count == options->file_count)
            break;
        memcpy(pipeline->file_names[pipeline->file_count++], name, strlen(name) + 1);
    }
    buffer_deinit(&index);
    if (result == 0 && pipeline->file_count < options->file_count)
        result = problem_set(problem, "could not take %u files: '%s' lists %u", options->file_count, url,
                             pipeline->file_count);
    return result;
}

static int pipeline_verify(struct pipeline *pipeline, struct problem *problem)
{
    uint64_t expected = atomic_load(&pipeline->row_count);
    uint64_t found = 0;

    TOLL_SPAN("verify");
    if (database_count(&pipeline->database, pipeline->options.run_id, expected, &found, problem) < 0)
        return -1;
    toll_rows(found);
    if (found != expected)
        return problem_set(problem, "%llu rows were sent, but the database returns %llu",
                           (unsigned long long)expected, (unsigned long long)found);
    printf("verified: a query returns %llu rows\n", (unsigned long long)found);
    return 0;
}

static bool parse_count(const char *text, unsigned limit, unsigned *ret_count)
{
    char *end;
    unsigned long count;

    errno = 0;
    count = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || count == 0 || count > limit)
        return false;
    *ret_count = (unsigned)count;
    return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {
        {"base-url", required_argument, NULL, 'u'},
        {"db", required_argument, NULL, 'd'},
        {"workers", required_argument, NULL, 'w'},
        {"files", required_argument, NULL, 'f'},
        {"batch", required_argument, NULL, 'b'},
        {"run", required_argument, NULL, 'r'},
        {"no-verify", no_argument, NULL, 'n'},
        {"ahead", no_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };

    for (int option; (option = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        bool good = true;

        switch (option) {
        case 'u': options->base_url = optarg; break;
        case 'd': options->database_url = optarg; break;
        case 'r': options->run_id = optarg; break;
        case 'n': options->verify = false; break;
        case 'a': options->ahead = true; break;
        case 'w': good = parse_count(optarg, WORKERS_MAX, &options->worker_count); break;
        case 'f': good = parse_count(optarg, FILES_MAX, &options->file_count); break;
        case 'b': good = parse_count(optarg, BATCH_ROWS_MAX, &options->batch_rows); break;
        default: good = false;
        }
        if (!good)
            return false;
    }
    /* The id stands inside tags and queries. */
    return optind == argc && options->base_url != NULL && options->database_url != NULL &&
           options->run_id[strspn(options->run_id, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0' &&
           strlen(options->run_id) > 0 && strlen(options->run_id) < 32;
}

static int pipeline_main(struct pipeline *pipeline, struct problem *problem)
{
    uint64_t start_ns = now_ns();
    double wall_s;
    uint64_t row_count;

    if (http_init(problem) < 0 ||
        database_from_url(pipeline->options.database_url, &pipeline->database, problem) < 0 ||
        pipeline_list(pipeline, problem) < 0 || pipeline_run(pipeline, problem) < 0)
        return -1;
    wall_s = (double)(now_ns() - start_ns) / 1e9;
    row_count = atomic_load(&pipeline->row_count);
    printf("%u files, %llu rows in %.2f s with %u worker%s: %.0f rows/s\n", pipeline->file_count,
           (unsigned long long)row_count, wall_s, pipeline->options.worker_count,
           pipeline->options.worker_count == 1 ? "" : "s", (double)row_count / wall_s);
    if (!pipeline->options.verify || pipeline->database.kind == DATABASE_NULL)
        return 0;
    return pipeline_verify(pipeline, problem);
}

int main(int argc, char **argv)
{
    static char file_names[FILES_MAX][NAME_BYTES];
    char run_id[32];
    struct problem problem;
    struct pipeline pipeline = {
        .options = {.run_id = run_id, .worker_count = 1, .verify = true},
        .file_names = file_names,
        .watched = isatty(STDERR_FILENO) == 1,
        .problem_lock = PTHREAD_MUTEX_INITIALIZER,
    };

    snprintf(run_id, sizeof(run_id), "%lld-%d", (long long)time(NULL), (int)getpid());
    if (!parse_options(argc, argv, &pipeline.options)) {
        fputs(usage, stderr);
        return 2;
    }
    if (pipeline_main(&pipeline, &problem) < 0) {
        fprintf(stderr, "pipeline: %s\n", problem.text);
        return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
