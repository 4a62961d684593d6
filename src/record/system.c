/* SPDX-License-Identifier: Apache-2.0 */
#include "record/system.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "kernel/control_group.h"
#include "model/meta.h"

#define TICK_NS     (NS_PER_S / 100)
#define POINTS_CPU  50 /* points of a run of some age */
#define POINTS_REST 8
#define LATE_NS     (SYSTEM_PERIOD_NS / 2) /* what is due by then is done in this round */

/* The file's text; its descriptor is kept for the next time, and that there is no such file too. */
static ssize_t file_read(struct system *system, const char *path, char *text, size_t capacity)
{
    for (size_t i = 0; i < system->files.count; i++) {
        const struct system_file *file = &system->files.items[i];
        if (!strcmp(file->path, path))
            return file->fd < 0 ? -ENOENT : fs_pread_small(file->fd, text, capacity);
    }
    struct system_file file = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    snprintf(file.path, sizeof file.path, "%s", path);
    ssize_t length = file.fd < 0 ? -errno : fs_pread_small(file.fd, text, capacity);
    if (vec_push(&system->files, file))
        fs_close(&file.fd);
    return length;
}

/* user nice system idle iowait irq softirq steal; guest time is within user. */
static void ticks_parse(const char *line, uint64_t *ret_busy, uint64_t *ret_steal)
{
    uint64_t values[8] = {0};
    char *rest = (char *)(uintptr_t)line;

    for (size_t i = 0; i < 8; i++)
        values[i] = strtoull(rest, &rest, 10);
    *ret_busy = values[0] + values[1] + values[2] + values[5] + values[6];
    *ret_steal = values[7];
}

static double cores(uint64_t now_ticks, uint64_t then_ticks, uint64_t elapsed_ns)
{
    uint64_t busy_ns = now_ticks > then_ticks ? (now_ticks - then_ticks) * TICK_NS : 0;

    return busy_ns ? (double)busy_ns / (double)elapsed_ns : 0;
}

static void cpu_series(struct system *system, struct system_cpu *cpu, int number)
{
    char name[32];

    if (number < 0) {
        cpu->busy_series = emit_series(system->emit, 0, SERIES_CPU_BUSY, "cores");
        cpu->steal_series = emit_series(system->emit, 0, SERIES_CPU_STEAL, "cores");
        return;
    }
    snprintf(name, sizeof name, "cpu%d.busy", number);
    cpu->busy_series = emit_series(system->emit, 0, name, "cores");
    snprintf(name, sizeof name, "cpu%d.steal", number);
    cpu->steal_series = emit_series(system->emit, 0, name, "cores");
}

/* One line of /proc/stat; returns the cores busy since the last one. */
static double cpu_line(struct system *system, struct system_cpu *cpu, int number, const char *line,
                       uint64_t now_ns)
{
    uint64_t busy, steal;
    double busy_cores = 0;

    ticks_parse(line, &busy, &steal);
    if (!cpu->busy_series)
        cpu_series(system, cpu, number);
    if (system->last_ns) {
        uint64_t elapsed_ns = now_ns - system->last_ns;
        busy_cores = cores(busy, cpu->busy_ticks, elapsed_ns);
        emit_point(system->emit, cpu->busy_series, now_ns, busy_cores);
        emit_point(system->emit, cpu->steal_series, now_ns, cores(steal, cpu->steal_ticks, elapsed_ns));
    }
    cpu->busy_ticks = busy;
    cpu->steal_ticks = steal;
    return busy_cores;
}

static double cpus_tick(struct system *system, uint64_t now_ns)
{
    char text[32768]; /* the CPUs come first */
    double busy_cores = 0;
    char *save = NULL;

    if (file_read(system, "/proc/stat", text, sizeof text) <= 0)
        return 0;
    for (char *line = strtok_r(text, "\n", &save); line && str_starts(line, "cpu");
         line = strtok_r(NULL, "\n", &save)) {
        int number = line[3] == ' ' ? -1 : atoi(line + 3);
        const char *values = strchr(line, ' ');
        if (!values || number >= SYSTEM_CPU_MAX)
            continue;
        struct system_cpu *cpu = number < 0 ? &system->total : &system->cpus[number];
        double line_cores = cpu_line(system, cpu, number, values, now_ns);
        if (number < 0)
            busy_cores = line_cores;
    }
    return busy_cores;
}

static struct system_gauge *gauge_of(struct system *system, const char *name, const char *unit)
{
    uint64_t id = 0;
    bool is_new = false;

