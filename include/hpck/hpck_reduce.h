/* hpck: reductions over any axes, and row-wise normalisations. Included by hpck.h. docs/reduce.md explains with examples. */
#ifndef HPCK_REDUCE_H
#define HPCK_REDUCE_H

#include <hpck/hpck.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reductions ------------------------------------------------------------------------------------------ */

typedef enum hpck_reduce_op {
    HPCK_SUM = 0,
    HPCK_PROD = 1,
    HPCK_MIN = 2, /* NaN if there is one */
    HPCK_MAX = 3,
    HPCK_MEAN = 4,
    HPCK_NORM1 = 5,     /* sum of |x| */
    HPCK_NORM2 = 6,     /* sqrt(sum of x * x), without overflow or underflow on the way */
    HPCK_SUMSQ = 7,     /* sum of x * x */
    HPCK_LOGSUMEXP = 8, /* log(sum of exp(x)), without overflow on the way */
    HPCK_ANY = 9,       /* 1 if some element is not 0 (NaN is not), else 0 */
    HPCK_ALL = 10,      /* 1 if no element is 0, else 0 */
    HPCK_ARGMIN = 11,   /* the lowest index of the smallest element; of the first NaN, if there is one */
    HPCK_ARGMAX = 12,
    HPCK_MEANVAR = 13, /* mean and variance in one pass, without cancellation */
    HPCK_DOT = 14      /* sum of x * x2 */
} hpck_reduce_op;

typedef enum hpck_index_type { HPCK_INDEX_I32 = 0, HPCK_INDEX_I64 = 1 } hpck_index_type;

enum { HPCK_REDUCE_MAX_DIMS = 8 };

/* y = alpha * op(x over the axes) + beta * y
 *
 *   x has `dims` dimensions of the given extents, y those that are not reduced; x has `dtype`, y `dtype_y`: the same, or
 *   HPCK_F32 for 16-bit x, or a 16-bit type for x in HPCK_F32. Everything is accumulated in fp32 and rounded once.
 *   strides: elements between neighbours along each dimension; NULL: row-major without gaps. Those of x (and x2) may be 0
 *   (one element serves for all) or negative (the buffer's offset is where index 0 lies). strides_y has an entry for each
 *   dimension; those of reduced dimensions are ignored, so that dimensions may be kept (with extent 1) or dropped. It may be
 *   negative; the elements of y must not share memory: sorted by size, each stride is larger than the extent of all smaller ones.
 *   axes: axis_count different dimensions, in any order; NULL and 0: all. An empty list (not NULL) reduces nothing.
 *   No elements: 0 for sum, norms and any, 1 for prod and all, -Inf for logsumexp, NaN for mean and variance; an error
 *   for min, max, argmin and argmax.
 *   beta == 0: y is written without being read. NaN and Inf propagate.
 *   Arg-reductions write indices (of the element among the reduced ones, in row-major order) where y lies: the same
 *   strides, in elements. They write the values to y if it has memory. HPCK_MEANVAR writes the mean to y and the variance,
 *   divided by (elements - correction), to `variance`. Both take alpha = 1 and beta = 0 only.
 * Accuracy: sums are trees of blocks (docs/numerics.md); compensated = 1 carries rounding errors along (sum, mean, norm1,
 * sumsq, dot). Where the reduced dimensions are one contiguous row in memory and rows lie a fixed step apart, the order depends on
 * the row's length, never on the number of rows, the device or tuning; elsewhere it is the same for the same plan.
 * Aliasing: y, variance and indices must not overlap x, x2 or each other (compared as the spans from their first to their last element). */
