/* Keeps the folder of the disk cache within its limit. */
#ifndef HPCK_RUN_CACHE_PRUNE_H
#define HPCK_RUN_CACHE_PRUNE_H

#include <stdint.h>

#define CACHE_ENTRY_SUFFIX     ".bin"
#define CACHE_LOCK_SUFFIX      ".lock"
#define CACHE_TEMPORARY_SUFFIX ".tmp."

/* Removes the least recently used entries until limit_bytes are left, and what killed processes left behind: temporary
 * and lock files of more than an hour ago. Files that are not the cache's own are never touched. */
void cache_prune(const char *folder, uint64_t limit_bytes);

#endif
