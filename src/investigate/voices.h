/* SPDX-License-Identifier: Apache-2.0 */
/*
 * voices: how many independent voices there are among people who say the same. Two who read it off the same rows of the same
 * recording are one voice. Pure.
 *
 * A row is "TABLE N" or "TABLE A-B" ("waits 120-340"): two of one table have something in common when their ranges do; any other text
 * only with itself. Who names no rows speaks from somewhere else (own runs, a server's settings) and is a voice of his own.
 */
#ifndef TOLL_INVESTIGATE_VOICES_H
#define TOLL_INVESTIGATE_VOICES_H

#include <stdbool.h>
#include <stddef.h>

#define VOICES_MAX 256u

struct voice {
    const char *investigator; /* the same investigator is one voice, too */
    const char *const *rows;
    size_t row_count;
};

bool rows_overlap(const char *one, const char *other);

/* At most VOICES_MAX of them are looked at; more are not counted. */
size_t voices_count(const struct voice *voices, size_t count);

#endif
