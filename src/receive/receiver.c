/* SPDX-License-Identifier: Apache-2.0 */
#include "receive/receiver.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "codec/gzip.h"
#include "otlp/request_write.h"

#define TYPE_PROTOBUF "application/x-protobuf"
#define TYPE_JSON     "application/json"

#define UNPACK_KEEP_BYTES  ((size_t)8 << 20)  /* a larger buffer is not kept for the next request */
#define UNPACK_PIECE_BYTES ((size_t)64 << 10) /* gzip unpacks in pieces of this */
#define FULL_RETRY_S       5u

/* google.rpc.Code */
enum {
    RPC_INVALID = 3,
    RPC_NOT_FOUND = 5,
    RPC_DENIED = 7,
    RPC_EXHAUSTED = 8,
    RPC_UNIMPLEMENTED = 12,
    RPC_UNAVAILABLE = 14
};

struct receiver {
    struct request_log *log;
    struct otlp_decoder *decoder;
    struct str unpacked;
    struct receiver_counts counts;
    struct err failure; /* code 0: none */
};

struct receiver *receiver_create(struct request_log *log)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver)
        return NULL;
    receiver->log = log;
    receiver->decoder = otlp_decoder_create();
    if (!receiver->decoder) {
        free(receiver);
        return NULL;
    }
    return receiver;
}

void receiver_destroy(struct receiver *receiver)
{
    if (!receiver)
        return;
    otlp_decoder_destroy(receiver->decoder);
    str_free(&receiver->unpacked);
    free(receiver);
}

/* What stands before a parameter is the type. */
static bool type_is(const char *header, const char *type)
{
    size_t length = strlen(type);
    return strncasecmp(header, type, length) == 0 && strchr("; \t", header[length]);
}

static enum otlp_encoding encoding_of(const struct http_request *request)
{
    return type_is(request->content_type, TYPE_PROTOBUF) ? OTLP_PROTOBUF : OTLP_JSON;
}

static bool signal_of(const char *path, enum otlp_signal *ret_signal)
{
    static const char *const paths[OTLP_SIGNAL_COUNT] = {
        [OTLP_TRACES] = "/v1/traces", [OTLP_METRICS] = "/v1/metrics", [OTLP_LOGS] = "/v1/logs"};
    for (int i = 0; i < OTLP_SIGNAL_COUNT; i++) {
        if (strcmp(path, paths[i]) == 0) {
            *ret_signal = (enum otlp_signal)i;
            return true;
        }
    }
    return false;
}

static unsigned rpc_code(unsigned status)
{
    switch (status) {
    case 403: return RPC_DENIED;
    case 404: return RPC_NOT_FOUND;
    case 405:
    case 415: return RPC_UNIMPLEMENTED;
    case 413: return RPC_EXHAUSTED;
    case 503: return RPC_UNAVAILABLE;
    default: return RPC_INVALID;
    }
}

/* answer->status is set. */
static void refused(void *context, const struct http_request *request, const char *message,
                    struct http_answer *answer)
{
    struct receiver *receiver = context;
    enum otlp_encoding encoding = encoding_of(request);
    receiver->counts.refused_count++;
    answer->content_type = encoding == OTLP_JSON ? TYPE_JSON : TYPE_PROTOBUF;
    otlp_write_refused(encoding, rpc_code(answer->status), message, &answer->body);
}

static void refuse(struct receiver *receiver, const struct http_request *request, struct http_answer *answer,
                   unsigned status, const char *message)
{
    answer->status = status;
    refused(receiver, request, message, answer);
}

/* "http://localhost:3000" and the like: a page that this machine serves to itself. */
static bool is_origin_here(const char *origin)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = strstr(origin, "://");
    for (size_t i = 0; host && i < sizeof hosts / sizeof hosts[0]; i++) {
        size_t length = strlen(hosts[i]);
        if (strncasecmp(host + 3, hosts[i], length) == 0 && (!host[3 + length] || host[3 + length] == ':'))
            return true;
    }
    return false;
}

