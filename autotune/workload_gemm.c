/* GEMM as a workload: operands A, B, C and bias, in row- or column-major as the problem is written. */
#include "workload_op.h"

#include "reference/gemm.h"
#include "gemm.h"

enum { OPERAND_A, OPERAND_B, OPERAND_C, OPERAND_BIAS };

static const struct gemm_fields *fields_of(const struct workload *w)
{
    return &w->problem.field.gemm;
}

/* rows x columns as they lie in memory: a column-major matrix is its row-major transpose. */
static struct workload_operand matrix(const struct workload *w, const char *name, hpck_dtype dtype, int64_t rows,
                                      int64_t columns, bool transposed)
{
    bool swapped = transposed != (fields_of(w)->column_major != 0);
    struct workload_operand operand = {
        .name = name,
        .dtype = (enum reference_dtype)dtype,
        .count = fields_of(w)->batch,
        .rows = swapped ? columns : rows,
        .columns = swapped ? rows : columns,
    };
    return operand;
}

static hpck_status gemm_declare(struct workload *w, struct error *err)
{
    const struct gemm_fields *p = fields_of(w);
    hpck_status st = HPCK_OK;
    if (p->batch_lists)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "workload: batch entries lie a stride apart; batch_lists must be 0");

    w->operand[OPERAND_A] = matrix(w, "A", w->problem.dtype_in, p->m, p->k, p->trans_a != 0);
    w->operand[OPERAND_B] = matrix(w, "B", w->problem.dtype_in, p->k, p->n, p->trans_b != 0);
    w->operand[OPERAND_C] = matrix(w, "C", w->problem.dtype_out, p->m, p->n, false);
    w->operand[OPERAND_BIAS] = (struct workload_operand){
        .name = "bias",
        .dtype = (enum reference_dtype)w->problem.dtype_out,
        .count = 1,
        .rows = 1,
        .columns = w->operand[OPERAND_C].columns,
    };
    w->operand_count = p->bias ? 4 : 3;
    w->operand[OPERAND_C].is_output = true;
done:
    return st;
}

static void describe(const struct workload *w, hpck_gemm_desc *desc)
{
    const struct gemm_fields *p = fields_of(w);
    const struct workload_operand *a = &w->operand[OPERAND_A];
    const struct workload_operand *b = &w->operand[OPERAND_B];
    const struct workload_operand *c = &w->operand[OPERAND_C];
    *desc = (hpck_gemm_desc)HPCK_GEMM_DESC_INIT;
    desc->dtype = w->problem.dtype_in;
    desc->dtype_c = w->problem.dtype_out;
    desc->layout = p->column_major ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
    desc->trans_a = p->trans_a ? HPCK_TRANS : HPCK_NO_TRANS;
    desc->trans_b = p->trans_b ? HPCK_TRANS : HPCK_NO_TRANS;
    desc->m = p->m;
    desc->n = p->n;
    desc->k = p->k;
    desc->lda = a->ld;
    desc->ldb = b->ld;
    desc->ldc = c->ld;
    desc->batch = p->batch;
    desc->stride_a = a->rows * a->ld;
    desc->stride_b = b->rows * b->ld;
    desc->stride_c = c->rows * c->ld;
    desc->activation = (hpck_activation)p->activation;
    desc->allow_tf32 = p->tf32 != 0;
}

static void gemm_traits(struct workload *w)
{
    struct gemm_fields *fields = &w->problem.field.gemm;
    hpck_gemm_desc desc;
    struct problem canonical;
    describe(w, &desc);
    if (gemm_problem(&desc, &canonical, NULL) != HPCK_OK) return;
    const struct gemm_fields *row = &canonical.field.gemm;
    uint64_t bits = 16 | (uint64_t)w->operand[OPERAND_A].first * reference_bytes(w->operand[OPERAND_A].dtype);
    int64_t start = (int64_t)(bits & (~bits + 1));
    int64_t align_a = fields->column_major ? row->align_b : row->align_a;
    int64_t align_b = fields->column_major ? row->align_a : row->align_b;
    fields->align_a = align_a < start ? align_a : start;
    fields->align_b = align_b < start ? align_b : start;
}

