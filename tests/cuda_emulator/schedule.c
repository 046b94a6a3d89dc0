/* Draws for the scheduler: splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
#include "schedule.h"

#include "warp.h"

void schedule_seed(struct launch *launch, uint64_t seed)
{
    launch->has_seed = seed != 0;
    launch->random = seed;
}

static uint32_t draw(struct launch *launch, uint32_t below)
{
    uint64_t z = (launch->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % below);
}

bool schedule_chance(struct launch *launch, uint32_t one_in)
{
    return launch->has_seed && draw(launch, one_in) == 0;
}

uint32_t schedule_first(struct launch *launch, uint32_t count)
{
    return launch->has_seed ? draw(launch, count) : 0;
}
