/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of the machine. Formats: Documentation/filesystems/proc.rst, admin-guide/{iostats,cgroup-v2}.rst, accounting/psi.rst. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "diagnose/machine_use.h"
#include "kernel/control_group.h"

#define TEXT_MAX 32768

static bool file_read(const char *root, const char *path, char *text, size_t capacity)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    return fs_read_small(full, text, capacity) > 0;
}

/* The number behind a name that begins a line. */
static double number_of(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, length) == 0)
            return strtod(line + length, NULL);
    return USE_UNKNOWN;
}

static uint64_t count_of(const char *text, const char *name)
{
    double number = number_of(text, name);
    return number > 0 ? (uint64_t)number : 0;
}

/* cpu user nice system idle iowait irq softirq steal …; guest time is within user */
static void cpu_read(const char *root, struct machine_reading *reading)
{
    char text[TEXT_MAX];
    uint64_t at[8] = {0};
    if (!file_read(root, "/proc/stat", text, sizeof text) || !str_starts(text, "cpu "))
        return;
    char *rest = text + 4;
    for (size_t i = 0; i < 8; i++)
        at[i] = strtoull(rest, &rest, 10);
    reading->busy_ticks = at[0] + at[1] + at[2] + at[5] + at[6];
    reading->iowait_ticks = at[4];
    reading->steal_ticks = at[7];
    reading->all_ticks = reading->busy_ticks + at[3] + at[4] + at[7];
    for (const char *line = strstr(text, "\ncpu"); line; line = strstr(line + 1, "\ncpu"))
        reading->cpu_count++;
    reading->runnable_count = count_of(text, "procs_running ");
}

static void pressure_read(const char *root, struct machine_reading *reading)
{
    static const char *const files[] = {"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"};
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        const char *total = NULL;
        if (file_read(root, files[i], text, sizeof text) && str_starts(text, "some "))
            total = strstr(text, "total=");
        reading->pressure_us[i] = total ? (double)strtoull(total + 6, NULL, 10) : USE_UNKNOWN;
    }
}

static double kibibytes(const char *text, const char *name)
{
    double number = number_of(text, name);
    return number < 0 ? USE_UNKNOWN : number * 1024;
}

static void memory_read(const char *root, struct machine_reading *reading)
{
    char text[TEXT_MAX];
    reading->memory_bytes = reading->available_bytes = USE_UNKNOWN;
    reading->swap_bytes = reading->swap_free_bytes = reading->oom_count = USE_UNKNOWN;
    if (file_read(root, "/proc/meminfo", text, sizeof text)) {
        reading->memory_bytes = kibibytes(text, "MemTotal:");
        reading->available_bytes = kibibytes(text, "MemAvailable:");
        reading->swap_bytes = kibibytes(text, "SwapTotal:");
        reading->swap_free_bytes = kibibytes(text, "SwapFree:");
    }
    if (file_read(root, "/proc/vmstat", text, sizeof text)) {
        reading->swap_out_pages = count_of(text, "pswpout ");
        reading->direct_reclaim_count = count_of(text, "pgscan_direct ");
        reading->oom_count = number_of(text, "oom_kill ");
    }
}

/* major minor name reads merged sectors ms writes merged sectors ms in-flight busy-ms weighted-ms … */
static void disks_read(const char *root, struct machine_reading *reading)
{
    char text[TEXT_MAX], path[128], errors[64];
    char *save = NULL;
    reading->has_disks = file_read(root, "/proc/diskstats", text, sizeof text);
    if (!reading->has_disks)
        return;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct machine_disk disk = {.error_count = USE_UNKNOWN};
        uint64_t reads, writes;
        if (sscanf(line,
                   " %*u %*u %31s %" SCNu64 " %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                   disk.name, &reads, &writes, &disk.busy_ms, &disk.weighted_ms) != 5)
            continue;
        disk.io_count = reads + writes;
        if (disk.io_count == 0 || str_starts(disk.name, "loop") || str_starts(disk.name, "ram"))
            continue;
        /* A partition has no folder of its own there: its disk speaks for it. */
        snprintf(path, sizeof path, "/sys/block/%s/stat", disk.name);
        if (!file_read(root, path, errors, sizeof errors) && reading->disk_count > 0 &&
            str_starts(disk.name, reading->disks[reading->disk_count - 1].name))
            continue;
        snprintf(path, sizeof path, "/sys/block/%s/device/ioerr_cnt", disk.name);
        if (file_read(root, path, errors, sizeof errors))
            disk.error_count = (double)strtoull(errors, NULL, 0);
        if (reading->disk_count < MACHINE_DEVICE_MAX)
            reading->disks[reading->disk_count++] = disk;
    }
}

/* name: bytes packets errors drops fifo frame compressed multicast | the same for transmission */
static void interfaces_read(const char *root, struct machine_reading *reading)
{
    char text[TEXT_MAX], path[128], speed[64];
    char *save = NULL;
    reading->has_interfaces = file_read(root, "/proc/net/dev", text, sizeof text);
    if (!reading->has_interfaces)
        return;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct machine_interface at = {.bytes_per_s_max = USE_UNKNOWN};
        uint64_t errors[2], drops[2];
        if (sscanf(line,
                   " %31[^:]: %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %" SCNu64
                   " %*u %" SCNu64 " %" SCNu64,
                   at.name, &at.receive_bytes, &errors[0], &drops[0], &at.transmit_bytes, &errors[1],
                   &drops[1]) != 7)
            continue;
        if (at.receive_bytes + at.transmit_bytes == 0 || reading->interface_count == MACHINE_DEVICE_MAX)
            continue;
        at.error_count = errors[0] + errors[1];
        at.drop_count = drops[0] + drops[1];
        snprintf(path, sizeof path, "/sys/class/net/%s/speed", at.name);
        if (file_read(root, path, speed, sizeof speed) && strtol(speed, NULL, 10) > 0)
            at.bytes_per_s_max = (double)strtol(speed, NULL, 10) * 1e6 / 8;
        reading->interfaces[reading->interface_count++] = at;
    }
}

