/* What loading and merging share: where tuning databases lie, and telling the lines of one apart. */
#ifndef HPCK_CORE_TUNEDB_FILE_H
#define HPCK_CORE_TUNEDB_FILE_H

#include "file.h"
#include "tunedb.h"

enum { TUNEDB_FILE_MAX = 1 << 28 }; /* bytes; a larger file is not a tuning database */

enum line_kind { LINE_BLANK, LINE_RECORD, LINE_STALE, LINE_UNKNOWN, LINE_MALFORMED };

/* Reads the next line. LINE_RECORD and LINE_STALE fill *record; LINE_UNKNOWN and LINE_MALFORMED set err to the reason,
 * which names the line's number. */
enum line_kind tunedb_line_read(const char *line, size_t length, int number, struct tunedb_record *record,
                                struct error *err);

/* True when nothing in the text is a record, of this hpck or a newer one, although there are lines: another file. */
bool tunedb_is_foreign(const struct tunedb_stats *stats);
void tunedb_stats_add(struct tunedb_stats *stats, enum line_kind kind);

/* Same device for tuning: every key field but the driver version. */
bool tunedb_same_device(const struct device_desc *a, const struct device_desc *b);

/* Paths; NULL when there is none or memory is short. Caller frees. */
char *tunedb_find_user_path(void); /* $XDG_DATA_HOME/hpck/tuning.jsonl, else ~/.local/share/hpck/tuning.jsonl */
char *
tunedb_find_system_path(void); /* first hpck/tuning.jsonl in $XDG_DATA_DIRS, else /usr/local/share, /usr/share */

#endif
