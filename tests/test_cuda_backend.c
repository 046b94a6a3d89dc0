/* The CUDA backend's manners, on a driver that records calls and runs nothing: devices, which calls a launch makes, limits,
 * and the texts that it compiles, saves and loads. Faults, and the caller's streams: test_cuda_faults.c, test_cuda_streams.c. */
#include "recorded.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

/* ---- devices -------------------------------------------------------------------------------------------------- */

static void without_a_driver_there_is_no_device_and_no_error(void **state)
{
    (void)state;
    struct device_desc devices[4];
    struct error err = { 0 };
    size_t listed = 0;
    int count = 7;
    setenv("HPCK_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    assert_int_equal(cuda_backend.enumerate(devices, 4, &count, &err), HPCK_NO_DEVICE);
    assert_int_equal(count, 0);
    assert_non_null(strstr(error_text(&err), "/nowhere/libcuda.so.1"));
    assert_int_equal(hpck_devices(NULL, 0, &listed), HPCK_OK);
    setenv("HPCK_CUDA_DRIVER", "libm.so.6", 1);
    assert_int_equal(cuda_backend.enumerate(devices, 4, &count, &err), HPCK_NO_DEVICE);
    assert_non_null(strstr(error_text(&err), "has no cuInit"));
    error_free(&err);
}

static void a_driver_that_does_not_start_is_no_driver(void **state)
{
    (void)state;
    static const enum cuda_code codes[] = { CUDA_NO_DEVICE, CUDA_SYSTEM_DRIVER_MISMATCH, CUDA_STUB_LIBRARY };
    struct device_desc devices[1];
    struct error err = { 0 };
    int count = 7;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        recorded_fail_from("cuInit", 0, codes[i]);
        assert_int_equal(cuda_backend.enumerate(devices, 1, &count, &err), HPCK_NO_DEVICE);
        assert_int_equal(count, 0);
        assert_non_null(strstr(error_text(&err), "cuInit"));
    }
    error_free(&err);
}

static void devices_are_listed_first_with_their_facts(void **state)
{
    (void)state;
    hpck_device_info all[3];
    struct device_desc desc[1];
    struct error err = { 0 };
    size_t listed = 0;
    int count = 0;
    recorded_driver->device_count = 2;
    recorded_driver->sm = 89;
    assert_int_equal(hpck_devices(all, 3, &listed), HPCK_OK);
    assert_true(listed >= 2);
    assert_string_equal(all[0].selector, "cuda:0");
    assert_string_equal(all[1].selector, "cuda:1");
    assert_string_equal(all[1].name, "recorder 1");
    assert_string_equal(all[1].driver, "CUDA 12.4");
    assert_string_equal(all[1].type, "gpu");
    assert_int_equal(cuda_backend.enumerate(desc, 1, &count, &err), HPCK_OK);
    assert_int_equal(count, 2);
    assert_string_equal(desc->architecture, "sm_89");
    assert_int_equal(desc->field.cuda_sm, 89);
    assert_int_equal(desc->field.is_gpu, 1);
    assert_int_equal(desc->field.compute_units, 58);
    assert_int_equal(desc->field.local_bytes, 101376);
    assert_int_equal(desc->field.max_work_items, 1024);
    assert_int_equal(desc->field.sub_group, 32);
    assert_int_equal(desc->field.cache_bytes, 48 << 20);
    error_free(&err);
}

static void a_device_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct backend_device *device = NULL;
    struct error err = { 0 };
    assert_int_equal(cuda_backend.open("cuda:5", &device, &err), HPCK_NO_DEVICE);
    assert_non_null(strstr(error_text(&err), "cuda:5"));
    error_free(&err);
}

