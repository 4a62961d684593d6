/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp: what OpenTelemetry sends (OTLP 1.x: Export{Trace,Metrics,Logs}ServiceRequest), as protobuf or as JSON, told piece by
 * piece.
 *
 * Specification: opentelemetry.io/docs/specs/otlp, opentelemetry-proto. In JSON, ids are hexadecimal in either case, 64-bit
 * numbers are texts or numbers, enums are numbers, and what is not known is left out.
 *
 * Nothing is copied and nothing is allocated for a piece: texts point into the request (JSON texts with escapes into the
 * decoder) and live until the callback returns. Nothing in a request is trusted: what is no OTLP is ERR_INPUT; a span with no
 * usable identity is rejected and counted, the others are told. Sizes are limited by the named limits; what is above is
 * dropped and counted. One decoder for one thread.
 */
#ifndef TOLL_OTLP_OTLP_H
#define TOLL_OTLP_OTLP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define OTLP_ATTRIBUTES_MAX 1024 /* of one piece, those of its events too */
#define OTLP_RESOURCE_MAX   256  /* attributes of a resource */
#define OTLP_EVENTS_MAX     256
#define OTLP_LINKS_MAX      128
#define OTLP_DEPTH_MAX      32 /* of values in values */

enum otlp_signal { OTLP_TRACES, OTLP_METRICS, OTLP_LOGS, OTLP_SIGNAL_COUNT };
enum otlp_encoding { OTLP_PROTOBUF, OTLP_JSON };

/* Not NUL-terminated. */
struct otlp_text {
    const char *bytes;
    size_t length;
};

enum otlp_value_kind {
    OTLP_NONE,
    OTLP_TEXT,
    OTLP_BOOL,
    OTLP_INTEGER,
    OTLP_DOUBLE,
    OTLP_BYTES, /* as they are; from JSON in base64 */
    OTLP_LIST,  /* text: as it is encoded; otlp_value_text shows it */
    OTLP_MAP
};

struct otlp_value {
    enum otlp_value_kind kind;
    enum otlp_encoding encoding; /* of the text of a list and a map */
    struct otlp_text text;
    int64_t integer; /* a bool too */
    double number;
};

struct otlp_attribute {
    struct otlp_text key;
    struct otlp_value value;
};

struct otlp_attributes {
    const struct otlp_attribute *items;
    size_t count;
};

struct otlp_event {
    struct otlp_text name;
    uint64_t time_ns;
    struct otlp_attributes attributes;
};

struct otlp_link {
    uint8_t trace_id[16];
    uint64_t span_id;
};

/* As in the protocol. */
enum otlp_span_kind {
    OTLP_KIND_UNSPECIFIED,
    OTLP_KIND_INTERNAL,
    OTLP_KIND_SERVER,
    OTLP_KIND_CLIENT,
    OTLP_KIND_PRODUCER,
    OTLP_KIND_CONSUMER
};
enum otlp_status { OTLP_STATUS_UNSET, OTLP_STATUS_OK, OTLP_STATUS_ERROR };

/* Times are Unix nanoseconds, 0: not told. Ids of spans are their eight bytes, the first one the highest; 0: none. */
struct otlp_span {
    struct otlp_attributes resource;
    struct otlp_text scope; /* the instrumentation's name */
    uint8_t trace_id[16];
    uint64_t span_id, parent_id;
    struct otlp_text name;
    enum otlp_span_kind kind;
    uint64_t start_ns, end_ns;
    struct otlp_attributes attributes;
    const struct otlp_event *events;
    size_t event_count;
    const struct otlp_link *links;
    size_t link_count;
    enum otlp_status status;
    struct otlp_text status_message;
};

/* A point of a metric; of a histogram its sum and its count. */
struct otlp_point {
    struct otlp_attributes resource;
    struct otlp_text scope;
    struct otlp_text name, unit;
    struct otlp_attributes attributes;
    uint64_t start_ns, time_ns;
    double value;
    uint64_t count;       /* of a histogram or a summary, else 0 */
    uint64_t temporality; /* 0 none (a gauge), 1 delta, 2 cumulative */
};

struct otlp_record {
    struct otlp_attributes resource;
    struct otlp_text scope;
    uint64_t time_ns, observed_ns;
    uint64_t severity;
    struct otlp_text name; /* of an event, "" */
    struct otlp_value body;
    struct otlp_attributes attributes;
    uint8_t trace_id[16]; /* zeros: none */
    uint64_t span_id;
};

/* A function may be NULL. They return 0, or a negative code with the error, which ends the decoding. */
struct otlp_reader {
    int (*span)(void *context, const struct otlp_span *span, struct err *err);
    int (*point)(void *context, const struct otlp_point *point, struct err *err);
    int (*record)(void *context, const struct otlp_record *record, struct err *err);
    void *context;
};

struct otlp_counts {
    uint64_t accepted, rejected; /* spans, points or records */
    uint64_t dropped;            /* attributes, events and links beyond the limits */
    const char *why;             /* the first rejection, NULL */
};

struct otlp_request {
    enum otlp_signal signal;
    enum otlp_encoding encoding;
    const char *bytes;
    size_t length;
};

struct otlp_decoder;

/* NULL when memory ran out; NULL may be destroyed. */
struct otlp_decoder *otlp_decoder_create(void);
void otlp_decoder_destroy(struct otlp_decoder *decoder);

/* An empty request is a good one. */
WARN_UNUSED int otlp_decode(struct otlp_decoder *decoder, const struct otlp_request *request,
                            const struct otlp_reader *reader, struct otlp_counts *ret_counts,
                            struct err *err);

/* What a line of JSON holds, as the collector's file exporter writes it: by its top-level keys. False: none of the three. */
bool otlp_json_signal(const char *bytes, size_t length, enum otlp_signal *ret_signal);

/* The same of a request in protobuf, by its first pieces. `is_cut`: the bytes are only its beginning. False: no request, or an empty one. */
bool otlp_protobuf_signal(const char *bytes, size_t length, bool is_cut, enum otlp_signal *ret_signal);

/* The attribute of that name, NULL when there is none. */
const struct otlp_attribute *otlp_find(const struct otlp_attributes *attributes, const char *key);
bool otlp_text_is(struct otlp_text text, const char *other);
/* Appends a value as a person would write it; lists and maps as JSON. */
void otlp_value_text(const struct otlp_value *value, struct str *ret_text);
/* A number however it was sent, as a text too; false when it is none. */
bool otlp_value_number(const struct otlp_value *value, double *ret_number);

#endif
