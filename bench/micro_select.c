/* Selection from a database in memory, and loading that database. */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { SMALL = 1000, LARGE = 10000 };

/* Record `index` of the database: this device, a problem of its own, the kernel the model chooses for it. */
static bool make_record(const struct micro *micro, int index, struct tunedb_record *record)
{
    const struct backend *backend = micro->handle->backend;
    struct choice choice;
    char text[PROBLEM_TEXT_MAX];
    snprintf(text, sizeof text, "gemm:f32:nn:m%dn%dk%d", 64 + index % 100, 64 + index / 100, 256);
    *record = (struct tunedb_record){
        .device = *backend->describe(micro->handle->device),
        .time_ns = 1e5,
        .spread = 0.05,
        .samples = 24,
        .provenance = PROVENANCE_SEARCHED,
    };
    if (problem_parse(text, &record->problem, NULL) != HPCK_OK) return false;
    record->problem = problem_canonical(&record->problem);
    if (select_choice(NULL, &record->device, backend->dialect, &record->problem, INT64_MAX, NULL, &choice, NULL) !=
        HPCK_OK)
        return false;
    record->family = choice.family;
    memcpy(record->param, choice.param, sizeof record->param);
    const struct family_text *family = family_text(choice.family, backend->dialect, &record->problem);
    snprintf(record->source_hash, sizeof record->source_hash, "%s", family->hash);
    return true;
}

static bool write_db(const struct micro *micro, const char *path, int count)
{
    bool ok = true;
    FILE *file = fopen(path, "we");
    if (!file) return false;
    for (int i = 0; i < count && ok; i++) {
        struct tunedb_record record;
        char *line = NULL;
        ok = make_record(micro, i, &record) && tunedb_record_print(&record, &line, NULL) == HPCK_OK;
        if (ok) fprintf(file, "%s\n", line);
        free(line);
    }
    return fclose(file) == 0 && ok;
}

static struct tunedb *open_db(const struct micro *micro, int count)
{
    struct tunedb *db = NULL;
    char path[96];
    snprintf(path, sizeof path, "%s/db-%d.jsonl", micro->folder, count);
    if (!write_db(micro, path, count) || tunedb_open(path, NULL, &db, NULL) != HPCK_OK) return NULL;
    return db;
}

static void load(struct gbench *bench, const struct micro *micro, int count)
{
    char path[96];
    snprintf(path, sizeof path, "%s/db-%d.jsonl", micro->folder, count);
    if (!write_db(micro, path, count)) gbench_fail(bench, "the database cannot be written");
    while (gbench_next(bench)) {
        struct tunedb *db = NULL;
        if (tunedb_open(path, NULL, &db, NULL) != HPCK_OK)
            gbench_fail(bench, "the database cannot be read");
        else if (tunedb_count(db) < count)
            gbench_fail(bench, "records were passed over");
        tunedb_close(db);
    }
}

static void load_small(struct gbench *bench, void *micro)
{
    load(bench, micro, SMALL);
}

static void load_large(struct gbench *bench, void *micro)
{
    load(bench, micro, LARGE);
}

/* Chooses for one problem again and again, and insists on the rung that is to be measured. */
static void choose(struct gbench *bench, const struct micro *micro, int records, const char *text,
                   enum selected_by expected)
{
    const struct backend *backend = micro->handle->backend;
    const struct device_desc *device = backend->describe(micro->handle->device);
    struct problem problem;
    struct choice choice;
    struct tunedb *db = records > 0 ? open_db(micro, records) : NULL;
    if (problem_parse(text, &problem, NULL) != HPCK_OK || (records > 0 && !db))
        gbench_fail(bench, "the benchmark cannot be set up");
    problem = problem_canonical(&problem);
    while (gbench_next(bench)) {
        if (select_choice(db, device, backend->dialect, &problem, INT64_MAX, NULL, &choice, NULL) != HPCK_OK ||
            choice.selected_by != expected)
            gbench_fail(bench, "another rung of the ladder answered");
    }
    tunedb_close(db);
}

static void exact(struct gbench *bench, void *micro)
{
    choose(bench, micro, LARGE, "gemm:f32:nn:m100n100k256", SELECTED_EXACT);
}

static void nearest(struct gbench *bench, void *micro)
{
    choose(bench, micro, LARGE, "gemm:f32:nn:m100n100k300", SELECTED_NEAREST);
}

static void model(struct gbench *bench, void *micro)
{
    choose(bench, micro, 0, "gemm:f32:nn:m100n100k256", SELECTED_MODEL);
}

void micro_select_add(struct micro *micro)
{
    gbench_add("db_load/1000", load_small, micro);
    gbench_add("db_load/10000", load_large, micro);
    gbench_add("select/exact", exact, micro);
    gbench_add("select/nearest", nearest, micro);
    gbench_add("select/model", model, micro);
}
