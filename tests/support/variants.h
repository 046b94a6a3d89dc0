/* The variants of a kernel family - its points in the compile-time parameters - and a choice of them that is small and
 * leaves out no pair of parameter values. */
#ifndef HPCK_TESTS_VARIANTS_H
#define HPCK_TESTS_VARIANTS_H

#include "trial.h"

/* HPCK_TEST_SEED, else the day: nights go through different points, a day's runs repeat each other. */
uint64_t variants_seed(void);

/* The family's variants for which trial_draw finds something, about `limit` of them (0: all). They cover every pair of
 * parameter values that occurs in any variant, even where that takes more than `limit`; the seed chooses the rest. */
struct variants {
    int64_t *param; /* count rows of family->param_count values */
    int count;
};
hpck_status variants_list(const struct family *family, const struct device_desc *device, int limit,
                          int64_t size_max, uint64_t *seed, struct variants *out, struct error *err);
void variants_free(struct variants *variants);

#endif
