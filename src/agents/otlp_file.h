/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_file: requests of OTLP in a file of JSON: one a line, as the collector's file exporter writes them, or one alone over many lines. */
#ifndef TOLL_AGENTS_OTLP_FILE_H
#define TOLL_AGENTS_OTLP_FILE_H

#include "otlp/otlp.h"

#define OTLP_FILE_ALONE_BYTES_MAX ((size_t)256 << 20) /* of a file with one request over many lines */

/* A request, or a line that is none (`is_request` false). Returns 0, or a negative code, which ends the reading. */
typedef int otlp_file_fn(void *context, const struct otlp_request *request, uint64_t line, bool is_request,
                         struct err *err);

WARN_UNUSED int otlp_file_read(const char *path, otlp_file_fn *each, void *context, struct err *err);
/* By its first bytes. */
bool otlp_file_is(const char *head, size_t length);

#endif
