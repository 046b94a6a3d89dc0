/* Repeatable random numbers: splitmix64 (Steele, Lea, Flood 2014). Any state is a good seed. */
#ifndef HPCK_AUTOTUNE_RANDOM_H
#define HPCK_AUTOTUNE_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* 0 .. limit-1 for limit >= 1; the bias of % is of no matter for sampling. */
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

#endif
