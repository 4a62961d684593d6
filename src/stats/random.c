/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/random.h"

#include <math.h>

static uint64_t rotate_left(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

void random_seed(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = mixed ^ mixed >> 31;
    }
}

uint64_t random_u64(struct random *random)
{
    uint64_t *state = random->state, result = rotate_left(state[1] * 5, 7) * 9, shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

/* What would make some results likelier, the remainder of 2^64 / limit, is thrown away. */
uint64_t random_below(struct random *random, uint64_t limit)
{
    if (!limit)
        return 0;
    uint64_t surplus = (UINT64_MAX - limit + 1) % limit, value = random_u64(random);
    while (value < surplus)
        value = random_u64(random);
    return value % limit;
}

double random_uniform(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    double x, square;
    do {
        double y = 2 * random_uniform(random) - 1;
        x = 2 * random_uniform(random) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square <= 0);
    return x * sqrt(-2 * log(square) / square);
}

void random_shuffle(struct random *random, size_t *indexes, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = (size_t)random_below(random, left), kept = indexes[left - 1];
        indexes[left - 1] = indexes[other];
        indexes[other] = kept;
    }
}
