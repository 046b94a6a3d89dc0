/* hpck: convolution and its two gradients. Included by hpck.h. */
#ifndef HPCK_CONV_H
#define HPCK_CONV_H

#include <hpck/hpck.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hpck_conv_direction {
    HPCK_CONV_FORWARD = 0,        /* y from x and filter */
    HPCK_CONV_BACKWARD_DATA = 1,  /* x from y and filter: the gradient of x, also known as transposed convolution */
    HPCK_CONV_BACKWARD_FILTER = 2 /* filter from x and y: the gradient of the filter */
} hpck_conv_direction;

typedef enum hpck_conv_layout {
    HPCK_NCHW = 0, /* channels outermost: x n c h w, y n k p q */
    HPCK_NHWC = 1  /* channels innermost: x n h w c, y n p q k */
} hpck_conv_layout;

typedef enum hpck_filter_layout {
    HPCK_KCRS = 0, /* k, c/groups, r, s */
    HPCK_KRSC = 1  /* k, r, s, c/groups */
} hpck_filter_layout;

typedef enum hpck_conv_math {
    HPCK_CONV_ANY = 0, /* transforms such as Winograd's are allowed: docs/numerics.md has their larger bound */
    HPCK_CONV_EXACT_SUMS = 1 /* every element is a sum of products, with the error bound of a dot product */
} hpck_conv_math;

typedef struct hpck_conv_filter hpck_conv_filter; /* see hpck_conv_prepare */

/* With i = stride_h * p' + dilation_h * r' - pad_top, j = stride_w * q' + dilation_w * s' - pad_left, x = 0 outside of
 * h x w, and channels split into `groups` that do not see each other:
 *
 *   forward          y[n', k', p', q']      = act(alpha * sum over c', r', s' of x[n', c', i, j] filter[k', c', r', s']
 *                                                 + beta * y[n', k', p', q'] + bias[k'] + residual[n', k', p', q'])
 *   backward data    x[n', c', i, j]        = alpha * sum over k', r', s' of y[n', k', p', q'] filter[k', c', r', s']
 *                                                 + beta * x[n', c', i, j]
 *   backward filter  filter[k', c', r', s'] = alpha * sum over n', p', q' of x[n', c', i, j] y[n', k', p', q']
 *                                                 + beta * filter[k', c', r', s']
 *
 * y has p = (h + pad_top + pad_bottom - dilation_h * (r - 1) - 1) / stride_h + 1 rows, and q columns likewise; p and q
 * must come out positive. One dimension: h = r = 1. Depthwise: groups = c. All tensors are dense, in `layout`.
 * Sums are accumulated in fp32 and rounded once. beta == 0: what is written is not read. Sums without terms (outputs
 * wholly in padding) are 0. n, c or k of 0: a written tensor without elements is left alone, one that no product
 * reaches becomes act(beta * old + bias + residual).
 * bias (k elements) and residual (like y) have y's dtype and are for the forward direction; memory NULL: none.
 * The written tensor must not overlap the others. */
typedef struct hpck_conv_desc {
    size_t size; /* sizeof(hpck_conv_desc), set by HPCK_CONV_DESC_INIT */
    hpck_conv_direction direction;
    hpck_dtype dtype;
    hpck_conv_layout layout;
    hpck_filter_layout filter_layout;
    int64_t n, c, h, w, k, r, s;
    int64_t pad_top, pad_bottom, pad_left, pad_right;
    int64_t stride_h, stride_w;
    int64_t dilation_h, dilation_w;
    int64_t groups;
    hpck_activation activation;
    hpck_conv_math math;
    hpck_buffer bias;
    hpck_buffer residual;
    const hpck_conv_filter *prepared; /* NULL, or what hpck_conv_prepare made of this very filter */
} hpck_conv_desc;
#define HPCK_CONV_DESC_INIT                                                                                        \
    {                                                                                                              \
        sizeof(hpck_conv_desc), HPCK_CONV_FORWARD, HPCK_F32, HPCK_NCHW, HPCK_KCRS, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0,   \
            0, 1, 1, 1, 1, 1, HPCK_IDENTITY, HPCK_CONV_ANY, { NULL, 0 }, { NULL, 0 }, NULL                         \
    }

/* Enqueues one convolution and returns; asynchronous on the handle's queue. alpha and beta belong to the tensor that the
 * direction writes. The first call for a problem selects and, when no cache has it, compiles kernels.
 * Errors: INVALID_ARGUMENT, UNSUPPORTED, COMPILE_FAILED, LAUNCH_FAILED, DEVICE_OUT_OF_MEMORY. On an error nothing is
 * launched and nothing is written. */
HPCK_API hpck_status hpck_conv(hpck_handle *handle, const hpck_conv_desc *desc, float alpha, hpck_buffer x,
                               hpck_buffer filter, float beta, hpck_buffer y, const hpck_sync *sync);

/* The plan that hpck_conv uses for tensors at multiples of 16 bytes; those at others may get another plan at their first call.
 * hpck_plan_describe tells what was chosen, hpck_plan_workspace the bytes it needs, which hpck_set_workspace_limit and what
 * hpck_set_workspace gives limit. */
HPCK_API hpck_status hpck_conv_plan(hpck_handle *handle, const hpck_conv_desc *desc, hpck_plan **plan);

/* Brings a filter into the form that the kernels for this problem use, once instead of in every call: for inference, where
 * filters do not change. Waits for the queue. Later calls of the same description pass it as desc->prepared, with `filter`
 * as before: its elements must not have changed, kernels may read either. Forward and backward data only.
 * A prepared filter belongs to the handle it was made with and is destroyed before it. */
HPCK_API hpck_status hpck_conv_prepare(hpck_handle *handle, const hpck_conv_desc *desc, hpck_buffer filter,
                                       hpck_conv_filter **prepared);
HPCK_API void hpck_conv_filter_destroy(hpck_conv_filter *prepared); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
