/* The folder of the disk cache: files by name, locks, and its limit. Knows nothing of what the files hold. */
#ifndef HPCK_RUN_CACHE_DISK_H
#define HPCK_RUN_CACHE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { CACHE_DISK_LIMIT_MB = 512, CACHE_LOCK_WAIT_S = 30 };

/* The folder for hpck_options.cache_dir; caller frees. *path NULL: there shall be no disk cache. */
hpck_status cache_disk_path(const char *cache_dir, char **path, struct error *err);

/* Makes the folder where it is missing, for its user only. IO: it cannot be made, or is not a folder of the user. */
hpck_status cache_disk_make(const char *path, struct error *err);

/* *data NULL: there is no such file. IO: there is one that shall not or cannot be read. Caller frees *data. */
hpck_status cache_disk_read(const char *path, const char *name, void **data, size_t *size, struct error *err);

/* The whole file appears at once (temporary file, fsync, rename); then the least recently used entries beyond
 * limit_bytes go. */
hpck_status cache_disk_write(const char *path, const char *name, const void *data, size_t size,
                             uint64_t limit_bytes, struct error *err);

/* A lock that its owner's death releases; -1: not to be had (read-only folder, waited too long): go on without it. */
int cache_disk_lock(const char *path, const char *name);
void cache_disk_unlock(const char *path, const char *name, int lock);

#endif