    if (intern_put(&system->names, name, strlen(name), &id, &is_new))
        return NULL;
    if (is_new && vec_push(&system->gauges, (struct system_gauge){0}))
        return NULL;
    struct system_gauge *gauge = id <= system->gauges.count ? &system->gauges.items[id - 1] : NULL;
    if (gauge && !gauge->series)
        gauge->series = emit_series(system->emit, 0, name, unit);
    return gauge;
}

static void gauge_write(struct system *system, struct system_gauge *gauge, double value, uint64_t now_ns)
{
    bool is_same = gauge->point_ns && num_bits(gauge->value) == num_bits(value);

    if (is_same && now_ns < gauge->point_ns + NS_PER_S)
        return;
    emit_point(system->emit, gauge->series, now_ns, value);
    gauge->value = value;
    gauge->point_ns = now_ns;
}

static void level(struct system *system, const char *name, const char *unit, double value, uint64_t now_ns)
{
    struct system_gauge *gauge = gauge_of(system, name, unit);
    if (gauge)
        gauge_write(system, gauge, value, now_ns);
}

/* The change of a counter times `scale` in a second. */
struct rate {
    const char *unit;
    uint64_t counter;
    double scale;
};

static void rate_point(struct system *system, const char *name, struct rate rate, uint64_t now_ns)
{
    struct system_gauge *gauge = gauge_of(system, name, rate.unit);

    if (!gauge)
        return;
    if (gauge->counter_ns && now_ns > gauge->counter_ns && rate.counter >= gauge->counter) {
        double seconds = (double)(now_ns - gauge->counter_ns) / (double)NS_PER_S;
        gauge_write(system, gauge, (double)(rate.counter - gauge->counter) * rate.scale / seconds, now_ns);
    }
    gauge->counter = rate.counter;
    gauge->counter_ns = now_ns;
}

/* The number behind a name, 0 when it is not there. */
static uint64_t number_of(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static void memory_tick(struct system *system, uint64_t now_ns)
{
    char text[4096];

    if (file_read(system, "/proc/meminfo", text, sizeof text) <= 0)
        return;
    uint64_t swap =
        number_of(text, "SwapTotal:") - num_min(number_of(text, "SwapFree:"), number_of(text, "SwapTotal:"));
    level(system, SERIES_MEMORY_TOTAL, "bytes", (double)number_of(text, "MemTotal:") * 1024, now_ns);
    level(system, "memory.available", "bytes", (double)number_of(text, "MemAvailable:") * 1024, now_ns);
    level(system, "memory.dirty", "bytes", (double)number_of(text, "Dirty:") * 1024, now_ns);
    level(system, "memory.swap", "bytes", (double)swap * 1024, now_ns);
}

/* Part of the time in which some (or all) tasks were stalled for a resource. */
static void pressure_tick(struct system *system, uint64_t now_ns)
{
    static const char *const resources[] = {"cpu", "memory", "io"};
    char path[64], text[512], name[64];

    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        snprintf(path, sizeof path, "/proc/pressure/%s", resources[i]);
        if (file_read(system, path, text, sizeof text) <= 0)
            continue;
        snprintf(name, sizeof name, "pressure.%s.some", resources[i]);
        rate_point(system, name, (struct rate){"ratio", number_of(text, "total="), 1e-6}, now_ns);
        const char *full = strstr(text, "full");
        if (!full || i == 0)
            continue;
        snprintf(name, sizeof name, "pressure.%s.full", resources[i]);
        rate_point(system, name, (struct rate){"ratio", number_of(full, "total="), 1e-6}, now_ns);
    }
}

/* Documentation/admin-guide/iostats.rst: major minor name reads merged sectors ms writes merged sectors ms
 * in-flight busy-ms weighted-ms … */
static void disk_line(struct system *system, const char *line, uint64_t now_ns)
{
    char disk[40], name[64];
    uint64_t values[11] = {0};

    if (sscanf(line,
               " %*u %*u %39s %" SCNu64 " %*u %" SCNu64 " %*u %" SCNu64 " %*u %" SCNu64 " %*u %*u %" SCNu64
               " %" SCNu64,
               disk, &values[0], &values[1], &values[2], &values[3], &values[4], &values[5]) != 7)
        return;
    if (!(values[0] | values[2]) || str_starts(disk, "loop") || str_starts(disk, "ram"))
        return;
    snprintf(name, sizeof name, "disk.%s.busy", disk);
    rate_point(system, name, (struct rate){"ratio", values[4], 1e-3}, now_ns);
    snprintf(name, sizeof name, "disk.%s.queue", disk);
    rate_point(system, name, (struct rate){"requests", values[5], 1e-3}, now_ns);
    snprintf(name, sizeof name, "disk.%s.read", disk);
    rate_point(system, name, (struct rate){"bytes/s", values[1], 512}, now_ns);
    snprintf(name, sizeof name, "disk.%s.write", disk);
    rate_point(system, name, (struct rate){"bytes/s", values[3], 512}, now_ns);
}

