/* SPDX-License-Identifier: Apache-2.0 */
/* heap_drain: the session's file, its rings, their events into the book. The rows are in heap_rows.c. */
#include "heap/heap_drain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "heap/heap_lane.h"
#include "heap/heap_rows.h"
#include "rings/span_clock.h"

#define LANE_COUNT_MAX    16384
#define DESCRIPTOR_COUNT  (2u * LANE_COUNT_MAX)
#define PAUSE_NS_MIN      (NS_PER_MS / 5)
#define PAUSE_NS_SAMPLED  (20 * NS_PER_MS)
#define PAUSE_NS_EXACT    (5 * NS_PER_MS)
#define SWEEP_NS          (20 * NS_PER_MS)
#define FUTURE_US         1000000 /* an event that is later than the clock by more is nonsense */
#define SWEEPS_BEFORE_END 2       /* a process that is just being made is not known to all yet */

struct open_lane {
    struct heap_lane *lane;
    unsigned gone_count;
    uint64_t next; /* time of its event at hand */
};

struct heap_drain {
    int folder_fd, session_fd;
    struct heap_session session;
    struct span_clock clock;
    uint64_t ring_count; /* as seen when the folder was read last */
    uint64_t sweep_due_ns, pause_ns;
    struct heap_totals totals;
    uint64_t session_lost_count;
    VEC(struct open_lane) lanes;
    struct heap_codes codes;
    VEC(size_t) order; /* a binary heap of lanes with events, the earliest first */
    struct heap_book book;
    struct heap_rows rows;
};

static int session_make(struct heap_drain *drain, const struct heap_drain_options *options, struct err *err)
{
    bool is_tsc = !options->is_monotonic_forced && span_clock_is_tsc_good(),
         is_exact = options->mode == HEAP_EXACT;
    struct heap_session *session = &drain->session;

    *session =
        (struct heap_session){.magic = HEAP_MAGIC,
                              .version = HEAP_VERSION,
                              .clock = is_tsc ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC,
                              .mode = options->mode,
                              .word_count = is_exact ? HEAP_WORDS_EXACT : HEAP_WORDS_SAMPLED,
                              .rate_bytes = options->rate_bytes ? options->rate_bytes : HEAP_RATE_DEFAULT,
                              .seed = options->seed};
    if (span_clock_init(&drain->clock, (enum wire_clock)session->clock))
        return err_memory(err);
    session->ticks_per_us = span_clock_ticks_per_us(&drain->clock);
    session->start = session->alive = span_clock_raw(&drain->clock);
    drain->session_fd =
        openat(drain->folder_fd, HEAP_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (drain->session_fd < 0)
        return err_errno(err, errno, "could not make file '%s/%s'", options->folder, HEAP_FILE);
    int errnum = posix_fallocate(drain->session_fd, 0, HEAP_FILE_BYTES);
    if (errnum)
        return err_errno(err, errnum, "could not make file '%s/%s'", options->folder, HEAP_FILE);
    return fs_write_all(drain->session_fd, session, sizeof *session, err);
}

/* Every thread's ring takes a descriptor: the soft limit, made for programs that use select, is no reason to see less. */
static void descriptors_allow(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTOR_COUNT) {
        limit.rlim_cur = num_min(limit.rlim_max, DESCRIPTOR_COUNT);
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* refused: rings that cannot be opened are tried again */
    }
}

int heap_drain_create(const struct heap_drain_options *options, struct heap_drain **ret_drain,
                      struct err *err)
{
    struct heap_drain *drain = calloc(1, sizeof *drain);

    if (!drain)
        return err_memory(err);
    descriptors_allow();
    drain->session_fd = -1;
    drain->pause_ns = PAUSE_NS_MIN;
    drain->book.rate_bytes = options->mode == HEAP_EXACT
                                 ? 0
                                 : (double)(options->rate_bytes ? options->rate_bytes : HEAP_RATE_DEFAULT);
    drain->folder_fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = drain->folder_fd < 0 ? err_errno(err, errno, "could not open folder '%s'", options->folder)
                                      : session_make(drain, options, err);
    if (status) {
        heap_drain_destroy(drain);
        return status;
    }
    *ret_drain = drain;
    return 0;
}

