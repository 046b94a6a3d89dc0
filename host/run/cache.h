/* Compiled programs: in memory per handle, in a bundle that an application ships, on disk for everyone. The key covers source, options, compiler and
 * device; an entry on disk carries its key and a checksum, and one that does not match is rebuilt, never trusted.
 * A lock file per key lets one process or thread compile while the others wait for its result. */
#ifndef HPCK_RUN_CACHE_H
#define HPCK_RUN_CACHE_H

#include "backend.h"
#include "verbose.h"

struct kernel_cache;

/* bundle, dir: see hpck_options. A folder that cannot be made or written only costs the disk cache (verbose tells); a bundle
 * that cannot be read is an error. */
hpck_status cache_open(const struct backend *backend, struct backend_device *device, const char *bundle,
                       const char *dir, struct verbose *verbose, struct kernel_cache **cache, struct error *err);
void cache_close(struct kernel_cache *cache);

/* The program for a family at a point: from one of these, or compiled now. Owned by the cache. */
hpck_status cache_get(struct kernel_cache *cache, const struct family *family, const struct family_text *text,
                      const struct point *point, struct backend_program **program, struct error *err);

/* Number of programs compiled (not loaded) by this cache so far: what tests and --dry-run estimates look at. */
int cache_compilations(const struct kernel_cache *cache);

#endif
