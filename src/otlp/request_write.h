/* SPDX-License-Identifier: Apache-2.0 */
/* request_write: spans as an ExportTraceServiceRequest in protobuf, one resource and one scope; and the answers to requests. */
#ifndef TOLL_OTLP_REQUEST_WRITE_H
#define TOLL_OTLP_REQUEST_WRITE_H

#include "otlp/otlp.h"

/* The resource and the scope are those of the first span. Lists and maps among the attributes must be protobuf. */
WARN_UNUSED int otlp_write_spans(const struct otlp_span *spans, size_t count, struct str *ret_bytes,
                                 struct err *err);

/* Appends the answer to a request that was taken, wholly or (counts->rejected) in part. */
void otlp_write_accepted(enum otlp_signal signal, enum otlp_encoding encoding,
                         const struct otlp_counts *counts, struct str *ret_bytes);
/* Appends a google.rpc.Status. */
void otlp_write_refused(enum otlp_encoding encoding, unsigned code, const char *message,
                        struct str *ret_bytes);

#endif
