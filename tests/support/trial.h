/* A small problem that exercises the tile edges of one point of a kernel family, drawn from a seed, so that a failure can
 * be repeated; and its run. */
#ifndef HPCK_TESTS_TRIAL_H
#define HPCK_TESTS_TRIAL_H

#include "workload.h"

/* One run: a full point of the family, a problem for which it is legal on the device, and how to lay out operands. */
struct trial {
    struct problem problem;
    int64_t param[FAMILY_PARAMS_MAX];
    struct workload_options options;
};

/* splitmix64; `below` is at least 1. */
uint64_t random_below(uint64_t *state, uint64_t below);

/* A trial for the given compile-time values; dtypes, the problem with sizes up to size_max, run-time parameters and
 * layout are drawn. `like` (may be NULL) gives dtypes and whatever else is compiled in, so that its kernel serves again.
 * False: no draw was legal. */
bool trial_draw(const struct family *family, const struct device_desc *device, const int64_t *param,
                const struct trial *like, int64_t size_max, uint64_t *seed, struct trial *trial);

/* Runs and checks it. INTERNAL: wrong; other codes: it did not run. */
hpck_status trial_verify(hpck_handle *handle, const struct family *family, const struct trial *trial,
                         struct error *err);

#endif
