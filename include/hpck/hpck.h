/* hpck: tuned GEMM, convolution and reductions for OpenCL and CUDA devices behind one small C API.
 *
 * This header is free of vendor types; hpck_opencl.h adds what adopts a caller's OpenCL objects.
 * Every call returns an hpck_status; hpck_error_message() tells which argument broke which rule.
 *
 * Threads: a handle, and the plans made from it, are used by one thread at a time. Different handles are
 *          independent.
 * fork():  a handle used in a child process returns HPCK_INVALID_ARGUMENT; create a new one there.
 * Sizes, leading dimensions, strides and offsets are in elements, never bytes, unless the name says bytes. */
#ifndef HPCK_H
#define HPCK_H

#include <stddef.h>
#include <stdint.h>

#include <hpck/hpck_version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HPCK_API
#else
#define HPCK_API __attribute__((visibility("default")))
#endif

/* ---- status -------------------------------------------------------------------------------------------- */

typedef enum hpck_status {
    HPCK_OK = 0,
    HPCK_INVALID_ARGUMENT = 1,     /* the caller's mistake: the message names the argument and the rule */
    HPCK_UNSUPPORTED = 2,          /* a valid request for which no kernel exists on this device */
    HPCK_NO_DEVICE = 3,            /* no device or driver matches: see `hpck-tune --list-devices` */
    HPCK_OUT_OF_MEMORY = 4,        /* host memory */
    HPCK_DEVICE_OUT_OF_MEMORY = 5, /* device memory, or a workspace that the caller made too small */
    HPCK_COMPILE_FAILED = 6,       /* the message carries the vendor's build log */
    HPCK_LAUNCH_FAILED = 7,        /* the driver refused or lost a kernel */
    HPCK_TIMEOUT = 8,              /* a time limit that the caller set has passed */
    HPCK_DB_FORMAT = 9,            /* a tuning database is not readable; the message names file and line */
    HPCK_IO = 10,                  /* a file could not be read or written */
    HPCK_INTERNAL = 11             /* a defect in hpck: please report it with the message */
} hpck_status;

/* "HPCK_OK" ... ; never NULL. */
HPCK_API const char *hpck_status_string(hpck_status status);

/* The version the library was built as; compare with HPCK_VERSION of the header. */
HPCK_API int hpck_version(void);

/* ---- devices and handles ------------------------------------------------------------------------------- */

typedef struct hpck_handle hpck_handle;

typedef struct hpck_device_info {
    char selector[32]; /* "opencl:0:0", accepted by hpck_options.device */
    char name[128];
    char vendor[64];
    char driver[64];
    char type[8]; /* "cpu", "gpu" or "other" */
    int64_t compute_units;
    int64_t global_bytes;
} hpck_device_info;

/* Fills at most `capacity` entries and stores the number of devices present in *count. devices may be NULL when
 * capacity is 0. A machine without any driver is not an error: *count is 0. */
HPCK_API hpck_status hpck_devices(hpck_device_info *devices, size_t capacity, size_t *count);

typedef struct hpck_options {
    size_t size;        /* sizeof(hpck_options), set by HPCK_OPTIONS_INIT */
    const char *device; /* "opencl:0:0", or a part of a device's name that fits only one; NULL: HPCK_DEVICE, else
                               the first GPU, else the first CPU */
    const char *db;     /* tuning database consulted first; NULL: HPCK_DB, then the user's and the system's file */
    const char
        *cache_dir; /* compiled kernels; NULL: HPCK_CACHE_DIR, else $XDG_CACHE_HOME/hpck; "": no disk cache */
    const char
        *bundle; /* file of kernels compiled ahead of time, only read (docs/kernel-cache.md); NULL: HPCK_BUNDLE,
                               else none; "": none. One that cannot be read is HPCK_IO */
} hpck_options;
#define HPCK_OPTIONS_INIT                                                                                          \
    {                                                                                                              \
        sizeof(hpck_options), NULL, NULL, NULL, NULL                                                               \
    }

