/* Reductions and normalisations as a workload: x, the outputs that the operation has, and its other inputs. All lie tight,
 * but for the gaps that the options ask for behind the fastest dimension. */
#include "workload_op.h"

#include <math.h>

#include "op_reduce.h"
#include "random.h"
#include "reduce.h"
#include "reduce_check.h"
#include "reference/reduce.h"

enum { X, Y, X2, VARIANCE, INDICES, SCALE, SHIFT, NAME_COUNT };
static const char *const names[NAME_COUNT] = { "x", "y", "x2", "variance", "indices", "scale", "shift" };

static const double EPSILON = 1e-5;
static const double CORRECTION = 1.0;

static const struct reduce_fields *fields_of(const struct workload *w)
{
    return &w->problem.field.reduce;
}

/* Index of an operand, -1 where the problem has none. */
static int find(const struct workload *w, int which)
{
    for (int i = 0; i < w->operand_count; i++)
        if (w->operand[i].name == names[which]) return i;
    return -1;
}

static void add(struct workload *w, int which, enum reference_dtype dtype, bool is_output, int64_t rows,
                int64_t columns)
{
    w->operand[w->operand_count++] = (struct workload_operand){
        .name = names[which],
        .dtype = dtype,
        .is_output = is_output,
        .count = 1,
        .rows = rows,
        .columns = columns,
    };
}

static bool is_reduced(const struct workload *w, int dim)
{
    return (fields_of(w)->axes >> dim & 1) != 0 && !reduce_is_normalization(fields_of(w)->operation);
}

/* The dimensions of y, dropped ones left out. Returns how many. Where the last dimension is dropped too, an extent of 1 stands for
 * it, so that gaps lie between single elements. */
static int kept_extents(const struct workload *w, int64_t *extents)
{
    int count = 0;
    for (int i = 0; i < fields_of(w)->rank; i++)
        if (!is_reduced(w, i)) extents[count++] = reduce_extents_of(&w->problem)[i];
    if (is_reduced(w, (int)fields_of(w)->rank - 1)) extents[count++] = 1;
    return count;
}

static void rows_and_columns(const int64_t *extents, int count, int64_t *rows, int64_t *columns)
{
    *rows = 1;
    *columns = count > 0 ? extents[count - 1] : 1;
    for (int i = 0; i + 1 < count; i++)
        *rows *= extents[i];
}

static hpck_status reduce_declare(struct workload *w, struct error *err)
{
    (void)err;
    const struct reduce_fields *f = fields_of(w);
    enum reference_dtype in = (enum reference_dtype)w->problem.dtype_in;
    enum reference_dtype out = (enum reference_dtype)w->problem.dtype_out;
    int64_t kept[REDUCE_RANK_MAX + 1];
    int64_t x_rows, x_columns, y_rows, y_columns;
    rows_and_columns(reduce_extents_of(&w->problem), (int)f->rank, &x_rows, &x_columns);
    rows_and_columns(kept, kept_extents(w, kept), &y_rows, &y_columns);
    bool is_arg = reduce_is_arg(f->operation);
    add(w, X, in, false, x_rows, x_columns);
    if (is_arg) add(w, INDICES, f->index64 ? REFERENCE_I64 : REFERENCE_I32, true, y_rows, y_columns);
    if (!is_arg || f->values) add(w, Y, out, true, y_rows, y_columns);
    if (f->operation == REDUCE_MEANVAR) add(w, VARIANCE, out, true, y_rows, y_columns);
    if (f->operation == REDUCE_DOT) add(w, X2, in, false, x_rows, x_columns);
    if (f->scale) add(w, SCALE, in, false, 1, x_columns);
    if (f->shift) add(w, SHIFT, in, false, 1, x_columns);
    return HPCK_OK;
}

/* One NaN for every four outputs. */
static bool draws_nan(const struct workload *w, uint64_t *random)
{
    uint64_t length = 1;
    for (int i = 0; i < fields_of(w)->rank; i++)
        if (is_reduced(w, i)) length *= (uint64_t)reduce_extents_of(&w->problem)[i];
    return length > 1 && random_below(random, 4 * length) == 0;
}

/* Products that neither overflow nor vanish, few distinct values and some NaN to compare, zeros to find. */
static double reduce_draw(const struct workload *w, const struct workload_operand *operand, uint64_t *random)
{
    double x = workload_normal(random);
    switch (fields_of(w)->operation) {
    case REDUCE_PROD:
        return copysign(1.0 + 0.001 * fabs(x), x);
    case REDUCE_MIN:
    case REDUCE_MAX:
    case REDUCE_ARGMIN:
    case REDUCE_ARGMAX:
        if (!operand->is_output && !w->options.is_finite && draws_nan(w, random)) return NAN;
        return rint(8.0 * x) / 8.0;
    case REDUCE_ANY:
        return x > 2.5 ? x : 0.0;
    case REDUCE_ALL:
        return x > 2.5 ? 0.0 : 1.0;
    case REDUCE_MEANVAR:
    case REDUCE_LAYERNORM:
        return operand->is_output ? x : 20.0 + x;
    default:
        return x;
    }
}