/* Every driver call of opening a device may fail: what was made before is given back. */
static void opening_fails_cleanly_at_every_step(void **state)
{
    (void)state;
    static const char *const functions[] = { "cuDeviceGetCount",         "cuDeviceGet",        "cuDeviceGetName",
                                             "cuDeviceTotalMem_v2",      "cuStreamCreate",     "cuEventCreate",
                                             "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2" };
    struct backend_device *device = NULL;
    struct error err = { 0 };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        recorded_fail_from(functions[i], 0, CUDA_OUT_OF_MEMORY);
        assert_int_equal(cuda_backend.open("cuda:0", &device, &err), HPCK_DEVICE_OUT_OF_MEMORY);
        assert_null(device);
        recorded_driver->failing = NULL;
        assert_int_equal(recorded_teardown(&(void *){ NULL }), 0);
        assert_int_equal(scratch_setup(&(void *){ NULL }), 0);
    }
    error_free(&err);
}

/* ---- the launch path ------------------------------------------------------------------------------------------ */

static void a_call_with_a_plan_only_checks_and_launches(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    recorded_forget();
    recorded_driver->param_count = 3;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_string_equal(recorded_driver->log, "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                              "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                              "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                              "cuCtxPushCurrent_v2 cuLaunchKernel cuCtxPopCurrent_v2 ");
    assert_int_equal(recorded_driver->param[0], 8); /* m, n, k */
    assert_int_equal(recorded_driver->param[2], 8);
    assert_int_equal(recorded_driver->grid[1], 1);
    hpck_destroy(handle);
}

static void events_are_waited_for_and_given(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    hpck_event first = NULL;
    hpck_event second = NULL;
    assert_int_equal(recorded_run(&p, &(hpck_sync){ 0, NULL, &first }), HPCK_OK);
    assert_non_null(first);
    recorded_forget();
    assert_int_equal(recorded_run(&p, &(hpck_sync){ 1, &first, &second }), HPCK_OK);
    assert_non_null(strstr(recorded_driver->log, "cuStreamWaitEvent cuLaunchKernel cuEventCreate cuEventRecord "));
    hpck_event untouched = NULL;
    const hpck_event bad = NULL;
    recorded_assert_fails(handle, recorded_run(&p, &(hpck_sync){ 1, &bad, &untouched }), HPCK_INVALID_ARGUMENT,
                          "wait_list[0]");
    assert_null(untouched);
    void *cu = dlopen(RECORDING_DRIVER, RTLD_NOW | RTLD_NOLOAD);
    cuda_result (*destroy)(CUevent) = NULL;
    void *symbol = dlsym(cu, "cuEventDestroy_v2");
    memcpy(&destroy, &symbol, sizeof destroy);
    destroy(first);
    destroy(second);
    dlclose(cu);
    hpck_destroy(handle);
}

static void addresses_may_lie_inside_an_allocation_but_not_beyond(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    void *large = NULL;
    int on_host = 0;
    assert_int_equal(hpck_malloc(handle, 1024, &large), HPCK_OK);
    p.c = hpck_cuda_buffer((CUdeviceptr)(uintptr_t)large + 512, 64);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    p.c.offset = 65;
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_INVALID_ARGUMENT, "c has 512 bytes");
    p.c = hpck_cuda_buffer((CUdeviceptr)(uintptr_t)&on_host, 0);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_INVALID_ARGUMENT, "no address that CUDA allocated");
    hpck_destroy(handle);
}

static void memory_of_another_device_is_refused(void **state)
{
    (void)state;
    struct backend_device *device = NULL;
    struct memory_range range;
    struct error err = { 0 };
    void *memory = NULL;
    recorded_driver->device_count = 2;
    assert_int_equal(cuda_backend.open("cuda:1", &device, &err), HPCK_OK);
    assert_int_equal(cuda_backend.allocate(device, 64, &memory, &err),
                     HPCK_OK); /* the recorder's is always of device 0 */
    assert_int_equal(cuda_backend.check_memory(device, memory, "a", &range, &err), HPCK_INVALID_ARGUMENT);
    assert_string_equal(error_text(&err), "a: memory belongs to CUDA device 0, the handle to 1");
    cuda_backend.release(device, memory);
    cuda_backend.close(device);
    error_free(&err);
}

/* ---- local arrays and limits ---------------------------------------------------------------------------------- */

