/* What the library needs from a vendor's API: one table of functions per backend. opencl.c and cuda.c
 * implement it, mirror images of each other; the vendor library is opened at run time. No function here is called
 * before a handle is created or devices are listed. */
#ifndef HPCK_BACKEND_BACKEND_H
#define HPCK_BACKEND_BACKEND_H

#include "device.h"
#include "family.h"

struct backend_device;  /* an open device: driver entry points, context, current queue */
struct backend_program; /* compiled and loaded text */
struct backend_kernel;  /* one function of a program, with its own argument slots */

/* A tensor in device memory, in elements; dimension 0 is contiguous. Unused trailing dimensions are 0, so that tensors compare
 * with memcmp. */
struct tensor {
    void *memory;
    int64_t first; /* from the start of memory */
    int64_t dtype; /* hpck_dtype */
    int64_t rank;
    int64_t distance[TENSOR_RANK_MAX]; /* of neighbours in a dimension; [0] is 1; 0: all are the same */
    struct tensor_shape shape;
};

/* What the compiler made of a kernel, per work-item unless said otherwise. */
struct kernel_facts {
    int registers;
    int spill_bytes;    /* of memory that stands in for registers, and local arrays */
    int local_bytes;    /* of local memory that the text declares itself, per work-group */
    int max_work_items; /* of a work-group that has registers enough */
};

struct launch_arg {
    enum arg_kind kind;
    union {
        void *memory;                /* ARG_BUFFER, ARG_WORKSPACE */
        int64_t integer;             /* ARG_CALL, ARG_VALUE: an int64 kernel argument; ARG_LOCAL: bytes */
        float scalar;                /* ARG_SCALAR */
        const struct tensor *tensor; /* ARG_TENSOR_MAP */
    } as;
};

/* Where a memory object lies: a sub-buffer is a range of the buffer it was cut from. */
struct memory_range {
    const void *root;
    size_t offset; /* bytes from the start of root */
    size_t bytes;
    size_t
        alignment; /* the largest power of two, at most 128, that divides the device's address of the first byte */
};

static inline size_t memory_alignment(uint64_t address)
{
    address |= 128;
    return (size_t)(address & (~address + 1));
}

/* Everything enqueued through one device runs in the order of the calls, whatever the kind of queue and across
 * set_queue: the steps of a plan and the shared workspace rely on it. */
struct backend {
    const char *name; /* "opencl" or "cuda" */
    enum dialect dialect;

    /* Number of devices in *count, at most `capacity` described. NO_DEVICE: no driver, and *count is 0; the message
     * says why. */
    hpck_status (*enumerate)(struct device_desc *devices, int capacity, int *count, struct error *err);

    /* Own context and queue on the device with this selector as enumerate spelt it; or the caller's objects (see
     * hpck_opencl.h, hpck_cuda.h), which are retained where the API can. */
    hpck_status (*open)(const char *selector, struct backend_device **device, struct error *err);
    hpck_status (*adopt)(void *context, void *device_id, void *queue, struct backend_device **device,
                         struct error *err);
    /* Nothing may be in flight any more: see drain. */
    void (*close)(struct backend_device *device);
    const struct device_desc *(*describe)(const struct backend_device *device);
    hpck_status (*set_queue)(struct backend_device *device, void *queue, struct error *err);
    /* The vendor's objects in use, not retained; any of the pointers may be NULL. */
    void (*objects)(const struct backend_device *device, void **context, void **device_id, void **queue);

    /* Text that, beside source and options, decides what a compiled program is: platform, driver, compiler, device.
     * Part of the disk cache's key. */
    const char *(*fingerprint)(const struct backend_device *device);
    /* target: the only one that the source compiles for (struct family's cuda_target), NULL: the device decides. */
    hpck_status (*compile)(struct backend_device *device, const char *source, const char *options,
                           const char *target, struct backend_program **program, struct error *err);
    /* The program as bytes that `load` accepts in another process; caller frees *bytes. */
    hpck_status (*save)(struct backend_program *program, void **bytes, size_t *size, struct error *err);
    hpck_status (*load)(struct backend_device *device, const void *bytes, size_t size,
                        struct backend_program **program, struct error *err);
    void (*unload)(struct backend_program *program);

