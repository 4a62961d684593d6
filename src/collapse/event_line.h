/* SPDX-License-Identifier: Apache-2.0 */
/* event_line: the line that begins a sample, taken apart as the original's expressions do. Inside collapse/ only. */
#ifndef TOLL_COLLAPSE_EVENT_LINE_H
#define TOLL_COLLAPSE_EVENT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parts of an event's line: a name, blanks, a number, slashes, perhaps a number, a blank. */
struct event_line {
    size_t name_length;
    const char *first, *second; /* the numbers behind the name; second NULL when there is none */
    size_t first_length, second_length;
};

/* The shortest name, of two characters at least, that blanks and numbers follow. */
bool event_line_read(const char *line, size_t length, struct event_line *ret_event);

/* The end of such a line: a colon, perhaps a number, the event and its colon, blanks between. */
struct event_end {
    const char *event;
    size_t event_length;
    const char *period; /* NULL: not told */
    size_t period_length;
};

bool event_end_read(const char *line, size_t length, struct event_end *ret_end);

/* What the digits say, UINT64_MAX at most. */
uint64_t event_number(const char *digits, size_t length);

/* What is true in Perl: a number that is told and is not "0". */
static inline bool event_is_true(const char *digits, size_t length)
{
    return digits && !(length == 1 && *digits == '0');
}

#endif
