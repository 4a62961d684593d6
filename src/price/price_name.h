/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price_name: the many ways to write one model's name.
 *
 * Small letters, and `-` for `.`, `_` and `:`. Then, one after another, what the price does not depend on is taken away, and each
 * form is looked up before the next is made: so a name that is in the book as it is written wins.
 *     claude-sonnet-4-5[1m]                                         what a client adds in brackets
 *     openrouter/anthropic/claude-sonnet-4.5                        the way to it: all up to the last `/`
 *     us.anthropic.claude-sonnet-4-5-20250929-v1:0                  Bedrock: region, maker, revision
 *     claude-sonnet-4-5@20250929                                    Vertex: what follows `@`
 *     claude-sonnet-4-5-20250929, gpt-5.5-2026-04-23                the day of the snapshot
 *     …-latest, …-preview, …-preview-05-06, …-exp, …-001            the state of the release
 * A name is never matched by its beginning: gpt-5.5-mini is not gpt-5.5.
 */
#ifndef TOLL_PRICE_PRICE_NAME_H
#define TOLL_PRICE_PRICE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define PRICE_NAME_BYTES 256u

struct price_name {
    char text[PRICE_NAME_BYTES]; /* the form now */
    size_t length;
    unsigned step;
};

/* The first form. A name that is too long is cut. */
void price_name_start(struct price_name *name, const char *model);
/* The next form that differs; false: there is no more. */
bool price_name_next(struct price_name *name);

#endif
