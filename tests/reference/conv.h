/* The oracle of convolution and its gradients in double precision, by the definition in hpck_conv.h. */
#ifndef HPCK_REFERENCE_CONV_H
#define HPCK_REFERENCE_CONV_H

#include "numerics.h"

enum { REFERENCE_CONV_FORWARD = 0, REFERENCE_CONV_BACKWARD_DATA = 1, REFERENCE_CONV_BACKWARD_FILTER = 2 };

/* Positions in tensors of four dimensions: image, channel, row, column (filter: k, c, r, s), and what one step along
 * each of them is in memory. */
struct reference_tensor {
    const void *data;
    int64_t offset;
    int64_t step[4];
};

struct reference_conv {
    int direction;
    enum reference_dtype dtype;
    int64_t n, c, h, w, k, r, s;
    int64_t pad_top, pad_left;
    int64_t p, q; /* rows and columns of y */
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t groups;
    double alpha, beta;
    struct reference_tensor x, filter,
        y;                            /* the one that the direction writes: as it was before; read if beta != 0 */
    struct reference_tensor bias;     /* data NULL: none; forward only, steps only along the channel */
    struct reference_tensor residual; /* data NULL: none; forward only */
    int activation;                   /* = hpck_activation */
    bool may_transform;               /* Winograd's transforms are allowed: the bound is theirs where they apply */
};

/* The value at a position of the written tensor before rounding, and in *bound the largest error that fp32 accumulation
 * in any order plus one rounding may have (docs/numerics.md). Compare with reference_matches. */
double reference_conv_value(const struct reference_conv *conv, const int64_t position[4], double *bound);

/* What Winograd's transforms may add to that error, before alpha; 0 where they do not apply or are not allowed. */
double reference_conv_winograd_error(const struct reference_conv *conv, const int64_t position[4]);

#endif
