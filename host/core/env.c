/* The environment as a library may trust it, and the files that it names. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* secure_getenv */
#endif
#include "env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strbuf.h"

const char *env_get(const char *name)
{
    const char *value = secure_getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void expand(const char *path, struct strbuf *out)
{
    const char *mark;
    while ((mark = strstr(path, "%p")) != NULL) {
        strbuf_addn(out, path, (size_t)(mark - path));
        strbuf_addf(out, "%ld", (long)getpid());
        path = mark + 2;
    }
    strbuf_add(out, path);
}

hpck_status env_open_append(const char *path, int *fd, struct error *err)
{
    hpck_status st = HPCK_OK;
    int file = -1;
    struct stat info;
    struct strbuf expanded = { 0 };
    expand(path, &expanded);
    if (expanded.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for the path %s", path);
    file = open(expanded.text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (file < 0 || fstat(file, &info) != 0)
        HPCK_FAIL(err, HPCK_IO, "cannot open %s for appending: %s", expanded.text, strerror(errno));
    if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode))
        HPCK_FAIL(err, HPCK_IO, "cannot append to %s: it is not a regular file", expanded.text);
    *fd = file;
    file = -1;
done:
    if (file >= 0) close(file);
    strbuf_free(&expanded);
    return st;
}

void env_write(int fd, const char *text, size_t length)
{
    ssize_t written;
    do
        written = write(fd, text, length);
    while (written < 0 && errno == EINTR);
}
