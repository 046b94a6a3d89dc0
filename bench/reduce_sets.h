/* A workload's reduction for libraries that take pointers: f32, tight, several sets of operands, and its merged shape. */
#ifndef HPCK_BENCH_REDUCE_SETS_H
#define HPCK_BENCH_REDUCE_SETS_H

#include "workload.h"

struct reduce_sets {
    struct workload *workload;
    int64_t operation;
    int64_t outer, segments, length, inner; /* x[outer][segments][length][inner] by steps: */
    int64_t outer_x, segment_x;             /* length's is inner, inner's is 1 */
    int64_t elements, outputs;
    int count, next;
    float **x, **x2; /* x2: dot */
    float *y;
};

/* UNSUPPORTED: another operation than a reduction, another type than f32, or a compensated sum. */
hpck_status reduce_sets_open(struct workload *workload, const struct problem *problem, int copies,
                             struct reduce_sets *sets, struct error *err);
void reduce_sets_close(struct reduce_sets *sets);
int reduce_sets_next(struct reduce_sets *sets); /* index of the set for this run */

/* Poisons y before a run whose result is checked, and checks it. */
void reduce_sets_poison(struct reduce_sets *sets);
hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err);

#endif
