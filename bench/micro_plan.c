/* What hpck_gemm and hpck_reduce cost the calling thread when their plan is there, and what of that is the driver's own: the very same
 * clEnqueueNDRangeKernel calls, replayed. Both are timed in CPU time of this thread, in alternating batches. */
#include "opencl.h"

#include "micro.h"

#include <string.h>
#include <time.h>

#include "measure.h"

enum { SIZE = 16, BATCH = 64, BATCHES = 400 };

struct launch {
    cl_kernel kernel;
    cl_uint dimensions;
    size_t global[3], local[3];
};

/* The launches of the last call. A driver's entry point has no context argument, hence the static. */
static struct {
    struct launch launch[FAMILY_STEPS_MAX];
    int count;
    __typeof__(&clEnqueueNDRangeKernel) enqueue;
} recorded;

static cl_int CL_API_CALL record_enqueue(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                         const size_t *offset, const size_t *global, const size_t *local,
                                         cl_uint wait_count, const cl_event *wait_list, cl_event *event)
{
    struct launch *launch = &recorded.launch[recorded.count++];
    launch->kernel = kernel;
    launch->dimensions = dimensions;
    memcpy(launch->global, global, dimensions * sizeof *global);
    memcpy(launch->local, local, dimensions * sizeof *local);
    return recorded.enqueue(queue, kernel, dimensions, offset, global, local, wait_count, wait_list, event);
}

/* SIZE x SIZE elements each: c = a * b, or the first column of c the sums of a's rows. */
struct micro_call {
    hpck_handle *handle;
    hpck_status (*run)(struct micro_call *call);
    hpck_buffer a, b, c;
};

static hpck_status gemm(struct micro_call *call)
{
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.m = desc.n = desc.k = SIZE;
    return hpck_gemm(call->handle, &desc, 1.0F, call->a, call->b, 0.0F, call->c, NULL);
}

static hpck_status reduce(struct micro_call *call)
{
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    const int64_t extents[] = { SIZE, SIZE };
    const int axes[] = { 1 };
    desc.dims = 2;
    desc.extents = extents;
    desc.axes = axes;
    desc.axis_count = 1;
    return hpck_reduce(call->handle, &desc, 1.0F, call->a, 0.0F, call->c, NULL);
}

static bool open_call(hpck_handle *handle, hpck_status (*run)(struct micro_call *call), struct micro_call *call)
{
    *call = (struct micro_call){ .handle = handle, .run = run };
    hpck_buffer *const buffers[] = { &call->a, &call->b, &call->c };
    for (int i = 0; i < 3; i++)
        if (hpck_malloc(handle, SIZE * SIZE * sizeof(float), &buffers[i]->memory) != HPCK_OK) return false;
    return run(call) == HPCK_OK && hpck_synchronize(handle) == HPCK_OK;
}

static void close_call(struct micro_call *call)
{
    void *const memory[] = { call->a.memory, call->b.memory, call->c.memory };
    hpck_synchronize(call->handle);
    for (int i = 0; i < 3; i++)
        hpck_free(call->handle, memory[i]);
}

static bool record(struct micro_call *call)
{
    struct opencl_api *cl = &call->handle->device->cl;
    recorded.count = 0;
    recorded.enqueue = cl->clEnqueueNDRangeKernel;
    cl->clEnqueueNDRangeKernel = record_enqueue;
    bool ok = call->run(call) == HPCK_OK;
    cl->clEnqueueNDRangeKernel = recorded.enqueue;
    return ok && hpck_synchronize(call->handle) == HPCK_OK;
}

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds per call; the queue is empty before and after. */
static bool time_call(struct micro_call *call, double *seconds)
{
    double begin = thread_seconds();
    for (int i = 0; i < BATCH; i++)
        if (call->run(call) != HPCK_OK) return false;
    *seconds = (thread_seconds() - begin) / BATCH;
    return hpck_synchronize(call->handle) == HPCK_OK;
}

static bool time_bare(struct micro_call *call, double *seconds)
{
    cl_command_queue queue = call->handle->device->queue;
    double begin = thread_seconds();
    for (int i = 0; i < BATCH; i++) {
        for (int j = 0; j < recorded.count; j++) {
            const struct launch *x = &recorded.launch[j];
            if (recorded.enqueue(queue, x->kernel, x->dimensions, NULL, x->global, x->local, 0, NULL, NULL) !=
                CL_SUCCESS)
                return false;
        }
    }
    *seconds = (thread_seconds() - begin) / BATCH;
    return hpck_synchronize(call->handle) == HPCK_OK;
}

/* The time of an iteration is that of the public call; the counters are medians over all batches, in microseconds. */
static void plan_hit(struct gbench *bench, const struct micro *micro, hpck_status (*run)(struct micro_call *call))
{
    struct micro_call call;
    double whole[BATCHES], bare[BATCHES], beyond[BATCHES];
    int count = 0;
    bool ok = open_call(micro->handle, run, &call) && record(&call);
    while (ok && gbench_next(bench)) {
        bool bare_first = count % 2 == 0;
        ok = (!bare_first || time_bare(&call, &bare[count])) && time_call(&call, &whole[count]) &&
             (bare_first || time_bare(&call, &bare[count]));
        beyond[count] = whole[count] - bare[count];
        gbench_seconds(bench, whole[count]);
        count++;
    }
    close_call(&call);
    if (!ok) {
        gbench_fail(bench, hpck_error_message(micro->handle));
        return;
    }
    struct measure_times difference = measure_times_of(beyond, count);
    gbench_counter(bench, "call_us", 1e6 * measure_times_of(whole, count).median);
    gbench_counter(bench, "enqueue_us", 1e6 * measure_times_of(bare, count).median);
    gbench_counter(bench, "beyond_us", 1e6 * difference.median);
    gbench_counter(bench, "beyond_us_p10", 1e6 * difference.p10);
    gbench_counter(bench, "beyond_us_p90", 1e6 * difference.p90);
}

static void plan_hit_gemm(struct gbench *bench, void *context)
{
    plan_hit(bench, context, gemm);
}

static void plan_hit_reduce(struct gbench *bench, void *context)
{
    plan_hit(bench, context, reduce);
}

void micro_plan_add(struct micro *micro)
{
    gbench_add_manual("plan_hit/gemm", plan_hit_gemm, micro, BATCHES);
    gbench_add_manual("plan_hit/reduce", plan_hit_reduce, micro, BATCHES);
}
