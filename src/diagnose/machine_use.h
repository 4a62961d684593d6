/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_use: the machine by the USE method (B. Gregg, "Thinking Methodically about Performance", CACM 56(2), 2013): for each
 * resource how busy it was, whether work had to wait for it, and what went wrong, between two readings of /proc and /sys.
 *
 * What cannot be read (a container, no PSI, a virtual network) is unknown and says why; it is never a zero. Pure but for
 * machine_read. Any thread.
 */
#ifndef TOLL_DIAGNOSE_MACHINE_USE_H
#define TOLL_DIAGNOSE_MACHINE_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_DEVICE_MAX 24 /* disks, and interfaces; more are left out */
#define USE_ROW_MAX        (2 * MACHINE_DEVICE_MAX + 10)
#define USE_UNKNOWN        (-1.0)

/* The utilisation from which a resource counts as busy, and as used up. */
#define USE_BUSY_RATIO 0.6
#define USE_FULL_RATIO 0.9

struct machine_disk {
    char name[32];
    uint64_t io_count, busy_ms, weighted_ms;
    double error_count; /* USE_UNKNOWN where the driver counts none */
};

struct machine_interface {
    char name[32];
    uint64_t receive_bytes, transmit_bytes, error_count, drop_count;
    double bytes_per_s_max; /* USE_UNKNOWN: the link does not say */
};

/* Of one cgroup; USE_UNKNOWN where it has no such file or no limit. */
struct machine_group {
    bool is_there;
    double core_count, used_us, throttled_us;
    double memory_bytes, memory_bytes_max, oom_count;
    double task_count, task_count_max;
};

/* One reading. Totals since boot but for what is named otherwise. */
struct machine_reading {
    uint64_t at_ns;
    unsigned cpu_count;
    uint64_t busy_ticks, steal_ticks, all_ticks, iowait_ticks;
    uint64_t runnable_count;              /* now */
    double pressure_us[3];                /* some task stalled: CPU, memory, I/O; USE_UNKNOWN without PSI */
    double memory_bytes, available_bytes; /* now; USE_UNKNOWN */
    double swap_bytes, swap_free_bytes;   /* now */
    uint64_t swap_out_pages, direct_reclaim_count;
    double oom_count;                      /* USE_UNKNOWN */
    double handle_count, handle_count_max; /* now */
    double sent_segments, resent_segments; /* TCP; USE_UNKNOWN */
    double listen_drop_count;              /* USE_UNKNOWN */
    struct machine_disk disks[MACHINE_DEVICE_MAX];
    size_t disk_count;
    bool has_disks; /* /proc/diskstats could be read */
    struct machine_interface interfaces[MACHINE_DEVICE_MAX];
    size_t interface_count;
    bool has_interfaces;
    struct machine_group group;
};

enum use_state { USE_OK, USE_BUSY, USE_SATURATED, USE_ERRORS, USE_NOT_KNOWN };

struct use_row {
    const char *
        resource; /* "cpu", "memory", "disk", "network", "tcp", "files", "cgroup-cpu", "cgroup-memory", "cgroup-tasks" */
    char name[32]; /* of the disk or interface; "" */
    double utilisation_ratio;
    double
        saturation_ratio; /* how much waits for it, of the time; for a disk the mean length of its queue less one */
    double error_count; /* within the window */
    enum use_state state;
    char note[120]; /* lower case: its size, or why something is not known; "" */
};

struct use_table {
    struct use_row rows[USE_ROW_MAX];
    size_t count;
    uint64_t window_ns;
};

/* `root` stands before /proc and /sys ("" but in tests); the cgroup is that of `pid`, 0: toll's own. Never fails: what cannot
 * be read stays unknown. */
void machine_read(const char *root, uint64_t pid, struct machine_reading *ret_reading);
void use_table_make(const struct machine_reading *before, const struct machine_reading *after,
                    struct use_table *ret_table);
/* The row of a resource that is worst off; NULL when there is none. */
const struct use_row *use_worst(const struct use_table *table, const char *resource);
/* "ok", "busy", "saturated", "errors", "unknown" */
const char *use_state_name(enum use_state state);

#endif
