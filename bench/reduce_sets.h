/* A workload's reduction for libraries that take pointers: its merged shape, and tight operands in host memory, several sets
 * of them. */
#ifndef HPCK_BENCH_REDUCE_SETS_H
#define HPCK_BENCH_REDUCE_SETS_H

#include "workload.h"

struct reduce_shape {
    struct workload *workload;
    int64_t operation;
    hpck_dtype dtype_x, dtype_y;
    int64_t outer, segments, length, inner; /* x[outer][segments][length][inner] by steps: */
    int64_t outer_x, segment_x;             /* length's is inner, inner's is 1 */
    int64_t elements, outputs;
    struct workload_reduce_operands operands;
};

/* Outputs rotate too, as hpck's do. */
struct reduce_set {
    void *x, *x2, *y; /* x2 NULL: none; large inputs are hpck's own */
};

struct reduce_sets {
    struct reduce_shape shape;
    int count, next;
    struct reduce_set *set;
};

/* UNSUPPORTED: another operation than a reduction, a compensated sum, or a shape that is not x[outer][segments][length][inner]. */
hpck_status reduce_shape_of(struct workload *workload, const struct problem *problem, struct reduce_shape *shape,
                            struct error *err);
/* UNSUPPORTED: another type than f32. */
hpck_status reduce_shape_check_f32(const struct reduce_shape *shape, struct error *err);

hpck_status reduce_sets_open(const struct reduce_shape *shape, int copies, struct reduce_sets *sets,
                             struct error *err);
void reduce_sets_close(struct reduce_sets *sets);
const struct reduce_set *reduce_sets_next(struct reduce_sets *sets); /* the operands of this run */

/* Poisons y of the first set, which the next run takes, and checks it. */
void reduce_sets_poison(struct reduce_sets *sets);
hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err);

#endif
