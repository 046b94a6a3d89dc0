/* What hpck_opencl.h promises: the caller's context, device and queue, in order or not, and real events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hpck/hpck_opencl.h>

#include "handle.h"
#include "opencl.h"

/* The caller's own objects: two contexts on one device, a queue of each kind. */
struct fixture {
    struct opencl_api cl;
    __typeof__(&clCreateUserEvent) create_user_event; /* what only tests need */
    __typeof__(&clSetUserEventStatus) set_user_event;
    __typeof__(&clCreateSubBuffer) create_sub_buffer;
    cl_device_id device;
    cl_context context, other_context;
    cl_command_queue in_order, out_of_order, foreign;
};

static cl_command_queue make_queue(const struct fixture *f, cl_context context, cl_command_queue_properties kind)
{
    cl_int code = CL_SUCCESS;
    cl_command_queue queue = f->cl.clCreateCommandQueue(context, f->device, kind, &code);
    assert_int_equal(code, CL_SUCCESS);
    return queue;
}

static void open_symbol(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
}

static int setup(void **state)
{
    static struct fixture f;
    cl_platform_id platform = NULL;
    if (opencl_load(&f.cl, NULL) != HPCK_OK) return -1;
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    open_symbol(library, "clCreateUserEvent", &f.create_user_event);
    open_symbol(library, "clSetUserEventStatus", &f.set_user_event);
    open_symbol(library, "clCreateSubBuffer", &f.create_sub_buffer);
    if (f.cl.clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS) return -1;
    if (f.cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &f.device, NULL) != CL_SUCCESS) return -1;
    f.context = f.cl.clCreateContext(NULL, 1, &f.device, NULL, NULL, NULL);
    f.other_context = f.cl.clCreateContext(NULL, 1, &f.device, NULL, NULL, NULL);
    f.in_order = make_queue(&f, f.context, 0);
    f.out_of_order = make_queue(&f, f.context, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    f.foreign = make_queue(&f, f.other_context, 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const struct fixture *f = *state;
    f->cl.clReleaseCommandQueue(f->in_order);
    f->cl.clReleaseCommandQueue(f->out_of_order);
    f->cl.clReleaseCommandQueue(f->foreign);
    f->cl.clReleaseContext(f->context);
    f->cl.clReleaseContext(f->other_context);
    return 0;
}

static cl_uint references(const struct fixture *f, cl_command_queue queue)
{
    cl_uint count = 0;
    f->cl.clGetCommandQueueInfo(queue, CL_QUEUE_REFERENCE_COUNT, sizeof count, &count, NULL);
    return count;
}

static cl_uint context_references(const struct fixture *f)
{
    cl_uint count = 0;
    f->cl.clGetContextInfo(f->context, CL_CONTEXT_REFERENCE_COUNT, sizeof count, &count, NULL);
    return count;
}

static cl_int event_state(const struct fixture *f, hpck_event event)
{
    cl_int state = -1;
    f->cl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    return state;
}

static hpck_handle *adopt(const struct fixture *f, cl_command_queue queue)
{
    hpck_handle *handle = NULL;
    hpck_status st = hpck_opencl_create(&handle, f->context, f->device, queue, NULL);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    return handle;
}

/* ---- a chain of products whose order shows: x <- x + 1 by C = A * B + C with A = B = 1 ---------------------- */

struct counter {
    hpck_handle *handle;
    hpck_gemm_desc desc;
    hpck_buffer one, x;
};

static struct counter counter_new(hpck_handle *handle)
{
    const float one = 1.0F;
    const float zero = 0.0F;
    struct counter c = { handle, HPCK_GEMM_DESC_INIT, { NULL, 0 }, { NULL, 0 } };
    c.desc.m = c.desc.n = c.desc.k = 1;
    assert_int_equal(hpck_malloc(handle, sizeof one, &c.one.memory), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, sizeof zero, &c.x.memory), HPCK_OK);
    assert_int_equal(hpck_write(handle, c.one.memory, 0, &one, sizeof one), HPCK_OK);
    assert_int_equal(hpck_write(handle, c.x.memory, 0, &zero, sizeof zero), HPCK_OK);
    return c;
}

/* x <- factor * x + 1 */
static hpck_status counter_step(const struct counter *c, float factor, const hpck_sync *sync)
{
    return hpck_gemm(c->handle, &c->desc, 1.0F, c->one, c->one, factor, c->x, sync);
}

