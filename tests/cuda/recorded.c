/* See recorded.h. */
#include "recorded.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

struct recorder *recorded_driver;
static bool has_nvrtc;

int recorded_setup(void **state)
{
    *recorded_driver = (struct recorder){ .device_count = 1, .sm = 80, .local_bytes = 101376 };
    setenv("HPCK_CUDA_DRIVER", RECORDING_DRIVER, 1);
    unsetenv("HPCK_NVRTC");
    unsetenv("HPCK_DEVICE");
    return scratch_setup(state);
}

int recorded_teardown(void **state)
{
    assert_int_equal(recorded_driver->pushed, 0);
    assert_int_equal(recorded_driver->alive, 0);
    assert_int_equal(recorded_driver->retained, 0);
    return scratch_teardown(state);
}

void recorded_fail_from(const char *function, int after, enum cuda_code code)
{
    recorded_driver->failing = function;
    recorded_driver->fail_after = after;
    recorded_driver->fail_code = (int)code;
}

void recorded_forget(void)
{
    recorded_driver->log[0] = '\0';
}

bool recorded_called(const char *function)
{
    return strstr(recorded_driver->log, function) != NULL;
}

void recorded_assert_message(const hpck_handle *handle, const char *part)
{
    if (strstr(hpck_error_message(handle), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, hpck_error_message(handle));
}

void recorded_assert_fails(const hpck_handle *handle, hpck_status got, hpck_status status, const char *part)
{
    assert_string_equal(hpck_status_string(got), hpck_status_string(status));
    recorded_assert_message(handle, part);
}

hpck_handle *recorded_handle(void)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.device = "cuda:0";
    options.cache_dir = scratch_path("cache");
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    return handle;
}

struct product recorded_product(hpck_handle *handle)
{
    struct product p = { .handle = handle, .desc = HPCK_GEMM_DESC_INIT };
    p.desc.m = p.desc.n = p.desc.k = 8;
    assert_int_equal(hpck_malloc(handle, 256, &p.a.memory), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, 256, &p.b.memory), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, 256, &p.c.memory), HPCK_OK);
    return p;
}

hpck_status recorded_run(const struct product *p, const hpck_sync *sync)
{
    return hpck_gemm(p->handle, &p->desc, 1.0F, p->a, p->b, 0.0F, p->c, sync);
}

void recorded_need_nvrtc(void)
{
    if (!has_nvrtc) skip();
}

int recorded_run_tests(const char *group, const struct CMUnitTest *tests, size_t count)
{
    struct nvrtc_api nvrtc;
    void *library = dlopen(RECORDING_DRIVER, RTLD_NOW | RTLD_NODELETE);
    void *symbol = library != NULL ? dlsym(library, "recorder") : NULL;
    recorder_function get = NULL;
    memcpy(&get, &symbol, sizeof get);
    if (get == NULL) return 1;
    recorded_driver = get();
    has_nvrtc = nvrtc_load(&nvrtc, NULL) == HPCK_OK;
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
