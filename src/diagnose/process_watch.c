/* SPDX-License-Identifier: Apache-2.0 */
/* What a process and its children did between two lists of all processes. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "diagnose/process_look.h"

/* The state is behind the last bracket: names may hold brackets. */
static char state_of(const char *root, uint64_t pid, const char *thread)
{
    char path[360], text[512];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/task/%.20s/stat", root, pid, thread);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return '?';
    const char *close = strrchr(text, ')');
    return close && close[1] == ' ' ? close[2] : '?';
}

static void states_look(struct process_watch *watch)
{
    char path[320];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/task", watch->root, watch->pid);
    DIR *folder = opendir(path);
    unsigned count = 0;
    for (struct dirent *entry; folder && count < PROCESS_THREAD_MAX && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char state = state_of(watch->root, watch->pid, entry->d_name);
        watch->running += state == 'R';
        watch->disk += state == 'D';
        watch->sleeping += state == 'S' || state == 'I';
        count++;
    }
    if (folder)
        closedir(folder);
}

/* schedstat: time on a CPU, time waiting for one, count; of each thread */
static bool queue_read(const struct process_watch *watch, double *ret_ns, double *ret_threads)
{
    char path[360], text[128];
    double total = 0, count = 0;
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/task", watch->root, watch->pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && count < PROCESS_THREAD_MAX && (entry = readdir(folder));) {
        uint64_t waited;
        snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/task/%.20s/schedstat", watch->root, watch->pid,
                 entry->d_name);
        if (entry->d_name[0] == '.' || fs_read_small(path, text, sizeof text) <= 0 ||
            sscanf(text, "%*u %" SCNu64, &waited) != 1)
            continue;
        total += (double)waited;
        count++;
    }
    if (folder)
        closedir(folder);
    *ret_ns = total;
    *ret_threads = count;
    return count > 0;
}

static bool bytes_read(const struct process_watch *watch, double *ret_read, double *ret_write)
{
    char path[320], text[1024];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/io", watch->root, watch->pid);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return false;
    const char *in = strstr(text, "\nread_bytes: "), *out = strstr(text, "\nwrite_bytes: ");
    if (!in || !out)
        return false;
    *ret_read = strtod(in + 13, NULL);
    *ret_write = strtod(out + 14, NULL);
    return true;
}

void process_watch_open(struct process_watch *watch, const char *root, uint64_t pid)
{
    *watch = (struct process_watch){.root = root, .pid = pid};
    watch->has_queue = queue_read(watch, &watch->queue_ns, &watch->thread_count);
    watch->has_bytes = bytes_read(watch, &watch->read_bytes, &watch->write_bytes);
}

void process_watch_look(struct process_watch *watch)
{
    states_look(watch);
}

static bool is_settled(const struct process_row *row, const struct process_list *before)
{
    return !before->at_ticks ||
           row->start_ticks + (uint64_t)(PROCESS_SETTLED_S * PROCESS_TICKS_PER_S) <= before->at_ticks;
}

static void tree_sum(const struct process_watch *watch, const struct process_list *before,
                     const struct process_list *after, struct process_use *use)
{
    double seconds = (double)use->window_ns / (double)NS_PER_S;
    bool is_long = seconds >= PROCESS_LONG_LOOK_S;
    uint64_t rss_before = 0, rss_kept = 0, settled_before = 0, settled_kept = 0, ticks = 0, waited = 0,
             faults = 0;
    for (size_t i = 0; i < after->rows.count; i++) {
        const struct process_row *row = &after->rows.items[i];
        if (!process_is_below(after, row->pid, watch->pid))
            continue;
        const struct process_row *was = process_find(before, row->pid);
        const struct process_row none = {0};
        bool is_same = was && was->start_ticks == row->start_ticks;
        was = is_same ? was : &none;
        use->process_count++;
        use->thread_count += row->thread_count;
        use->rss_bytes += row->rss_bytes;
        rss_before += was->rss_bytes;
        /* What a new process takes is no growth of the old ones. */
        rss_kept += is_same ? row->rss_bytes : 0;
        if (is_same && (is_long || is_settled(row, before))) {
            settled_before += was->rss_bytes;
            settled_kept += row->rss_bytes;
        }
        ticks += row->cpu_ticks - num_min(was->cpu_ticks, row->cpu_ticks);
        waited += row->disk_wait_ticks - num_min(was->disk_wait_ticks, row->disk_wait_ticks);
        faults += row->major_fault_count - num_min(was->major_fault_count, row->major_fault_count);
    }
    use->core_count = (double)ticks / PROCESS_TICKS_PER_S / seconds;
    use->disk_wait_ratio = (double)waited / PROCESS_TICKS_PER_S / seconds;
    use->major_faults_per_s = (double)faults / seconds;
    use->rss_growth_per_s = ((double)rss_kept - (double)rss_before) / seconds;
    use->rss_growth_settled_per_s = ((double)settled_kept - (double)settled_before) / seconds;
}

void process_watch_close(struct process_watch *watch, const struct process_list *before,
                         const struct process_list *after, struct process_use *ret_use)
{
    uint64_t window_ns = after->at_ns > before->at_ns ? after->at_ns - before->at_ns : 1;
    struct process_use use = {.window_ns = window_ns,
                              .queue_ratio = -1,
                              .read_bytes_per_s = -1,
                              .write_bytes_per_s = -1,
                              .look_count = watch->running + watch->disk + watch->sleeping};
    double seconds = (double)window_ns / (double)NS_PER_S, queue_ns, threads, in, out;
    tree_sum(watch, before, after, &use);
    if (watch->has_queue && queue_read(watch, &queue_ns, &threads) && queue_ns >= watch->queue_ns)
        use.queue_ratio = (queue_ns - watch->queue_ns) / (double)NS_PER_S / seconds;
    if (watch->has_bytes && bytes_read(watch, &in, &out)) {
        use.read_bytes_per_s = (in - watch->read_bytes) / seconds;
        use.write_bytes_per_s = (out - watch->write_bytes) / seconds;
    }
    use.running_ratio = num_ratio(watch->running, use.look_count);
    use.disk_ratio = num_ratio(watch->disk, use.look_count);
    use.sleeping_ratio = num_ratio(watch->sleeping, use.look_count);
    *ret_use = use;
}
