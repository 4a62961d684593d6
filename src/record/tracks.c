/* SPDX-License-Identifier: Apache-2.0 */
#include "record/tracks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/redact.h"
#include "model/meta.h"

void tracks_init(struct tracks *tracks, struct emit *emit)
{
    *tracks = (struct tracks){.emit = emit};
}

static void task_free(struct task *task)
{
    look_close(&task->look);
    waits_deinit_task(&task->wait);
    free(task);
}

void tracks_deinit(struct tracks *tracks)
{
    for (size_t i = 0; i < tracks->tasks.count; i++)
        task_free(tracks->tasks.items[i]);
    for (size_t i = 0; i < tracks->processes.count; i++) {
        free(tracks->processes.items[i]->traffic.sockets);
        free(tracks->processes.items[i]);
    }
    vec_free(&tracks->tasks);
    vec_free(&tracks->processes);
    map_free(&tracks->by_tid);
    map_free(&tracks->ended_by_tid);
    vec_free(&tracks->ended);
}

struct task *tracks_find(const struct tracks *tracks, uint64_t tid)
{
    const uint64_t *found = map_get(&tracks->by_tid, tid);
    return found ? tracks->tasks.items[*found] : NULL;
}

struct process *tracks_process(const struct tracks *tracks, uint64_t pid)
{
    struct task *leader = tracks_find(tracks, pid);
    if (leader && leader->process->pid == pid)
        return leader->process;
    for (size_t i = 0; i < tracks->processes.count; i++) /* its first thread ended before the others */
        if (tracks->processes.items[i]->pid == pid)
            return tracks->processes.items[i];
    return NULL;
}

static void process_row(struct tracks *tracks, const struct process *process, uint64_t end_ns)
{
    struct row_track row = {.id = process->track,
                            .parent = process->parent_track,
                            .kind = TRACK_PROCESS,
                            .name = emit_string(tracks->emit, process->image),
                            .pid = process->pid,
                            .tid = process->pid,
                            .start_ns = process->start_ns,
                            .end_ns = end_ns,
                            .exit_status = process->exit_status};
    emit_append(tracks->emit, track, &row);
}

static void task_row(struct tracks *tracks, const struct task *task, uint64_t end_ns)
{
    struct row_track row = {
        .id = task->track,
        .parent = task->process->track,
        .kind = TRACK_THREAD,
        .name = emit_string(tracks->emit, task->look.name[0] ? task->look.name : task->process->image),
        .pid = task->process->pid,
        .tid = task->tid,
        .start_ns = task->start_ns,
        .end_ns = end_ns};
    emit_append(tracks->emit, track, &row);
}

static void span_row(struct tracks *tracks, const struct process *process, uint64_t end_ns, uint64_t status)
{
    struct row_span row = {.id = process->span,
                           .track = process->track,
                           .name = emit_string(tracks->emit, process->image),
                           .category = SPAN_EXEC,
                           .start_ns = process->span_start_ns,
                           .end_ns = end_ns,
                           .status = status};
    if (process->span)
        emit_append(tracks->emit, span, &row);
}

static void span_start(struct tracks *tracks, struct process *process, uint64_t time_ns)
{
    process->span = ++tracks->span_count;
    process->span_start_ns = time_ns;
    span_row(tracks, process, 0, 0);
}

static struct process *process_add(struct tracks *tracks, const struct track_fork *fork,
                                   const struct process *parent)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process || vec_push(&tracks->processes, process)) {
        free(process);
        return NULL;
    }
    process->pid = fork->pid;
    process->track = ++tracks->track_count;
    process->parent_track = parent ? parent->track : 0;
    process->start_ns = fork->time_ns;
    snprintf(process->image, sizeof process->image, "%s",
             fork->name ? fork->name
             : parent   ? parent->image
                        : "");
    tracks->process_count++;
    process_row(tracks, process, 0);
    if (process->image[0])
        span_start(tracks, process, fork->time_ns);
    return process;
}

