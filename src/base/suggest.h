/* SPDX-License-Identifier: Apache-2.0 */
/* suggest: what the user may have meant. */
#ifndef TOLL_BASE_SUGGEST_H
#define TOLL_BASE_SUGGEST_H

#include <stddef.h>

/* Words longer than this are never near anything. */
#define SUGGEST_LENGTH_MAX 63

/* How many letters to insert, delete, replace or swap with the next one (optimal string alignment distance,
 * L. Boytsov, "Indexing methods for approximate dictionary searching", 2011). */
size_t suggest_distance(const char *from, const char *to);

/* Whether `to` is near enough to `from` to be offered: a third of its letters, at least one, may differ. */
int suggest_is_near(const char *from, const char *to);

#endif
