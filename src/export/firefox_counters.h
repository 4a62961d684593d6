/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firefox_counters: a recording's series as the counters of a processed profile (RawCounter of src/types/profile.ts in the
 * Firefox Profiler). The viewer draws by category: of "Memory" the sum of the changes so far, of "CPU" what each sample says for the time
 * since the one before. So bytes, and whatever else has a level, are changes, and cores are CPU time in nanoseconds.
 */
#ifndef TOLL_EXPORT_FIREFOX_COUNTERS_H
#define TOLL_EXPORT_FIREFOX_COUNTERS_H

#include "export/byte_stream.h"
#include "export/cast.h"

/* A thread of the file, by its place in the list. */
struct firefox_thread {
    uint32_t process; /* the track */
    uint64_t pid;
    bool is_main;
};

/* "counters":[…],; those of the machine belong to the first thread, those of processes without a thread are left out. Memory: the points. */
WARN_UNUSED int firefox_counters_write(const struct cast *cast, const struct firefox_thread *threads,
                                       size_t thread_count, struct byte_stream *stream, struct err *err);

#endif
