/* SPDX-License-Identifier: Apache-2.0 */
/* internal: the readers behind ingest_readers[], one file each. */
#ifndef TOLL_INGEST_INTERNAL_H
#define TOLL_INGEST_INTERNAL_H

#include "ingest/ingest.h"

extern const struct ingest_reader ingest_callgrind;
extern const struct ingest_reader ingest_cpuprofile;
extern const struct ingest_reader ingest_folded;
extern const struct ingest_reader ingest_gc_log;
extern const struct ingest_reader ingest_jfr;
extern const struct ingest_reader ingest_perf_data;
extern const struct ingest_reader ingest_perf_text;
extern const struct ingest_reader ingest_pprof;
extern const struct ingest_reader ingest_speedscope;
extern const struct ingest_reader ingest_trace_event;

#endif