static float counter_value(const struct counter *c)
{
    float value = -1.0F;
    assert_int_equal(hpck_read(c->handle, &value, c->x.memory, 0, sizeof value), HPCK_OK);
    return value;
}

/* ---- adopting --------------------------------------------------------------------------------------------- */

static void the_callers_objects_are_used_and_given_back(void **state)
{
    const struct fixture *f = *state;
    cl_uint queue_before = references(f, f->in_order);
    cl_uint context_before = context_references(f);
    hpck_handle *handle = adopt(f, f->in_order);
    cl_context context = NULL;
    cl_device_id device = NULL;
    cl_command_queue queue = NULL;
    assert_true(references(f, f->in_order) > queue_before);
    assert_int_equal(hpck_opencl_get(handle, &context, &device, &queue), HPCK_OK);
    assert_ptr_equal(context, f->context);
    assert_ptr_equal(device, f->device);
    assert_ptr_equal(queue, f->in_order);
    assert_int_equal(hpck_opencl_get(handle, NULL, NULL, NULL), HPCK_OK);
    struct counter c = counter_new(handle);
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
    assert_true(counter_value(&c) == 1.0F);
    hpck_destroy(handle);
    /* PoCL's own threads let go of a finished command a moment after its end. */
    const struct timespec moment = { .tv_nsec = 1000000 };
    for (int i = 0;
         i < 2000 && (references(f, f->in_order) != queue_before || context_references(f) != context_before); i++)
        nanosleep(&moment, NULL);
    assert_int_equal(references(f, f->in_order), queue_before);
    assert_int_equal(context_references(f), context_before);
}

static void a_handle_makes_its_own_queue_when_none_is_given(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, NULL);
    cl_command_queue queue = NULL;
    assert_int_equal(hpck_opencl_get(handle, NULL, NULL, &queue), HPCK_OK);
    assert_non_null(queue);
    hpck_destroy(handle);
}

static void wrong_objects_are_named(void **state)
{
    const struct fixture *f = *state;
    const struct {
        cl_context context;
        cl_device_id device;
        cl_command_queue queue;
        const char *message;
    } cases[] = {
        { NULL, f->device, NULL, "opencl: context is NULL" },
        { f->context, NULL, NULL, "opencl: device is NULL" },
        { f->context, f->device, f->foreign, "opencl: queue belongs to another context" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hpck_handle *handle = NULL;
        cl_uint before = context_references(f);
        assert_int_equal(hpck_opencl_create(&handle, cases[i].context, cases[i].device, cases[i].queue, NULL),
                         HPCK_INVALID_ARGUMENT);
        assert_string_equal(hpck_error_message(handle), cases[i].message);
        hpck_destroy(handle);
        assert_int_equal(context_references(f), before);
    }
    hpck_handle *handle = adopt(f, f->in_order);
    assert_int_equal(hpck_opencl_set_queue(handle, f->foreign), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_opencl_set_queue(handle, NULL), HPCK_INVALID_ARGUMENT);
    struct counter c = counter_new(handle); /* the queue is still the old one */
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
    assert_true(counter_value(&c) == 1.0F);
    hpck_destroy(handle);
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

static void memory_of_another_context_is_refused(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    cl_mem foreign = f->cl.clCreateBuffer(f->other_context, CL_MEM_READ_WRITE, 64, NULL, NULL);
    hpck_buffer good = c.one;
    c.one.memory = foreign;
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle), "a: memory belongs to another context than the handle's");
    float byte = 0;
    assert_int_equal(hpck_read(handle, &byte, foreign, 0, 4), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_set_workspace(handle, foreign, 64), HPCK_INVALID_ARGUMENT);
    c.one = good;
    assert_true(counter_value(&c) == 0.0F);
    f->cl.clReleaseMemObject(foreign);
    hpck_destroy(handle);
}

static cl_mem sub_buffer(const struct fixture *f, cl_mem parent, size_t origin, size_t size)
{
    const cl_buffer_region region = { origin, size };
    cl_int code = CL_SUCCESS;
    cl_mem sub = f->create_sub_buffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    assert_int_equal(code, CL_SUCCESS);
    return sub;
}

