/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks in a perf.data that are none. While anybody on the machine records mappings with build-ids (`toll run --system` does),
 * Linux marks everybody's mappings as holding one, those that carry device and inode as well; perf 6.1 takes the inode for a
 * build-id of up to 255 bytes and aborts. The layout: tools/perf/Documentation/perf.data-file-format.txt.
 */
#ifndef TOLL_DECIDE_PERF_MARKS_H
#define TOLL_DECIDE_PERF_MARKS_H

#include <stddef.h>

/* Takes the marks out of the mappings of a file that asked for no build-ids; returns of how many. A file that is missing, no
 * perf.data or damaged is left as it is from where it makes no sense: perf says what is wrong with it. */
size_t perf_marks_clear(const char *path);

#endif
