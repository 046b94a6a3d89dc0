/* GEMM in the problem language: gemm:f16>f32:nt:m64n64k64:b16:col:bias:relu */
#include "op.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED_DTYPES "a dtype (f32, f16, bf16, f16>f32 or bf16>f32)"
#define EXPECTED_TRANS  "op(A) and op(B) (nn, nt, tn or tt)"
#define EXPECTED_SIZES  "the sizes m, n and k, each from 0 to 9223372036854775807"
#define EXPECTED_SUFFIX "b<batch>, col, bias, relu, gelu, silu or tf32, each once"

static const char *const activations[] = {
    [HPCK_IDENTITY] = "",
    [HPCK_RELU] = "relu",
    [HPCK_GELU] = "gelu",
    [HPCK_SILU] = "silu",
};
enum { ACTIVATION_COUNT = sizeof activations / sizeof activations[0] };

static struct problem example(void)
{
    return (struct problem){ .op = OP_GEMM,
                             .dtype_in = HPCK_F32,
                             .dtype_out = HPCK_F32,
                             .field.gemm = { .m = 64, .n = 64, .k = 64, .batch = 1 } };
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static bool parse_trans(struct word word, struct gemm_fields *gemm)
{
    if (word.length != 2 || strspn(word.text, "nt") < 2) return false;
    gemm->trans_a = word.text[0] == 't';
    gemm->trans_b = word.text[1] == 't';
    return true;
}

/* Each suffix once, in any order; `seen` has a bit per kind. */
static bool parse_suffix(struct word word, struct gemm_fields *gemm, unsigned *seen)
{
    enum { BATCH = 1, COLUMN = 2, BIAS = 4, ACTIVATION = 8, TF32 = 16 };
    unsigned kind = 0;
    if (word_is(word, "col")) {
        kind = COLUMN;
        gemm->column_major = 1;
    } else if (word_is(word, "bias")) {
        kind = BIAS;
        gemm->bias = 1;
    } else if (word_is(word, "tf32")) {
        kind = TF32;
        gemm->tf32 = 1;
    } else if (word.length > 1 && word.text[0] == 'b') {
        kind = word_size((struct word){ word.text + 1, word.length - 1 }, &gemm->batch) ? BATCH : 0;
    }
    for (int i = 1; i < ACTIVATION_COUNT; i++) {
        if (!word_is(word, activations[i])) continue;
        kind = ACTIVATION;
        gemm->activation = i;
    }
    bool is_new = kind != 0 && (*seen & kind) == 0;
    *seen |= kind;
    return is_new;
}

/* Of packed operands, each in a buffer of its own: the distance of their lines decides. */
static int64_t packed_alignment(const struct problem *problem, int64_t lines, int64_t length)
{
    uint64_t bits = 16;
    if (lines > 1 || problem->field.gemm.batch > 1) bits |= (uint64_t)length * dtype_bytes(problem->dtype_in);
    return (int64_t)(bits & (~bits + 1));
}

static void set_traits(struct problem *problem)
{
    struct gemm_fields *gemm = &problem->field.gemm;
    bool is_turned_a = gemm->trans_a != gemm->column_major;
    bool is_turned_b = gemm->trans_b != gemm->column_major;
    gemm->align_a = packed_alignment(problem, is_turned_a ? gemm->k : gemm->m, is_turned_a ? gemm->m : gemm->k);
    gemm->align_b = packed_alignment(problem, is_turned_b ? gemm->n : gemm->k, is_turned_b ? gemm->k : gemm->n);
}

static const char *parse(struct words *words, struct problem *problem, struct word *word)
{
    struct gemm_fields *gemm = &problem->field.gemm;
    unsigned seen = 0;
    if (!words_next(words, word) || !word_dtypes(*word, problem)) return EXPECTED_DTYPES;
    if (!words_next(words, word) || !parse_trans(*word, gemm)) return EXPECTED_TRANS;
    if (!words_next(words, word) || !word_sizes(*word, "mnk", (int64_t *[]){ &gemm->m, &gemm->n, &gemm->k }))
        return EXPECTED_SIZES;
    while (words_next(words, word))
        if (!parse_suffix(*word, gemm, &seen)) return EXPECTED_SUFFIX;
    set_traits(problem);
    return NULL;
}

static void print(const struct problem *problem, char *buffer, size_t size)
{
    const struct gemm_fields *gemm = &problem->field.gemm;
    char batch[24] = "";
    if (gemm->batch != 1) snprintf(batch, sizeof batch, ":b%" PRId64, gemm->batch);
    bool is_mixed = problem->dtype_in != problem->dtype_out;
    bool is_active = gemm->activation > 0 && gemm->activation < ACTIVATION_COUNT;
    snprintf(buffer, size, "gemm:%s%s%s:%c%c:m%" PRId64 "n%" PRId64 "k%" PRId64 "%s%s%s%s%s%s",
             dtype_name(problem->dtype_in), is_mixed ? ">" : "", is_mixed ? dtype_name(problem->dtype_out) : "",
             gemm->trans_a ? 't' : 'n', gemm->trans_b ? 't' : 'n', gemm->m, gemm->n, gemm->k, batch,
             gemm->column_major ? ":col" : "", gemm->bias ? ":bias" : "", is_active ? ":" : "",
             is_active ? activations[gemm->activation] : "", gemm->tf32 ? ":tf32" : "");
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

/* True when the product of the factors does not fit in int64; a factor of 0 makes every product fit. */
static bool overflows(const int64_t *factors, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        if (factors[i] == 0) return false;
    for (int i = 0; i < count; i++)
        if (__builtin_mul_overflow(product, factors[i], &product)) return true;
    return false;
}

static const char *check(const struct problem *problem)
{
    const struct gemm_fields *g = &problem->field.gemm;
    int64_t in = (int64_t)dtype_bytes(problem->dtype_in);
    int64_t out = (int64_t)dtype_bytes(problem->dtype_out);
    if (g->m < 0 || g->n < 0 || g->k < 0 || g->batch < 0) return "m, n, k and batch must not be negative";
    if (g->tf32 && problem->dtype_in != HPCK_F32) return "tf32 is a way to compute with f32 operands only";
    if (overflows((int64_t[]){ in, g->batch, g->m, g->k }, 4)) return "the bytes of A must fit in 63 bits";
    if (overflows((int64_t[]){ in, g->batch, g->k, g->n }, 4)) return "the bytes of B must fit in 63 bits";
    if (overflows((int64_t[]){ out, g->batch, g->m, g->n }, 4)) return "the bytes of C must fit in 63 bits";
    if (overflows((int64_t[]){ 2, g->batch, g->m, g->n, g->k }, 5))
        return "the operations 2 * m * n * k * batch must fit in 63 bits";
    return NULL;
}

/* Column-major C = op(A) op(B) is the row-major C' = op(B)' op(A)' of the same memory: operands and sizes change
 * places. The bias runs along the contiguous dimension in both. */
static struct problem canonical(const struct problem *problem)
{
    struct problem row = *problem;
    const struct gemm_fields *column = &problem->field.gemm;
    if (!column->column_major) return row;
    row.field.gemm.m = column->n;
    row.field.gemm.n = column->m;
    row.field.gemm.trans_a = column->trans_b;
    row.field.gemm.trans_b = column->trans_a;
    row.field.gemm.align_a = column->align_b;
    row.field.gemm.align_b = column->align_a;
    row.field.gemm.column_major = 0;
    return row;
}

static double flops(const struct problem *problem)
{
    const struct gemm_fields *g = &problem->field.gemm;
    return 2.0 * (double)g->m * (double)g->n * (double)g->k * (double)g->batch;
}

static double bytes(const struct problem *problem)
{
    const struct problem row = canonical(problem); /* in which the bias has n elements */
    const struct gemm_fields *g = &row.field.gemm;
    double m = (double)g->m;
    double n = (double)g->n;
    double k = (double)g->k;
    double in = (double)dtype_bytes(problem->dtype_in);
    double out = (double)dtype_bytes(problem->dtype_out);
    return (double)g->batch * (in * (m * k + k * n) + out * m * n) + (g->bias ? out * n : 0.0);
}

/* Another transpose or epilogue moves the best parameters about as much as the sizes these weights stand for: an
 * operand read along its other dimension like one doubling, an epilogue like a quarter of one. Whether tf32 may be used
 * decides between kinds of kernels, which nothing else does. */
static double distance(const struct problem *pa, const struct problem *pb)
{
    const struct gemm_fields *a = &pa->field.gemm;
    const struct gemm_fields *b = &pb->field.gemm;
    double sizes = size_doublings(a->m, b->m) + size_doublings(a->n, b->n) + size_doublings(a->k, b->k) +
                   size_doublings(a->batch, b->batch);
    double forms = 1.0 * (a->trans_a != b->trans_a) + 1.0 * (a->trans_b != b->trans_b) +
                   1.0 * (a->column_major != b->column_major) + 0.25 * (a->bias != b->bias) +
                   0.25 * (a->activation != b->activation) + 100.0 * (a->tf32 != b->tf32);
    return sizes + forms;
}

const struct op op_gemm = {
    .example = example,
    .parse = parse,
    .print = print,
    .check = check,
    .canonical = canonical,
    .flops = flops,
    .bytes = bytes,
    .distance = distance,
};
