/* Made, shared and removed. */
#include "kernels_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "strbuf.h"

hpck_status kernels_folder_open(struct kernels_folder *folder, const char *db_path, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf path = { 0 };
    strbuf_addf(&path, "%s.kernels", db_path);
    if (path.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory");
    folder->path = path.text;
    if (mkdir(folder->path, 0700) != 0 && errno != EEXIST)
        HPCK_FAIL(err, HPCK_IO, "%s: cannot be made: %s", folder->path, strerror(errno));
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder->lock < 0) HPCK_FAIL(err, HPCK_IO, "%s: cannot be opened: %s", folder->path, strerror(errno));
    flock(folder->lock, LOCK_SH); /* without locks nobody is waited for: see below */
done:
    if (st != HPCK_OK) kernels_folder_close(folder);
    return st;
}

/* Those of a kernel cache (docs/kernel-cache.md): their names begin with a hash. Whatever else lies there stays. */
static void remove_kernels(int folder)
{
    enum { NAME_DIGITS = 32 };
    DIR *list = fdopendir(dup(folder));
    for (const struct dirent *entry; list && (entry = readdir(list)) != NULL;)
        if (strspn(entry->d_name, "0123456789abcdef") == NAME_DIGITS) unlinkat(folder, entry->d_name, 0);
    if (list) closedir(list);
}

/* Another tuner that is at work in it removes it later; one that starts at this very moment finds a folder without files,
 * or makes it anew. */
void kernels_folder_close(struct kernels_folder *folder)
{
    if (folder->lock >= 0) {
        if (flock(folder->lock, LOCK_EX | LOCK_NB) == 0) {
            remove_kernels(folder->lock);
            rmdir(folder->path);
        }
        close(folder->lock);
    }
    free(folder->path);
    *folder = (struct kernels_folder){ NULL, -1 };
}
