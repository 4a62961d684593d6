/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern: an extended regular expression of POSIX, given by a person or a file, compiled within bounds.
 *
 * A few characters can ask for more than any machine has: each {m,n} multiplies what stands before it, so that
 * `((a{255}){255}){255}` is 16 million states before anything is matched. A pattern's *size* is what it becomes when its repetitions
 * are written out. References back to a group (\1) make matching take exponential time; they are refused.
 */
#ifndef TOLL_BASE_PATTERN_H
#define TOLL_BASE_PATTERN_H

#include <regex.h>

#include "base/err.h"

#define PATTERN_BYTES_MAX 1024u
#define PATTERN_SIZE_MAX  1000u
#define PATTERN_DEPTH_MAX 32u /* of brackets in each other */

/* `flags` as regcomp takes them; REG_EXTENDED is set. The caller ends it with regfree. ERR_INPUT for a pattern that is none or over a bound:
 * the message is the reason alone, for the caller to put behind the pattern's name. */
WARN_UNUSED int pattern_compile(const char *text, int flags, regex_t *ret_pattern, struct err *err);

#endif
