/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/vec.h"
#include "kernel/bpf_calls.h"
#include "kernel/watch_skeleton.h"

#define RING_BYTES   (4u << 20)
#define HOLD_BACK_NS (2 * NS_PER_MS)
#define CPU_LIMIT    4096
#define IO_BATCH     512 /* more than a bucket of the kernel's table ever holds */
#define WORD         sizeof(uint64_t)

/* A record that was taken from the ring and not delivered yet: `size` bytes from `at` in words. */
struct pending {
    uint64_t time_ns;
    size_t at, size;
};

struct stack_known {
    uint32_t count;
    uint64_t addresses[];
};

struct bpf_source {
    struct watch_bpf *programs;
    struct ring_buffer *ring;
    struct perf_source *perf;
    int epoll_fd;
    VEC(uint64_t) words;
    VEC(struct pending) pending; /* in order of arrival, sorted by each drain */
    size_t delivered;            /* of `pending`, in this drain */
    uint64_t last_ns;
    size_t cpu_count;
    struct bpf_counts_seen counts;
    bool is_out_of_memory;
    struct stack_known **stacks;  /* by number */
    struct bpf_link *io_links[2]; /* NULL: not on */

    /* Of the drain that goes on. */
    bpf_event_fn *each;
    void *context;
};

/* What libbpf said last, one line: the reason behind a failed load. */
static char complaint[256];

__attribute__((format(printf, 2, 0))) static int complaint_keep(enum libbpf_print_level level,
                                                                const char *format, va_list arguments)
{
    if (level != LIBBPF_WARN)
        return 0;
    char text[sizeof complaint];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    if (!complaint[0] && text[0])
        memcpy(complaint, text, sizeof complaint);
    return 0;
}

bool bpf_is_built(void)
{
    return true;
}

static int open_failed(int errnum, struct err *err)
{
    int code = err_errno(err, errnum, "could not load eBPF programs");
    if (errnum == EPERM || errnum == EACCES)
        err_hint(err, "they need CAP_BPF and CAP_PERFMON: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace=ep "
                      "$(which toll), or run as root; in a container: --cap-add BPF --cap-add PERFMON; "
                      "--recorder perf and proc work without");
    else
        err_hint(err, "%s; --recorder perf and proc work without",
                 complaint[0] ? complaint : "they need Linux 5.11 or newer with BTF");
    return code;
}

/* Programs are loaded by the kernel's checker, about 30 ms, then switched on one by one. */
static int programs_open(struct bpf_source *source, const struct bpf_source_options *options, struct err *err)
{
    complaint[0] = '\0';
    libbpf_set_print(complaint_keep);
    source->programs = watch_bpf__open();
    if (!source->programs)
        return open_failed(errno, err);
    struct watch_bpf *programs = source->programs;
    programs->rodata->with_stacks = !options->no_stacks;
    programs->rodata->with_dumps = options->dump_bytes > 0;
    programs->rodata->whole_machine = options->whole_machine;
    programs->rodata->ring_half_bytes = RING_BYTES / 2;
    bpf_calls_fill(programs->rodata->call_kinds);
    bpf_calls_fill_io(programs->rodata->io_rules);
    bpf_map__set_max_entries(programs->maps.ring, RING_BYTES);
    int status = watch_bpf__load(programs);
    return status ? open_failed(-status, err) : 0;
}

/* The sampling filter is attached to the perf events; all others to their tracepoints. */
static int programs_attach(struct bpf_source *source, struct err *err)
{
    struct watch_bpf *programs = source->programs;

    bpf_program__set_autoattach(programs->progs.on_sample, false);
    bpf_program__set_autoattach(programs->progs.on_enter, false);
    bpf_program__set_autoattach(programs->progs.on_return, false);
    int status = watch_bpf__attach(programs);
    return status ? open_failed(-status, err) : 0;
}

/* What a Python stack is made of is asked for at once. */
static int python_take(struct bpf_source *source, const void *bytes, size_t size)
{
    struct bpf_event_room room;
    struct bpf_event event;
    struct err err;

    if (!bpf_event_decode(bytes, size, &room, &event)) {
        source->counts.broken_count++;
        return 0;
    }
    if (source->each(source->context, &event, &err)) {
        source->is_out_of_memory = true;
        return -ENOMEM;
    }
    return 0;
}

