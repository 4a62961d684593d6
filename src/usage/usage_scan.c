/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_scan.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fs.h"
#include "base/num.h"
#include "usage/usage_index.h"

#define CHECKED_BYTES 1024u        /* of a file's start, and of what is before the place to read on from */
#define ALONE_BYTES   (2ull << 20) /* up to so many the threads would cost more than they save */

/* --- what a file was when it was read --- */

static uint64_t hash_of(int fd, uint64_t offset, uint32_t bytes)
{
    char buffer[CHECKED_BYTES];
    ssize_t got = bytes ? pread(fd, buffer, bytes, (off_t)offset) : 0;
    return got == (ssize_t)bytes ? XXH3_64bits(buffer, bytes) : 0;
}

static void remember(struct usage_file *file, const struct source_file *now,
                     const struct source_position *resume)
{
    FS_CLEANUP int fd = open(now->path, O_RDONLY | O_CLOEXEC);
    file->size_bytes = now->size_bytes;
    file->changed_ns = now->changed_ns;
    file->inode = now->inode;
    file->resume = *resume;
    file->head_bytes = (uint32_t)num_min(CHECKED_BYTES, num_min(resume->offset, now->size_bytes));
    file->tail_bytes = file->head_bytes;
    file->head_hash = fd < 0 ? 0 : hash_of(fd, 0, file->head_bytes);
    file->tail_hash = fd < 0 ? 0 : hash_of(fd, resume->offset - file->tail_bytes, file->tail_bytes);
}

/* Whether a file that changed has grown at its end only. */
static bool has_grown(const struct usage_file *file, const struct source_file *now)
{
    if (now->size_bytes <= file->size_bytes || now->inode != file->inode || !file->head_bytes)
        return false;
    FS_CLEANUP int fd = open(now->path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && hash_of(fd, 0, file->head_bytes) == file->head_hash &&
           hash_of(fd, file->resume.offset - file->tail_bytes, file->tail_bytes) == file->tail_hash;
}

/* --- what is to be read --- */

struct job {
    const struct source_file *now;
    uint32_t generation;
    struct source_position from;
    uint32_t file; /* on the shelf */
    uint32_t worker;
    struct shelf_rows first, end; /* its rows on the worker's shelf */
    bool is_unreadable;
};

struct scan {
    const struct scan_request *request;
    struct usage_shelf *shelf;
    struct source_files files;
    VEC(struct job) jobs;
    size_t next; /* atomic: the next job without a worker */
    uint64_t bytes;
};

static bool is_wanted(const struct scan_request *request, const struct source_file *now)
{
    const struct agent_source *source = NULL;
    struct err unread;
    return !request->probes || (source_probe(now->path, &source, &unread) == 0 && source == request->source);
}

static int plan_file(struct scan *scan, const struct source_file *now, struct err *err)
{
    struct usage_shelf *shelf = scan->shelf;
    size_t known = shelf->files.count;
    struct job job = {.now = now};
    if (intern_find(&shelf->strings, now->path, strlen(now->path)) == 0 && !is_wanted(scan->request, now))
        return 0;
    uint32_t at = shelf_file(shelf, now->path);
    if (at == UINT32_MAX)
        return err_memory(err);
    struct usage_file *file = &shelf->files.items[at];
    file->is_there = 1;
    if (at < known) {
        if (file->size_bytes == now->size_bytes && file->changed_ns == now->changed_ns &&
            file->inode == now->inode)
            return 0;
        if (scan->request->source->can_resume && has_grown(file, now))
            job.from = file->resume;
        else
            file->generation++;
    }
    file->is_new = 1;
    job.file = at;
    job.generation = file->generation;
    scan->bytes += now->size_bytes - num_min(job.from.offset, now->size_bytes);
    return vec_push(&scan->jobs, job) ? err_memory(err) : 0;
}

/* --- reading, on several threads --- */

struct worker {
    struct scan *scan;
    struct usage_shelf shelf;
    uint32_t number;
    int status;
    struct err err;
};

static int read_file(struct worker *worker, struct job *job)
{
    struct usage_shelf *shelf = &worker->shelf;
    struct usage_collector collector;
    struct source_position resume = {.offset = job->now->size_bytes};
    struct source_request request = {
        .path = job->now->path, .from = job->from, .calls_only = true, .ret_resume = &resume};
    struct err unread = {0};
    uint32_t file = shelf_file(shelf, job->now->path);
    if (file == UINT32_MAX)
        return err_memory(&worker->err);
    shelf->files.items[file].generation = job->generation;
    job->worker = worker->number;
    job->first = shelf_rows(shelf);
    usage_collector_init(&collector, shelf, file);
    int status = shelf->source->read(&request, &collector.sink, &unread);
    if (status && unread.code == ERR_BUG) {
        worker->err = unread;
        return status;
    }
    job->end = shelf_rows(shelf);
    job->is_unreadable = status != 0; /* and is tried again next time */
    if (!status)
        remember(&shelf->files.items[file], job->now, &resume);
    return 0;
}

static void *work(void *data)
{
    struct worker *worker = data;
    struct scan *scan = worker->scan;
    while (!worker->status) {
        size_t at = __atomic_fetch_add(&scan->next, 1, __ATOMIC_RELAXED);
        if (at >= scan->jobs.count)
            break;
        worker->status = read_file(worker, &scan->jobs.items[at]);
    }
    return NULL;
}

static uint32_t thread_count(const struct scan *scan)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t wanted = cores > 1 ? (uint64_t)cores : 1;
    if (scan->bytes <= ALONE_BYTES)
        wanted = 1;
    return (uint32_t)num_max(1, num_min(num_min(wanted, SCAN_THREADS_MAX), scan->jobs.count));
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = ((const struct job *)left)->now->size_bytes,
             b = ((const struct job *)right)->now->size_bytes;
    return a > b ? -1 : a < b;
}

