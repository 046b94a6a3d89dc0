/* See cache.h. From fastest to slowest: memory, disk, another process that is just compiling it, the compiler. */
#include "cache.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache_disk.h"
#include "cache_entry.h"
#include "strbuf.h"

struct entry {
    struct cache_name name;
    struct backend_program *program;
    struct entry *next;
};

struct kernel_cache {
    const struct backend *backend;
    struct backend_device *device;
    struct verbose *verbose;
    char *folder; /* NULL: no disk cache */
    struct entry *entries;
    int compilations;
};

/* What a program is made from, and the name that follows from it. */
struct request {
    const struct problem *problem; /* for verbose */
    const struct family *family;
    const char *source;
    struct strbuf options;
    struct strbuf key;
    struct cache_name name;
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

hpck_status cache_open(const struct backend *backend, struct backend_device *device, const char *dir,
                       struct verbose *verbose, struct kernel_cache **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct kernel_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory");
    cache->backend = backend;
    cache->device = device;
    cache->verbose = verbose;
    HPCK_TRY(open_folder(cache, dir, err));
    *out = cache;
    cache = NULL;
done:
    cache_close(cache);
    return st;
}

void cache_close(struct kernel_cache *cache)
{
    if (cache == NULL) return;
    for (struct entry *entry = cache->entries; entry != NULL;) {
        struct entry *next = entry->next;
        cache->backend->unload(entry->program);
        free(entry);
        entry = next;
    }
    free(cache->folder);
    free(cache);
}

int cache_compilations(const struct kernel_cache *cache)
{
    return cache->compilations;
}

/* ---- requests --------------------------------------------------------------------------------------------- */

/* Parameters are macros in upper case; what the problem decides is one already. */
static void add_options(struct strbuf *options, const struct family *family, const struct point *point)
{
    for (int i = 0; i < family->param_count; i++) {
        if (family->params[i].run_time) continue;
        strbuf_add(options, "-D");
        for (const char *c = family->params[i].name; *c != '\0'; c++)
            strbuf_addn(options, &(char){ (char)toupper((unsigned char)*c) }, 1);
        strbuf_addf(options, "=%" PRId64 " ", point->param[i]);
    }
    for (int i = 0; i < family->define_count; i++)
        strbuf_addf(options, "-D%s=%" PRId64 " ", family->defines[i].name, family->defines[i].value(point));
}

static hpck_status request_make(const struct kernel_cache *cache, const struct family *family,
                                const struct family_text *text, const struct point *point, struct request *request,
                                struct error *err)
{
    *request = (struct request){ .problem = point->problem, .family = family, .source = text->source };
    add_options(&request->options, family, point);
    strbuf_addf(&request->key, "%s\n%s\n%s", cache->backend->fingerprint(cache->device), request->options.text,
                request->source);
    if (request->options.failed || request->key.failed)
        return error_set(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for the key of %s", family->name);
    request->name = cache_entry_name((struct bytes){ request->key.text, request->key.length });
    return HPCK_OK;
}

static void request_free(struct request *request)
{
    strbuf_free(&request->options);
    strbuf_free(&request->key);
}

static void report(const struct kernel_cache *cache, const struct request *request, const char *result,
                   const char *reason)
{
    verbose_print(cache->verbose, VERBOSE_CACHE, request->problem, "result=%s,family=%s,entry=%s%s%s", result,
                  request->family->name, request->name.text, reason != NULL ? ",reason=" : "",
                  reason != NULL ? reason : "");
}

/* ---- the three places ------------------------------------------------------------------------------------- */

static struct backend_program *from_memory(const struct kernel_cache *cache, const struct request *request)
{
    for (struct entry *entry = cache->entries; entry != NULL; entry = entry->next)
        if (memcmp(&entry->name, &request->name, sizeof entry->name) == 0) return entry->program;
    return NULL;
}

/* NULL where there is no usable entry; a damaged one is reported and will be replaced. */
static struct backend_program *from_disk(struct kernel_cache *cache, const struct request *request)
{
    struct backend_program *program = NULL;
    struct error err = { 0 };
    void *data = NULL;
    size_t size = 0;
    struct bytes binary;
    if (cache->folder == NULL) return NULL;
    if (cache_disk_read(cache->folder, request->name.text, &data, &size, &err) != HPCK_OK) {
        report(cache, request, "unreadable", error_text(&err));
    } else if (data != NULL) {
        const char *flaw = cache_entry_parse((struct bytes){ data, size },
                                             (struct bytes){ request->key.text, request->key.length }, &binary);
        if (flaw != NULL)
            report(cache, request, "damaged", flaw);
        else if (cache->backend->load(cache->device, binary.data, binary.size, &program, &err) != HPCK_OK)
            report(cache, request, "refused", error_text(&err));
        else
            report(cache, request, "disk", NULL);
    }
    free(data);
    error_free(&err);
    return program;
}

static hpck_status compile(struct kernel_cache *cache, const struct request *request,
                           struct backend_program **program, struct error *err)
{
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    hpck_status st = cache->backend->compile(cache->device, request->source, request->options.text, program, err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    verbose_print(cache->verbose, VERBOSE_COMPILE, request->problem, "family=%s,status=%s,time_ms=%.1f,options=%s",
                  request->family->name, hpck_status_string(st),
                  1e3 * (double)(end.tv_sec - start.tv_sec) + 1e-6 * (double)(end.tv_nsec - start.tv_nsec),
                  request->options.text);
    if (st == HPCK_OK)
        cache->compilations++;
    else
        error_append(err, "\nfamily: %s", request->family->name);
    return st;
}

/* A failure costs the entry, not the call. */
static void to_disk(struct kernel_cache *cache, const struct request *request, struct backend_program *program)
{
    struct error err = { 0 };
    hpck_status st = HPCK_OK;
    void *binary = NULL;
    void *entry = NULL;
    size_t binary_size = 0;
    size_t entry_size = 0;
    HPCK_TRY(cache->backend->save(program, &binary, &binary_size, &err));
    HPCK_TRY(cache_entry_print((struct bytes){ request->key.text, request->key.length },
                               (struct bytes){ binary, binary_size }, &entry, &entry_size, &err));
    HPCK_TRY(cache_disk_write(cache->folder, request->name.text, entry, entry_size,
                              (uint64_t)CACHE_DISK_LIMIT_MB << 20, &err));
done:
    report(cache, request, st == HPCK_OK ? "saved" : "unsaved", st == HPCK_OK ? NULL : error_text(&err));
    free(entry);
    free(binary);
    error_free(&err);
}

/* ---- together --------------------------------------------------------------------------------------------- */

static hpck_status remember(struct kernel_cache *cache, const struct request *request,
                            struct backend_program *program, struct error *err)
{
    struct entry *entry = malloc(sizeof *entry);
    if (entry == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for %s", request->family->name);
    *entry = (struct entry){ request->name, program, cache->entries };
    cache->entries = entry;
    return HPCK_OK;
}

static hpck_status get_new(struct kernel_cache *cache, const struct request *request,
                           struct backend_program **program, struct error *err)
{
    hpck_status st = HPCK_OK;
    int lock = -1;
    *program = from_disk(cache, request);
    if (*program == NULL && cache->folder != NULL) {
        lock = cache_disk_lock(cache->folder, request->name.text);
        if (lock >= 0) *program = from_disk(cache, request); /* somebody may have written it while we waited */
    }
    if (*program == NULL) {
        HPCK_TRY(compile(cache, request, program, err));
        if (cache->folder != NULL) to_disk(cache, request, *program);
    }
done:
    if (lock >= 0) cache_disk_unlock(cache->folder, request->name.text, lock);
    return st;
}

hpck_status cache_get(struct kernel_cache *cache, const struct family *family, const struct family_text *text,
                      const struct point *point, struct backend_program **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct request request;
    struct backend_program *program = NULL;
    HPCK_TRY(request_make(cache, family, text, point, &request, err));
    *out = from_memory(cache, &request);
    if (*out != NULL) {
        report(cache, &request, "memory", NULL);
        goto done;
    }
    HPCK_TRY(get_new(cache, &request, &program, err));
    HPCK_TRY(remember(cache, &request, program, err));
    *out = program;
    program = NULL;
done:
    cache->backend->unload(program);
    request_free(&request);
    return st;
}
