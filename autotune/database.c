/* show, export, merge, prune: thin over tunedb. */
#include "database.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records.h"
#include "tunedb_file.h"

static hpck_status print_record(const struct tunedb_record *record, FILE *out, struct error *err)
{
    char *line = NULL;
    hpck_status st = tunedb_record_print(record, &line, err);
    if (st == HPCK_OK) fprintf(out, "%s\n", line);
    free(line);
    return st;
}

static const char *provenance_name(enum provenance provenance)
{
    static const char *const names[] = { "model", "measured", "searched" };
    return names[provenance];
}

/* Device and problem as a heading when they change, then the records under it. */
static void text_record(const struct tunedb_record *record, const struct tunedb_record *previous, FILE *out)
{
    char problem[PROBLEM_TEXT_MAX];
    char choice[CANDIDATE_TEXT_MAX];
    struct candidate candidate = candidate_of(record->family, record->param);
    if (!previous || !tunedb_same_device(&previous->device, &record->device) || previous->layer != record->layer)
        fprintf(out, "\n%s (%s, %s)\n", record->device.name, record->device.backend, record->device.driver);
    if (!previous || !problem_same(&previous->problem, &record->problem))
        fprintf(out, "  %s\n", problem_print(&record->problem, problem));
    fprintf(out, "    %10.2f %sus  +-%4.1f%%  %7.1f GFLOP/s  %-8s  %s\n", record->time_ns * 1e-3,
            record->device.is_emulated ? "emulated " : "", 50.0 * record->spread,
            problem_flops(&record->problem) / record->time_ns, provenance_name(record->provenance),
            candidate_print(&candidate, choice, sizeof choice));
}

static void text_layers(const struct tunedb *db, FILE *out)
{
    for (int layer = 0; layer < tunedb_layer_count(db); layer++) {
        struct tunedb_stats stats = tunedb_layer_stats(db, layer);
        fprintf(out, "layer %d: %s: %d records", layer + 1, tunedb_layer_path(db, layer), stats.records);
        if (stats.stale + stats.unknown + stats.malformed > 0)
            fprintf(out, "; passed over: %d stale, %d of a newer hpck, %d damaged", stats.stale, stats.unknown,
                    stats.malformed);
        fputc('\n', out);
    }
    if (tunedb_layer_count(db) == 0) fputs("there is no tuning database\n", out);
}

static hpck_status print_records(const struct tunedb *db, const struct shapes *problems, enum results_format format,
                                 FILE *out, struct error *err)
{
    const struct tunedb_record *previous = NULL;
    for (int i = 0; i < tunedb_count(db); i++) {
        const struct tunedb_record *record = tunedb_get(db, i);
        if (!record_is_wanted(record, problems)) continue;
        if (format == RESULTS_TEXT) {
            text_record(record, previous, out);
        } else {
            hpck_status st = print_record(record, out, err);
            if (st != HPCK_OK) return st;
        }
        previous = record;
    }
    return HPCK_OK;
}

hpck_status database_show(const char *path, const struct shapes *problems, enum results_format format, FILE *out,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb *db = NULL;
    HPCK_TRY(tunedb_open(path, NULL, &db, err));
    if (format == RESULTS_TEXT) text_layers(db, out);
    HPCK_TRY(print_records(db, problems, format, out, err));
done:
    tunedb_close(db);
    return st;
}

hpck_status database_export(const char *path, const struct shapes *problems, FILE *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb *db = NULL;
    HPCK_TRY(tunedb_open(path, NULL, &db, err));
    HPCK_TRY(print_records(db, problems, RESULTS_JSON, out, err));
done:
    tunedb_close(db);
    return st;
}

/* ---- merge -------------------------------------------------------------------------------------------------------- */

hpck_status database_merge(const char *const *files, int count, FILE *notes, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct records records = { 0 };
    for (int i = 1; i < count; i++)
        HPCK_TRY(records_read(files[i], &records, notes, err));
    HPCK_TRY(tunedb_merge(files[0], records.items, records.count, err));
    fprintf(notes, "%s: written\n", files[0]);
done:
    records_free(&records);
    return st;
}

/* ---- prune -------------------------------------------------------------------------------------------------------- */

static hpck_status prune_file(const char *path, FILE *notes, struct error *err)
{
    int removed = 0;
    hpck_status st = tunedb_prune(path, &removed, err);
    if (st == HPCK_OK) fprintf(notes, "%s: removed %d lines\n", path, removed);
    return st;
}

hpck_status database_prune(const char *path, const char *const *files, int count, FILE *notes, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb *db = NULL;
    for (int i = 0; i < count; i++) {
        if (access(files[i], F_OK) != 0) HPCK_FAIL(err, HPCK_IO, "cannot open %s: %s", files[i], strerror(errno));
        HPCK_TRY(prune_file(files[i], notes, err));
    }
    if (count > 0) goto done;
    if (!path) {
        HPCK_TRY(tunedb_open(NULL, NULL, &db, err));
        path = tunedb_user_path(db);
        if (!path) HPCK_FAIL(err, HPCK_IO, "there is no tuning database: name a file");
    }
    HPCK_TRY(prune_file(path, notes, err));
done:
    tunedb_close(db);
    return st;
}
