/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel: sysctls by their names ("vm.swappiness" is /proc/sys/vm/swappiness), and what has no sysctl under names of its
 * own: transparent_hugepage, cpu_governor, limit.nofile (of the server's process, else of this one).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "settings/internal.h"

#define THP      "/sys/kernel/mm/transparent_hugepage/enabled"
#define GOVERNOR "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"

/* The first line, with blanks made single. */
static bool line_read(const char *path, char *ret_line, size_t size)
{
    if (fs_read_small(path, ret_line, size) <= 0)
        return false;
    ret_line[strcspn(ret_line, "\n")] = '\0';
    for (char *at = ret_line; *at; at++)
        if (*at == '\t')
            *at = ' ';
    return *ret_line;
}

/* "always [madvise] never" */
static bool chosen(char *line)
{
    char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL;
    if (!close)
        return false;
    *close = '\0';
    memmove(line, open + 1, strlen(open + 1) + 1);
    return true;
}

/* "Max open files  1024  524288  files" of /proc/PID/limits. */
static bool open_files(uint64_t pid, char *ret_line, size_t size)
{
    char path[64], text[4096];
    struct rlimit limit;
    if (!pid) {
        if (getrlimit(RLIMIT_NOFILE, &limit))
            return false;
        snprintf(ret_line, size, "%" PRIu64, (uint64_t)limit.rlim_cur);
        return true;
    }
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/limits", pid);
    const char *line = fs_read_small(path, text, sizeof text) > 0 ? strstr(text, "Max open files") : NULL;
    unsigned long long count;
    if (!line || sscanf(line, "Max open files %llu", &count) != 1)
        return false;
    snprintf(ret_line, size, "%llu", count);
    return true;
}

static bool key_read(const char *key, uint64_t pid, char *ret_line, size_t size, char *ret_origin,
                     size_t origin_size)
{
    if (strcmp(key, "transparent_hugepage") == 0) {
        snprintf(ret_origin, origin_size, THP);
        return line_read(THP, ret_line, size) && chosen(ret_line);
    }
    if (strcmp(key, "cpu_governor") == 0) {
        snprintf(ret_origin, origin_size, GOVERNOR);
        return line_read(GOVERNOR, ret_line, size);
    }
    if (strcmp(key, "limit.nofile") == 0) {
        snprintf(ret_origin, origin_size, "/proc/%" PRIu64 "/limits", pid ? pid : (uint64_t)getpid());
        return open_files(pid, ret_line, size);
    }
    if (strstr(key, "..") || strchr(key, '/'))
        return false;
    int length = snprintf(ret_origin, origin_size, "/proc/sys/%s", key);
    for (char *at = ret_origin + strlen("/proc/sys/"); length > 0 && *at; at++)
        *at = *at == '.' ? '/' : *at;
    return line_read(ret_origin, ret_line, size);
}

int kernel_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < settings->rules->rules.count && !status; i++) {
        const char *key = settings->rules->rules.items[i].key;
        char line[256], origin[320];
        if (key_read(key, server->pid, line, sizeof line, origin, sizeof origin))
            status = settings_put(settings, key, line, origin, err);
    }
    *ret_done = true;
    return status;
}
