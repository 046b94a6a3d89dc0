/* Reads lists of problems, line by line. */
#include "shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"
#include "suites.h"

/* ---- the list ------------------------------------------------------------------------------------------------ */

static hpck_status append(struct shapes *shapes, const char *name, const struct problem *problem, struct error *err)
{
    if (shapes->count == shapes->capacity) {
        int capacity = shapes->capacity ? 2 * shapes->capacity : 32;
        struct shape *items = realloc(shapes->items, (size_t)capacity * sizeof *items);
        if (!items) return error_set(err, HPCK_OUT_OF_MEMORY, "shapes: no memory for %d problems", capacity);
        shapes->items = items;
        shapes->capacity = capacity;
    }
    struct shape *shape = &shapes->items[shapes->count++];
    *shape = (struct shape){ .problem = *problem };
    snprintf(shape->name, sizeof shape->name, "%s", name);
    return HPCK_OK;
}

void shapes_free(struct shapes *shapes)
{
    free(shapes->items);
    *shapes = (struct shapes){ 0 };
}

hpck_status shapes_add_problem(struct shapes *shapes, const char *text, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct problem problem;
    HPCK_TRY(problem_parse(text, &problem, err));
    HPCK_TRY(append(shapes, "", &problem, err));
done:
    return st;
}

/* ---- CSV ----------------------------------------------------------------------------------------------------- */

/* A row says its problem in the problem language, or as a GEMM in columns of numbers. */
enum column { NAME, TIER, PROBLEM, M, N, K, TRANS_A, TRANS_B, BATCH, LAYOUT, COLUMN_COUNT };
static const char *const column_names[COLUMN_COUNT] = {
    "name", "tier", "problem", "m", "n", "k", "transA", "transB", "batch", "layout",
};
enum { FIELDS_MAX = 64 };

/* What the lines read so far have told about those to come. */
struct reader {
    const char *file;
    int line;
    const char *tier; /* NULL: all rows */
    bool is_csv;
    int field_count;
    int field_of[COLUMN_COUNT]; /* index of the field that holds a column; -1: absent */
    int header_line;
    char tiers[160]; /* those of the rows read so far, each once, as far as they fit: for a message */
};

/* A field in double quotes may contain commas. */
static int split(char *line, char **fields)
{
    int count = 0;
    for (char *field = line; field && count < FIELDS_MAX; count++) {
        char *quote = field[0] == '"' ? strchr(field + 1, '"') : NULL;
        char *comma = strchr(quote ? quote : field, ',');
        if (comma) *comma++ = '\0';
        if (quote) *quote = '\0';
        fields[count] = quote ? field + 1 : field;
        field = comma;
    }
    return count;
}

/* A problem has colons before its first comma. */
static bool is_csv_header(const char *line)
{
    return line[strcspn(line, ":,")] == ',';
}

static hpck_status read_header(struct reader *reader, char *line, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *fields[FIELDS_MAX];
    reader->is_csv = true;
    reader->header_line = reader->line;
    reader->field_count = split(line, fields);
    for (int column = 0; column < COLUMN_COUNT; column++) {
        reader->field_of[column] = -1;
        for (int i = 0; i < reader->field_count; i++)
            if (strcmp(fields[i], column_names[column]) == 0) reader->field_of[column] = i;
        if (reader->field_of[column] < 0 && column > PROBLEM && reader->field_of[PROBLEM] < 0)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                      "%s:%d: the columns of a CSV must include problem, or m, n, k, transA, transB, batch and "
                      "layout; \"%s\" is missing",
                      reader->file, reader->line, column_names[column]);
    }
    if (reader->tier && reader->field_of[TIER] < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s:%d: there is no column \"tier\" to select \"%s\" from",
                  reader->file, reader->line, reader->tier);
done:
    return st;
}

static void remember_tier(struct reader *reader, const char *tier)
{
    size_t length = strlen(reader->tiers);
    for (const char *known = reader->tiers; *known; known += strcspn(known, ",") + (strchr(known, ',') ? 2 : 0))
        if (strcspn(known, ",") == strlen(tier) && strncmp(known, tier, strlen(tier)) == 0) return;
    snprintf(reader->tiers + length, sizeof reader->tiers - length, "%s%s", length > 0 ? ", " : "", tier);
}

/* n or N, t or T; 0: neither */
static char trans_letter(const char *field)
{
    if (strcmp(field, "N") == 0 || strcmp(field, "n") == 0) return 'n';
    if (strcmp(field, "T") == 0 || strcmp(field, "t") == 0) return 't';
    return 0;
}

/* "gemm:..." of the columns of a GEMM. */
static hpck_status write_gemm(const struct reader *reader, const char *const *value, struct strbuf *text,
                              struct error *err)
{
    char trans_a = trans_letter(value[TRANS_A]);
    char trans_b = trans_letter(value[TRANS_B]);
    bool is_column_major = strcmp(value[LAYOUT], "col") == 0;
    if (!trans_a || !trans_b)
        return error_set(err, HPCK_INVALID_ARGUMENT, "%s:%d: transA = \"%s\", transB = \"%s\"; each must be N or T",
                         reader->file, reader->line, value[TRANS_A], value[TRANS_B]);
    if (!is_column_major && strcmp(value[LAYOUT], "row") != 0)
        return error_set(err, HPCK_INVALID_ARGUMENT, "%s:%d: layout = \"%s\" must be row or col", reader->file,
                         reader->line, value[LAYOUT]);
    strbuf_addf(text, "gemm:f32:%c%c:m%sn%sk%s:b%s%s", trans_a, trans_b, value[M], value[N], value[K], value[BATCH],
                is_column_major ? ":col" : "");
    return HPCK_OK;
}