/* /proc/net/snmp and netstat have a line of names, then one of numbers, each begun by the same word. */
static double named_number(const char *text, const char *lead, const char *name)
{
    const char *names = strstr(text, lead);
    const char *values = names ? strstr(names + 1, lead) : NULL;
    if (!values)
        return USE_UNKNOWN;
    size_t length = strlen(name);
    names += strlen(lead);
    values += strlen(lead);
    while (*names == ' ' && *values == ' ') {
        if (strncmp(names + 1, name, length) == 0 && strchr(" \n", names[1 + length]))
            return strtod(values + 1, NULL);
        names += 1 + strcspn(names + 1, " \n");
        values += 1 + strcspn(values + 1, " \n");
    }
    return USE_UNKNOWN;
}

static void tcp_read(const char *root, struct machine_reading *reading)
{
    char text[TEXT_MAX];
    reading->sent_segments = reading->resent_segments = reading->listen_drop_count = USE_UNKNOWN;
    if (file_read(root, "/proc/net/snmp", text, sizeof text)) {
        reading->sent_segments = named_number(text, "Tcp:", "OutSegs");
        reading->resent_segments = named_number(text, "Tcp:", "RetransSegs");
    }
    if (file_read(root, "/proc/net/netstat", text, sizeof text))
        reading->listen_drop_count = named_number(text, "TcpExt:", "ListenDrops");
}

static void handles_read(const char *root, struct machine_reading *reading)
{
    char text[128];
    double used, unused, most;
    reading->handle_count = reading->handle_count_max = USE_UNKNOWN;
    if (file_read(root, "/proc/sys/fs/file-nr", text, sizeof text) &&
        sscanf(text, "%lf %lf %lf", &used, &unused, &most) == 3) {
        reading->handle_count = used;
        reading->handle_count_max = most;
    }
}

/* A number; "max", and what stands for no limit in version 1, is unknown. */
static double limit_read(const char *folder, const char *file)
{
    char text[64];
    if (!file_read(folder, file, text, sizeof text) || text[0] == 'm' || text[0] == '-')
        return USE_UNKNOWN;
    double limit = strtod(text, NULL);
    return limit < 0x1p60 ? limit : USE_UNKNOWN;
}

static void group_cpu_read(const struct cgroup_of *of, struct machine_group *group)
{
    char folder[320], text[2048];
    int version = 0;
    double quota = cgroup_cpu_quota(of);
    if (!cgroup_folder(of, "cpu", folder, sizeof folder, &version))
        return;
    group->is_there = true;
    group->core_count = quota > 0 ? quota : USE_UNKNOWN;
    if (!file_read(folder, "/cpu.stat", text, sizeof text))
        return;
    if (version == 2) {
        group->used_us = number_of(text, "usage_usec ");
        group->throttled_us = number_of(text, "throttled_usec ");
        return;
    }
    double throttled_ns = number_of(text, "throttled_time ");
    group->throttled_us = throttled_ns < 0 ? USE_UNKNOWN : throttled_ns / 1e3;
    if (cgroup_folder(of, "cpuacct", folder, sizeof folder, &version) &&
        file_read(folder, "/cpuacct.usage", text, sizeof text))
        group->used_us = strtod(text, NULL) / 1e3;
}

/* The tightest limit on the way up, with what its group uses. */
static void group_memory_read(const struct cgroup_of *of, struct machine_group *group)
{
    char folder[320], text[2048];
    int version = 0;
    if (!cgroup_folder(of, "memory", folder, sizeof folder, &version))
        return;
    group->is_there = true;
    if (file_read(folder, version == 2 ? "/memory.events" : "/memory.oom_control", text, sizeof text))
        group->oom_count = number_of(text, "oom_kill ");
    do {
        double most = limit_read(folder, version == 2 ? "/memory.max" : "/memory.limit_in_bytes");
        double used = limit_read(folder, version == 2 ? "/memory.current" : "/memory.usage_in_bytes");
        if (used >= 0 && most > 0 && (group->memory_bytes_max < 0 || most < group->memory_bytes_max)) {
            group->memory_bytes = used;
            group->memory_bytes_max = most;
        }
    } while (cgroup_up(of, folder));
}

static void group_read(const char *root, uint64_t pid, struct machine_group *group)
{
    const struct cgroup_of of = {.root = root, .pid = pid};
    char folder[320];
    int version = 0;
    *group = (struct machine_group){false,       USE_UNKNOWN, USE_UNKNOWN, USE_UNKNOWN, USE_UNKNOWN,
                                    USE_UNKNOWN, USE_UNKNOWN, USE_UNKNOWN, USE_UNKNOWN};
    group_cpu_read(&of, group);
    group_memory_read(&of, group);
    if (cgroup_folder(&of, "pids", folder, sizeof folder, &version)) {
        group->task_count = limit_read(folder, "/pids.current");
        group->task_count_max = limit_read(folder, "/pids.max");
    }
}

void machine_read(const char *root, uint64_t pid, struct machine_reading *ret_reading)
{
    *ret_reading = (struct machine_reading){.at_ns = clock_monotonic_ns()};
    cpu_read(root, ret_reading);
    pressure_read(root, ret_reading);
    memory_read(root, ret_reading);
    disks_read(root, ret_reading);
    interfaces_read(root, ret_reading);
    tcp_read(root, ret_reading);
    handles_read(root, ret_reading);
    group_read(root, pid, &ret_reading->group);
}
