/* dlopen, with messages and with the name of what was found. */
#define _GNU_SOURCE /* RTLD_DI_LINKMAP */
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void remember_file(struct library *library)
{
    struct link_map *map = NULL;
    library->file[0] = '\0';
    if (dlinfo(library->handle, RTLD_DI_LINKMAP, &map) != 0 || !map) return;
    char *path = realpath(map->l_name, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (slash) snprintf(library->file, sizeof library->file, "%s", slash + 1);
    free(path);
}

const char *library_file(const char *variable, const char *soname)
{
    const char *chosen = getenv(variable);
    return chosen && *chosen ? chosen : soname;
}

hpck_status library_open(struct library *library, const char *variable, const char *soname, struct error *err)
{
    /* it stays in memory: threads and state of its own outlive a close */
    library->handle = dlopen(library_file(variable, soname), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library->handle) return error_set(err, HPCK_UNSUPPORTED, "not on this machine: %s", dlerror());
    remember_file(library);
    return HPCK_OK;
}

hpck_status library_open_first(struct library *library, const char *variable, const char *const *sonames,
                               struct error *err)
{
    hpck_status st = HPCK_UNSUPPORTED;
    for (; *sonames && st != HPCK_OK; sonames++)
        st = library_open(library, variable, *sonames, err);
    return st;
}

void library_close(struct library *library)
{
    if (library->handle) dlclose(library->handle);
    library->handle = NULL;
}

hpck_status library_function(const struct library *library, const char *name, void *pointer, struct error *err)
{
    void *address = dlsym(library->handle, name);
    if (!address) return error_set(err, HPCK_UNSUPPORTED, "%s has no function %s", library->file, name);
    memcpy(pointer, &address, sizeof address); /* ISO C has no cast from a data to a function pointer */
    return HPCK_OK;
}
