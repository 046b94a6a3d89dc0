/* The records of one file of a tuning database, without the layers behind it. */
#ifndef HPCK_AUTOTUNE_RECORDS_H
#define HPCK_AUTOTUNE_RECORDS_H

#include <stdio.h>

#include "shapes.h"
#include "tunedb.h"

struct records { /* start with { 0 } */
    struct tunedb_record *items;
    int count, capacity;
};

/* Appends what this hpck can use; what it cannot is counted on `notes`. DB_FORMAT: not a tuning database. */
hpck_status records_read(const char *path, struct records *records, FILE *notes, struct error *err);
void records_free(struct records *records);

/* Of one of the problems, or there are none to choose by. */
bool record_is_wanted(const struct tunedb_record *record, const struct shapes *problems);

#endif
