/* The variants of a kernel family - its points in the compile-time parameters - and small problems that exercise the
 * tile edges of one. Everything is drawn from a seed, so that a failure can be repeated. */
#ifndef HPCK_TESTS_VARIANTS_H
#define HPCK_TESTS_VARIANTS_H

#include "workload.h"

/* One run: a full point of the family, a problem for which it is legal on the device, and how to lay out operands. */
struct trial {
    struct problem problem;
    int64_t param[FAMILY_PARAMS_MAX];
    struct workload_options options;
};

/* splitmix64; `below` is at least 1. */
uint64_t random_below(uint64_t *state, uint64_t below);

/* HPCK_TEST_SEED, else the day: nights go through different points, a day's runs repeat each other. */
uint64_t variants_seed(void);

/* A trial for the given compile-time values; dtypes, the problem with sizes up to size_max, run-time parameters and
 * layout are drawn. `like` (may be NULL) gives dtypes and whatever else is compiled in, so that its kernel serves again.
 * False: no draw was legal. */
bool trial_draw(const struct family *family, const struct device_desc *device, const int64_t *param,
                const struct trial *like, int64_t size_max, uint64_t *seed, struct trial *trial);

/* Runs and checks it. INTERNAL: wrong; other codes: it did not run. */
hpck_status trial_verify(hpck_handle *handle, const struct family *family, const struct trial *trial,
                         struct error *err);

/* The family's variants for which trial_draw finds something, at most `limit` (0: no limit). Where there are more,
 * those chosen cover every pair of parameter values that occurs in any variant, and the seed chooses the rest. */
struct variants {
    int64_t *param; /* count rows of family->param_count values */
    int count;      /* chosen */
    int legal;      /* of them all */
};
hpck_status variants_list(const struct family *family, const struct device_desc *device, int limit,
                          int64_t size_max, uint64_t *seed, struct variants *out, struct error *err);
void variants_free(struct variants *variants);

#endif
