/* Compiles ahead of time, for CUDA devices that need not be here: every kernel that the library could choose for some problems on
 * devices of some architectures. */
#ifndef HPCK_AUTOTUNE_BUNDLE_MAKE_H
#define HPCK_AUTOTUNE_BUNDLE_MAKE_H

#include <stdio.h>

#include "shapes.h"

struct bundle_order {
    const char *targets; /* "sm_80,sm_90" */
    const char *db;      /* as for tunedb_open: records of these architectures are compiled, too */
    int jobs;            /* processes that compile; at least 1 */
    const struct shapes *problems;
};

/* Writes the bundle (docs/kernel-cache.md) to `out` once everything is compiled, and what it holds to `notes`. */
hpck_status bundle_make(const struct bundle_order *order, FILE *out, FILE *notes, struct error *err);

#endif