static int record_take(void *context, void *bytes, size_t size)
{
    struct bpf_source *source = context;
    struct pending pending = {.at = source->words.count, .size = size};
    size_t word_count = (size + WORD - 1) / WORD;

    if (size < sizeof(struct bpf_head)) {
        source->counts.broken_count++;
        return 0;
    }
    if (((const struct bpf_head *)bytes)->kind == BPF_RECORD_PYTHON)
        return python_take(source, bytes, size);
    memcpy(&pending.time_ns, (const char *)bytes + offsetof(struct bpf_head, time_ns),
           sizeof pending.time_ns);
    if (vec_reserve(&source->words, source->words.count + word_count) ||
        vec_push(&source->pending, pending)) {
        source->is_out_of_memory = true;
        return -ENOMEM;
    }
    memcpy(source->words.items + source->words.count, bytes, size);
    source->words.count += word_count;
    return 0;
}

static int wait_open(struct bpf_source *source, struct err *err)
{
    source->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (source->epoll_fd < 0)
        return err_errno(err, errno, "could not make an epoll descriptor");
    source->ring = ring_buffer__new(bpf_map__fd(source->programs->maps.ring), record_take, source, NULL);
    if (!source->ring)
        return err_errno(err, errno, "could not map the ring of eBPF programs");
    int fds[] = {ring_buffer__epoll_fd(source->ring), perf_wait_fd(source->perf)};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(source->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) < 0)
            return err_errno(err, errno, "could not wait for events");
    }
    return 0;
}

static int perf_part_open(struct bpf_source *source, const struct bpf_source_options *options,
                          struct err *err)
{
    struct perf_options perf = {.rate_hz = options->rate_hz,
                                .dump_bytes = options->dump_bytes,
                                .no_samples = options->no_samples,
                                .whole_machine = true,
                                .no_tree = true,
                                .no_switches = true};

    int code = perf_open(&perf, &source->perf, err);
    if (code)
        return code;
    /* Where a kernel does not take the filter, samples of others come too, and are skipped by the caller. */
    if (perf_filter(source->perf, bpf_program__fd(source->programs->progs.on_sample), NULL))
        return 0;
    return 0;
}

int bpf_follow(struct bpf_source *source, const struct bpf_thread *thread, struct err *err)
{
    source->programs->bss->marks[thread->tid % BPF_MARK_COUNT] = 1;
    int status = bpf_map__update_elem(source->programs->maps.threads, &thread->tid, sizeof thread->tid,
                                      thread, sizeof *thread, BPF_NOEXIST);
    if (status == -E2BIG)
        source->counts.unfollowed_count++;
    else if (status && status != -EEXIST)
        return err_errno(err, -status, "could not follow thread '%u'", thread->tid);
    return 0;
}

int bpf_open(const struct bpf_source_options *options, struct bpf_source **ret_source, struct err *err)
{
    struct bpf_source *source = calloc(1, sizeof *source);
    if (!source)
        return err_memory(err);
    source->epoll_fd = -1;
    int cpu_count = libbpf_num_possible_cpus();
    source->cpu_count = cpu_count > 0 && cpu_count < CPU_LIMIT ? (size_t)cpu_count : 1;
    source->stacks = calloc(BPF_STACK_COUNT, sizeof *source->stacks);
    int code = source->stacks ? programs_open(source, options, err) : err_memory(err);
    if (!code)
        code = perf_part_open(source, options, err);
    if (!code)
        code = wait_open(source, err);
    if (!code)
        code = programs_attach(source, err);
    if (code) {
        bpf_close(source);
        return code;
    }
    *ret_source = source;
    return 0;
}

int bpf_wait_fd(const struct bpf_source *source)
{
    return source->epoll_fd;
}

static int pending_compare(const void *left, const void *right)
{
    const struct pending *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->at < b->at ? -1 : 1; /* as they came */
}

static int event_deliver(struct bpf_source *source, struct bpf_event *event, struct err *err)
{
    source->counts.late_count += event->time_ns < source->last_ns;
    source->last_ns = event->time_ns = num_max(event->time_ns, source->last_ns);
    source->counts.event_count++;
    return source->each(source->context, event, err);
}

/* Delivers the records up to that time. */
static int pending_deliver(struct bpf_source *source, uint64_t until_ns, struct err *err)
{
    struct bpf_event_room room;
    struct bpf_event event;
    int code = 0;

    while (!code && source->delivered < source->pending.count &&
           source->pending.items[source->delivered].time_ns <= until_ns) {
        const struct pending *pending = &source->pending.items[source->delivered++];
        if (bpf_event_decode(source->words.items + pending->at, pending->size, &room, &event))
            code = event_deliver(source, &event, err);
        else
            source->counts.broken_count++;
    }
    return code;
}

static int on_perf(void *context, const struct perf_event *perf, struct err *err)
{
    struct bpf_source *source = context;
    struct bpf_event event = {.time_ns = perf->time_ns, .pid = perf->pid, .tid = perf->tid, .perf = perf};
    int code = pending_deliver(source, perf->time_ns, err);

    return code ? code : event_deliver(source, &event, err);
}

