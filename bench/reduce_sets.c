/* See reduce_sets.h. */
#include "reduce_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reduce_layout.h"

static hpck_status copy(const float *from, int64_t elements, float **to, struct error *err)
{
    size_t bytes = (size_t)elements * sizeof *from;
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, bytes + 64) != 0)
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for an operand of %zu bytes", bytes);
    if (from != NULL) memcpy(memory, from, bytes);
    *to = memory;
    return HPCK_OK;
}

hpck_status reduce_sets_open(struct workload *workload, const struct problem *problem, int copies,
                             struct reduce_sets *sets, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload_reduce_operands host;
    HPCK_TRY(workload_reduce_operands(workload, &host, err));
    const struct problem canonical = problem_canonical(problem);
    const struct reduce_fields *f = &canonical.field.reduce;
    if (problem->dtype_in != HPCK_F32 || problem->dtype_out != HPCK_F32)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "it is compared in f32 only");
    if (f->compensated) HPCK_FAIL(err, HPCK_UNSUPPORTED, "it has no compensated sum");
    if (f->form == REDUCE_STRIDED)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "reduced and kept dimensions alternate too often");
    struct reduce_layout layout = reduce_layout_tight(problem);
    reduce_layout_merge(&layout, f->operation);
    struct reduce_roles roles = reduce_layout_roles(&layout, f->operation);
    *sets = (struct reduce_sets){
        .workload = workload,
        .operation = f->operation,
        .outer = f->outer,
        .segments = f->segments,
        .length = f->length,
        .inner = f->inner,
        .outer_x = roles.outer.x,
        .segment_x = roles.segments.x,
        .count = copies,
    };
    sets->elements = f->outer * f->segments * f->length * f->inner;
    sets->outputs = reduce_is_normalization(f->operation) ? sets->elements : f->outer * f->inner;
    sets->x = calloc((size_t)copies, sizeof *sets->x);
    sets->x2 = calloc((size_t)copies, sizeof *sets->x2);
    if (!sets->x || !sets->x2) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int i = 0; i < copies; i++) {
        HPCK_TRY(copy(host.x, sets->elements, &sets->x[i], err));
        if (host.x2 != NULL) HPCK_TRY(copy(host.x2, sets->elements, &sets->x2[i], err));
    }
    HPCK_TRY(copy(NULL, sets->outputs, &sets->y, err));
done:
    return st;
}

void reduce_sets_close(struct reduce_sets *sets)
{
    for (int i = 0; i < sets->count; i++) {
        if (sets->x) free(sets->x[i]);
        if (sets->x2) free(sets->x2[i]);
    }
    free(sets->x);
    free(sets->x2);
    free(sets->y);
}

int reduce_sets_next(struct reduce_sets *sets)
{
    int set = sets->next;
    sets->next = (set + 1) % sets->count;
    return set;
}

void reduce_sets_poison(struct reduce_sets *sets)
{
    sets->next = 0;
    for (int64_t i = 0; i < sets->outputs; i++)
        sets->y[i] = NAN;
}

hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err)
{
    return workload_check_values(sets->workload, sets->y, err);
}
