/* Convolution and its gradients, one element at a time. */
#include "conv.h"

#include <stddef.h>

#include "sum.h"

static double load(const struct reference_conv *conv, const struct reference_tensor *t, int64_t i0, int64_t i1,
                   int64_t i2, int64_t i3)
{
    return reference_load(t->data, conv->dtype,
                          t->offset + i0 * t->step[0] + i1 * t->step[1] + i2 * t->step[2] + i3 * t->step[3]);
}

static bool inside(int64_t i, int64_t extent)
{
    return i >= 0 && i < extent;
}

/* ---- the three sums ----------------------------------------------------------------------------------------- */

static struct reference_sum forward(const struct reference_conv *v, const int64_t at[4])
{
    struct reference_sum sum = { 0 };
    const int64_t channels = v->c / v->groups;
    const int64_t first = at[1] / (v->k / v->groups) * channels;
    for (int64_t r = 0; r < v->r; r++) {
        const int64_t i = at[2] * v->stride_h + r * v->dilation_h - v->pad_top;
        if (!inside(i, v->h)) continue;
        for (int64_t s = 0; s < v->s; s++) {
            const int64_t j = at[3] * v->stride_w + s * v->dilation_w - v->pad_left;
            if (!inside(j, v->w)) continue;
            for (int64_t c = 0; c < channels; c++)
                reference_sum_add(&sum, load(v, &v->x, at[0], first + c, i, j),
                                  load(v, &v->filter, at[1], c, r, s));
        }
    }
    return sum;
}

static struct reference_sum backward_data(const struct reference_conv *v, const int64_t at[4])
{
    struct reference_sum sum = { 0 };
    const int64_t channels = v->c / v->groups;
    const int64_t filters = v->k / v->groups;
    const int64_t first = at[1] / channels * filters;
    for (int64_t r = 0; r < v->r; r++) {
        const int64_t i = at[2] + v->pad_top - r * v->dilation_h;
        if (i % v->stride_h != 0 || !inside(i / v->stride_h, v->p)) continue;
        for (int64_t s = 0; s < v->s; s++) {
            const int64_t j = at[3] + v->pad_left - s * v->dilation_w;
            if (j % v->stride_w != 0 || !inside(j / v->stride_w, v->q)) continue;
            for (int64_t k = 0; k < filters; k++)
                reference_sum_add(&sum, load(v, &v->y, at[0], first + k, i / v->stride_h, j / v->stride_w),
                                  load(v, &v->filter, first + k, at[1] % channels, r, s));
        }
    }
    return sum;
}

static struct reference_sum backward_filter(const struct reference_conv *v, const int64_t at[4])
{
    struct reference_sum sum = { 0 };
    const int64_t channel = at[0] / (v->k / v->groups) * (v->c / v->groups) + at[1];
    for (int64_t n = 0; n < v->n; n++) {
        for (int64_t p = 0; p < v->p; p++) {
            const int64_t i = p * v->stride_h + at[2] * v->dilation_h - v->pad_top;
            if (!inside(i, v->h)) continue;
            for (int64_t q = 0; q < v->q; q++) {
                const int64_t j = q * v->stride_w + at[3] * v->dilation_w - v->pad_left;
                if (!inside(j, v->w)) continue;
                reference_sum_add(&sum, load(v, &v->x, n, channel, i, j), load(v, &v->y, n, at[0], p, q));
            }
        }
    }
    return sum;
}

/* ---- together ------------------------------------------------------------------------------------------------- */

double reference_conv_value(const struct reference_conv *v, const int64_t at[4], double *bound)
{
    static struct reference_sum (*const sums[])(const struct reference_conv *, const int64_t[4]) = {
        [REFERENCE_CONV_FORWARD] = forward,
        [REFERENCE_CONV_BACKWARD_DATA] = backward_data,
        [REFERENCE_CONV_BACKWARD_FILTER] = backward_filter,
    };
    const struct reference_tensor *const written[] = {
        [REFERENCE_CONV_FORWARD] = &v->y,
        [REFERENCE_CONV_BACKWARD_DATA] = &v->x,
        [REFERENCE_CONV_BACKWARD_FILTER] = &v->filter,
    };
    const struct reference_sum sum = sums[v->direction](v, at);
    struct reference_finish finish = {
        .alpha = v->alpha,
        .beta = v->beta,
        .extra = reference_conv_winograd_error(v, at),
        .activation = v->activation,
        .dtype = v->dtype,
    };
    if (v->beta != 0.0) finish.old = load(v, written[v->direction], at[0], at[1], at[2], at[3]);
    if (v->bias.data != NULL) finish.bias = load(v, &v->bias, 0, at[1], 0, 0);
    if (v->residual.data != NULL) finish.residual = load(v, &v->residual, at[0], at[1], at[2], at[3]);
    return reference_sum_finish(&sum, &finish, bound);
}
