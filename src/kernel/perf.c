/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/perf.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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
#include "kernel/perf_ring.h"

/* What the rest of the program holds open, at most: two per thread that is looked at, and files. */
#define DESCRIPTORS_OTHER 4096u
#define RATE_HZ_MAX       10000u
#define CPU_COUNT_LIMIT   4096u

/* The kernel lets an ordinary user lock 512 KiB and a header page per CPU (perf_event_mlock_kb 516), then
 * counts against RLIMIT_MEMLOCK. */
#define RING_BYTES_MAX       (2u << 20)
#define RING_BYTES_MIN       (32u << 10)
#define RINGS_BYTES_MAX      (64u << 20)
#define RING_BYTES_USER_SIZE (512u << 10)

/* A ring holds so many samples at least, with their copies of stacks, and those of this part of a second. */
#define RING_DUMP_COUNT_MIN 64u
#define RING_DUMP_PARTS     16u
#define DUMP_BYTES_MAX      (48u << 10) /* a record is shorter than 64 KiB */

/* In the order of their numbers; perf_ring.c takes them apart. */
#if defined(__aarch64__)
#define DUMP_REGISTERS                                                                                       \
    (1ull << PERF_REG_ARM64_X19 | 1ull << PERF_REG_ARM64_X29 | 1ull << PERF_REG_ARM64_LR |                   \
     1ull << PERF_REG_ARM64_SP | 1ull << PERF_REG_ARM64_PC)
#elif defined(__x86_64__)
#define DUMP_REGISTERS                                                                                       \
    (1ull << PERF_REG_X86_BX | 1ull << PERF_REG_X86_BP | 1ull << PERF_REG_X86_SP | 1ull << PERF_REG_X86_IP)
#else
#define DUMP_REGISTERS 0ull
#endif

/* An event is stamped before it is written; another CPU may be that much behind. */
#define HOLD_BACK_NS (2 * NS_PER_MS)

/* What perf_event_open calls every thread. */
#define WHOLE_MACHINE (-1)

#define PARANOID_PATH "/proc/sys/kernel/perf_event_paranoid"

struct perf_source {
    struct perf_event_attr attr;
    VEC(int) fds;       /* one per CPU, as rings.items: the owners of the rings */
    VEC(unsigned) cpus; /* of fds */
    size_t owner_index; /* of the thread that owns the rings, among options.threads */
    VEC(int) more_fds;  /* further threads' events, which write into these rings */
    int epoll_fd;
    size_t page_bytes;
    size_t ring_bytes;
    bool sees_kernel;
    char event_name[16];
    struct perf_rings rings;
};

/* Reads a list like "0-3,5". At least CPU 0 is there. */
static unsigned cpus_online(unsigned *cpus)
{
    char text[4096];
    unsigned count = 0;
    if (fs_read_small("/sys/devices/system/cpu/online", text, sizeof text) <= 0)
        text[0] = 0;
    char *rest = text;
    while (*rest >= '0' && *rest <= '9') {
        unsigned long low = strtoul(rest, &rest, 10);
        unsigned long high = *rest == '-' ? strtoul(rest + 1, &rest, 10) : low;
        for (unsigned long cpu = low; cpu <= high && count < CPU_COUNT_LIMIT; cpu++)
            cpus[count++] = (unsigned)cpu;
        if (*rest == ',')
            rest++;
    }
    if (count)
        return count;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (; count < (unsigned)(online > 0 ? online : 1) && count < CPU_COUNT_LIMIT; count++)
        cpus[count] = count;
    return count;
}

