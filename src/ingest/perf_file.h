/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_file: the outside of perf.data: header, attributes, features and the stream of records, in a file or as a pipe wrote it
 * (`perf record -o -`). Inside ingest/ only.
 *
 *     OFFSET SIZE MEANING (a file)                             all numbers of the recording machine's order; others are refused
 *          0    8 "PERFILE2"
 *          8    8 size of the header: 104; 16 is that of a pipe, which has records alone, from here on
 *         16    8 size of an attribute's entry: struct perf_event_attr, then offset and size of its ids
 *         24   16 attributes: offset and size
 *         40   16 records: offset and size
 *         72   32 a bit for each feature; behind the records offset and size of each, in order
 *
 * A record is { u32 type; u16 misc; u16 size; } and what follows. Sources: tools/perf/Documentation/perf.data-file-format.txt and
 * include/uapi/linux/perf_event.h of Linux.
 */
#ifndef TOLL_INGEST_PERF_FILE_H
#define TOLL_INGEST_PERF_FILE_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "ingest/ingest.h"

#define PERF_FILE_BUILD_ID_MAX   20u
#define PERF_FILE_ATTRIBUTES_MAX 4096u

/* Records of the perf program, behind the kernel's. */
enum perf_file_record {
    PERF_FILE_ATTR = 64,
    PERF_FILE_TRACING_DATA = 66,
    PERF_FILE_BUILD_ID = 67,
    PERF_FILE_FINISHED_ROUND = 68,
    PERF_FILE_AUXTRACE = 71,
    PERF_FILE_EVENT_UPDATE = 78,
    PERF_FILE_FEATURE = 80,
    PERF_FILE_COMPRESSED = 81,
    PERF_FILE_COMPRESSED2 = 83
};

struct perf_attribute {
    struct perf_event_attr attr;
    const char *name; /* "cycles:u"; never NULL */
};

struct perf_build_id {
    const char *path;
    size_t size;
    uint8_t bytes[PERF_FILE_BUILD_ID_MAX];
};

struct perf_file {
    const struct ingest_input *input;
    struct arena *arena; /* of the texts */
    const char *records; /* one behind the other */
    size_t records_length;
    bool is_pipe, has_compressed;
    bool is_other_machine; /* its registers are not this one's */
    bool is_open;          /* perf did not end: what it writes last is missing */
    VEC(struct perf_attribute) attributes;
    struct map attribute_of; /* by id: index */
    VEC(struct perf_build_id) build_ids;
    struct map build_id_of;              /* by hash of the path: index */
    const char *host, *kernel, *command; /* NULL: not told; the command a JSON array */
    uint64_t cpu_count;
    uint64_t clock_realtime_ns, clock_ns; /* two readings of the same moment; 0: not told */
};

/* A record's head, as it lies in the file. */
struct perf_record {
    uint32_t type;
    uint16_t misc, size;
    const char *bytes; /* the head is at its beginning */
    uint64_t extra;    /* bytes behind it that belong to it */
};

WARN_UNUSED int perf_file_open(const struct ingest_input *input, struct arena *arena,
                               struct perf_file *ret_file, struct err *err);
void perf_file_close(struct perf_file *file);

/* The record at `at`, which goes behind it; *ret_is_there is false at the end. A last record that is cut is the end, and *ret_is_cut. */
WARN_UNUSED int perf_file_next(const struct perf_file *file, size_t *at, struct perf_record *ret_record,
                               bool *ret_is_there, bool *ret_is_cut, struct err *err);
/* Takes what a pipe tells in records: attributes, names, features, build-ids. */
WARN_UNUSED int perf_file_note(struct perf_file *file, const struct perf_record *record, struct err *err);
/* The attribute of an id; without ids the first. NULL when there is none. */
const struct perf_attribute *perf_file_attribute(const struct perf_file *file, uint64_t id);
const struct perf_build_id *perf_file_build_id(const struct perf_file *file, const char *path);

/* Where records are compressed: a mapping of them inflated, which takes their place in the file. */
struct perf_inflated {
    void *mapping;
    size_t length;
};
/* What may come of compressed records; beyond it the file is refused. */
struct perf_inflate_bounds {
    uint64_t ratio;        /* times as many bytes as the records have */
    uint64_t bytes_always; /* so many may be, whatever the ratio */
    uint64_t bytes_max;
    uint64_t disk_bytes_left; /* free on the disk of temporary files */
};
/* `bounds` NULL: 256 times, or 64 MiB, and 64 GiB; 256 MiB stay free. */
WARN_UNUSED int perf_inflate(struct perf_file *file, const struct perf_inflate_bounds *bounds,
                             struct perf_inflated *ret_inflated, struct err *err);
void perf_inflated_close(struct perf_inflated *inflated);

#endif
