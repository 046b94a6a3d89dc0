/* hpck_reduce and hpck_normalize with anything that their header allows: every operation and pair of types, up to 8 dimensions
 * with any strides, empty ones, NaN and Inf, kernels that the library chooses and others. See random_case.h. */
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

#include "gemm_case.h"
#include "op_reduce.h"
#include "random_case.h"
#include "random_shape.h"
#include "reduce.h"
#include "reduce_check.h"
#include "reference/reduce.h"

enum {
    CASES = 3,
    SHAPES = 6 /* of a case: its kernels are compiled once */
};

static const hpck_dtype pairs[][2] = {
    { HPCK_F32, HPCK_F32 },  { HPCK_F16, HPCK_F16 }, { HPCK_BF16, HPCK_BF16 }, { HPCK_F16, HPCK_F32 },
    { HPCK_BF16, HPCK_F32 }, { HPCK_F32, HPCK_F16 }, { HPCK_F32, HPCK_BF16 },
};

/* What stays the same for the shapes of a case. */
struct what {
    int64_t operation;
    hpck_dtype dtype, dtype_y;
    int compensated;
    hpck_index_type index_type;
    bool has_values; /* y has memory */
};

/* ---- elements ---------------------------------------------------------------------------------------------- */

enum regime { INTEGERS, AROUND_ZERO, FAR_FROM_ZERO, MANY_SIZES, FLAGS, WIDE, REGIMES };

static double draw_value(struct random_case *c, const struct what *what, enum regime regime)
{
    if (what->operation == REDUCE_PROD) return exp2(draw_uniform(c, -0.1, 0.1)) * (draw_chance(c, 2) ? 1.0 : -1.0);
    switch (regime) {
    case INTEGERS:
        return (double)draw_from(c, -8, 8);
    case FAR_FROM_ZERO:
        return 1000.0 + draw_uniform(c, 0.0, 1.0);
    case MANY_SIZES:
        return draw_uniform(c, -1.0, 1.0) * exp2((double)draw_from(c, -10, 9));
    case FLAGS:
        return draw_chance(c, 20) ? 1.0 : 0.0;
    case WIDE:
        return draw_uniform(c, -40.0, 40.0);
    default:
        return draw_uniform(c, -1.0, 1.0);
    }
}

static double draw_special(struct random_case *c)
{
    static const double specials[] = { NAN, INFINITY, -INFINITY };
    return specials[draw_below(c, 3)];
}

/* ---- reductions -------------------------------------------------------------------------------------------- */

struct reduction {
    struct random_case *c;
    struct what what;
    struct shape shape;
    float alpha, beta;
    double correction;
    struct random_operand x, x2, y, extra; /* extra: variance or indices */
    hpck_reduce_desc desc;
};

static void describe(struct reduction *r)
{
    struct random_case *c = r->c;
    const struct shape *s = &r->shape;
    r->desc = (hpck_reduce_desc)HPCK_REDUCE_DESC_INIT;
    r->desc.op = (hpck_reduce_op)r->what.operation;
    r->desc.dtype = r->what.dtype;
    r->desc.dtype_y = r->what.dtype_y;
    r->desc.dims = s->dims;
    r->desc.extents = s->extent;
    r->desc.strides_x = s->is_tight ? NULL : s->x.stride;
    r->desc.strides_y = s->is_tight_y ? NULL : s->y.stride;
    r->desc.axes = s->all ? NULL : s->axes;
    r->desc.axis_count = s->axis_count;
    r->desc.compensated = r->what.compensated;
    r->desc.index_type = r->what.index_type;
    r->desc.correction = r->correction;
    if (r->what.operation == REDUCE_DOT) {
        r->desc.x2 = (hpck_buffer){ r->x2.memory, s->x2.first };
        r->desc.strides_x2 = s->is_tight ? NULL : s->x2.stride;
    }
    if (r->what.operation == REDUCE_MEANVAR) r->desc.variance = (hpck_buffer){ r->extra.memory, s->y.first };
    if (reduce_is_arg(r->what.operation)) r->desc.indices = (hpck_buffer){ r->extra.memory, s->y.first };
    int n = snprintf(
        c->text, sizeof c->text, "%s %d>%d compensated %d index %d values %d alpha %g beta %g correction %g [",
        reduce_operation_name(r->what.operation), (int)r->what.dtype, (int)r->what.dtype_y, r->what.compensated,
        (int)r->what.index_type, (int)r->what.has_values, (double)r->alpha, (double)r->beta, r->correction);
    for (int i = 0; i < s->dims; i++)
        n += snprintf(c->text + n, sizeof c->text - (size_t)n, "%s%" PRId64 " x %" PRId64 " y %" PRId64,
                      s->is_reduced[i] ? " *" : " ", s->extent[i], s->x.stride[i], s->y.stride[i]);
    snprintf(c->text + n, sizeof c->text - (size_t)n, " ]");
}