static struct task *task_add(struct tracks *tracks, const struct track_fork *fork, struct process *process)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task || vec_push(&tracks->tasks, task)) {
        free(task);
        return NULL;
    }
    task->index = tracks->tasks.count - 1;
    if (map_put(&tracks->by_tid, fork->tid, task->index)) {
        tracks->tasks.count--;
        free(task);
        return NULL;
    }
    task->tid = fork->tid;
    task->process = process;
    task->start_ns = fork->time_ns;
    task->track = ++tracks->track_count;
    look_init(&task->look);
    waits_init_task(&task->wait, task->track, fork->time_ns);
    process->task_count++;
    tracks->thread_count++;
    task_row(tracks, task, 0);
    return task;
}

/* The edge leaves the maker's thread; when that is unknown, the maker's first thread. */
static void spawn_edge(struct tracks *tracks, const struct track_fork *fork, const struct task *task)
{
    const struct task *maker = tracks_find(tracks, fork->parent_tid ? fork->parent_tid : fork->parent_pid);
    if (!maker || maker == task || fork->is_orphan)
        return;
    struct row_edge row = {.from_track = maker->track,
                           .from_ns = fork->time_ns,
                           .to_track = task->track,
                           .to_ns = fork->time_ns,
                           .kind = EDGE_SPAWN,
                           .source = fork->parent_tid && !fork->is_found ? EDGE_RECORDED : EDGE_INFERRED};
    emit_append(tracks->emit, edge, &row);
}

struct task *tracks_fork(struct tracks *tracks, const struct track_fork *fork)
{
    struct process *process;

    if (fork->tid == fork->pid)
        process = process_add(tracks, fork, tracks_process(tracks, fork->parent_pid));
    else
        process = tracks_process(tracks, fork->pid);
    if (!process)
        return NULL;
    struct task *task = task_add(tracks, fork, process);
    if (!task)
        return NULL;
    task->has_maker = fork->parent_tid && !fork->is_orphan && !fork->is_found;
    spawn_edge(tracks, fork, task);
    return task;
}

void tracks_made(struct tracks *tracks, struct task *task, const struct track_fork *fork)
{
    struct track_fork made = *fork;

    if (task->has_maker)
        return;
    task->has_maker = true;
    task->start_ns = made.time_ns = num_min(fork->time_ns, task->start_ns);
    spawn_edge(tracks, &made, task);
}

/* "PPid:" of a process, 0 when it cannot be told. */
static uint64_t parent_read(uint64_t pid)
{
    char path[64], text[1024];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", pid);
    const char *found = fs_read_small(path, text, sizeof text) > 0 ? strstr(text, "\nPPid:") : NULL;
    return found ? strtoull(found + 6, NULL, 10) : 0;
}

struct task *tracks_adopt(struct tracks *tracks, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    struct track_fork fork = {.pid = pid, .tid = tid, .parent_pid = pid, .time_ns = time_ns};

    if (!tracks_process(tracks, pid)) {
        struct track_fork leader = {.pid = pid, .tid = pid, .time_ns = time_ns, .is_orphan = true};
        leader.parent_pid = parent_read(pid);
        struct task *task = tracks_fork(tracks, &leader);
        if (!task || pid == tid)
            return task;
    }
    fork.is_orphan = true;
    return tracks_fork(tracks, &fork);
}

static void ended_put(struct tracks *tracks, const struct task *task, uint64_t time_ns)
{
    const uint64_t *before = map_get(&tracks->ended_by_tid, task->tid);
    struct track_ended ended = {.track = task->track,
                                .process_track = task->process->track,
                                .start_ns = task->start_ns,
                                .end_ns = time_ns,
                                .before = before ? *before + 1 : 0,
                                .is_leader = task->tid == task->process->pid};

    if (!vec_push(&tracks->ended, ended) &&
        map_put(&tracks->ended_by_tid, task->tid, tracks->ended.count - 1))
        tracks->ended.count--;
}

const struct track_ended *tracks_ended(const struct tracks *tracks, uint64_t tid, uint64_t time_ns)
{
    const uint64_t *index = map_get(&tracks->ended_by_tid, tid);
    uint64_t at = index ? *index + 1 : 0;

    while (at && tracks->ended.items[at - 1].start_ns > time_ns && tracks->ended.items[at - 1].before)
        at = tracks->ended.items[at - 1].before;
    return at ? &tracks->ended.items[at - 1] : NULL;
}

