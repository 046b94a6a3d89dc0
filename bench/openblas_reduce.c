/* The reductions of level 1 BLAS: full ones, and rows one after the other. What BLAS has for |x| only is compared with
 * sums and extremes of |x|. */
#include "reference.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "library.h"
#include "op_reduce.h"
#include "reduce_sets.h"
#include "reference/numerics.h"

typedef float norm_function(int n, const float *x, int step);
typedef float dot_function(int n, const float *x, int step, const float *y, int step_y);
typedef size_t index_function(int n, const float *x, int step);

struct blas_reduce {
    struct reduce_sets sets;
    const char *name;
    norm_function *norm;
    dot_function *dot;
    index_function *index;
    bool is_of_sizes; /* of |x|, which takes as long but gives another result */
    char routine[64];
};

static void blas_close(void *opaque)
{
    struct blas_reduce *state = opaque;
    if (!state) return;
    reduce_sets_close(&state->sets);
    free(state);
}

static hpck_status find_routine(const struct library *library, int64_t operation, struct blas_reduce *state,
                                struct error *err)
{
    hpck_status st = HPCK_OK;
    switch (operation) {
    case REDUCE_SUM: /* cblas_ssum of 0.3.21 is wrong for long vectors */
        state->is_of_sizes = true;
        state->name = "sasum";
        HPCK_TRY(library_function(library, "cblas_sasum", &state->norm, err));
        break;
    case REDUCE_NORM1:
        state->name = "sasum";
        HPCK_TRY(library_function(library, "cblas_sasum", &state->norm, err));
        break;
    case REDUCE_NORM2:
        state->name = "snrm2";
        HPCK_TRY(library_function(library, "cblas_snrm2", &state->norm, err));
        break;
    case REDUCE_DOT:
        state->name = "sdot";
        HPCK_TRY(library_function(library, "cblas_sdot", &state->dot, err));
        break;
    case REDUCE_ARGMAX:
        state->is_of_sizes = true;
        state->name = "isamax";
        HPCK_TRY(library_function(library, "cblas_isamax", &state->index, err));
        break;
    default:
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "BLAS has no such reduction");
    }
done:
    return st;
}

/* library: what reference_openblas has loaded, a struct library first. */
static hpck_status blas_open(void *library, hpck_handle *handle, const struct problem *problem,
                             struct workload *workload, int copies, void **out, struct error *err)
{
    (void)handle;
    hpck_status st = HPCK_OK;
    struct reduce_shape shape;
    struct blas_reduce *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(reduce_shape_of(workload, problem, &shape, err));
    HPCK_TRY(reduce_shape_check_f32(&shape, err));
    if (shape.inner > 1 || shape.segments > 1)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "BLAS reduces one vector at a time");
    if (shape.length > INT_MAX) HPCK_FAIL(err, HPCK_UNSUPPORTED, "a size is beyond the 32 bits of this BLAS");
    HPCK_TRY(find_routine(library, shape.operation, state, err));
    HPCK_TRY(reduce_sets_open(&shape, copies, &state->sets, err));
    snprintf(state->routine, sizeof state->routine, "%s%s%s", state->name, state->is_of_sizes ? " (of |x|)" : "",
             shape.outer > 1 ? " in a loop" : "");
    *out = state;
    state = NULL;
done:
    blas_close(state);
    return st;
}

static hpck_status blas_run(void *opaque, struct error *err)
{
    (void)err;
    struct blas_reduce *state = opaque;
    struct reduce_sets *sets = &state->sets;
    const struct reduce_shape *shape = &sets->shape;
    const struct reduce_set *set = reduce_sets_next(sets);
    const int n = (int)shape->length;
    const float *all_x = set->x, *all_x2 = set->x2;
    float *y = set->y;
    for (int64_t o = 0; o < shape->outer; o++) {
        const float *x = all_x + o * shape->outer_x;
        if (state->norm != NULL)
            y[o] = state->norm(n, x, 1);
        else if (state->dot != NULL)
            y[o] = state->dot(n, x, 1, all_x2 + o * shape->outer_x, 1);
        else
            y[o] = (float)state->index(n, x, 1);
    }
    return HPCK_OK;
}

static const char *blas_routine(const void *state)
{
    return ((const struct blas_reduce *)state)->routine;
}

/* Relative error of fp32 additions in any order, as far as that says something; beyond, that a part is missing shows still. */
static double tolerance(int64_t length)
{
    static const double MOST = 0.01;
    return (double)length < MOST * 0x1p24 ? fmin(reference_gamma(length), MOST) : MOST;
}

static hpck_status check_sizes(const struct blas_reduce *state, struct error *err)
{
    const struct reduce_shape *shape = &state->sets.shape;
    const float *y = state->sets.set[0].y;
    for (int64_t o = 0; o < shape->outer; o++) {
        const float *x = (const float *)state->sets.set[0].x + o * shape->outer_x;
        double sum = 0.0, largest = 0.0;
        for (int64_t i = 0; i < shape->length; i++) {
            sum += fabs((double)x[i]);
            largest = fmax(largest, fabs((double)x[i]));
        }
        const double got = (double)y[o];
        bool is_right = fabs(got - sum) <= tolerance(shape->length) * sum;
        if (state->index != NULL && shape->length > 0) { /* an index is rounded to y's float */
            is_right = got >= 0.0 && got <= (double)shape->length;
            if (is_right && got < 0x1p24) is_right = fabs((double)x[(int64_t)got]) == largest;
        }
        if (!is_right)
            return error_set(err, HPCK_INTERNAL, "wrong result: %s of row %lld = %.9g", state->name, (long long)o,
                             got);
    }
    return HPCK_OK;
}

static hpck_status blas_verify(void *opaque, struct error *err)
{
    struct blas_reduce *state = opaque;
    reduce_sets_poison(&state->sets);
    blas_run(state, err);
    return state->is_of_sizes ? check_sizes(state, err) : reduce_sets_check(&state->sets, err);
}

const struct reference reference_openblas_reduce = {
    .name = "openblas",
    .open = blas_open,
    .routine = blas_routine,
    .run = blas_run,
    .verify = blas_verify,
    .close = blas_close,
};
