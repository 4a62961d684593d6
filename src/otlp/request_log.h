/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_log: the requests of a receiver as they came, one behind the other in a file: what an entry was appended for survives the
 * process (not a power failure: nothing is synced). It stands where the recording will; sealing replaces it by the recording.
 *
 * OFFSET  SIZE  MEANING (little-endian)
 *      0     8  "TOLLOTLP"
 *      8     4  version, 1
 *     12     4  bytes of this header, 64
 *     16     8  when it was begun, Unix ns
 *     24    32  0
 *     56     8  XXH3-64 of the 56 bytes before
 * and entries:
 *      0     4  "OTLE"
 *      4     1  signal: 0 traces, 1 metrics, 2 logs
 *      5     1  encoding: 0 protobuf, 1 JSON
 *      6     1  packing: 0 none, 1 gzip
 *      7     1  0
 *      8     8  bytes of the body
 *     16     8  when it was received, Unix ns
 *     24     8  XXH3-64 of the 24 bytes before, seeded with that of the body
 *     32     n  the body
 */
#ifndef TOLL_OTLP_REQUEST_LOG_H
#define TOLL_OTLP_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "otlp/otlp.h"

struct request_log;

struct request_log_entry {
    enum otlp_signal signal;
    enum otlp_encoding encoding;
    bool is_packed; /* gzip */
    uint64_t received_ns;
    const char *bytes;
    size_t length;
};

/* `overwrite`: a file of that name is replaced; else it is an error with a hint. Mode 0600. */
WARN_UNUSED int request_log_create(const char *path, bool overwrite, struct request_log **ret_log,
                                   struct err *err);
/* All of it is in the file, or nothing. */
WARN_UNUSED int request_log_append(struct request_log *log, const struct request_log_entry *entry,
                                   struct err *err);
uint64_t request_log_bytes(const struct request_log *log);
/* The file stays. NULL is allowed. */
void request_log_destroy(struct request_log *log);

/* Whether a file begins as a request log does; false when it cannot be read. */
bool request_log_is(const char *path);
/* The same of the first bytes of one. */
bool request_log_begins(const char *head, size_t length);

struct request_log_told {
    uint64_t started_ns; /* Unix */
    uint64_t entry_count;
    uint64_t end_offset;         /* behind the last whole entry */
    uint64_t byte_count_dropped; /* from there on */
};

typedef int request_log_entry_fn(void *context, const struct request_log_entry *entry, struct err *err);
/* Each whole entry, up to the first that is damaged or cut short. The bytes live until the function returns. */
WARN_UNUSED int request_log_read(const char *path, request_log_entry_fn *each, void *context,
                                 struct request_log_told *ret_told, struct err *err);

/* The same from an end_offset of before on (0: from the first entry): of a log that grows. */
WARN_UNUSED int request_log_read_on(const char *path, uint64_t from, request_log_entry_fn *each,
                                    void *context, struct request_log_told *ret_told, struct err *err);

#endif