static hpck_buffer buffer_of(const struct workload *w, int which, int set)
{
    int i = find(w, which);
    return i < 0 ? (hpck_buffer){ NULL, 0 } : workload_buffer(w, i, set);
}

/* Steps of a tensor whose last dimension has gaps behind it: ld elements a row. */
static void steps_of(const int64_t *extents, int count, int64_t ld, int64_t *steps)
{
    int64_t step = ld;
    for (int i = count; i-- > 0;) {
        steps[i] = i == count - 1 ? 1 : step;
        if (i < count - 1) step *= extents[i];
    }
}

struct described {
    hpck_reduce_desc desc;
    int64_t strides_x[REDUCE_RANK_MAX], strides_y[REDUCE_RANK_MAX];
    int axes[REDUCE_RANK_MAX];
};

static void describe(const struct workload *w, struct described *out)
{
    const struct reduce_fields *f = fields_of(w);
    const struct workload_operand *x = &w->operand[find(w, X)];
    const struct workload_operand *y = &w->operand[find(w, reduce_is_arg(f->operation) ? INDICES : Y)];
    int64_t kept[REDUCE_RANK_MAX + 1], kept_steps[REDUCE_RANK_MAX + 1];
    int rank = (int)f->rank;
    int count = kept_extents(w, kept);
    out->desc = (hpck_reduce_desc)HPCK_REDUCE_DESC_INIT;
    steps_of(reduce_extents_of(&w->problem), rank, x->ld, out->strides_x);
    steps_of(kept, count, y->ld, kept_steps);
    count = 0;
    out->desc.axis_count = 0;
    for (int i = 0; i < rank; i++) {
        out->strides_y[i] = is_reduced(w, i) ? 0 : kept_steps[count++];
        if (is_reduced(w, i)) out->axes[out->desc.axis_count++] = i;
    }
    out->desc.op = (hpck_reduce_op)f->operation;
    out->desc.dtype = w->problem.dtype_in;
    out->desc.dtype_y = w->problem.dtype_out;
    out->desc.dims = rank;
    out->desc.extents = reduce_extents_of(&w->problem);
    out->desc.strides_x = out->desc.strides_x2 = out->strides_x;
    if (f->operation != REDUCE_DOT) out->desc.strides_x2 = NULL;
    out->desc.strides_y = out->strides_y;
    out->desc.axes = out->axes;
    out->desc.compensated = (int)f->compensated;
    out->desc.index_type = f->index64 ? HPCK_INDEX_I64 : HPCK_INDEX_I32;
    out->desc.correction = f->operation == REDUCE_MEANVAR ? CORRECTION : 0.0;
}

static hpck_status normalize_run(struct workload *w, hpck_plan *plan, int set)
{
    const struct workload_operand *x = &w->operand[find(w, X)];
    const struct workload_operand *y = &w->operand[find(w, Y)];
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    desc.op = (hpck_normalize_op)(fields_of(w)->operation - REDUCE_SOFTMAX);
    desc.dtype = w->problem.dtype_in;
    desc.dtype_y = w->problem.dtype_out;
    desc.rows = x->rows;
    desc.columns = x->columns;
    desc.ld_x = x->ld;
    desc.ld_y = y->ld;
    desc.scale = buffer_of(w, SCALE, set);
    desc.shift = buffer_of(w, SHIFT, set);
    desc.epsilon = (float)EPSILON;
    return normalize_execute(w->handle, plan, &desc, buffer_of(w, X, set), buffer_of(w, Y, set), NULL);
}

static hpck_status reduce_run(struct workload *w, hpck_plan *plan, int set, struct error *err)
{
    struct described d;
    hpck_status st;
    if (reduce_is_normalization(fields_of(w)->operation)) {
        st = normalize_run(w, plan, set);
    } else {
        bool is_plain = reduce_is_arg(fields_of(w)->operation) || fields_of(w)->operation == REDUCE_MEANVAR;
        describe(w, &d);
        d.desc.x2 = buffer_of(w, X2, set);
        d.desc.variance = buffer_of(w, VARIANCE, set);
        d.desc.indices = buffer_of(w, INDICES, set);
        st = reduce_execute(w->handle, plan, &d.desc, is_plain ? 1.0F : w->options.alpha, buffer_of(w, X, set),
                            is_plain ? 0.0F : w->options.beta, buffer_of(w, Y, set), NULL);
    }
    if (st != HPCK_OK) error_set(err, st, "%s", hpck_error_message(w->handle));
    return st;
}

