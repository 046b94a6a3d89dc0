/* The tuning database in memory: its layers are loaded once, sorted, and answer look-ups by binary search. */
#include "tunedb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "builtin_db.h" /* generated */
#include "env.h"
#include "tunedb_file.h"
#include "verbose.h"

struct layer {
    char *path;
    struct tunedb_stats stats;
};

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

struct tunedb {
    struct layer layers[TUNEDB_LAYERS_MAX];
    int layer_count;
    char *user_path;
    struct stored *stored; /* in the order of loading */
    int stored_count;
    int stored_capacity;
    struct owner *owners;
    int owner_count;
    const struct stored **sorted; /* by device, problem, then best first */
    struct group *groups;
    int group_count;
};

/* ---- loading ---------------------------------------------------------------------------------------------- */

/* Room for one more element of an array that doubles. */
static void *grown(void *array, int count, int *capacity, size_t size)
{
    if (count < *capacity) return array;
    int wanted = *capacity > 0 ? 2 * *capacity : 64;
    void *more = realloc(array, (size_t)wanted * size);
    if (more != NULL) *capacity = wanted;
    return more;
}

/* Index of the device's owner, made if need be; -1: no memory. Consecutive records mostly share a device. */
static int owner_of(struct tunedb *db, const struct device_desc *device)
{
    if (db->stored_count > 0) {
        int last = db->stored[db->stored_count - 1].device;
        if (tunedb_same_device(&db->owners[last].device, device)) return last;
    }
    for (int i = 0; i < db->owner_count; i++)
        if (tunedb_same_device(&db->owners[i].device, device)) return i;
    struct owner *owners = realloc(db->owners, ((size_t)db->owner_count + 1) * sizeof *owners);
    if (owners == NULL) return -1;
    db->owners = owners;
    owners[db->owner_count] = (struct owner){ .device = *device };
    return db->owner_count++;
}

static bool store(struct tunedb *db, const struct tunedb_record *record, int layer)
{
    struct stored *stored = grown(db->stored, db->stored_count, &db->stored_capacity, sizeof *stored);
    if (stored == NULL) return false;
    db->stored = stored;
    int device = owner_of(db, &record->device);
    if (device < 0) return false;
    stored += db->stored_count++;
    *stored = (struct stored){ *record, device };
    stored->record.layer = layer;
    return true;
}