static void sub_buffers_are_buffers_with_a_place(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    float ones[2048];
    for (int i = 0; i < 2048; i++)
        ones[i] = 1.0F;
    cl_mem parent =
        f->cl.clCreateBuffer(f->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof ones, ones, NULL);
    cl_mem low = sub_buffer(f, parent, 0, 4096);
    cl_mem high = sub_buffer(f, parent, 4096, 4096);
    c.one.memory = low;
    c.x.memory = high;
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
    assert_true(counter_value(&c) == 2.0F);

    c.one = (hpck_buffer){ parent, 1024 }; /* the first element of `high`, by another name */
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle), "gemm: c overlaps a in the same buffer");
    c.one.offset = 1023;
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
    c.x.offset = 1024; /* beyond the sub-buffer, though not beyond its parent */
    assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_INVALID_ARGUMENT);
    hpck_synchronize(handle);
    f->cl.clReleaseMemObject(low);
    f->cl.clReleaseMemObject(high);
    f->cl.clReleaseMemObject(parent);
    hpck_destroy(handle);
}

/* A kernel remembers what was bound to it; neither a freed buffer nor a new one at its address may harm. */
static void buffers_may_be_freed_between_calls(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    for (int round = 0; round < 50; round++) {
        struct counter c = counter_new(handle);
        assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
        if (round % 2 == 0) assert_true(counter_value(&c) == 1.0F);
        assert_int_equal(hpck_free(handle, c.one.memory), HPCK_OK); /* perhaps still in use */
        assert_int_equal(hpck_free(handle, c.x.memory), HPCK_OK);
    }
    hpck_destroy(handle);
}

/* ---- order ------------------------------------------------------------------------------------------------ */

/* x <- 2x + 1, ten times, gives 1023 in this order only. */
static void calls_run_in_order_on_every_kind_of_queue(void **state)
{
    const struct fixture *f = *state;
    const cl_command_queue queues[] = { f->in_order, f->out_of_order };
    for (int i = 0; i < 2; i++) {
        hpck_handle *handle = adopt(f, queues[i]);
        struct counter c = counter_new(handle);
        for (int step = 0; step < 10; step++)
            assert_int_equal(counter_step(&c, 2.0F, NULL), HPCK_OK);
        assert_true(counter_value(&c) == 1023.0F);
        hpck_destroy(handle);
    }
}

static void calls_run_in_order_across_queues(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    for (int step = 0; step < 10; step++) {
        assert_int_equal(hpck_opencl_set_queue(handle, step % 2 ? f->in_order : f->out_of_order), HPCK_OK);
        assert_int_equal(counter_step(&c, 2.0F, NULL), HPCK_OK);
    }
    assert_true(counter_value(&c) == 1023.0F);
    hpck_destroy(handle);
}

/* ---- events ----------------------------------------------------------------------------------------------- */

static void a_call_waits_for_events_and_gives_one(void **state)
{
    const struct fixture *f = *state;
    const cl_command_queue queues[] = { f->in_order, f->out_of_order };
    for (int i = 0; i < 2; i++) {
        hpck_handle *handle = adopt(f, queues[i]);
        struct counter c = counter_new(handle);
        assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
        assert_int_equal(hpck_synchronize(handle), HPCK_OK);

        cl_event gates[2] = { f->create_user_event(f->context, NULL), f->create_user_event(f->context, NULL) };
        hpck_event waits[2] = { gates[0], gates[1] };
        hpck_event done = NULL;
        const hpck_sync sync = { 2, waits, &done };
        assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_OK); /* returns although it cannot run yet */
        assert_non_null(done);
        f->set_user_event(gates[0], CL_COMPLETE);
        assert_int_not_equal(event_state(f, done), CL_COMPLETE);
        f->set_user_event(gates[1], CL_COMPLETE);
        cl_event event = done;
        assert_int_equal(f->cl.clWaitForEvents(1, &event), CL_SUCCESS);
        assert_int_equal(event_state(f, done), CL_COMPLETE);
        assert_true(counter_value(&c) == 2.0F);
        f->cl.clReleaseEvent(done);
        f->cl.clReleaseEvent(gates[0]);
        f->cl.clReleaseEvent(gates[1]);
        hpck_destroy(handle);
    }
}

static void an_empty_product_gives_a_real_event(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    const int64_t sizes[3][3] = { { 0, 1, 1 }, { 1, 0, 1 }, { 1, 1, 0 } };
    for (int i = 0; i < 3; i++) {
        hpck_event done = NULL;
        const hpck_sync sync = { 0, NULL, &done };
        c.desc.m = sizes[i][0];
        c.desc.n = sizes[i][1];
        c.desc.batch = sizes[i][2];
        assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_OK);
        assert_int_equal(hpck_synchronize(handle), HPCK_OK);
        assert_int_equal(event_state(f, done), CL_COMPLETE);
        f->cl.clReleaseEvent(done);
    }
    assert_true(counter_value(&c) == 0.0F);
    hpck_destroy(handle);
}

