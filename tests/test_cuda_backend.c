/* The CUDA backend's manners, on a driver that records calls and runs nothing: which calls a launch makes, order across
 * streams, capture, contexts and memory given back, and a clear status for every kind of failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <hpck/hpck_cuda.h>

#include "cuda_objects.h"
#include "recording_driver.h"
#include "scratch.h"

static struct recorder *driver;
static bool has_nvrtc;

/* A driver as new, and folders of its own. */
static int setup(void **state)
{
    *driver = (struct recorder){ .device_count = 1, .sm = 80 };
    setenv("HPCK_CUDA_DRIVER", RECORDING_DRIVER, 1);
    unsetenv("HPCK_NVRTC");
    unsetenv("HPCK_DEVICE");
    return scratch_setup(state);
}

/* Whatever happened, the thread's context stack is as before and all is given back. */
static int teardown(void **state)
{
    assert_int_equal(driver->pushed, 0);
    assert_int_equal(driver->alive, 0);
    assert_int_equal(driver->retained, 0);
    return scratch_teardown(state);
}

static void fail_from(const char *function, int after, enum cuda_code code)
{
    driver->failing = function;
    driver->fail_after = after;
    driver->fail_code = (int)code;
}

static void forget(void)
{
    driver->log[0] = '\0';
}

static bool called(const char *function)
{
    return strstr(driver->log, function) != NULL;
}

static void assert_message(const hpck_handle *handle, const char *part)
{
    if (strstr(hpck_error_message(handle), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, hpck_error_message(handle));
}

static void assert_fails(const hpck_handle *handle, hpck_status got, hpck_status status, const char *part)
{
    assert_string_equal(hpck_status_string(got), hpck_status_string(status));
    assert_message(handle, part);
}

static hpck_handle *create(void)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.device = "cuda:0";
    options.cache_dir = scratch_path("cache");
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    return handle;
}

/* ---- a small product on a handle ---------------------------------------------------------------------------- */

struct product {
    hpck_handle *handle;
    hpck_gemm_desc desc;
    hpck_buffer a, b, c;
};

static struct product product_new(hpck_handle *handle)
{
    struct product p = { .handle = handle, .desc = HPCK_GEMM_DESC_INIT };
    p.desc.m = p.desc.n = p.desc.k = 8;
    assert_int_equal(hpck_malloc(handle, 256, &p.a.memory), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, 256, &p.b.memory), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, 256, &p.c.memory), HPCK_OK);
    return p;
}

static hpck_status run(const struct product *p, const hpck_sync *sync)
{
    return hpck_gemm(p->handle, &p->desc, 1.0F, p->a, p->b, 0.0F, p->c, sync);
}

static void need_nvrtc(void)
{
    if (!has_nvrtc) skip();
}

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
        fail_from("cuInit", 0, codes[i]);
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
    driver->device_count = 2;
    driver->sm = 89;
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
        fail_from(functions[i], 0, CUDA_OUT_OF_MEMORY);
        assert_int_equal(cuda_backend.open("cuda:0", &device, &err), HPCK_DEVICE_OUT_OF_MEMORY);
        assert_null(device);
        driver->failing = NULL;
        assert_int_equal(teardown(&(void *){ NULL }), 0);
        assert_int_equal(scratch_setup(&(void *){ NULL }), 0);
    }
    error_free(&err);
}

/* ---- the launch path ------------------------------------------------------------------------------------------ */

static void a_call_with_a_plan_only_checks_and_launches(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    forget();
    driver->param_count = 3;
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_string_equal(driver->log, "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                     "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                     "cuCtxPushCurrent_v2 cuPointerGetAttributes cuCtxPopCurrent_v2 "
                                     "cuCtxPushCurrent_v2 cuLaunchKernel cuCtxPopCurrent_v2 ");
    assert_int_equal(driver->param[0], 8); /* m, n, k */
    assert_int_equal(driver->param[2], 8);
    assert_int_equal(driver->grid[1], 1);
    hpck_destroy(handle);
}