/* Takes the lines of one layer; *why is the reason of the first line that was passed over. */
static hpck_status load_text(struct tunedb *db, const char *text, size_t size, struct error *why, struct error *err)
{
    struct tunedb_stats *stats = &db->layers[db->layer_count].stats;
    struct lines lines = { text, text + size, 0 };
    const char *line;
    size_t length;
    while (lines_next(&lines, &line, &length)) {
        struct tunedb_record record;
        struct error *first = stats->unknown + stats->malformed == 0 ? why : NULL;
        enum line_kind kind = tunedb_line_read(line, length, lines.number, &record, first);
        tunedb_stats_add(stats, kind);
        if (kind == LINE_RECORD && !store(db, &record, db->layer_count))
            return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for %d tuning records", db->stored_count);
    }
    return HPCK_OK;
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

/* ---- index --------------------------------------------------------------------------------------------------- */

/* Best first, the order in which a ladder tries them: higher layer, provenance, time. */
static int order_quality(const struct tunedb_record *a, const struct tunedb_record *b)
{
    if (a->layer != b->layer) return a->layer < b->layer ? -1 : 1;
    if (a->provenance != b->provenance) return a->provenance > b->provenance ? -1 : 1;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return 0;
}

static int order_stored(const void *left, const void *right)
{
    const struct stored *a = *(const struct stored *const *)left;
    const struct stored *b = *(const struct stored *const *)right;
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    int order = problem_order(&a->record.problem, &b->record.problem);
    if (order == 0) order = order_quality(&a->record, &b->record);
    if (order == 0) order = a < b ? -1 : 1; /* as loaded: the order never depends on chance */
    return order;
}

static hpck_status build_index(struct tunedb *db, struct error *err)
{
    size_t count = (size_t)db->stored_count;
    db->sorted = malloc((count + 1) * sizeof(struct stored *));
    db->groups = malloc((count + 1) * sizeof(struct group));
    if (db->sorted == NULL || db->groups == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the index of %zu tuning records", count);
    for (size_t i = 0; i < count; i++)
        db->sorted[i] = &db->stored[i];
    qsort(db->sorted, count, sizeof db->sorted[0], order_stored);
    for (int i = 0; i < db->stored_count; i++) {
        const struct stored *now = db->sorted[i];
        const struct stored *before = i > 0 ? db->sorted[i - 1] : NULL;
        struct owner *owner = &db->owners[now->device];
        if (before == NULL || before->device != now->device ||
            !problem_same(&before->record.problem, &now->record.problem)) {
            if (owner->count++ == 0) owner->first = db->group_count;
            db->groups[db->group_count++] = (struct group){ i, 0 };
        }
        db->groups[db->group_count - 1].count++;
    }
    return HPCK_OK;
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
    HPCK_TRY(build_index(opened, err));
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
    free(db->stored);
    free(db->owners);
    free(db->sorted);
    free(db->groups);
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
    return db->stored_count;
}

const struct tunedb_record *tunedb_get(const struct tunedb *db, int index)
{
    return &db->stored[index].record;
}

/* ---- looking up ------------------------------------------------------------------------------------------------ */

static const struct problem *group_problem(const struct tunedb *db, int group)
{
    return &db->sorted[db->groups[group].first]->record.problem;
}

/* The group of the problem among the owner's; -1: none. */
static int find_group(const struct tunedb *db, const struct owner *owner, const struct problem *problem)
{
    int low = owner->first;
    int high = owner->first + owner->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = problem_order(problem, group_problem(db, middle));
        if (order == 0) return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

enum { NEAREST_GROUPS = 8 };

/* The groups of the smallest ranks, in ascending order; of equal ranks the one found first. */
struct nearest {
    double rank[NEAREST_GROUPS];
    int group[NEAREST_GROUPS];
    int count;
};

static void nearest_add(struct nearest *nearest, double rank, int group)
{
    int at = nearest->count;
    while (at > 0 && rank < nearest->rank[at - 1])
        at--;
    if (at == NEAREST_GROUPS || !isfinite(rank)) return;
    int last = nearest->count < NEAREST_GROUPS ? nearest->count++ : NEAREST_GROUPS - 1;
    for (int i = last; i > at; i--) {
        nearest->rank[i] = nearest->rank[i - 1];
        nearest->group[i] = nearest->group[i - 1];
    }
    nearest->rank[at] = rank;
    nearest->group[at] = group;
}

static void nearest_add_owner(const struct tunedb *db, struct nearest *nearest, const struct owner *owner,
                              const struct problem *problem, double handicap, bool with_same)
{
    for (int g = owner->first; g < owner->first + owner->count; g++)
        if (with_same || !problem_same(problem, group_problem(db, g)))
            nearest_add(nearest, handicap + problem_distance(problem, group_problem(db, g)), g);
}

static bool is_related(const struct device_desc *a, const struct device_desc *b)
{
    return a->is_emulated == b->is_emulated && strcmp(a->backend, b->backend) == 0 &&
           a->field.is_cpu == b->field.is_cpu && a->field.is_gpu == b->field.is_gpu;
}

static void rank_groups(const struct tunedb *db, const struct device_desc *device, const struct problem *problem,
                        enum tunedb_match match, struct nearest *nearest)
{
    const double other_architecture = 1e6; /* behind every distance of the same one */
    for (int i = 0; i < db->owner_count; i++) {
        const struct owner *owner = &db->owners[i];
        bool is_own = tunedb_same_device(&owner->device, device);
        if (match == TUNEDB_EXACT && is_own) {
            int group = find_group(db, owner, problem);
            if (group >= 0) nearest_add(nearest, 0.0, group);
        } else if (match == TUNEDB_NEAREST && is_own) {
            nearest_add_owner(db, nearest, owner, problem, 0.0, false);
        } else if (match == TUNEDB_RELATED && !is_own && is_related(&owner->device, device)) {
            bool same = strcmp(owner->device.architecture, device->architecture) == 0;
            nearest_add_owner(db, nearest, owner, problem, same ? 0.0 : other_architecture, true);
        }
    }
}

int tunedb_lookup(const struct tunedb *db, const struct device_desc *device, const struct problem *problem,
                  enum tunedb_match match, const struct tunedb_record **records, int capacity)
{
    struct nearest nearest = { .count = 0 };
    int filled = 0;
    if (db == NULL) return 0;
    rank_groups(db, device, problem, match, &nearest);
    for (int i = 0; i < nearest.count; i++) {
        const struct group *group = &db->groups[nearest.group[i]];
        for (int r = 0; r < group->count && filled < capacity; r++)
            records[filled++] = &db->sorted[group->first + r]->record;
    }
    return filled;
}