/* name: bytes packets errors drops fifo frame compressed multicast | the same for transmission */
static void network_line(struct system *system, const char *line, uint64_t now_ns)
{
    char interface[40], name[64];
    uint64_t values[6] = {0};

    if (sscanf(line,
               " %39[^:]: %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %*u %" SCNu64
               " %" SCNu64,
               interface, &values[0], &values[1], &values[2], &values[3], &values[4], &values[5]) != 7)
        return;
    if (!(values[0] | values[3]))
        return;
    snprintf(name, sizeof name, "net.%s.receive", interface);
    rate_point(system, name, (struct rate){"bytes/s", values[0], 1}, now_ns);
    snprintf(name, sizeof name, "net.%s.transmit", interface);
    rate_point(system, name, (struct rate){"bytes/s", values[3], 1}, now_ns);
    snprintf(name, sizeof name, "net.%s.errors", interface);
    rate_point(system, name, (struct rate){"1/s", values[1] + values[2] + values[4] + values[5], 1}, now_ns);
}

/* Tcp: four settings, then the connections opened; the line of names before it has no number there. */
static void tcp_line(struct system *system, const char *line, uint64_t now_ns)
{
    uint64_t opens;

    if (sscanf(line, "Tcp: %*d %*d %*d %*d %" SCNu64, &opens) == 1)
        level(system, SERIES_TCP_OPENS, "connections", (double)opens, now_ns);
}

static void lines_tick(struct system *system, const char *path,
                       void (*line_tick)(struct system *, const char *, uint64_t), uint64_t now_ns)
{
    char text[16384];
    char *save = NULL;

    if (file_read(system, path, text, sizeof text) <= 0)
        return;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        line_tick(system, line, now_ns);
}

static ssize_t cgroup_read(struct system *system, const char *folder, const char *file, char *text,
                           size_t capacity)
{
    char path[320];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    return file_read(system, path, text, capacity);
}

static void cgroup_tick(struct system *system, uint64_t now_ns)
{
    char text[2048];

    if (system->cgroup_cpu[0] && cgroup_read(system, system->cgroup_cpu, "cpu.stat", text, sizeof text) > 0) {
        uint64_t throttled_us = number_of(text, "throttled_usec ");
        uint64_t throttled_ns = number_of(text, "throttled_time ") + throttled_us * NS_PER_US;
        if (strstr(text, "nr_throttled "))
            rate_point(system, "cgroup.throttled", (struct rate){"ratio", throttled_ns, 1e-9}, now_ns);
    }
    if (!system->cgroup_memory[0])
        return;
    if (cgroup_read(system, system->cgroup_memory, "memory.current", text, sizeof text) > 0 ||
        cgroup_read(system, system->cgroup_memory, "memory.usage_in_bytes", text, sizeof text) > 0)
        level(system, "cgroup.memory", "bytes", (double)strtoull(text, NULL, 10), now_ns);
    bool has_limit =
        cgroup_read(system, system->cgroup_memory, "memory.max", text, sizeof text) > 0 ||
        cgroup_read(system, system->cgroup_memory, "memory.limit_in_bytes", text, sizeof text) > 0;
    /* v1 writes "no limit" as the largest number of pages. */
    if (has_limit && text[0] != 'm' && strtoull(text, NULL, 10) < UINT64_C(1) << 60)
        level(system, "cgroup.memory_limit", "bytes", (double)strtoull(text, NULL, 10), now_ns);
}

void system_init(struct system *system, struct emit *emit, uint64_t start_ns)
{
    const struct cgroup_of self = {.root = ""};
    int version;

    *system = (struct system){.emit = emit, .start_ns = start_ns};
    system->tree_series = emit_series(emit, 0, SERIES_CPU_TREE, "cores");
    system->outside_series = emit_series(emit, 0, SERIES_CPU_OUTSIDE, "cores");
    if (!cgroup_folder(&self, "cpu", system->cgroup_cpu, sizeof system->cgroup_cpu, &version))
        system->cgroup_cpu[0] = '\0';
    if (!cgroup_folder(&self, "memory", system->cgroup_memory, sizeof system->cgroup_memory, &version))
        system->cgroup_memory[0] = '\0';
}

