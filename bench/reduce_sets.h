/* A workload's reduction for libraries that take pointers: f32, tight, several sets of operands as hpck has them (what it writes too:
 * a y that waits in cache would be a gift), and its merged shape. */
#ifndef HPCK_BENCH_REDUCE_SETS_H
#define HPCK_BENCH_REDUCE_SETS_H

#include "workload.h"

struct reduce_set {
    float *x, *x2, *y; /* x2: dot, else NULL */
};

struct reduce_sets {
    struct workload *workload;
    int64_t operation;
    int64_t outer, segments, length, inner; /* x[outer][segments][length][inner] by steps: */
    int64_t outer_x, segment_x;             /* length's is inner, inner's is 1 */
    int64_t elements, outputs;
    int count, next;
    struct reduce_set *set;
};

/* UNSUPPORTED: another operation than a reduction, another type than f32, or a compensated sum. */
hpck_status reduce_sets_open(struct workload *workload, const struct problem *problem, int copies,
                             struct reduce_sets *sets, struct error *err);
void reduce_sets_close(struct reduce_sets *sets);
const struct reduce_set *reduce_sets_next(struct reduce_sets *sets); /* for this run */

/* Poisons the first set's y before a run of it whose result is checked, and checks it. */
void reduce_sets_poison(struct reduce_sets *sets);
hpck_status reduce_sets_check(const struct reduce_sets *sets, struct error *err);

#endif
