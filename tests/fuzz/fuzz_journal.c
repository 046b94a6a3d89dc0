/* Any bytes as lines of a journal: parsing accepts what it prints, and says why it refuses everything else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake_families.h"
#include "file.h"
#include "journal.h"

static void check(bool holds)
{
    if (!holds) abort(); /* what libFuzzer takes for a failure */
}

static void check_round_trip(const struct journal_entry *entry)
{
    struct journal_entry again;
    char *line = NULL;
    check(journal_print(entry, &line, NULL) == HPCK_OK);
    check(strchr(line, '\n') == NULL);
    check(journal_parse(line, strlen(line), &again, NULL) == HPCK_OK);
    check(again.outcome == entry->outcome && strcmp(again.message, entry->message) == 0);
    check(again.record.family == entry->record.family);
    check(memcmp(again.record.param, entry->record.param, sizeof again.record.param) == 0);
    check(problem_same(&again.record.problem, &entry->record.problem));
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lines lines = { (const char *)data, (const char *)data + size, 0 };
    struct error err = { HPCK_OK, NULL };
    struct journal_entry entry;
    const char *line;
    size_t length;
    while (lines_next(&lines, &line, &length)) {
        hpck_status st = journal_parse(line, length, &entry, &err);
        check(st == HPCK_OK || st == HPCK_DB_FORMAT || st == HPCK_UNSUPPORTED);
        if (st == HPCK_OK)
            check_round_trip(&entry);
        else
            check(error_text(&err)[0] != '\0');
    }
    error_free(&err);
    return 0;
}
