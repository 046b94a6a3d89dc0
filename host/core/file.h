/* Files that somebody else named: read whole and walked line by line, or appended to. Nothing here blocks on a pipe,
 * reads without a limit or follows a path to something that is no file. */
#ifndef HPCK_CORE_FILE_H
#define HPCK_CORE_FILE_H

#include <stdbool.h>

#include "error.h"

/* Reads a regular file whole; caller frees *text, which is terminated. A file that does not exist is an error when
 * `missing` is NULL; else *missing tells, and the text is empty.
 * Errors: IO (the message names path and reason), DB_FORMAT (more than `limit` bytes). */
hpck_status file_read(const char *path, size_t limit, char **text, size_t *size, bool *missing, struct error *err);

/* Walks over the lines of a text, newlines excluded; the last one may lack its newline. */
struct lines {
    const char *next;
    const char *end;
    int number; /* of the line read last, from 1 */
};
bool lines_next(struct lines *lines, const char **line, size_t *length);

/* Opens a file for appending; "%p" in path is the process id. Only regular files and character devices (a terminal,
 * /dev/null) are accepted. IO: the message names path and reason. */
hpck_status file_open_append(const char *path, int *fd, struct error *err);

/* One write of the whole text, so that lines appended by several processes do not mix. Failures are not reported: this
 * is for output that has no better place to report to. */
void file_append(int fd, const char *text, size_t length);

#endif