static int event_open(struct perf_event_attr *attr, pid_t pid, unsigned cpu)
{
    return (int)syscall(SYS_perf_event_open, attr, pid, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void attr_use_cycles(struct perf_event_attr *attr, unsigned rate_hz)
{
    attr->type = PERF_TYPE_HARDWARE;
    attr->config = PERF_COUNT_HW_CPU_CYCLES;
    attr->freq = 1;
    attr->sample_freq = rate_hz;
}

static void attr_use_clock(struct perf_event_attr *attr, unsigned rate_hz)
{
    attr->type = PERF_TYPE_SOFTWARE;
    attr->config = PERF_COUNT_SW_CPU_CLOCK;
    attr->freq = 0;
    attr->sample_period = NS_PER_S / rate_hz;
}

static void attr_set(struct perf_event_attr *attr, const struct perf_options *options)
{
    attr->size = sizeof *attr;
    attr->sample_type = PERF_SAMPLE_TYPE;
    attr->disabled = attr->enable_on_exec = options->pid != 0;
    attr->inherit = !options->whole_machine;
    attr->task = !options->no_tree;
    attr->comm = attr->comm_exec = 1;
    attr->mmap = attr->mmap2 = 1;
    attr->build_id = 1;
    attr->exclude_idle = options->no_tree;
    attr->context_switch = !options->no_switches;
    attr->sample_id_all = 1;
    attr->use_clockid = 1;
    attr->clockid = CLOCK_MONOTONIC;
    attr->watermark = 1;
    attr->exclude_hv = 1;
    if (options->user_only)
        attr->exclude_kernel = attr->exclude_callchain_kernel = 1;
    if (options->no_samples) {
        attr->type = PERF_TYPE_SOFTWARE;
        attr->config = PERF_COUNT_SW_DUMMY;
    } else if (options->no_hardware) {
        attr_use_clock(attr, options->rate_hz);
    } else {
        attr_use_cycles(attr, options->rate_hz);
    }
}

/* Copies of stacks, as long as fits the rings. */
static void attr_use_dumps(struct perf_event_attr *attr, const struct perf_options *options,
                           size_t ring_bytes)
{
    uint64_t count = num_max(options->rate_hz / RING_DUMP_PARTS, RING_DUMP_COUNT_MIN);
    uint64_t bytes = num_min(num_min(options->dump_bytes, DUMP_BYTES_MAX), ring_bytes / count);

    attr->sample_type &= ~(uint64_t)(PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER);
    attr->sample_regs_user = 0;
    attr->sample_stack_user = 0;
    if (options->no_samples || !DUMP_REGISTERS || bytes < sizeof(uint64_t))
        return;
    attr->sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
    attr->sample_regs_user = DUMP_REGISTERS;
    attr->sample_stack_user = (uint32_t)(bytes & ~7ull);
}

/* Asks for one thing less than was refused; false when there is nothing left to give up. */
static bool attr_degrade(struct perf_event_attr *attr, int errnum, const struct perf_options *options)
{
    if ((errnum == EACCES || errnum == EPERM) && !attr->exclude_kernel) {
        attr->exclude_kernel = attr->exclude_callchain_kernel = 1;
        return true;
    }
    if (errnum == EINVAL && attr->build_id) { /* before Linux 5.12 */
        attr->build_id = 0;
        return true;
    }
    if (attr->type == PERF_TYPE_HARDWARE && errnum != EMFILE && errnum != ENFILE && errnum != ESRCH) {
        attr_use_clock(attr, options->rate_hz); /* no counters (virtual machine), or all taken */
        attr->exclude_kernel = attr->exclude_callchain_kernel = options->user_only;
        attr->build_id = 1;
        return true;
    }
    if (attr->sample_stack_user && (errnum == EINVAL || errnum == EOPNOTSUPP)) {
        attr_use_dumps(attr, &(struct perf_options){0}, 0);
        return true;
    }
    return false;
}

static void paranoid_hint(struct err *err)
{
    char text[32];
    ssize_t length = fs_read_small(PARANOID_PATH, text, sizeof text);
    long level = length > 0 ? strtol(text, NULL, 10) : -100;
    if (length <= 0)
        err_hint(err, "this kernel has no perf_event (%s is missing); --recorder proc works without it",
                 PARANOID_PATH);
    else if (level > 2)
        err_hint(
            err,
            "kernel.perf_event_paranoid is %ld; allow it with: sudo sysctl kernel.perf_event_paranoid=2; "
            "--recorder proc works without it",
            level);
    else
        err_hint(err,
                 "kernel.perf_event_paranoid is %ld, so a container's seccomp profile or a security module "
                 "forbids it; start the container with --cap-add PERFMON --security-opt seccomp=unconfined; "
                 "--recorder proc works without it",
                 level);
}

static int open_failed(int errnum, pid_t pid, struct err *err)
{
    if (pid == WHOLE_MACHINE)
        err_errno(err, errnum, "could not open perf events for the whole machine");
    else
        err_errno(err, errnum, "could not open perf events for process '%d'", (int)pid);
    if (errnum == EACCES || errnum == EPERM || errnum == ENOSYS)
        paranoid_hint(err);
    else if (errnum == EMFILE)
        err_hint(err, "perf needs one file descriptor per thread and CPU; allow more with: ulimit -n 65536");
    else
        err_hint(err, "--recorder proc works without perf");
    return -ERR_ENVIRONMENT;
}

static pid_t first_target(const struct perf_source *source, const struct perf_options *options)
{
    if (options->pid)
        return options->pid;
    return options->whole_machine ? WHOLE_MACHINE : options->threads[source->owner_index];
}

/* Opens the first event, giving up what is refused, then the same on the other CPUs. */
static int source_open_events(struct perf_source *source, const struct perf_options *options,
                              const unsigned *cpus, unsigned cpu_count, struct err *err)
{
    unsigned opened = 0;
    while (opened < cpu_count) {
        pid_t pid = first_target(source, options);
        int fd = event_open(&source->attr, pid, cpus[opened]);
        if (fd < 0) {
            int errnum = errno;
            if (errnum == ENODEV && source->fds.count > 0) { /* this CPU went offline */
                opened++;
                continue;
            }
            if (errnum == ESRCH && source->fds.count == 0 &&
                source->owner_index + 1 < options->thread_count) { /* it ended meanwhile */
                source->owner_index++;
                continue;
            }
            if (source->fds.count == 0 && attr_degrade(&source->attr, errnum, options))
                continue;
            return open_failed(errnum, pid, err);
        }
        if (vec_push(&source->fds, fd)) {
            close(fd);
            return err_memory(err);
        }
        if (vec_push(&source->cpus, cpus[opened]))
            return err_memory(err);
        opened++;
    }
    return 0;
}

static void source_close_events(struct perf_source *source)
{
    for (size_t i = 0; i < source->fds.count; i++)
        close(source->fds.items[i]);
    for (size_t i = 0; i < source->more_fds.count; i++)
        close(source->more_fds.items[i]);
    source->fds.count = source->more_fds.count = source->cpus.count = 0;
}

static void source_unmap(struct perf_source *source)
{
    for (size_t i = 0; i < source->rings.count; i++)
        munmap(source->rings.items[i].page, source->page_bytes + source->ring_bytes);
    source->rings.count = 0;
}

/* 0, or the errno of the first ring that could not be mapped; then none is. */
static int source_map(struct perf_source *source)
{
    for (size_t i = 0; i < source->fds.count; i++) {
        void *page = mmap(NULL, source->page_bytes + source->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                          source->fds.items[i], 0);
        if (page == MAP_FAILED) {
            int errnum = errno;
            source_unmap(source);
            return errnum;
        }
        source->rings.items[i] = (struct perf_ring){
            .page = page,
            .data = (const uint8_t *)page + source->page_bytes,
            .size_bytes = source->ring_bytes,
        };
        source->rings.count++;
    }
    return 0;
}

static size_t ring_bytes_first(unsigned cpu_count)
{
    size_t bytes = RING_BYTES_MAX;
    while (bytes > RING_BYTES_USER_SIZE && bytes * cpu_count > RINGS_BYTES_MAX)
        bytes /= 2;
    return bytes;
}

/* The watermark is part of the event, so a smaller ring means opening the events again. */
static int source_open_rings(struct perf_source *source, const struct perf_options *options, struct err *err)
{
    unsigned *cpus = calloc(CPU_COUNT_LIMIT, sizeof *cpus);
    if (!cpus)
        return err_memory(err);
    unsigned cpu_count = cpus_online(cpus);
    source->rings.items = calloc(cpu_count, sizeof *source->rings.items);
    int status = source->rings.items ? 0 : err_memory(err);
    source->ring_bytes = ring_bytes_first(cpu_count);
    while (!status) {
        source->attr.wakeup_watermark = (uint32_t)(source->ring_bytes / 2);
        attr_use_dumps(&source->attr, options, source->ring_bytes);
        status = source_open_events(source, options, cpus, cpu_count, err);
        int errnum = status ? 0 : source_map(source);
        if (status || !errnum)
            break;
        source_close_events(source);
        source->ring_bytes /= 2;
        if (source->ring_bytes < RING_BYTES_MIN) {
            status = err_errno(err, errnum, "could not map perf rings of %u bytes", RING_BYTES_MIN);
            err_hint(err,
                     "other recordings of this user hold the memory that kernel.perf_event_mlock_kb "
                     "allows; end them, or allow more with: sudo sysctl kernel.perf_event_mlock_kb=2048; "
                     "--recorder proc works without it");
        }
    }
    free(cpus);
    return status;
}

/* Edge triggered: an event whose process is gone stays readable for ever, and must not keep waking us. */
static int source_open_wait(struct perf_source *source, struct err *err)
{
    source->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (source->epoll_fd < 0)
        return err_errno(err, errno, "could not make an epoll descriptor");
    for (size_t i = 0; i < source->fds.count; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        if (epoll_ctl(source->epoll_fd, EPOLL_CTL_ADD, source->fds.items[i], &event))
            return err_errno(err, errno, "could not watch a perf ring");
    }
    return 0;
}

static void source_describe(struct perf_source *source, const struct perf_options *options)
{
    bool cycles = source->attr.type == PERF_TYPE_HARDWARE;
    source->sees_kernel = !source->attr.exclude_kernel;
    source->rings.period_is_cycles = cycles && !options->no_tree;
    source->rings.user_only = source->attr.exclude_kernel;
    source->rings.sample_ns = NS_PER_S / options->rate_hz;
    if (options->no_samples)
        snprintf(source->event_name, sizeof source->event_name, "none");
    else
        snprintf(source->event_name, sizeof source->event_name, "%s%s", cycles ? "cycles" : "cpu-clock",
                 source->sees_kernel ? "" : ":u");
}

int perf_add_thread(struct perf_source *source, pid_t thread, struct err *err)
{
    for (size_t i = 0; i < source->fds.count; i++) {
        int fd = event_open(&source->attr, thread, source->cpus.items[i]);
        if (fd < 0 && (errno == ESRCH || errno == ENODEV))
            continue; /* the thread ended, or the CPU went offline */
        if (fd < 0)
            return open_failed(errno, thread, err);
        if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, source->fds.items[i]) < 0) {
            int errnum = errno;
            close(fd);
            return err_errno(err, errnum, "could not share a perf ring");
        }
        if (vec_push(&source->more_fds, fd)) {
            close(fd);
            return err_memory(err);
        }
    }
    return 0;
}

