/* Where tuning databases lie, and what the lines of one are. */
#include "tunedb_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env.h"
#include "strbuf.h"

enum line_kind tunedb_line_read(const char *line, size_t length, int number, struct tunedb_record *record,
                                struct error *err)
{
    size_t blank = 0;
    while (blank < length && strchr(" \t\r", line[blank]) != NULL && line[blank] != '\0')
        blank++;
    if (blank == length) return LINE_BLANK;
    struct error why = { 0 };
    enum line_kind kind = LINE_RECORD;
    switch (tunedb_record_parse(line, length, record, &why)) {
    case HPCK_OK:
        kind = tunedb_record_is_stale(record) ? LINE_STALE : LINE_RECORD;
        break;
    case HPCK_UNSUPPORTED:
        kind = LINE_UNKNOWN;
        error_set(err, HPCK_UNSUPPORTED, "line %d: %s", number, error_text(&why));
        break;
    default:
        kind = LINE_MALFORMED;
        error_set(err, HPCK_DB_FORMAT, "line %d: %s", number, error_text(&why));
    }
    error_free(&why);
    return kind;
}

void tunedb_stats_add(struct tunedb_stats *stats, enum line_kind kind)
{
    stats->records += kind == LINE_RECORD;
    stats->stale += kind == LINE_STALE;
    stats->unknown += kind == LINE_UNKNOWN;
    stats->malformed += kind == LINE_MALFORMED;
}

bool tunedb_is_foreign(const struct tunedb_stats *stats)
{
    return stats->malformed > 0 && stats->records + stats->stale + stats->unknown == 0;
}

bool tunedb_same_device(const struct device_desc *a, const struct device_desc *b)
{
    return a->field.compute_units == b->field.compute_units && strcmp(a->name, b->name) == 0 &&
           strcmp(a->vendor, b->vendor) == 0 && strcmp(a->architecture, b->architecture) == 0 &&
           strcmp(a->backend, b->backend) == 0 && a->is_emulated == b->is_emulated;
}

static char *join(const char *folder, size_t length, const char *rest)
{
    struct strbuf path = { 0 };
    strbuf_addn(&path, folder, length);
    strbuf_add(&path, rest);
    if (path.failed) strbuf_free(&path);
    return path.text;
}

/* The XDG base directory specification: a relative path is to be ignored. */
char *tunedb_find_user_path(void)
{
    const char *data = env_get("XDG_DATA_HOME");
    const char *home = env_get("HOME");
    if (data != NULL && data[0] == '/') return join(data, strlen(data), "/hpck/tuning.jsonl");
    if (home != NULL && home[0] == '/') return join(home, strlen(home), "/.local/share/hpck/tuning.jsonl");
    return NULL;
}

char *tunedb_find_system_path(void)
{
    const char *folder = env_get("XDG_DATA_DIRS");
    if (folder == NULL) folder = "/usr/local/share:/usr/share";
    while (*folder != '\0') {
        size_t length = strcspn(folder, ":");
        char *path = folder[0] == '/' ? join(folder, length, "/hpck/tuning.jsonl") : NULL;
        if (path != NULL && access(path, F_OK) == 0) return path;
        free(path);
        folder += length;
        folder += *folder == ':';
    }
    return NULL;
}
