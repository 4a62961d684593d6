/* SPDX-License-Identifier: Apache-2.0 */
/* internal: the decoder's memory, shared by its two encodings. Inside otlp/ only. */
#ifndef TOLL_OTLP_INTERNAL_H
#define TOLL_OTLP_INTERNAL_H

#include "base/arena.h"
#include "otlp/otlp.h"

struct otlp_decoder {
    struct otlp_attribute resource[OTLP_RESOURCE_MAX];
    struct otlp_attribute attributes[OTLP_ATTRIBUTES_MAX];
    struct otlp_event events[OTLP_EVENTS_MAX];
    struct otlp_link links[OTLP_LINKS_MAX];
    size_t resource_count, attribute_count;
    struct otlp_text scope;
    struct arena texts; /* of JSON with escapes, freed after a request */
    /* of the request under way */
    const struct otlp_reader *reader;
    struct otlp_counts counts;
};

/* The next free attribute of a piece, NULL (and counted) beyond the limit. */
static inline struct otlp_attribute *attribute_slot(struct otlp_decoder *decoder)
{
    if (decoder->attribute_count == OTLP_ATTRIBUTES_MAX) {
        decoder->counts.dropped++;
        return NULL;
    }
    return &decoder->attributes[decoder->attribute_count++];
}

static inline struct otlp_attributes resource_of(const struct otlp_decoder *decoder)
{
    return (struct otlp_attributes){decoder->resource, decoder->resource_count};
}

/* The piece is whole: checks it, counts it, and tells the reader. `why` is not NULL when it is already known to be no good. */
int span_finish(struct otlp_decoder *decoder, struct otlp_span *span, const char *why, struct err *err);
int point_finish(struct otlp_decoder *decoder, struct otlp_point *point, struct err *err);
int record_finish(struct otlp_decoder *decoder, struct otlp_record *record, struct err *err);

int protobuf_request(struct otlp_decoder *decoder, const struct otlp_request *request, struct err *err);
int json_request(struct otlp_decoder *decoder, const struct otlp_request *request, struct err *err);

void protobuf_value_text(const struct otlp_value *value, unsigned depth, struct str *ret_text);

#endif
