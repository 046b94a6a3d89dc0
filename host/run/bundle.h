/* Programs compiled ahead of time: a file of cache entries (cache_entry.h), one after the other, that an application or a
 * container brings along. It is only read. */
#ifndef HPCK_RUN_BUNDLE_H
#define HPCK_RUN_BUNDLE_H

#include "cache_entry.h"
#include "verbose.h"

struct bundle;

/* path: see hpck_options.bundle. *bundle NULL: there shall be none. IO: it cannot be read, or holds no entry at all. What is
 * damaged from some byte on serves up to there (verbose tells). */
hpck_status bundle_open(const char *path, struct verbose *verbose, struct bundle **bundle, struct error *err);
void bundle_close(struct bundle *bundle);

/* *data NULL: no entry has this key; else the entry, unchecked, and the caller frees it. */
hpck_status bundle_find(const struct bundle *bundle, struct bytes key, void **data, size_t *size,
                        struct error *err);

#endif
