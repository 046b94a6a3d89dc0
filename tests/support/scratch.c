#define _GNU_SOURCE
#include "scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

int scratch_setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/hpck-test-XXXXXX");
    if (mkdtemp(folder) == NULL) return -1;
    setenv("XDG_DATA_HOME", scratch_path("user"), 1);
    setenv("XDG_DATA_DIRS", scratch_path("system"), 1);
    unsetenv("HPCK_DB");
    unsetenv("HPCK_VERBOSE");
    unsetenv("HPCK_VERBOSE_FILE");
    unsetenv("HPCK_TRACE");
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

int scratch_teardown(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
    enum { PATHS = 8 };
    static char paths[PATHS][512];
    static int next;
    char *path = paths[next++ % PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void scratch_write(const char *name, const char *text, size_t length)
{
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(name));
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

char *scratch_read(const char *name, size_t *length)
{
    FILE *file = fopen(scratch_path(name), "rb");
    if (file == NULL) return NULL;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, size, file), size);
    text[size] = '\0';
    fclose(file);
    if (length != NULL) *length = size;
    return text;
}