static void events_are_waited_for_and_given(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    hpck_event first = NULL;
    hpck_event second = NULL;
    assert_int_equal(run(&p, &(hpck_sync){ 0, NULL, &first }), HPCK_OK);
    assert_non_null(first);
    forget();
    assert_int_equal(run(&p, &(hpck_sync){ 1, &first, &second }), HPCK_OK);
    assert_non_null(strstr(driver->log, "cuStreamWaitEvent cuLaunchKernel cuEventCreate cuEventRecord "));
    hpck_event untouched = NULL;
    const hpck_event bad = NULL;
    assert_fails(handle, run(&p, &(hpck_sync){ 1, &bad, &untouched }), HPCK_INVALID_ARGUMENT, "wait_list[0]");
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
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    void *large = NULL;
    int on_host = 0;
    assert_int_equal(hpck_malloc(handle, 1024, &large), HPCK_OK);
    p.c = hpck_cuda_buffer((CUdeviceptr)(uintptr_t)large + 512, 64);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    p.c.offset = 65;
    assert_fails(handle, run(&p, NULL), HPCK_INVALID_ARGUMENT, "c has 512 bytes");
    p.c = hpck_cuda_buffer((CUdeviceptr)(uintptr_t)&on_host, 0);
    assert_fails(handle, run(&p, NULL), HPCK_INVALID_ARGUMENT, "no address that CUDA allocated");
    hpck_destroy(handle);
}

