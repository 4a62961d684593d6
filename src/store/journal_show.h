/* SPDX-License-Identifier: Apache-2.0 */
/* journal_show: entries of a journal for a terminal and as JSON (schema toll.journal/1; docs/journal.md). */
#ifndef TOLL_STORE_JOURNAL_SHOW_H
#define TOLL_STORE_JOURNAL_SHOW_H

#include "base/str.h"
#include "report/json_writer.h"
#include "store/journal.h"

/* Bytes that stand around found words until they are shown: no text holds them. */
#define JOURNAL_MARK_OPEN  "\x01"
#define JOURNAL_MARK_CLOSE "\x02"

struct journal_look {
    unsigned width; /* columns */
    bool colour;
    bool ascii;
};

/* "#12  2026-11-26 17:45  finding  serial-independent", the sentence, where its words were found (`snippet` NULL: not searched), what
 * it brings. */
void journal_entry_text(const struct journal_entry *entry, const char *snippet,
                        const struct journal_look *look, struct str *text);
/* Every field that says something, one a line. */
void journal_entry_whole(const struct journal_entry *entry, const struct journal_look *look,
                         struct str *text);

/* "predicted 5.0x (4.5x to 5.4x), measured 4.9x, as predicted"; nothing when none is known. */
void journal_outcome_text(const struct journal_entry *entry, struct str *text);

/* "workers:stage/download=10: predicted 5.0x (4.5x to 5.4x), measured 4.9x, as predicted"; nothing when none is known. */
void journal_change_text(const struct journal_entry *entry, struct str *text);

/* One object; `hit` NULL: not searched. The marks of its snippet become [ and ]. */
void journal_entry_json(const struct journal_entry *entry, const struct journal_hit *hit,
                        struct json_writer *json);

#endif