static int by_job_path(const void *left, const void *right)
{
    return strcmp(((const struct job *)left)->now->path, ((const struct job *)right)->now->path);
}

/* In the order of the paths, whichever worker was faster: sums of dollars depend on it in their last digits. */
static int gather(struct scan *scan, const struct worker *workers, uint32_t count, struct usage_shelf *fresh)
{
    struct shelf_move moves[SCAN_THREADS_MAX] = {0};
    int status = 0;
    qsort(scan->jobs.items, scan->jobs.count, sizeof scan->jobs.items[0], by_job_path);
    for (uint32_t i = 0; i < count && !status; i++)
        status = shelf_move_init(&moves[i], fresh, &workers[i].shelf);
    for (size_t i = 0; i < scan->jobs.count && !status; i++) {
        const struct job *job = &scan->jobs.items[i];
        status = shelf_move_rows(&moves[job->worker], &job->first, &job->end);
    }
    for (uint32_t i = 0; i < count; i++)
        shelf_move_deinit(&moves[i]);
    return status;
}

static int read_jobs(struct scan *scan, struct usage_shelf *fresh, struct scan_facts *facts, struct err *err)
{
    struct worker workers[SCAN_THREADS_MAX];
    pthread_t threads[SCAN_THREADS_MAX];
    uint32_t count = thread_count(scan), started = 1;
    /* The largest first: none is left over at the end. */
    qsort(scan->jobs.items, scan->jobs.count, sizeof scan->jobs.items[0], by_size);
    for (uint32_t i = 0; i < SCAN_THREADS_MAX; i++)
        workers[i] =
            (struct worker){.scan = scan,
                            .number = i,
                            .shelf = {.source = scan->request->source, .place = scan->request->place}};
    while (started < count && pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    int status = 0;
    for (uint32_t i = 0; i < count && !status; i++) {
        status = workers[i].status;
        *err = status ? workers[i].err : *err;
    }
    if (!status && gather(scan, workers, count, fresh))
        status = err_memory(err);
    for (size_t i = 0; i < scan->jobs.count; i++)
        facts->unreadable_count += scan->jobs.items[i].is_unreadable;
    for (uint32_t i = 0; i < count; i++)
        shelf_free(&workers[i].shelf);
    return status;
}

/* --- all of it --- */

/* The rows of what was read go onto the shelf; what its files were is known again. */
static int take_fresh(struct scan *scan, struct usage_shelf *fresh, struct scan_facts *facts, struct err *err)
{
    struct usage_shelf *shelf = scan->shelf;
    int status = read_jobs(scan, fresh, facts, err);
    if (!status && shelf_add(shelf, fresh))
        status = err_memory(err);
    for (size_t i = 0; i < scan->jobs.count && !status; i++)
        shelf->files.items[scan->jobs.items[i].file].is_there = 1;
    return status;
}

static int scan_files(struct scan *scan, struct usage_index *index, struct scan_facts *facts, struct err *err)
{
    struct usage_shelf fresh = {.source = scan->request->source, .place = scan->request->place};
    int status =
        source_list(scan->request->source, scan->request->place, &scan->files, &facts->unreadable_count, err);
    facts->file_count = scan->files.items.count;
    for (size_t i = 0; i < scan->files.items.count && !status; i++)
        status = plan_file(scan, &scan->files.items.items[i], err);
    facts->read_count = scan->jobs.count;
    facts->read_bytes = scan->bytes;
    if (!status && scan->jobs.count) {
        status = take_fresh(scan, &fresh, facts, err);
        if (!status && index)
            usage_index_append(index, &fresh, scan->shelf);
    }
    shelf_free(&fresh);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int usage_scan(const struct scan_request *request, struct usage_shelf *ret_shelf,
               struct scan_facts *ret_facts, struct err *err)
{
    struct scan scan = {.request = request, .shelf = ret_shelf};
    struct usage_index index = {.lock_fd = -1};
    bool has_index = !request->no_index && is_folder(request->place);
    *ret_shelf = (struct usage_shelf){.source = request->source, .place = request->place};
    *ret_facts = (struct scan_facts){0};
    int status = has_index ? usage_index_open(&index, ret_shelf, err) : 0;
    if (!status)
        status = scan_files(&scan, has_index ? &index : NULL, ret_facts, err);
    memcpy(ret_facts->note, index.note, sizeof ret_facts->note);
    usage_index_close(&index);
    vec_free(&scan.jobs);
    source_files_free(&scan.files);
    return status;
}