static void field_write(const struct heap_drain *drain, size_t offset, uint64_t value)
{
    if (pwrite(drain->session_fd, &value, sizeof value, (off_t)offset) < 0)
        return; /* without it the programs stop */
}

static uint64_t ns_of(const struct heap_drain *drain, uint64_t since_start)
{
    return span_clock_ns(&drain->clock, drain->session.start + since_start);
}

/* --- rings --- */

/* False: there may be more than could be opened, now. */
static bool rings_find(struct heap_drain *drain)
{
    int fd = openat(drain->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    bool is_all = folder != NULL;

    if (!folder && fd >= 0)
        close(fd);
    for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        if (!str_starts(entry->d_name, "heap-"))
            continue;
        if (drain->lanes.count >= LANE_COUNT_MAX) {
            is_all = false;
            break;
        }
        errno = 0;
        struct heap_lane *lane = heap_lane_open(drain->folder_fd, entry->d_name, drain->session.word_count);
        is_all = is_all && (lane || (errno != EMFILE && errno != ENFILE));
        if (lane && vec_push(&drain->lanes, (struct open_lane){.lane = lane})) {
            heap_lane_destroy(lane);
            drain->totals.lost_count++;
        }
    }
    if (folder)
        closedir(folder);
    return is_all;
}

static void session_look(struct heap_drain *drain)
{
    struct heap_session now;

    if (pread(drain->session_fd, &now, sizeof now, 0) != (ssize_t)sizeof now)
        return;
    if (now.lost_count > drain->session_lost_count)
        drain->totals.lost_count += now.lost_count - drain->session_lost_count;
    drain->session_lost_count = num_max(now.lost_count, drain->session_lost_count);
    drain->totals.refused_count = num_max(now.refused_count, drain->totals.refused_count);
    drain->totals.is_given_up = drain->totals.is_given_up || now.closed;
    if (now.ring_count != drain->ring_count && rings_find(drain))
        drain->ring_count = now.ring_count;
}

/* The process's first ring says that it is there. */
static void image_note(struct heap_drain *drain, struct heap_lane *lane, uint64_t time,
                       const struct heap_host *host)
{
    size_t known = drain->book.images.count;

    lane->image = heap_book_image(&drain->book, lane->pid, lane->nonce, time);
    if (lane->image != UINT32_MAX && drain->book.images.count > known) {
        drain->totals.image_count++;
        drain->book.images.items[lane->image].track =
            host->image(host->context, lane->pid, ns_of(drain, time));
    }
}

/* --- events --- */

static void module_tell(struct heap_drain *drain, const struct heap_lane *lane, const uint64_t *words,
                        const struct heap_host *host)
{
    char path[HEAP_PATH_BYTES_MAX + 1];
    size_t length = (size_t)words[6];
    struct heap_module module = {.address = words[1],
                                 .length_bytes = words[2],
                                 .offset_bytes = words[3],
                                 .device = words[4],
                                 .inode = words[5],
                                 .path = path};

    if (!words[2] || words[1] + words[2] < words[1]) {
        drain->totals.broken_count++;
        return;
    }
    memcpy(path, words + 7, length);
    path[length] = '\0';
    host->module(host->context, lane->pid, &module);
}

static void code_tell(struct heap_drain *drain, const struct heap_lane *lane, const uint64_t *words,
                      const struct heap_host *host)
{
    struct heap_told_code code;

    if (heap_codes_is_new(&drain->codes, lane->image, words, &code) &&
        heap_codes_put(&drain->codes, lane->image, words, host->code(host->context, code.name, code.file)))
        drain->book.is_failed = true;
}