/* What was not delivered moves to the front. */
static void pending_keep(struct bpf_source *source)
{
    size_t count = 0, at = 0;

    if (source->delivered == 0)
        return;
    /* Sorted by time, so places in `words` are not in order: they are copied to a new array when something is left. */
    size_t left = source->pending.count - source->delivered;
    if (left == 0) {
        source->pending.count = source->words.count = 0;
        return;
    }
    VEC(uint64_t) words = {0};
    for (size_t i = source->delivered; i < source->pending.count; i++)
        at += (source->pending.items[i].size + WORD - 1) / WORD;
    if (vec_reserve(&words, at)) {
        memmove(source->pending.items, source->pending.items + source->delivered,
                left * sizeof *source->pending.items);
        source->pending.count = left;
        return;
    }
    for (size_t i = source->delivered; i < source->pending.count; i++) {
        struct pending pending = source->pending.items[i];
        size_t word_count = (pending.size + WORD - 1) / WORD;
        memcpy(words.items + words.count, source->words.items + pending.at, word_count * WORD);
        pending.at = words.count;
        words.count += word_count;
        source->pending.items[count++] = pending;
    }
    source->pending.count = count;
    vec_free(&source->words);
    source->words.items = words.items;
    source->words.count = words.count;
    source->words.capacity = words.capacity;
}

int bpf_drain(struct bpf_source *source, bool flush, bpf_event_fn *each, void *context, struct err *err)
{
    uint64_t bound_ns = flush ? UINT64_MAX : clock_monotonic_ns() - HOLD_BACK_NS;

    source->each = each;
    source->context = context;
    source->delivered = 0;
    int taken = ring_buffer__consume(source->ring);
    if (taken < 0 && source->is_out_of_memory)
        return err_memory(err);
    if (source->pending.count)
        qsort(source->pending.items, source->pending.count, sizeof *source->pending.items, pending_compare);
    int code = perf_drain(source->perf, flush, on_perf, source, err);
    if (!code)
        code = pending_deliver(source, bound_ns, err);
    pending_keep(source);
    return code;
}

size_t bpf_stack(struct bpf_source *source, int32_t stack, const uint64_t **ret_addresses)
{
    uint64_t addresses[BPF_STACK_DEPTH];
    uint32_t key = (uint32_t)stack, count = 0;

    if (stack < 0 || stack >= BPF_STACK_COUNT)
        return 0;
    struct stack_known *known = source->stacks[stack];
    if (!known) {
        if (bpf_map__lookup_elem(source->programs->maps.stacks, &key, sizeof key, addresses, sizeof addresses,
                                 0))
            return 0;
        while (count < BPF_STACK_DEPTH && addresses[count])
            count++;
        known = malloc(sizeof *known + count * sizeof addresses[0]);
        if (!known)
            return 0;
        known->count = count;
        memcpy(known->addresses, addresses, count * sizeof addresses[0]);
        source->stacks[stack] = known;
    }
    *ret_addresses = known->addresses;
    return known->count;
}

bool bpf_thread_read(struct bpf_source *source, uint32_t tid, struct bpf_thread *ret_thread)
{
    return bpf_map__lookup_elem(source->programs->maps.threads, &tid, sizeof tid, ret_thread,
                                sizeof *ret_thread, 0) == 0;
}

/* One value for each possible CPU. */
static bool counts_read(const struct bpf_source *source, uint64_t (*ret_values)[BPF_COUNT_END])
{
    uint32_t zero = 0;
    return bpf_map__lookup_elem(source->programs->maps.counts, &zero, sizeof zero, ret_values,
                                source->cpu_count * sizeof ret_values[0], 0) == 0;
}

uint64_t bpf_cpu_ns(const struct bpf_source *source, uint64_t now_ns)
{
    uint64_t(*values)[BPF_COUNT_END] = calloc(source->cpu_count, sizeof *values);
    uint64_t sum_ns = 0;

    for (size_t i = 0; values && counts_read(source, values) && i < source->cpu_count; i++) {
        uint64_t since_ns = values[i][BPF_COUNT_ON_CPU_NS];
        sum_ns += values[i][BPF_COUNT_RUN_NS] + (since_ns && now_ns > since_ns ? now_ns - since_ns : 0);
    }
    free(values);
    return sum_ns;
}

struct bpf_counts_seen bpf_counts(const struct bpf_source *source)
{
    struct bpf_counts_seen counts = source->counts;
    struct perf_counts perf = perf_counts(source->perf);
    uint64_t(*values)[BPF_COUNT_END] = calloc(source->cpu_count, sizeof *values);