static void fill_inputs(struct reduction *r)
{
    struct random_case *c = r->c;
    const struct shape *s = &r->shape;
    int64_t kept[REDUCE_RANK_MAX] = { 0 };
    const enum regime regime = (enum regime)draw_below(c, REGIMES);
    const int64_t total = shape_count(s, true) * shape_count(s, false);
    const bool has_specials = draw_chance(c, 4);
    if (total == 0) return;
    do {
        int64_t index[REDUCE_RANK_MAX];
        memcpy(index, kept, sizeof index);
        do {
            const bool is_special = has_specials && draw_chance(c, total > 50 ? 40 : 10);
            operand_put(&r->x, shape_at(s, &s->x, index, false),
                        is_special ? draw_special(c) : draw_value(c, &r->what, regime));
            if (r->what.operation == REDUCE_DOT)
                operand_put(&r->x2, shape_at(s, &s->x2, index, false), draw_value(c, &r->what, AROUND_ZERO));
        } while (shape_next(s, true, index));
    } while (shape_next(s, false, kept));
}

static void make_operands(struct reduction *r)
{
    struct random_case *c = r->c;
    const struct shape *s = &r->shape;
    const bool is_arg = reduce_is_arg(r->what.operation);
    const enum reference_dtype in = (enum reference_dtype)r->what.dtype,
                               out = (enum reference_dtype)r->what.dtype_y;
    operand_make(c, &r->x, in, s->x.elements);
    operand_make(c, &r->x2, in, s->x2.elements);
    operand_make(c, &r->y, out, s->y.elements);
    operand_make(c, &r->extra,
                 !is_arg                                ? out
                 : r->what.index_type == HPCK_INDEX_I64 ? REFERENCE_I64
                                                        : REFERENCE_I32,
                 s->y.elements);
    fill_inputs(r);
    for (int64_t i = 0; i < r->y.elements && r->beta != 0.0F; i++)
        operand_put(&r->y, i, draw_uniform(c, -4.0, 4.0));
    operand_send(c, &r->x);
    operand_send(c, &r->x2);
    operand_send(c, &r->y);
    operand_send(c, &r->extra);
}

static void check(struct reduction *r)
{
    struct random_case *c = r->c;
    const struct shape *s = &r->shape;
    int64_t kept[REDUCE_RANK_MAX] = { 0 };
    struct reference_reduce reference = {
        .operation = (int)r->what.operation,
        .compensated = r->what.compensated,
        .alpha = (double)r->alpha,
        .beta = (double)r->beta,
        .correction = r->correction,
        .dtype_in = r->x.dtype,
        .dtype_out = r->y.dtype,
        .x = r->x.before,
        .x2 = r->x2.before,
        .y_in = r->y.before,
    };
    for (int i = 0; i < s->dims; i++) {
        if (!s->is_reduced[i]) continue;
        reference.extent[reference.dims] = s->extent[i];
        reference.x_step[reference.dims] = s->x.stride[i];
        reference.x2_step[reference.dims++] = s->x2.stride[i];
    }
    do {
        double value, bound;
        reference.x_first = shape_at(s, &s->x, kept, false);
        reference.x2_first = shape_at(s, &s->x2, kept, false);
        reference.y_index = shape_at(s, &s->y, kept, true);
        if (r->what.has_values) {
            value = reference_reduce_value(&reference, REFERENCE_REDUCE_Y, &bound);
            operand_expect(c, &r->y, reference.y_index, value, bound, "y");
        }
        if (r->what.operation == REDUCE_MEANVAR) {
            value = reference_reduce_value(&reference, REFERENCE_REDUCE_VARIANCE, &bound);
            operand_expect(c, &r->extra, reference.y_index, value, bound, "variance");
        }
        if (reduce_is_arg(r->what.operation)) {
            value = reference_reduce_value(&reference, REFERENCE_REDUCE_INDEX, &bound);
            operand_expect(c, &r->extra, reference.y_index, value, bound, "indices");
        }
    } while (shape_next(s, false, kept));
}

static hpck_plan *force(struct reduction *r)
{
    struct reduce_request request;
    if (!draw_chance(r->c, 3) || reduce_check_desc(&r->desc, r->what.has_values, &request, NULL) != HPCK_OK)
        return NULL;
    if (request.is_empty) return NULL;
    const struct problem problem = problem_canonical(&request.problem);
    return draw_plan(r->c, &problem);
}

