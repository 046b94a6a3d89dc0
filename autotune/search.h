/* Search strategies: which candidate to try next, given what has been tried.
 *     exhaustive  every point, best estimate of the model first
 *     random      points in random order
 *     local       starting points (database, seeds, the model's favourites, a few random ones), then steps from the
 *                 best few to their neighbours, with some random exploration; ends when nothing nearby gains any more */
#ifndef HPCK_AUTOTUNE_SEARCH_H
#define HPCK_AUTOTUNE_SEARCH_H

#include "space.h"

enum strategy { STRATEGY_LOCAL, STRATEGY_EXHAUSTIVE, STRATEGY_RANDOM, STRATEGY_COUNT };
extern const char *const strategy_names[STRATEGY_COUNT];

struct search;

hpck_status search_create(const struct space *space, enum strategy strategy, uint64_t seed, struct search **search,
                          struct error *err);
void search_free(struct search *search);

/* Adds a starting point for `local`, tried in the order added; one that is not legal here is passed over. */
hpck_status search_start_at(struct search *search, const struct candidate *candidate, struct error *err);

/* Tells what was tried, in this run or an earlier one: never proposed again. */
hpck_status search_note(struct search *search, const struct candidate *candidate, struct error *err);

/* The next candidate after these trials; false: the strategy has nothing more to propose. */
bool search_next(struct search *search, const struct trial *trials, int trial_count, struct candidate *candidate);

#endif
