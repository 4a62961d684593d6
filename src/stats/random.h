/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random: numbers that the same seed gives again, on every machine (xoshiro256**, Blackman and Vigna 2018, seeded by
 * SplitMix64). Not for secrets. One generator for one thread.
 */
#ifndef TOLL_STATS_RANDOM_H
#define TOLL_STATS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_u64(struct random *random);
/* 0 to limit - 1, each as likely; 0 for a limit of 0. */
uint64_t random_below(struct random *random, uint64_t limit);
/* From 0 up to below 1, 53 bits. */
double random_uniform(struct random *random);
/* Mean 0, standard deviation 1 (Marsaglia's polar method). */
double random_normal(struct random *random);
/* Puts the indexes in random order (Fisher and Yates). */
void random_shuffle(struct random *random, size_t *indexes, size_t count);

#endif
