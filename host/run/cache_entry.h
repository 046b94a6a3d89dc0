/* One entry of the disk cache as bytes: header, key text, program. docs/kernel-cache.md describes the format. */
#ifndef HPCK_RUN_CACHE_ENTRY_H
#define HPCK_RUN_CACHE_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { CACHE_ENTRY_VERSION = 1, CACHE_ENTRY_HEADER = 48 };

struct bytes {
    const void *data;
    size_t size;
};

/* The name of a key's entry: a 128-bit hash, as 32 hex digits. */
struct cache_name {
    char text[33];
};
struct cache_name cache_entry_name(struct bytes key);

/* NULL: `entry` is intact and belongs to `key`, and *program is its program (inside entry); else what is wrong with
 * it. Any bytes may be passed. */
const char *cache_entry_parse(struct bytes entry, struct bytes key, struct bytes *program);

/* The extent of an entry, from its first CACHE_ENTRY_HEADER bytes, after which the key follows. NULL, or what is wrong: also when
 * it is longer than the `available` bytes. */
const char *cache_entry_extent(const void *header, uint64_t available, uint64_t *key_size, uint64_t *size);

/* The entry as one block of memory; caller frees *data. */
hpck_status cache_entry_print(struct bytes key, struct bytes program, void **data, size_t *size, struct error *err);

#endif
