/* The error bound of Winograd's convolution F(m x m, 3 x 3) and of its transpose for the filter: docs/numerics.md derives it. */
#include "conv.h"

#include "sum.h"

enum { POINTS_MAX = 6 };

/* Absolute values of the matrices of F(m, 3): B' and A' are applied to m + 2 values, G to 3. */
struct transform {
    int outputs;
    double b[POINTS_MAX][POINTS_MAX];
    double g[POINTS_MAX][3];
    double a[4][POINTS_MAX];
};

static const struct transform f2 = {
    2,
    { { 1, 0, 1, 0 }, { 0, 1, 1, 0 }, { 0, 1, 1, 0 }, { 0, 1, 0, 1 } },
    { { 1, 0, 0 }, { 0.5, 0.5, 0.5 }, { 0.5, 0.5, 0.5 }, { 0, 0, 1 } },
    { { 1, 1, 1, 0 }, { 0, 1, 1, 1 } },
};
static const struct transform f4 = {
    4,
    { { 4, 0, 5, 0, 1, 0 },
      { 0, 4, 4, 1, 1, 0 },
      { 0, 4, 4, 1, 1, 0 },
      { 0, 2, 1, 2, 1, 0 },
      { 0, 2, 1, 2, 1, 0 },
      { 0, 4, 0, 5, 0, 1 } },
    { { 0.25, 0, 0 },
      { 1 / 6.0, 1 / 6.0, 1 / 6.0 },
      { 1 / 6.0, 1 / 6.0, 1 / 6.0 },
      { 1 / 24.0, 1 / 12.0, 1 / 6.0 },
      { 1 / 24.0, 1 / 12.0, 1 / 6.0 },
      { 0, 0, 1 } },
    { { 1, 1, 1, 1, 1, 0 }, { 0, 1, 1, 2, 2, 0 }, { 0, 1, 1, 4, 4, 0 }, { 0, 1, 1, 8, 8, 1 } },
};

/* out = |M| in |M'| for a square `in` of `size`; rows of M are `columns` apart. */
static void apply(const double *matrix, int columns, int points, int size, double in[POINTS_MAX][POINTS_MAX],
                  double out[POINTS_MAX][POINTS_MAX])
{
    double half[POINTS_MAX][POINTS_MAX] = { { 0 } };
    for (int i = 0; i < points; i++)
        for (int j = 0; j < size; j++)
            for (int e = 0; e < size; e++)
                half[i][j] += matrix[i * columns + e] * in[e][j];
    for (int i = 0; i < points; i++)
        for (int j = 0; j < points; j++) {
            out[i][j] = 0.0;
            for (int e = 0; e < size; e++)
                out[i][j] += half[i][e] * matrix[j * columns + e];
        }
}

/* The convolution as outputs that gather inputs: forward as it is, backward data with tensors exchanged. */
struct gather {
    const struct reference_conv *conv;
    const struct reference_tensor *in;
    int64_t first_in, channels; /* of the group */
    int64_t height, width;      /* of the input */
    int64_t before_h, before_w; /* rows and columns of input before the first output's */
    bool is_turned;
};

static double input(const struct gather *g, int64_t image, int64_t channel, int64_t i, int64_t j)
{
    const struct reference_tensor *t = g->in;
    if (i < 0 || i >= g->height || j < 0 || j >= g->width) return 0.0;
    return reference_size(reference_load(t->data, g->conv->dtype,
                                         t->offset + image * t->step[0] + (g->first_in + channel) * t->step[1] +
                                             i * t->step[2] + j * t->step[3]));
}

static double tap(const struct gather *g, int64_t out, int64_t channel, int64_t r, int64_t s)
{
    const struct reference_conv *v = g->conv;
    const struct reference_tensor *t = &v->filter;
    const int64_t k = g->is_turned ? g->first_in + channel : out;
    const int64_t c = g->is_turned ? out % (v->c / v->groups) : channel;
    const int64_t row = g->is_turned ? 2 - r : r, column = g->is_turned ? 2 - s : s;
    return reference_size(reference_load(
        t->data, v->dtype, t->offset + k * t->step[0] + c * t->step[1] + row * t->step[2] + column * t->step[3]));
}

/* |A'| [ sum over channels of (|G| |g| |G'|) * (|B'| |d| |B|) ] |A| at one output. */
static double magnitude(const struct gather *g, const struct transform *t, const int64_t at[4])
{
    const int points = t->outputs + 2;
    const int64_t step_h = g->conv->dilation_h, step_w = g->conv->dilation_w;
    const int64_t row = at[2] / step_h,
                  column = at[3] / step_w; /* among the outputs that share inputs with this one */
    const int64_t top = at[2] - row % t->outputs * step_h - g->before_h;
    const int64_t left = at[3] - column % t->outputs * step_w - g->before_w;
    const double *a_row = t->a[row % t->outputs], *a_column = t->a[column % t->outputs];
    double total = 0.0;
    for (int64_t c = 0; c < g->channels; c++) {
        double d[POINTS_MAX][POINTS_MAX], w[POINTS_MAX][POINTS_MAX], v[POINTS_MAX][POINTS_MAX],
            u[POINTS_MAX][POINTS_MAX];
        for (int i = 0; i < points; i++)
            for (int j = 0; j < points; j++)
                d[i][j] = input(g, at[0], c, top + i * step_h, left + j * step_w);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                w[i][j] = tap(g, at[1], c, i, j);
        apply(&t->b[0][0], POINTS_MAX, points, points, d, v);
        apply(&t->g[0][0], 3, points, 3, w, u);
        for (int i = 0; i < points; i++)
            for (int j = 0; j < points; j++)
                total += a_row[i] * a_column[j] * u[i][j] * v[i][j];
    }
    return total;
}

