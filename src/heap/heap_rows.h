/* SPDX-License-Identifier: Apache-2.0 */
/* heap_rows: the book as rows: series and samples while it grows, the heap table at its end. */
#ifndef TOLL_HEAP_ROWS_H
#define TOLL_HEAP_ROWS_H

#include "heap/heap_drain.h"

/* Zero-initialise. */
struct heap_rows {
    uint64_t start_ns, points_due_ns, samples_due_ns;
    uint64_t name, unit; /* of the series */
};

/* What is due. */
WARN_UNUSED int heap_rows_tick(struct heap_rows *rows, struct heap_book *book, const struct heap_host *host,
                               struct sink *sink, uint64_t now_ns, struct err *err);
/* All that is not written yet of series and samples. */
WARN_UNUSED int heap_rows_write(struct heap_rows *rows, struct heap_book *book, const struct heap_host *host,
                                struct sink *sink, uint64_t now_ns, struct err *err);
/* Of a book that is closed, its times in nanoseconds. */
WARN_UNUSED int heap_rows_table(const struct heap_book *book, struct sink *sink, struct err *err);

#endif
