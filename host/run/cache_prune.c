/* See cache_prune.h. */
#include "cache_prune.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_DIGITS = 32, LEFTOVER_AGE_S = 3600 };

struct file {
    char name[NAME_DIGITS + sizeof CACHE_ENTRY_SUFFIX];
    struct timespec used;
    uint64_t bytes;
};

struct files {
    struct file *list;
    size_t count, capacity;
    uint64_t bytes;
};

static int by_age(const void *pa, const void *pb)
{
    const struct file *a = pa;
    const struct file *b = pb;
    if (a->used.tv_sec != b->used.tv_sec) return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    if (a->used.tv_nsec != b->used.tv_nsec) return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void add(struct files *files, const char *name, const struct stat *info)
{
    if (files->count == files->capacity) {
        size_t capacity = files->capacity == 0 ? 64 : 2 * files->capacity;
        struct file *grown = realloc(files->list, capacity * sizeof *grown);
        if (grown == NULL) return; /* not counted, so not removed */
        files->list = grown;
        files->capacity = capacity;
    }
    struct file *file = &files->list[files->count++];
    memcpy(file->name, name, sizeof file->name);
    file->used = info->st_mtim;
    file->bytes = (uint64_t)info->st_size;
    files->bytes += file->bytes;
}

static void look_at(int folder, const char *name, time_t now, struct files *files)
{
    struct stat info;
    const char *suffix = name + NAME_DIGITS;
    if (strspn(name, "0123456789abcdef") != NAME_DIGITS) return;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) return;
    bool is_leftover = strcmp(suffix, CACHE_LOCK_SUFFIX) == 0 ||
                       strncmp(suffix, CACHE_TEMPORARY_SUFFIX, strlen(CACHE_TEMPORARY_SUFFIX)) == 0;
    if (strcmp(suffix, CACHE_ENTRY_SUFFIX) == 0)
        add(files, name, &info);
    else if (is_leftover && now - info.st_mtim.tv_sec > LEFTOVER_AGE_S)
        unlinkat(folder, name, 0);
}

void cache_prune(const char *path, uint64_t limit_bytes)
{
    struct files files = { 0 };
    time_t now = time(NULL);
    DIR *folder = opendir(path);
    if (folder == NULL) return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        look_at(dirfd(folder), entry->d_name, now, &files);
    if (files.bytes > limit_bytes) {
        qsort(files.list, files.count, sizeof *files.list, by_age);
        for (size_t i = 0; i < files.count && files.bytes > limit_bytes; i++) {
            unlinkat(dirfd(folder), files.list[i].name, 0);
            files.bytes -= files.list[i].bytes;
        }
    }
    closedir(folder);
    free(files.list);
}
