/* Between trials and records of the tuning database. */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "tunedb_file.h"

struct tunedb_record record_of(const struct tuner *tuner, const struct job *job, const struct candidate *candidate,
                               double seconds, enum provenance provenance)
{
    struct tunedb_record record = {
        .device = tuner->device,
        .problem = job->canonical,
        .family = candidate->family,
        .time_ns = seconds * 1e9,
        .provenance = provenance,
    };
    memcpy(record.param, candidate->param, sizeof record.param);
    const struct family_text *text = family_text(candidate->family, tuner->dialect, &job->canonical);
    if (text) snprintf(record.source_hash, sizeof record.source_hash, "%s", text->hash);
    return record;
}

bool record_is_for(const struct tunedb_record *record, const struct device_desc *device,
                   const struct problem *canonical)
{
    return tunedb_same_device(&record->device, device) && problem_same(&record->problem, canonical);
}