/* The rings belong to the first thread's events; they stay when it ends. */
static int source_open_threads(struct perf_source *source, const struct perf_options *options,
                               struct err *err)
{
    int status = 0;
    for (size_t i = source->owner_index + 1; i < options->thread_count && !status; i++)
        status = perf_add_thread(source, options->threads[i], err);
    return status;
}

int perf_open(const struct perf_options *options, struct perf_source **ret_source, struct err *err)
{
    if (!options->pid && !options->whole_machine && !options->thread_count)
        return err_set(err, ERR_USAGE, "could not open perf events: no thread is given");
    if (options->rate_hz < 1 || options->rate_hz > RATE_HZ_MAX)
        return err_set(err, ERR_USAGE, "could not sample at rate '%u': it is not from 1 to %u",
                       options->rate_hz, RATE_HZ_MAX);
    struct perf_source *source = calloc(1, sizeof *source);
    if (!source)
        return err_memory(err);
    source->epoll_fd = -1;
    source->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    attr_set(&source->attr, options);
    if (options->thread_count)
        /* the soft limit, made for programs that use select, is no reason to see less */
        event_files_allow((options->thread_count + 1) * (size_t)sysconf(_SC_NPROCESSORS_ONLN) +
                          DESCRIPTORS_OTHER);
    int status = source_open_rings(source, options, err);
    if (!status)
        status = source_open_threads(source, options, err);
    if (!status)
        status = source_open_wait(source, err);
    if (status) {
        perf_close(source);
        return status;
    }
    source_describe(source, options);
    *ret_source = source;
    return 0;
}

