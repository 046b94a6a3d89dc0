/* Checks the records of a tuning database on the device at hand: still legal, still right, as fast as they say. */
#ifndef HPCK_AUTOTUNE_VERIFY_H
#define HPCK_AUTOTUNE_VERIFY_H

#include "results.h"

/* Records of other devices are counted and left out. *is_fine: false where one is illegal, fails, computes wrongly, or takes
 * longer than its time and spread allow. */
hpck_status verify_database(const struct tuner_options *options, const struct shapes *problems,
                            const volatile sig_atomic_t *stop, enum results_format format, FILE *out, bool *is_fine,
                            struct error *err);

#endif
