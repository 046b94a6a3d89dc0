/* Reductions in the problem language: reduce:sum:f16>f32:32x64x112x112:axes0,2,3:compensated */
#include "op_reduce.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "op.h"
#include "reduce_layout.h"

#define EXPECTED_OPERATION                                                                                         \
    "an operation (sum, prod, min, max, mean, norm1, norm2, sumsq, logsumexp, any, all, argmin, argmax, meanvar, " \
    "dot, softmax, logsoftmax, layernorm or rmsnorm)"
#define EXPECTED_DTYPES  "a dtype (f32, f16, bf16, f16>f32, bf16>f32, f32>f16 or f32>bf16)"
#define EXPECTED_EXTENTS "1 to 8 extents such as 32x64x56x56, each from 0 to 9223372036854775807"
#define EXPECTED_AXES    "axes and the reduced dimensions in ascending order, such as axes0,2"
#define EXPECTED_SUFFIX  "compensated, once, or the end"

static const char *const names[REDUCE_OPERATION_COUNT] = {
    [REDUCE_SUM] = "sum",
    [REDUCE_PROD] = "prod",
    [REDUCE_MIN] = "min",
    [REDUCE_MAX] = "max",
    [REDUCE_MEAN] = "mean",
    [REDUCE_NORM1] = "norm1",
    [REDUCE_NORM2] = "norm2",
    [REDUCE_SUMSQ] = "sumsq",
    [REDUCE_LOGSUMEXP] = "logsumexp",
    [REDUCE_ANY] = "any",
    [REDUCE_ALL] = "all",
    [REDUCE_ARGMIN] = "argmin",
    [REDUCE_ARGMAX] = "argmax",
    [REDUCE_MEANVAR] = "meanvar",
    [REDUCE_DOT] = "dot",
    [REDUCE_SOFTMAX] = "softmax",
    [REDUCE_LOG_SOFTMAX] = "logsoftmax",
    [REDUCE_LAYERNORM] = "layernorm",
    [REDUCE_RMSNORM] = "rmsnorm",
};

const char *reduce_operation_name(int64_t operation)
{
    return operation >= 0 && operation < REDUCE_OPERATION_COUNT ? names[operation] : "?";
}

bool reduce_is_arg(int64_t operation)
{
    return operation == REDUCE_ARGMIN || operation == REDUCE_ARGMAX;
}

bool reduce_is_normalization(int64_t operation)
{
    return operation >= REDUCE_SOFTMAX;
}

bool reduce_has_compensation(int64_t operation)
{
    return operation == REDUCE_SUM || operation == REDUCE_MEAN || operation == REDUCE_NORM1 ||
           operation == REDUCE_SUMSQ || operation == REDUCE_DOT;
}

enum { EXTENT_AT = offsetof(struct reduce_fields, extent0) / sizeof(int64_t) };

int64_t *reduce_extents(struct problem *problem)
{
    return problem->field.value + EXTENT_AT;
}

const int64_t *reduce_extents_of(const struct problem *problem)
{
    return problem->field.value + EXTENT_AT;
}

