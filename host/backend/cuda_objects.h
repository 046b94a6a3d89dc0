/* What the files of the CUDA backend share: the three objects behind backend.h's opaque names. (Not cuda.h: that is the
 * toolkit's.) */
#ifndef HPCK_BACKEND_CUDA_OBJECTS_H
#define HPCK_BACKEND_CUDA_OBJECTS_H

#include "backend.h"
#include "cuda_api.h"

struct cuda_block; /* device memory of upload, used again */

struct backend_device {
    struct cuda_api cu;
    struct nvrtc_api nvrtc; /* opened by the first compilation */
    bool has_nvrtc;
    cuda_device id;
    CUcontext context;
    bool owns_context; /* retained: the device's primary context */
    CUstream stream;
    bool owns_stream;
    /* Marks the end of what was enqueued to the stream before this one; waited for by the first work in this one. */
    CUevent before;
    bool must_wait;
    CUevent lap;       /* the end of the last one; NULL: there was none */
    bool is_used;      /* something may have been enqueued to this stream */
    cuda_result fault; /* what made the context useless; CUDA_OK: nothing did */
    struct cuda_block *blocks;
    struct device_desc desc;
    char fingerprint[32];
};

struct backend_program {
    struct backend_device *device;
    struct CUmod_st *module;
    char *image; /* PTX, or a cubin; ends with a 0 that is not counted */
    size_t image_size;
};

/* A tensor and what the driver made of it, so that calls with the same operands do not ask again. */
struct cuda_tensor_slot {
    struct tensor tensor;
    uint64_t map[sizeof(struct cuda_tensor_map) / sizeof(uint64_t)];
    bool is_set;
};

struct backend_kernel {
    struct backend_device *device;
    struct CUfunc_st *function;
    struct cuda_tensor_slot tensors[STEP_TENSORS_MAX]; /* in the order of the arguments */
    int64_t dynamic_limit; /* bytes of dynamic shared memory that a launch may ask for as things are */
};

/* ---- cuda_error.c ---- */
/* "cuda: what: NAME (code): text", with the hpck_status that the code stands for, or `fallback` where it stands for none.
 * A fault that leaves the context useless is kept in the device. */
hpck_status cuda_error(struct backend_device *device, struct error *err, hpck_status fallback, cuda_result code,
                       const char *what);
/* Expects `st` and `done:`, as HPCK_TRY does. */
#define CU_TRY(device, err, fallback, call, what)                                                                  \
    do {                                                                                                           \
        cuda_result cu_try_code = (call);                                                                          \
        if (cu_try_code != CUDA_OK) {                                                                              \
            st = cuda_error((device), (err), (fallback), cu_try_code, (what));                                     \
            goto done;                                                                                             \
        }                                                                                                          \
    } while (0)

/* Makes the device's context current until cuda_leave; fails, with nothing to leave, once the context is lost. */
hpck_status cuda_enter(struct backend_device *device, struct error *err);
/* The same for what would break a capture: UNSUPPORTED while the stream is being captured, naming `what`. */
hpck_status cuda_enter_outside_capture(struct backend_device *device, const char *what, struct error *err);
void cuda_leave(struct backend_device *device);

/* ---- cuda_describe.c: facts, no state ---- */
hpck_status cuda_describe(struct backend_device *device, int ordinal, struct device_desc *desc, struct error *err);
hpck_status cuda_enumerate(struct device_desc *devices, int capacity, int *count, struct error *err);
hpck_status cuda_find(struct backend_device *device, const char *selector, int *ordinal, struct error *err);
hpck_status cuda_start(struct backend_device *device, int *count, struct error *err);

/* ---- cuda_device.c ---- */
hpck_status cuda_open(const char *selector, struct backend_device **device, struct error *err);
hpck_status cuda_adopt(void *context, void *device_id, void *queue, struct backend_device **device,
                       struct error *err);
void cuda_close(struct backend_device *device);
hpck_status cuda_set_queue(struct backend_device *device, void *queue, struct error *err);