    /* Devices of an architecture ("sm_90") that need not be here: what they have in common with their limits, and their
     * fingerprint; a program for them as bytes that `load` accepts there, the caller frees *bytes. NULL: the vendor compiles
     * on the device only. */
    hpck_status (*describe_absent)(const char *architecture, struct device_desc *desc, char *fingerprint,
                                   size_t size, struct error *err);
    hpck_status (*compile_absent)(const struct device_desc *desc, const char *source, const char *options,
                                  const char *target, void **bytes, size_t *size, struct error *err);

    hpck_status (*kernel_create)(struct backend_program *program, const char *name, struct backend_kernel **kernel,
                                 struct error *err);
    void (*kernel_free)(struct backend_kernel *kernel);
    /* NULL: the vendor's API does not tell. */
    hpck_status (*inspect)(struct backend_kernel *kernel, struct kernel_facts *facts, struct error *err);
    /* Numbers that have not changed since this kernel's last launch are not set again; memory always is, because the
     * address of a freed object may have come back as another one. OpenCL's kernels take their numbers as one structure, the
     * integers and then the floats, as their first parameter. */
    hpck_status (*launch)(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                          const struct geometry *geometry, const hpck_sync *sync, struct error *err);

    /* Launches on a queue of its own and waits for the end: for drivers that finish compiling at the first launch. NULL:
     * loading a program finishes it. */
    hpck_status (*rehearse)(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                            const struct geometry *geometry, struct error *err);
    /* Waits, and gives the seconds that the device spent on what was enqueued since the last lap; 0 at the first. Where
     * time is emulated it is this, not the host's clock, that tells what a kernel takes. NULL: never emulated. */
    hpck_status (*lap)(struct backend_device *device, double *seconds, struct error *err);
    /* Enqueues nothing; *sync->event (when asked for) completes when the wait list and earlier launches have. */
    hpck_status (*marker)(struct backend_device *device, const hpck_sync *sync, struct error *err);

    hpck_status (*allocate)(struct backend_device *device, size_t bytes, void **memory, struct error *err);
    void (*release)(struct backend_device *device, void *memory);
    /* A buffer with these contents that frees itself when everything enqueued until `retire` has finished. */
    hpck_status (*upload)(struct backend_device *device, const void *host, size_t bytes, void **memory,
                          struct error *err);
    hpck_status (*retire)(struct backend_device *device, void *memory, struct error *err);
    hpck_status (*write)(struct backend_device *device, void *memory, size_t offset, const void *host, size_t bytes,
                         struct error *err);
    hpck_status (*read)(struct backend_device *device, void *host, const void *memory, size_t offset, size_t bytes,
                        struct error *err);
    /* Lets the host read memory in place, where the device computes on the host's: *host is its address, until `unmap`, and
     * nobody writes it meanwhile. NULL: no such device. UNSUPPORTED: this one is not. */
    hpck_status (*map)(struct backend_device *device, void *memory, size_t bytes, const void **host,
                       struct error *err);
    void (*unmap)(struct backend_device *device, void *memory, const void *host);
    /* INVALID_ARGUMENT when `memory` is not a buffer of this device's context; else where it lies. `name` is the
     * argument that the message names. */
    hpck_status (*check_memory)(struct backend_device *device, const void *memory, const char *name,
                                struct memory_range *range, struct error *err);
    /* Waits for what was enqueued through this device; where the API can tell it apart, not for what else is in the
     * caller's queue. */
    void (*drain)(struct backend_device *device);
    /* Waits for everything in the current queue; LAUNCH_FAILED when a launch since the last finish failed. */
    hpck_status (*finish)(struct backend_device *device, struct error *err);
};

/* check_memory, and INVALID_ARGUMENT when the first byte's address is no multiple of `unit`, a power of two up to 128: a pointer may
 * point between elements. */
hpck_status backend_check_memory(const struct backend *backend, struct backend_device *device, const void *memory,
                                 const char *name, size_t unit, struct memory_range *range, struct error *err);

extern const struct backend *const backends[]; /* in order of preference */
extern const int backend_count;
extern const struct backend cuda_backend;
extern const struct backend opencl_backend;

#endif
