/* The tuning database in memory: its layers are loaded once. */
#include "tunedb.h"

#include <stdlib.h>
#include <string.h>

#include "builtin_db.h" /* generated */
#include "env.h"
#include "tunedb_file.h"
#include "tunedb_index.h"
#include "verbose.h"

struct layer {
    char *path;
    struct tunedb_stats stats;
};

struct tunedb {
    struct layer layers[TUNEDB_LAYERS_MAX];
    int layer_count;
    char *user_path;
    struct tunedb_index usable;
    struct tunedb_index stale;
};

/* ---- loading ---------------------------------------------------------------------------------------------- */

/* Takes the lines of one layer; *why is the reason of the first line that was passed over. */
static hpck_status load_text(struct tunedb *db, const char *text, size_t size, struct error *why, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb_stats *stats = &db->layers[db->layer_count].stats;
    struct lines lines = { text, text + size, 0 };
    const char *line;
    size_t length;
    while (lines_next(&lines, &line, &length)) {
        struct tunedb_record record;
        struct error *first = stats->unknown + stats->malformed == 0 ? why : NULL;
        enum line_kind kind = tunedb_line_read(line, length, lines.number, &record, first);
        tunedb_stats_add(stats, kind);
        if (kind != LINE_RECORD && kind != LINE_STALE) continue;
        record.layer = db->layer_count;
        HPCK_TRY(tunedb_index_add(kind == LINE_STALE ? &db->stale : &db->usable, &record, err));
    }
done:
    return st;
}

static void report(struct verbose *verbose, const struct layer *layer, const struct error *why)
{
    const struct tunedb_stats *stats = &layer->stats;
    bool is_whole = stats->stale + stats->unknown + stats->malformed == 0;
    verbose_print(verbose, is_whole ? VERBOSE_DISPATCH : VERBOSE_ERROR, NULL,
                  "tuning db=%s records=%d stale=%d unknown=%d malformed=%d%s%s", layer->path, stats->records,
                  stats->stale, stats->unknown, stats->malformed, why->text != NULL ? " first passed over: " : "",
                  error_text(why));
}

/* Makes the text the next layer. Takes `path`. A layer that is not a database at all is refused with DB_FORMAT. */
static hpck_status add_layer(struct tunedb *db, char *path, const char *text, size_t size, struct verbose *verbose,
                             struct error *err)
{
    struct layer *layer = &db->layers[db->layer_count];
    struct error why = { 0 };
    if (path == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the tuning database");
    *layer = (struct layer){ .path = path };
    hpck_status st = load_text(db, text, size, &why, err);
    report(verbose, layer, &why);
    if (st == HPCK_OK && tunedb_is_foreign(&layer->stats))
        st = error_set(err, HPCK_DB_FORMAT, "%s is not a tuning database: no line is a record; %s", path,
                       error_text(&why));
    db->layer_count++; /* a refused layer stays listed, with its statistics */
    error_free(&why);
    return st;
}

static bool is_loaded(const struct tunedb *db, const char *path)
{
    for (int i = 0; i < db->layer_count; i++)
        if (strcmp(db->layers[i].path, path) == 0) return true;
    return false;
}

/* Adds the file as a layer. When it was not named by the caller's hand, everything but a lack of memory is only
 * reported. Takes `path`, which may be NULL. */
static hpck_status add_file(struct tunedb *db, char *path, bool by_hand, struct verbose *verbose, struct error *err)
{
    if (path == NULL || is_loaded(db, path)) {
        free(path);
        return HPCK_OK;
    }
    char *text = NULL;
    size_t size = 0;
    bool missing = false;
    struct error why = { 0 };
    hpck_status st = file_read(path, TUNEDB_FILE_MAX, &text, &size, by_hand ? NULL : &missing, &why);
    if (st == HPCK_OK && !missing) {
        st = add_layer(db, path, text, size, verbose, &why);
        path = NULL;
    }
    bool is_fatal = st == HPCK_OUT_OF_MEMORY || (by_hand && st != HPCK_OK);
    if (is_fatal)
        error_set(err, st, "%s", error_text(&why));
    else if (st != HPCK_OK)
        verbose_print(verbose, VERBOSE_ERROR, NULL, "tuning db passed over: %s", error_text(&why));
    error_free(&why);
    free(text);
    free(path);
    return is_fatal ? st : HPCK_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

hpck_status tunedb_open(const char *path, struct verbose *verbose, struct tunedb **db, struct error *err)
{
    hpck_status st = HPCK_OK;
    const char *named = path != NULL ? path : env_get("HPCK_DB");
    struct tunedb *opened = calloc(1, sizeof *opened);
    if (opened == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for the tuning database");
    opened->user_path = env_get("HPCK_DB") != NULL ? strdup(env_get("HPCK_DB")) : tunedb_find_user_path();
    if (named != NULL) HPCK_TRY(add_file(opened, strdup(named), path != NULL, verbose, err));
    HPCK_TRY(add_file(opened, tunedb_find_user_path(), false, verbose, err));
    HPCK_TRY(add_file(opened, tunedb_find_system_path(), false, verbose, err));
    HPCK_TRY(add_layer(opened, strdup("(built in)"), builtin_tunedb, builtin_tunedb_size, verbose, err));
    HPCK_TRY(tunedb_index_build(&opened->usable, err));
    HPCK_TRY(tunedb_index_build(&opened->stale, err));
    *db = opened;
    opened = NULL;
done:
    tunedb_close(opened);
    return st;
}

void tunedb_close(struct tunedb *db)
{
    if (db == NULL) return;
    for (int i = 0; i < db->layer_count; i++)
        free(db->layers[i].path);
    free(db->user_path);
    tunedb_index_free(&db->usable);
    tunedb_index_free(&db->stale);
    free(db);
}

int tunedb_layer_count(const struct tunedb *db)
{
    return db->layer_count;
}

const char *tunedb_layer_path(const struct tunedb *db, int layer)
{
    return db->layers[layer].path;
}

struct tunedb_stats tunedb_layer_stats(const struct tunedb *db, int layer)
{
    return db->layers[layer].stats;
}

const char *tunedb_user_path(const struct tunedb *db)
{
    return db->user_path;
}

int tunedb_count(const struct tunedb *db)
{
    return db->usable.stored_count;
}

const struct tunedb_record *tunedb_get(const struct tunedb *db, int index)
{
    return &db->usable.stored[index].record;
}

int tunedb_lookup(const struct tunedb *db, const struct device_desc *device, const struct problem *problem,
                  enum tunedb_match match, const struct tunedb_record **records, int capacity)
{
    if (db == NULL) return 0;
    return tunedb_index_lookup(match == TUNEDB_STALE ? &db->stale : &db->usable, device, problem, match, records,
                               capacity);
}
