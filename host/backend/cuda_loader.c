/* Opens the CUDA driver and NVRTC at run time, so that one binary serves machines with and without them. */
#include "cuda_api.h"

#include <dlfcn.h>
#include <string.h>

#include "env.h"
#include "strbuf.h"

struct entry {
    const char *symbol;
    size_t offset;
};

static const struct entry driver_entries[] = {
#define X(field, symbol, parameters) { #symbol, offsetof(struct cuda_api, field) },
    CUDA_FUNCTIONS(X)
#undef X
};

static const struct entry later_driver_entries[] = {
#define X(field, symbol, parameters) { #symbol, offsetof(struct cuda_api, field) },
    CUDA_LATER_FUNCTIONS(X)
#undef X
};

static const struct entry nvrtc_entries[] = {
#define X(field, symbol, parameters) { #symbol, offsetof(struct nvrtc_api, field) },
    NVRTC_FUNCTIONS(X)
#undef X
        { "nvrtcGetErrorString", offsetof(struct nvrtc_api, error_text) },
};

/* NULL: all found; else the first that is missing, and the search ends there. */
static const char *find_all(void *library, const struct entry *entries, size_t count, void *api)
{
    for (size_t i = 0; i < count; i++) {
        void *symbol = dlsym(library, entries[i].symbol);
        if (symbol == NULL) return entries[i].symbol;
        memcpy((char *)api + entries[i].offset, &symbol, sizeof symbol);
    }
    return NULL;
}

hpck_status cuda_load(struct cuda_api *api, struct error *err)
{
    hpck_status st = HPCK_OK;
    const char *path = env_get("HPCK_CUDA_DRIVER");
    if (path == NULL) path = "libcuda.so.1";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        HPCK_FAIL(
            err, HPCK_NO_DEVICE,
            "cuda: the driver library could not be opened (install NVIDIA's driver, or set HPCK_CUDA_DRIVER): %s",
            dlerror());
    const char *missing = find_all(library, driver_entries, sizeof driver_entries / sizeof driver_entries[0], api);
    if (missing != NULL)
        HPCK_FAIL(err, HPCK_NO_DEVICE, "cuda: %s has no %s; a driver for CUDA 11 or later is needed", path,
                  missing);
    find_all(library, later_driver_entries, sizeof later_driver_entries / sizeof later_driver_entries[0], api);
    api->is_emulated = dlsym(library, "hpckemu_report") != NULL;
done:
    return st;
}

/* Sonames of CUDA 13 and 12, then what a development package or the toolkit's own folder has. */
static void *open_nvrtc(const char *path, struct strbuf *reasons)
{
    static const char *const usual[] = { "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so",
                                         "/usr/local/cuda/lib64/libnvrtc.so" };
    size_t count = path != NULL ? 1 : sizeof usual / sizeof usual[0];
    for (size_t i = 0; i < count; i++) {
        void *library = dlopen(path != NULL ? path : usual[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        if (library != NULL) return library;
        strbuf_addf(reasons, "\n  %s", dlerror());
    }
    return NULL;
}

hpck_status nvrtc_load(struct nvrtc_api *api, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf reasons = { 0 };
    void *library = open_nvrtc(env_get("HPCK_NVRTC"), &reasons);
    if (library == NULL)
        HPCK_FAIL(err, HPCK_COMPILE_FAILED,
                  "cuda: the kernel is in no cache or bundle, and the compiler NVRTC could not be opened (install "
                  "it, or set "
                  "HPCK_NVRTC):%s",
                  reasons.text != NULL ? reasons.text : "");
    const char *missing = find_all(library, nvrtc_entries, sizeof nvrtc_entries / sizeof nvrtc_entries[0], api);
    if (missing != NULL)
        HPCK_FAIL(err, HPCK_COMPILE_FAILED, "cuda: NVRTC has no %s; that of CUDA 11.2 or later is needed", missing);
done:
    strbuf_free(&reasons);
    return st;
}
