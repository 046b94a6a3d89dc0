/* See bundle.h. Opening reads the headers; a search compares the beginning of a key, which holds the options, before all of it. */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

enum { COMPARED_FIRST = 1024 };

struct place {
    uint64_t offset;
    uint64_t key_size;
    uint64_t size;
};

struct bundle {
    char *path;
    int file;
    struct place *places;
    size_t count;
};

static bool read_at(const struct bundle *bundle, uint64_t offset, void *data, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = pread(bundle->file, (char *)data + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        got += (size_t)n;
    }
    return true;
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static hpck_status open_file(struct bundle *bundle, uint64_t *size, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct stat info;
    bundle->file = open(bundle->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (bundle->file < 0 || fstat(bundle->file, &info) != 0)
        HPCK_FAIL(err, HPCK_IO, "bundle: cannot read %s: %s", bundle->path, strerror(errno));
    if (!S_ISREG(info.st_mode)) HPCK_FAIL(err, HPCK_IO, "bundle: %s is not a file", bundle->path);
    /* Programs are run: as in the cache, nobody else may put them there. */
    if ((info.st_mode & S_IWOTH) != 0)
        HPCK_FAIL(err, HPCK_IO, "bundle: %s may be written by everybody", bundle->path);
    *size = (uint64_t)info.st_size;
done:
    return st;
}

static hpck_status add(struct bundle *bundle, const struct place *place, struct error *err)
{
    if ((bundle->count & (bundle->count - 1)) == 0) { /* 0 or a power of two: the array is full */
        size_t capacity = bundle->count == 0 ? 1 : 2 * bundle->count;
        struct place *places = realloc(bundle->places, capacity * sizeof *places);
        if (places == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "bundle: out of memory");
        bundle->places = places;
    }
    bundle->places[bundle->count++] = *place;
    return HPCK_OK;
}

static hpck_status find_places(struct bundle *bundle, uint64_t end, struct verbose *verbose, struct error *err)
{
    hpck_status st = HPCK_OK;
    char header[CACHE_ENTRY_HEADER] = { 0 };
    for (struct place place = { 0 }; place.offset < end; place.offset += place.size) {
        uint64_t available = end - place.offset;
        const char *flaw = available < sizeof header || !read_at(bundle, place.offset, header, sizeof header)
                               ? "it is shorter than a header"
                               : cache_entry_extent(header, available, &place.key_size, &place.size);
        if (flaw != NULL && bundle->count == 0)
            HPCK_FAIL(err, HPCK_IO, "bundle: %s holds no kernel: %s", bundle->path, flaw);
        if (flaw != NULL) {
            verbose_print(verbose, VERBOSE_CACHE, NULL, "result=damaged,bundle=%s,byte=%" PRIu64 ",reason=%s",
                          bundle->path, place.offset, flaw);
            break;
        }
        HPCK_TRY(add(bundle, &place, err));
    }
done:
    return st;
}

hpck_status bundle_open(const char *path, struct verbose *verbose, struct bundle **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct bundle *bundle = NULL;
    uint64_t size = 0;
    *out = NULL;
    if (path == NULL) path = env_get("HPCK_BUNDLE");
    if (path == NULL || path[0] == '\0') goto done;
    bundle = calloc(1, sizeof *bundle);
    if (bundle == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: out of memory");
    bundle->file = -1;
    bundle->path = strdup(path);
    if (bundle->path == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: out of memory");
    HPCK_TRY(open_file(bundle, &size, err));
    HPCK_TRY(find_places(bundle, size, verbose, err));
    *out = bundle;
    bundle = NULL;
done:
    bundle_close(bundle);
    return st;
}

void bundle_close(struct bundle *bundle)
{
    if (bundle == NULL) return;
    if (bundle->file >= 0) close(bundle->file);
    free(bundle->places);
    free(bundle->path);
    free(bundle);
}

/* ---- searching -------------------------------------------------------------------------------------------- */

hpck_status bundle_find(const struct bundle *bundle, struct bytes key, void **data, size_t *size, struct error *err)
{
    hpck_status st = HPCK_OK;
    char beginning[COMPARED_FIRST];
    const size_t compared = key.size < sizeof beginning ? key.size : sizeof beginning;
    char *entry = NULL;
    *data = NULL;
    for (size_t i = 0; i < bundle->count; i++) {
        const struct place *place = &bundle->places[i];
        if (place->key_size != key.size) continue;
        if (!read_at(bundle, place->offset + CACHE_ENTRY_HEADER, beginning, compared))
            HPCK_FAIL(err, HPCK_IO, "bundle: %s has become shorter", bundle->path);
        if (memcmp(beginning, key.data, compared) != 0) continue;
        free(entry);
        entry = malloc((size_t)place->size);
        if (entry == NULL)
            HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: out of memory for a kernel of %" PRIu64 " bytes",
                      place->size);
        if (!read_at(bundle, place->offset, entry, (size_t)place->size))
            HPCK_FAIL(err, HPCK_IO, "bundle: %s has become shorter", bundle->path);
        if (memcmp(entry + CACHE_ENTRY_HEADER, key.data, key.size) != 0) continue;
        *data = entry;
        *size = (size_t)place->size;
        entry = NULL;
        break;
    }
done:
    free(entry);
    return st;
}
