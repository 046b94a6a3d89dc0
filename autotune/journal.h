/* Every finished trial, one JSON line, beside the tuning database (its path + ".journal"): what lets an interrupted
 * run go on where it was, and what keeps a candidate that crashed or hung from being tried again.
 *     {"v":1,"outcome":"ok","message":"","record":{...}}        record: as in the database
 * The file is only appended to, one write and one fsync a line, so that a kill costs at most the trial that was
 * running and several tuners may share it. A line that is damaged, of a newer version or of a kernel that has changed
 * since is counted and passed over. */
#ifndef HPCK_AUTOTUNE_JOURNAL_H
#define HPCK_AUTOTUNE_JOURNAL_H

#include "trial.h"
#include "tunedb.h"

enum { JOURNAL_VERSION = 1, JOURNAL_FILE_MAX = 1 << 28 /* bytes */ };

struct journal_entry {
    struct tunedb_record record; /* device key, problem, candidate, time and spread, source hash */
    enum outcome outcome;
    char message[TRIAL_MESSAGE_MAX];
};

struct journal_stats {
    int entries;
    int stale;     /* the family's source has changed since */
    int unknown;   /* version, family or parameter of a newer hpck */
    int malformed; /* not a line of a journal, or cut off */
};

struct journal {
    char *path;
    int fd; /* -1: not opened for appending */
    struct journal_entry *entries;
    int count;
    int capacity;
    struct journal_stats stats;
};

/* Reads the journal of a database; a missing one is empty. */
hpck_status journal_load(struct journal *journal, const char *db_path, struct error *err);

/* Appends and syncs one entry; opens the file at the first call. */
hpck_status journal_append(struct journal *journal, const struct journal_entry *entry, struct error *err);

void journal_close(struct journal *journal);

/* One line without its newline. DB_FORMAT: malformed; UNSUPPORTED: of a newer hpck. */
hpck_status journal_parse(const char *line, size_t length, struct journal_entry *entry, struct error *err);
/* Caller frees *line. */
hpck_status journal_print(const struct journal_entry *entry, char **line, struct error *err);

#endif
