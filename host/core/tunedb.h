/* The tuning database: JSON Lines, one record a line, layered files, loaded once and looked up in memory.
 * docs/tuning-db.md describes the format. A file that is damaged costs the damaged lines, nothing else. */
#ifndef HPCK_CORE_TUNEDB_H
#define HPCK_CORE_TUNEDB_H

#include "family.h"

enum provenance { PROVENANCE_MODEL, PROVENANCE_MEASURED, PROVENANCE_SEARCHED };

struct tunedb_record {
    struct device_desc device; /* of which only the key is meaningful */
    struct problem problem;    /* canonical */
    const struct family *family;
    int64_t param[FAMILY_PARAMS_MAX];
    double time_ns; /* median */
    double spread;  /* (p90 - p10) / median of the samples */
    int samples;
    char source_hash[17];
    enum provenance provenance;
    int layer; /* index of the file it came from; set by loading */
};

struct tunedb;
struct verbose;

/* What loading passed over, for reports: nothing is silently used or lost. */
struct tunedb_stats {
    int records;
    int stale;     /* source hash of another version of the family */
    int unknown;   /* family, parameter or format version of a newer hpck */
    int malformed; /* lines that are not a record */
};

enum { TUNEDB_LAYERS_MAX = 4 };

/* Loads every layer: `path` (else HPCK_DB), the user's file, the system's file, the table in the library. Missing
 * files are fine, except `path` itself when given by the caller's hand. Notes about what was passed over go to
 * verbose (may be NULL). Errors: DB_FORMAT (not one readable line in an explicit file), IO, OUT_OF_MEMORY. */
hpck_status tunedb_open(const char *path, struct verbose *verbose, struct tunedb **db, struct error *err);
void tunedb_close(struct tunedb *db);
int tunedb_layer_count(const struct tunedb *db);
const char *tunedb_layer_path(const struct tunedb *db, int layer); /* "(built in)" for the table in the library */
struct tunedb_stats tunedb_layer_stats(const struct tunedb *db, int layer);

/* Where records are written when the caller names no file: HPCK_DB, else the user's file. Owned by the db. */
const char *tunedb_user_path(const struct tunedb *db);

enum tunedb_match {
    TUNEDB_EXACT,   /* same device, same problem */
    TUNEDB_NEAREST, /* same device, nearest problem by problem_distance */
    TUNEDB_RELATED, /* another device of the same backend and type (same architecture first), nearest problem */
    TUNEDB_STALE    /* same device, same problem: what was measured with a kernel that has changed since */
};

/* Fills at most `capacity` records, best first; returns how many. Higher layers come before lower ones, within a
 * layer by provenance, then time. Exact means every key field of the device but the driver version. */
int tunedb_lookup(const struct tunedb *db, const struct device_desc *device, const struct problem *problem,
                  enum tunedb_match match, const struct tunedb_record **records, int capacity);

/* All records, for tools; index from 0 to tunedb_count-1. */
int tunedb_count(const struct tunedb *db);
const struct tunedb_record *tunedb_get(const struct tunedb *db, int index);

enum { TUNEDB_KEEP = 8 }; /* records kept per device and problem */

/* Merges records into the file under an advisory lock: what is there and still valid is kept, per (device, problem)
 * the TUNEDB_KEEP best remain, lines this version cannot read are carried over untouched. Written by temporary file,
 * fsync, rename. Records of one (device, problem) replace older records of the same family and parameters. */
hpck_status tunedb_merge(const char *path, const struct tunedb_record *records, int count, struct error *err);

/* Removes the records of other versions of their family (stale) and the lines that are no records. *removed is how many.
 * Lines of a newer hpck stay. */
hpck_status tunedb_prune(const char *path, int *removed, struct error *err);

/* One line of the file, without its newline: used by files and journals alike. Caller frees *line. */
hpck_status tunedb_record_print(const struct tunedb_record *record, char **line, struct error *err);

/* Errors: UNSUPPORTED (a well-formed record of a newer hpck: format version, family, parameter or its value are unknown
 * here), DB_FORMAT (not a record). The source hash is read, not judged. */
hpck_status tunedb_record_parse(const char *line, size_t length, struct tunedb_record *record, struct error *err);

/* True when the family's text in this library is not the one that was measured. */
bool tunedb_record_is_stale(const struct tunedb_record *record);

#endif