static hpck_status gemm_run(struct workload *w, hpck_plan *plan, int set, struct error *err)
{
    hpck_gemm_desc desc;
    describe(w, &desc);
    if (fields_of(w)->bias) desc.bias = workload_buffer(w, OPERAND_BIAS, set);
    hpck_status st =
        gemm_execute(w->handle, plan, &desc, w->options.alpha, workload_buffer(w, OPERAND_A, set),
                     workload_buffer(w, OPERAND_B, set), w->options.beta, workload_buffer(w, OPERAND_C, set), NULL);
    if (st != HPCK_OK) error_set(err, st, "%s", hpck_error_message(w->handle));
    return st;
}

/* The oracle speaks row-major. Column-major C = op(A) op(B) is row-major C^T = op(B)^T op(A)^T over the same memory. */
static double gemm_expect(const struct workload *w, const struct workload_operand *c, int64_t entry, int64_t row,
                          int64_t column, double *bound)
{
    const struct gemm_fields *p = fields_of(w);
    int left = p->column_major ? OPERAND_B : OPERAND_A;
    int right = p->column_major ? OPERAND_A : OPERAND_B;
    bool trans_left = (p->column_major ? p->trans_b : p->trans_a) != 0;
    bool trans_right = (p->column_major ? p->trans_a : p->trans_b) != 0;
    const struct workload_operand *a = &w->operand[left];
    const struct workload_operand *b = &w->operand[right];
    const struct reference_gemm reference = {
        .m = c->rows,
        .n = c->columns,
        .k = p->k,
        .alpha = (double)w->options.alpha,
        .beta = (double)w->options.beta,
        .dtype_in = (enum reference_dtype)w->problem.dtype_in,
        .dtype_out = (enum reference_dtype)w->problem.dtype_out,
        .a = a->host,
        .b = b->host,
        .c_in = c->initial,
        .a_offset = a->first + entry * a->rows * a->ld,
        .a_row = trans_left ? 1 : a->ld,
        .a_col = trans_left ? a->ld : 1,
        .b_offset = b->first + entry * b->rows * b->ld,
        .b_row = trans_right ? 1 : b->ld,
        .b_col = trans_right ? b->ld : 1,
        .c_offset = c->first + entry * c->rows * c->ld,
        .c_row = c->ld,
        .c_col = 1,
        .bias = p->bias ? w->operand[OPERAND_BIAS].host : NULL,
        .bias_offset = p->bias ? w->operand[OPERAND_BIAS].first : 0,
        .activation = (int)p->activation,
        .tf32 = p->tf32 != 0,
    };
    return reference_gemm_value(&reference, row, column, bound);
}

static int64_t gemm_terms(const struct workload *w)
{
    return fields_of(w)->k;
}

hpck_status workload_gemm_operands(const struct workload *w, struct workload_gemm_operands *out, struct error *err)
{
    if (w->problem.op != OP_GEMM) return error_set(err, HPCK_UNSUPPORTED, "it is not a product of matrices");
    describe(w, &out->desc);
    out->alpha = w->options.alpha;
    out->beta = w->options.beta;
    out->a = workload_host(w, OPERAND_A);
    out->b = workload_host(w, OPERAND_B);
    out->bias = fields_of(w)->bias ? workload_host(w, OPERAND_BIAS) : NULL;
    out->c = workload_host(w, OPERAND_C);
    return HPCK_OK;
}

const struct workload_op workload_gemm = {
    .op = OP_GEMM,
    .declare = gemm_declare,
    .traits = gemm_traits,
    .run = gemm_run,
    .expect = gemm_expect,
    .terms = gemm_terms,
};
