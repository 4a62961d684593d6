/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame_pair: two flame graphs put together as one differential one, box by box: the same names from the root on.
 *
 * It is for amounts that are known, or whose error is (allocations): an own amount is changed when it differs by more than a
 * hundredth and, where it is an estimate from samples, by more than twice its standard deviation, which of B sampled bytes is
 * sqrt(rate * B). Times of single runs have no known error; those are compared with `compare.h`.
 */
#ifndef TOLL_COMPARE_FLAME_PAIR_H
#define TOLL_COMPARE_FLAME_PAIR_H

#include "base/err.h"
#include "base/str.h"
#include "model/finding.h"

struct flame_side {
    const struct flame *flame; /* both of one unit */
    const char *title;
    uint64_t rate_bytes; /* one sample in so many bytes; 0: exact */
};

/* A whole SVG document: a box is as wide as its amount in both together. `what` is told in the
 * note behind both amounts, as " never freed". */
struct flame_pair {
    struct flame_side before, after;
    const char *what;
};
WARN_UNUSED int flame_pair_write(const struct flame_pair *pair, struct str *text, struct err *err);

/* The colour of an own amount that is so many times what it was (infinite: new): -FLAME_SHADES to FLAME_SHADES, never 0. */
int flame_shade(double ratio);

#endif
