/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_lines: entries as JSON lines, one object a line with the fields of toll.journal/1, to carry a journal to another machine.
 * What is read back is the same entry: it has its key. `finding` is needed; `kind` is "note" and the time now where they are
 * left out; fields that are not known are ignored.
 */
#ifndef TOLL_STORE_JOURNAL_LINES_H
#define TOLL_STORE_JOURNAL_LINES_H

#include "base/arena.h"
#include "base/str.h"
#include "store/journal.h"

#define JOURNAL_LINE_BYTES_MAX ((size_t)1 << 20)

/* Appends one line, its end included. */
void journal_line_write(const struct journal_entry *entry, struct str *text);

/* Texts go to the arena. ERR_INPUT, with `name`, for what is no such object. */
WARN_UNUSED int journal_line_read(const char *line, size_t length, const char *name, struct arena *arena,
                                  struct journal_entry *ret_entry, struct err *err);

#endif
