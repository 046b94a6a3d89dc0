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
    sets->set = calloc((size_t)copies, sizeof *sets->set);
    if (!sets->set) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int i = 0; i < copies; i++) {
        struct reduce_set *set = &sets->set[i];
        HPCK_TRY(copy(host.x, sets->elements, &set->x, err));
        if (host.x2 != NULL) HPCK_TRY(copy(host.x2, sets->elements, &set->x2, err));
        HPCK_TRY(copy(NULL, sets->outputs, &set->y, err));
    }
done:
    return st;
}

void reduce_sets_close(struct reduce_sets *sets)
{
    for (int i = 0; sets->set && i < sets->count; i++) {
        free(sets->set[i].x);
        free(sets->set[i].x2);
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
    for (int64_t i = 0; i < sets->outputs; i++)
        sets->set[0].y[i] = NAN;
}

hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err)
{
    return workload_check_values(sets->workload, sets->set[0].y, err);
}
