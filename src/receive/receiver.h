/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receiver: the OTLP/HTTP protocol between http_server and a log: POST /v1/traces, /v1/metrics, /v1/logs, as protobuf or JSON,
 * packed or not. What is acknowledged was decoded whole and is in the log.
 *
 * Specification: opentelemetry.io/docs/specs/otlp, OTLP/HTTP. Browsers: a page of another origin than this machine is refused.
 */
#ifndef TOLL_RECEIVE_RECEIVER_H
#define TOLL_RECEIVE_RECEIVER_H

#include "otlp/request_log.h"
#include "receive/http_server.h"

#define RECEIVER_BODY_BYTES_MAX     ((size_t)64 << 20) /* before and after unpacking */
#define RECEIVER_BUFFERED_BYTES_MAX ((size_t)96 << 20) /* of all requests under way */

struct receiver_counts {
    uint64_t request_count;                     /* answered 200 */
    uint64_t accepted_count[OTLP_SIGNAL_COUNT]; /* spans, points, records */
    uint64_t rejected_count[OTLP_SIGNAL_COUNT];
    uint64_t refused_count; /* requests answered otherwise */
};

struct receiver;

/* The log is the caller's. NULL when memory ran out. */
struct receiver *receiver_create(struct request_log *log);
void receiver_destroy(struct receiver *receiver);
/* Fills in what the server asks of its user. */
void receiver_serve(struct receiver *receiver, struct http_server_options *options);
struct receiver_counts receiver_counts(const struct receiver *receiver);
/* 0, or the failure of the log that senders are told 503 for. */
int receiver_failure(const struct receiver *receiver, struct err *ret_err);

#endif