static hpck_status read_row(struct reader *reader, char *line, struct shapes *shapes, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *fields[FIELDS_MAX];
    const char *value[COLUMN_COUNT];
    struct strbuf text = { 0 };
    struct problem problem;

    int count = split(line, fields);
    if (count != reader->field_count)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s:%d: %d fields, but the first line names %d columns", reader->file,
                  reader->line, count, reader->field_count);
    for (int column = 0; column < COLUMN_COUNT; column++)
        value[column] = reader->field_of[column] < 0 ? "" : fields[reader->field_of[column]];
    if (reader->tier) remember_tier(reader, value[TIER]);
    if (reader->tier && strcmp(reader->tier, value[TIER]) != 0) goto done;

    if (reader->field_of[PROBLEM] >= 0)
        strbuf_add(&text, value[PROBLEM]);
    else
        HPCK_TRY(write_gemm(reader, value, &text, err));
    if (text.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "shapes: no memory");
    st = problem_parse(text.text, &problem, err);
    if (st != HPCK_OK) {
        error_append(err, " (%s:%d)", reader->file, reader->line);
        goto done;
    }
    HPCK_TRY(append(shapes, value[NAME], &problem, err));
done:
    strbuf_free(&text);
    return st;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

/* line: writable, without its newline. */
static hpck_status read_line(struct reader *reader, char *line, struct shapes *shapes, struct error *err)
{
    hpck_status st = HPCK_OK;
    line += strspn(line, " \t");
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r\n", line[length - 1]))
        line[--length] = '\0';
    reader->line++;
    if (length == 0 || line[0] == '#') goto done;

    if (reader->is_csv) return read_row(reader, line, shapes, err);
    if (is_csv_header(line) && shapes->count == 0) return read_header(reader, line, err);
    if (reader->tier)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s:%d: a tier (\"%s\") can only be selected from a CSV file",
                  reader->file, reader->line, reader->tier);
    st = shapes_add_problem(shapes, line, err);
    if (st != HPCK_OK) error_append(err, " (%s:%d)", reader->file, reader->line);
done:
    return st;
}

/* A list without a problem is a mistake, and says which. */
static hpck_status check_found(const struct reader *reader, const struct shapes *found, struct error *err)
{
    if (found->count > 0) return HPCK_OK;
    if (reader->tier && reader->is_csv)
        return error_set(err, HPCK_INVALID_ARGUMENT, "%s:%d: no row is of tier \"%s\"; the tiers below are: %s",
                         reader->file, reader->header_line, reader->tier,
                         reader->tiers[0] ? reader->tiers : "none, there is no row");
    return error_set(err, HPCK_INVALID_ARGUMENT, "%s:%d: the list ends without a problem", reader->file,
                     reader->line);
}

/* Appends all of `from`, or nothing. */
static hpck_status append_all(struct shapes *shapes, const struct shapes *from, struct error *err)
{
    hpck_status st = HPCK_OK;
    int before = shapes->count;
    for (int i = 0; i < from->count; i++)
        HPCK_TRY(append(shapes, from->items[i].name, &from->items[i].problem, err));
done:
    if (st != HPCK_OK) shapes->count = before;
    return st;
}

hpck_status shapes_add_stream(struct shapes *shapes, FILE *stream, const char *name, const char *tier,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    struct reader reader = { .file = name, .tier = tier };
    struct shapes found = { 0 };
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;

    while ((length = getline(&line, &capacity, stream)) >= 0) {
        if (strlen(line) != (size_t)length)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s:%d: a line with a NUL byte is not text", name,
                      reader.line + 1);
        HPCK_TRY(read_line(&reader, line, &found, err));
    }
    if (ferror(stream)) HPCK_FAIL(err, HPCK_IO, "%s: cannot be read: %s", name, strerror(errno));
    HPCK_TRY(check_found(&reader, &found, err));
    HPCK_TRY(append_all(shapes, &found, err));
done:
    free(line);
    shapes_free(&found);
    return st;
}

hpck_status shapes_add_file(struct shapes *shapes, const char *path, struct error *err)
{
    hpck_status st = HPCK_OK;
    FILE *file = NULL;
    char *name = NULL;
    const char *tier = NULL;

    if (strcmp(path, "-") == 0) return shapes_add_stream(shapes, stdin, "(standard input)", NULL, err);
    file = fopen(path, "re");
    const char *colon = strrchr(path, ':');
    if (!file && colon) { /* not a file by that name: FILE:TIER */
        name = strndup(path, (size_t)(colon - path));
        if (!name) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "shapes: no memory");
        tier = colon + 1;
        file = fopen(name, "re");
    }
    if (!file)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: cannot be opened: %s", name ? name : path, strerror(errno));
    HPCK_TRY(shapes_add_stream(shapes, file, name ? name : path, tier, err));
done:
    if (file) fclose(file);
    free(name);
    return st;
}

hpck_status shapes_add_suite(struct shapes *shapes, const char *name, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct reader reader = { .file = name };
    struct shapes found = { 0 };
    const struct suite *suite = NULL;

    for (int i = 0; i < suite_count; i++)
        if (strcmp(suites[i].name, name) == 0) suite = &suites[i];
    if (!suite) {
        error_set(err, HPCK_INVALID_ARGUMENT, "there is no suite \"%s\"; there are:", name);
        for (int i = 0; i < suite_count; i++)
            error_append(err, " %s", suites[i].name);
        st = HPCK_INVALID_ARGUMENT;
        goto done;
    }
    for (int i = 0; i < suite->line_count; i++) {
        char *line = strdup(suite->lines[i]);
        if (!line) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "shapes: no memory");
        st = read_line(&reader, line, &found, err);
        free(line);
        HPCK_TRY(st);
    }
    HPCK_TRY(append_all(shapes, &found, err));
done:
    shapes_free(&found);
    return st;
}
