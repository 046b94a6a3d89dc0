/* The operations that a reduction may compute, as the field `operation` of its problem numbers them. */
#ifndef HPCK_CORE_OP_REDUCE_H
#define HPCK_CORE_OP_REDUCE_H

#include "problem.h"

/* Up to REDUCE_DOT = hpck_reduce_op; kernels/common/reduce.jinja has the same numbers. */
enum reduce_operation {
    REDUCE_SUM,
    REDUCE_PROD,
    REDUCE_MIN,
    REDUCE_MAX,
    REDUCE_MEAN,
    REDUCE_NORM1,
    REDUCE_NORM2,
    REDUCE_SUMSQ,
    REDUCE_LOGSUMEXP,
    REDUCE_ANY,
    REDUCE_ALL,
    REDUCE_ARGMIN,
    REDUCE_ARGMAX,
    REDUCE_MEANVAR,
    REDUCE_DOT,
    REDUCE_SOFTMAX, /* from here on: row-wise normalisations, y as large as x; = hpck_normalize_op + REDUCE_SOFTMAX */
    REDUCE_LOG_SOFTMAX,
    REDUCE_LAYERNORM,
    REDUCE_RMSNORM,
    REDUCE_OPERATION_COUNT
};

enum { REDUCE_RANK_MAX = 8 };

const char *reduce_operation_name(int64_t operation); /* "sum" ... */
bool reduce_is_arg(int64_t operation);
bool reduce_is_normalization(int64_t operation);
/* Is a compensated sum defined for it? */
bool reduce_has_compensation(int64_t operation);

/* The extents of a reduce problem, REDUCE_RANK_MAX of them. */
int64_t *reduce_extents(struct problem *problem);
const int64_t *reduce_extents_of(const struct problem *problem);

/* NULL, or the rule that the extents break: negative, or counts and bytes beyond 63 bits. */
const char *reduce_check_extents(const struct problem *problem);

#endif
