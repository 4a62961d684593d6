/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold: what an experiment tells libtoll about the spans that are to end later, and what libtoll tells of them. The file is made, all
 * zero, by who makes the experiment; every process of the run adds to it.
 */
#ifndef TOLL_WIRE_HOLD_H
#define TOLL_WIRE_HOLD_H

#include <assert.h>
#include <stdint.h>

#define HOLD_SPAN_VARIABLE  "TOLL_HOLD_SPAN"  /* the spans' name */
#define HOLD_SHARE_VARIABLE "TOLL_HOLD_SHARE" /* thousandths of a span's length that it is made longer by */
#define HOLD_FILE_VARIABLE  "TOLL_HOLD_FILE"  /* an absolute path */

#define HOLD_SHARE_MAX 10000u

struct hold_file {
    uint64_t count;     /* spans that ended */
    uint64_t length_ns; /* all of them together, without what they were made longer by */
};
static_assert(sizeof(struct hold_file) == 16, "on disk");

#endif