    counts.lost_count += perf.lost_count;
    counts.broken_count += perf.broken_count;
    bool is_read = values && counts_read(source, values);
    for (size_t i = 0; is_read && i < source->cpu_count; i++) {
        counts.lost_count += values[i][BPF_COUNT_RING_FULL];
        counts.unfollowed_count += values[i][BPF_COUNT_THREAD_FULL];
        counts.stack_lost_count += values[i][BPF_COUNT_STACK_LOST];
        counts.io_lost_count += values[i][BPF_COUNT_IO_FULL];
    }
    free(values);
    return counts;
}

int bpf_python_put(struct bpf_source *source, uint32_t pid, const struct bpf_python *python, struct err *err)
{
    source->programs->bss->has_python = 1;
    int status = bpf_map__update_elem(source->programs->maps.pythons, &pid, sizeof pid, python,
                                      sizeof *python, BPF_ANY);
    if (status && status != -E2BIG) /* too many: without Python stacks */
        return err_errno(err, -status, "could not tell eBPF programs of Python process '%u'", pid);
    return 0;
}

/* The exit first: an entry that nobody waits for is never used. */
int bpf_io_start(struct bpf_source *source, struct err *err)
{
    source->programs->bss->io_start_ns = clock_monotonic_ns();
    source->io_links[0] = bpf_program__attach(source->programs->progs.on_enter);
    source->io_links[1] = source->io_links[0] ? bpf_program__attach(source->programs->progs.on_return) : NULL;
    if (source->io_links[1])
        return 0;
    int errnum = errno;
    bpf_io_stop(source);
    return err_errno(err, errnum, "could not count system calls");
}

void bpf_io_stop(struct bpf_source *source)
{
    for (size_t i = 0; i < 2; i++) {
        bpf_link__destroy(source->io_links[i]);
        source->io_links[i] = NULL;
    }
}

static void io_add(struct bpf_io *sum, const struct bpf_io *one)
{
    sum->bytes += one->bytes;
    sum->time_ns += one->time_ns;
    for (size_t i = 0; i < BPF_IO_BUCKETS; i++) {
        sum->sizes[i] += one->sizes[i];
        sum->latencies[i] += one->latencies[i];
    }
}

/* The sums over all CPUs of one entry of the batch. */
static int io_deliver(const struct bpf_source *source, const struct bpf_io_key *key,
                      const struct bpf_io *of_cpus, bpf_io_fn *each, void *context, struct err *err)
{
    struct bpf_io sum = {0};
    struct bpf_io_file file;

    for (size_t i = 0; i < source->cpu_count; i++)
        io_add(&sum, &of_cpus[i]);
    if (bpf_map__lookup_elem(source->programs->maps.io_files, &key->file, sizeof key->file, &file,
                             sizeof file, 0) ||
        !bpf_io_file_is_sane(&file))
        return 0;
    return each(context, key, &sum, &file, err);
}

int bpf_io_take(struct bpf_source *source, bpf_io_fn *each, void *context, struct err *err)
{
    int map = bpf_map__fd(source->programs->maps.ios), status = 0;
    struct bpf_io_key *keys = calloc(IO_BATCH, sizeof *keys);
    struct bpf_io *ios = calloc(IO_BATCH * source->cpu_count, sizeof *ios);
    uint32_t place = 0, before = 0, count = IO_BATCH;
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    int code = keys && ios ? 0 : err_memory(err);

    for (size_t round = 0; !code && !status && round < BPF_IO_COUNT; round++) {
        count = IO_BATCH;
        status =
            bpf_map_lookup_and_delete_batch(map, round ? &before : NULL, &place, keys, ios, &count, &options);
        if (status && status != -ENOENT) /* ENOENT: those were the last */
            code = err_errno(err, -status, "could not read what was counted by peer");
        for (uint32_t i = 0; !code && i < count && i < IO_BATCH; i++)
            code = io_deliver(source, &keys[i], &ios[i * source->cpu_count], each, context, err);
        before = place;
    }
    free(keys);
    free(ios);
    return code;
}

const struct perf_source *bpf_perf(const struct bpf_source *source)
{
    return source->perf;
}

void bpf_close(struct bpf_source *source)
{
    if (!source)
        return;
    bpf_io_stop(source);
    ring_buffer__free(source->ring);
    if (source->perf)
        perf_close(source->perf);
    watch_bpf__destroy(source->programs);
    if (source->epoll_fd >= 0)
        close(source->epoll_fd);
    for (size_t i = 0; source->stacks && i < BPF_STACK_COUNT; i++)
        free(source->stacks[i]);
    free(source->stacks);
    vec_free(&source->words);
    vec_free(&source->pending);
    free(source);
}
