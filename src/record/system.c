/* SPDX-License-Identifier: Apache-2.0 */
#include "record/system.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "model/meta.h"

#define TICK_NS (NS_PER_S / 100)

/* user nice system idle iowait irq softirq steal; guest time is within user. */
static const char *ticks_parse(const char *line, uint64_t *ret_busy, uint64_t *ret_steal)
{
    uint64_t values[8] = {0};
    char *rest = (char *)(uintptr_t)line;

    for (size_t i = 0; i < 8; i++)
        values[i] = strtoull(rest, &rest, 10);
    *ret_busy = values[0] + values[1] + values[2] + values[5] + values[6];
    *ret_steal = values[7];
    return rest;
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
    static const size_t capacity = 64 * 1024;
    char text[65536];
    double busy_cores = 0;
    char *save = NULL;

    if (fs_read_small("/proc/stat", text, capacity) <= 0)
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

void system_init(struct system *system, struct emit *emit)
{
    *system = (struct system){.emit = emit};
    system->tree_series = emit_series(emit, 0, SERIES_CPU_TREE, "cores");
    system->outside_series = emit_series(emit, 0, SERIES_CPU_OUTSIDE, "cores");
}

void system_tick(struct system *system, uint64_t now_ns, uint64_t tree_cpu_ns)
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
    system->last_ns = now_ns;
}

void system_host(struct emit *emit)
{
    struct utsname names;
    cpu_set_t allowed;
    long cpu_count = sysconf(_SC_NPROCESSORS_ONLN);

    if (uname(&names) == 0) {
        emit_meta(emit, META_HOST, names.nodename);
        emit_meta(emit, META_KERNEL, names.release);
    }
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        cpu_count = CPU_COUNT(&allowed);
    emit_meta_u64(emit, META_CPU_COUNT, cpu_count > 0 ? (uint64_t)cpu_count : 1);
}