/* |G'| [ sum over the tiles of (|B'| |d| |B|) * (|A| |y| |A'|) ] |G| at one element of the filter. */
static double filter_magnitude(const struct reference_conv *v, const struct transform *t, const int64_t at[4])
{
    const int points = t->outputs + 2;
    const int64_t channel = at[0] / (v->k / v->groups) * (v->c / v->groups) + at[1];
    const struct gather x = { .conv = v, .in = &v->x, .first_in = channel, .height = v->h, .width = v->w };
    const struct gather y = { .conv = v, .in = &v->y, .first_in = at[0], .height = v->p, .width = v->q };
    double a[POINTS_MAX][4], total = 0.0;
    for (int i = 0; i < points; i++)
        for (int j = 0; j < t->outputs; j++)
            a[i][j] = t->a[j][i];
    for (int64_t image = 0; image < v->n; image++)
        for (int64_t top = 0; top < v->p; top += t->outputs)
            for (int64_t left = 0; left < v->q; left += t->outputs) {
                double d[POINTS_MAX][POINTS_MAX], g[POINTS_MAX][POINTS_MAX], b[POINTS_MAX][POINTS_MAX],
                    u[POINTS_MAX][POINTS_MAX];
                for (int i = 0; i < points; i++)
                    for (int j = 0; j < points; j++)
                        d[i][j] = input(&x, image, 0, top + i - v->pad_top, left + j - v->pad_left);
                for (int i = 0; i < t->outputs; i++)
                    for (int j = 0; j < t->outputs; j++)
                        g[i][j] = input(&y, image, 0, top + i, left + j);
                apply(&t->b[0][0], POINTS_MAX, points, points, d, b);
                apply(&a[0][0], 4, points, t->outputs, g, u);
                for (int i = 0; i < points; i++)
                    for (int j = 0; j < points; j++)
                        total += t->g[i][at[2]] * t->g[j][at[3]] * b[i][j] * u[i][j];
            }
    return total;
}

/* Roundings that a product passes through beside the additions: 3 in each of two passes of B', 4 of G (one is the constant's), 3 of A',
 * and the product itself. For the filter: 3 of B', 2 of A, 5 of G', and the product. */
enum { ROUNDINGS = 2 * 3 + 2 * 4 + 2 * 3 + 1, FILTER_ROUNDINGS = 2 * 3 + 2 * 2 + 2 * 5 + 1 };

/* Of `terms` products, each of which passes through so many roundings. */
static double error_of(double magnitude, int64_t terms, int roundings)
{
    if (magnitude > FLT_MAX / 2) return INFINITY;
    const double steps = 400.0 * (double)(terms + 1); /* that may underflow, weighed with what A' makes of them */
    return reference_gamma(terms + roundings) * magnitude + FLT_MIN * steps;
}

static double filter_error(const struct reference_conv *v, const struct transform *t, const int64_t at[4])
{
    const int64_t m = t->outputs, tiles = v->n * ((v->p + m - 1) / m) * ((v->q + m - 1) / m);
    return error_of(filter_magnitude(v, t, at), tiles, FILTER_ROUNDINGS);
}

double reference_conv_winograd_error(const struct reference_conv *v, const int64_t at[4])
{
    const bool is_square = v->r == 3 && v->s == 3 && v->stride_h == 1 && v->stride_w == 1;
    if (!is_square || !v->may_transform) return 0.0;
    if (v->direction == REFERENCE_CONV_BACKWARD_FILTER) {
        if (v->dilation_h != 1 || v->dilation_w != 1) return 0.0;
        return fmax(filter_error(v, &f2, at), filter_error(v, &f4, at));
    }
    const bool is_turned = v->direction == REFERENCE_CONV_BACKWARD_DATA;
    const int64_t ins = (is_turned ? v->k : v->c) / v->groups, outs = (is_turned ? v->c : v->k) / v->groups;
    const struct gather g = {
        .conv = v,
        .in = is_turned ? &v->y : &v->x,
        .first_in = at[1] / outs * ins,
        .channels = ins,
        .height = is_turned ? v->p : v->h,
        .width = is_turned ? v->q : v->w,
        .before_h = is_turned ? 2 * v->dilation_h - v->pad_top : v->pad_top,
        .before_w = is_turned ? 2 * v->dilation_w - v->pad_left : v->pad_left,
        .is_turned = is_turned,
    };
    return error_of(fmax(magnitude(&g, &f2, at), magnitude(&g, &f4, at)), ins, ROUNDINGS);
}
