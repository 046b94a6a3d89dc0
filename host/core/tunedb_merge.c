/* Rewriting a tuning database so that nobody loses anything: under an advisory lock, by a temporary file that takes
 * the old one's place in one rename. Readers need no lock: they see the old file or the new one. */
#include "tunedb.h"

#include <stdlib.h>
#include <string.h>

#include "publish.h"
#include "strbuf.h"
#include "tunedb_file.h"

/* A line of the old file or a record to add. */
struct entry {
    const char *line; /* NULL: a new record */
    size_t length;
    enum line_kind kind;
    const struct tunedb_record *record; /* of LINE_RECORD and LINE_STALE */
    bool is_dropped;
};

struct contents {
    struct entry *entries; /* in the order of the file, new ones last */
    size_t count;
    struct tunedb_record *records; /* read from the old file */
};

/* ---- reading ------------------------------------------------------------------------------------------------ */

static size_t count_lines(const char *text, size_t size)
{
    struct lines lines = { text, text + size, 0 };
    const char *line;
    size_t length;
    while (lines_next(&lines, &line, &length))
        continue;
    return (size_t)lines.number;
}

static hpck_status read_lines(struct contents *contents, const char *path, const char *text, size_t size,
                              struct error *err)
{
    struct tunedb_stats stats = { 0 };
    struct lines lines = { text, text + size, 0 };
    struct entry entry = { 0 };
    while (lines_next(&lines, &entry.line, &entry.length)) {
        struct tunedb_record *record = &contents->records[contents->count];
        entry.kind = tunedb_line_read(entry.line, entry.length, lines.number, record, NULL);
        entry.record = record;
        tunedb_stats_add(&stats, entry.kind);
        if (entry.kind != LINE_BLANK) contents->entries[contents->count++] = entry;
    }
    if (tunedb_is_foreign(&stats))
        return error_set(err, HPCK_DB_FORMAT, "%s is not a tuning database (no line is a record): left as it is",
                         path);
    return HPCK_OK;
}

static hpck_status read_contents(struct contents *contents, const char *path, const char *text, size_t size,
                                 const struct tunedb_record *added, int added_count, struct error *err)
{
    size_t room = count_lines(text, size) + (size_t)added_count + 1;
    contents->entries = calloc(room, sizeof *contents->entries);
    contents->records = malloc(room * sizeof *contents->records);
    if (contents->entries == NULL || contents->records == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the %zu lines of %s", room, path);
    hpck_status st = read_lines(contents, path, text, size, err);
    for (int i = 0; i < added_count && st == HPCK_OK; i++) {
        enum line_kind kind = tunedb_record_is_stale(&added[i]) ? LINE_STALE : LINE_RECORD;
        contents->entries[contents->count++] = (struct entry){ .kind = kind, .record = &added[i] };
    }
    return st;
}

/* Times of real and of emulated devices never share a file, and emulated ones never enter the user's. */
static hpck_status check_emulated(const struct contents *contents, const char *path, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct device_desc *emulated = NULL;
    const struct device_desc *real = NULL;
    bool is_added = false;
    char *user = tunedb_find_user_path();
    for (size_t i = 0; i < contents->count; i++) {
        const struct entry *entry = &contents->entries[i];
        if (entry->kind != LINE_RECORD && entry->kind != LINE_STALE) continue;
        *(entry->record->device.is_emulated ? &emulated : &real) = &entry->record->device;
        is_added = is_added || entry->line == NULL;
    }
    if (!is_added || emulated == NULL) goto done;
    if (real != NULL)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s: records of %s, which is emulated, and of %s, which is not, belong in two files", path,
                  emulated->name, real->name);
    if (user != NULL && strcmp(user, path) == 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s is your own tuning database: records of %s, which is emulated, do not belong there", path,
                  emulated->name);
done:
    free(user);
    return st;
}

/* ---- deciding what stays -------------------------------------------------------------------------------------- */

static int order_device(const struct device_desc *a, const struct device_desc *b)
{
    int order = strcmp(a->name, b->name);
    if (order == 0) order = strcmp(a->backend, b->backend);
    if (order == 0) order = strcmp(a->vendor, b->vendor);
    if (order == 0) order = strcmp(a->architecture, b->architecture);
    if (order == 0) order = a->is_emulated - b->is_emulated;
    if (order != 0) return order;
    return (a->field.compute_units > b->field.compute_units) - (a->field.compute_units < b->field.compute_units);
}

/* One (device, problem) after the other. */
static int order_key(const struct tunedb_record *a, const struct tunedb_record *b)
{
    int order = order_device(&a->device, &b->device);
    return order != 0 ? order : problem_order(&a->problem, &b->problem);
}

