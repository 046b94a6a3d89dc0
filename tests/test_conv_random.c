/* hpck_conv with anything that its header allows: directions, types, layouts, groups, strides, padding and dilation of any size,
 * images without pixels, prepared filters, lent workspace, kernels that the library chooses and others; and refusals where the
 * output has no size. See random_case.h. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conv.h"
#include "gemm_case.h"
#include "op_conv.h"
#include "random_case.h"
#include "reference/conv.h"

enum {
    CASES = 2,
    SHAPES = 4, /* of a case: mostly the same kernels */
    ELEMENTS_MAX = 60000,
    TERMS_MAX = 8000000, /* products behind all results */
    TERMS_MAX_EMULATED = 300000,
    SHAPE_DRAWS = 1000,
    MARGIN = 40,
    WORKSPACE_MAX = 100000
};

enum { X, FILTER, Y, BIAS, RESIDUAL, TENSORS };
static const char *const names[TENSORS] = { "x", "filter", "y", "bias", "residual" };

struct convolution {
    struct random_case *c;
    hpck_conv_desc desc;
    int64_t p, q; /* 0: the description has no output */
    int written;
    float alpha, beta;
    bool has_bias, has_residual;
    int64_t first[TENSORS];
    struct random_operand tensor[TENSORS];
};

/* ---- draws ------------------------------------------------------------------------------------------------- */

/* What the shapes of a case have in common. */
static hpck_conv_desc draw_kind(struct random_case *c)
{
    hpck_conv_desc d = HPCK_CONV_DESC_INIT;
    d.direction = (hpck_conv_direction)draw_below(c, 3);
    d.dtype = (hpck_dtype)draw_below(c, 3);
    d.layout = (hpck_conv_layout)draw_below(c, 2);
    d.filter_layout = (hpck_filter_layout)draw_below(c, 2);
    d.math = (hpck_conv_math)draw_below(c, 2);
    if (d.direction == HPCK_CONV_FORWARD) d.activation = (hpck_activation)draw_below(c, 4);
    return d;
}

static int64_t draw_small(struct random_case *c, int64_t usual, int64_t most) /* from 0 */
{
    return draw_below(c, draw_chance(c, 5) ? most : usual);
}

static void draw_geometry(struct random_case *c, hpck_conv_desc *d)
{
    const bool is_usual = draw_chance(c, 3); /* 3x3, mostly stride 1 */
    const int64_t side = 24, channels = draw_chance(c, 3) ? 48 : 8;
    d->n = draw_from(c, 1, 3);
    d->groups = draw_chance(c, 2) ? draw_from(c, 1, 4) : 1;
    d->c = draw_from(c, 1, channels) * d->groups;
    d->k = draw_from(c, 1, channels) * d->groups;
    if (draw_chance(c, 4)) { /* depthwise */
        d->groups = d->c;
        d->k = d->c * (draw_chance(c, 3) ? draw_from(c, 1, 3) : 1);
    }
    d->h = draw_chance(c, 6) ? 1 : draw_from(c, 1, side);
    d->w = draw_chance(c, 8) ? 1 : draw_from(c, 1, side);
    d->r = is_usual ? 3 : 1 + draw_small(c, 4, 8);
    d->s = is_usual ? 3 : 1 + draw_small(c, 4, 8);
    d->pad_top = draw_small(c, 3, 9);
    d->pad_bottom = draw_small(c, 3, 9);
    d->pad_left = draw_small(c, 3, 9);
    d->pad_right = draw_small(c, 3, 9);
    d->stride_h = is_usual && !draw_chance(c, 3) ? 1 : 1 + draw_small(c, 3, 9);
    d->stride_w = is_usual && !draw_chance(c, 3) ? 1 : 1 + draw_small(c, 3, 9);
    d->dilation_h = is_usual && !draw_chance(c, 3) ? 1 : 1 + draw_small(c, 3, 6);
    d->dilation_w = is_usual && !draw_chance(c, 3) ? 1 : 1 + draw_small(c, 3, 6);
    if (draw_chance(c, 40)) d->n = 0;
    if (draw_chance(c, 40)) d->h = 0;
    if (draw_chance(c, 40)) d->c = 0, d->groups = 1;
    if (draw_chance(c, 40)) d->k = 0, d->groups = 1;
}

