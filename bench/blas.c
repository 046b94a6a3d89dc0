/* From the library's description to BLAS terms, and the check of what a BLAS library computed. */
#include "blas.h"

#include <inttypes.h>

#include "reference/gemm.h"

enum { SAMPLES = 2000 }; /* elements checked, beside corners and edges */

struct matrix {
    int64_t rows, columns; /* as stored */
    int64_t ld, stride, elements;
};

static struct matrix matrix_of(bool column_major, bool is_transposed, int64_t rows, int64_t columns, int64_t ld,
                               int64_t stride, int64_t batch)
{
    struct matrix x = { is_transposed ? columns : rows, is_transposed ? rows : columns, ld, stride, 0 };
    int64_t line = column_major ? x.rows : x.columns;
    int64_t lines = column_major ? x.columns : x.rows;
    if (x.ld == 0) x.ld = line > 0 ? line : 1;
    if (rows > 0 && columns > 0 && batch > 0) x.elements = (batch - 1) * stride + (lines - 1) * x.ld + line;
    return x;
}

hpck_status blas_gemm_of(struct workload *workload, struct blas_gemm *gemm, struct error *err)
{
    struct workload_gemm_operands operands;
    hpck_status st = workload_gemm_operands(workload, &operands, err);
    if (st != HPCK_OK) return st;
    const hpck_gemm_desc *d = &operands.desc;
    bool col = d->layout == HPCK_COLUMN_MAJOR;

    if (d->offsets_a || d->offsets_b || d->offsets_c)
        return error_set(err, HPCK_UNSUPPORTED, "BLAS has no offset lists");

    bool trans_a = d->trans_a == HPCK_TRANS;
    bool trans_b = d->trans_b == HPCK_TRANS;
    struct matrix a = matrix_of(col, trans_a, d->m, d->k, d->lda, d->stride_a, d->batch);
    struct matrix b = matrix_of(col, trans_b, d->k, d->n, d->ldb, d->stride_b, d->batch);
    struct matrix c = matrix_of(col, false, d->m, d->n, d->ldc, d->stride_c, d->batch);
    *gemm = (struct blas_gemm){
        .dtype = d->dtype,
        .dtype_c = d->dtype_c,
        .column_major = col,
        .trans_a = trans_a,
        .trans_b = trans_b,
        .m = d->m,
        .n = d->n,
        .k = d->k,
        .batch = d->batch,
        .lda = a.ld,
        .ldb = b.ld,
        .ldc = c.ld,
        .stride_a = a.stride,
        .stride_b = b.stride,
        .stride_c = c.stride,
        .elements_a = a.elements,
        .elements_b = b.elements,
        .elements_c = c.elements,
        .alpha = operands.alpha,
        .beta = operands.beta,
        .a = operands.a,
        .b = operands.b,
        .bias = operands.bias,
        .activation = d->activation,
        .tf32 = d->allow_tf32 != 0,
    };
    return HPCK_OK;
}

hpck_status blas_gemm_check_plain(const struct blas_gemm *gemm, struct error *err)
{
    if (!gemm->bias && gemm->activation == HPCK_IDENTITY) return HPCK_OK;
    return error_set(err, HPCK_UNSUPPORTED, "BLAS has no bias and no activation");
}

/* Batch entry `entry` as the oracle takes it. The oracle is told strides, so both layouts and transposes are the same. */
static struct reference_gemm oracle_of(const struct blas_gemm *g, hpck_dtype dtype_c, int64_t entry)
{
    bool a_runs_along_k = g->column_major == g->trans_a;
    bool b_runs_along_n = g->column_major == g->trans_b;
    return (struct reference_gemm){
        .m = g->m,
        .n = g->n,
        .k = g->k,
        .alpha = (double)g->alpha,
        .dtype_in = (enum reference_dtype)g->dtype,
        .dtype_out = (enum reference_dtype)dtype_c,
        .a = g->a,
        .b = g->b,
        .a_offset = entry * g->stride_a,
        .a_row = a_runs_along_k ? g->lda : 1,
        .a_col = a_runs_along_k ? 1 : g->lda,
        .b_offset = entry * g->stride_b,
        .b_row = b_runs_along_n ? g->ldb : 1,
        .b_col = b_runs_along_n ? 1 : g->ldb,
        .bias = g->bias,
        .activation = (int)g->activation,
        .tf32 = g->tf32,
    };
}

static hpck_status check_element(const struct blas_gemm *g, const void *c, hpck_dtype dtype_c, int64_t entry,
                                 int64_t i, int64_t j, struct error *err)
{
    struct reference_gemm oracle = oracle_of(g, dtype_c, entry);
    if (g->column_major)
        oracle.bias_offset = i - j; /* it reads entry j; the contiguous dimension is the other one */
    double bound;
    double expected = reference_gemm_value(&oracle, i, j, &bound);
    int64_t at = entry * g->stride_c + (g->column_major ? j * g->ldc + i : i * g->ldc + j);
    double got = reference_load(c, (enum reference_dtype)dtype_c, at);
    if (reference_matches(got, expected, bound, (enum reference_dtype)dtype_c)) return HPCK_OK;
    return error_set(err, HPCK_INTERNAL,
                     "C(%" PRId64 ",%" PRId64 ") of batch entry %" PRId64 " is %.9g, expected %.9g +- %.2g", i, j,
                     entry, got, expected, bound);
}

static uint64_t next_random(uint64_t *state) /* splitmix64, public domain, Vigna 2015 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

hpck_status blas_gemm_check(const struct blas_gemm *g, const void *c, hpck_dtype dtype_c, struct error *err)
{
    hpck_status st = HPCK_OK;
    uint64_t random = 1;
    if (g->m == 0 || g->n == 0) return HPCK_OK;
    for (int64_t entry = 0; entry < g->batch; entry++) {
        HPCK_TRY(check_element(g, c, dtype_c, entry, 0, 0, err));
        HPCK_TRY(check_element(g, c, dtype_c, entry, g->m - 1, g->n - 1, err));
    }
    for (int sample = 0; sample < SAMPLES && g->batch > 0; sample++) {
        int64_t entry = (int64_t)(next_random(&random) % (uint64_t)g->batch);
        int64_t i = (int64_t)(next_random(&random) % (uint64_t)g->m);
        int64_t j = (int64_t)(next_random(&random) % (uint64_t)g->n);
        HPCK_TRY(check_element(g, c, dtype_c, entry, i, j, err));
    }
done:
    return st;
}