static void stack_tell(struct heap_drain *drain, const struct heap_lane *lane, const uint64_t *words,
                       const struct heap_host *host)
{
    bool is_dump = (words[0] & 15) == HEAP_DUMP;
    struct heap_told_stack stack = {.addresses = words + (is_dump ? 4 : 2),
                                    .count = (size_t)(words[1] >> 32 & 0xff),
                                    .sp = is_dump ? words[2] : 0,
                                    .bp = is_dump ? words[3] : 0,
                                    .top_bytes = is_dump ? (size_t)(words[1] >> 40) * 8 : 0,
                                    .frames = &lane->frames};

    stack.top = stack.addresses + stack.count;
    if (!stack.count) {
        drain->totals.broken_count++;
        return;
    }
    heap_book_stack(&drain->book, lane->image, (uint32_t)words[1],
                    host->stack(host->context, lane->pid, &stack));
}

static void taken_handle(struct heap_drain *drain, const struct heap_lane *lane, const uint64_t *words,
                         uint64_t unmapped_bytes)
{
    struct heap_book *book = &drain->book;
    struct heap_event event = {
        .time = lane->time,
        .address = words[1] & HEAP_ADDRESS_MASK,
        .size = words[2] & HEAP_ADDRESS_MASK,
        .stack = (uint32_t)(words[1] >> HEAP_ADDRESS_BITS | words[2] >> HEAP_ADDRESS_BITS << 16)};

    if ((words[0] & 15) == HEAP_ALLOC)
        heap_book_alloc(book, lane->image, &event);
    else if ((words[0] & 15) == HEAP_MAPPED || unmapped_bytes)
        heap_book_mapped(book, lane->image, &event);
}

static void event_handle(struct heap_drain *drain, struct heap_lane *lane, const uint64_t *words,
                         const struct heap_host *host)
{
    struct heap_book *book = &drain->book;
    struct heap_event event = {.time = lane->time};
    uint64_t kind = words[0] & 15, unmapped_bytes = lane->unmapped_bytes;

    drain->totals.event_count++;
    if (kind != HEAP_STACK && kind != HEAP_DUMP && kind != HEAP_MODULE && kind != HEAP_CODE &&
        kind != HEAP_PYTHON)
        lane->unmapped_bytes = 0;
    switch (kind) {
    case HEAP_ALLOC:
    case HEAP_MAPPED:
    case HEAP_REMAPPED: taken_handle(drain, lane, words, unmapped_bytes); break;
    case HEAP_FREE:
        event.address = words[1] & HEAP_ADDRESS_MASK;
        event.is_temporary = words[1] >> HEAP_ADDRESS_BITS == HEAP_FREE_TEMPORARY;
        heap_book_free(book, lane->image, &event);
        break;
    case HEAP_UNMAPPED:
        event.address = words[1] & HEAP_ADDRESS_MASK;
        event.size = words[2] & HEAP_ADDRESS_MASK;
        lane->unmapped_bytes = heap_book_unmapped(book, lane->image, &event);
        break;
    case HEAP_STACK:
    case HEAP_DUMP: stack_tell(drain, lane, words, host); break;
    case HEAP_MODULE: module_tell(drain, lane, words, host); break;
    case HEAP_ATTACH: lane->tid = (uint32_t)words[1]; break;
    case HEAP_CODE: code_tell(drain, lane, words, host); break;
    case HEAP_PYTHON: heap_frames_read(&drain->codes, lane->image, words, &lane->frames); return;
    default: break;
    }
    lane->frames.count = 0; /* they are of the event just behind */
}

/* The time of the lane's event at hand; UINT64_MAX: it has none that is older than `until`. */
static uint64_t lane_next(struct heap_drain *drain, struct heap_lane *lane, uint64_t until)
{
    const uint64_t *words;

    if (!heap_lane_event(lane, &words, &drain->totals.broken_count))
        return UINT64_MAX;
    uint64_t time = num_max(words[0] >> 4, lane->time);
    return time > until ? UINT64_MAX : time;
}

