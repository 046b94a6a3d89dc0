/* See conv_gemm.h. */
#include "conv_gemm.h"

#include "op_conv.h"

/* One filter at one place of an image is a dot product over `depth` elements; an image has `pixels` places. */
struct product {
    int64_t pixels, depth;
    bool channels_last; /* the elements of a dot product lie beside each other in memory */
};

static bool read_product(const struct conv_fields *f, struct product *product)
{
    const bool has_padding = f->pad_top != 0 || f->pad_bottom != 0 || f->pad_left != 0 || f->pad_right != 0;
    const bool is_empty = f->n == 0 || f->c == 0 || f->h == 0 || f->w == 0 || f->k == 0;
    if (has_padding || is_empty || f->groups != 1 || f->residual) return false;
    const int64_t rows = conv_rows(f), columns = conv_columns(f);
    const bool is_pointwise = f->r == 1 && f->s == 1 && rows == f->h && columns == f->w;
    const bool covers_image = f->r == f->h && f->s == f->w && f->krsc == f->nhwc;
    product->pixels = rows * columns;
    product->depth = f->c * f->r * f->s;
    product->channels_last = f->nhwc || product->pixels == 1;
    return is_pointwise || covers_image;
}

/* y[pixels of all images][k] = x[pixels of all images][depth] filter[k][depth]^T, and its two gradients */
static struct conv_gemm with_channels_last(const struct conv_fields *f, const struct product *product)
{
    const int64_t rows = f->n * product->pixels, depth = product->depth;
    const struct conv_matrix x = { CONV_TENSOR_X, depth, 0 };
    const struct conv_matrix filter = { CONV_TENSOR_FILTER, depth, 0 };
    const struct conv_matrix y = { CONV_TENSOR_Y, f->k, 0 };
    switch (f->direction) {
    case CONV_FORWARD:
        return (struct conv_gemm){ { .trans_b = 1, .m = rows, .n = f->k, .k = depth, .batch = 1 }, x, filter, y };
    case CONV_BACKWARD_DATA:
        return (struct conv_gemm){ { .m = rows, .n = depth, .k = f->k, .batch = 1 }, y, filter, x };
    default:
        return (struct conv_gemm){ { .trans_a = 1, .m = f->k, .n = depth, .k = rows, .batch = 1 }, y, x, filter };
    }
}

/* For each image y[k][pixels] = filter[k][c] x[c][pixels], and its two gradients; the filter's is a sum over the images. */
static struct conv_gemm with_channels_first(const struct conv_fields *f, const struct product *product)
{
    const int64_t pixels = product->pixels;
    const struct conv_matrix x = { CONV_TENSOR_X, pixels, f->c * pixels };
    const struct conv_matrix filter = { CONV_TENSOR_FILTER, f->c, 0 };
    const struct conv_matrix y = { CONV_TENSOR_Y, pixels, f->k * pixels };
    switch (f->direction) {
    case CONV_FORWARD:
        return (struct conv_gemm){ { .m = f->k, .n = pixels, .k = f->c, .batch = f->n }, filter, x, y };
    case CONV_BACKWARD_DATA:
        return (
            struct conv_gemm){ { .trans_a = 1, .m = f->c, .n = pixels, .k = f->k, .batch = f->n }, filter, y, x };
    default:
        return (struct conv_gemm){ { .trans_b = 1, .m = f->k, .n = f->c, .k = pixels, .batch = 1 }, y, x, filter };
    }
}

/* Of a tensor at multiples of `align` bytes; only the lowest bits count. */
static int64_t line_alignment(int64_t align, const struct conv_matrix *matrix, int64_t lines, int64_t batch,
                              size_t bytes)
{
    uint64_t bits = (uint64_t)align;
    if (lines > 1) bits |= (uint64_t)matrix->ld * bytes;
    if (batch > 1) bits |= (uint64_t)matrix->stride * bytes;
    return align == 0 ? 0 : (int64_t)(bits & (~bits + 1));
}

bool conv_as_gemm(const struct problem *problem, struct conv_gemm *gemm)
{
    const struct conv_fields *f = &problem->field.conv;
    const size_t bytes = dtype_bytes(problem->dtype_in);
    struct product product;
    if (f->prepared == 2 || !read_product(f, &product)) return false;
    if (!product.channels_last && f->bias) return false; /* one for each row; GEMM's is one for each column */
    if (!product.channels_last && f->direction == CONV_BACKWARD_FILTER && f->n > 1) return false;
    *gemm = product.channels_last ? with_channels_last(f, &product) : with_channels_first(f, &product);
    struct gemm_fields *g = &gemm->fields;
    g->bias = f->bias;
    g->activation = f->activation;
    g->align_a = line_alignment(f->align, &gemm->a, g->trans_a ? g->k : g->m, g->batch, bytes);
    g->align_b = line_alignment(f->align, &gemm->b, g->trans_b ? g->n : g->k, g->batch, bytes);
    return true;
}