/* The kernel cuts a name to 15 bytes; the command line often has all of it. */
static void image_complete(char *image, size_t capacity, const char *arguments, size_t length)
{
    size_t known = strlen(image);
    if (known < 15)
        return;
    for (size_t at = 0; at < length; at += strlen(arguments + at) + 1) {
        const char *slash = strrchr(arguments + at, '/');
        const char *base = slash ? slash + 1 : arguments + at;
        if (!strncmp(base, image, known)) {
            snprintf(image, capacity, "%s", base);
            return;
        }
    }
}

void tracks_exec_told(struct tracks *tracks, struct process *process, const struct track_image *image,
                      uint64_t time_ns)
{
    struct str json = {0};

    bool has_run = process->span && time_ns > process->span_start_ns;
    if (has_run)
        span_row(tracks, process, time_ns, 0);
    snprintf(process->image, sizeof process->image, "%s", image->name);
    if (image->arguments_bytes) {
        image_complete(process->image, sizeof process->image, image->arguments, image->arguments_bytes);
        redact_arguments(image->arguments, image->arguments_bytes, &json);
        emit_attr(tracks->emit, process->track, ATTR_COMMAND, str_text(&json));
        str_free(&json);
    }
    process->python = (struct python_seek){0};
    process->collector = (struct collector_seek){0};
    process_row(tracks, process, 0);
    if (has_run || !process->span)
        span_start(tracks, process, time_ns);
    else
        span_row(tracks, process, 0, 0); /* the same instant: the span of the fork becomes the exec's */
    struct task *leader = tracks_find(tracks, process->pid);
    if (leader) {
        leader->look.name[0] = '\0';
        task_row(tracks, leader, 0);
    }
}

void tracks_exec(struct tracks *tracks, struct process *process, const char *name, uint64_t time_ns)
{
    char path[64], arguments[REDACT_BYTES_MAX];
    struct track_image image = {.name = name, .arguments = arguments};

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/cmdline", process->pid);
    ssize_t length = fs_read_small(path, arguments, sizeof arguments);
    if (length > 0)
        image.arguments_bytes = (size_t)length;
    tracks_exec_told(tracks, process, &image, time_ns);
}

void tracks_rename(struct tracks *tracks, struct task *task, const char *name)
{
    snprintf(task->look.name, sizeof task->look.name, "%s", name);
    task_row(tracks, task, 0);
}

struct traffic_owner tracks_owner(const struct tracks *tracks, const struct process *process)
{
    return (struct traffic_owner){.emit = tracks->emit,
                                  .pid = process->pid,
                                  .track = process->track,
                                  .start_ns = process->start_ns,
                                  .is_old = process->usage.is_partial,
                                  .is_counting = !tracks->is_io_counted && !process->is_inside};
}

static void process_end(struct tracks *tracks, struct process *process, uint64_t time_ns)
{
    struct traffic_owner owner = tracks_owner(tracks, process);
    traffic_end(&process->traffic, &owner, &process->usage, time_ns);
    if (tracks->is_inside_wanted && !process->is_inside) {
        tracks->outside_count++;
        snprintf(tracks->outside_name, sizeof tracks->outside_name, "%s", process->image);
    }
    usage_end(&process->usage, tracks->emit, process->track);
    if (process->recording_ns)
        emit_attr_u64(tracks->emit, process->track, ATTR_RECORDING_NS, process->recording_ns);
    tracks->dead_cpu_ns += process->cpu_ns;
    span_row(tracks, process, num_max(time_ns, process->span_start_ns), process->exit_status);
    process_row(tracks, process, time_ns);
    for (size_t i = 0; i < tracks->processes.count; i++)
        if (tracks->processes.items[i] == process) {
            tracks->processes.items[i] = tracks->processes.items[--tracks->processes.count];
            break;
        }
    free(process);
}

void tracks_exit(struct tracks *tracks, struct waits *waits, struct task *task, uint64_t time_ns)
{
    struct process *process = task->process;

    time_ns = num_max(time_ns, task->start_ns);
    waits_end(waits, task, time_ns);
    task_row(tracks, task, time_ns);
    ended_put(tracks, task, time_ns);
    map_remove(&tracks->by_tid, task->tid);
    struct task *last = tracks->tasks.items[--tracks->tasks.count];
    if (last != task) {
        tracks->tasks.items[task->index] = last;
        last->index = task->index;
        *map_get(&tracks->by_tid, last->tid) = last->index;
    }
    task_free(task);
    if (--process->task_count == 0)
        process_end(tracks, process, time_ns);
}
