/* NVRTC is opened at run time, by the path in HPCK_NVRTC or by its name. */
#include "emulated.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct nvrtc {
    int (*create)(void **, const char *, const char *, int, const char *const *, const char *const *);
    int (*compile)(void *, int, const char *const *);
    int (*ptx_size)(void *, size_t *);
    int (*ptx)(void *, char *);
    int (*log_size)(void *, size_t *);
    int (*log)(void *, char *);
    int (*destroy)(void **);
};

static int open_nvrtc(struct nvrtc *nvrtc)
{
    const char *path = getenv("HPCK_NVRTC");
    void *library = dlopen(path != NULL && *path != '\0' ? path : "libnvrtc.so.13", RTLD_NOW);
    if (library == NULL) return 0;
    static const char *const names[] = { "nvrtcCreateProgram", "nvrtcCompileProgram",    "nvrtcGetPTXSize",
                                         "nvrtcGetPTX",        "nvrtcGetProgramLogSize", "nvrtcGetProgramLog",
                                         "nvrtcDestroyProgram" };
    void *found[7];
    for (int i = 0; i < 7; i++) {
        found[i] = dlsym(library, names[i]);
        if (found[i] == NULL) return 0;
    }
    memcpy(nvrtc, found, sizeof *nvrtc); /* POSIX: function pointers have the representation of void * */
    return 1;
}

int emulated_has_nvrtc(void)
{
    struct nvrtc nvrtc;
    return open_nvrtc(&nvrtc);
}

char *emulated_compile(const char *source, const char *target)
{
    struct nvrtc nvrtc;
    assert_true(open_nvrtc(&nvrtc));
    void *program = NULL;
    char option[64];
    snprintf(option, sizeof option, "--gpu-architecture=%s", target);
    const char *options[] = { option, "--std=c++17" };
    assert_int_equal(nvrtc.create(&program, source, "test.cu", 0, NULL, NULL), 0);
    int result = nvrtc.compile(program, 2, options);
    size_t size = 0;
    if (result != 0) {
        nvrtc.log_size(program, &size);
        char *log = calloc(size + 1, 1);
        nvrtc.log(program, log);
        fail_msg("NVRTC for %s: %s", target, log);
    }
    assert_int_equal(nvrtc.ptx_size(program, &size), 0);
    char *ptx = malloc(size + 1);
    assert_non_null(ptx);
    assert_int_equal(nvrtc.ptx(program, ptx), 0);
    nvrtc.destroy(&program);
    return ptx;
}

void emulated_open(const char *device, int check)
{
    void *context = NULL;
    hpckemu_shutdown();
    setenv("HPCK_EMULATOR_DEVICE", device, 1);
    setenv("HPCK_EMULATOR_CHECK", check ? "1" : "0", 1);
    assert_int_equal(cuInit(0), 0);
    assert_int_equal(cuDevicePrimaryCtxRetain(&context, 0), 0);
    assert_int_equal(cuCtxSetCurrent(context), 0);
}

void *emulated_kernel(const char *source, const char *target, const char *name)
{
    char *ptx = emulated_compile(source, target);
    void *module = NULL, *kernel = NULL;
    int result = cuModuleLoadData(&module, ptx);
    if (result != 0) fail_msg("loading the PTX for %s: %s", target, hpckemu_report());
    assert_int_equal(cuModuleGetFunction(&kernel, module, name), 0);
    free(ptx);
    return kernel;
}

uint64_t emulated_copy(const void *data, size_t size)
{
    uint64_t address = 0;
    assert_int_equal(cuMemAlloc_v2(&address, size), 0);
    assert_int_equal(cuMemcpyHtoD_v2(address, data, size), 0);
    return address;
}

uint64_t emulated_zeros(size_t size)
{
    uint64_t address = 0;
    assert_int_equal(cuMemAlloc_v2(&address, size), 0);
    assert_int_equal(cuMemsetD8_v2(address, 0, size), 0);
    return address;
}

void emulated_launch(void *kernel, unsigned grid_x, unsigned grid_y, unsigned threads, unsigned shared,
                     void **params)
{
    assert_int_equal(cuLaunchKernel(kernel, grid_x, grid_y, 1, threads, 1, 1, shared, NULL, params, NULL), 0);
    if (cuCtxSynchronize() != 0) fail_msg("%s", hpckemu_report());
}

void emulated_expect_fault(void *kernel, unsigned blocks, unsigned threads, void **params, int code,
                           const char *const *words)
{
    assert_int_equal(cuLaunchKernel(kernel, blocks, 1, 1, threads, 1, 1, 0, NULL, params, NULL), 0);
    if (cuCtxSynchronize() != code) fail_msg("%d instead of %d: %s", cuCtxSynchronize(), code, hpckemu_report());
    for (; *words != NULL; words++)
        if (strstr(hpckemu_report(), *words) == NULL) fail_msg("no '%s' in: %s", *words, hpckemu_report());
    uint64_t address;
    assert_int_equal(cuMemAlloc_v2(&address, 4), code); /* the error is sticky */
}
