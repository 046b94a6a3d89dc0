/* The driver API's side: one emulated device per process, its state behind one lock. Results and attributes have the numbers of
 * cuda.h (CUDA 13.0), which is not needed to build this. */
#ifndef EMULATOR_DRIVER_H
#define EMULATOR_DRIVER_H

#include "decode.h"
#include "memory.h"
#include "warp.h"

enum {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_INVALID_VALUE = 1,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101,
    CUDA_ERROR_INVALID_CONTEXT = 201,
    CUDA_ERROR_NO_BINARY_FOR_GPU = 209,
    CUDA_ERROR_INVALID_PTX = 218,
    CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_ERROR_INVALID_HANDLE = 400,
    CUDA_ERROR_NOT_FOUND = 500,
    CUDA_ERROR_NOT_READY = 600,
    CUDA_ERROR_ILLEGAL_ADDRESS = 700,
    CUDA_ERROR_LAUNCH_FAILED = 719,
    CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE = 720,
    CUDA_ERROR_NOT_SUPPORTED = 801,
    CUDA_ERROR_INVALID_CLUSTER_SIZE = 912,
};
enum { DRIVER_VERSION = 13000, PTX_VERSION = 90, SHARED_WITHOUT_OPT_IN = 49152 };

#define API __attribute__((visibility("default"))) int

struct function {
    struct module *module;
    struct kernel kernel;
    uint32_t max_dynamic_shared; /* cuFuncSetAttribute */
    bool any_cluster_size;       /* CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED */
};

struct module {
    struct module *next;
    struct ptx_module ptx;
    struct function *functions;
};

struct stream {
    struct stream *next;
};

struct event {
    struct event *next;
    double time; /* nanoseconds of the virtual clock; negative: not recorded */
};

struct driver {
    bool initialised;
    const struct device_profile *device;
    struct device_profile chosen; /* what device points to, once there is one */
    struct memory memory;
    uint32_t context_references;
    int sticky; /* the fault that made the context useless */
    bool check, verbose;
    uint64_t seed;     /* of the order of launches; 0: none */
    bool count, print; /* memory traffic of launches */
    double now;        /* virtual clock, nanoseconds */
    struct module *modules;
    struct stream *streams;
    struct event *events;
    struct counters counters; /* of all launches since they were reset */
    char report[8192];        /* of the last fault */
};

/* Takes the lock. The result is what the API call has to return at once when it is not CUDA_SUCCESS: not initialised, no
 * context, sticky error. Every driver_enter needs a driver_leave. */
enum driver_need { NEED_NOTHING, NEED_INIT, NEED_CONTEXT };
int driver_enter(struct driver **driver, enum driver_need need);
int driver_leave(int result);
int driver_enter_device(struct driver **driver, int device,
                        bool argument); /* argument: is what it was given usable? */
bool driver_has_current(void); /* has this thread a current context? The handle of the one context is its driver */
void driver_report(struct driver *driver, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Blocks of the function that fit on a multiprocessor at once. */
int driver_occupancy(const struct driver *driver, const struct function *function, int threads, size_t dynamic);
void driver_free_modules(struct driver *driver);
void driver_free_queues(struct driver *driver);
double clock_of_launch(const struct launch *launch);

#endif
