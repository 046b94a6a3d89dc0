/* The subcommands that look after tuning databases: show, export, diff, merge, prune. */
#ifndef HPCK_AUTOTUNE_DATABASE_H
#define HPCK_AUTOTUNE_DATABASE_H

#include <stdbool.h>

#include "results.h"

/* Layers with what was passed over, then the records, best first; of the listed problems where there are any. */
hpck_status database_show(const char *path, const struct shapes *problems, enum results_format format, FILE *out,
                          struct error *err);
hpck_status database_export(const char *path, const struct shapes *problems, FILE *out, struct error *err);

/* What selection would choose by one file and not by the other: for each device and problem the best record. */
hpck_status database_diff(const char *a, const char *b, const struct shapes *problems, enum results_format format,
                          FILE *out, bool *differ, struct error *err);

/* Adds the records of files[1] ... to files[0]. Lines that this hpck cannot use are counted on `notes`. */
hpck_status database_merge(const char *const *files, int count, FILE *notes, struct error *err);

/* files[]; where there are none, the file that the tuner would write. */
hpck_status database_prune(const char *path, const char *const *files, int count, FILE *notes, struct error *err);

#endif
