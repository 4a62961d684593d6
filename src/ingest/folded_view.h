/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folded_view: the samples of an imported recording as folded stacks, as the FlameGraph tools write them: the thread's
 * name (from perf with '_' for its blanks), the frames from the outermost on, inlined ones with "_[i]", then the weight as the file had it.
 * What was imported from perf script's text is what stackcollapse-perf.pl makes of that text, byte for byte; from folded
 * stacks, those sorted and added up.
 *
 * Memory: one entry a different stack of a thread's name, however many samples there are.
 */
#ifndef TOLL_INGEST_FOLDED_VIEW_H
#define TOLL_INGEST_FOLDED_VIEW_H

#include <stdbool.h>

#include "base/str.h"
#include "collapse/fold.h"
#include "model/view.h"

/* Whether a recording was imported from another tool's file, so that its samples stand for what they stood for there. */
bool folded_view_is(const struct view *view);
/* Piece by piece. */
WARN_UNUSED int folded_view_send(const struct view *view, fold_write_fn *write, void *context,
                                 struct err *err);
/* All in one text. */
WARN_UNUSED int folded_view_write(const struct view *view, struct str *ret_text, struct err *err);

#endif
