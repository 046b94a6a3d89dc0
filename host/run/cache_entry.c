/* See cache_entry.h. */
#include "cache_entry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* In the byte order of the machine: a folder shared with another kind of machine holds a foreign magic. */
struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t reserved; /* 0 */
    uint64_t key_size;
    uint64_t program_size;
    XXH128_hash_t checksum; /* over this header with a checksum of 0, key and program */
};

static_assert(sizeof(struct header) == CACHE_ENTRY_HEADER, "the format of docs/kernel-cache.md");

#define MAGIC UINT64_C(0x6e69622d6b637068) /* "hpck-bin" */

struct cache_name cache_entry_name(struct bytes key)
{
    XXH128_hash_t hash = XXH3_128bits(key.data, key.size);
    struct cache_name name;
    snprintf(name.text, sizeof name.text, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    return name;
}

static XXH128_hash_t checksum(const struct header *header, const void *body, size_t size)
{
    struct header bare = *header;
    bare.checksum = (XXH128_hash_t){ 0, 0 };
    XXH64_hash_t seed = XXH3_64bits(&bare, sizeof bare);
    return XXH3_128bits_withSeed(body, size, seed);
}

const char *cache_entry_extent(const void *bytes, uint64_t available, uint64_t *key_size, uint64_t *size)
{
    struct header header;
    if (available < sizeof header) return "it is shorter than a header";
    memcpy(&header, bytes, sizeof header);
    if (header.magic != MAGIC) return "it is not a cache entry of this kind of machine";
    if (header.version != CACHE_ENTRY_VERSION) return "it was written by another version of hpck";
    const uint64_t body = available - sizeof header;
    if (header.key_size > body || header.program_size > body - header.key_size)
        return "its length is not what its header says";
    *key_size = header.key_size;
    *size = sizeof header + header.key_size + header.program_size;
    return NULL;
}

const char *cache_entry_parse(struct bytes entry, struct bytes key, struct bytes *program)
{
    struct header header;
    uint64_t key_size = 0;
    uint64_t size = 0;
    const char *flaw = cache_entry_extent(entry.data, entry.size, &key_size, &size);
    if (flaw != NULL) return flaw;
    if (size != entry.size) return "its length is not what its header says";
    memcpy(&header, entry.data, sizeof header);
    const char *body = (const char *)entry.data + sizeof header;
    if (!XXH128_isEqual(header.checksum, checksum(&header, body, entry.size - sizeof header)))
        return "its checksum does not match";
    if (header.key_size != key.size || memcmp(body, key.data, key.size) != 0) return "it belongs to another key";
    *program = (struct bytes){ body + key.size, (size_t)header.program_size };
    return NULL;
}

hpck_status cache_entry_print(struct bytes key, struct bytes program, void **data, size_t *size, struct error *err)
{
    struct header header = {
        .magic = MAGIC,
        .version = CACHE_ENTRY_VERSION,
        .key_size = key.size,
        .program_size = program.size,
    };
    size_t body = key.size + program.size;
    char *entry = malloc(sizeof header + body);
    if (entry == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for an entry of %zu bytes", body);
    memcpy(entry + sizeof header, key.data, key.size);
    memcpy(entry + sizeof header + key.size, program.data, program.size);
    header.checksum = checksum(&header, entry + sizeof header, body);
    memcpy(entry, &header, sizeof header);
    *data = entry;
    *size = sizeof header + body;
    return HPCK_OK;
}
