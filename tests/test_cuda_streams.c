/* The caller's context and streams in the CUDA backend, on a driver that records calls: order across streams, and capture. */
#include "recorded.h"

#include <string.h>

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
    recorded_need_nvrtc();
    struct application app = application_new();
    hpck_handle *handle = NULL;
    CUcontext context = NULL;
    CUstream stream = NULL;
    assert_int_equal(hpck_cuda_create(&handle, NULL, app.stream, NULL), HPCK_OK); /* the current context */
    assert_int_equal(hpck_cuda_get(handle, &context, &stream), HPCK_OK);
    assert_ptr_equal(context, app.context);
    assert_ptr_equal(stream, app.stream);
    struct product p = recorded_product(handle);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_ptr_equal(recorded_driver->stream, app.stream);
    assert_int_equal(hpck_cuda_set_stream(handle, NULL), HPCK_OK); /* the default stream */
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_null(recorded_driver->stream);
    hpck_destroy(handle);
    assert_int_equal(recorded_driver->retained, 1); /* the application's */
    assert_int_equal(recorded_driver->pushed, 1);
    application_free(&app);

    assert_int_equal(hpck_cuda_create(&handle, NULL, NULL, NULL), HPCK_INVALID_ARGUMENT);
    recorded_assert_message(handle, "no context is current");
    hpck_destroy(handle);
}

static void calls_are_ordered_across_streams_without_waiting(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct application app = application_new();
    hpck_handle *handle = NULL;
    assert_int_equal(hpck_cuda_create(&handle, app.context, app.stream, NULL), HPCK_OK);
    struct product p = recorded_product(handle);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    recorded_forget();
    assert_int_equal(hpck_cuda_set_stream(handle, app.stream), HPCK_OK);
    assert_string_equal(recorded_driver->log, "");
    assert_int_equal(hpck_cuda_set_stream(handle, app.other_stream), HPCK_OK);
    assert_string_equal(recorded_driver->log,
                        "cuCtxPushCurrent_v2 cuStreamGetCtx cuEventRecord cuCtxPopCurrent_v2 ");
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_non_null(strstr(recorded_driver->log, "cuStreamWaitEvent cuLaunchKernel"));
    assert_ptr_equal(recorded_driver->stream, app.other_stream);
    recorded_forget();
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_false(recorded_called("cuStreamWaitEvent"));
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
    recorded_driver->device_count = 2;
    assert_int_equal(cuda_backend.open("cuda:1", &second, &err), HPCK_OK);
    cuda_backend.objects(second, NULL, NULL, &stream);
    assert_int_equal(hpck_cuda_create(&handle, app.context, stream, NULL), HPCK_INVALID_ARGUMENT);
    recorded_assert_message(handle, "another context");
    hpck_destroy(handle);
    assert_int_equal(hpck_cuda_create(&handle, app.context, app.stream, NULL), HPCK_OK);
    recorded_assert_fails(handle, hpck_cuda_set_stream(handle, stream), HPCK_INVALID_ARGUMENT, "another context");
    hpck_destroy(handle);
    cuda_backend.close(second);
    application_free(&app);
}

/* What a capture does not survive is not called; what it can record is. */
static void a_plan_can_be_captured_and_nothing_else_disturbs_the_capture(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    const int64_t offsets[1] = { 0 };
    float host = 0.0F;
    void *memory = NULL;
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &p.desc, &plan), HPCK_OK);
    recorded_driver->is_capturing = 1;
    recorded_forget();
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_true(recorded_called("cuLaunchKernel"));
    recorded_assert_fails(handle, hpck_malloc(handle, 16, &memory), HPCK_UNSUPPORTED, "captured");
    recorded_assert_fails(handle, hpck_write(handle, p.a.memory, 0, &host, 4), HPCK_UNSUPPORTED, "captured");
    recorded_assert_fails(handle, hpck_read(handle, &host, p.a.memory, 0, 4), HPCK_UNSUPPORTED, "captured");
    recorded_assert_fails(handle, hpck_synchronize(handle), HPCK_UNSUPPORTED, "captured");
    p.desc.trans_a = HPCK_TRANS; /* another plan */
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_UNSUPPORTED, "captured");
    p.desc.trans_a = HPCK_NO_TRANS;
    p.desc.offsets_a = p.desc.offsets_b = p.desc.offsets_c = offsets;
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_UNSUPPORTED, "captured");
    static const char *const forbidden[] = { "cuMemAlloc",   "cuMemFree", "Synchronize",
                                             "cuEventQuery", "cuModule",  "Memcpy" };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        assert_false(recorded_called(forbidden[i]));
    recorded_driver->is_capturing = 0;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK); /* lists, and as usable as before */
    hpck_destroy(handle);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RECORDED_TEST(a_callers_context_and_stream_are_used_and_left_alone),
        RECORDED_TEST(calls_are_ordered_across_streams_without_waiting),
        RECORDED_TEST(a_stream_of_another_context_is_refused),
        RECORDED_TEST(a_plan_can_be_captured_and_nothing_else_disturbs_the_capture),
    };
    return recorded_run_tests("cuda_streams", tests, sizeof tests / sizeof tests[0]);
}
