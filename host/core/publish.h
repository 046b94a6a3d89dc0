/* Replacing a text file that several processes rewrite: one writer at a time under an advisory lock PATH.lock, the new
 * contents in PATH.tmp, synced, then renamed over the old file. Killed at any instant, the file is the old one or the
 * new one; a PATH.tmp left behind is removed by the next writer. */
#ifndef HPCK_CORE_PUBLISH_H
#define HPCK_CORE_PUBLISH_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

struct publication {
    char *path; /* symbolic links followed */
    char *text; /* the old contents, read under the lock; "" when there is no file yet */
    size_t size;
    int lock_fd;
    bool is_new; /* no old file, whose permissions and owner (the next three) are to be kept */
    mode_t mode;
    uid_t owner;
    gid_t group;
};
#define PUBLICATION_INIT                                                                                           \
    {                                                                                                              \
        NULL, NULL, 0, -1, true, 0, 0, 0                                                                           \
    }

/* Makes missing folders, takes the lock, reads the file (at most `limit` bytes).
 * Errors: TIMEOUT (another process holds the lock for 10 seconds), DB_FORMAT (larger than limit), IO. */
hpck_status publication_begin(struct publication *pub, const char *path, size_t limit, struct error *err);

/* Replaces the file. On an error it is as it was. */
hpck_status publication_commit(struct publication *pub, const char *text, size_t size, struct error *err);

/* Releases the lock; to be called after every begin, whatever it returned. */
void publication_end(struct publication *pub);

#endif