/* ---- cuda_compiler.c ---- */
/* PTX for compute_TARGET or a cubin for sm_TARGET ("80", "90a"); caller frees *image, which ends with a 0 beyond
 * *size. */
hpck_status cuda_translate(struct backend_device *device, const char *source, const char *options,
                           const char *target, bool is_cubin, char **image, size_t *size, struct error *err);
/* The newest target of this NVRTC that the device runs. */
hpck_status cuda_target(struct backend_device *device, int *sm, struct error *err);

/* ---- cuda_cross.c: without a driver ---- */
void cuda_fingerprint(const struct device_desc *desc, char *text, size_t size);
hpck_status cuda_describe_absent(const char *architecture, struct device_desc *desc, char *fingerprint, size_t size,
                                 struct error *err);
hpck_status cuda_compile_absent(const struct device_desc *desc, const char *source, const char *options,
                                const char *target, void **bytes, size_t *size, struct error *err);

/* ---- cuda_program.c ---- */
hpck_status cuda_compile(struct backend_device *device, const char *source, const char *options, const char *target,
                         struct backend_program **program, struct error *err);
hpck_status cuda_save(struct backend_program *program, void **bytes, size_t *size, struct error *err);
hpck_status cuda_load_program(struct backend_device *device, const void *bytes, size_t size,
                              struct backend_program **program, struct error *err);
void cuda_unload(struct backend_program *program);

/* ---- cuda_kernel.c ---- */
hpck_status cuda_kernel_create(struct backend_program *program, const char *name, struct backend_kernel **kernel,
                               struct error *err);
void cuda_kernel_free(struct backend_kernel *kernel);
hpck_status cuda_inspect(struct backend_kernel *kernel, struct kernel_facts *facts, struct error *err);
hpck_status cuda_launch(struct backend_kernel *kernel, const struct launch_arg *args, int arg_count,
                        const struct geometry *geometry, const hpck_sync *sync, struct error *err);

/* ---- cuda_tensor.c ---- */
/* slot->map becomes the tensor's, if it is not yet. */
hpck_status cuda_tensor_encode(struct backend_device *device, const struct tensor *tensor,
                               struct cuda_tensor_slot *slot, struct error *err);

/* ---- cuda_queue.c: all but drain and finish inside cuda_enter ---- */
bool cuda_is_capturing(struct backend_device *device);
/* Before work is enqueued: it waits for the caller's events and for the stream before this one. */
hpck_status cuda_wait(struct backend_device *device, const hpck_sync *sync, struct error *err);
/* After work was enqueued: the event that the caller asked for. */
hpck_status cuda_signal(struct backend_device *device, const hpck_sync *sync, struct error *err);
hpck_status cuda_marker(struct backend_device *device, const hpck_sync *sync, struct error *err);
hpck_status cuda_lap(struct backend_device *device, double *seconds, struct error *err);
void cuda_drain(struct backend_device *device);
hpck_status cuda_finish(struct backend_device *device, struct error *err);

/* ---- cuda_memory.c ---- */
hpck_status cuda_allocate(struct backend_device *device, size_t bytes, void **memory, struct error *err);
void cuda_release(struct backend_device *device, void *memory);
hpck_status cuda_write(struct backend_device *device, void *memory, size_t offset, const void *host, size_t bytes,
                       struct error *err);
hpck_status cuda_read(struct backend_device *device, void *host, const void *memory, size_t offset, size_t bytes,
                      struct error *err);
hpck_status cuda_check_memory(struct backend_device *device, const void *memory, const char *name,
                              struct memory_range *range, struct error *err);

/* ---- cuda_upload.c ---- */
hpck_status cuda_upload(struct backend_device *device, const void *host, size_t bytes, void **memory,
                        struct error *err);
hpck_status cuda_retire(struct backend_device *device, void *memory, struct error *err);
void cuda_free_blocks(struct backend_device *device); /* inside cuda_enter */

static inline CUdeviceptr cuda_address(const void *memory)
{
    return (CUdeviceptr)(uintptr_t)memory;
}

#endif