static void local_arrays_follow_each_other_in_dynamic_shared_memory(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct backend_device *device = NULL;
    struct backend_program *program = NULL;
    struct backend_kernel *kernel = NULL;
    struct error err = { 0 };
    assert_int_equal(cuda_backend.open("cuda:0", &device, &err), HPCK_OK);
    assert_int_equal(cuda_backend.compile(device,
                                          "extern \"C\" __global__ void f(long x_at, long y_at, long z_at) { }", "",
                                          NULL, &program, &err),
                     HPCK_OK);
    assert_int_equal(cuda_backend.kernel_create(program, "g", &kernel, &err), HPCK_INTERNAL);
    assert_non_null(strstr(error_text(&err), "\"g\""));
    assert_int_equal(cuda_backend.kernel_create(program, "f", &kernel, &err), HPCK_OK);

    struct geometry geometry = { { 256, 3, 1 }, { 64, 1, 1 } };
    struct launch_arg args[3] = { { ARG_LOCAL, { .integer = 100 } },
                                  { ARG_LOCAL, { .integer = 4096 } },
                                  { ARG_LOCAL, { .integer = 40000 } } };
    recorded_driver->param_count = 3;
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_int_equal(recorded_driver->param[0], 0);
    assert_int_equal(recorded_driver->param[1], 128);
    assert_int_equal(recorded_driver->param[2], 4224);
    assert_int_equal(recorded_driver->shared_bytes, 4224 + 40064);
    assert_int_equal(recorded_driver->grid[0], 4);
    assert_int_equal(recorded_driver->grid[1], 3);
    assert_int_equal(recorded_driver->block[0], 64);
    assert_false(recorded_called("cuFuncSetAttribute"));

    args[2].as.integer = 90000; /* beyond 48 KiB: asked for once */
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_non_null(strstr(recorded_driver->log, "cuFuncSetAttribute cuLaunchKernel"));
    recorded_forget();
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_false(recorded_called("cuFuncSetAttribute"));
    args[2].as.integer = 101376;
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_UNSUPPORTED);
    assert_non_null(strstr(error_text(&err), "the device has 101376"));

    args[2].as.integer = 4;
    geometry.global[1] = 65536;
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_UNSUPPORTED);
    assert_non_null(strstr(error_text(&err), "65536 work-groups in dimension 1"));
    cuda_backend.kernel_free(kernel);
    cuda_backend.unload(program);
    cuda_backend.close(device);
    error_free(&err);
}

/* ---- compiling, saving and loading ----------------------------------------------------------------------------- */

static void a_text_compiled_for_the_device_is_found_on_disk_without_nvrtc(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    for (int round = 0; round < 2; round++) {
        recorded_driver->sm = 86;
        recorded_driver->target[0] = '\0';
        hpck_handle *handle = recorded_handle();
        struct product p = recorded_product(handle);
        assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
        assert_string_equal(recorded_driver->target, "sm_86");
        hpck_destroy(handle);
        setenv("HPCK_NVRTC", "/nowhere/libnvrtc.so", 1);
    }
    recorded_driver->sm = 90; /* needs another text */
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC could not be opened");
    hpck_destroy(handle);
}

static void without_nvrtc_a_kernel_in_no_cache_is_a_clear_failure(void **state)
{
    (void)state;
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    setenv("HPCK_NVRTC", "/nowhere/libnvrtc.so", 1);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC could not be opened");
    recorded_assert_message(handle, "/nowhere/libnvrtc.so");
    setenv("HPCK_NVRTC", "libm.so.6", 1);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC has no nvrtcVersion");
    hpck_destroy(handle);
}

static void a_driver_older_than_nvrtc_gets_machine_code(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    for (int round = 0; round < 2; round++) { /* compiled, then from the disk */
        recorded_fail_from("cuModuleLoadDataEx(ptx)", 0, CUDA_UNSUPPORTED_PTX_VERSION);
        hpck_handle *handle = recorded_handle();
        struct product p = recorded_product(handle);
        recorded_forget();
        assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
        assert_int_equal(recorded_called("cuModuleLoadDataEx(ptx)"), round == 0);
        assert_true(recorded_called("cuModuleLoadDataEx(cubin)"));
        hpck_destroy(handle);
    }
}

