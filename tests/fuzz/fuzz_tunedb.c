/* Any bytes as a tuning database: loading, looking up and selecting work; a merge keeps every line that it does not
 * understand, and what it wrote loads again. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_families.h"
#include "select.h"

static char path[64];

static void check(bool holds)
{
    if (!holds) abort(); /* what libFuzzer takes for a failure */
}

static void remove_files(void)
{
    static const char *const suffixes[] = { "", ".lock", ".tmp" };
    char name[80];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    /* in memory where that can be: a sync costs nothing there */
    snprintf(path, sizeof path, "%s/hpck-fuzz-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
             (long)getpid());
    setenv("XDG_DATA_HOME", "/nonexistent", 1);
    setenv("XDG_DATA_DIRS", "/nonexistent", 1);
    unsetenv("HPCK_DB");
    atexit(remove_files);
    return 0;
}

static void write_file(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    check(file != NULL);
    check(fwrite(data, 1, size, file) == size);
    check(fclose(file) == 0);
}

/* Statistics of the file; false when it is refused. */
static bool load(struct tunedb **db, struct tunedb_stats *stats)
{
    struct error err = { 0 };
    hpck_status st = tunedb_open(path, NULL, db, &err);
    check(st == HPCK_OK || (st == HPCK_DB_FORMAT && error_text(&err)[0] != '\0'));
    error_free(&err);
    if (st == HPCK_OK) *stats = tunedb_layer_stats(*db, 0);
    return st == HPCK_OK;
}

static void use(const struct tunedb *db)
{
    const struct tunedb_record *found[16];
    for (int i = 0; i < tunedb_count(db); i++) {
        const struct tunedb_record *record = tunedb_get(db, i);
        struct tunedb_record again;
        struct choice choice;
        char *line = NULL;
        check(tunedb_record_print(record, &line, NULL) == HPCK_OK);
        check(tunedb_record_parse(line, strlen(line), &again, NULL) == HPCK_OK);
        check(problem_same(&again.problem, &record->problem));
        free(line);
        check(tunedb_lookup(db, &record->device, &record->problem, TUNEDB_EXACT, found, 16) > 0);
        check(problem_same(&found[0]->problem, &record->problem));
        tunedb_lookup(db, &record->device, &record->problem, TUNEDB_NEAREST, found, 16);
        tunedb_lookup(db, &record->device, &record->problem, TUNEDB_RELATED, found, 16);
        select_choice(db, &record->device, DIALECT_OPENCL, &record->problem, INT64_MAX, NULL, &choice, NULL);
    }
}

static void merge(const struct tunedb_stats *before)
{
    struct tunedb_record record = {
        .device = { .backend = "opencl", .name = "fuzz", .field.is_cpu = 1 },
        .family = &fake_tile,
        .param = { 8, 64 },
        .time_ns = 1.0,
        .source_hash = FAKE_HASH,
    };
    struct tunedb *db = NULL;
    struct tunedb_stats after;
    check(problem_parse("gemm:f32:nn:m64n64k64", &record.problem, NULL) == HPCK_OK);
    check(tunedb_merge(path, &record, 1, NULL) == HPCK_OK);
    check(load(&db, &after));
    check(after.records >= 1 && after.records <= before->records + 1);
    check(after.stale == before->stale && after.unknown == before->unknown && after.malformed == before->malformed);
    tunedb_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tunedb *db = NULL;
    struct tunedb_stats stats;
    write_file(data, size);
    if (!load(&db, &stats)) {
        check(tunedb_merge(path, NULL, 0, NULL) == HPCK_DB_FORMAT); /* nobody else's file is rewritten */
        return 0;
    }
    use(db);
    tunedb_close(db);
    merge(&stats);
    return 0;
}
