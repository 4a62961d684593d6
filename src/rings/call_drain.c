/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call_drain: the session's `calls` file, the news, the rings' files. What is in a ring is decoded in call_events.c.
 */
#include "rings/call_drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "rings/call_events.h"

#define RING_COUNT_MAX 16384
#define WORDS_COUNT    32768 /* 256 KiB */
#define THREADS_LIKELY 1000
#define NEWS_BATCH     64
#define HOLE_NS        (200 * NS_PER_MS) /* a writer that takes longer to fill its slot has died */
#define PAUSE_NS_MIN   NS_PER_MS
#define PAUSE_NS_MAX   (20 * NS_PER_MS)
#define IO_NS          (250 * NS_PER_MS)

struct call_drain {
    int folder_fd;
    int session_fd;
    struct span_clock clock;
    struct call_events events;
    uint64_t news_tail;
    uint64_t hole_since_ns; /* the slot at news_tail is taken, not filled, since then; 0: it is not */
    uint64_t news_lost;
    uint64_t io_due_ns;
    uint64_t pause_ns;
    VEC(struct call_lane *) lanes;
    VEC(struct call_told) ends; /* told after the rings */
};

static int session_write(struct call_drain *drain, const struct call_drain_options *options, struct err *err)
{
    bool is_tsc = !options->is_monotonic_forced && span_clock_is_tsc_good();
    struct calls_session session = {.magic = CALLS_MAGIC,
                                    .version = CALLS_VERSION,
                                    .clock = is_tsc ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC,
                                    .sample_ns = options->sample_ns,
                                    .word_count = drain->events.word_count};

    if (span_clock_init(&drain->clock, (enum wire_clock)session.clock))
        return err_memory(err);
    session.ticks_per_us = span_clock_ticks_per_us(&drain->clock);
    session.alive = span_clock_raw(&drain->clock);
    drain->session_fd =
        openat(drain->folder_fd, CALLS_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (drain->session_fd < 0)
        return err_errno(err, errno, "could not make file '%s/%s'", options->folder, CALLS_FILE);
    int errnum = posix_fallocate(drain->session_fd, 0, CALLS_FILE_BYTES);
    if (errnum)
        return err_errno(err, errnum, "could not make file '%s/%s'", options->folder, CALLS_FILE);
    return fs_write_all(drain->session_fd, &session, sizeof session, err);
}

/* Rings as large as the folder's room has a thousand of them. */
static uint64_t word_count_choose(int folder_fd)
{
    struct statvfs room;
    uint64_t count = CALL_WORDS_COUNT_MIN;

    if (folder_fd < 0 || fstatvfs(folder_fd, &room))
        return count;
    while (count < WORDS_COUNT && count * 2 * 8 * THREADS_LIKELY <= (uint64_t)room.f_bavail * room.f_frsize)
        count *= 2;
    return count;
}

int call_drain_create(const struct call_drain_options *options, struct call_drain **ret_drain,
                      struct err *err)
{
    struct call_drain *drain = calloc(1, sizeof *drain);
    int status;

    if (!drain)
        return err_memory(err);
    drain->session_fd = -1;
    drain->pause_ns = PAUSE_NS_MIN;
    drain->events.clock = &drain->clock;
    drain->events.sample_ns = options->sample_ns;
    drain->events.start_ns = clock_monotonic_ns();
    drain->folder_fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    drain->events.word_count = word_count_choose(drain->folder_fd);
    drain->events.words = malloc(drain->events.word_count * sizeof(uint64_t));
    if (!drain->events.words)
        status = err_memory(err);
    else if (drain->folder_fd < 0)
        status = err_errno(err, errno, "could not open folder '%s'", options->folder);
    else
        status = session_write(drain, options, err);
    if (status) {
        call_drain_destroy(drain);
        return status;
    }
    *ret_drain = drain;
    return 0;
}

static void field_write(const struct call_drain *drain, size_t offset, uint64_t value)
{
    if (pwrite(drain->session_fd, &value, sizeof value, (off_t)offset) < 0)
        return; /* the programs' own file: without it they drop events */
}

/* The news */

static void ring_open(struct call_drain *drain, const struct call_news *news)
{
    char name[80];
    struct call_ring file;
    struct call_lane *lane;

    snprintf(name, sizeof name, "calls-%u-%llx-%u", news->pid, (unsigned long long)news->value, news->number);
    FS_CLEANUP int fd = openat(drain->folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || drain->lanes.count >= RING_COUNT_MAX ||
        pread(fd, &file, sizeof file, 0) != (ssize_t)sizeof file ||
        !call_ring_is_valid(&drain->events, &file, news->pid, news->value)) {
        drain->events.totals.broken_count++;
        return;
    }
    unlinkat(drain->folder_fd, name, 0);
    lane = call_lane_create(news->pid, news->value, fd, &file);
    if (!lane || vec_push(&drain->lanes, lane)) {
        call_lane_destroy(lane);
        drain->events.totals.lost_count++;
        return;
    }
    fd = -1; /* the lane's now */
    drain->events.totals.ring_count++;
}

static int news_one(struct call_drain *drain, struct call_news *news, const struct call_host *host,
                    struct err *err)
{
    struct call_told told = {.pid = news->pid, .tid = news->tid ? news->tid : news->pid, .name = news->name};

    news->name[sizeof news->name - 1] = '\0';
    told.time_ns = call_events_time(&drain->events, news->time);
    drain->events.totals.event_count++;
    switch (news->kind) {
    case CALL_NEWS_RING: ring_open(drain, news); return 0;
    case CALL_NEWS_FORK:
        told.kind = CALL_TOLD_FORK;
        told.maker_tid = news->number;
        told.maker_pid = (uint32_t)news->value;
        break;
    case CALL_NEWS_EXEC:
        told.kind = CALL_TOLD_EXEC;
        told.maker_pid = (uint32_t)news->value;
        drain->events.totals.process_count++;
        break;
    case CALL_NEWS_THREAD:
        told.kind = CALL_TOLD_THREAD;
        told.maker_tid = news->number;
        break;
    case CALL_NEWS_EXIT:
        told.kind = CALL_TOLD_EXIT;
        told.status = news->number;
        break;
    case CALL_NEWS_THREAD_END: told.kind = CALL_TOLD_THREAD_END; break;
    default: drain->events.totals.broken_count++; return 0;
    }
    if (!news->pid) {
        drain->events.totals.broken_count++;
        return 0;
    }
    if (told.kind != CALL_TOLD_EXIT && told.kind != CALL_TOLD_THREAD_END)
        return host->told(host->context, &told, err);
    told.name = NULL;
    return vec_push(&drain->ends, told) ? err_memory(err) : 0;
}

/* Whether the slot at the tail, which is taken, holds what it should; a writer may need a moment more. */
static bool news_is_whole(struct call_drain *drain, const struct call_news *slot)
{
    if (slot->sequence == drain->news_tail + 1) {
        drain->hole_since_ns = 0;
        return true;
    }
    if (!drain->hole_since_ns)
        drain->hole_since_ns = drain->events.now_ns;
    return false;
}

static int news_read(struct call_drain *drain, const struct call_host *host, struct err *err)
{
    struct calls_session session;
    int status = 0;

    if (pread(drain->session_fd, &session, sizeof session, 0) != (ssize_t)sizeof session)
        return 0;
    uint64_t lost = session.news_lost;
    if (lost > drain->news_lost)
        drain->events.totals.lost_count += lost - drain->news_lost;
    drain->news_lost = num_max(lost, drain->news_lost);
    uint64_t head = session.news_head;
    if (head - drain->news_tail > CALL_NEWS_COUNT) { /* no program writes that */
        drain->events.totals.broken_count++;
        head = drain->news_tail;
    }
    while (!status && drain->news_tail != head) {
        struct call_news news[NEWS_BATCH];
        size_t first = (size_t)(drain->news_tail & (CALL_NEWS_COUNT - 1));
        size_t count = (size_t)num_min(num_min(head - drain->news_tail, NEWS_BATCH), CALL_NEWS_COUNT - first);
        size_t bytes = count * sizeof news[0];

        if (pread(drain->session_fd, news, bytes, (off_t)(CALLS_NEWS_OFFSET + first * sizeof news[0])) !=
            (ssize_t)bytes)
            return 0;
        for (size_t i = 0; i < count && !status; i++, drain->news_tail++) {
            if (news_is_whole(drain, &news[i])) {
                status = news_one(drain, &news[i], host, err);
            } else if (drain->events.now_ns - drain->hole_since_ns < HOLE_NS) {
                head = drain->news_tail; /* again later */
                break;
            } else {
                drain->hole_since_ns = 0;
                drain->events.totals.lost_count++;
            }
        }
    }
    field_write(drain, offsetof(struct calls_session, news_tail), drain->news_tail);
    return status;
}

static int ends_tell(struct call_drain *drain, const struct call_host *host, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < drain->ends.count && !status; i++)
        status = host->told(host->context, &drain->ends.items[i], err);
    drain->ends.count = 0;
    return status;
}

