/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_answer: what agents used: a question, and its answer.
 *
 *     struct usage_query query = {.keys = {USAGE_BY_DAY}, .key_count = 1, .book = book};
 *     struct usage_answer answer;
 *     int status = usage_ask(&query, &answer, err);
 *     …
 *     usage_answer_free(&answer);
 *
 * Each answer of a model counts once, however many files and lines tell it. Its day is that of its first line, in the time zone of TZ.
 * Dollars are those of its own time; what has no price is counted as tokens and named, never as 0 dollars.
 */
#ifndef TOLL_USAGE_USAGE_ANSWER_H
#define TOLL_USAGE_USAGE_ANSWER_H

#include "price/price.h"
#include "usage/usage_scan.h"

#define USAGE_KEYS_MAX   4u
#define USAGE_FAULTS_MAX 100u /* named; the others are counted */

enum usage_key {
    USAGE_BY_DAY,
    USAGE_BY_WEEK,
    USAGE_BY_MONTH,
    USAGE_BY_SESSION,
    USAGE_BY_PROJECT,
    USAGE_BY_AGENT,
    USAGE_BY_TASK,
    USAGE_BY_MODEL,
    USAGE_BY_TOOL,
    USAGE_BY_SOURCE
};
#define USAGE_KEY_COUNT 10u

/* What stands for an agent that is the conversation itself, a task or a tool that there is none of, a text that nobody tells, a time. */
#define USAGE_MAIN_AGENT "main"
#define USAGE_NO_TASK    "conversation"
#define USAGE_NO_TOOL    "none"
#define USAGE_UNKNOWN    "unknown"
#define USAGE_UNDATED    "undated"

/* "day", …; and back: false for a word that is none. */
const char *usage_key_name(enum usage_key key);
bool usage_key_read(const char *word, size_t length, enum usage_key *ret_key);
bool usage_key_is_time(enum usage_key key);

struct usage_query {
    enum usage_key keys[USAGE_KEYS_MAX];
    size_t key_count;
    const char *const *sources; /* names; none: all */
    size_t source_count;
    const char *const *paths; /* files and folders; none: where the sources keep theirs */
    size_t path_count;
    int64_t since_ns, until_ns; /* at or after, before; 0: any time */
    const struct price_book *book;
    bool no_index;
};

struct usage_sum {
    uint64_t call_count, partial_count;
    struct tokens tokens;
    uint64_t tokens_output_high; /* at most, by the text of partial answers */
    uint64_t web_search_count;
    uint64_t priced_count;          /* calls with a price, the free ones too */
    double cost_usd, cost_usd_high; /* of these */
    uint64_t unpriced_count, unpriced_tokens;
    int64_t first_ns, last_ns;             /* 0: no call tells its time */
    VEC(uint32_t) models, unpriced_models; /* names */
};

/* Whether there are dollars to tell: also 0 where nothing was called. */
static inline bool usage_has_cost(const struct usage_sum *sum)
{
    return sum->priced_count || !sum->unpriced_count;
}

struct usage_row {
    uint32_t keys[USAGE_KEYS_MAX]; /* names */
    struct usage_sum sum;
};

struct usage_rows {
    VEC(struct usage_row) items; /* by time where the first key is one, else what costs most first */
};

/* A call of a model, counted once. */
struct usage_item {
    const struct usage_shelf *shelf;
    struct usage_call call;
    double cost_usd, cost_usd_high; /* NAN: unpriced */
};

struct usage_place {
    const struct agent_source *source;
    const char *path;
    bool is_default;
    struct usage_shelf shelf;
    struct scan_facts facts;
};

struct usage_fault_told {
    const char *path, *why;
    uint64_t line;
};

struct usage_answer {
    struct usage_query query;
    struct arena arena;
    struct intern names;
    VEC(struct usage_place *) places;
    VEC(struct usage_item) items;
    struct usage_rows rows;
    struct usage_sum totals;
    uint64_t fault_count;
    VEC(struct usage_fault_told) faults; /* USAGE_FAULTS_MAX at most */
};

/* ERR_USAGE for a source or a path that is none, ERR_ENVIRONMENT for a path that cannot be read. To be freed in any case. */
WARN_UNUSED int usage_ask(const struct usage_query *query, struct usage_answer *ret_answer, struct err *err);
/* The same items added up by other keys. */
WARN_UNUSED int usage_roll_up(struct usage_answer *answer, const enum usage_key *keys, size_t key_count,
                              struct usage_rows *ret_rows, struct err *err);
void usage_rows_free(struct usage_rows *rows);
void usage_answer_free(struct usage_answer *answer);

static inline const char *usage_name(const struct usage_answer *answer, uint32_t id)
{
    return intern_text(&answer->names, id);
}

#endif