void system_deinit(struct system *system)
{
    for (size_t i = 0; i < system->files.count; i++)
        fs_close(&system->files.items[i].fd);
    vec_free(&system->files);
    intern_free(&system->names);
    vec_free(&system->gauges);
}

static void shares_tick(struct system *system, uint64_t now_ns, uint64_t tree_cpu_ns)
{
    uint64_t self_cpu_ns = clock_process_cpu_ns();
    double busy_cores = cpus_tick(system, now_ns);

    if (system->last_ns) {
        double elapsed_ns = (double)(now_ns - system->last_ns);
        double tree = (double)(tree_cpu_ns - num_min(system->tree_cpu_ns, tree_cpu_ns)) / elapsed_ns;
        double self = (double)(self_cpu_ns - system->self_cpu_ns) / elapsed_ns;
        double outside = busy_cores - tree - self;
        emit_point(system->emit, system->tree_series, now_ns, tree);
        emit_point(system->emit, system->outside_series, now_ns, outside > 0 ? outside : 0);
    }
    system->tree_cpu_ns = tree_cpu_ns;
    system->self_cpu_ns = self_cpu_ns;
}

/* All but the CPUs: a dozen files. */
static void rest_tick(struct system *system, uint64_t now_ns)
{
    pressure_tick(system, now_ns);
    lines_tick(system, "/proc/diskstats", disk_line, now_ns);
    lines_tick(system, "/proc/net/dev", network_line, now_ns);
    lines_tick(system, "/proc/net/snmp", tcp_line, now_ns);
    cgroup_tick(system, now_ns);
    memory_tick(system, now_ns);
}

/* Between two points, when there are to be about `count` of them for the run's age. */
static uint64_t pause_ns(const struct system *system, uint64_t now_ns, uint64_t count, uint64_t limit_ns)
{
    uint64_t age_ns = now_ns - num_min(system->start_ns, now_ns);
    return num_min(num_max(age_ns / count, SYSTEM_PERIOD_NS), limit_ns);
}

uint64_t system_tick(struct system *system, uint64_t now_ns, uint64_t tree_cpu_ns, bool is_last)
{
    if (now_ns < system->last_ns + SYSTEM_PERIOD_NS / 4)
        return system->last_ns + SYSTEM_PERIOD_NS; /* too short for counters of 10 ms */
    shares_tick(system, now_ns, tree_cpu_ns);
    if (is_last || now_ns >= system->rest_due_ns) {
        rest_tick(system, now_ns);
        system->rest_due_ns = now_ns + pause_ns(system, now_ns, POINTS_REST, SYSTEM_REST_NS_MAX) - LATE_NS;
    }
    system->last_ns = now_ns;
    return now_ns + pause_ns(system, now_ns, POINTS_CPU, SYSTEM_CPU_NS_MAX);
}

/* The least of some: a call that does nothing, and whatever the kernel does on each one's way in and out. */
static uint64_t call_ns(void)
{
    uint64_t least_ns = UINT64_MAX;

    for (size_t i = 0; i < 5; i++) {
        uint64_t start_ns = clock_monotonic_ns();
        for (size_t j = 0; j < 200; j++)
            syscall(SYS_getppid);
        least_ns = num_min(least_ns, (clock_monotonic_ns() - start_ns) / 200);
    }
    return least_ns;
}

void system_host(struct emit *emit)
{
    struct utsname names;
    cpu_set_t allowed;
    long cpu_count = sysconf(_SC_NPROCESSORS_ONLN);
    double quota = cgroup_cpu_quota(&(struct cgroup_of){.root = ""});
    char text[32];

    emit_meta_u64(emit, META_CALL_NS, call_ns());
    if (uname(&names) == 0) {
        emit_meta(emit, META_HOST, names.nodename);
        emit_meta(emit, META_KERNEL, names.release);
    }
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        cpu_count = CPU_COUNT(&allowed);
    if (quota > 0) {
        snprintf(text, sizeof text, "%.3f", quota);
        emit_meta(emit, META_CPU_QUOTA, text);
        if (quota < (double)cpu_count)
            cpu_count = (long)quota + ((double)(long)quota < quota);
    }
    emit_meta_u64(emit, META_CPU_COUNT, cpu_count > 0 ? (uint64_t)cpu_count : 1);
}