static void memory_of_another_device_is_refused(void **state)
{
    (void)state;
    struct backend_device *device = NULL;
    struct memory_range range;
    struct error err = { 0 };
    void *memory = NULL;
    driver->device_count = 2;
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
    need_nvrtc();
    struct backend_device *device = NULL;
    struct backend_program *program = NULL;
    struct backend_kernel *kernel = NULL;
    struct error err = { 0 };
    assert_int_equal(cuda_backend.open("cuda:0", &device, &err), HPCK_OK);
    assert_int_equal(cuda_backend.compile(device,
                                          "extern \"C\" __global__ void f(long x_at, long y_at, long z_at) { }", "",
                                          &program, &err),
                     HPCK_OK);
    assert_int_equal(cuda_backend.kernel_create(program, "g", &kernel, &err), HPCK_INTERNAL);
    assert_non_null(strstr(error_text(&err), "\"g\""));
    assert_int_equal(cuda_backend.kernel_create(program, "f", &kernel, &err), HPCK_OK);

    struct geometry geometry = { { 256, 3, 1 }, { 64, 1, 1 } };
    struct launch_arg args[3] = { { ARG_LOCAL, { .integer = 100 } },
                                  { ARG_LOCAL, { .integer = 4096 } },
                                  { ARG_LOCAL, { .integer = 40000 } } };
    driver->param_count = 3;
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_int_equal(driver->param[0], 0);
    assert_int_equal(driver->param[1], 128);
    assert_int_equal(driver->param[2], 4224);
    assert_int_equal(driver->shared_bytes, 4224 + 40064);
    assert_int_equal(driver->grid[0], 4);
    assert_int_equal(driver->grid[1], 3);
    assert_int_equal(driver->block[0], 64);
    assert_false(called("cuFuncSetAttribute"));

    args[2].as.integer = 90000; /* beyond 48 KiB: asked for once */
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_non_null(strstr(driver->log, "cuFuncSetAttribute cuLaunchKernel"));
    forget();
    assert_int_equal(cuda_backend.launch(kernel, args, 3, &geometry, NULL, &err), HPCK_OK);
    assert_false(called("cuFuncSetAttribute"));
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

/* ---- the caller's context and streams ------------------------------------------------------------------------- */

struct application {
    struct backend_device *owner; /* of a context and a stream: the backend plays the application, too */
    void *context, *stream;
    void *other_stream;
};

static struct application application_new(void)
{
    struct application app = { 0 };
    struct error err = { 0 };
    CUstream stream = NULL;
    assert_int_equal(cuda_backend.open("cuda:0", &app.owner, &err), HPCK_OK);
    cuda_backend.objects(app.owner, &app.context, NULL, &app.stream);
    app.owner->cu.context_push(app.context);
    app.owner->cu.stream_create(&stream, 0);
    app.other_stream = stream;
    return app;
}

static void application_free(struct application *app)
{
    CUcontext context = NULL;
    app->owner->cu.stream_destroy(app->other_stream);
    app->owner->cu.context_pop(&context);
    cuda_backend.close(app->owner);
}

static void a_callers_context_and_stream_are_used_and_left_alone(void **state)
{
    (void)state;
    need_nvrtc();
    struct application app = application_new();
    hpck_handle *handle = NULL;
    CUcontext context = NULL;
    CUstream stream = NULL;
    assert_int_equal(hpck_cuda_create(&handle, NULL, app.stream, NULL), HPCK_OK); /* the current context */
    assert_int_equal(hpck_cuda_get(handle, &context, &stream), HPCK_OK);
    assert_ptr_equal(context, app.context);
    assert_ptr_equal(stream, app.stream);
    struct product p = product_new(handle);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_ptr_equal(driver->stream, app.stream);
    assert_int_equal(hpck_cuda_set_stream(handle, NULL), HPCK_OK); /* the default stream */
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_null(driver->stream);
    hpck_destroy(handle);
    assert_int_equal(driver->retained, 1); /* the application's */
    assert_int_equal(driver->pushed, 1);
    application_free(&app);

    assert_int_equal(hpck_cuda_create(&handle, NULL, NULL, NULL), HPCK_INVALID_ARGUMENT);
    assert_message(handle, "no context is current");
    hpck_destroy(handle);
}

static void calls_are_ordered_across_streams_without_waiting(void **state)
{
    (void)state;
    need_nvrtc();
    struct application app = application_new();
    hpck_handle *handle = NULL;
    assert_int_equal(hpck_cuda_create(&handle, app.context, app.stream, NULL), HPCK_OK);
    struct product p = product_new(handle);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    forget();
    assert_int_equal(hpck_cuda_set_stream(handle, app.stream), HPCK_OK);
    assert_string_equal(driver->log, "");
    assert_int_equal(hpck_cuda_set_stream(handle, app.other_stream), HPCK_OK);
    assert_string_equal(driver->log, "cuCtxPushCurrent_v2 cuStreamGetCtx cuEventRecord cuCtxPopCurrent_v2 ");
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_non_null(strstr(driver->log, "cuStreamWaitEvent cuLaunchKernel"));
    assert_ptr_equal(driver->stream, app.other_stream);
    forget();
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_false(called("cuStreamWaitEvent"));
    hpck_destroy(handle);
    application_free(&app);
}

static void a_stream_of_another_context_is_refused(void **state)
{
    (void)state;
    struct application app = application_new();
    struct backend_device *second = NULL;
    struct error err = { 0 };
    void *stream = NULL;
    hpck_handle *handle = NULL;
    driver->device_count = 2;
    assert_int_equal(cuda_backend.open("cuda:1", &second, &err), HPCK_OK);
    cuda_backend.objects(second, NULL, NULL, &stream);
    assert_int_equal(hpck_cuda_create(&handle, app.context, stream, NULL), HPCK_INVALID_ARGUMENT);
    assert_message(handle, "another context");
    hpck_destroy(handle);
    assert_int_equal(hpck_cuda_create(&handle, app.context, app.stream, NULL), HPCK_OK);
    assert_fails(handle, hpck_cuda_set_stream(handle, stream), HPCK_INVALID_ARGUMENT, "another context");
    hpck_destroy(handle);
    cuda_backend.close(second);
    application_free(&app);
}

/* What a capture does not survive is not called; what it can record is. */
static void a_plan_can_be_captured_and_nothing_else_disturbs_the_capture(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    const int64_t offsets[1] = { 0 };
    float host = 0.0F;
    void *memory = NULL;
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &p.desc, &plan), HPCK_OK);
    driver->is_capturing = 1;
    forget();
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_true(called("cuLaunchKernel"));
    assert_fails(handle, hpck_malloc(handle, 16, &memory), HPCK_UNSUPPORTED, "captured");
    assert_fails(handle, hpck_write(handle, p.a.memory, 0, &host, 4), HPCK_UNSUPPORTED, "captured");
    assert_fails(handle, hpck_read(handle, &host, p.a.memory, 0, 4), HPCK_UNSUPPORTED, "captured");
    assert_fails(handle, hpck_synchronize(handle), HPCK_UNSUPPORTED, "captured");
    p.desc.trans_a = HPCK_TRANS; /* another plan */
    assert_fails(handle, run(&p, NULL), HPCK_UNSUPPORTED, "captured");
    p.desc.trans_a = HPCK_NO_TRANS;
    p.desc.offsets_a = p.desc.offsets_b = p.desc.offsets_c = offsets;
    assert_fails(handle, run(&p, NULL), HPCK_UNSUPPORTED, "captured");
    static const char *const forbidden[] = { "cuMemAlloc",   "cuMemFree", "Synchronize",
                                             "cuEventQuery", "cuModule",  "Memcpy" };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_false(called(forbidden[i]));
    driver->is_capturing = 0;
    assert_int_equal(run(&p, NULL), HPCK_OK); /* lists, and as usable as before */
    hpck_destroy(handle);
}

