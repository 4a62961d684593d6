/* SPDX-License-Identifier: Apache-2.0 */
#include "record/usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "model/meta.h"
#include "record/launch.h"

#define TICK_NS (NS_PER_S / 100) /* /proc tells times in USER_HZ, 100 on every architecture toll runs on */

/* The number behind "NAME:" at the start of a line, 0 when it is not there. */
static uint64_t field(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

/* proc(5): pid (comm) state ppid …; the name may hold anything, so fields are counted from its last ')'. */
static bool stat_parse(struct usage *usage, const char *text)
{
    uint64_t values[64] = {0};
    size_t count = 3;
    const char *rest = strrchr(text, ')');

    if (!rest || !rest[1])
        return false;
    char state = rest[2];
    for (char *next = NULL, *at = (char *)(uintptr_t)rest + 3; count < 54; count++, at = next) {
        values[count + 1] = strtoull(at, &next, 10); /* negative ones wrap and are not used */
        if (next == at)
            break;
    }
    usage->fault_minor_count = values[10];
    usage->fault_major_count = values[12];
    usage->cpu_user_ns = values[14] * TICK_NS;
    usage->cpu_system_ns = values[15] * TICK_NS;
    usage->is_zombie = state == 'Z' || state == 'X';
    if (!usage->is_zombie) {
        usage->rss_bytes = values[24] * (uint64_t)sysconf(_SC_PAGESIZE);
        usage->rss_bytes_max = num_max(usage->rss_bytes_max, usage->rss_bytes);
        usage->has_memory = true;
    } else if (count >= 52) {
        usage->exit_status = (uint64_t)launch_shell_status((int)values[52]);
    }
    return true;
}

void usage_io_read(struct usage *usage, uint64_t pid)
{
    char path[64], text[512];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/io", pid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return;
    usage->has_io = true;
    usage->read_count = field(text, "syscr:");
    usage->write_count = field(text, "syscw:");
    usage->read_bytes = field(text, "rchar:");
    usage->write_bytes = field(text, "wchar:");
    usage->disk_read_bytes = field(text, "\nread_bytes:");
    usage->disk_write_bytes = field(text, "\nwrite_bytes:");
}

bool usage_read(struct usage *usage, uint64_t pid, bool is_full, uint64_t time_ns)
{
    char path[64], text[4096];

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    if (fs_read_small(path, text, sizeof text) <= 0 || !stat_parse(usage, text))
        return false;
    usage->read_ns = time_ns;
    if (!is_full && !usage->is_zombie)
        return true;
    usage_io_read(usage, pid);
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", pid);
    if (fs_read_small(path, text, sizeof text) > 0) {
        usage->rss_bytes_max = num_max(usage->rss_bytes_max, field(text, "VmHWM:") * 1024);
        usage->switch_voluntary_count = field(text, "\nvoluntary_ctxt_switches:");
        usage->switch_involuntary_count = field(text, "nonvoluntary_ctxt_switches:");
    }
    return true;
}

void usage_point(struct usage *usage, struct emit *emit, uint64_t track, uint64_t time_ns)
{
    uint64_t low = num_min(usage->rss_bytes, usage->point_bytes);
    uint64_t change = num_max(usage->rss_bytes, usage->point_bytes) - low;

    if (!usage->has_memory || usage->is_zombie)
        return;
    if (usage->point_ns && change <= usage->point_bytes / 100 && time_ns < usage->point_ns + NS_PER_S)
        return;
    if (!usage->series)
        usage->series = emit_series(emit, track, SERIES_RSS, "bytes");
    emit_point(emit, usage->series, time_ns, (double)usage->rss_bytes);
    usage->point_bytes = usage->rss_bytes;
    usage->point_ns = time_ns;
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

/* wait4 adds the children that the process itself waited for. Where /proc was read, its own part is at least
 * what was read; the rest of wait's sum is taken only when it had no children's share to confuse it with. */
void usage_reaped(struct usage *usage, const struct rusage *rusage, uint64_t exit_status)
{
    usage->exit_status = exit_status;
    if (usage->is_zombie)
        return; /* read to the end, without children */
    if (!usage->read_ns) {
        usage->cpu_user_ns = timeval_ns(rusage->ru_utime);
        usage->cpu_system_ns = timeval_ns(rusage->ru_stime);
        usage->fault_minor_count = (uint64_t)rusage->ru_minflt;
        usage->fault_major_count = (uint64_t)rusage->ru_majflt;
        usage->switch_voluntary_count = (uint64_t)rusage->ru_nvcsw;
        usage->switch_involuntary_count = (uint64_t)rusage->ru_nivcsw;
        usage->rss_bytes_max = (uint64_t)rusage->ru_maxrss * 1024;
        usage->read_ns = 1;
        usage->has_memory = true;
    }
}

void usage_end(const struct usage *usage, struct emit *emit, uint64_t track)
{
    if (usage->read_ns && usage->has_memory)
        emit_attr_u64(emit, track, ATTR_RSS_BYTES_MAX, usage->rss_bytes_max);
    if (!usage->read_ns || usage->is_partial)
        return;
    emit_attr_u64(emit, track, ATTR_CPU_USER_NS, usage->cpu_user_ns);
    emit_attr_u64(emit, track, ATTR_CPU_SYSTEM_NS, usage->cpu_system_ns);
    emit_attr_u64(emit, track, ATTR_FAULT_MINOR_COUNT, usage->fault_minor_count);
    emit_attr_u64(emit, track, ATTR_FAULT_MAJOR_COUNT, usage->fault_major_count);
    emit_attr_u64(emit, track, ATTR_SWITCH_VOLUNTARY_COUNT, usage->switch_voluntary_count);
    emit_attr_u64(emit, track, ATTR_SWITCH_INVOLUNTARY_COUNT, usage->switch_involuntary_count);
    if (!usage->has_io)
        return;
    emit_attr_u64(emit, track, ATTR_READ_COUNT, usage->read_count);
    emit_attr_u64(emit, track, ATTR_WRITE_COUNT, usage->write_count);
    emit_attr_u64(emit, track, ATTR_READ_BYTES, usage->read_bytes);
    emit_attr_u64(emit, track, ATTR_WRITE_BYTES, usage->write_bytes);
    emit_attr_u64(emit, track, ATTR_DISK_READ_BYTES, usage->disk_read_bytes);
    emit_attr_u64(emit, track, ATTR_DISK_WRITE_BYTES, usage->disk_write_bytes);
}