/* All events of a lane that are older than `until`; stops behind the first that is newer than `other`. */
static uint64_t lane_run(struct heap_drain *drain, struct heap_lane *lane, uint64_t until, uint64_t other,
                         const struct heap_host *host)
{
    for (;;) {
        const uint64_t *words;
        unsigned count = heap_lane_event(lane, &words, &drain->totals.broken_count);
        if (!count)
            return UINT64_MAX;
        uint64_t time = num_max(words[0] >> 4, lane->time);
        if (time > until)
            return UINT64_MAX;
        if (time > other)
            return time;
        lane->time = time;
        if (lane->image == UINT32_MAX)
            image_note(drain, lane, time, host);
        if (lane->image != UINT32_MAX)
            event_handle(drain, lane, words, host);
        lane->at += count;
    }
}

/* --- the order across rings: a binary heap of lanes --- */

static bool is_before(const struct heap_drain *drain, size_t a, size_t b)
{
    const struct open_lane *lanes = drain->lanes.items;
    return lanes[drain->order.items[a]].next < lanes[drain->order.items[b]].next;
}

static void order_sink(struct heap_drain *drain, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < drain->order.count; child++)
            if (is_before(drain, child, least))
                least = child;
        if (least == at)
            return;
        size_t moved = drain->order.items[at];
        drain->order.items[at] = drain->order.items[least];
        drain->order.items[least] = moved;
        at = least;
    }
}

/* The earliest event of any lane but the first of the order. */
static uint64_t second_time(const struct heap_drain *drain)
{
    uint64_t time = UINT64_MAX;

    for (size_t child = 1; child <= 2 && child < drain->order.count; child++)
        time = num_min(time, drain->lanes.items[drain->order.items[child]].next);
    return time;
}

static int events_run(struct heap_drain *drain, uint64_t until, const struct heap_host *host, struct err *err)
{
    drain->order.count = 0;
    for (size_t i = 0; i < drain->lanes.count; i++) {
        drain->lanes.items[i].next = lane_next(drain, drain->lanes.items[i].lane, until);
        if (drain->lanes.items[i].next != UINT64_MAX && vec_push(&drain->order, i))
            return err_memory(err);
    }
    for (size_t i = drain->order.count / 2; i-- > 0;)
        order_sink(drain, i);
    while (drain->order.count) {
        struct open_lane *first = &drain->lanes.items[drain->order.items[0]];
        first->next = lane_run(drain, first->lane, until, second_time(drain), host);
        if (first->next == UINT64_MAX)
            drain->order.items[0] = drain->order.items[--drain->order.count];
        order_sink(drain, 0);
    }
    return 0;
}

/* --- polls --- */

/* Among those that were kept and those that come yet. */
static bool image_has_rings(const struct heap_drain *drain, uint32_t image, size_t kept, size_t rest)
{
    for (size_t i = 0; i < drain->lanes.count; i = i + 1 == kept ? rest : i + 1) {
        if (i >= kept && i < rest)
            continue;
        if (drain->lanes.items[i].lane->image == image)
            return true;
    }
    return false;
}

/* A ring whose process is gone is let go when it is empty; with its last ring the image ends. */
static void lanes_sweep(struct heap_drain *drain, const struct heap_host *host)
{
    size_t kept = 0;

    for (size_t i = 0; i < drain->lanes.count; i++) {
        struct open_lane *open = &drain->lanes.items[i];
        bool is_gone =
            open->lane->at >= open->lane->words.count && !host->is_there(host->context, open->lane->pid);
        open->gone_count = is_gone ? open->gone_count + 1 : 0;
        if (open->gone_count < SWEEPS_BEFORE_END) {
            drain->lanes.items[kept++] = *open;
            continue;
        }
        uint32_t image = open->lane->image;
        heap_lane_destroy(open->lane);
        if (image != UINT32_MAX && !image_has_rings(drain, image, kept, i + 1))
            heap_book_end(&drain->book, image);
    }
    drain->lanes.count = kept;
}