/* ---- failures ------------------------------------------------------------------------------------------------- */

static void memory_that_is_not_there_is_reported_and_the_handle_stays_usable(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    void *memory = NULL;
    fail_from("cuMemAlloc_v2", 0, CUDA_OUT_OF_MEMORY);
    assert_fails(handle, hpck_malloc(handle, 1 << 20, &memory), HPCK_DEVICE_OUT_OF_MEMORY, "1048576 bytes");
    assert_int_equal(run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

static void a_fault_loses_the_context_and_the_handle_says_so(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    fail_from("cuStreamSynchronize", 0, CUDA_ILLEGAL_ADDRESS);
    assert_fails(handle, hpck_synchronize(handle), HPCK_LAUNCH_FAILED, "CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    assert_message(handle, "context is lost");
    forget();
    assert_fails(handle, run(&p, NULL), HPCK_LAUNCH_FAILED, "lost by an earlier fault, CUDA_ERROR_ILLEGAL_ADDRESS");
    assert_fails(handle, hpck_synchronize(handle), HPCK_LAUNCH_FAILED, "lost by an earlier fault");
    assert_string_equal(driver->log, "");
    hpck_destroy(handle);
    driver->alive = 0; /* went with the context */
}

static void a_refused_launch_leaves_the_handle_usable(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    fail_from("cuLaunchKernel", 0, CUDA_LAUNCH_OUT_OF_RESOURCES);
    assert_fails(handle, run(&p, NULL), HPCK_LAUNCH_FAILED, "cuLaunchKernel");
    driver->failing = NULL;
    assert_int_equal(run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

/* ---- compiling, saving and loading ----------------------------------------------------------------------------- */

static void a_text_compiled_for_the_device_is_found_on_disk_without_nvrtc(void **state)
{
    (void)state;
    need_nvrtc();
    for (int round = 0; round < 2; round++) {
        driver->sm = 86;
        driver->target[0] = '\0';
        hpck_handle *handle = create();
        struct product p = product_new(handle);
        assert_int_equal(run(&p, NULL), HPCK_OK);
        assert_string_equal(driver->target, "sm_86");
        hpck_destroy(handle);
        setenv("HPCK_NVRTC", "/nowhere/libnvrtc.so", 1);
    }
    driver->sm = 90; /* needs another text */
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    assert_fails(handle, run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC could not be opened");
    hpck_destroy(handle);
}

static void without_nvrtc_a_kernel_in_no_cache_is_a_clear_failure(void **state)
{
    (void)state;
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    setenv("HPCK_NVRTC", "/nowhere/libnvrtc.so", 1);
    assert_fails(handle, run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC could not be opened");
    assert_message(handle, "/nowhere/libnvrtc.so");
    setenv("HPCK_NVRTC", "libm.so.6", 1);
    assert_fails(handle, run(&p, NULL), HPCK_COMPILE_FAILED, "NVRTC has no nvrtcVersion");
    hpck_destroy(handle);
}

static void a_driver_older_than_nvrtc_gets_machine_code(void **state)
{
    (void)state;
    need_nvrtc();
    for (int round = 0; round < 2; round++) { /* compiled, then from the disk */
        fail_from("cuModuleLoadDataEx(ptx)", 0, CUDA_UNSUPPORTED_PTX_VERSION);
        hpck_handle *handle = create();
        struct product p = product_new(handle);
        forget();
        assert_int_equal(run(&p, NULL), HPCK_OK);
        assert_int_equal(called("cuModuleLoadDataEx(ptx)"), round == 0);
        assert_true(called("cuModuleLoadDataEx(cubin)"));
        hpck_destroy(handle);
    }
}

static void a_driver_that_refuses_the_newest_target_gets_an_older_one(void **state)
{
    (void)state;
    need_nvrtc();
    driver->sm = 90;
    fail_from("cuModuleLoadDataEx", 0, CUDA_NO_BINARY_FOR_GPU);
    driver->fail_times = 2; /* PTX and machine code */
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    assert_int_equal(run(&p, NULL), HPCK_OK);
    assert_string_equal(driver->target, "sm_80");
    p.desc.trans_a = HPCK_TRANS;
    p.desc.trans_b = HPCK_TRANS;
    fail_from("cuModuleLoadDataEx", 0, CUDA_NO_BINARY_FOR_GPU);
    driver->jit_log = "ptxas says no";
    assert_fails(handle, run(&p, NULL), HPCK_COMPILE_FAILED, "ptxas says no");
    assert_string_equal(driver->target, "sm_75"); /* the last that was tried */
    hpck_destroy(handle);
}

static void a_kernel_that_does_not_load_gives_the_drivers_log(void **state)
{
    (void)state;
    need_nvrtc();
    hpck_handle *handle = create();
    struct product p = product_new(handle);
    driver->jit_log = "ptxas error   : something";
    fail_from("cuModuleLoadDataEx(ptx)", 0, CUDA_OUT_OF_MEMORY);
    assert_fails(handle, run(&p, NULL), HPCK_DEVICE_OUT_OF_MEMORY, "the driver does not take the kernel");
    assert_message(handle, "ptxas error   : something");
    driver->failing = NULL;
    assert_int_equal(run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(without_a_driver_there_is_no_device_and_no_error),
        T(a_driver_that_does_not_start_is_no_driver),
        T(devices_are_listed_first_with_their_facts),
        T(a_device_that_is_not_there_is_named),
        T(opening_fails_cleanly_at_every_step),
        T(a_call_with_a_plan_only_checks_and_launches),
        T(events_are_waited_for_and_given),
        T(addresses_may_lie_inside_an_allocation_but_not_beyond),
        T(memory_of_another_device_is_refused),
        T(local_arrays_follow_each_other_in_dynamic_shared_memory),
        T(a_callers_context_and_stream_are_used_and_left_alone),
        T(calls_are_ordered_across_streams_without_waiting),
        T(a_stream_of_another_context_is_refused),
        T(a_plan_can_be_captured_and_nothing_else_disturbs_the_capture),
        T(memory_that_is_not_there_is_reported_and_the_handle_stays_usable),
        T(a_fault_loses_the_context_and_the_handle_says_so),
        T(a_refused_launch_leaves_the_handle_usable),
        T(a_text_compiled_for_the_device_is_found_on_disk_without_nvrtc),
        T(without_nvrtc_a_kernel_in_no_cache_is_a_clear_failure),
        T(a_driver_older_than_nvrtc_gets_machine_code),
        T(a_driver_that_refuses_the_newest_target_gets_an_older_one),
        T(a_kernel_that_does_not_load_gives_the_drivers_log),
    };
    struct nvrtc_api nvrtc;
    void *library = dlopen(RECORDING_DRIVER, RTLD_NOW | RTLD_NODELETE);
    void *symbol = library != NULL ? dlsym(library, "recorder") : NULL;
    recorder_function get = NULL;
    memcpy(&get, &symbol, sizeof get);
    if (get == NULL) return 1;
    driver = get();
    has_nvrtc = nvrtc_load(&nvrtc, NULL) == HPCK_OK;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
