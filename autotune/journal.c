/* The trials of earlier runs, read once; those of this one, appended. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "file.h"
#include "strbuf.h"

/* ---- one line ---------------------------------------------------------------------------------------------------- */

hpck_status journal_print(const struct journal_entry *entry, char **line, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf text = { 0 };
    char *record = NULL;
    json_t *message = json_string(entry->message);
    char *quoted = message ? json_dumps(message, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;

    HPCK_TRY(tunedb_record_print(&entry->record, &record, err));
    strbuf_addf(&text, "{\"v\":%d,\"outcome\":\"%s\",\"message\":%s,\"record\":%s}", JOURNAL_VERSION,
                outcome_name(entry->outcome), quoted ? quoted : "\"\"", record);
    if (text.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "journal: no memory");
    *line = text.text;
    text = (struct strbuf){ 0 }; /* the caller's now */
done:
    json_decref(message);
    free(quoted);
    free(record);
    strbuf_free(&text);
    return st;
}

hpck_status journal_parse(const char *line, size_t length, struct journal_entry *entry, struct error *err)
{
    hpck_status st = HPCK_OK;
    json_error_t where;
    char *record = NULL;
    json_t *root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);

    if (!json_is_object(root)) HPCK_FAIL(err, HPCK_DB_FORMAT, "journal: not a JSON object: %s", where.text);
    const json_t *version = json_object_get(root, "v");
    const char *outcome = json_string_value(json_object_get(root, "outcome"));
    const char *message = json_string_value(json_object_get(root, "message"));
    const json_t *inner = json_object_get(root, "record");
    if (!json_is_integer(version)) HPCK_FAIL(err, HPCK_DB_FORMAT, "journal: \"v\" must be an integer");
    if (json_integer_value(version) != JOURNAL_VERSION)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "journal: version %" JSON_INTEGER_FORMAT " is not %d",
                  json_integer_value(version), JOURNAL_VERSION);
    if (!outcome || !message || !json_is_object(inner))
        HPCK_FAIL(err, HPCK_DB_FORMAT, "journal: \"outcome\", \"message\" and \"record\" must be there");

    *entry = (struct journal_entry){ .outcome = OUTCOME_OK };
    if (!outcome_parse(outcome, &entry->outcome))
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "journal: outcome \"%.40s\" is not known", outcome);
    trial_message(entry->message, message);
    record = json_dumps(inner, JSON_COMPACT);
    if (!record) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "journal: no memory");
    HPCK_TRY(tunedb_record_parse(record, strlen(record), &entry->record, err));
done:
    json_decref(root);
    free(record);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static hpck_status take_line(struct journal *journal, const char *line, size_t length, struct error *err)
{
    struct journal_entry entry;
    switch (journal_parse(line, length, &entry, NULL)) {
    case HPCK_OK:
        break;
    case HPCK_OUT_OF_MEMORY:
        return error_set(err, HPCK_OUT_OF_MEMORY, "journal: no memory");
    case HPCK_UNSUPPORTED:
        journal->stats.unknown++;
        return HPCK_OK;
    default:
        journal->stats.malformed++;
        return HPCK_OK;
    }
    if (tunedb_record_is_stale(&entry.record)) {
        journal->stats.stale++;
        return HPCK_OK;
    }
    if (journal->count == journal->capacity) {
        int capacity = journal->capacity ? 2 * journal->capacity : 64;
        struct journal_entry *entries = realloc(journal->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return error_set(err, HPCK_OUT_OF_MEMORY, "journal: no memory for %d entries", capacity);
        journal->entries = entries;
        journal->capacity = capacity;
    }
    journal->entries[journal->count++] = entry;
    journal->stats.entries++;
    return HPCK_OK;
}

hpck_status journal_load(struct journal *journal, const char *db_path, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf path = { 0 };
    struct lines lines = { 0 };
    char *text = NULL;
    const char *line;
    size_t size, length;
    bool missing;

    *journal = (struct journal){ .fd = -1 };
    strbuf_addf(&path, "%s.journal", db_path);
    if (path.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "journal: no memory");
    journal->path = path.text;
    HPCK_TRY(file_read(journal->path, JOURNAL_FILE_MAX, &text, &size, &missing, err));
    lines = (struct lines){ text, text + size, 0 };
    while (lines_next(&lines, &line, &length))
        if (length > 0) HPCK_TRY(take_line(journal, line, length, err));
done:
    free(text);
    if (st != HPCK_OK) journal_close(journal);
    return st;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* A run that was killed may have left half a line: ours must not be joined to it. */
static bool ends_inside_a_line(int fd)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

hpck_status journal_append(struct journal *journal, const struct journal_entry *entry, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf text = { 0 };
    char *line = NULL;

    if (journal->fd < 0) journal->fd = open(journal->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (journal->fd < 0)
        HPCK_FAIL(err, HPCK_IO, "%s: the journal cannot be written: %s", journal->path, strerror(errno));
    HPCK_TRY(journal_print(entry, &line, err));
    strbuf_addf(&text, "%s%s\n", ends_inside_a_line(journal->fd) ? "\n" : "", line);
    if (text.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "journal: no memory");
    ssize_t written = write(journal->fd, text.text, text.length);
    if (written >= 0 && (size_t)written < text.length) errno = ENOSPC; /* a short write sets none */
    if (written != (ssize_t)text.length || fsync(journal->fd) != 0)
        HPCK_FAIL(err, HPCK_IO, "%s: the journal cannot be written: %s", journal->path, strerror(errno));
done:
    free(line);
    strbuf_free(&text);
    return st;
}

void journal_close(struct journal *journal)
{
    if (journal->fd >= 0) close(journal->fd);
    free(journal->entries);
    free(journal->path);
    *journal = (struct journal){ .fd = -1 };
}
