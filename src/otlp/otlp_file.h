/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_file: requests of OTLP in a file, whichever way they are kept:
 *
 * - JSON, one request a line as the collector's file exporter writes them, or one alone over many lines
 * - protobuf, one request alone, or many, each behind its length: a varint, or four bytes with the highest first as the collector
 *   writes it
 * - what a receiver of toll keeps (request_log.h)
 *
 * Requests in protobuf do not say of which signal they are; their pieces differ enough to tell.
 */
#ifndef TOLL_OTLP_OTLP_FILE_H
#define TOLL_OTLP_OTLP_FILE_H

#include "otlp/otlp.h"

#define OTLP_FILE_ALONE_BYTES_MAX   ((size_t)256 << 20) /* of a file with one request alone */
#define OTLP_FILE_MESSAGE_BYTES_MAX ((size_t)256 << 20) /* of one request among many */
#define OTLP_FILE_BODY_BYTES_MAX    ((size_t)64 << 20)  /* of one that a receiver took, unpacked */

struct otlp_file_told {
    uint64_t end_offset; /* behind the last whole request of a receiver's log: from there more may be read */
    uint64_t byte_count_dropped; /* of such a log, behind it */
};

/* A request, or a piece that is none (`is_request` false; in JSON a line). `number` counts lines, or requests, from 1 on. Returns 0, or
 * a negative code, which ends the reading. */
typedef int otlp_file_fn(void *context, const struct otlp_request *request, uint64_t number, bool is_request,
                         struct err *err);

WARN_UNUSED int otlp_file_read(const char *path, otlp_file_fn *each, void *context,
                               struct otlp_file_told *ret_told, struct err *err);
/* Of a receiver's log only what stands behind `from`, 0 or an end_offset of before. Nothing whole there: no request. */
WARN_UNUSED int otlp_file_read_on(const char *path, uint64_t from, otlp_file_fn *each, void *context,
                                  struct otlp_file_told *ret_told, struct err *err);
/* By its first bytes. */
bool otlp_file_is(const char *head, size_t length);

#endif