static int64_t outputs(int64_t extent, int64_t begin, int64_t end, int64_t dilation, int64_t taps, int64_t stride)
{
    const int64_t room = extent + begin + end - dilation * (taps - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

static int64_t elements(const struct convolution *v, int tensor)
{
    const hpck_conv_desc *d = &v->desc;
    switch (tensor) {
    case X:
        return d->n * d->c * d->h * d->w;
    case FILTER:
        return d->k * (d->c / d->groups) * d->r * d->s;
    case BIAS:
        return d->k;
    default:
        return d->n * d->k * v->p * v->q;
    }
}

static bool is_affordable(const struct convolution *v)
{
    const hpck_conv_desc *d = &v->desc;
    const bool is_emulated = v->c->handle->backend->describe(v->c->handle->device)->is_emulated;
    const double terms = (double)elements(v, Y) * (double)(d->c / d->groups * d->r * d->s);
    for (int i = 0; i < TENSORS; i++)
        if (elements(v, i) > ELEMENTS_MAX) return false;
    return terms <= (is_emulated ? TERMS_MAX_EMULATED : TERMS_MAX);
}

static bool draw_shape(struct convolution *v)
{
    for (int i = 0; i < SHAPE_DRAWS; i++) {
        hpck_conv_desc *d = &v->desc;
        draw_geometry(v->c, d);
        v->p = outputs(d->h, d->pad_top, d->pad_bottom, d->dilation_h, d->r, d->stride_h);
        v->q = outputs(d->w, d->pad_left, d->pad_right, d->dilation_w, d->s, d->stride_w);
        const bool is_wanted = (v->p > 0 && v->q > 0) || draw_chance(v->c, 10);
        if (is_wanted && is_affordable(v)) return true;
    }
    return false;
}

/* ---- operands ---------------------------------------------------------------------------------------------- */

static void make_operands(struct convolution *v)
{
    struct random_case *c = v->c;
    const bool has_integers = draw_chance(c, 3), has_outliers = draw_chance(c, 3);
    for (int t = 0; t < TENSORS; t++) {
        v->first[t] = MARGIN + (draw_chance(c, 2) ? 0 : draw_below(c, MARGIN));
        operand_make(c, &v->tensor[t], (enum reference_dtype)v->desc.dtype, elements(v, t) + 3 * MARGIN);
        for (int64_t i = 0; i < elements(v, t) && (t != v->written || v->beta != 0.0F); i++)
            operand_put(&v->tensor[t], v->first[t] + i,
                        has_integers
                            ? (double)draw_from(c, -4, 4)
                            : draw_uniform(c, -1.0, 1.0) * (has_outliers && draw_chance(c, 10) ? 30.0 : 1.0));
        operand_send(c, &v->tensor[t]);
    }
}

static hpck_buffer buffer(const struct convolution *v, int tensor)
{
    return (hpck_buffer){ v->tensor[tensor].memory, v->first[tensor] };
}

static void print_call(const struct convolution *v)
{
    const hpck_conv_desc *d = &v->desc;
    snprintf(v->c->text, sizeof v->c->text,
             "conv direction %d dtype %d %s %s n%" PRId64 "c%" PRId64 "h%" PRId64 "w%" PRId64 "k%" PRId64
             "r%" PRId64 "s%" PRId64 " pad %" PRId64 "+%" PRId64 "x%" PRId64 "+%" PRId64 " stride %" PRId64
             "x%" PRId64 " dilation %" PRId64 "x%" PRId64 " groups %" PRId64
             " activation %d math %d bias %d residual %d prepared %d alpha %g beta %g first %" PRId64 " %" PRId64
             " %" PRId64,
             (int)d->direction, (int)d->dtype, d->layout == HPCK_NHWC ? "nhwc" : "nchw",
             d->filter_layout == HPCK_KRSC ? "krsc" : "kcrs", d->n, d->c, d->h, d->w, d->k, d->r, d->s, d->pad_top,
             d->pad_bottom, d->pad_left, d->pad_right, d->stride_h, d->stride_w, d->dilation_h, d->dilation_w,
             d->groups, (int)d->activation, (int)d->math, (int)v->has_bias, (int)v->has_residual,
             (int)(d->prepared != NULL), (double)v->alpha, (double)v->beta, v->first[X], v->first[FILTER],
             v->first[Y]);
}

/* ---- the check --------------------------------------------------------------------------------------------- */

/* Extents by image, channel, row, column (filter: k, c, r, s), and what a step along each is in memory. */
static void extents_of(const struct convolution *v, int tensor, int64_t extent[4], struct reference_tensor *out)
{
    const hpck_conv_desc *d = &v->desc;
    const bool is_last = tensor == FILTER ? d->filter_layout == HPCK_KRSC : d->layout == HPCK_NHWC;
    const int64_t all[][4] = {
        [X] = { d->n, d->c, d->h, d->w },
        [FILTER] = { d->k, d->c / d->groups, d->r, d->s },
        [Y] = { d->n, d->k, v->p, v->q },
    };
    const int64_t *e = all[tensor == RESIDUAL ? Y : tensor];
    memcpy(extent, e, 4 * sizeof *extent);
    *out = (struct reference_tensor){
        .data = v->tensor[tensor].before,
        .offset = v->first[tensor],
        .step = { e[1] * e[2] * e[3], is_last ? 1 : e[2] * e[3], is_last ? e[3] * e[1] : e[3], is_last ? e[1] : 1 },
    };
}

static void check(struct convolution *v)
{
    const hpck_conv_desc *d = &v->desc;
    int64_t extent[4], at[4];
    struct reference_conv r = {
        .direction = (int)d->direction,
        .dtype = (enum reference_dtype)d->dtype,
        .n = d->n,
        .c = d->c,
        .h = d->h,
        .w = d->w,
        .k = d->k,
        .r = d->r,
        .s = d->s,
        .pad_top = d->pad_top,
        .pad_left = d->pad_left,
        .p = v->p,
        .q = v->q,
        .stride_h = d->stride_h,
        .stride_w = d->stride_w,
        .dilation_h = d->dilation_h,
        .dilation_w = d->dilation_w,
        .groups = d->groups,
        .alpha = (double)v->alpha,
        .beta = (double)v->beta,
        .activation = (int)d->activation,
        .may_transform = d->math == HPCK_CONV_ANY,
    };
    extents_of(v, X, extent, &r.x);
    extents_of(v, FILTER, extent, &r.filter);
    extents_of(v, Y, extent, &r.y);
    if (v->has_bias) r.bias = (struct reference_tensor){ v->tensor[BIAS].before, v->first[BIAS], { 0, 1, 0, 0 } };
    if (v->has_residual) extents_of(v, RESIDUAL, extent, &r.residual);
    struct reference_tensor written;
    extents_of(v, v->written, extent, &written);
    for (at[0] = 0; at[0] < extent[0]; at[0]++)
        for (at[1] = 0; at[1] < extent[1]; at[1]++)
            for (at[2] = 0; at[2] < extent[2]; at[2]++)
                for (at[3] = 0; at[3] < extent[3]; at[3]++) {
                    double bound;
                    int64_t index = written.offset;
                    for (int i = 0; i < 4; i++)
                        index += at[i] * written.step[i];
                    const double value = reference_conv_value(&r, at, &bound);
                    operand_expect(v->c, &v->tensor[v->written], index, value, bound, names[v->written]);
                }
}

/* ---- cases ------------------------------------------------------------------------------------------------- */

static bool is_winograd(const struct random_case *c)
{
    return strstr(c->kernel, "winograd") != NULL;
}

/* What divides the addresses of x, filter and y. */
static int64_t alignment(const struct convolution *v)
{
    int64_t bits = CONV_ALIGN_MAX;
    for (int t = X; t <= Y; t++)
        bits |= v->first[t] * (int64_t)reference_bytes(v->tensor[t].dtype);
    return bits & -bits;
}

/* A prepared filter, a forced plan, or the library's choice, perhaps with little workspace. */
static hpck_status execute(struct convolution *v, void *workspace)
{
    struct random_case *c = v->c;
    hpck_conv_filter *prepared = NULL;
    hpck_plan *plan = NULL, *chosen = NULL;
    struct problem problem;
    const bool is_valid = v->p > 0 && v->q > 0 && elements(v, v->written) > 0;
    const size_t cap = draw_chance(c, 4) ? (size_t)draw_from(c, 1, WORKSPACE_MAX) : 0;
    const bool is_lent = draw_chance(c, 2);
    const hpck_status limited = cap == 0  ? HPCK_OK
                                : is_lent ? hpck_set_workspace(c->handle, workspace, cap)
                                          : hpck_set_workspace_limit(c->handle, cap);
    if (limited != HPCK_OK) case_fail(c, "%s", hpck_error_message(c->handle));
    if (is_valid && v->written != FILTER && elements(v, FILTER) > 0 && draw_chance(c, 3)) {
        if (hpck_conv_prepare(c->handle, &v->desc, buffer(v, FILTER), &prepared) != HPCK_OK)
            case_fail(c, "prepare: %s", hpck_error_message(c->handle));
        v->desc.prepared = prepared;
    } else if (is_valid && draw_chance(c, 3) && conv_problem(&v->desc, &problem, NULL) == HPCK_OK) {
        problem.field.conv.align = alignment(v);
        plan = draw_plan(c, &problem);
    }
    print_call(v);
    const hpck_status st = conv_execute(c->handle, plan, &v->desc, v->alpha, buffer(v, X), buffer(v, FILTER),
                                        v->beta, buffer(v, Y), NULL);
    if (st == HPCK_OK && plan == NULL && is_valid && hpck_conv_plan(c->handle, &v->desc, &chosen) == HPCK_OK) {
        case_chosen(c, chosen);
        if (cap > 0 && hpck_plan_workspace(chosen) > cap) case_fail(c, "more workspace than %zu bytes", cap);
    }
    if (st == HPCK_OK && v->desc.math == HPCK_CONV_EXACT_SUMS && is_winograd(c))
        case_fail(c, "a transform was forbidden");
    operand_fetch(c, &v->tensor[v->written]); /* waits */
    hpck_conv_filter_destroy(prepared);
    plan_free(plan);
    if (cap > 0) hpck_set_workspace(c->handle, NULL, 0);
    hpck_set_workspace_limit(c->handle, SIZE_MAX);
    return st;
}

static void run_shape(struct random_case *c, const hpck_conv_desc *kind, void *workspace)
{
    static const int written[] = {
        [HPCK_CONV_FORWARD] = Y, [HPCK_CONV_BACKWARD_DATA] = X, [HPCK_CONV_BACKWARD_FILTER] = FILTER
    };
    struct convolution v = { .c = c, .desc = *kind, .written = written[kind->direction] };
    if (!draw_shape(&v)) return;
    draw_factors(c, &v.alpha, &v.beta);
    v.has_bias = v.written == Y && draw_chance(c, 2);
    v.has_residual = v.written == Y && draw_chance(c, 2);
    make_operands(&v);
    if (v.has_bias) v.desc.bias = buffer(&v, BIAS);
    if (v.has_residual) v.desc.residual = buffer(&v, RESIDUAL);
    snprintf(c->kernel, sizeof c->kernel, "the library's choice");
    print_call(&v);
    const hpck_status st = execute(&v, workspace);
    const bool is_refused = v.p == 0 || v.q == 0;
    if (st != (is_refused ? HPCK_INVALID_ARGUMENT : HPCK_OK))
        case_fail(c, "status %d: %s", (int)st, hpck_error_message(c->handle));
    if (st == HPCK_OK) check(&v);
    operand_untouched(c, &v.tensor[v.written], names[v.written]);
    for (int t = 0; t < TENSORS; t++)
        operand_free(c, &v.tensor[t]);
}

static void run_case(struct random_case *c)
{
    const hpck_conv_desc kind = draw_kind(c);
    void *workspace = NULL;
    assert_int_equal(hpck_malloc(c->handle, WORKSPACE_MAX, &workspace), HPCK_OK);
    for (int i = 0; i < SHAPES; i++)
        run_shape(c, &kind, workspace);
    assert_int_equal(hpck_free(c->handle, workspace), HPCK_OK);
}

static void convolutions_drawn_at_random(void **state)
{
    cases_run(*state, CASES, run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(convolutions_drawn_at_random) };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
