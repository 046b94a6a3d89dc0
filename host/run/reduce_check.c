/* See reduce_check.h: descriptions by themselves. What concerns memory is in reduce_operands.c. */
#include "reduce_check.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "versioned.h"

/* ---- values ------------------------------------------------------------------------------------------------- */

static hpck_status check_enum(const char *api, const char *name, int value, int count, struct error *err)
{
    if (value >= 0 && value < count) return HPCK_OK;
    return error_set(err, HPCK_INVALID_ARGUMENT, "%s: %s = %d is none of its values", api, name, value);
}

static hpck_status check_dtypes(const char *api, hpck_dtype x, hpck_dtype y, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(check_enum(api, "dtype", (int)x, 3, err));
    HPCK_TRY(check_enum(api, "dtype_y", (int)y, 3, err));
    if (x != y && x != HPCK_F32 && y != HPCK_F32)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: dtype_y = %s must be dtype = %s or f32", api, dtype_name(y),
                  dtype_name(x));
done:
    return st;
}

static hpck_status check_extents(const hpck_reduce_desc *d, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (d->dims < 0 || d->dims > HPCK_REDUCE_MAX_DIMS)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: dims = %d must be from 0 to %d", d->dims,
                  (int)HPCK_REDUCE_MAX_DIMS);
    if (d->extents == NULL && d->dims > 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: extents is NULL, dims is %d", d->dims);
    for (int i = 0; i < d->dims; i++)
        if (d->extents[i] < 0)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: extents[%d] = %" PRId64 " is negative", i,
                      d->extents[i]);
done:
    return st;
}

static hpck_status read_axes(const hpck_reduce_desc *d, int64_t *mask, struct error *err)
{
    hpck_status st = HPCK_OK;
    *mask = 0;
    if (d->axes == NULL) {
        if (d->axis_count != 0)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: axes is NULL, axis_count is %d", d->axis_count);
        *mask = (INT64_C(1) << d->dims) - 1;
        goto done;
    }
    if (d->axis_count < 0 || d->axis_count > d->dims)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: axis_count = %d must be from 0 to dims = %d", d->axis_count,
                  d->dims);
    for (int i = 0; i < d->axis_count; i++) {
        int axis = d->axes[i];
        if (axis < 0 || axis >= d->dims)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: axes[%d] = %d must be from 0 to dims - 1 = %d", i, axis,
                      d->dims - 1);
        if ((*mask >> axis & 1) != 0)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: axes[%d] = %d is there twice", i, axis);
        *mask |= INT64_C(1) << axis;
    }
done:
    return st;
}

static hpck_status check_companions(const hpck_reduce_desc *d, bool with_y, struct error *err)
{
    hpck_status st = HPCK_OK;
    bool is_arg = reduce_is_arg((int64_t)d->op);
    const struct {
        const char *name;
        bool is_wanted, is_given;
    } buffers[] = {
        { "indices", is_arg, d->indices.memory != NULL },
        { "variance", d->op == HPCK_MEANVAR, d->variance.memory != NULL },
        { "x2", d->op == HPCK_DOT, d->x2.memory != NULL },
    };
    const char *name = reduce_operation_name((int64_t)d->op);
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        if (buffers[i].is_wanted && !buffers[i].is_given)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: %s has no memory, %s needs it", buffers[i].name, name);
        if (!buffers[i].is_wanted && buffers[i].is_given)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: %s is given, %s has none", buffers[i].name, name);
    }
    if (!with_y && !is_arg) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: y has no memory, %s needs it", name);
    if (d->compensated != 0 && d->compensated != 1)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: compensated = %d must be 0 or 1", d->compensated);
    if (d->strides_x2 != NULL && d->op != HPCK_DOT)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: strides_x2 is given, %s has no x2", name);
    if (!(d->correction >= 0.0) || isinf(d->correction))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: correction = %g must be 0 or a positive number",
                  d->correction);
done:
    return st;
}

