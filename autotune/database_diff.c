/* Two files, side by side: the best record of each device and problem. */
#include "database.h"

#include <stdlib.h>

#include <jansson.h>

#include "records.h"
#include "tunedb_file.h"

static bool same_key(const struct tunedb_record *a, const struct tunedb_record *b)
{
    return tunedb_same_device(&a->device, &b->device) && problem_same(&a->problem, &b->problem);
}

static bool is_better(const struct tunedb_record *a, const struct tunedb_record *b)
{
    return a->provenance != b->provenance ? a->provenance > b->provenance : a->time_ns < b->time_ns;
}

/* NULL: there is none. */
static const struct tunedb_record *best_of(const struct records *records, const struct tunedb_record *key)
{
    const struct tunedb_record *best = NULL;
    for (int i = 0; i < records->count; i++)
        if (same_key(&records->items[i], key) && (!best || is_better(&records->items[i], best)))
            best = &records->items[i];
    return best;
}

static void text_side(const char *sign, const struct tunedb_record *record, FILE *out)
{
    char choice[CANDIDATE_TEXT_MAX];
    if (!record) return;
    struct candidate candidate = candidate_of(record->family, record->param);
    fprintf(out, "  %s %10.2f %sus  %s\n", sign, record->time_ns * 1e-3,
            record->device.is_emulated ? "emulated " : "", candidate_print(&candidate, choice, sizeof choice));
}

static json_t *side_json(const struct tunedb_record *record)
{
    char *line = NULL;
    json_t *object = NULL;
    if (record && tunedb_record_print(record, &line, NULL) == HPCK_OK) object = json_loads(line, 0, NULL);
    free(line);
    return object ? object : json_null();
}

static void print_difference(const struct tunedb_record *a, const struct tunedb_record *b,
                             enum results_format format, FILE *out)
{
    char problem[PROBLEM_TEXT_MAX];
    const struct tunedb_record *any = a ? a : b;
    problem_print(&any->problem, problem);
    if (format == RESULTS_TEXT) {
        fprintf(out, "%s, %s", problem, any->device.name);
        if (a && b) fprintf(out, ": %.2fx", a->time_ns / b->time_ns);
        fprintf(out, "\n");
        text_side("-", a, out);
        text_side("+", b, out);
        return;
    }
    json_t *object = json_pack("{s:s, s:o, s:o}", "problem", problem, "a", side_json(a), "b", side_json(b));
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (line) fprintf(out, "%s\n", line);
    free(line);
    json_decref(object);
}

/* Of the keys in `from`, in their order; each key once, where its first record stands. */
static int compare(const struct records *from, const struct records *with, bool only_missing,
                   const struct shapes *problems, enum results_format format, FILE *out)
{
    int found = 0;
    for (int i = 0; i < from->count; i++) {
        const struct tunedb_record *record = &from->items[i];
        bool is_known = !record_is_wanted(record, problems);
        for (int j = 0; j < i && !is_known; j++)
            is_known = same_key(&from->items[j], record);
        if (is_known) continue;
        const struct tunedb_record *here = best_of(from, record);
        const struct tunedb_record *there = best_of(with, record);
        if (only_missing && there) continue;
        struct candidate ours = candidate_of(here->family, here->param);
        if (there) {
            struct candidate theirs = candidate_of(there->family, there->param);
            if (candidate_same(&ours, &theirs)) continue;
        }
        print_difference(only_missing ? there : here, only_missing ? here : there, format, out);
        found++;
    }
    return found;
}

hpck_status database_diff(const char *a, const char *b, const struct shapes *problems, enum results_format format,
                          FILE *out, bool *differ, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct records left = { 0 };
    struct records right = { 0 };
    HPCK_TRY(records_read(a, &left, stderr, err));
    HPCK_TRY(records_read(b, &right, stderr, err));
    int found = compare(&left, &right, false, problems, format, out);
    found += compare(&right, &left, true, problems, format, out);
    *differ = found > 0;
done:
    records_free(&left);
    records_free(&right);
    return st;
}
