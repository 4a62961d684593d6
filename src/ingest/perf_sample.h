/* SPDX-License-Identifier: Apache-2.0 */
/* perf_sample: what a record of the kernel holds, by the sample_type of its event. Inside ingest/ only. */
#ifndef TOLL_INGEST_PERF_SAMPLE_H
#define TOLL_INGEST_PERF_SAMPLE_H

#include "ingest/perf_file.h"
#include "kernel/perf.h"

struct perf_sample {
    const struct perf_attribute *attribute; /* NULL: the file has none */
    uint32_t pid, tid, cpu;
    uint64_t time_ns, ip, period;
    bool has_time, has_period, has_tid, has_cpu;
    bool has_dump;         /* the event copies the program's stack */
    struct perf_dump dump; /* that copy; size 0: none, or not in the program */
    const char *chain;     /* 8 bytes each, not aligned */
    size_t chain_count;
};

/* False when the record is too short for what its event says. Of a record other than a sample: who and when, from its end. */
bool perf_sample_read(const struct perf_file *file, const struct perf_record *record,
                      struct perf_sample *ret_sample);

#endif
