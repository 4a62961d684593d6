/* SPDX-License-Identifier: Apache-2.0 */
/* json_file: what the readers of JSON formats share: parts of a file found by key, walked where they lie (codec/json_scan.h). */
#ifndef TOLL_INGEST_JSON_FILE_H
#define TOLL_INGEST_JSON_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/json_scan.h"
#include "ingest/ingest.h"

/* A scan over a part of the file. */
static inline struct json_scan json_part(const struct json_slice *part)
{
    return (struct json_scan){.at = part->bytes, .end = part->bytes + part->length};
}

/* The value of a key of the object that a part is; an empty slice when there is none. */
struct json_slice json_part_find(const struct json_slice *part, const char *key);
/* The whole file as a part. */
struct json_slice json_part_whole(const struct ingest_input *input);
/* Replaces what is in `str` by a text with its escapes undone. */
void json_part_text(const struct json_slice *text, struct str *str);

/* ERR_INPUT: "byte 0x1f40: …" of where the scan stands. */
int json_part_broken(const struct ingest_input *input, const struct json_scan *scan, const char *what,
                     struct err *err);
/* Whether the file is one object that has a text near its start: for probes. */
bool json_file_is(const struct ingest_input *input, const char *text);

#endif
