/* Read line by line. */
#include "records.h"

#include <stdlib.h>

#include "tunedb_file.h"

bool record_is_wanted(const struct tunedb_record *record, const struct shapes *problems)
{
    for (int i = 0; i < problems->count; i++) {
        struct problem canonical = problem_canonical(&problems->items[i].problem);
        if (problem_same(&record->problem, &canonical)) return true;
    }
    return problems->count == 0;
}

static hpck_status append(struct records *records, const struct tunedb_record *record, struct error *err)
{
    if (records->count == records->capacity) {
        int capacity = records->capacity ? 2 * records->capacity : 64;
        struct tunedb_record *items = realloc(records->items, (size_t)capacity * sizeof *items);
        if (!items) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for %d records", capacity);
        records->items = items;
        records->capacity = capacity;
    }
    records->items[records->count++] = *record;
    return HPCK_OK;
}

hpck_status records_read(const char *path, struct records *records, FILE *notes, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb_stats stats = { 0 };
    struct tunedb_record record;
    char *text = NULL;
    const char *line;
    size_t size, length;

    HPCK_TRY(file_read(path, TUNEDB_FILE_MAX, &text, &size, NULL, err));
    struct lines lines = { text, text + size, 0 };
    while (lines_next(&lines, &line, &length)) {
        enum line_kind kind = tunedb_line_read(line, length, lines.number, &record, NULL);
        tunedb_stats_add(&stats, kind);
        if (kind == LINE_RECORD) HPCK_TRY(append(records, &record, err));
    }
    if (tunedb_is_foreign(&stats))
        HPCK_FAIL(err, HPCK_DB_FORMAT, "%s is not a tuning database: no line is a record", path);
    fprintf(notes, "%s: %d records", path, stats.records);
    if (stats.stale + stats.unknown + stats.malformed > 0)
        fprintf(notes, "; left out: %d stale, %d of a newer hpck, %d damaged", stats.stale, stats.unknown,
                stats.malformed);
    fputc('\n', notes);
done:
    free(text);
    return st;
}

void records_free(struct records *records)
{
    free(records->items);
    *records = (struct records){ 0 };
}