static void a_driver_that_refuses_the_newest_target_gets_an_older_one(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    recorded_driver->sm = 90;
    recorded_fail_from("cuModuleLoadDataEx", 0, CUDA_NO_BINARY_FOR_GPU);
    recorded_driver->fail_times = 2; /* PTX and machine code */
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_string_equal(recorded_driver->target, "sm_80");
    p.desc.trans_a = HPCK_TRANS;
    p.desc.trans_b = HPCK_TRANS;
    recorded_fail_from("cuModuleLoadDataEx", 0, CUDA_NO_BINARY_FOR_GPU);
    recorded_driver->jit_log = "ptxas says no";
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_COMPILE_FAILED, "ptxas says no");
    assert_string_equal(recorded_driver->target, "sm_75"); /* the last that was tried */
    hpck_destroy(handle);
}

static void a_text_for_one_target_is_compiled_for_no_other(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    static const char text[] = "extern \"C\" __global__ void f() { asm(\"setmaxnreg.dec.sync.aligned.u32 40;\"); }";
    struct backend_device *device = NULL;
    struct backend_program *program = NULL;
    struct error err = { 0 };
    recorded_driver->sm = 90;
    assert_int_equal(cuda_backend.open("cuda:0", &device, &err), HPCK_OK);
    assert_int_equal(cuda_backend.compile(device, text, "", "90a", &program, &err), HPCK_OK);
    assert_string_equal(recorded_driver->target, "sm_90a");
    cuda_backend.unload(program);
    recorded_fail_from("cuModuleLoadDataEx", 0, CUDA_NO_BINARY_FOR_GPU);
    recorded_forget();
    assert_int_equal(cuda_backend.compile(device, text, "", "90a", &program, &err), HPCK_COMPILE_FAILED);
    const char *last = strstr(recorded_driver->log, "cuModuleLoadDataEx(ptx) cuModuleLoadDataEx(cubin)");
    assert_non_null(last);
    assert_null(strstr(strstr(last, "(cubin)"), "(ptx)")); /* nothing older is tried */
    cuda_backend.close(device);
    error_free(&err);
}

static void a_kernel_that_does_not_load_gives_the_drivers_log(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    recorded_driver->jit_log = "ptxas error   : something";
    recorded_fail_from("cuModuleLoadDataEx(ptx)", 0, CUDA_OUT_OF_MEMORY);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_DEVICE_OUT_OF_MEMORY,
                          "the driver does not take the kernel");
    recorded_assert_message(handle, "ptxas error   : something");
    recorded_driver->failing = NULL;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RECORDED_TEST(without_a_driver_there_is_no_device_and_no_error),
        RECORDED_TEST(a_driver_that_does_not_start_is_no_driver),
        RECORDED_TEST(devices_are_listed_first_with_their_facts),
        RECORDED_TEST(a_device_that_is_not_there_is_named),
        RECORDED_TEST(opening_fails_cleanly_at_every_step),
        RECORDED_TEST(a_call_with_a_plan_only_checks_and_launches),
        RECORDED_TEST(events_are_waited_for_and_given),
        RECORDED_TEST(addresses_may_lie_inside_an_allocation_but_not_beyond),
        RECORDED_TEST(memory_of_another_device_is_refused),
        RECORDED_TEST(local_arrays_follow_each_other_in_dynamic_shared_memory),
        RECORDED_TEST(a_text_compiled_for_the_device_is_found_on_disk_without_nvrtc),
        RECORDED_TEST(without_nvrtc_a_kernel_in_no_cache_is_a_clear_failure),
        RECORDED_TEST(a_driver_older_than_nvrtc_gets_machine_code),
        RECORDED_TEST(a_driver_that_refuses_the_newest_target_gets_an_older_one),
        RECORDED_TEST(a_text_for_one_target_is_compiled_for_no_other),
        RECORDED_TEST(a_kernel_that_does_not_load_gives_the_drivers_log),
    };
    return recorded_run_tests("cuda_backend", tests, sizeof tests / sizeof tests[0]);
}
