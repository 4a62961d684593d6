/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_cases: what the journal has to do with an investigation: cases like this one from before, and what was learned now.
 *
 * Neither makes an investigation fail: a journal that cannot be read or written is a warning.
 */
#ifndef TOLL_DECIDE_JOURNAL_CASES_H
#define TOLL_DECIDE_JOURNAL_CASES_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/finding.h"
#include "report/json_writer.h"
#include "store/journal.h"

#define SIMILAR_DEFAULT 3

/* Cases from before, the most alike first; texts are in the arena. */
struct similar_cases {
    struct arena arena;
    VEC(struct journal_entry) entries;
};

/*
 * Entries about a cause that the verdict's findings have, those with most words in common with the findings' places and with
 * how the run looked first; one of each cause and change (a measured one, where there is one), and none of this recording (verdict->run.id). `limit` 0:
 * SIMILAR_DEFAULT. An empty list where there is no journal; what hindered is appended to ret_warning, with a line's end.
 */
void journal_similar(const char *store, const struct verdict *verdict, size_t limit,
                     struct similar_cases *ret_cases, struct str *ret_warning);
void similar_cases_deinit(struct similar_cases *cases);

/* "like before: …", two lines a case; nothing appended when there is none. */
void similar_cases_text(const struct similar_cases *cases, unsigned width, bool ascii, struct str *text);
/* An array of entries as in toll.journal/1; `key` as in json_open. */
void similar_cases_json(const struct similar_cases *cases, const char *key, struct json_writer *json);

/* One thing learned. */
struct lesson {
    const struct finding *finding;
    const char *agreement;  /* "consensus", "further", "single", "contradicted", "rejected"; NULL */
    const char *settled_by; /* what an experiment said of it; NULL: none was made */
};

struct lessons {
    const char *store;     /* the journal's file; NULL: the default */
    const char *recording; /* its file */
    const char *name;      /* of the pipeline; NULL: the recorded command */
    const struct verdict *verdict;
    const struct lesson *items; /* the most important first; the first LESSONS_MAX are kept */
    size_t count;
};
#define LESSONS_MAX 12u

/* Writes a finding each, and an experiment for what was settled by one. Returns how many entries were written; what hindered is
 * appended to ret_warning, with a line's end. */
size_t journal_learn(const struct lessons *lessons, struct str *ret_warning);

#endif
