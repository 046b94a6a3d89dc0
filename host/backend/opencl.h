/* What the files of the OpenCL backend share: the entry points of the driver library and the three objects behind
 * backend.h's opaque names. */
#ifndef HPCK_BACKEND_OPENCL_H
#define HPCK_BACKEND_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "backend.h"

#define OPENCL_FUNCTIONS(X)                                                                                        \
    X(clGetPlatformIDs)                                                                                            \
    X(clGetPlatformInfo)                                                                                           \
    X(clGetDeviceIDs)                                                                                              \
    X(clGetDeviceInfo)                                                                                             \
    X(clRetainDevice)                                                                                              \
    X(clReleaseDevice)                                                                                             \
    X(clCreateContext)                                                                                             \
    X(clRetainContext)                                                                                             \
    X(clReleaseContext)                                                                                            \
    X(clGetContextInfo)                                                                                            \
    X(clCreateCommandQueue)                                                                                        \
    X(clRetainCommandQueue)                                                                                        \
    X(clReleaseCommandQueue)                                                                                       \
    X(clGetCommandQueueInfo)                                                                                       \
    X(clCreateProgramWithSource)                                                                                   \
    X(clCreateProgramWithBinary)                                                                                   \
    X(clBuildProgram)                                                                                              \
    X(clGetProgramInfo)                                                                                            \
    X(clGetProgramBuildInfo)                                                                                       \
    X(clReleaseProgram)                                                                                            \
    X(clCreateKernel)                                                                                              \
    X(clGetKernelInfo)                                                                                             \
    X(clSetKernelArg)                                                                                              \
    X(clReleaseKernel)                                                                                             \
    X(clCreateBuffer)                                                                                              \
    X(clGetMemObjectInfo)                                                                                          \
    X(clReleaseMemObject)                                                                                          \
    X(clEnqueueNDRangeKernel)                                                                                      \
    X(clEnqueueReadBuffer)                                                                                         \
    X(clEnqueueWriteBuffer)                                                                                        \
    X(clEnqueueMapBuffer)                                                                                          \
    X(clEnqueueUnmapMemObject)                                                                                     \
    X(clEnqueueMarkerWithWaitList)                                                                                 \
    X(clWaitForEvents)                                                                                             \
    X(clGetEventInfo)                                                                                              \
    X(clRetainEvent)                                                                                               \
    X(clReleaseEvent)                                                                                              \
    X(clFlush)                                                                                                     \
    X(clFinish)

struct opencl_api {
#define X(name) __typeof__(&name) name;
    OPENCL_FUNCTIONS(X)
#undef X
};

/* NO_DEVICE: the library is not there or lacks an entry point; the message says which. The library stays loaded until
 * the process ends: drivers do not survive being unloaded. */
hpck_status opencl_load(struct opencl_api *api, struct error *err);

struct backend_device {
    struct opencl_api cl;
    cl_context context;
    cl_device_id id;
    cl_command_queue queue;
    /* The last command enqueued; NULL: none yet. Commands wait for it where the queue does not see to the order. */
    cl_event last;
    bool out_of_order;      /* the queue runs commands in any order */
    bool last_is_elsewhere; /* `last` went to another queue */
    struct device_desc desc;
    char *fingerprint;
};

struct backend_program {
    struct backend_device *device;
    cl_program program;
};

/* The first argument of a kernel: its integers, and its floats behind them. */
struct kernel_numbers {
    size_t bytes;
    int integers;
    cl_long integer[STEP_ARGS_MAX];
};

struct backend_kernel {
    struct backend_device *device;
    cl_kernel kernel;
    cl_uint parameter_count;
    struct kernel_numbers numbers; /* as last set; bytes is 0: not yet */
    size_t *local_bytes;           /* the same of each parameter in local memory */
};

/* ---- opencl_error.c ---- */
const char *opencl_error_name(cl_int code);
/* "what: CL_NAME (-5)", with the hpck_status that the code stands for, or `fallback` where it stands for none. */
hpck_status opencl_error(struct error *err, hpck_status fallback, cl_int code, const char *what);
/* Expects `st` and `done:`, as HPCK_TRY does. */
#define CL_TRY(err, fallback, call, what)                                                                          \
    do {                                                                                                           \
        cl_int cl_try_code = (call);                                                                               \
        if (cl_try_code != CL_SUCCESS) {                                                                           \
            st = opencl_error((err), (fallback), cl_try_code, (what));                                             \
            goto done;                                                                                             \
        }                                                                                                          \
    } while (0)

