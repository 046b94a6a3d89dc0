/* Tensors of any shape in memory, for random tests of reductions. */
#ifndef HPCK_TESTS_RANDOM_SHAPE_H
#define HPCK_TESTS_RANDOM_SHAPE_H

#include "op_reduce.h"
#include "random_case.h"

enum { SHAPE_MARGIN = 40 }; /* elements on either side of a tensor */

/* A tensor's strides and where index 0 lies, between SHAPE_MARGIN elements on either side. */
struct place {
    int64_t stride[REDUCE_RANK_MAX], first, elements;
};

struct shape {
    int dims, axes[REDUCE_RANK_MAX], axis_count;
    int64_t extent[REDUCE_RANK_MAX];
    bool is_reduced[REDUCE_RANK_MAX];
    bool all; /* axes NULL */
    struct place x, x2, y;
    bool is_tight, is_tight_y; /* strides NULL */
};

/* Elements that the device has time for. */
int64_t draw_most(const struct random_case *c);
/* Up to REDUCE_RANK_MAX dimensions of any strides, some of them empty. */
void draw_shape(struct random_case *c, struct shape *s);

/* Steps to the next index of the dimensions with this role, the last one first; false after the last index. */
bool shape_next(const struct shape *s, bool is_reduced, int64_t *index);
int64_t shape_at(const struct shape *s, const struct place *place, const int64_t *index, bool is_y);
int64_t shape_count(const struct shape *s, bool is_reduced); /* elements of the dimensions with this role */

#endif
