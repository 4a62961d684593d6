/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: what was learned about runs, kept in one SQLite file and found again by its words: findings with the symptoms they were
 * found by, experiments and what they settled, outcomes of changes beside what was predicted, and notes of people.
 *
 * An entry stands once: one that is added again (the same key, by default the kind, the recording, the cause, the place and the
 * change) takes the place of the older one and keeps its id, so that to look at a recording twice or to import a file twice adds
 * nothing. Opening, writers and damage are as database.h says; beside the history, in journal.db.
 *
 *     entry   one row each, UNIQUE (key)
 *     words   its texts in an FTS5 index (SQLite's full-text search), kept in step by triggers
 *
 * A journal is for one thread.
 */
#ifndef TOLL_STORE_JOURNAL_H
#define TOLL_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define JOURNAL_TEXT_MAX  8192u /* bytes of each text; what is behind is cut */
#define JOURNAL_WORDS_MAX 64u   /* of a search; more are left out */

/* NULL: not said; it comes back as NULL. */
struct journal_entry {
    int64_t id;          /* given by the journal */
    int64_t at_ns;       /* CLOCK_REALTIME */
    const char *key;     /* what makes it the same entry as another; NULL: made from the texts */
    const char *kind;    /* "finding", "experiment", "outcome", "note"; needed */
    const char *finding; /* one sentence: what was found, or learned; needed */
    const char *
        symptom; /* how it showed: "wall 36.4 s: 84 % network 127.0.0.1:8080 in download; 9 % cpu in extract" */
    const char *cause;   /* "serial-independent" */
    const char *place;   /* "download, curl, 127.0.0.1:8080" */
    const char *change;  /* "workers:stage/download=10" */
    const char *fix;     /* one sentence: what to do */
    const char *outcome; /* what came of it: "4.9x measured: as predicted", "rejected" */
    const char
        *agreement;   /* of investigators: "consensus", "further", "single", "contradicted", "rejected" */
    const char *name; /* what ran: a command, a pipeline */
    const char *recording; /* its file or its id */
    const char *machine;   /* store/fingerprint.h */
    const char *revision;  /* of the source, git's */
    /* before / after of wall time, or after / before of throughput; NAN where there is none */
    double predicted, predicted_low, predicted_high, measured, measured_low, measured_high;
};

/* An entry that says nothing yet: no texts, no numbers, now. */
struct journal_entry journal_blank(const char *kind, const char *finding);

struct journal;

WARN_UNUSED int journal_open(struct journal **ret_journal, const char *path, struct err *err);
/* *ret_journal is NULL when there is no such file. */
WARN_UNUSED int journal_open_to_read(struct journal **ret_journal, const char *path, struct err *err);
/* $XDG_DATA_HOME/toll/journal.db, else ~/.local/share/toll/journal.db. ERR_ENVIRONMENT without a home. */
WARN_UNUSED int journal_default_path(struct str *ret_path, struct err *err);
/* NULL is allowed. */
void journal_close(struct journal *journal);
/* Where it was opened. */
const char *journal_path(const struct journal *journal);

/* Adds all or none. ERR_INPUT for an entry without kind or finding. `ret_last_id` (may be NULL): of the last one. */
WARN_UNUSED int journal_add(struct journal *journal, const struct journal_entry *entries, size_t count,
                            int64_t *ret_last_id, struct err *err);

/* All that are given must hold. 0 and NULL: anything. */
struct journal_filter {
    int64_t id;
    const char *kind, *cause;
    int64_t since_ns;
    uint64_t newest; /* only the newest so many; 0: all */
};

/* Texts live until the call returns. It ends the walk by returning other than 0, which is returned as it is. */
typedef int journal_each_entry(const struct journal_entry *entry, void *data);
/* Newest first. */
WARN_UNUSED int journal_each(struct journal *journal, const struct journal_filter *filter,
                             journal_each_entry *each, void *data, struct err *err);

struct journal_search {
    const char *text;                   /* as a person writes it */
    const char *kind;                   /* NULL: any */
    uint64_t limit;                     /* hits at most; 0: 20 */
    const char *mark_open, *mark_close; /* around words that were found; NULL: [ and ] */
    const char *but_not; /* entries with this in their key are left out (the id of a recording); NULL: none */
};

struct journal_hit {
    struct journal_entry entry;
    double score;        /* larger is nearer: bm25 with its sign turned */
    const char *snippet; /* the part of its texts with most of the words, marked */
    bool has_all;        /* of the words; else some */
};

typedef int journal_each_hit(const struct journal_hit *hit, void *data);

/*
 * The entries that have the words, best first: first those with all of them (as a whole, or as the beginning of a longer one), then
 * those with some. Ranked by bm25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, as FTS5 has it), a
 * word of the cause or the finding weighing more than one of the fix. What reads as an expression of FTS5 (AND, OR, NOT, "a
 * phrase", cause: word) is taken as one; what does not is never an error, it counts as its words. A text without a word
 * finds nothing.
 */
WARN_UNUSED int journal_search(struct journal *journal, const struct journal_search *search,
                               journal_each_hit *each, void *data, struct err *err);

/* The words of a text as an FTS5 expression, each quoted, `joint` (" ", " OR ") between them; the number of words. For tests, and for
 * who builds a search from texts. */
size_t journal_words(const char *text, const char *joint, struct str *ret_expression);

#endif
