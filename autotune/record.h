/* Between trials and records of the tuning database. */
#ifndef HPCK_AUTOTUNE_RECORD_H
#define HPCK_AUTOTUNE_RECORD_H

#include "tuner.h"

/* Spread and samples are left 0. */
struct tunedb_record record_of(const struct tuner *tuner, const struct job *job, const struct candidate *candidate,
                               double seconds, enum provenance provenance);

bool record_is_for(const struct tunedb_record *record, const struct device_desc *device,
                   const struct problem *canonical);

#endif
