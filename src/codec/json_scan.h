/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan: JSON (RFC 8259) looked through where it lies, without a tree and without memory: for the hot paths, where codec/json.h
 * costs too much. The reader walks: it takes the keys that it knows and skips the values of the others, which are passed at the
 * speed of memory (SSE2 where there is, bytes elsewhere).
 *
 *     struct json_scan scan = {.at = line, .end = line + length};
 *     struct json_slice key;
 *     if (scan_object(&scan))
 *         while (scan_key(&scan, &key))
 *             if (scan_is(&key, "usage")) … else scan_skip(&scan);
 *     if (!scan_finish(&scan)) … malformed
 *
 * Nothing is trusted: brackets, quotes, commas and colons must be where they belong, depth is limited; what is wrong sets `failed`, all
 * functions return false from then on. The inside of what is skipped is held to its brackets and quotes only. Any bytes, any
 * length; nothing is read at or behind `end`. Any thread, one scan each.
 */
#ifndef TOLL_CODEC_JSON_SCAN_H
#define TOLL_CODEC_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_DEPTH_MAX 512u /* of what is skipped */

struct json_scan {
    const char *at, *end;
    bool failed;
    bool has_item; /* a comma is due before the next key or item */
};

/* A text between its quotes, as it is written: with its escapes. */
struct json_slice {
    const char *bytes;
    size_t length;
    bool is_escaped; /* a backslash is in it */
};

/* Goes into an object or an array. False, with nothing taken, when the value is of another kind. */
bool scan_object(struct json_scan *scan);
bool scan_array(struct json_scan *scan);
/* The next key, the value stands next; false behind the last one, the object is left then. */
bool scan_key(struct json_scan *scan, struct json_slice *ret_key);
/* Whether an item stands next; false behind the last one, the array is left then. */
bool scan_item(struct json_scan *scan);

/* What is asked for is taken and true; a value of any other kind (null too) is skipped and false. */
bool scan_text(struct json_scan *scan, struct json_slice *ret_text);
bool scan_u64(struct json_scan *scan, uint64_t *ret_value); /* a fraction is cut off; below 0 is false */
bool scan_double(struct json_scan *scan, double *ret_value);
bool scan_bool(struct json_scan *scan, bool *ret_value);

/* Passes any value. scan_raw also says where it lies, with its quotes and brackets. */
void scan_skip(struct json_scan *scan);
void scan_raw(struct json_scan *scan, struct json_slice *ret_raw);
/* Nothing but blanks is left, and nothing failed. */
bool scan_finish(struct json_scan *scan);

static inline bool scan_is(const struct json_slice *slice, const char *text)
{
    size_t length = strlen(text);
    return slice->length == length && memcmp(slice->bytes, text, length) == 0;
}

/* The text with its escapes undone and a NUL behind it, cut to whole characters where it is longer than size - 1. What is no character
 * (half of a pair, a NUL) becomes U+FFFD. Returns the length. */
size_t scan_copy(const struct json_slice *slice, char *ret_text, size_t size);

/*
 * The end of the line at `at`: its newline, or `end`. *ret_has says whether `"usage"`, a quote, the word, a quote, is in it: a line
 * without cannot hold a value under that key, unless the key is written with \u escapes, which nobody does.
 */
const char *scan_line(const char *at, const char *end, bool *ret_has_usage);

#endif
