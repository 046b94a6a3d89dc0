/* See reduce_sets.h. */
#include "reduce_sets.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reduce_layout.h"
#include "reference/numerics.h"

hpck_status reduce_shape_of(struct workload *workload, const struct problem *problem, struct reduce_shape *shape,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload_reduce_operands host;
    HPCK_TRY(workload_reduce_operands(workload, &host, err));
    const struct problem canonical = problem_canonical(problem);
    const struct reduce_fields *f = &canonical.field.reduce;
    if (f->compensated) HPCK_FAIL(err, HPCK_UNSUPPORTED, "it has no compensated sum");
    if (f->form == REDUCE_STRIDED)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "reduced and kept dimensions alternate too often");
    struct reduce_layout layout = reduce_layout_tight(problem);
    reduce_layout_merge(&layout, f->operation);
    struct reduce_roles roles = reduce_layout_roles(&layout, f->operation);
    *shape = (struct reduce_shape){
        .workload = workload,
        .operation = f->operation,
        .dtype_x = problem->dtype_in,
        .dtype_y = problem->dtype_out,
        .outer = f->outer,
        .segments = f->segments,
        .length = f->length,
        .inner = f->inner,
        .outer_x = roles.outer.x,
        .segment_x = roles.segments.x,
        .operands = host,
    };
    shape->elements = f->outer * f->segments * f->length * f->inner;
    shape->outputs = reduce_is_normalization(f->operation) ? shape->elements : f->outer * f->inner;
done:
    return st;
}

hpck_status reduce_shape_check_f32(const struct reduce_shape *shape, struct error *err)
{
    if (shape->dtype_x == HPCK_F32 && shape->dtype_y == HPCK_F32) return HPCK_OK;
    return error_set(err, HPCK_UNSUPPORTED, "it is compared in f32 only");
}

/* from NULL: memory only. */
static hpck_status copy(const void *from, int64_t elements, hpck_dtype dtype, void **to, struct error *err)
{
    const size_t bytes = (size_t)elements * dtype_bytes(dtype);
    if (posix_memalign(to, 4096, bytes + 64) != 0)
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for an operand of %zu bytes", bytes);
    if (from != NULL) memcpy(*to, from, bytes);
    return HPCK_OK;
}

/* Set `index` of an input: hpck's own where it can be read in place, a copy elsewhere. */
static hpck_status input(const struct reduce_shape *shape, const void *from, const char *in_place, int index,
                         void **to, struct error *err)
{
    if (in_place == NULL) return copy(from, shape->elements, shape->dtype_x, to, err);
    *to = (void *)(uintptr_t)(in_place + shape->operands.set_bytes * (size_t)index); /* libraries read it only */
    return HPCK_OK;
}

hpck_status reduce_sets_open(const struct reduce_shape *shape, int copies, struct reduce_sets *sets,
                             struct error *err)
{
    hpck_status st = HPCK_OK;
    *sets = (struct reduce_sets){ .shape = *shape, .count = copies };
    sets->set = calloc((size_t)copies, sizeof *sets->set);
    if (!sets->set) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    const struct workload_reduce_operands *from = &shape->operands;
    for (int i = 0; i < copies; i++) {
        struct reduce_set *set = &sets->set[i];
        HPCK_TRY(input(shape, from->x, from->in_place, i, &set->x, err));
        if (from->x2 != NULL) HPCK_TRY(input(shape, from->x2, from->in_place2, i, &set->x2, err));
        HPCK_TRY(copy(NULL, shape->outputs, shape->dtype_y, &set->y, err));
    }
done:
    return st;
}

void reduce_sets_close(struct reduce_sets *sets)
{
    for (int i = 0; sets->set && i < sets->count; i++) {
        if (!sets->shape.operands.in_place) free(sets->set[i].x);
        if (!sets->shape.operands.in_place2) free(sets->set[i].x2);
        free(sets->set[i].y);
    }
    free(sets->set);
}

const struct reduce_set *reduce_sets_next(struct reduce_sets *sets)
{
    const struct reduce_set *set = &sets->set[sets->next];
    sets->next = (sets->next + 1) % sets->count;
    return set;
}

void reduce_sets_poison(struct reduce_sets *sets)
{
    sets->next = 0;
    for (int64_t i = 0; i < sets->shape.outputs; i++)
        reference_store(sets->set[0].y, (enum reference_dtype)sets->shape.dtype_y, i, (double)NAN);
}

hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err)
{
    return workload_check_values(sets->shape.workload, sets->set[0].y, err);
}
