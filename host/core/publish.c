/* Replacing a text file under an advisory lock; see publish.h for what that promises. */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "strbuf.h"

enum { LOCK_SECONDS = 10, LOCK_POLL_MS = 5 };

static hpck_status with_suffix(const char *path, const char *suffix, char **out, struct error *err)
{
    struct strbuf text = { 0 };
    strbuf_add(&text, path);
    strbuf_add(&text, suffix);
    if (text.failed) {
        strbuf_free(&text);
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the path %s%s", path, suffix);
    }
    *out = text.text;
    return HPCK_OK;
}

/* ---- path --------------------------------------------------------------------------------------------------- */

/* Makes every folder above the last component. */
static hpck_status make_folders(char *path, struct error *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0777);
        if (failed != 0 && errno != EEXIST)
            return error_set(err, HPCK_IO, "cannot make the folder %s: %s", path, strerror(errno));
        *slash = '/';
    }
    return HPCK_OK;
}

static hpck_status resolve(struct publication *pub, const char *path, struct error *err)
{
    struct stat info;
    if (path[0] == '\0') return error_set(err, HPCK_IO, "the path of the file to write is empty");
    if (lstat(path, &info) != 0) {
        hpck_status st = with_suffix(path, "", &pub->path, err);
        return st == HPCK_OK ? make_folders(pub->path, err) : st;
    }
    pub->path = realpath(path, NULL);
    if (pub->path == NULL) return error_set(err, HPCK_IO, "cannot follow %s: %s", path, strerror(errno));
    if (stat(pub->path, &info) != 0 || access(pub->path, W_OK) != 0)
        return error_set(err, HPCK_IO, "cannot write %s: %s", pub->path, strerror(errno));
    pub->is_new = false;
    pub->mode = info.st_mode & 07777U;
    pub->owner = info.st_uid;
    pub->group = info.st_gid;
    return HPCK_OK;
}

/* ---- lock ---------------------------------------------------------------------------------------------------- */

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* flock has no time-out of its own, and a signal to end the wait would be the application's. */
static hpck_status wait_for_lock(int fd, const char *lock, struct error *err)
{
    const struct timespec pause = { 0, LOCK_POLL_MS * 1000000L };
    double limit = monotonic_seconds() + LOCK_SECONDS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_set(err, HPCK_IO, "cannot lock %s: %s", lock, strerror(errno));
        if (monotonic_seconds() > limit)
            return error_set(err, HPCK_TIMEOUT, "another process has held the lock %s for %d seconds", lock,
                             LOCK_SECONDS);
        nanosleep(&pause, NULL);
    }
    return HPCK_OK;
}

static hpck_status take_lock(struct publication *pub, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *lock = NULL;
    HPCK_TRY(with_suffix(pub->path, ".lock", &lock, err));
    pub->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0666);
    if (pub->lock_fd < 0) HPCK_FAIL(err, HPCK_IO, "cannot open the lock %s: %s", lock, strerror(errno));
    HPCK_TRY(wait_for_lock(pub->lock_fd, lock, err));
done:
    free(lock);
    return st;
}

/* ---- begin, commit, end ---------------------------------------------------------------------------------------- */

hpck_status publication_begin(struct publication *pub, const char *path, size_t limit, struct error *err)
{
    hpck_status st = HPCK_OK;
    bool missing = false; /* then the text is empty */
    HPCK_TRY(resolve(pub, path, err));
    HPCK_TRY(take_lock(pub, err));
    HPCK_TRY(file_read(pub->path, limit, &pub->text, &pub->size, &missing, err));
done:
    return st;
}

static hpck_status write_all(int fd, const char *path, const char *text, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return error_set(err, HPCK_IO, "cannot write %s: %s", path, strerror(errno));
        text += written;
        size -= (size_t)written;
    }
    return HPCK_OK;
}

static hpck_status keep_permissions(const struct publication *pub, int fd, const char *temporary, struct error *err)
{
    struct stat info;
    if (pub->is_new) return HPCK_OK;
    bool is_changed = fstat(fd, &info) != 0 || info.st_uid != pub->owner || info.st_gid != pub->group;
    if ((is_changed && fchown(fd, pub->owner, pub->group) != 0) || fchmod(fd, pub->mode) != 0)
        return error_set(err, HPCK_IO, "cannot give %s the owner and permissions of %s: %s", temporary, pub->path,
                         strerror(errno));
    return HPCK_OK;
}

/* A rename is on disk once its folder is. Some file systems have no such call; then the rename stands alone. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

hpck_status publication_commit(struct publication *pub, const char *text, size_t size, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *temporary = NULL;
    int fd = -1;
    HPCK_TRY(with_suffix(pub->path, ".tmp", &temporary, err));
    unlink(temporary); /* of a writer that was killed: the lock is ours, so nobody else is writing it */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) HPCK_FAIL(err, HPCK_IO, "cannot make %s: %s", temporary, strerror(errno));
    HPCK_TRY(write_all(fd, temporary, text, size, err));
    HPCK_TRY(keep_permissions(pub, fd, temporary, err));
    if (fsync(fd) != 0) HPCK_FAIL(err, HPCK_IO, "cannot sync %s: %s", temporary, strerror(errno));
    if (rename(temporary, pub->path) != 0)
        HPCK_FAIL(err, HPCK_IO, "cannot rename %s to %s: %s", temporary, pub->path, strerror(errno));
    sync_folder(pub->path);
done:
    if (fd >= 0) close(fd);
    if (fd >= 0 && st != HPCK_OK) unlink(temporary);
    free(temporary);
    return st;
}

void publication_end(struct publication *pub)
{
    if (pub->lock_fd >= 0) close(pub->lock_fd); /* releases the lock */
    free(pub->path);
    free(pub->text);
    *pub = (struct publication)PUBLICATION_INIT;
}
