/* SPDX-License-Identifier: Apache-2.0 */
/* compare_words: what text and page say in the same words. */
#ifndef TOLL_COMPARE_COMPARE_WORDS_H
#define TOLL_COMPARE_COMPARE_WORDS_H

#include "compare/compare.h"

struct words {
    char text[96];
};

/* "20.41 ms", "1.7 MB", "75,353 /s", "12 allocs/op" */
struct words words_value(const struct difference *difference, double value);
/* "+8.2 ms"; of rates and of what has no difference worth telling "" */
struct words words_delta(const struct difference *difference);
/* "1.105x (1.095x to 1.133x)", "new", "gone" */
struct words words_ratio(const struct difference *difference);
/* "wall time", "latency p99", "requests/s", … */
struct words words_metric(const char *metric);
/* "slower", "faster"; of bytes and counts "more", "less"; of rates "lower", "higher"; "the same"; "within noise", or why
 * there is no verdict */
const char *words_verdict(const struct difference *difference);
/* A function, or a wait with its other end, and its stage, as one name. */
void words_place(const struct difference *difference, struct str *text);

/* The claims on functions and waits, largest change first; of stages when there are none of those. Free with vec_free. */
struct claims {
    VEC(const struct difference *) items;
    size_t within_count[COMPARE_USAGE + 1]; /* of each kind, tested and not claimed */
};
WARN_UNUSED int claims_find(const struct comparison *comparison, struct claims *ret_claims);

/* The run's (or the only benchmark's first) metric, NULL when there is none. */
const struct difference *words_headline(const struct comparison *comparison);
/* One benchmark, or recordings: there is a first metric to tell. */
bool words_is_single(const struct comparison *comparison);
/* One sentence, of several benchmarks how many differ: "B is slower: 1.48x of A's wall time (1.2x to 1.8x)." */
void words_headline_sentence(const struct comparison *comparison, struct str *text);
/* What the verdicts stand on, a sentence each, ended by a newline. */
void words_trust(const struct comparison *comparison, struct str *text);

#endif