/* Creates a handle on a device of its own choosing (see hpck_opencl_create for the caller's context). options may be
 * NULL. *handle is set even on failure, unless memory ran out: such a handle answers only hpck_error_message and
 * hpck_destroy. */
HPCK_API hpck_status hpck_create(hpck_handle **handle, const hpck_options *options);

/* Waits for the handle's own work, then frees it with its plans. NULL is allowed. */
HPCK_API void hpck_destroy(hpck_handle *handle);

/* The message of the last call that failed on this handle; "" when none did. Valid until the next call. */
HPCK_API const char *hpck_error_message(const hpck_handle *handle);

HPCK_API hpck_status hpck_device(const hpck_handle *handle, hpck_device_info *info);

/* Blocks until everything enqueued through this handle's queue has finished; reports faults of earlier calls. */
HPCK_API hpck_status hpck_synchronize(hpck_handle *handle);

/* ---- memory (a convenience: any cl_mem buffer or sub-buffer of the handle's context will do) ------------- */

/* `memory` is a cl_mem (OpenCL) or a CUdeviceptr (CUDA), which is a multiple of the size of the operand's elements; offset counts
 * elements. */
typedef struct hpck_buffer {
    void *memory;
    int64_t offset;
} hpck_buffer;

HPCK_API hpck_status hpck_malloc(hpck_handle *handle, size_t bytes, void **memory);
HPCK_API hpck_status hpck_free(hpck_handle *handle, void *memory);
/* Blocking copies between host and device memory, ordered after the calls enqueued before them. */
HPCK_API hpck_status hpck_write(hpck_handle *handle, void *memory, size_t byte_offset, const void *host,
                                size_t bytes);
HPCK_API hpck_status hpck_read(hpck_handle *handle, void *host, const void *memory, size_t byte_offset,
                               size_t bytes);

/* Scratch memory for kernels that need it. By default the handle owns it and grows it when a plan is made, never when
 * one is executed. memory = NULL returns to that; other memory begins at a multiple of 16 bytes. A plan that needs more than
 * `bytes` is not chosen. */
HPCK_API hpck_status hpck_set_workspace(hpck_handle *handle, void *memory, size_t bytes);

/* From now on no plan is chosen that needs more than `bytes`, be the workspace the handle's own or the caller's: split sums,
 * packed operands and transformed filters give way to what needs less; where no kernel does, the call is UNSUPPORTED. 0: plans
 * without workspace only; SIZE_MAX, as it is at first: no limit. Plans made before keep theirs and serve again when the limit is
 * taken back; memory is not given up. What hpck_conv_prepare makes belongs to the caller and is not counted. */
HPCK_API hpck_status hpck_set_workspace_limit(hpck_handle *handle, size_t bytes);

/* ---- events ---------------------------------------------------------------------------------------------- */

typedef void *hpck_event; /* cl_event or CUevent */

/* NULL wherever a `const hpck_sync *` is taken means: wait for nothing, return no event. On success *event (when
 * asked for) is a new event that the caller releases; on failure it is untouched. */
typedef struct hpck_sync {
    size_t wait_count;
    const hpck_event *wait_list;
    hpck_event *event;
} hpck_sync;

/* ---- GEMM -------------------------------------------------------------------------------------------------- */

typedef enum hpck_dtype { HPCK_F32 = 0, HPCK_F16 = 1, HPCK_BF16 = 2 } hpck_dtype;
typedef enum hpck_layout { HPCK_ROW_MAJOR = 0, HPCK_COLUMN_MAJOR = 1 } hpck_layout;
typedef enum hpck_trans { HPCK_NO_TRANS = 0, HPCK_TRANS = 1 } hpck_trans;
typedef enum hpck_activation {
    HPCK_IDENTITY = 0,
    HPCK_RELU = 1, /* max(x, 0); NaN stays NaN */
    HPCK_GELU = 2, /* x * (1 + erf(x / sqrt(2))) / 2, the exact form */
    HPCK_SILU = 3  /* x / (1 + exp(-x)) */
} hpck_activation;

