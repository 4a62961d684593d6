/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inline_frames: the inlined calls of an address, as `stackcollapse-perf.pl --inline` finds them: it runs addr2line (binutils) for
 * each address, and nm where only the place in a function is known. The answers are the same bytes, because they are the same
 * program's: one that is asked for several addresses answers some otherwise (binutils 2.40), so each has a process of its own here too,
 * once, and as many at a time as there are processors.
 */
#ifndef TOLL_DATA_VERBS_INLINE_FRAMES_H
#define TOLL_DATA_VERBS_INLINE_FRAMES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "collapse/collapse.h"

struct inline_frames;

/* `with_places`: file and line behind each function. ERR_ENVIRONMENT when there is no addr2line. */
WARN_UNUSED int inline_frames_create(bool with_places, struct inline_frames **ret_frames, struct err *err);
/* Ends the programs. NULL is allowed. */
void inline_frames_destroy(struct inline_frames *frames);

/* Two collapse_inline_fn, with a struct inline_frames as their context: the first only notes what will be asked, the
 * second answers, at once what was noted and found before. */
int inline_frames_note(void *context, const struct collapse_place *place, struct str *ret_text,
                       struct err *err);
int inline_frames_of(void *context, const struct collapse_place *place, struct str *ret_text,
                     struct err *err);
/* Finds all that was noted. */
WARN_UNUSED int inline_frames_find(struct inline_frames *frames, struct err *err);

#endif