static void pause_set(struct heap_drain *drain, uint64_t busiest)
{
    bool is_exact = drain->session.mode == HEAP_EXACT;

    if (is_exact && busiest > drain->session.word_count / 16)
        drain->pause_ns = 0;
    else if (busiest > drain->session.word_count / 8)
        drain->pause_ns /= 2;
    else if (busiest < drain->session.word_count / 32)
        drain->pause_ns += num_max(drain->pause_ns / 4, PAUSE_NS_MIN);
    drain->pause_ns = num_min(drain->pause_ns, is_exact ? PAUSE_NS_EXACT : PAUSE_NS_SAMPLED);
}

static int poll_once(struct heap_drain *drain, const struct heap_host *host, uint64_t now_ns, struct err *err)
{
    uint64_t busiest = 0;

    if (span_clock_look(&drain->clock))
        return err_memory(err);
    uint64_t raw = span_clock_raw(&drain->clock);
    field_write(drain, offsetof(struct heap_session, alive), raw);
    session_look(drain);
    for (size_t i = 0; i < drain->lanes.count; i++)
        busiest = num_max(busiest, heap_lane_read(drain->lanes.items[i].lane, &drain->totals.lost_count));
    uint64_t latest = span_clock_raw(&drain->clock) - drain->session.start;
    latest += FUTURE_US * drain->session.ticks_per_us;
    for (size_t i = 0; i < drain->lanes.count; i++)
        drain->lanes.items[i].lane->latest = latest;
    int status = events_run(drain, raw - drain->session.start, host, err);
    if (!status && now_ns >= drain->sweep_due_ns) {
        lanes_sweep(drain, host);
        drain->sweep_due_ns = now_ns + SWEEP_NS;
    }
    pause_set(drain, busiest);
    return !status && drain->book.is_failed ? err_memory(err) : status;
}

int heap_drain_poll(struct heap_drain *drain, const struct heap_host *host, struct sink *sink,
                    struct err *err)
{
    uint64_t now_ns = clock_monotonic_ns();
    int status = poll_once(drain, host, now_ns, err);

    return status ? status : heap_rows_tick(&drain->rows, &drain->book, host, sink, now_ns, err);
}

uint64_t heap_drain_pause_ns(const struct heap_drain *drain)
{
    return drain->pause_ns;
}

int heap_drain_finish(struct heap_drain *drain, const struct heap_host *host, struct sink *sink,
                      struct err *err)
{
    /* Twice: what lies behind the clock's reading in the first is before that of the second. */
    int status = poll_once(drain, host, clock_monotonic_ns(), err);

    if (!status)
        status = poll_once(drain, host, clock_monotonic_ns(), err);
    field_write(drain, offsetof(struct heap_session, closed), 1); /* nobody waits for a reader any more */
    if (!status)
        status = heap_rows_write(&drain->rows, &drain->book, host, sink, clock_monotonic_ns(), err);
    if (status)
        return status;
    heap_book_close(&drain->book);
    for (size_t i = 0; i < drain->book.images.count; i++) {
        struct heap_image *image = &drain->book.images.items[i];
        image->start = ns_of(drain, image->start);
        image->end = ns_of(drain, image->end);
    }
    drain->book.peak_time = ns_of(drain, drain->book.peak_time);
    return heap_rows_table(&drain->book, sink, err);
}

struct heap_totals heap_drain_totals(const struct heap_drain *drain)
{
    return drain->totals;
}

const struct heap_book *heap_drain_book(const struct heap_drain *drain)
{
    return &drain->book;
}

void heap_drain_destroy(struct heap_drain *drain)
{
    if (!drain)
        return;
    for (size_t i = 0; i < drain->lanes.count; i++)
        heap_lane_destroy(drain->lanes.items[i].lane);
    vec_free(&drain->lanes);
    vec_free(&drain->order);
    heap_codes_deinit(&drain->codes);
    if (drain->session_fd >= 0) {
        field_write(drain, offsetof(struct heap_session, closed), 1);
        close(drain->session_fd);
    }
    if (drain->folder_fd >= 0)
        close(drain->folder_fd);
    heap_book_deinit(&drain->book);
    span_clock_deinit(&drain->clock);
    free(drain);
}
