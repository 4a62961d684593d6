/* SPDX-License-Identifier: Apache-2.0 */
/* journal_query: what a journal holds and what of it fits some words; entries of people put in; the whole of it taken out and in. */
#ifndef TOLL_DECIDE_JOURNAL_QUERY_H
#define TOLL_DECIDE_JOURNAL_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct journal_query {
    const char *store; /* the file; NULL: the default */
    const char *text;  /* the words of a search */
    const char *id;    /* of an entry: "12", "#12" */
    const char *kind;  /* NULL: any */
    const char *cause; /* of a list; NULL: any */
    const char *since; /* of a list, as store/moment.h reads it; NULL: any time */
    uint64_t limit;    /* entries at most; 0: 20 */
    bool json;
    unsigned width;
    bool colour;
    bool ascii;
};

/* Entries with the words, best first. A journal that does not exist yet has none. */
WARN_UNUSED int decide_journal_search(const struct journal_query *query, struct str *ret_text,
                                      struct err *err);
/* The newest entries. */
WARN_UNUSED int decide_journal_list(const struct journal_query *query, struct str *ret_text, struct err *err);
/* One entry whole. ERR_INPUT when there is none of that id. */
WARN_UNUSED int decide_journal_show(const struct journal_query *query, struct str *ret_text, struct err *err);

/* What a person learned. Texts may be NULL, but for the finding. */
struct journal_note {
    const char *store;
    const char *kind; /* NULL: "note" */
    const char *finding;
    const char *symptom, *cause, *place, *change, *fix, *outcome, *name, *recording;
    const char *predicted, *measured; /* "5", "4.9x"; NULL: none */
    const char *at;                   /* as store/moment.h reads it; NULL: now */
};

/* The machine and the revision of the current folder are written beside it. */
WARN_UNUSED int decide_journal_add(const struct journal_note *note, int64_t *ret_id, struct err *err);

/* Lines of JSON (store/journal_lines.h) from a file, or stdin for "-": all or none. */
WARN_UNUSED int decide_journal_import(const char *path, const char *store, uint64_t *ret_count,
                                      struct err *err);
/* All entries as lines of JSON, oldest first. */
WARN_UNUSED int decide_journal_export(const char *store, struct str *ret_text, struct err *err);

#endif