int perf_wait_fd(const struct perf_source *source)
{
    return source->epoll_fd;
}

int perf_drain(struct perf_source *source, bool flush, perf_event_fn *each, void *context, struct err *err)
{
    /* Taking the edges before reading the rings: what comes later makes a new one. */
    struct epoll_event events[64];
    while (epoll_wait(source->epoll_fd, events, 64, 0) == 64)
        ;
    uint64_t bound_ns = flush ? UINT64_MAX : clock_monotonic_ns() - HOLD_BACK_NS;
    return perf_rings_drain(&source->rings, bound_ns, each, context, err);
}

int perf_filter(struct perf_source *source, int program_fd, struct err *err)
{
    for (size_t i = 0; i < source->fds.count; i++)
        if (ioctl(source->fds.items[i], PERF_EVENT_IOC_SET_BPF, program_fd) < 0)
            return err_errno(err, errno, "could not filter perf samples");
    return 0;
}

struct perf_counts perf_counts(const struct perf_source *source)
{
    return source->rings.counts;
}

const char *perf_event_name(const struct perf_source *source)
{
    return source->event_name;
}

bool perf_sees_kernel(const struct perf_source *source)
{
    return source->sees_kernel;
}

size_t perf_ring_bytes(const struct perf_source *source)
{
    return source->ring_bytes;
}

size_t perf_dump_bytes(const struct perf_source *source)
{
    return source->attr.sample_stack_user;
}

void perf_close(struct perf_source *source)
{
    if (!source)
        return;
    source_unmap(source);
    source_close_events(source);
    vec_free(&source->fds);
    vec_free(&source->cpus);
    vec_free(&source->more_fds);
    free(source->rings.items);
    if (source->epoll_fd >= 0)
        close(source->epoll_fd);
    free(source);
}
