/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/uprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/vec.h"
#include "kernel/event_files.h"

#define PMU_TYPE      "/sys/bus/event_source/devices/uprobe/type"
#define CPU_COUNT_MAX 1024
#define RING_BYTES    (256u << 10)
#define HOLD_BACK_NS  (2 * NS_PER_MS)
#define COUNTER_SHIFT 32 /* of the semaphore's offset in config */
#define HEADER_BYTES  sizeof(struct perf_event_header)
#define FIXED_BYTES   (HEADER_BYTES + 24) /* id; pid, tid; time */
#define RECORD_BYTES  4096

struct ring {
    int fd; /* of the first point's event on that CPU, which owns the ring */
    int cpu;
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    bool has_lost; /* before what it tells next */
};

struct event {
    int fd;
    uint64_t id;
    size_t point;
};

struct uprobes {
    uint32_t type;
    VEC(struct ring) rings;
    VEC(struct event) events;
    VEC(struct uprobe_point) points; /* without their paths */
    VEC(struct uprobe_hit) hits;     /* held back, or of this drain */
    size_t page_bytes;
    uint64_t lost_count;
    bool is_busy;
    bool is_stopped; /* atomic */
};

int uprobes_open(struct uprobes **ret_probes, struct err *err)
{
    char text[32];
    uint64_t type = 0;
    ssize_t length = fs_read_small(PMU_TYPE, text, sizeof text);

    if (length > 1 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    if (length <= 1 || num_parse_u64(text, &type) || type > UINT32_MAX)
        return err_set(err, ERR_ENVIRONMENT, "this kernel has no uprobes (%s is missing)", PMU_TYPE);
    struct uprobes *probes = calloc(1, sizeof *probes);
    if (!probes)
        return err_memory(err);
    probes->type = (uint32_t)type;
    probes->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    *ret_probes = probes;
    return 0;
}

/* All from one on. The kernel takes each event's place away for itself, and waits until no CPU is in it: that is left to another. */
static void events_close(struct uprobes *probes, size_t first)
{
    VEC(int) fds = {0};
    size_t count = probes->events.count - first;

    if (vec_reserve(&fds, count)) {
        for (size_t i = first; i < probes->events.count; i++)
            close(probes->events.items[i].fd);
    } else if (count) {
        for (size_t i = first; i < probes->events.count; i++)
            fds.items[fds.count++] = probes->events.items[i].fd;
        int gate = event_files_leave(fds.items, fds.count);
        if (gate >= 0)
            close(gate);
    }
    probes->events.count = first;
    vec_free(&fds);
}

void uprobes_stop(struct uprobes *probes)
{
    __atomic_store_n(&probes->is_stopped, true, __ATOMIC_RELAXED);
}

void uprobes_cut(struct uprobes *probes, size_t count)
{
    size_t first = 0, kept = 0;

    while (first < probes->events.count && probes->events.items[first].point < count)
        first++;
    for (size_t i = 0; i < probes->rings.count; i++) {
        struct ring ring = probes->rings.items[i];
        bool is_needed = false;
        for (size_t k = 0; k < first; k++)
            is_needed = is_needed || probes->events.items[k].fd == ring.fd;
        if (is_needed)
            probes->rings.items[kept++] = ring;
        else
            munmap(ring.page, probes->page_bytes + RING_BYTES);
    }
    probes->rings.count = kept;
    events_close(probes, first);
    probes->points.count = num_min(count, probes->points.count);
}

void uprobes_close(struct uprobes *probes)
{
    if (!probes)
        return;
    uprobes_cut(probes, 0);
    vec_free(&probes->rings);
    vec_free(&probes->events);
    vec_free(&probes->points);
    vec_free(&probes->hits);
    free(probes);
}

/* --- adding --- */

static struct perf_event_attr attr_of(const struct uprobes *probes, const struct uprobe_point *point)
{
    struct perf_event_attr attr = {.size = sizeof attr,
                                   .type = probes->type,
                                   .config = point->counter_offset << COUNTER_SHIFT,
                                   .uprobe_path = (uint64_t)(uintptr_t)point->path,
                                   .probe_offset = point->offset,
                                   .sample_period = 1,
                                   .sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
                                   .use_clockid = 1,
                                   .clockid = CLOCK_MONOTONIC,
                                   .watermark = 1,
                                   .wakeup_watermark = RING_BYTES / 2};
    if (point->registers) {
        attr.sample_type |= PERF_SAMPLE_REGS_USER;
        attr.sample_regs_user = point->registers;
    }
    if (point->stack_bytes) {
        attr.sample_type |= PERF_SAMPLE_STACK_USER;
        attr.sample_stack_user = point->stack_bytes;
    }
    return attr;
}

static int ring_map(struct uprobes *probes, int fd, int cpu)
{
    void *page = mmap(NULL, probes->page_bytes + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return -1;
    struct ring ring = {
        .fd = fd, .cpu = cpu, .page = page, .data = (const uint8_t *)page + probes->page_bytes};
    if (vec_push(&probes->rings, ring)) {
        munmap(page, probes->page_bytes + RING_BYTES);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* The event's records go into the ring of its CPU. */
static int event_join(struct uprobes *probes, int fd, int cpu)
{
    for (size_t i = 0; i < probes->rings.count; i++)
        if (probes->rings.items[i].cpu == cpu)
            return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, probes->rings.items[i].fd);
    return ring_map(probes, fd, cpu);
}

static int event_add(struct uprobes *probes, const struct uprobe_point *point, int cpu)
{
    struct perf_event_attr attr = attr_of(probes, point);
    struct event event = {.point = probes->points.count};
    if (__atomic_load_n(&probes->is_stopped, __ATOMIC_RELAXED)) {
        errno = ECANCELED;
        return -1;
    }
    event.fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (event.fd < 0)
        return errno == ENODEV ? 0 : -1; /* that CPU is offline */
    if (ioctl(event.fd, PERF_EVENT_IOC_ID, &event.id) ||
        vec_reserve(&probes->events, probes->events.count + 1) || event_join(probes, event.fd, cpu)) {
        int errnum = errno;
        close(event.fd);
        errno = errnum;
        return -1;
    }
    probes->events.items[probes->events.count++] = event;
    return 0;
}

int uprobes_add(struct uprobes *probes, const struct uprobe_point *point, size_t *ret_index, struct err *err)
{
    struct uprobe_point rounded = *point;
    long cpu_count = sysconf(_SC_NPROCESSORS_CONF);

    rounded.stack_bytes = (uint32_t)num_min((point->stack_bytes + 7u) & ~7u, UPROBE_STACK_MAX);
    if (probes->points.count >= UPROBE_POINT_MAX || point->counter_offset > UINT32_MAX ||
        (point->registers && __builtin_popcountll(point->registers) > UPROBE_REGISTER_MAX))
        return err_set(err, ERR_USAGE, "could not watch '%s': there are too many places", point->path);
    if (vec_reserve(&probes->points, probes->points.count + 1))
        return err_memory(err);
    event_files_allow_more((size_t)num_max((uint64_t)cpu_count, 1));
    for (int cpu = 0; cpu < cpu_count && cpu < CPU_COUNT_MAX; cpu++)
        if (event_add(probes, &rounded, cpu))
            return err_errno(err, errno, "could not watch a place in '%s'", point->path);
    *ret_index = probes->points.count;
    rounded.path = NULL;
    probes->points.items[probes->points.count++] = rounded;
    return 0;
}

/* The kernel asks for the right first: that there is no such file is told to those who have it. */
int uprobes_try(struct err *err)
{
    const struct uprobe_point point = {.path = "/nonexistent/toll"};
    struct uprobes *probes = NULL;
    int status = uprobes_open(&probes, err);

    if (status) {
        err_hint(err, "a kernel with CONFIG_UPROBE_EVENTS");
        return status;
    }
    struct perf_event_attr attr = attr_of(probes, &point);
    int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    int errnum = errno;
    uprobes_close(probes);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || errnum == ENOENT)
        return 0;
    err_errno(err, errnum, "could not watch places in programs");
    err_hint(
        err,
        "run toll as root, or: sudo setcap cap_perfmon=ep $(which toll); in a container: --cap-add PERFMON");
    return -ERR_ENVIRONMENT;
}

/* --- draining --- */

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static const struct event *event_of(const struct uprobes *probes, uint64_t id)
{
    for (size_t i = 0; i < probes->events.count; i++)
        if (probes->events.items[i].id == id)
            return &probes->events.items[i];
    return NULL;
}

/* Behind the fixed part: abi, registers; size, bytes, how many of them are filled. */
static bool state_read(const uint8_t *bytes, size_t left, const struct uprobe_point *point,
                       struct uprobe_hit *hit)
{
    size_t count = (size_t)__builtin_popcountll(point->registers);
    if (count) {
        if (left < 8)
            return false;
        bool is_told = get_u64(bytes) != PERF_SAMPLE_REGS_ABI_NONE;
        size_t length = 8 + (is_told ? 8 * count : 0);
        if (left < length)
            return false;
        if (is_told)
            memcpy(hit->registers, bytes + 8, 8 * count);
        bytes += length;
        left -= length;
    }
    if (!point->stack_bytes)
        return true;
    if (left < 8)
        return false;
    uint64_t size = get_u64(bytes);
    if (size == 0)
        return true;
    if (size > UPROBE_STACK_MAX || left < 16 + size)
        return false;
    memcpy(hit->stack, bytes + 8, size);
    hit->stack_bytes = (size_t)num_min(get_u64(bytes + 8 + size), size);
    return true;
}

/* Told of with the next that has a time. */
static void ring_lose(struct uprobes *probes, struct ring *ring, uint64_t count)
{
    probes->lost_count += count;
    ring->has_lost = true;
}

static int record_take(struct uprobes *probes, struct ring *ring, const uint8_t *record,
                       const struct perf_event_header *header)
{
    if (header->type == PERF_RECORD_LOST && header->size >= HEADER_BYTES + 16)
        ring_lose(probes, ring, get_u64(record + HEADER_BYTES + 8));
    if (header->type != PERF_RECORD_SAMPLE || header->size < FIXED_BYTES)
        return 0;
    const struct event *event = event_of(probes, get_u64(record + HEADER_BYTES));
    if (!event || event->point >= probes->points.count)
        return 0;
    uint64_t who = get_u64(record + HEADER_BYTES + 8);
    struct uprobe_hit hit = {.point = event->point,
                             .pid = (uint32_t)who,
                             .tid = (uint32_t)(who >> 32),
                             .time_ns = get_u64(record + HEADER_BYTES + 16)};
    struct uprobe_hit lost = {.point = UPROBE_LOST, .time_ns = hit.time_ns};
    if (ring->has_lost && vec_push(&probes->hits, lost))
        return -1;
    ring->has_lost = false;
    if (!state_read(record + FIXED_BYTES, header->size - FIXED_BYTES, &probes->points.items[event->point],
                    &hit))
        return 0;
    return vec_push(&probes->hits, hit);
}

static int ring_drain(struct uprobes *probes, struct ring *ring)
{
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail;
    uint8_t record[RECORD_BYTES];
    int status = 0;

    if (head - tail > RING_BYTES) { /* nothing in it can be told apart */
        ring_lose(probes, ring, 1);
        tail = head;
    }
    probes->is_busy = probes->is_busy || head - tail > RING_BYTES / 4;
    while (!status && head - tail >= HEADER_BYTES) {
        uint64_t start = tail & (RING_BYTES - 1);
        struct perf_event_header header;
        memcpy(&header, ring->data + start, sizeof header); /* records begin at multiples of 8 */
        if (header.size < HEADER_BYTES || header.size > head - tail || header.size > sizeof record) {
            ring_lose(probes, ring, 1);
            tail = head;
            break;
        }
        size_t first = (size_t)num_min(RING_BYTES - start, header.size);
        memcpy(record, ring->data + start, first);
        memcpy(record + first, ring->data, header.size - first);
        status = record_take(probes, ring, record, &header);
        tail += header.size;
    }
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
    return status;
}

/* A thread's hits come in their order: those of one moment stay as they were read, from one CPU. */
static int compare_hits(const void *a, const void *b)
{
    const struct uprobe_hit *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? 1 : -1;
    return (y->point == UPROBE_LOST) - (x->point == UPROBE_LOST);
}

int uprobes_drain(struct uprobes *probes, bool flush, uprobe_hit_fn *each, void *context, struct err *err)
{
    uint64_t bound_ns = flush ? UINT64_MAX : clock_monotonic_ns() - HOLD_BACK_NS;
    size_t count = 0;
    int status = 0;

    probes->is_busy = false;
    for (size_t i = 0; i < probes->rings.count && !status; i++)
        status = ring_drain(probes, &probes->rings.items[i]);
    if (status)
        return err_memory(err);
    if (!probes->hits.count)
        return 0;
    qsort(probes->hits.items, probes->hits.count, sizeof *probes->hits.items, compare_hits);
    for (; count < probes->hits.count && probes->hits.items[count].time_ns <= bound_ns && !status; count++)
        status = each(context, &probes->hits.items[count], err);
    probes->hits.count -= count;
    memmove(probes->hits.items, probes->hits.items + count, probes->hits.count * sizeof *probes->hits.items);
    return status;
}

uint64_t uprobes_lost_count(const struct uprobes *probes)
{
    return probes->lost_count;
}

bool uprobes_are_busy(const struct uprobes *probes)
{
    return probes->is_busy;
}
