/* See cache.h. From fastest to slowest: memory, the bundle, disk, another process that is just compiling it, the compiler. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bundle.h"
#include "cache_disk.h"
#include "cache_entry.h"
#include "program_options.h"
#include "rehearse.h"

/* A program, what it is made from, and the name that follows from it. */
struct entry {
    struct entry *next;
    const struct family *family;
    const char *source;
    struct strbuf options;
    struct strbuf key;
    struct cache_name name;
    struct backend_program *program;
};

struct kernel_cache {
    const struct backend *backend;
    struct backend_device *device;
    struct verbose *verbose;
    struct bundle *bundle; /* NULL: there is none */
    char *folder;          /* NULL: no disk cache */
    struct entry *entries;
    int compilations;
};

/* ---- life ------------------------------------------------------------------------------------------------- */

/* Only a lack of memory is an error: without a folder there is no disk cache. */
static hpck_status open_folder(struct kernel_cache *cache, const char *dir, struct error *err)
{
    struct error reason = { 0 };
    hpck_status st = cache_disk_path(dir, &cache->folder, err);
    if (st != HPCK_OK || cache->folder == NULL) return st;
    if (cache_disk_make(cache->folder, &reason) != HPCK_OK) {
        verbose_print(cache->verbose, VERBOSE_CACHE, NULL, "result=off,reason=%s", error_text(&reason));
        free(cache->folder);
        cache->folder = NULL;
    }
    error_free(&reason);
    return st;
}

hpck_status cache_open(const struct backend *backend, struct backend_device *device, const char *bundle,
                       const char *dir, struct verbose *verbose, struct kernel_cache **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct kernel_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory");
    cache->backend = backend;
    cache->device = device;
    cache->verbose = verbose;
    HPCK_TRY(bundle_open(bundle, verbose, &cache->bundle, err));
    HPCK_TRY(open_folder(cache, dir, err));
    *out = cache;
    cache = NULL;
done:
    cache_close(cache);
    return st;
}

static void entry_free(const struct kernel_cache *cache, struct entry *entry)
{
    if (entry == NULL) return;
    cache->backend->unload(entry->program);
    strbuf_free(&entry->options);
    strbuf_free(&entry->key);
    free(entry);
}

void cache_close(struct kernel_cache *cache)
{
    if (cache == NULL) return;
    for (struct entry *entry = cache->entries; entry != NULL;) {
        struct entry *next = entry->next;
        entry_free(cache, entry);
        entry = next;
    }
    bundle_close(cache->bundle);
    free(cache->folder);
    free(cache);
}

int cache_compilations(const struct kernel_cache *cache)
{
    return cache->compilations;
}

/* ---- entries ---------------------------------------------------------------------------------------------- */

static struct bytes key_of(const struct entry *entry)
{
    return (struct bytes){ entry->key.text, entry->key.length };
}

/* Without its program yet. */
static hpck_status entry_make(const struct kernel_cache *cache, const struct family *family,
                              const struct family_text *text, const struct point *point, struct entry **out,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for %s", family->name);
    entry->family = family;
    entry->source = text->source;
    program_options(&entry->options, family, point);
    if (!entry->options.failed)
        program_key(&entry->key, cache->backend->fingerprint(cache->device), family, entry->options.text,
                    entry->source);
    if (entry->options.failed || entry->key.failed)
        HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for the key of %s", family->name);
    entry->name = cache_entry_name(key_of(entry));
    *out = entry;
    entry = NULL;
done:
    entry_free(cache, entry);
    return st;
}

static void report(const struct kernel_cache *cache, const struct problem *problem, const struct entry *entry,
                   const char *result, const char *reason)
{
    verbose_print(cache->verbose, VERBOSE_CACHE, problem, "result=%s,family=%s,entry=%s%s%s", result,
                  entry->family->name, entry->name.text, reason != NULL ? ",reason=" : "",
                  reason != NULL ? reason : "");
}

/* ---- the places ------------------------------------------------------------------------------------- */

static struct entry *find_in_memory(const struct kernel_cache *cache, const struct cache_name *name)
{
    for (struct entry *entry = cache->entries; entry != NULL; entry = entry->next)
        if (memcmp(&entry->name, name, sizeof *name) == 0) return entry;
    return NULL;
}

/* False where `data` is not the program, which is reported as coming from `place`. */
static bool load(struct kernel_cache *cache, const struct problem *problem, struct entry *entry, struct bytes data,
                 const char *place)
{
    struct error err = { 0 };
    struct bytes binary;
    const char *flaw = cache_entry_parse(data, key_of(entry), &binary);
    if (flaw != NULL)
        report(cache, problem, entry, "damaged", flaw);
    else if (cache->backend->load(cache->device, binary.data, binary.size, &entry->program, &err) != HPCK_OK)
        report(cache, problem, entry, "refused", error_text(&err));
    else
        report(cache, problem, entry, place, NULL);
    error_free(&err);
    return entry->program != NULL;
}

