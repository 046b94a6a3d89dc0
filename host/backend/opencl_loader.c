/* Opens the OpenCL library at run time, so that one binary serves machines with and without it. */
#include "opencl.h"

#include <dlfcn.h>
#include <string.h>

#include "env.h"

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) { #name, offsetof(struct opencl_api, name) },
    OPENCL_FUNCTIONS(X)
#undef X
};

hpck_status opencl_load(struct opencl_api *api, struct error *err)
{
    hpck_status st = HPCK_OK;
    const char *path = env_get("HPCK_OPENCL_LIBRARY");
    if (path == NULL) path = "libOpenCL.so.1";

    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        HPCK_FAIL(err, HPCK_NO_DEVICE,
                  "opencl: the OpenCL library could not be opened (install an OpenCL driver, or set "
                  "HPCK_OPENCL_LIBRARY): %s",
                  dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (symbol == NULL)
            HPCK_FAIL(err, HPCK_NO_DEVICE, "opencl: %s has no %s; OpenCL 1.2 is needed", path, functions[i].name);
        memcpy((char *)api + functions[i].offset, &symbol, sizeof symbol);
    }
done:
    return st;
}
