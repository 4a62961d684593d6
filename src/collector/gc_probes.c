/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/gc_probes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

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

/* -1: it cannot be opened. The path of ret_path is one of this process. */
static int file_open(uint64_t pid, const char *path, struct stat *ret_about, char ret_path[640])
{
    snprintf(ret_path, 640, "/proc/%" PRIu64 "/root%s", pid, path);
    int fd = open(ret_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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

/* Asked once, before a file's symbols are read. */
static bool is_possible(struct gc_probes *probes)
{
    if (probes->uprobes)
        return true;
    return !uprobes_try(&probes->refusal) && !uprobes_open(&probes->uprobes, &probes->refusal);
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

bool gc_probes_file(struct gc_probes *probes, uint64_t pid, const char *path)
{
    char ours[640];
    struct stat about;
    struct gc_points found;

    if (probes->is_refused)
        return false;
    int fd = file_open(pid, path, &about, ours);
    if (fd < 0)
        return false;
    const struct gc_file *known = file_find(probes, about.st_dev, about.st_ino);
    struct gc_file file = {.device = about.st_dev, .inode = about.st_ino};
    if (!known && probes->files.count == FILE_MAX)
        err_set(&probes->refusal, ERR_ENVIRONMENT, "there are more than %d different ones", FILE_MAX);
    if (known || probes->files.count == FILE_MAX || vec_reserve(&probes->files, probes->files.count + 1) ||
        !is_possible(probes)) {
        probes->is_refused = !known;
        close(fd);
        return known && known->is_watched;
    }
    gc_points_of(fd, &found);
    file.is_watched = found.count && file_watch(probes, ours, &found);
    probes->is_refused = found.count && !file.is_watched;
    probes->files.items[probes->files.count++] = file;
    return file.is_watched;
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
    if (hit->point >= probes->points.count)
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

int gc_probes_poll(struct gc_probes *probes, struct gc_rows *rows, const struct collectors_host *host,
                   bool is_last, struct err *err)
{
    struct polling polling = {.probes = probes, .rows = rows, .host = host};
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
    uprobes_close(probes->uprobes);
    vec_free(&probes->points);
    vec_free(&probes->files);
    vec_free(&probes->opens);
    map_free(&probes->open_of);
}