static bool load_from_bundle(struct kernel_cache *cache, const struct problem *problem, struct entry *entry)
{
    struct error err = { 0 };
    void *data = NULL;
    size_t size = 0;
    bool is_loaded = false;
    if (cache->bundle == NULL) return false;
    if (bundle_find(cache->bundle, key_of(entry), &data, &size, &err) != HPCK_OK)
        report(cache, problem, entry, "unreadable", error_text(&err));
    else if (data != NULL)
        is_loaded = load(cache, problem, entry, (struct bytes){ data, size }, "bundle");
    free(data);
    error_free(&err);
    return is_loaded;
}

/* False where there is no usable file; a damaged one will be replaced. */
static bool load_from_disk(struct kernel_cache *cache, const struct problem *problem, struct entry *entry)
{
    struct error err = { 0 };
    void *data = NULL;
    size_t size = 0;
    bool is_loaded = false;
    if (cache_disk_read(cache->folder, entry->name.text, &data, &size, &err) != HPCK_OK)
        report(cache, problem, entry, "unreadable", error_text(&err));
    else if (data != NULL)
        is_loaded = load(cache, problem, entry, (struct bytes){ data, size }, "disk");
    free(data);
    error_free(&err);
    return is_loaded;
}

static double milliseconds_since(const struct timespec *start)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return 1e3 * (double)(end.tv_sec - start->tv_sec) + 1e-6 * (double)(end.tv_nsec - start->tv_nsec);
}

/* With the rehearsal, whose failure is only reported: the first real launch tells whether it matters. */
static hpck_status compile(struct kernel_cache *cache, const struct point *point, struct entry *entry,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    struct error reason = { 0 };
    struct timespec start;
    double built = 0.0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    HPCK_TRY(cache->backend->compile(cache->device, entry->source, entry->options.text, entry->family->cuda_target,
                                     &entry->program, err));
    built = milliseconds_since(&start);
    cache->compilations++;
    if (cache->backend->rehearse != NULL)
        rehearse(cache->backend, cache->device, entry->family, point, entry->program, &reason);
done:
    if (st != HPCK_OK) error_append(err, "\nfamily: %s", entry->family->name);
    verbose_print(cache->verbose, VERBOSE_COMPILE, point->problem,
                  "family=%s,status=%s,build_ms=%.1f,total_ms=%.1f,options=%s%s%s", entry->family->name,
                  hpck_status_string(st), built, milliseconds_since(&start), entry->options.text,
                  reason.text != NULL ? ",rehearsal=" : "", error_text(&reason));
    error_free(&reason);
    return st;
}

/* A failure costs the file, not the call. */
static void save_to_disk(struct kernel_cache *cache, const struct problem *problem, struct entry *entry)
{
    struct error err = { 0 };
    hpck_status st = HPCK_OK;
    void *binary = NULL;
    void *data = NULL;
    size_t binary_size = 0;
    size_t size = 0;
    HPCK_TRY(cache->backend->save(entry->program, &binary, &binary_size, &err));
    HPCK_TRY(cache_entry_print(key_of(entry), (struct bytes){ binary, binary_size }, &data, &size, &err));
    HPCK_TRY(
        cache_disk_write(cache->folder, entry->name.text, data, size, (uint64_t)CACHE_DISK_LIMIT_MB << 20, &err));
done:
    report(cache, problem, entry, st == HPCK_OK ? "saved" : "unsaved", st == HPCK_OK ? NULL : error_text(&err));
    free(data);
    free(binary);
    error_free(&err);
}

/* ---- together --------------------------------------------------------------------------------------------- */

/* While this process compiles, others that need the same program wait for the file. */
static hpck_status obtain(struct kernel_cache *cache, const struct point *point, struct entry *entry,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    if (load_from_bundle(cache, point->problem, entry)) return HPCK_OK;
    if (cache->folder == NULL) return compile(cache, point, entry, err);
    if (load_from_disk(cache, point->problem, entry)) return HPCK_OK;
    int lock = cache_disk_lock(cache->folder, entry->name.text);
    if (lock >= 0 && load_from_disk(cache, point->problem, entry)) goto done;
    HPCK_TRY(compile(cache, point, entry, err));
    save_to_disk(cache, point->problem, entry);
done:
    cache_disk_unlock(cache->folder, entry->name.text, lock);
    return st;
}

hpck_status cache_get(struct kernel_cache *cache, const struct family *family, const struct family_text *text,
                      const struct point *point, struct backend_program **program, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct entry *entry = NULL;
    HPCK_TRY(entry_make(cache, family, text, point, &entry, err));
    struct entry *known = find_in_memory(cache, &entry->name);
    if (known != NULL) {
        report(cache, point->problem, known, "memory", NULL);
        *program = known->program;
        goto done;
    }
    HPCK_TRY(obtain(cache, point, entry, err));
    *program = entry->program;
    entry->next = cache->entries;
    cache->entries = entry;
    entry = NULL;
done:
    entry_free(cache, entry);
    return st;
}
