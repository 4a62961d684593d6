/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a history that its sources share. */
#ifndef TOLL_STORE_INTERNAL_H
#define TOLL_STORE_INTERNAL_H

#include <sqlite3.h>

#include "base/map.h"
#include "store/history.h"

#define HISTORY_VERSION 1
#define HISTORY_MAGIC   0x746f6c6c /* "toll": SQLite's application_id */

enum history_statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_VERSION,
    STATEMENT_TEXT_FIND,
    STATEMENT_TEXT_ADD,
    STATEMENT_SERIES_FIND,
    STATEMENT_SERIES_ADD,
    STATEMENT_SERIES_SET,
    STATEMENT_RESULT_ADD,
    STATEMENT_COUNT
};

struct history {
    sqlite3 *database;
    char *path;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct intern known; /* keys of texts and series, as long as no other connection writes */
    VEC(int64_t) rows;   /* of the key with id i + 1 */
    int64_t version;     /* of the data that `known` is right for */
};

/* What SQLite refused, in words: `could not <do> history '<path>': …`. Returns the negative code. */
int history_refused(const struct history *history, const char *verb, struct err *err);

/* Refuses another program's file; changes nothing. */
WARN_UNUSED int history_check(struct history *history, struct err *err);
/* Makes the tables, or brings an older file forward. */
WARN_UNUSED int history_migrate(struct history *history, struct err *err);

#endif
