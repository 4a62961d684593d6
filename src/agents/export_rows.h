/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_rows: the rows of an export, whatever it is written as: a JSON array, a JSON object with an array ("data", "runs", "observations"
 * …), JSON lines, or CSV (RFC 4180) with a line of names. A cell of CSV that is JSON (a number, an object, a list) is one; any other is a
 * text; an empty one is not there.
 */
#ifndef TOLL_AGENTS_EXPORT_ROWS_H
#define TOLL_AGENTS_EXPORT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent_events.h"
#include "codec/json.h"

#define EXPORT_BYTES_MAX ((size_t)256 << 20) /* of a file that is one JSON value, or CSV */

struct export_reader {
    const char *path;
    struct agent_sink *sink; /* hears of what is malformed; NULL: nobody does */
    void *data;
    int (*row)(struct export_reader *reader, const struct json_value *row, struct err *err);
};

/* Calls reader->row for each row, in the order of the file; a row lives until the function returns. */
WARN_UNUSED int export_rows_read(struct export_reader *reader, struct err *err);
/* Twice: all rows to reader->row, which learns how they hang together, then all to `tell`. What is malformed is told once, to `sink`. */
WARN_UNUSED int export_rows_learn_and_tell(struct export_reader *reader, struct agent_sink *sink,
                                           int (*tell)(struct export_reader *reader,
                                                       const struct json_value *row, struct err *err),
                                           struct err *err);
/* By its name: .json, .jsonl, .csv. */
bool export_rows_takes(const char *path);

#endif
