/* See cache_disk.h. */
#include "cache_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache_prune.h"
#include "env.h"
#include "strbuf.h"

enum { FILE_BYTES_MAX = 256 << 20 }; /* a program is some 100 KB; a larger file was not written by us */

static hpck_status fail(struct error *err, const char *what, const char *path)
{
    return error_set(err, HPCK_IO, "cache: %s %s: %s", what, path, strerror(errno));
}

static char *join(const char *folder, const char *name, const char *suffix)
{
    struct strbuf path = { 0 };
    strbuf_addf(&path, "%s/%s%s", folder, name, suffix);
    if (path.failed) strbuf_free(&path);
    return path.text;
}

/* ---- the folder ------------------------------------------------------------------------------------------- */

hpck_status cache_disk_path(const char *cache_dir, char **path, struct error *err)
{
    struct strbuf text = { 0 };
    hpck_status st = HPCK_OK;
    const char *set = cache_dir != NULL ? cache_dir : getenv("HPCK_CACHE_DIR");
    *path = NULL;
    if (set != NULL && set[0] == '\0') goto done;
    if (cache_dir == NULL) set = env_get("HPCK_CACHE_DIR");
    const char *xdg = env_get("XDG_CACHE_HOME");
    const char *home = env_get("HOME");
    if (set != NULL)
        strbuf_add(&text, set);
    else if (xdg != NULL && xdg[0] == '/') /* the XDG rule: a relative path is ignored */
        strbuf_addf(&text, "%s/hpck", xdg);
    else if (home != NULL)
        strbuf_addf(&text, "%s/.cache/hpck", home);
    if (text.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for the folder's name");
    *path = text.text;
    text.text = NULL;
done:
    strbuf_free(&text);
    return st;
}

hpck_status cache_disk_make(const char *path, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct stat info;
    char *part = strdup(path);
    if (part == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory");
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/') continue;
        *p = '\0';
        mkdir(part, 0700); /* what matters is whether the last one is there */
        *p = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        st = fail(err, "cannot make", path);
        goto done;
    }
    if (stat(path, &info) != 0) {
        st = fail(err, "cannot read", path);
        goto done;
    }
    if (!S_ISDIR(info.st_mode)) HPCK_FAIL(err, HPCK_IO, "cache: %s is not a folder", path);
    /* Programs are run: nobody else may put them there. */
    if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0)
        HPCK_FAIL(err, HPCK_IO, "cache: %s may be written by everybody", path);
done:
    free(part);
    return st;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static hpck_status read_all(int fd, size_t size, void **data, const char *path, struct error *err)
{
    hpck_status st = HPCK_OK;
    size_t done_bytes = 0;
    char *bytes = malloc(size + 1);
    if (bytes == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory for %s (%zu bytes)", path, size);
    while (done_bytes < size) {
        ssize_t got = read(fd, bytes + done_bytes, size - done_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) HPCK_FAIL(err, HPCK_IO, "cache: %s cannot be read to its end", path);
        done_bytes += (size_t)got;
    }
    *data = bytes;
    bytes = NULL;
done:
    free(bytes);
    return st;
}

hpck_status cache_disk_read(const char *folder, const char *name, void **data, size_t *size, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct stat info;
    int fd = -1;
    char *path = join(folder, name, CACHE_ENTRY_SUFFIX);
    *data = NULL;
    if (path == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory");
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) goto done;
    if (fd < 0 || fstat(fd, &info) != 0) {
        st = fail(err, "cannot read", path);
        goto done;
    }
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid())
        HPCK_FAIL(err, HPCK_IO, "cache: %s is not a file of this user", path);
    if (info.st_size > FILE_BYTES_MAX)
        HPCK_FAIL(err, HPCK_IO, "cache: %s has %lld bytes, more than any entry", path, (long long)info.st_size);
    HPCK_TRY(read_all(fd, (size_t)info.st_size, data, path, err));
    *size = (size_t)info.st_size;
    futimens(fd, NULL); /* used now: pruning takes the oldest */
done:
    if (fd >= 0) close(fd);
    free(path);
    return st;
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        data += put;
        size -= (size_t)put;
    }
    return fsync(fd) == 0;
}

hpck_status cache_disk_write(const char *folder, const char *name, const void *data, size_t size,
                             uint64_t limit_bytes, struct error *err)
{
    hpck_status st = HPCK_OK;
    int fd = -1;
    char *path = join(folder, name, CACHE_ENTRY_SUFFIX);
    char *temporary = join(folder, name, CACHE_TEMPORARY_SUFFIX "XXXXXX");
    if (path == NULL || temporary == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cache: out of memory");
    fd = mkstemp(temporary);
    if (fd < 0) {
        st = fail(err, "cannot write", temporary);
        goto done;
    }
    bool is_written = write_all(fd, data, size);
    is_written = close(fd) == 0 && is_written;
    if (!is_written || rename(temporary, path) != 0) {
        st = fail(err, "cannot write", path);
        unlink(temporary);
        goto done;
    }
    cache_prune(folder, limit_bytes);
done:
    free(temporary);
    free(path);
    return st;
}

/* ---- locks ------------------------------------------------------------------------------------------------ */

int cache_disk_lock(const char *folder, const char *name)
{
    const struct timespec nap = { .tv_nsec = 5 * 1000 * 1000 };
    char *path = join(folder, name, CACHE_LOCK_SUFFIX);
    if (path == NULL) return -1;
    int lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    if (lock < 0) return -1;
    for (int naps = CACHE_LOCK_WAIT_S * 200; naps > 0; naps--) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        nanosleep(&nap, NULL);
    }
    close(lock);
    return -1;
}

/* The file goes with the lock. Somebody who waits on the removed file, or makes a new one, finds the entry that was
 * written before. */
void cache_disk_unlock(const char *folder, const char *name, int lock)
{
    if (lock < 0) return;
    char *path = join(folder, name, CACHE_LOCK_SUFFIX);
    if (path != NULL) unlink(path);
    free(path);
    close(lock);
}
