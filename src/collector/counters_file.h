/* SPDX-License-Identifier: Apache-2.0 */
/* counters_file: the counters of a JVM with one collector, as it writes them, for tests. A tick is a nanosecond. */
#ifndef TOLL_COLLECTOR_COUNTERS_FILE_H
#define TOLL_COLLECTOR_COUNTERS_FILE_H

#include <stddef.h>
#include <stdint.h>

struct counters_file {
    uint8_t bytes[4096];
    size_t size;
    uint32_t count;
    size_t frequency, ticks, cause, invocations, time, entry, exit; /* where they lie */
};

void counters_file_make(struct counters_file *file);
void counters_file_put(struct counters_file *file, size_t at, uint64_t value);
/* So many pauses, of `time` ticks together, the last from entry to exit. */
void counters_file_pause(struct counters_file *file, uint64_t count, uint64_t entry, uint64_t exit,
                         uint64_t time);

#endif
