/* SPDX-License-Identifier: Apache-2.0 */
/* usage_show: an answer for a terminal, as JSON (schema toll.usage/1; docs/usage.md), as CSV, as one line; and how fast it goes. */
#ifndef TOLL_USAGE_USAGE_SHOW_H
#define TOLL_USAGE_USAGE_SHOW_H

#include "base/str.h"
#include "usage/usage_answer.h"

#define USAGE_ROWS_SHOWN 20u /* of a table by other things than time, unless `top` says another number */

struct usage_look {
    unsigned width; /* columns */
    bool colour, ascii;
    uint64_t top;         /* the first so many rows; 0: as many as fit its kind */
    const char *timezone; /* its name, for people and JSON */
    int64_t now_ns;       /* Unix time */
};

WARN_UNUSED int usage_text(struct usage_answer *answer, const struct usage_look *look, struct str *text,
                           struct err *err);
WARN_UNUSED int usage_json(struct usage_answer *answer, const struct usage_look *look, struct str *text,
                           struct err *err);
/* RFC 4180: a line of names, then one a row. */
void usage_csv(const struct usage_answer *answer, const struct usage_look *look, struct str *text);
/* For a status bar: what the time asked for took, and what the last hour did. */
void usage_line(const struct usage_answer *answer, const struct usage_look *look, struct str *text);

/* What was used from `now - window` to now, and the limit that it runs into. */
struct usage_burn {
    double usd_per_h, tokens_per_h;
    uint64_t window_ns;
};
struct usage_burn usage_burn(const struct usage_answer *answer, int64_t now_ns, uint64_t window_ns);

enum usage_limit_kind { USAGE_LIMIT_COST, USAGE_LIMIT_TOKENS };
struct usage_limit {
    enum usage_limit_kind kind;
    double amount;
};
/* "cost=10", "cost=$2.50", "tokens=1M", "tokens=500k": ERR_USAGE for what is none. */
WARN_UNUSED int usage_limit_read(const char *text, struct usage_limit *ret_limit, struct err *err);
/* The rates, and for each limit how much of it is used and when it is reached. True when one is. */
bool usage_watch_text(const struct usage_answer *answer, const struct usage_look *look,
                      const struct usage_limit *limits, size_t limit_count, struct str *text);

/* "12,345", "25.4M": at most six columns up to a million million. */
struct usage_short {
    char text[48];
};
struct usage_short usage_short(uint64_t count);
/* "$12.40", "$0.0031" */
struct usage_short usage_dollars(double usd);

/* What takes most, by each of a few keys: for the text and JSON. */
struct usage_top {
    enum usage_key key;
    const char *name;
    double ratio; /* of the cost; of the tokens where nothing has a price */
    double cost_usd;
    uint64_t tokens;
    bool has_cost;
};
#define USAGE_TOP_MAX 6u
WARN_UNUSED int usage_tops(struct usage_answer *answer, struct usage_top ret_tops[USAGE_TOP_MAX],
                           size_t *ret_count, struct err *err);

#endif
