/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: what a process used, as /proc tells it while it lives (or waits to be reaped) and as wait(2) tells it of
 * toll's own children. The attributes of its track are written once, at its end; a reading that was never
 * possible is left out, never guessed.
 */
#ifndef TOLL_RECORD_USAGE_H
#define TOLL_RECORD_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "record/emit.h"

struct usage {
    uint64_t read_ns; /* when it was read last; 0 never */
    bool has_io;
    bool has_memory;
    uint64_t cpu_user_ns, cpu_system_ns;
    uint64_t fault_minor_count, fault_major_count;
    uint64_t switch_voluntary_count, switch_involuntary_count; /* of its first thread */
    uint64_t rss_bytes, rss_bytes_max;
    uint64_t read_count, write_count; /* calls */
    uint64_t read_bytes, write_bytes, disk_read_bytes, disk_write_bytes;
    uint64_t exit_status; /* as a shell sees it, once it is a zombie */
    bool is_zombie;
    bool is_partial; /* it ran before the recording did: its sums are not of the recording, and not written */
    uint64_t series; /* of its resident memory */
    uint64_t point_bytes, point_ns;
};

/* Reads what there is; false when the process is gone. `is_full` reads memory and I/O too, else the one file that
 * a zombie still has. */
bool usage_read(struct usage *usage, uint64_t pid, bool is_full, uint64_t time_ns);
/* Its I/O alone. */
void usage_io_read(struct usage *usage, uint64_t pid);
/* A point of resident memory when it changed by 1 % or a second has passed. */
void usage_point(struct usage *usage, struct emit *emit, uint64_t track, uint64_t time_ns);
/* What wait4 told; exact, the children it waited for left out where /proc was read before. */
void usage_reaped(struct usage *usage, const struct rusage *rusage, uint64_t exit_status);
void usage_end(const struct usage *usage, struct emit *emit, uint64_t track);

#endif
