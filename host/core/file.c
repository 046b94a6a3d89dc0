/* Reading and appending to files that somebody else named. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strbuf.h"

static hpck_status too_large(const char *path, size_t limit, struct error *err)
{
    return error_set(err, HPCK_DB_FORMAT, "%s is larger than the %zu bytes that such a file may have", path, limit);
}

static hpck_status read_all(int fd, const char *path, size_t limit, struct strbuf *text, struct error *err)
{
    char chunk[1 << 16];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return error_set(err, HPCK_IO, "cannot read %s: %s", path, strerror(errno));
        if (got == 0) return HPCK_OK;
        if ((size_t)got > limit - text->length) return too_large(path, limit, err);
        strbuf_addn(text, chunk, (size_t)got);
        if (text->failed) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the contents of %s", path);
    }
}

hpck_status file_read(const char *path, size_t limit, char **text, size_t *size, bool *missing, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf contents = { 0 };
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool is_missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    if ((fd < 0 && !(is_missing && missing != NULL)) || (fd >= 0 && fstat(fd, &info) != 0))
        HPCK_FAIL(err, HPCK_IO, "cannot open %s: %s", path, strerror(errno));
    if (fd >= 0 && !S_ISREG(info.st_mode))
        HPCK_FAIL(err, HPCK_IO, "cannot read %s: it is not a regular file", path);
    if (fd >= 0 && (uintmax_t)info.st_size > limit) HPCK_TRY(too_large(path, limit, err));
    strbuf_add(&contents, ""); /* an empty file is an empty text, not NULL */
    if (fd >= 0) HPCK_TRY(read_all(fd, path, limit, &contents, err));
    if (contents.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for the contents of %s", path);
    if (missing != NULL) *missing = is_missing;
    *text = contents.text;
    *size = contents.length;
    contents = (struct strbuf){ 0 };
done:
    strbuf_free(&contents);
    if (fd >= 0) close(fd);
    return st;
}

bool lines_next(struct lines *lines, const char **line, size_t *length)
{
    if (lines->next == lines->end) return false;
    const char *newline = memchr(lines->next, '\n', (size_t)(lines->end - lines->next));
    const char *stop = newline != NULL ? newline : lines->end;
    *line = lines->next;
    *length = (size_t)(stop - lines->next);
    lines->next = newline != NULL ? newline + 1 : lines->end;
    lines->number++;
    return true;
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

hpck_status file_open_append(const char *path, int *fd, struct error *err)
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

void file_append(int fd, const char *text, size_t length)
{
    ssize_t written;
    do
        written = write(fd, text, length);
    while (written < 0 && errno == EINTR);
}