static void lanes_sweep(struct call_drain *drain, const struct call_host *host)
{
    size_t kept = 0;

    for (size_t i = 0; i < drain->lanes.count; i++) {
        struct call_lane *lane = drain->lanes.items[i];
        if (call_lane_look(&drain->events, lane) || host->is_there(host->context, lane->pid))
            drain->lanes.items[kept++] = lane;
        else
            call_lane_destroy(lane);
    }
    drain->lanes.count = kept;
}

int call_drain_poll(struct call_drain *drain, const struct call_host *host, struct err *err)
{
    uint64_t busiest = 0;
    int status = 0;

    if (span_clock_look(&drain->clock))
        return err_memory(err);
    drain->events.now_ns = clock_monotonic_ns();
    field_write(drain, offsetof(struct calls_session, alive), span_clock_raw(&drain->clock));
    status = news_read(drain, host, err);
    for (size_t i = 0; i < drain->lanes.count; i++)
        busiest = num_max(busiest, call_lane_look(&drain->events, drain->lanes.items[i]));
    for (size_t i = 0; i < drain->lanes.count && !status; i++)
        status = call_lane_stacks(&drain->events, drain->lanes.items[i], host, err);
    for (size_t i = 0; i < drain->lanes.count && !status; i++)
        status = call_lane_events(&drain->events, drain->lanes.items[i], host, err);
    if (drain->events.now_ns >= drain->io_due_ns) {
        for (size_t i = 0; i < drain->lanes.count && !status; i++)
            status = call_lane_counters(&drain->events, drain->lanes.items[i], host, err);
    }
    if (!status)
        status = ends_tell(drain, host, err);
    if (drain->events.now_ns >= drain->io_due_ns) {
        lanes_sweep(drain, host);
        drain->io_due_ns = drain->events.now_ns + IO_NS;
    }
    /* A quarter of a ring between two polls is what a burst may use twice over. */
    if (busiest > drain->events.word_count / 4)
        drain->pause_ns /= 2;
    else if (busiest < drain->events.word_count / 16)
        drain->pause_ns += drain->pause_ns / 4;
    drain->pause_ns = num_min(num_max(drain->pause_ns, PAUSE_NS_MIN), PAUSE_NS_MAX);
    return status;
}

uint64_t call_drain_pause_ns(const struct call_drain *drain)
{
    return drain->pause_ns;
}

bool call_drain_now(const struct call_drain *drain, uint64_t pid, uint64_t tid, struct call_now *ret_now)
{
    for (size_t i = drain->lanes.count; i-- > 0;) {
        const struct call_lane *lane = drain->lanes.items[i];
        if (lane->pid == pid && lane->tid == tid)
            return call_lane_now(&drain->events, lane, ret_now);
    }
    return false;
}

struct call_totals call_drain_totals(const struct call_drain *drain)
{
    return drain->events.totals;
}

void call_drain_destroy(struct call_drain *drain)
{
    if (!drain)
        return;
    for (size_t i = 0; i < drain->lanes.count; i++)
        call_lane_destroy(drain->lanes.items[i]);
    vec_free(&drain->lanes);
    vec_free(&drain->ends);
    if (drain->session_fd >= 0) {
        field_write(drain, offsetof(struct calls_session, closed), 1);
        close(drain->session_fd);
    }
    if (drain->folder_fd >= 0)
        close(drain->folder_fd);
    free(drain->events.words);
    span_clock_deinit(&drain->clock);
    free(drain);
}
