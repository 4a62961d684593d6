/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/machine_use.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"

/* Waiting for this part of the time is saturation, whatever the utilisation. */
#define WAITING_RATIO 0.10
/* Requests that wait beside the one that is served. */
#define WAITING_REQUESTS 1.0
/* Fewer lost packets a second are what any network has. */
#define DROPS_PER_S 1.0
/* Segments sent again, of all. */
#define RESENT_RATIO 0.01

enum pressure { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO };

struct window {
    const struct machine_reading *before, *after;
    struct use_table *table;
    double seconds;
};

static struct use_row *row_add(struct window *window, const char *resource, const char *name)
{
    /* Named limits above hold: two kinds of device and the fixed rows. */
    struct use_row *row = &window->table->rows[window->table->count++];
    *row = (struct use_row){.resource = resource,
                            .utilisation_ratio = USE_UNKNOWN,
                            .saturation_ratio = USE_UNKNOWN,
                            .error_count = USE_UNKNOWN};
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

static void note(struct use_row *row, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(struct use_row *row, const char *format, ...)
{
    char text[sizeof row->note];
    size_t length = strlen(row->note);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(row->note + length, sizeof row->note - length, "%s%s", length ? ", " : "", text);
}

/* The growth of a total, USE_UNKNOWN when it is not known at both ends. */
static double grown(double before, double after)
{
    return before < 0 || after < before ? USE_UNKNOWN : after - before;
}

static double clipped(double ratio)
{
    return ratio > 1 ? 1 : ratio;
}

static double pressure(const struct window *window, enum pressure which)
{
    double us = grown(window->before->pressure_us[which], window->after->pressure_us[which]);
    return us < 0 ? USE_UNKNOWN : clipped(us / 1e6 / window->seconds);
}

static void judge(struct use_row *row, double saturation_from)
{
    if (row->error_count > 0)
        row->state = USE_ERRORS;
    else if (row->utilisation_ratio < 0 && row->saturation_ratio < 0 && row->error_count < 0)
        row->state = USE_NOT_KNOWN;
    else if (row->saturation_ratio >= saturation_from || row->utilisation_ratio >= USE_FULL_RATIO)
        row->state = USE_SATURATED;
    else if (row->utilisation_ratio >= USE_BUSY_RATIO)
        row->state = USE_BUSY;
}

static void unknown_row(struct window *window, const char *resource, const char *why)
{
    struct use_row *row = row_add(window, resource, "");
    row->state = USE_NOT_KNOWN;
    note(row, "%s", why);
}

static void cpu_row(struct window *window)
{
    const struct machine_reading *before = window->before, *after = window->after;
    struct use_row *row = row_add(window, "cpu", "");
    uint64_t all = after->all_ticks - num_min(before->all_ticks, after->all_ticks);
    if (all == 0) {
        note(row, "/proc/stat cannot be read");
    } else {
        uint64_t busy = after->busy_ticks - num_min(before->busy_ticks, after->busy_ticks);
        uint64_t steal = after->steal_ticks - num_min(before->steal_ticks, after->steal_ticks);
        uint64_t iowait = after->iowait_ticks - num_min(before->iowait_ticks, after->iowait_ticks);
        row->utilisation_ratio = clipped(num_ratio(busy + steal, all));
        note(row, "%u core%s", after->cpu_count, after->cpu_count == 1 ? "" : "s");
        if (num_ratio(steal, all) >= 0.01)
            note(row, "%.0f %% taken by the host", num_ratio(steal, all) * 100);
        if (num_ratio(iowait, all) >= 0.05)
            note(row, "%.0f %% idle for a disk", num_ratio(iowait, all) * 100);
    }
    row->saturation_ratio = pressure(window, PRESSURE_CPU);
    if (row->saturation_ratio < 0) {
        note(row, "no PSI: %llu runnable", (unsigned long long)after->runnable_count);
        /* toll itself is one of them */
        if (after->cpu_count && after->runnable_count > after->cpu_count + 1u)
            row->saturation_ratio = clipped((double)(after->runnable_count - 1) / after->cpu_count - 1);
    }
    judge(row, 0.20);
}

static void memory_row(struct window *window)
{
    const struct machine_reading *before = window->before, *after = window->after;
    struct use_row *row = row_add(window, "memory", "");
    if (after->memory_bytes > 0 && after->available_bytes >= 0) {
        row->utilisation_ratio = clipped(1 - after->available_bytes / after->memory_bytes);
        note(row, "%.1f GB", after->memory_bytes / 1e9);
    } else {
        note(row, "/proc/meminfo cannot be read");
    }
    row->saturation_ratio = pressure(window, PRESSURE_MEMORY);
    row->error_count = grown(before->oom_count, after->oom_count);
    uint64_t swapped = after->swap_out_pages - num_min(before->swap_out_pages, after->swap_out_pages);
    uint64_t scanned =
        after->direct_reclaim_count - num_min(before->direct_reclaim_count, after->direct_reclaim_count);
    if (after->swap_bytes > 0 && after->swap_free_bytes < after->swap_bytes * 0.9)
        note(row, "%.0f %% of swap in use", (1 - after->swap_free_bytes / after->swap_bytes) * 100);
    judge(row, WAITING_RATIO);
    if (row->state < USE_SATURATED && (swapped > 0 || scanned > 0)) {
        row->state = USE_SATURATED;
        note(row, "%s now", swapped ? "swapping" : "reclaiming");
    }
}

static void disk_row(struct window *window, const struct machine_disk *after)
{
    const struct machine_disk *before = NULL;
    for (size_t i = 0; i < window->before->disk_count; i++)
        if (strcmp(window->before->disks[i].name, after->name) == 0)
            before = &window->before->disks[i];
    if (!before || after->busy_ms < before->busy_ms || after->weighted_ms < before->weighted_ms)
        return;
    struct use_row *row = row_add(window, "disk", after->name);
    double requests = (double)(after->weighted_ms - before->weighted_ms) / 1e3 / window->seconds;
    row->utilisation_ratio = clipped((double)(after->busy_ms - before->busy_ms) / 1e3 / window->seconds);
    row->saturation_ratio = requests > row->utilisation_ratio ? requests - row->utilisation_ratio : 0;
    row->error_count = grown(before->error_count, after->error_count);
    note(row, "%.0f operations/s",
         (double)(after->io_count - num_min(before->io_count, after->io_count)) / window->seconds);
    judge(row, WAITING_REQUESTS);
}

static void interface_row(struct window *window, const struct machine_interface *after)
{
    const struct machine_interface *before = NULL;
    for (size_t i = 0; i < window->before->interface_count; i++)
        if (strcmp(window->before->interfaces[i].name, after->name) == 0)
            before = &window->before->interfaces[i];
    if (!before || after->receive_bytes < before->receive_bytes)
        return;
    struct use_row *row = row_add(window, "network", after->name);
    double in = (double)(after->receive_bytes - before->receive_bytes) / window->seconds;
    double out = grown((double)before->transmit_bytes, (double)after->transmit_bytes) / window->seconds;
    double drops = grown((double)before->drop_count, (double)after->drop_count);
    if (after->bytes_per_s_max > 0)
        row->utilisation_ratio = clipped((in > out ? in : out) / after->bytes_per_s_max);
    note(row, "%.1f MB/s in, %.1f MB/s out", in / 1e6, out / 1e6);
    if (after->bytes_per_s_max <= 0 && strcmp(after->name, "lo") != 0)
        note(row, "speed not known");
    row->saturation_ratio = drops < 0 ? USE_UNKNOWN : drops / window->seconds >= DROPS_PER_S ? 1 : 0;
    row->error_count = grown((double)before->error_count, (double)after->error_count);
    judge(row, 1);
}

static void tcp_row(struct window *window)
{
    const struct machine_reading *before = window->before, *after = window->after;
    double sent = grown(before->sent_segments, after->sent_segments);
    double resent = grown(before->resent_segments, after->resent_segments);
    double dropped = grown(before->listen_drop_count, after->listen_drop_count);
    if (sent < 0 && dropped < 0)
        return;
    struct use_row *row = row_add(window, "tcp", "");
    row->error_count = dropped;
    if (sent > 0 && resent >= 0)
        row->saturation_ratio = clipped(resent / sent);
    else if (sent >= 0)
        row->saturation_ratio = 0;
    if (row->saturation_ratio > 0)
        note(row, "%.1f %% of the segments sent again", row->saturation_ratio * 100);
    if (dropped > 0)
        note(row, "connections were refused: a listener's queue is full");
    judge(row, RESENT_RATIO);
}

static void files_row(struct window *window)
{
    const struct machine_reading *after = window->after;
    if (after->handle_count < 0 || after->handle_count_max <= 0)
        return;
    struct use_row *row = row_add(window, "files", "");
    row->utilisation_ratio = clipped(after->handle_count / after->handle_count_max);
    note(row, "%.0f open", after->handle_count);
    judge(row, 2);
}

static void group_rows(struct window *window)
{
    const struct machine_group *before = &window->before->group, *after = &window->after->group;
    if (after->core_count > 0) {
        struct use_row *row = row_add(window, "cgroup-cpu", "");
        double used_us = grown(before->used_us, after->used_us);
        double throttled_us = grown(before->throttled_us, after->throttled_us);
        row->utilisation_ratio =
            used_us < 0 ? USE_UNKNOWN : clipped(used_us / 1e6 / window->seconds / after->core_count);
        row->saturation_ratio =
            throttled_us < 0 ? USE_UNKNOWN : clipped(throttled_us / 1e6 / window->seconds);
        note(row, "limited to %.2g core%s", after->core_count,
             after->core_count > 0.99 && after->core_count < 1.01 ? "" : "s");
        judge(row, 0.01);
    }
    if (after->memory_bytes_max > 0) {
        struct use_row *row = row_add(window, "cgroup-memory", "");
        row->utilisation_ratio = clipped(after->memory_bytes / after->memory_bytes_max);
        row->error_count = grown(before->oom_count, after->oom_count);
        note(row, "limited to %.1f GB", after->memory_bytes_max / 1e9);
        judge(row, 2);
    }
    if (after->task_count >= 0 && after->task_count_max > 0) {
        struct use_row *row = row_add(window, "cgroup-tasks", "");
        row->utilisation_ratio = clipped(after->task_count / after->task_count_max);
        note(row, "%.0f of %.0f", after->task_count, after->task_count_max);
        judge(row, 2);
    }
    if (!after->is_there)
        unknown_row(window, "cgroup-cpu", "/sys/fs/cgroup cannot be read: limits are not known");
}

void use_table_make(const struct machine_reading *before, const struct machine_reading *after,
                    struct use_table *ret_table)
{
    *ret_table =
        (struct use_table){.window_ns = after->at_ns > before->at_ns ? after->at_ns - before->at_ns : 1};
    struct window window = {before, after, ret_table, (double)ret_table->window_ns / (double)NS_PER_S};
    cpu_row(&window);
    memory_row(&window);
    for (size_t i = 0; i < after->disk_count; i++)
        disk_row(&window, &after->disks[i]);
    if (!after->has_disks)
        unknown_row(&window, "disk", "/proc/diskstats cannot be read");
    for (size_t i = 0; i < after->interface_count; i++)
        interface_row(&window, &after->interfaces[i]);
    if (!after->has_interfaces)
        unknown_row(&window, "network", "/proc/net/dev cannot be read");
    tcp_row(&window);
    files_row(&window);
    group_rows(&window);
}

const struct use_row *use_worst(const struct use_table *table, const char *resource)
{
    const struct use_row *worst = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct use_row *row = &table->rows[i];
        if (strcmp(row->resource, resource) != 0 || row->state == USE_NOT_KNOWN)
            continue;
        if (!worst || row->state > worst->state ||
            (row->state == worst->state && row->utilisation_ratio > worst->utilisation_ratio))
            worst = row;
    }
    return worst;
}

const char *use_state_name(enum use_state state)
{
    static const char *const names[] = {"ok", "busy", "saturated", "errors", "unknown"};
    return names[state];
}
