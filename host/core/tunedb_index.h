/* Tuning records in memory, sorted by device and problem, looked up by binary search. A database has two: of the records that are
 * used, and of the stale ones. */
#ifndef HPCK_CORE_TUNEDB_INDEX_H
#define HPCK_CORE_TUNEDB_INDEX_H

#include "tunedb.h"

/* A record and the device it belongs to. */
struct stored {
    struct tunedb_record record;
    int device; /* index into devices */
};

/* The records of one device and problem: a run of `sorted`. */
struct group {
    int first;
    int count;
};

/* A device and its problems: a run of `groups`. */
struct owner {
    struct device_desc device;
    int first;
    int count;
};

struct tunedb_index {
    struct stored *stored; /* in the order of loading */
    int stored_count;
    int stored_capacity;
    struct owner *owners;
    int owner_count;
    const struct stored **sorted; /* by device, problem, then best first; NULL until built */
    struct group *groups;
    int group_count;
};

/* Takes a copy of the record. */
hpck_status tunedb_index_add(struct tunedb_index *index, const struct tunedb_record *record, struct error *err);

/* Once all records are there; look-ups come after. */
hpck_status tunedb_index_build(struct tunedb_index *index, struct error *err);
void tunedb_index_free(struct tunedb_index *index);

/* As tunedb_lookup; TUNEDB_STALE is the same as TUNEDB_EXACT here. */
int tunedb_index_lookup(const struct tunedb_index *index, const struct device_desc *device,
                        const struct problem *problem, enum tunedb_match match,
                        const struct tunedb_record **records, int capacity);

#endif
