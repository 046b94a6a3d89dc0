/* Which contestant of a confirmation is chosen. */
#ifndef HPCK_AUTOTUNE_VERDICT_H
#define HPCK_AUTOTUNE_VERDICT_H

#include "worker.h"

/* Side 0 is the old choice, which stays unless another is faster by more than the noise: by at least min_gain in the median of the
 * rounds, and in three rounds of four; then the fastest of these. An old choice that is wrong or does not run yields to any that does.
 * -1: none does. */
int verdict(const struct worker_side *sides, int count, double min_gain);

bool verdict_counts(const struct worker_side *side); /* it is right and was measured */

#endif