/* C_i = activation(alpha * op(A_i) * op(B_i) + beta * C_i + bias)      for i in 0 .. batch-1
 *
 *   op(A) is m x k, op(B) is k x n, C is m x n. A and B have `dtype`, C has `dtype_c`: the same, or HPCK_F32.
 *   Products are accumulated in fp32; the result is rounded once.
 *   allow_tf32 = 1: f32 operands may be rounded to tf32 (10 bits of fraction, the exponents of fp32) on the way into a
 *   device's matrix units. A permission: devices and kernels without them, OpenCL's all, compute in fp32 as ever, and 16-bit
 *   operands are not touched by it.
 *   bias has dtype_c and runs along the contiguous dimension of C: n elements (row-major), m (column-major).
 *   ld: distance of consecutive rows (row-major) or columns (column-major) in memory; 0 means tight.
 *   Batch: entry i of X starts at x.offset + i * stride_x, or at x.offset + offsets_x[i] where the three offset
 *   lists (host memory, read before the call returns) are given. A stride of 0 makes every entry read the same A or B;
 *   for C it is an error when batch > 1.
 *   beta == 0: C is written without being read. k == 0: C = activation(beta * C + bias). m, n or batch 0: nothing is
 *   done. NaN and Inf propagate.
 * Aliasing: C must not overlap A, B or bias; the entries of C must not overlap each other. What lies beside each other in
 * one buffer (blocks of one matrix) is fine. It is checked to the byte, but for offset lists only entry by entry. */
typedef struct hpck_gemm_desc {
    size_t size; /* sizeof(hpck_gemm_desc), set by HPCK_GEMM_DESC_INIT */
    hpck_dtype dtype;
    hpck_dtype dtype_c;
    hpck_layout layout;
    hpck_trans trans_a;
    hpck_trans trans_b;
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
    int64_t batch;
    int64_t stride_a, stride_b, stride_c;
    const int64_t *offsets_a, *offsets_b, *offsets_c;
    hpck_activation activation;
    hpck_buffer bias; /* memory NULL: none */
    int allow_tf32;   /* 0 or 1 */
} hpck_gemm_desc;
#define HPCK_GEMM_DESC_INIT                                                                                        \
    {                                                                                                              \
        sizeof(hpck_gemm_desc), HPCK_F32, HPCK_F32, HPCK_ROW_MAJOR, HPCK_NO_TRANS, HPCK_NO_TRANS, 0, 0, 0, 0, 0,   \
            0, 1, 0, 0, 0, NULL, NULL, NULL, HPCK_IDENTITY, { NULL, 0 }, 0                                         \
    }

/* Enqueues one GEMM and returns; asynchronous on the handle's queue. The first call for a problem selects and, when
 * no cache has it, compiles a kernel; later calls reuse that plan.
 * Errors: INVALID_ARGUMENT, UNSUPPORTED, COMPILE_FAILED, LAUNCH_FAILED, DEVICE_OUT_OF_MEMORY. On an error nothing is
 * launched and C is untouched. */
HPCK_API hpck_status hpck_gemm(hpck_handle *handle, const hpck_gemm_desc *desc, float alpha, hpck_buffer a,
                               hpck_buffer b, float beta, hpck_buffer c, const hpck_sync *sync);

/* ---- plans --------------------------------------------------------------------------------------------------- */

/* A prepared call: kernel chosen, compiled and loaded, workspace allocated. Owned by the handle, freed with it; the
 * same description gives the same plan. hpck_gemm makes the same plan by itself: asking for it early moves the
 * compilation out of the first call, and hpck_plan_describe tells what was chosen. */
typedef struct hpck_plan hpck_plan;

HPCK_API hpck_status hpck_gemm_plan(hpck_handle *handle, const hpck_gemm_desc *desc, hpck_plan **plan);

/* One line: problem, family, parameters, and why they were selected. Valid as long as the plan. */
HPCK_API const char *hpck_plan_describe(const hpck_plan *plan);

/* Bytes of workspace the plan uses. */
HPCK_API size_t hpck_plan_workspace(const hpck_plan *plan);

#ifdef __cplusplus
}
#endif

#include <hpck/hpck_conv.h>
#include <hpck/hpck_reduce.h>

#endif