static void check(void *context, const struct http_request *request, struct http_answer *answer)
{
    struct receiver *receiver = context;
    enum otlp_signal signal;
    if (*request->origin && !is_origin_here(request->origin)) {
        refuse(receiver, request, answer, 403, "pages of other machines may not send here");
    } else if (!signal_of(request->path, &signal)) {
        refuse(receiver, request, answer, 404, "there are /v1/traces, /v1/metrics and /v1/logs");
    } else if (*request->origin && strcmp(request->method, "OPTIONS") == 0) {
        *answer = (struct http_answer){.status = 204, .allow = "POST, OPTIONS"};
    } else if (strcmp(request->method, "POST") != 0) {
        answer->allow = "POST";
        refuse(receiver, request, answer, 405, "only POST is taken here");
    } else if (!type_is(request->content_type, TYPE_PROTOBUF) && !type_is(request->content_type, TYPE_JSON)) {
        refuse(receiver, request, answer, 415,
               "the Content-Type has to be application/x-protobuf or application/json");
    } else if (*request->content_encoding && strcasecmp(request->content_encoding, "gzip") != 0 &&
               strcasecmp(request->content_encoding, "identity") != 0) {
        refuse(receiver, request, answer, 415, "the Content-Encoding has to be gzip, or none");
    }
}

/* The body as it is to be decoded. */
static bool unpack(struct receiver *receiver, const struct http_request *request,
                   struct otlp_request *ret_body, struct http_answer *answer)
{
    struct err err;
    struct str *unpacked = &receiver->unpacked;
    ret_body->bytes = request->body;
    ret_body->length = request->length;
    if (strcasecmp(request->content_encoding, "gzip") != 0)
        return true;
    str_clear(unpacked);
    if (gzip_unpack(request->body, request->length, RECEIVER_BODY_BYTES_MAX, "the request", unpacked, &err)) {
        bool is_large =
            err.code == ERR_INPUT && unpacked->length > RECEIVER_BODY_BYTES_MAX - UNPACK_PIECE_BYTES;
        refuse(receiver, request, answer, is_large ? 413 : err.code == ERR_INPUT ? 400 : 503, err.what);
        return false;
    }
    ret_body->bytes = str_text(unpacked);
    ret_body->length = unpacked->length;
    return true;
}

static void keep(struct receiver *receiver, const struct http_request *request,
                 const struct otlp_request *body, const struct otlp_counts *counts,
                 struct http_answer *answer)
{
    struct request_log_entry entry = {.signal = body->signal,
                                      .encoding = body->encoding,
                                      .is_packed = body->bytes != request->body,
                                      .received_ns = clock_realtime_ns(),
                                      .bytes = request->body,
                                      .length = request->length};
    if (counts->accepted && request_log_append(receiver->log, &entry, &receiver->failure)) {
        refuse(receiver, request, answer, 503, "the recording could not be written");
        answer->retry_after_s = FULL_RETRY_S;
        return;
    }
    receiver->failure.code = 0;
    receiver->counts.request_count++;
    receiver->counts.accepted_count[body->signal] += counts->accepted;
    receiver->counts.rejected_count[body->signal] += counts->rejected;
    answer->status = 200;
    answer->content_type = body->encoding == OTLP_JSON ? TYPE_JSON : TYPE_PROTOBUF;
    otlp_write_accepted(body->signal, body->encoding, counts, &answer->body);
}

static void handle(void *context, const struct http_request *request, struct http_answer *answer)
{
    static const struct otlp_reader nobody;
    struct receiver *receiver = context;
    struct otlp_request body = {.encoding = encoding_of(request)};
    struct otlp_counts counts;
    struct err err;
    (void)signal_of(request->path, &body.signal);
    if (unpack(receiver, request, &body, answer)) {
        if (otlp_decode(receiver->decoder, &body, &nobody, &counts, &err))
            refuse(receiver, request, answer, err.code == ERR_INPUT ? 400 : 503, err.what);
        else
            keep(receiver, request, &body, &counts, answer);
    }
    if (receiver->unpacked.capacity > UNPACK_KEEP_BYTES)
        str_free(&receiver->unpacked);
}

void receiver_serve(struct receiver *receiver, struct http_server_options *options)
{
    options->body_bytes_max = RECEIVER_BODY_BYTES_MAX;
    options->buffered_bytes_max = RECEIVER_BUFFERED_BYTES_MAX;
    options->port_default = 4318;
    options->check = check;
    options->handle = handle;
    options->error = refused;
    options->context = receiver;
}

struct receiver_counts receiver_counts(const struct receiver *receiver)
{
    return receiver->counts;
}

int receiver_failure(const struct receiver *receiver, struct err *ret_err)
{
    if (receiver->failure.code)
        *ret_err = receiver->failure;
    return receiver->failure.code ? -(int)receiver->failure.code : 0;
}
