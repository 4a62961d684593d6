/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a history that its sources share. */
#ifndef TOLL_STORE_INTERNAL_H
#define TOLL_STORE_INTERNAL_H

#include "base/map.h"
#include "store/database.h"
#include "store/history.h"

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
    struct database file;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    struct intern known; /* keys of texts and series, as long as no other connection writes */
    VEC(int64_t) rows;   /* of the key with id i + 1 */
    int64_t version;     /* of the data that `known` is right for */
};

/* What SQLite refused, in words: `could not <do> history '<path>': …`. Returns the negative code. */
int history_refused(const struct history *history, const char *verb, struct err *err);

#endif
