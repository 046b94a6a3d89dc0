/* The tuning database in memory: layers of records, and the look-ups that selection makes. */
#include "tunedb.h"

#include <stdlib.h>

#include "verbose.h"

struct tunedb {
    int layer_count;
};

hpck_status tunedb_open(const char *path, struct verbose *verbose, struct tunedb **db, struct error *err)
{
    (void)path;
    (void)verbose;
    struct tunedb *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the tuning database");
    *db = opened;
    return HPCK_OK;
}

void tunedb_close(struct tunedb *db)
{
    free(db);
}

int tunedb_layer_count(const struct tunedb *db)
{
    return db->layer_count;
}
