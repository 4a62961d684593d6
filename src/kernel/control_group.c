/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/control_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define CGROUPS "/sys/fs/cgroup"

/* Whether a list "cpu,cpuacct" of `length` bytes names the controller. */
static bool names(const char *list, size_t length, const char *controller)
{
    size_t wanted = strlen(controller);
    for (size_t at = 0; at + wanted <= length; at++)
        if (strncmp(list + at, controller, wanted) == 0 && (at == 0 || list[at - 1] == ',') &&
            (at + wanted == length || list[at + wanted] == ','))
            return true;
    return false;
}

bool cgroup_folder(const struct cgroup_of *of, const char *controller, char *ret_folder, size_t capacity,
                   int *ret_version)
{
    char file[320], text[4096];
    char *save = NULL;
    bool found = false;

    if (of->pid)
        snprintf(file, sizeof file, "%s/proc/%llu/cgroup", of->root, (unsigned long long)of->pid);
    else
        snprintf(file, sizeof file, "%s/proc/self/cgroup", of->root);
    if (fs_read_small(file, text, sizeof text) <= 0)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line && !found; line = strtok_r(NULL, "\n", &save)) {
        const char *list = strchr(line, ':');
        const char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path || path[1] != '/')
            continue;
        bool is_unified = str_starts(line, "0::");
        if (!is_unified && !names(list + 1, (size_t)(path - list - 1), controller))
            continue;
        size_t top = strlen(of->root) + strlen(CGROUPS) + (is_unified ? 0 : strlen(controller) + 1);
        int length = snprintf(ret_folder, capacity, "%s%s%s%s%s", of->root, CGROUPS, is_unified ? "" : "/",
                              is_unified ? "" : controller, path + 1);
        if (length < 0 || (size_t)length >= capacity)
            continue;
        if (access(ret_folder, R_OK) < 0)
            ret_folder[top] = '\0';
        found = access(ret_folder, R_OK) == 0;
        *ret_version = is_unified ? 2 : 1;
    }
    return found;
}

bool cgroup_up(const struct cgroup_of *of, char *folder)
{
    size_t top = strlen(of->root) + strlen(CGROUPS);
    char *slash = strrchr(folder, '/');
    if (!slash || strlen(folder) <= top)
        return false;
    *slash = '\0';
    return strlen(folder) >= top;
}

static bool file_read(const char *folder, const char *file, char *text, size_t capacity)
{
    char path[360];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return fs_read_small(path, text, capacity) > 0;
}

/* cpu.max: "QUOTA PERIOD" or "max PERIOD"; v1 has two files, -1 for none. */
static double quota_read(const char *folder, int version)
{
    char text[64], period[64];
    char *rest = text;

    if (!file_read(folder, version == 2 ? "cpu.max" : "cpu.cfs_quota_us", text, sizeof text))
        return 0;
    if (str_starts(text, "max") || text[0] == '-')
        return 0;
    double quota_us = (double)strtoull(text, &rest, 10);
    if (version == 1 && file_read(folder, "cpu.cfs_period_us", period, sizeof period))
        rest = period;
    double period_us = (double)strtoull(rest, NULL, 10);
    return period_us > 0 ? quota_us / period_us : 0;
}

double cgroup_cpu_quota(const struct cgroup_of *of)
{
    char folder[320];
    int version = 0;
    double tightest = 0;

    if (!cgroup_folder(of, "cpu", folder, sizeof folder, &version))
        return 0;
    do {
        double quota = quota_read(folder, version);
        if (quota > 0 && (tightest <= 0 || quota < tightest))
            tightest = quota;
    } while (cgroup_up(of, folder));
    return tightest;
}
