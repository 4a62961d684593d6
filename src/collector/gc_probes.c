/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/gc_probes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"

#define FILE_MAX  16
#define OPEN_MAX  65536 /* threads that ever collected */
#define NAME_SIZE 64

static bool points_add(struct gc_probes *probes, const char *path, const struct gc_points *found)
{
    for (size_t i = 0; i < found->count; i++) {
        struct uprobe_point wanted = {.path = path};
        size_t index = 0;
        gc_point_wants(&found->items[i], &wanted);
        if (vec_reserve(&probes->points, probes->points.count + 1) ||
            uprobes_add(probes->uprobes, &wanted, &index, &probes->refusal) || index != probes->points.count)
            return false;
        probes->points.items[probes->points.count++] = found->items[i];
    }
    return found->count > 0;
}

/* -1: it cannot be opened. */
static int file_open(uint64_t pid, const char *path, struct stat *ret_about)
{
    char ours[640];

    snprintf(ours, sizeof ours, "/proc/%" PRIu64 "/root%s", pid, path);
    int fd = open(ours, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, ret_about) < 0 || !S_ISREG(ret_about->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static const struct gc_file *file_find(const struct gc_probes *probes, dev_t device, ino_t inode)
{
    for (size_t i = 0; i < probes->files.count; i++)
        if (probes->files.items[i].device == device && probes->files.items[i].inode == inode)
            return &probes->files.items[i];
    return NULL;
}

bool gc_probes_knows(const struct gc_probes *probes, dev_t device, ino_t inode)
{
    const struct gc_file *file = file_find(probes, device, inode);
    return file && file->is_watched;
}

/* False: nothing of it is watched, nor of any file that comes later. */
static bool file_watch(struct gc_probes *probes, const char *path, const struct gc_points *found)
{
    size_t before = probes->points.count;
    if (points_add(probes, path, found))
        return true;
    probes->points.count = before;
    uprobes_cut(probes->uprobes, before);
    return false;
}

static void *opening_main(void *context)
{
    struct gc_probes *probes = context;
    struct gc_opening *opening = &probes->opening;
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", opening->fd);
    opening->is_added = file_watch(probes, path, &opening->found);
    opening->done_ns = clock_monotonic_ns();
    __atomic_store_n(&opening->is_done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Without a thread it is done here. */
static void opening_begin(struct gc_probes *probes)
{
    struct gc_opening *opening = &probes->opening;
    sigset_t all, before;

    opening->is_done = false;
    bool was_asked = probes->asked_ns && probes->asked.device == opening->file.device &&
                     probes->asked.inode == opening->file.inode;
    opening->begun_ns = was_asked ? probes->asked_ns : clock_monotonic_ns();
    probes->asked_ns = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    opening->is_begun = pthread_create(&opening->thread, NULL, opening_main, probes) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!opening->is_begun)
        opening_main(probes);
}

/* What it opened counts from then on. */
static void opening_take(struct gc_probes *probes)
{
    struct gc_opening *opening = &probes->opening;

    if (opening->is_begun)
        pthread_join(opening->thread, NULL);
    opening->is_begun = false;
    fs_close(&opening->fd);
    opening->file.is_watched = opening->is_added && !vec_reserve(&probes->since, probes->points.count);
    while (opening->file.is_watched && probes->since.count < probes->points.count)
        probes->since.items[probes->since.count++] = opening->done_ns;
    probes->is_refused = !opening->file.is_watched;
    probes->files.items[probes->files.count++] = opening->file; /* there is room */
    if (opening->file.is_watched || probes->is_stopped) /* one that is refused has a remark of its own */
        probes->late_ns = num_max(probes->late_ns, opening->done_ns - opening->begun_ns);
}

/* If it goes on it is given up. */
static void opening_stop(struct gc_probes *probes)
{
    probes->is_stopped = !__atomic_load_n(&probes->opening.is_done, __ATOMIC_ACQUIRE);
    if (probes->is_stopped)
        uprobes_stop(probes->uprobes);
    opening_take(probes);
}

/* Asked once, before a file's symbols are read. */
static bool is_possible(struct gc_probes *probes)
{
    if (probes->uprobes)
        return true;
    return !uprobes_try(&probes->refusal) && !uprobes_open(&probes->uprobes, &probes->refusal);
}

static bool is_of_opening(const struct gc_probes *probes, const struct stat *about)
{
    return probes->opening.file.device == about->st_dev && probes->opening.file.inode == about->st_ino;
}

/* The file's descriptor, which is taken. */
static enum gc_watching file_begin(struct gc_probes *probes, int fd, const struct stat *about)
{
    struct gc_opening *opening = &probes->opening;
    struct gc_file file = {.device = about->st_dev, .inode = about->st_ino};

    if (probes->files.count == FILE_MAX)
        err_set(&probes->refusal, ERR_ENVIRONMENT, "there are more than %d different ones", FILE_MAX);
    if (probes->files.count == FILE_MAX || vec_reserve(&probes->files, probes->files.count + 1) ||
        !is_possible(probes)) {
        probes->is_refused = true;
        close(fd);
        return GC_NOT_WATCHED;
    }
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    gc_points_of(fd, &opening->found);
    opening->file = file;
    if (!opening->found.count || kept < 0) {
        fs_close(&kept);
        probes->files.items[probes->files.count++] = file;
        return GC_NOT_WATCHED;
    }
    opening->fd = kept;
    opening_begin(probes);
    if (!opening->is_begun)
        opening_take(probes);
    return opening->is_begun || opening->file.is_watched ? GC_WATCHED : GC_NOT_WATCHED;
}

enum gc_watching gc_probes_file(struct gc_probes *probes, uint64_t pid, const char *path)
{
    struct stat about;

    if (probes->is_refused)
        return GC_NOT_WATCHED;
    int fd = file_open(pid, path, &about);
    if (fd < 0)
        return GC_NOT_WATCHED;
    const struct gc_file *known = file_find(probes, about.st_dev, about.st_ino);
    if (!known && !probes->opening.is_begun)
        return file_begin(probes, fd, &about);
    close(fd);
    if (known)
        return known->is_watched ? GC_WATCHED : GC_NOT_WATCHED;
    if (is_of_opening(probes, &about))
        return GC_WATCHED;
    if (!probes->asked_ns) {
        probes->asked = (struct gc_file){.device = about.st_dev, .inode = about.st_ino};
        probes->asked_ns = clock_monotonic_ns();
    }
    return GC_LATER;
}

/* --- from hits to pauses --- */

struct polling {
    struct gc_probes *probes;
    struct gc_rows *rows;
    const struct collectors_host *host;
};

/* NULL: there are too many threads. */
static struct gc_open *open_of(struct gc_probes *probes, uint32_t tid)
{
    const uint64_t *known = map_get(&probes->open_of, tid);
    if (known)
        return &probes->opens.items[*known];
    if (probes->opens.count == OPEN_MAX || vec_reserve(&probes->opens, probes->opens.count + 1) ||
        map_put(&probes->open_of, tid, probes->opens.count))
        return NULL;
    probes->opens.items[probes->opens.count++] = (struct gc_open){0};
    return &probes->opens.items[probes->opens.count - 1];
}

static int pause_end(const struct polling *polling, const struct gc_point *point, const struct gc_open *open,
                     const struct uprobe_hit *hit, struct err *err)
{
    const struct collectors_host *host = polling->host;
    char name[NAME_SIZE] = "gc", number[24] = "";
    struct gc_pause pause = {.start_ns = open->start_ns,
                             .end_ns = hit->time_ns,
                             .source = point->runtime == GC_V8 ? GC_FUNCTIONS : GC_USDT,
                             .name = name,
                             .generation = open->generation};

    pause.process_track = host->track_of(host->context, hit->pid, 0, hit->time_ns);
    pause.track = point->runtime == GC_HOTSPOT
                      ? pause.process_track
                      : host->track_of(host->context, hit->pid, hit->tid, hit->time_ns);
    if (!pause.process_track || !pause.track)
        return 0; /* another program of that file */
    if (point->runtime == GC_HOTSPOT && open->has_argument)
        pause.generation = open->argument ? "full" : "young";
    if (point->runtime == GC_PYTHON && open->has_argument) {
        snprintf(number, sizeof number, "%" PRId64, open->argument);
        pause.generation = number;
        snprintf(name, sizeof name, "gc: generation %s", number);
    } else if (open->kind || pause.generation) {
        snprintf(name, sizeof name, "gc: %s", open->kind ? open->kind : pause.generation);
    }
    return gc_rows_pause(polling->rows, host, &pause, err);
}

/* An end may be among what was lost: a pause that goes on is given up, rather than told with the program's own work in it. */
static void opens_drop(struct gc_probes *probes)
{
    for (size_t i = 0; i < probes->opens.count; i++)
        probes->opens.items[i].start_ns = 0;
}

static int on_hit(void *context, const struct uprobe_hit *hit, struct err *err)
{
    const struct polling *polling = context;
    struct gc_probes *probes = polling->probes;

    if (hit->point == UPROBE_LOST)
        opens_drop(probes);
    if (hit->point >= probes->points.count ||
        (hit->point < probes->since.count && hit->time_ns < probes->since.items[hit->point]))
        return 0;
    struct gc_open *open = open_of(probes, hit->tid);
    if (!open) {
        probes->left_count++;
        return 0;
    }
    const struct gc_point *point = &probes->points.items[hit->point];
    if (point->role == GC_BEGINS) {
        *open = (struct gc_open){.start_ns = hit->time_ns};
        open->has_argument = gc_argument_value(&point->argument, hit, &open->argument);
        return 0;
    }
    if (!open->start_ns)
        return 0;
    if (point->role == GC_IS) {
        open->kind = point->kind;
        open->generation = point->generation;
        return 0;
    }
    int status = pause_end(polling, point, open, hit, err);
    *open = (struct gc_open){0};
    return status;
}

bool gc_probes_is_watching(const struct gc_probes *probes)
{
    return probes->opening.is_begun || probes->points.count;
}

bool gc_probes_is_busy(const struct gc_probes *probes)
{
    return probes->opening.is_begun || (probes->uprobes && uprobes_are_busy(probes->uprobes));
}

int gc_probes_poll(struct gc_probes *probes, struct gc_rows *rows, const struct collectors_host *host,
                   bool is_last, struct err *err)
{
    struct polling polling = {.probes = probes, .rows = rows, .host = host};

    if (probes->opening.is_begun) {
        if (!is_last && !__atomic_load_n(&probes->opening.is_done, __ATOMIC_ACQUIRE))
            return 0;
        opening_stop(probes);
    }
    return probes->uprobes ? uprobes_drain(probes->uprobes, is_last, on_hit, &polling, err) : 0;
}

int gc_probes_hit(struct gc_probes *probes, struct gc_rows *rows, const struct collectors_host *host,
                  const struct uprobe_hit *hit, struct err *err)
{
    struct polling polling = {.probes = probes, .rows = rows, .host = host};
    return on_hit(&polling, hit, err);
}

uint64_t gc_probes_lost_count(const struct gc_probes *probes)
{
    return probes->left_count + (probes->uprobes ? uprobes_lost_count(probes->uprobes) : 0);
}

void gc_probes_free(struct gc_probes *probes)
{
    if (probes->opening.is_begun)
        opening_stop(probes);
    uprobes_close(probes->uprobes);
    vec_free(&probes->points);
    vec_free(&probes->since);
    vec_free(&probes->files);
    vec_free(&probes->opens);
    map_free(&probes->open_of);
}