/* Everything that is later made of strides fits when the way from one corner of the operand to the opposite one does. */
static hpck_status check_strides(const hpck_reduce_desc *d, const char *name, const int64_t *strides,
                                 int64_t ignored, struct error *err)
{
    int64_t way = 0;
    for (int i = 0; strides != NULL && i < d->dims; i++) {
        const int64_t steps = d->extents[i] > 1 ? d->extents[i] - 1 : 1;
        int64_t far = strides[i];
        if (d->extents[i] == 1 || (ignored >> i & 1) != 0) continue; /* strides that nobody takes */
        if ((far < 0 && __builtin_sub_overflow(0, far, &far)) || __builtin_mul_overflow(far, steps, &far) ||
            __builtin_add_overflow(way, far, &way))
            return error_set(err, HPCK_INVALID_ARGUMENT,
                             "reduce: %s[%d] = %" PRId64
                             " reaches too far: the last element does not fit in 63 bits",
                             name, i, strides[i]);
    }
    return HPCK_OK;
}

/* The caller's dimensions; strides are tight where none are given, and 0 where there is nowhere to go. */
static hpck_status lay_out(const hpck_reduce_desc *d, const struct problem *problem, struct reduce_layout *layout,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    *layout = reduce_layout_tight(problem);
    HPCK_TRY(check_strides(d, "strides_x", d->strides_x, 0, err));
    HPCK_TRY(check_strides(d, "strides_x2", d->strides_x2, 0, err));
    HPCK_TRY(check_strides(d, "strides_y", d->strides_y, problem->field.reduce.axes, err));
    for (int i = 0; i < d->dims; i++) {
        struct reduce_dim *dim = &layout->dim[i];
        const bool is_point = dim->extent == 1;
        if (d->strides_x != NULL) dim->x = is_point ? 0 : d->strides_x[i];
        if (d->strides_x2 != NULL) dim->x2 = is_point ? 0 : d->strides_x2[i];
        if (d->strides_y != NULL && !dim->is_reduced) dim->y = is_point ? 0 : d->strides_y[i];
    }
done:
    return st;
}

static hpck_status check_indices(const hpck_reduce_desc *d, int64_t mask, struct error *err)
{
    int64_t count = 1;
    if (!reduce_is_arg((int64_t)d->op) || d->index_type == HPCK_INDEX_I64) return HPCK_OK;
    for (int i = 0; i < d->dims; i++)
        if ((mask >> i & 1) != 0) count *= d->extents[i];
    if (count <= INT64_C(1) << 31) return HPCK_OK;
    return error_set(err, HPCK_INVALID_ARGUMENT,
                     "reduce: index_type = HPCK_INDEX_I32 cannot count the %" PRId64 " elements that are reduced",
                     count);
}

static bool is_nothing_written(const struct reduce_layout *layout)
{
    for (int i = 0; i < layout->count; i++)
        if (layout->dim[i].extent == 0 && !layout->dim[i].is_reduced) return true;
    return false;
}

hpck_status reduce_check_desc(const hpck_reduce_desc *caller, bool with_y, struct reduce_request *request,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_reduce_desc d = HPCK_REDUCE_DESC_INIT;
    int64_t mask;
    if (caller == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "reduce: desc is NULL");
    HPCK_TRY(versioned_copy(&d, sizeof d, sizeof d, caller, caller->size, "reduce: desc", err));
    HPCK_TRY(check_enum("reduce", "op", (int)d.op, REDUCE_DOT + 1, err));
    HPCK_TRY(check_enum("reduce", "index_type", (int)d.index_type, 2, err));
    HPCK_TRY(check_dtypes("reduce", d.dtype, d.dtype_y, err));
    HPCK_TRY(check_extents(&d, err));
    HPCK_TRY(read_axes(&d, &mask, err));
    HPCK_TRY(check_companions(&d, with_y, err));

    *request = (struct reduce_request){
        .api = "reduce",
        .problem = { .op = OP_REDUCE, .dtype_in = d.dtype, .dtype_out = d.dtype_y },
        .correction = (float)d.correction,
        .x2 = d.x2,
        .variance = d.variance,
        .indices = d.indices,
    };
    struct reduce_fields *f = &request->problem.field.reduce;
    f->operation = (int64_t)d.op;
    f->compensated = d.compensated;
    f->rank = d.dims > 0 ? d.dims : 1;
    f->axes = d.dims > 0 ? mask : 1;
    reduce_extents(&request->problem)[0] = 1;
    if (d.dims > 0) memcpy(reduce_extents(&request->problem), d.extents, (size_t)d.dims * sizeof *d.extents);
    HPCK_TRY(problem_check(&request->problem, err));
    HPCK_TRY(check_indices(&d, mask, err));
    HPCK_TRY(lay_out(&d, &request->problem, &request->layout, err));
    request->given = request->layout;
    request->is_empty = is_nothing_written(&request->layout);
    if (request->is_empty) goto done;
    reduce_layout_merge(&request->layout, f->operation);
    reduce_layout_describe(&request->layout, &request->problem);
    f->index64 = reduce_is_arg(f->operation) && d.index_type == HPCK_INDEX_I64;
    f->values = reduce_is_arg(f->operation) && with_y;
done:
    return st;
}