/* ---- opencl_describe.c: facts, no state ---- */
void opencl_describe(const struct opencl_api *cl, cl_device_id id, const char *selector, struct device_desc *desc);
/* The selector of a device, "" when the platform does not list it (a sub-device). */
hpck_status opencl_selector(const struct opencl_api *cl, cl_device_id id, char *selector, size_t size,
                            struct error *err);
hpck_status opencl_fingerprint(const struct opencl_api *cl, cl_device_id id, char **text, struct error *err);
hpck_status opencl_enumerate(struct device_desc *devices, int capacity, int *count, struct error *err);
hpck_status opencl_find(const struct opencl_api *cl, const char *selector, cl_device_id *id, struct error *err);

/* ---- opencl_device.c ---- */
hpck_status opencl_open(const char *selector, struct backend_device **device, struct error *err);
hpck_status opencl_adopt(void *context, void *device_id, void *queue, struct backend_device **device,
                         struct error *err);
void opencl_close(struct backend_device *device);
hpck_status opencl_set_queue(struct backend_device *device, void *queue, struct error *err);

/* ---- opencl_program.c ---- */
hpck_status opencl_compile(struct backend_device *device, const char *source, const char *options,
                           const char *target, struct backend_program **program, struct error *err);
hpck_status opencl_save(struct backend_program *program, void **bytes, size_t *size, struct error *err);
hpck_status opencl_load_program(struct backend_device *device, const void *bytes, size_t size,
                                struct backend_program **program, struct error *err);
void opencl_unload(struct backend_program *program);
extern const char opencl_options[]; /* given to every build, before the caller's */

/* ---- opencl_kernel.c ---- */
hpck_status opencl_kernel_create(struct backend_program *program, const char *name, struct backend_kernel **kernel,
                                 struct error *err);
void opencl_kernel_free(struct backend_kernel *kernel);
hpck_status opencl_launch(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                          const struct geometry *geometry, const hpck_sync *sync, struct error *err);
hpck_status opencl_rehearse(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                            const struct geometry *geometry, struct error *err);

/* ---- opencl_queue.c ---- */
struct wait_list {
    cl_uint count;
    const cl_event *events; /* NULL when count is 0 */
    cl_event *owned;        /* freed by wait_list_free */
};
/* The caller's events, and `last` where the queue does not see to the order by itself. sync may be NULL. */
hpck_status wait_list_make(struct backend_device *device, const hpck_sync *sync, struct wait_list *list,
                           struct error *err);
void wait_list_free(struct wait_list *list);
/* Makes `event` the device's last command and hands it to the caller when asked for. */
void opencl_enqueued(struct backend_device *device, cl_event event, const hpck_sync *sync);
hpck_status opencl_marker(struct backend_device *device, const hpck_sync *sync, struct error *err);
void opencl_drain(struct backend_device *device);
hpck_status opencl_finish(struct backend_device *device, struct error *err);

/* ---- opencl_memory.c ---- */
hpck_status opencl_allocate(struct backend_device *device, size_t bytes, void **memory, struct error *err);
void opencl_release(struct backend_device *device, void *memory);
hpck_status opencl_upload(struct backend_device *device, const void *host, size_t bytes, void **memory,
                          struct error *err);
hpck_status opencl_retire(struct backend_device *device, void *memory, struct error *err);
hpck_status opencl_write(struct backend_device *device, void *memory, size_t offset, const void *host, size_t bytes,
                         struct error *err);
hpck_status opencl_read(struct backend_device *device, void *host, const void *memory, size_t offset, size_t bytes,
                        struct error *err);
hpck_status opencl_map(struct backend_device *device, void *memory, size_t bytes, const void **host,
                       struct error *err);
void opencl_unmap(struct backend_device *device, void *memory, const void *host);
hpck_status opencl_check_memory(struct backend_device *device, const void *memory, const char *name,
                                struct memory_range *range, struct error *err);

#endif
