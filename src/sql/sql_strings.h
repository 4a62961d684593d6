/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_strings: the texts of a recording for who looks at many of them: each found once, and texts that the writer
 * gave several ids (docs/format.md, String block) made one. Inside sql/ only.
 */
#ifndef TOLL_SQL_SQL_STRINGS_H
#define TOLL_SQL_SQL_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/reader.h"

/* A recording with more texts is read all the same; conditions on texts and groups of them are then SQLite's work. */
#define SQL_STRINGS_MAX (1u << 22)

struct sql_strings {
    const struct view *view;
    uint64_t id_max;
    const char **texts; /* by id, NULL: not looked for yet; NULL as a whole when there are too many */
    uint32_t *same;     /* by id: the first id of this text; NULL until sql_strings_unify */
    uint32_t *slots;    /* a hash table of those first ids */
    uint64_t slot_count;
    bool has_doubles; /* some text has two ids */
};

WARN_UNUSED int sql_strings_init(struct sql_strings *strings, const struct reader *reader, struct err *err);
void sql_strings_deinit(struct sql_strings *strings);

/* As long as the reader; "" for 0 and unknown ids. */
const char *sql_strings_text(struct sql_strings *strings, uint64_t id);

/* Whether texts can be compared by their ids: false when there are too many. */
bool sql_strings_can_unify(const struct sql_strings *strings);
/* Fills `same`, once. */
WARN_UNUSED int sql_strings_unify(struct sql_strings *strings, struct err *err);
/* The first id of a text; false when the recording does not have it. After sql_strings_unify. "" is 0. */
bool sql_strings_find(struct sql_strings *strings, const char *text, uint32_t *ret_id);

static inline uint32_t sql_strings_same(const struct sql_strings *strings, uint64_t id)
{
    return id <= strings->id_max ? strings->same[id] : 0;
}

#endif