typedef struct hpck_reduce_desc {
    size_t size; /* sizeof(hpck_reduce_desc), set by HPCK_REDUCE_DESC_INIT */
    hpck_reduce_op op;
    hpck_dtype dtype;
    hpck_dtype dtype_y;
    int dims;
    const int64_t *extents;
    const int64_t *strides_x; /* NULL: tight */
    const int64_t *strides_y;
    const int *axes; /* NULL: all */
    int axis_count;
    int compensated;
    hpck_index_type index_type; /* of argmin and argmax */
    hpck_buffer indices;        /* of argmin and argmax */
    hpck_buffer variance;       /* of meanvar */
    double correction;          /* of meanvar: 0 for the population, 1 for a sample */
    hpck_buffer x2;             /* of dot: extents and dtype of x */
    const int64_t *strides_x2;
} hpck_reduce_desc;
#define HPCK_REDUCE_DESC_INIT                                                                                      \
    {                                                                                                              \
        sizeof(hpck_reduce_desc), HPCK_SUM, HPCK_F32, HPCK_F32, 0, NULL, NULL, NULL, NULL, 0, 0, HPCK_INDEX_I64,   \
            { NULL, 0 }, { NULL, 0 }, 0.0, { NULL, 0 }, NULL                                                       \
    }

/* Enqueues one reduction and returns; asynchronous on the handle's queue, like hpck_gemm.
 * Errors: INVALID_ARGUMENT, UNSUPPORTED, COMPILE_FAILED, LAUNCH_FAILED, DEVICE_OUT_OF_MEMORY. On an error nothing is
 * launched and y is untouched. */
HPCK_API hpck_status hpck_reduce(hpck_handle *handle, const hpck_reduce_desc *desc, float alpha, hpck_buffer x,
                                 float beta, hpck_buffer y, const hpck_sync *sync);

/* The plan that hpck_reduce makes and keeps by itself; see hpck_gemm_plan. with_y: whether y will have memory. */
HPCK_API hpck_status hpck_reduce_plan(hpck_handle *handle, const hpck_reduce_desc *desc, int with_y,
                                      hpck_plan **plan);

/* ---- normalisations of rows ------------------------------------------------------------------------------ */

typedef enum hpck_normalize_op {
    HPCK_SOFTMAX = 0,     /* exp(x - max) / sum of exp(x - max) */
    HPCK_LOG_SOFTMAX = 1, /* x - logsumexp(x) */
    HPCK_LAYERNORM = 2,   /* (x - mean) / sqrt(variance + epsilon) * scale + shift */
    HPCK_RMSNORM = 3      /* x / sqrt(mean of x * x + epsilon) * scale + shift */
} hpck_normalize_op;

/* Row i of y = the operation on row i of x, for i in 0 .. rows-1. Rows have `columns` elements and lie ld_x and ld_y apart
 * (0: tight). scale and shift have `columns` elements of `dtype` each; memory NULL: none (layernorm and rmsnorm only).
 * A row's result does not depend on the number of rows. y may be x itself, with the same memory, offset, ld and element size;
 * otherwise it must not overlap the others. */
typedef struct hpck_normalize_desc {
    size_t size; /* sizeof(hpck_normalize_desc), set by HPCK_NORMALIZE_DESC_INIT */
    hpck_normalize_op op;
    hpck_dtype dtype;
    hpck_dtype dtype_y;
    int64_t rows, columns;
    int64_t ld_x, ld_y;
    hpck_buffer scale, shift;
    float epsilon;
} hpck_normalize_desc;
#define HPCK_NORMALIZE_DESC_INIT                                                                                   \
    {                                                                                                              \
        sizeof(hpck_normalize_desc), HPCK_SOFTMAX, HPCK_F32, HPCK_F32, 0, 0, 0, 0, { NULL, 0 }, { NULL, 0 }, 1e-5F \
    }

HPCK_API hpck_status hpck_normalize(hpck_handle *handle, const hpck_normalize_desc *desc, hpck_buffer x,
                                    hpck_buffer y, const hpck_sync *sync);
HPCK_API hpck_status hpck_normalize_plan(hpck_handle *handle, const hpck_normalize_desc *desc, hpck_plan **plan);

#ifdef __cplusplus
}
#endif
#endif