static void run_reduction(struct random_case *c, const struct what *what)
{
    struct reduction r = { .c = c, .what = *what, .alpha = 1.0F };
    const bool is_arg = reduce_is_arg(what->operation);
    draw_shape(c, &r.shape);
    if (!is_arg && what->operation != REDUCE_MEANVAR) draw_factors(c, &r.alpha, &r.beta);
    if (what->operation == REDUCE_MEANVAR) r.correction = (double)draw_below(c, 3);
    make_operands(&r);
    describe(&r);
    snprintf(c->kernel, sizeof c->kernel, "the library's choice");
    hpck_plan *plan = force(&r);
    const hpck_status st =
        reduce_execute(c->handle, plan, &r.desc, r.alpha, (hpck_buffer){ r.x.memory, r.shape.x.first }, r.beta,
                       (hpck_buffer){ what->has_values ? r.y.memory : NULL, r.shape.y.first }, NULL);
    const bool has_no_value = (is_arg || what->operation == REDUCE_MIN || what->operation == REDUCE_MAX) &&
                              shape_count(&r.shape, true) == 0 && shape_count(&r.shape, false) > 0;
    if ((st == HPCK_OK) == has_no_value || (has_no_value && st != HPCK_INVALID_ARGUMENT))
        case_fail(c, "status %d: %s", (int)st, hpck_error_message(c->handle));
    operand_fetch(c, &r.y);
    operand_fetch(c, &r.extra);
    if (st == HPCK_OK && shape_count(&r.shape, false) > 0) check(&r);
    operand_untouched(c, &r.y, "y");
    operand_untouched(c, &r.extra, is_arg ? "indices" : "variance");
    plan_free(plan);
    operand_free(c, &r.x);
    operand_free(c, &r.x2);
    operand_free(c, &r.y);
    operand_free(c, &r.extra);
}

/* ---- normalisations ---------------------------------------------------------------------------------------- */

struct normalization {
    struct random_case *c;
    hpck_normalize_desc desc;
    bool is_in_place;
    int64_t first_x, first_y;
    struct random_operand x, y, scale, shift;
};

static void draw_normalization(struct normalization *n, const struct what *what)
{
    struct random_case *c = n->c;
    const int64_t most = draw_most(c);
    hpck_normalize_desc *d = &n->desc;
    *d = (hpck_normalize_desc)HPCK_NORMALIZE_DESC_INIT;
    d->op = (hpck_normalize_op)(what->operation - REDUCE_SOFTMAX);
    d->dtype = what->dtype;
    d->dtype_y = what->dtype_y;
    d->columns = draw_from(c, 1, draw_chance(c, 3) ? most : 300);
    d->rows = draw_chance(c, 30) ? 0 : draw_from(c, 1, most / d->columns < 40 ? most / d->columns : 40);
    d->epsilon = draw_chance(c, 2) ? 1e-5F : 0.25F;
    n->is_in_place = what->dtype == what->dtype_y && draw_chance(c, 3);
    if (draw_chance(c, 2)) d->ld_x = d->columns + draw_below(c, 9);
    if (draw_chance(c, 2)) d->ld_y = d->columns + draw_below(c, 9);
    if (n->is_in_place) d->ld_y = d->ld_x;
    n->first_x = SHAPE_MARGIN + draw_below(c, 9);
    n->first_y = n->is_in_place ? n->first_x : SHAPE_MARGIN + draw_below(c, 9);
    snprintf(c->text, sizeof c->text,
             "%s %d>%d rows %" PRId64 " columns %" PRId64 " ld %" PRId64 " %" PRId64 " at %" PRId64 " %" PRId64
             " in place %d",
             reduce_operation_name(what->operation), (int)d->dtype, (int)d->dtype_y, d->rows, d->columns, d->ld_x,
             d->ld_y, n->first_x, n->first_y, (int)n->is_in_place);
}

static int64_t step(int64_t ld, int64_t columns)
{
    return ld != 0 ? ld : columns;
}