/* ---- normalisations ----------------------------------------------------------------------------------------- */

static hpck_status check_rows(hpck_normalize_desc *d, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct {
        const char *name;
        int64_t *value;
    } const sizes[] = {
        { "rows", &d->rows }, { "columns", &d->columns }, { "ld_x", &d->ld_x }, { "ld_y", &d->ld_y }
    };
    for (int i = 0; i < 4; i++)
        if (*sizes[i].value < 0)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "normalize: %s = %" PRId64 " is negative", sizes[i].name,
                      *sizes[i].value);
    for (int i = 2; i < 4; i++) {
        if (*sizes[i].value == 0) *sizes[i].value = d->columns;
        if (*sizes[i].value < d->columns)
            HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "normalize: %s = %" PRId64 " is less than columns = %" PRId64,
                      sizes[i].name, *sizes[i].value, d->columns);
    }
    bool is_affine = d->op == HPCK_LAYERNORM || d->op == HPCK_RMSNORM;
    if (!is_affine && (d->scale.memory != NULL || d->shift.memory != NULL))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "normalize: %s is given, %s has none",
                  d->scale.memory != NULL ? "scale" : "shift",
                  reduce_operation_name((int64_t)d->op + REDUCE_SOFTMAX));
    if (!(d->epsilon >= 0.0F) || isinf(d->epsilon))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "normalize: epsilon = %g must be 0 or a positive number",
                  (double)d->epsilon);
done:
    return st;
}

hpck_status reduce_check_normalize(const hpck_normalize_desc *caller, struct reduce_request *request,
                                   struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_normalize_desc d = HPCK_NORMALIZE_DESC_INIT;
    if (caller == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "normalize: desc is NULL");
    HPCK_TRY(versioned_copy(&d, sizeof d, sizeof d, caller, caller->size, "normalize: desc", err));
    HPCK_TRY(check_enum("normalize", "op", (int)d.op, REDUCE_OPERATION_COUNT - REDUCE_SOFTMAX, err));
    HPCK_TRY(check_dtypes("normalize", d.dtype, d.dtype_y, err));
    HPCK_TRY(check_rows(&d, err));
    *request = (struct reduce_request){
        .api = "normalize",
        .problem = { .op = OP_REDUCE, .dtype_in = d.dtype, .dtype_out = d.dtype_y },
        .is_empty = d.rows == 0 || d.columns == 0,
        .epsilon = d.epsilon,
        .scale = d.scale,
        .shift = d.shift,
        .columns = d.columns,
    };
    struct reduce_fields *f = &request->problem.field.reduce;
    f->operation = (int64_t)d.op + REDUCE_SOFTMAX;
    f->rank = 2;
    f->axes = 2;
    f->extent0 = d.rows;
    f->extent1 = d.columns;
    HPCK_TRY(problem_check(&request->problem, err));
    if (request->is_empty) goto done;
    request->given = reduce_layout_tight(&request->problem);
    request->given.dim[0].x = d.ld_x;
    request->given.dim[0].y = d.ld_y;
    request->layout = request->given;
    request->problem = problem_canonical(&request->problem);
    f->scale = d.scale.memory != NULL;
    f->shift = d.shift.memory != NULL;
done:
    return st;
}