static struct problem example(void)
{
    return (struct problem){
        .op = OP_REDUCE,
        .dtype_in = HPCK_F32,
        .dtype_out = HPCK_F32,
        .field.reduce = { .operation = REDUCE_SUM, .rank = 2, .axes = 2, .extent0 = 64, .extent1 = 64 },
    };
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static bool parse_operation(struct word word, struct reduce_fields *reduce)
{
    for (int i = 0; i < REDUCE_OPERATION_COUNT; i++) {
        if (!word_is(word, names[i])) continue;
        reduce->operation = i;
        return true;
    }
    return false;
}

/* The next of a list of numbers with `separator` between them; *rest becomes what follows, its text NULL at the end. */
static bool next_number(struct word *rest, char separator, int64_t *number)
{
    const char *end = memchr(rest->text, separator, rest->length);
    struct word first = { rest->text, end != NULL ? (size_t)(end - rest->text) : rest->length };
    *rest = end != NULL ? (struct word){ end + 1, rest->length - first.length - 1 } : (struct word){ NULL, 0 };
    return word_size(first, number);
}

static bool parse_extents(struct word word, struct problem *problem)
{
    int64_t *extents = reduce_extents(problem);
    int rank = 0;
    while (word.text != NULL) {
        if (rank == REDUCE_RANK_MAX || !next_number(&word, 'x', &extents[rank])) return false;
        rank++;
    }
    problem->field.reduce.rank = rank;
    for (; rank < REDUCE_RANK_MAX; rank++)
        extents[rank] = 0;
    return true;
}

static bool parse_axes(struct word word, struct reduce_fields *reduce)
{
    int64_t before = -1;
    if (word.length < 4 || memcmp(word.text, "axes", 4) != 0) return false;
    word = (struct word){ word.text + 4, word.length - 4 };
    reduce->axes = 0;
    if (word.length == 0) return true; /* nothing is reduced */
    while (word.text != NULL) {
        int64_t axis;
        if (!next_number(&word, ',', &axis) || axis <= before || axis >= reduce->rank) return false;
        reduce->axes |= INT64_C(1) << axis;
        before = axis;
    }
    return true;
}

static const char *parse(struct words *words, struct problem *problem, struct word *word)
{
    struct reduce_fields *reduce = &problem->field.reduce;
    if (!words_next(words, word) || !parse_operation(*word, reduce)) return EXPECTED_OPERATION;
    if (!words_next(words, word) || !word_dtypes(*word, problem)) return EXPECTED_DTYPES;
    if (!words_next(words, word) || !parse_extents(*word, problem)) return EXPECTED_EXTENTS;
    if (!words_next(words, word) || !parse_axes(*word, reduce)) return EXPECTED_AXES;
    while (words_next(words, word)) {
        if (!word_is(*word, "compensated") || reduce->compensated) return EXPECTED_SUFFIX;
        reduce->compensated = 1;
    }
    return NULL;
}

static void print(const struct problem *problem, char *buffer, size_t size)
{
    const struct reduce_fields *f = &problem->field.reduce;
    bool is_mixed = problem->dtype_in != problem->dtype_out;
    int used = snprintf(buffer, size, "reduce:%s:%s%s%s:", reduce_operation_name(f->operation),
                        dtype_name(problem->dtype_in), is_mixed ? ">" : "",
                        is_mixed ? dtype_name(problem->dtype_out) : "");
    for (int i = 0; i < f->rank; i++)
        used += snprintf(buffer + used, size - (size_t)used, "%s%" PRId64, i > 0 ? "x" : "",
                         reduce_extents_of(problem)[i]);
    used += snprintf(buffer + used, size - (size_t)used, ":axes");
    bool is_first = true;
    for (int i = 0; i < f->rank; i++) {
        if ((f->axes >> i & 1) == 0) continue;
        used += snprintf(buffer + used, size - (size_t)used, "%s%d", is_first ? "" : ",", i);
        is_first = false;
    }
    snprintf(buffer + used, size - (size_t)used, "%s", f->compensated ? ":compensated" : "");
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

const char *reduce_check_extents(const struct problem *problem)
{
    const int64_t *extents = reduce_extents_of(problem);
    int64_t count = 1;
    int64_t bytes;
    for (int i = 0; i < problem->field.reduce.rank; i++) {
        if (extents[i] < 0) return "the extents must not be negative";
        /* without the empty ones: steps of tight layouts are products of the others */
        if (extents[i] > 0 && __builtin_mul_overflow(count, extents[i], &count))
            return "the number of elements must fit in 63 bits";
    }
    /* int64 indices and f32 results are the largest elements */
    if (__builtin_mul_overflow(count, 8, &bytes)) return "the bytes of x and y must fit in 63 bits";
    return NULL;
}

static int64_t count_of(const struct problem *problem, bool reduced)
{
    int64_t count = 1;
    for (int i = 0; i < problem->field.reduce.rank; i++)
        if (((problem->field.reduce.axes >> i & 1) != 0) == reduced) count *= reduce_extents_of(problem)[i];
    return count;
}

static const char *check(const struct problem *problem)
{
    const struct reduce_fields *f = &problem->field.reduce;
    const char *rule = reduce_check_extents(problem);
    if (rule != NULL) return rule;
    if (f->compensated && !reduce_has_compensation(f->operation))
        return "compensated goes with sum, mean, norm1, sumsq and dot";
    bool has_identity = !reduce_is_arg(f->operation) && f->operation != REDUCE_MIN && f->operation != REDUCE_MAX;
    if (!has_identity && count_of(problem, true) == 0 && count_of(problem, false) > 0)
        return "min, max, argmin and argmax of no elements are not defined";
    bool is_last = f->axes == INT64_C(1) << (f->rank - 1);
    if (reduce_is_normalization(f->operation) && !is_last) return "a normalisation runs over the last axis";
    return NULL;
}

/* A normalisation: rows, whatever dimensions they come from. */
static struct problem rows_of(const struct problem *problem)
{
    struct problem rows = *problem;
    struct reduce_fields *f = &rows.field.reduce;
    int64_t *extents = reduce_extents(&rows);
    f->length = extents[f->rank - 1];
    f->outer = count_of(problem, false);
    f->form = REDUCE_ROW;
    f->segments = f->inner = 1;
    memset(extents, 0, REDUCE_RANK_MAX * sizeof *extents);
    extents[0] = f->outer;
    extents[1] = f->length;
    f->rank = 2;
    f->axes = 2;
    return rows;
}

/* Merged, if it is not yet. */
static struct problem canonical(const struct problem *problem)
{
    struct problem merged = *problem;
    if (problem->field.reduce.form != 0) return merged;
    if (reduce_is_normalization(problem->field.reduce.operation)) return rows_of(problem);
    struct reduce_layout layout = reduce_layout_tight(problem);
    reduce_layout_merge(&layout, problem->field.reduce.operation);
    reduce_layout_describe(&layout, &merged);
    return merged;
}

static double elements(const struct problem *problem)
{
    return (double)(count_of(problem, true) * count_of(problem, false)); /* fits, says check */
}

static double flops(const struct problem *problem)
{
    return elements(problem);
}

static double bytes(const struct problem *problem)
{
    const struct reduce_fields *f = &problem->field.reduce;
    double in = (double)dtype_bytes(problem->dtype_in) * elements(problem);
    double out = (double)dtype_bytes(problem->dtype_out);
    if (reduce_is_normalization(f->operation)) return in + out * elements(problem);
    double outputs = (double)count_of(problem, false);
    if (f->operation == REDUCE_DOT) in *= 2.0;
    if (f->operation == REDUCE_MEANVAR) out *= 2.0;
    if (reduce_is_arg(f->operation)) out = f->index64 ? 8.0 : 4.0;
    return in + out * outputs;
}

/* Operations whose kernels do about the same work have the same class. */
static int class_of(const struct reduce_fields *f)
{
    static const int classes[REDUCE_OPERATION_COUNT] = {
        [REDUCE_NORM2] = 1,     [REDUCE_LOGSUMEXP] = 2, [REDUCE_ARGMIN] = 3,  [REDUCE_ARGMAX] = 3,
        [REDUCE_MEANVAR] = 4,   [REDUCE_DOT] = 5,       [REDUCE_SOFTMAX] = 6, [REDUCE_LOG_SOFTMAX] = 6,
        [REDUCE_LAYERNORM] = 7, [REDUCE_RMSNORM] = 7,
    };
    return classes[f->operation];
}

static double distance(const struct problem *pa, const struct problem *pb)
{
    const struct problem a = canonical(pa);
    const struct problem b = canonical(pb);
    const struct reduce_fields *f = &a.field.reduce;
    const struct reduce_fields *g = &b.field.reduce;
    bool is_other = reduce_is_normalization(f->operation) != reduce_is_normalization(g->operation);
    if (is_other || f->form != g->form) return INFINITY;
    return size_doublings(f->outer, g->outer) + size_doublings(f->segments, g->segments) +
           size_doublings(f->length, g->length) + size_doublings(f->inner, g->inner) +
           0.25 * (f->operation != g->operation) + 0.75 * (class_of(f) != class_of(g)) +
           0.5 * (f->compensated != g->compensated);
}

const struct op op_reduce = {
    .example = example,
    .parse = parse,
    .print = print,
    .check = check,
    .canonical = canonical,
    .flops = flops,
    .bytes = bytes,
    .distance = distance,
};