/* The elements of x behind output element (row, column). */
static void reduced_elements(const struct workload *w, int64_t row, int64_t column, struct reference_reduce *r)
{
    const struct workload_operand *x = &w->operand[find(w, X)];
    const int64_t *extents = reduce_extents_of(&w->problem);
    int64_t steps[REDUCE_RANK_MAX];
    int rank = (int)fields_of(w)->rank;
    int64_t first = 0;
    steps_of(extents, rank, x->ld, steps);
    for (int i = rank; i-- > 0;) {
        if ((fields_of(w)->axes >> i & 1) != 0) continue;
        first += (i == rank - 1 ? column : row % extents[i]) * steps[i];
        if (i < rank - 1) row /= extents[i];
    }
    for (int i = 0; i < rank; i++) {
        if ((fields_of(w)->axes >> i & 1) == 0) continue;
        r->extent[r->dims] = extents[i];
        r->x_step[r->dims] = r->x2_step[r->dims] = steps[i];
        r->dims++;
    }
    r->x_first = x->first + first;
    if (find(w, X2) >= 0) r->x2_first = w->operand[find(w, X2)].first + first;
}

static double reduce_expect(const struct workload *w, const struct workload_operand *output, int64_t matrix,
                            int64_t row, int64_t column, double *bound)
{
    (void)matrix;
    int x2 = find(w, X2), scale = find(w, SCALE), shift = find(w, SHIFT);
    struct reference_reduce r = {
        .operation = (int)fields_of(w)->operation,
        .compensated = (int)fields_of(w)->compensated,
        .is_row = fields_of(w)->form == REDUCE_ROW && !reduce_is_normalization(fields_of(w)->operation),
        .alpha = (double)w->options.alpha,
        .beta = (double)w->options.beta,
        .correction = CORRECTION,
        .epsilon = (double)(float)EPSILON,
        .dtype_in = (enum reference_dtype)w->problem.dtype_in,
        .dtype_out = (enum reference_dtype)w->problem.dtype_out,
        .x = w->operand[find(w, X)].host,
        .x2 = x2 < 0 ? NULL : w->operand[x2].host,
        .y_in = output->initial,
        .y_index = workload_row(output, 0, row) + column,
        .column = column,
        .scale = scale < 0 ? NULL : w->operand[scale].host,
        .scale_first = scale < 0 ? 0 : w->operand[scale].first,
        .shift = shift < 0 ? NULL : w->operand[shift].host,
        .shift_first = shift < 0 ? 0 : w->operand[shift].first,
    };
    bool is_plain = reduce_is_arg(r.operation) || r.operation == REDUCE_MEANVAR;
    if (is_plain) r.alpha = 1.0, r.beta = 0.0;
    reduced_elements(w, row, column, &r);
    enum reference_reduce_output which = output->name == names[INDICES]    ? REFERENCE_REDUCE_INDEX
                                         : output->name == names[VARIANCE] ? REFERENCE_REDUCE_VARIANCE
                                                                           : REFERENCE_REDUCE_Y;
    return reference_reduce_value(&r, which, bound);
}

/* Gaps keep dimensions from being merged: then the problem is another one. */
static void reduce_traits(struct workload *w)
{
    struct described d;
    struct reduce_request request;
    const struct reduce_fields *f = fields_of(w);
    static char there; /* buffers count as given; nobody looks into them */
    const hpck_buffer given = { &there, 0 };
    if (reduce_is_normalization(f->operation)) return;
    describe(w, &d);
    if (f->operation == REDUCE_DOT) d.desc.x2 = given;
    if (f->operation == REDUCE_MEANVAR) d.desc.variance = given;
    if (reduce_is_arg(f->operation)) d.desc.indices = given;
    if (reduce_check_desc(&d.desc, find(w, Y) >= 0, &request, NULL) == HPCK_OK) w->problem = request.problem;
}

static int64_t reduce_terms(const struct workload *w)
{
    int64_t terms = 1;
    for (int i = 0; i < fields_of(w)->rank; i++)
        if ((fields_of(w)->axes >> i & 1) != 0) terms *= reduce_extents_of(&w->problem)[i];
    return terms;
}

static const char *in_place(const struct workload_operand *x)
{
    return x->mapped ? (const char *)x->mapped + (size_t)x->first * reference_bytes(x->dtype) : NULL;
}

hpck_status workload_reduce_operands(struct workload *w, struct workload_reduce_operands *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (w->problem.op != OP_REDUCE) return error_set(err, HPCK_UNSUPPORTED, "it is not a reduction");
    int x = find(w, X), x2 = find(w, X2);
    HPCK_TRY(workload_map(w, x, err));
    if (x2 >= 0) HPCK_TRY(workload_map(w, x2, err));
    *out = (struct workload_reduce_operands){
        .x = workload_host(w, x),
        .x2 = x2 < 0 ? NULL : workload_host(w, x2),
        .memory = w->operand[x].mapped,
        .set_bytes = workload_set_bytes(&w->operand[x]),
        .bytes = workload_set_bytes(&w->operand[x]) * (size_t)w->options.copies,
        .in_place = in_place(&w->operand[x]),
        .in_place2 = x2 < 0 ? NULL : in_place(&w->operand[x2]),
    };
done:
    return st;
}

const struct workload_op workload_reduce = {
    .op = OP_REDUCE,
    .declare = reduce_declare,
    .traits = reduce_traits,
    .run = reduce_run,
    .expect = reduce_expect,
    .terms = reduce_terms,
    .draw = reduce_draw,
};
