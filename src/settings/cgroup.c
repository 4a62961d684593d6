/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/cgroup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "kernel/control_group.h"
#include "settings/internal.h"

/* A file of a folder; "" when it cannot be read. */
static void file_read(const char *folder, const char *name, char *ret_text, size_t size)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (fs_read_small(path, ret_text, size) <= 0)
        *ret_text = '\0';
}

/* A number alone in a file; 0 for "max", and what is not there. */
static double file_number(const char *folder, const char *name)
{
    char text[64];
    double number;
    file_read(folder, name, text, sizeof text);
    text[strcspn(text, "\n")] = '\0';
    /* Version 1 says "no limit" with a number beyond any machine. */
    return num_parse_double(text, &number) || number < 0 || number > 0x1p60 ? 0 : number;
}

/* The number behind a name in a file of "name number" lines. */
static uint64_t file_count(const char *folder, const char *name, const char *key)
{
    char text[4096];
    size_t length = strlen(key);
    file_read(folder, name, text, sizeof text);
    for (const char *at = text; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, length) == 0 && at[length] == ' ')
            return strtoull(at + length, NULL, 10);
    }
    return 0;
}

static double least(double a, double b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void folder_read(const char *folder, struct cgroup_limits *limits)
{
    char text[128];
    double quota, period;
    file_read(folder, "cpu.max", text, sizeof text);
    if (sscanf(text, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
        limits->cores = least(limits->cores, quota / period);
    quota = file_number(folder, "cpu.cfs_quota_us");
    period = file_number(folder, "cpu.cfs_period_us");
    if (quota > 0 && period > 0)
        limits->cores = least(limits->cores, quota / period);
    limits->memory_bytes_max = least(limits->memory_bytes_max, file_number(folder, "memory.max"));
    limits->memory_bytes_max = least(limits->memory_bytes_max, file_number(folder, "memory.limit_in_bytes"));
    limits->memory_bytes_high = least(limits->memory_bytes_high, file_number(folder, "memory.high"));
}

/* What happened, of the group itself. */
static void folder_count(const char *folder, struct cgroup_limits *limits)
{
    uint64_t periods = file_count(folder, "cpu.stat", "nr_periods"),
             throttled = file_count(folder, "cpu.stat", "nr_throttled");
    if (periods)
        limits->throttled_ratio = num_ratio(throttled, periods);
    limits->throttled_ns =
        num_max(limits->throttled_ns, file_count(folder, "cpu.stat", "throttled_usec") * 1000);
    limits->memory_high_count =
        num_max(limits->memory_high_count, file_count(folder, "memory.events", "high"));
    limits->memory_max_count = num_max(limits->memory_max_count, file_count(folder, "memory.events", "max"));
    double used = file_number(folder, "memory.current");
    used = used > 0 ? used : file_number(folder, "memory.usage_in_bytes");
    limits->memory_bytes = used > 0 ? used : limits->memory_bytes;
}

/* The groups of both controllers, one group in version 2, and their parents. */
void cgroup_limits(uint64_t pid, struct cgroup_limits *ret_limits)
{
    static const char *const controllers[] = {"cpu", "memory"};
    const struct cgroup_of of = {.root = "", .pid = pid};
    char folder[sizeof ret_limits->path];
    int version;

    *ret_limits = (struct cgroup_limits){0};
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
        if (!cgroup_folder(&of, controllers[i], folder, sizeof folder, &version) ||
            strcmp(folder, ret_limits->path) == 0)
            continue;
        if (!ret_limits->path[0])
            snprintf(ret_limits->path, sizeof ret_limits->path, "%s", folder);
        folder_count(folder, ret_limits);
        do {
            folder_read(folder, ret_limits);
        } while (cgroup_up(&of, folder));
    }
}

int cgroup_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct cgroup_limits limits;
    cgroup_limits(server->pid, &limits);
    *ret_done = limits.path[0] != '\0';
    if (!*ret_done)
        return 0;
    int status = 0;
    if (limits.cores > 0)
        status = settings_put(settings, "cpu.throttled",
                              settings_printf(settings, "%.0f%%", limits.throttled_ratio * 100),
                              settings_printf(settings, "%s/cpu.stat", limits.path), err);
    if (!status && limits.memory_bytes_max > 0 && limits.memory_bytes > 0)
        status = settings_put(
            settings, "memory.max.used",
            settings_printf(settings, "%.0f%%", limits.memory_bytes / limits.memory_bytes_max * 100),
            settings_printf(settings, "%s/memory.max", limits.path), err);
    if (!status && limits.memory_bytes_high > 0)
        status = settings_put(settings, "memory.high.events",
                              settings_printf(settings, "%" PRIu64, limits.memory_high_count),
                              settings_printf(settings, "%s/memory.events", limits.path), err);
    return status;
}
