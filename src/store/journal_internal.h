/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a journal that its sources share. */
#ifndef TOLL_STORE_JOURNAL_INTERNAL_H
#define TOLL_STORE_JOURNAL_INTERNAL_H

#include "store/database.h"
#include "store/journal.h"

struct journal {
    struct database file;
};

/* The columns of an entry, in the order journal_entry_of reads them; `e` is the table's alias. */
#define JOURNAL_COLUMNS                                                                                      \
    "e.id, e.at_ns, e.key, e.kind, e.finding, e.symptom, e.cause, e.place, e.change, e.fix, e.outcome,"      \
    " e.agreement, e.name, e.recording, e.machine, e.revision, e.predicted, e.predicted_low,"                \
    " e.predicted_high, e.measured, e.measured_low, e.measured_high"
#define JOURNAL_COLUMN_COUNT 22

struct journal_entry journal_entry_of(sqlite3_stmt *statement);
int journal_refused(const struct journal *journal, const char *verb, struct err *err);

#endif