static void fill_rows(struct normalization *n, const struct what *what)
{
    struct random_case *c = n->c;
    hpck_normalize_desc *d = &n->desc;
    const enum regime regime = (enum regime)draw_below(c, FLAGS);
    const bool has_specials = draw_chance(c, 6);
    operand_make(c, &n->x, (enum reference_dtype)d->dtype,
                 (d->rows + 1) * step(d->ld_x, d->columns) + 2 * SHAPE_MARGIN);
    operand_make(c, &n->y, (enum reference_dtype)d->dtype_y,
                 (d->rows + 1) * step(d->ld_y, d->columns) + 2 * SHAPE_MARGIN);
    operand_make(c, &n->scale, n->x.dtype, d->columns + 9);
    operand_make(c, &n->shift, n->x.dtype, d->columns + 9);
    for (int64_t row = 0; row < d->rows; row++)
        for (int64_t i = 0; i < d->columns; i++)
            operand_put(&n->x, n->first_x + row * step(d->ld_x, d->columns) + i,
                        has_specials && draw_chance(c, 200) ? draw_special(c) : draw_value(c, what, regime));
    for (int64_t i = 0; i < d->columns; i++) {
        operand_put(&n->scale, 3 + i, draw_uniform(c, -2.0, 2.0));
        operand_put(&n->shift, 4 + i, draw_uniform(c, -2.0, 2.0));
    }
    if (d->op >= HPCK_LAYERNORM && draw_chance(c, 2)) d->scale = (hpck_buffer){ n->scale.memory, 3 };
    if (d->op >= HPCK_LAYERNORM && draw_chance(c, 2)) d->shift = (hpck_buffer){ n->shift.memory, 4 };
    operand_send(c, &n->x);
    operand_send(c, &n->y);
    operand_send(c, &n->scale);
    operand_send(c, &n->shift);
}

static void check_rows(struct normalization *n, const struct what *what)
{
    const hpck_normalize_desc *d = &n->desc;
    struct random_operand *y = n->is_in_place ? &n->x : &n->y;
    for (int64_t row = 0; row < d->rows; row++) {
        /* every element costs the oracle a whole row */
        const int64_t stride =
            d->columns * d->columns * d->rows > 2000000 ? 1 + d->columns * d->columns / 2000000 * d->rows : 1;
        for (int64_t i = 0; i < d->columns; i++) {
            double bound = INFINITY, value = 0.0;
            const struct reference_reduce reference = {
                .operation = (int)what->operation,
                .epsilon = (double)d->epsilon,
                .dtype_in = n->x.dtype,
                .dtype_out = y->dtype,
                .x = n->x.before,
                .x_first = n->first_x + row * step(d->ld_x, d->columns),
                .dims = 1,
                .extent = { d->columns },
                .x_step = { 1 },
                .column = i,
                .scale = d->scale.memory != NULL ? n->scale.before : NULL,
                .scale_first = 3,
                .shift = d->shift.memory != NULL ? n->shift.before : NULL,
                .shift_first = 4,
            };
            if ((row + i) % stride == 0 || i == d->columns - 1)
                value = reference_reduce_value(&reference, REFERENCE_REDUCE_Y, &bound);
            operand_expect(n->c, y, n->first_y + row * step(d->ld_y, d->columns) + i, value, bound, "y");
        }
    }
}

static void run_normalization(struct random_case *c, const struct what *what)
{
    struct normalization n = { .c = c };
    struct reduce_request request;
    hpck_plan *plan = NULL;
    draw_normalization(&n, what);
    fill_rows(&n, what);
    snprintf(c->kernel, sizeof c->kernel, "the library's choice");
    if (draw_chance(c, 3) && n.desc.rows > 0 && reduce_check_normalize(&n.desc, &request, NULL) == HPCK_OK) {
        const struct problem problem = problem_canonical(&request.problem);
        plan = draw_plan(c, &problem);
    }
    const hpck_status st =
        normalize_execute(c->handle, plan, &n.desc, (hpck_buffer){ n.x.memory, n.first_x },
                          (hpck_buffer){ n.is_in_place ? n.x.memory : n.y.memory, n.first_y }, NULL);
    if (st != HPCK_OK) case_fail(c, "status %d: %s", (int)st, hpck_error_message(c->handle));
    operand_fetch(c, &n.x);
    operand_fetch(c, &n.y);
    check_rows(&n, what);
    operand_untouched(c, &n.x, "x");
    operand_untouched(c, &n.y, "y");
    plan_free(plan);
    operand_free(c, &n.x);
    operand_free(c, &n.y);
    operand_free(c, &n.scale);
    operand_free(c, &n.shift);
}

/* ---- cases ------------------------------------------------------------------------------------------------- */

static void run_case(struct random_case *c)
{
    const hpck_dtype *pair = pairs[draw_below(c, (int64_t)(sizeof pairs / sizeof *pairs))];
    struct what what = { .operation = draw_below(c, REDUCE_OPERATION_COUNT), .dtype = pair[0], .dtype_y = pair[1] };
    what.compensated = reduce_has_compensation(what.operation) && draw_chance(c, 3);
    what.index_type = (hpck_index_type)draw_below(c, 2);
    what.has_values = !reduce_is_arg(what.operation) || draw_chance(c, 2);
    for (int i = 0; i < SHAPES; i++)
        (reduce_is_normalization(what.operation) ? run_normalization : run_reduction)(c, &what);
}

static void reductions_drawn_at_random(void **state)
{
    cases_run(*state, CASES, run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reductions_drawn_at_random) };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