static int order_choice(const struct tunedb_record *a, const struct tunedb_record *b)
{
    int order = order_key(a, b);
    if (order == 0) order = strcmp(a->family->name, b->family->name);
    for (int i = 0; i < a->family->param_count && order == 0; i++)
        order = (a->param[i] > b->param[i]) - (a->param[i] < b->param[i]);
    return order;
}

/* The same choice for the same key: the newest first. */
static int order_repeated(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left;
    const struct entry *b = *(struct entry *const *)right;
    int order = order_choice(a->record, b->record);
    return order != 0 ? order : (a < b) - (a > b);
}

/* The choices for the same key: the best first. */
static int order_ranked(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left;
    const struct entry *b = *(struct entry *const *)right;
    int order = order_key(a->record, b->record);
    if (order == 0)
        order = (a->record->provenance < b->record->provenance) - (a->record->provenance > b->record->provenance);
    if (order == 0) order = (a->record->time_ns > b->record->time_ns) - (a->record->time_ns < b->record->time_ns);
    return order != 0 ? order : (a < b) - (a > b);
}

/* Sorts, and drops of each run of equals by `same` all but the first `keep`. */
static void keep_first(struct entry **list, size_t count, int (*order)(const void *, const void *),
                       int (*same)(const struct tunedb_record *, const struct tunedb_record *), size_t keep)
{
    size_t run = 0;
    qsort(list, count, sizeof *list, order);
    for (size_t i = 0; i < count; i++) {
        if (same(list[run]->record, list[i]->record) != 0) run = i;
        list[i]->is_dropped = i - run >= keep;
    }
}

static hpck_status rank(struct contents *contents, struct error *err)
{
    struct entry **list = malloc((contents->count + 1) * sizeof *list);
    if (list == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory to rank %zu records", contents->count);
    size_t count = 0;
    for (size_t i = 0; i < contents->count; i++)
        if (contents->entries[i].kind == LINE_RECORD) list[count++] = &contents->entries[i];
    keep_first(list, count, order_repeated, order_choice, 1);
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!list[i]->is_dropped) list[left++] = list[i];
    keep_first(list, left, order_ranked, order_key, TUNEDB_KEEP);
    free(list);
    return HPCK_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static hpck_status print_contents(const struct contents *contents, struct strbuf *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (size_t i = 0; i < contents->count && st == HPCK_OK; i++) {
        const struct entry *entry = &contents->entries[i];
        char *printed = NULL;
        if (entry->is_dropped) continue;
        if (entry->line != NULL) {
            strbuf_addn(out, entry->line, entry->length);
        } else {
            st = tunedb_record_print(entry->record, &printed, err);
            if (st == HPCK_OK) strbuf_add(out, printed);
        }
        strbuf_add(out, "\n");
        free(printed);
    }
    if (st == HPCK_OK && out->failed) st = error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the merged database");
    return st;
}

hpck_status tunedb_merge(const char *path, const struct tunedb_record *records, int count, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct contents contents = { 0 };
    struct publication pub = PUBLICATION_INIT;
    struct strbuf out = { 0 };
    HPCK_TRY(publication_begin(&pub, path, TUNEDB_FILE_MAX, err));
    HPCK_TRY(read_contents(&contents, pub.path, pub.text, pub.size, records, count, err));
    HPCK_TRY(check_emulated(&contents, path, err));
    HPCK_TRY(rank(&contents, err));
    HPCK_TRY(print_contents(&contents, &out, err));
    HPCK_TRY(publication_commit(&pub, out.text, out.length, err));
done:
    strbuf_free(&out);
    free(contents.entries);
    free(contents.records);
    publication_end(&pub);
    return st;
}

hpck_status tunedb_prune(const char *path, int *removed, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct contents contents = { 0 };
    struct publication pub = PUBLICATION_INIT;
    struct strbuf out = { 0 };
    int dropped = 0;
    HPCK_TRY(publication_begin(&pub, path, TUNEDB_FILE_MAX, err));
    HPCK_TRY(read_contents(&contents, pub.path, pub.text, pub.size, NULL, 0, err));
    for (size_t i = 0; i < contents.count; i++) {
        struct entry *entry = &contents.entries[i];
        entry->is_dropped = entry->kind == LINE_STALE || entry->kind == LINE_MALFORMED;
        dropped += entry->is_dropped;
    }
    HPCK_TRY(print_contents(&contents, &out, err));
    if (dropped > 0) HPCK_TRY(publication_commit(&pub, out.text, out.length, err));
    *removed = dropped;
done:
    strbuf_free(&out);
    free(contents.entries);
    free(contents.records);
    publication_end(&pub);
    return st;
}