static void an_event_of_another_context_is_refused(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    cl_event foreign = f->create_user_event(f->other_context, NULL);
    hpck_event wait = foreign;
    const hpck_sync sync = { 1, &wait, NULL };
    assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle),
                        "sync: wait_list[0] belongs to another context than the handle's");
    assert_true(counter_value(&c) == 0.0F);
    f->set_user_event(foreign, CL_COMPLETE);
    f->cl.clReleaseEvent(foreign);
    hpck_destroy(handle);
}

/* PoCL 3.1 would wait for it for ever. */
static void an_event_that_has_failed_is_refused(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    cl_event failed = f->create_user_event(f->context, NULL);
    hpck_event wait = failed;
    const hpck_sync sync = { 1, &wait, NULL };
    f->set_user_event(failed, CL_OUT_OF_RESOURCES);
    assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle), "sync: wait_list[0] stands for a command that has failed");
    assert_true(counter_value(&c) == 0.0F);
    f->cl.clReleaseEvent(failed);
    hpck_destroy(handle);
}

/* A call fails on the device when what it waits for fails: on either kind of queue the handle tells, once, and goes on. */
static void a_failed_call_is_reported_once(void **state)
{
    const struct fixture *f = *state;
    const cl_command_queue queues[] = { f->in_order, f->out_of_order };
    for (int i = 0; i < 2; i++) {
        hpck_handle *handle = adopt(f, queues[i]);
        struct counter c = counter_new(handle);
        cl_event gate = f->create_user_event(f->context, NULL);
        hpck_event wait = gate;
        const hpck_sync sync = { 1, &wait, NULL };
        assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_OK);
        f->set_user_event(gate, CL_OUT_OF_RESOURCES);
        if (i == 1) assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_LAUNCH_FAILED);
        assert_int_equal(hpck_synchronize(handle), HPCK_LAUNCH_FAILED);
        assert_non_null(strstr(hpck_error_message(handle), "an earlier call failed on the device"));
        assert_int_equal(hpck_synchronize(handle), HPCK_OK);
        assert_int_equal(counter_step(&c, 1.0F, NULL), HPCK_OK);
        assert_true(counter_value(&c) == 1.0F);
        f->cl.clReleaseEvent(gate);
        hpck_destroy(handle);
    }
}

/* Its own work, but not what the caller has blocked in the same queue afterwards. */
static void destroy_waits_for_its_own_work_only(void **state)
{
    const struct fixture *f = *state;
    hpck_handle *handle = adopt(f, f->in_order);
    struct counter c = counter_new(handle);
    hpck_event done = NULL;
    const hpck_sync sync = { 0, NULL, &done };
    assert_int_equal(counter_step(&c, 1.0F, &sync), HPCK_OK);
    cl_event gate = f->create_user_event(f->context, NULL);
    assert_int_equal(f->cl.clEnqueueMarkerWithWaitList(f->in_order, 1, &gate, NULL), CL_SUCCESS);
    hpck_destroy(handle);
    assert_int_equal(event_state(f, done), CL_COMPLETE);
    f->set_user_event(gate, CL_COMPLETE);
    f->cl.clFinish(f->in_order);
    f->cl.clReleaseEvent(gate);
    f->cl.clReleaseEvent(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_callers_objects_are_used_and_given_back),
        cmocka_unit_test(a_handle_makes_its_own_queue_when_none_is_given),
        cmocka_unit_test(wrong_objects_are_named),
        cmocka_unit_test(memory_of_another_context_is_refused),
        cmocka_unit_test(sub_buffers_are_buffers_with_a_place),
        cmocka_unit_test(buffers_may_be_freed_between_calls),
        cmocka_unit_test(calls_run_in_order_on_every_kind_of_queue),
        cmocka_unit_test(calls_run_in_order_across_queues),
        cmocka_unit_test(a_call_waits_for_events_and_gives_one),
        cmocka_unit_test(an_empty_product_gives_a_real_event),
        cmocka_unit_test(an_event_of_another_context_is_refused),
        cmocka_unit_test(an_event_that_has_failed_is_refused),
        cmocka_unit_test(a_failed_call_is_reported_once),
        cmocka_unit_test(destroy_waits_for_its_own_work_only),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
