/* Which of the legal orders a launch takes. Without a seed everything asynchronous happens as late as is legal, and warps and blocks
 * take turns in the order of their numbers; with one (HPCK_EMULATOR_SEED, hpckemu_set_seed) all of that is drawn. */
#ifndef EMULATOR_SCHEDULE_H
#define EMULATOR_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct launch;

void schedule_seed(struct launch *launch, uint64_t seed);
/* Once in `one_in` times; never without a seed. */
bool schedule_chance(struct launch *launch, uint32_t one_in);
/* Of `count` that take turns, who comes first; the others follow in turn. 0 without a seed. */
uint32_t schedule_first(struct launch *launch, uint32_t count);

#endif
