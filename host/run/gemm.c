/* hpck_gemm: from the public description to a plan and a call. */
#include "gemm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gemm_check.h"

/* ---- the problem ------------------------------------------------------------------------------------------ */

static hpck_status problem_of(const hpck_gemm_desc *d, struct problem *problem, struct error *err)
{
    *problem = (struct problem){ .op = OP_GEMM, .dtype_in = d->dtype, .dtype_out = d->dtype_c };
    problem->field.gemm = (struct gemm_fields){
        .trans_a = d->trans_a == HPCK_TRANS,
        .trans_b = d->trans_b == HPCK_TRANS,
        .m = d->m,
        .n = d->n,
        .k = d->k,
        .batch = d->batch,
        .bias = d->bias.memory != NULL,
        .activation = (int64_t)d->activation,
        .column_major = d->layout == HPCK_COLUMN_MAJOR,
        .batch_lists = d->offsets_a != NULL,
        .tf32 = d->allow_tf32 && d->dtype == HPCK_F32,
    };
    hpck_status st = problem_check(problem, err);
    if (st == HPCK_OK) *problem = problem_canonical(problem);
    return st;
}

/* Traits of a canonical problem: in column-major, A and B have changed places. */
static void set_traits(struct problem *problem, const hpck_gemm_desc *d, const struct gemm_operand *operands)
{
    bool is_column = d->layout == HPCK_COLUMN_MAJOR;
    struct gemm_fields *fields = &problem->field.gemm;
    fields->align_a = gemm_operand_alignment(&operands[is_column ? GEMM_OPERAND_B : GEMM_OPERAND_A]);
    fields->align_b = gemm_operand_alignment(&operands[is_column ? GEMM_OPERAND_A : GEMM_OPERAND_B]);
}

/* With buffers that start where an allocation does. */
static hpck_status problem_without_buffers(const hpck_gemm_desc *desc, struct problem *problem, struct error *err)
{
    struct gemm_operand operands[GEMM_OPERAND_COUNT];
    hpck_status st = problem_of(desc, problem, err);
    gemm_packed_operands(desc, operands);
    if (st == HPCK_OK) set_traits(problem, desc, operands);
    return st;
}

hpck_status gemm_problem(const hpck_gemm_desc *caller, struct problem *problem, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_gemm_desc desc;
    HPCK_TRY(gemm_check_desc(caller, &desc, err));
    HPCK_TRY(problem_without_buffers(&desc, problem, err));
done:
    return st;
}

/* ---- the call --------------------------------------------------------------------------------------------- */

/* The lists of canonical A, B and C, one after the other, in device memory. */
static hpck_status upload_lists(hpck_handle *handle, const struct gemm_operand *a, const struct gemm_operand *b,
                                const struct gemm_operand *c, void **memory)
{
    hpck_status st = HPCK_OK;
    size_t bytes = (size_t)c->batch * sizeof(int64_t);
    char *lists = malloc(3 * bytes);
    if (lists == NULL)
        HPCK_FAIL(&handle->err, HPCK_OUT_OF_MEMORY, "gemm: out of memory for %" PRId64 " batch offsets", c->batch);
    memcpy(lists, a->list, bytes);
    memcpy(lists + bytes, b->list, bytes);
    memcpy(lists + 2 * bytes, c->list, bytes);
    HPCK_TRY(handle->backend->upload(handle->device, lists, 3 * bytes, memory, &handle->err));
done:
    free(lists);
    return st;
}

/* A column-major product is the row-major one with A and B exchanged: see problem_canonical. */
static hpck_status launch(hpck_handle *handle, hpck_plan *plan, const hpck_gemm_desc *d, float alpha, float beta,
                          const struct gemm_operand *operands, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    bool is_column = d->layout == HPCK_COLUMN_MAJOR;
    const struct gemm_operand *a = &operands[is_column ? GEMM_OPERAND_B : GEMM_OPERAND_A];
    const struct gemm_operand *b = &operands[is_column ? GEMM_OPERAND_A : GEMM_OPERAND_B];
    const struct gemm_operand *c = &operands[GEMM_OPERAND_C];
    const struct gemm_operand *bias = &operands[GEMM_OPERAND_BIAS];
    struct call call = {
        .value = { [GEMM_LDA] = a->ld,
                   [GEMM_LDB] = b->ld,
                   [GEMM_LDC] = c->ld,
                   [GEMM_OFFSET_A] = a->offset,
                   [GEMM_OFFSET_B] = b->offset,
                   [GEMM_OFFSET_C] = c->offset,
                   [GEMM_OFFSET_BIAS] = bias->offset,
                   [GEMM_STRIDE_A] = a->stride,
                   [GEMM_STRIDE_B] = b->stride,
                   [GEMM_STRIDE_C] = c->stride },
        .scalar = { [GEMM_ALPHA] = alpha, [GEMM_BETA] = beta },
        .buffer = { [GEMM_A] = a->memory, [GEMM_B] = b->memory, [GEMM_C] = c->memory, [GEMM_BIAS] = bias->memory },
    };
    void *lists = NULL;
    if (c->list != NULL) HPCK_TRY(upload_lists(handle, a, b, c, &lists));
    call.buffer[GEMM_BATCH_OFFSETS] = lists;
    HPCK_TRY(plan_execute(plan, &call, sync));
done:
    if (lists != NULL) {
        hpck_status retired = handle->backend->retire(handle->device, lists, &handle->err);
        if (st == HPCK_OK) st = retired;
    }
    return st;
}

static hpck_status check_plan(hpck_handle *handle, const hpck_plan *plan, const struct problem *problem)
{
    char made[PROBLEM_TEXT_MAX];
    char asked[PROBLEM_TEXT_MAX];
    const struct gemm_fields *plans = &plan_problem(plan)->field.gemm;
    const struct gemm_fields *calls = &problem->field.gemm;
    if (problem_same(plan_problem(plan), problem) && plans->batch_lists == calls->batch_lists) {
        if (plans->align_a <= calls->align_a && plans->align_b <= calls->align_b) return HPCK_OK;
        return error_set(
            &handle->err, HPCK_INVALID_ARGUMENT,
            "gemm: the plan is for lines of A and B at multiples of %d and %d bytes, in the call they are "
            "at multiples of %d and %d",
            (int)plans->align_a, (int)plans->align_b, (int)calls->align_a, (int)calls->align_b);
    }
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "gemm: the plan is for %s, the call asks for %s",
                     problem_print(plan_problem(plan), made), problem_print(problem, asked));
}

static bool is_empty(const hpck_gemm_desc *desc)
{
    return desc->m == 0 || desc->n == 0 || desc->batch == 0;
}

static hpck_status execute(hpck_handle *handle, hpck_plan *plan, const hpck_gemm_desc *caller, float alpha,
                           hpck_buffer a, hpck_buffer b, float beta, hpck_buffer c, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    hpck_gemm_desc desc;
    struct problem problem;
    struct gemm_operand operands[GEMM_OPERAND_COUNT];
    HPCK_TRY(gemm_check_desc(caller, &desc, &handle->err));
    HPCK_TRY(sync_check(sync, &handle->err));
    HPCK_TRY(problem_of(&desc, &problem, &handle->err));
    if (is_empty(&desc)) {
        if (sync != NULL && sync->event != NULL)
            HPCK_TRY(handle->backend->marker(handle->device, sync, &handle->err));
        goto done;
    }
    HPCK_TRY(gemm_check_operands(handle->backend, handle->device, &desc, a, b, c, operands, &handle->err));
    set_traits(&problem, &desc, operands);
    if (plan == NULL)
        HPCK_TRY(plan_get(handle, &problem, &plan));
    else
        HPCK_TRY(check_plan(handle, plan, &problem));
    HPCK_TRY(launch(handle, plan, &desc, alpha, beta, operands, sync));
done:
    return st;
}

hpck_status gemm_execute(hpck_handle *handle, hpck_plan *plan, const hpck_gemm_desc *desc, float alpha,
                         hpck_buffer a, hpck_buffer b, float beta, hpck_buffer c, const hpck_sync *sync)
{
    hpck_status st = handle_enter(handle);
    if (st == HPCK_OK) st = execute(handle, plan, desc, alpha, a, b, beta, c, sync);
    return handle_leave(handle, st);
}

/* ---- the rehearsal ---------------------------------------------------------------------------------------- */

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* The distance of lines that keep to the best alignment which a plan may promise its kernel (traits align_a, align_b). */
static int64_t aligned_line(int64_t length, size_t element_bytes)
{
    const int64_t unit = 16 / (int64_t)element_bytes;
    return (length + unit - 1) / unit * unit;
}

void gemm_rehearsal(const struct problem *problem, struct rehearsal *rehearsal)
{
    enum { SMALL = 64 };
    *rehearsal = (struct rehearsal){ .problem = *problem };
    struct gemm_fields *g = &rehearsal->problem.field.gemm;
    g->m = at_most(g->m, SMALL);
    g->n = at_most(g->n, SMALL);
    g->k = at_most(g->k, SMALL);
    g->batch = 1;
    const size_t in = dtype_bytes(problem->dtype_in), out = dtype_bytes(problem->dtype_out);
    const int64_t lda = aligned_line(g->trans_a ? g->m : g->k, in),
                  ldb = aligned_line(g->trans_b ? g->k : g->n, in);
    rehearsal->call.value[GEMM_LDA] = lda;
    rehearsal->call.value[GEMM_LDB] = ldb;
    rehearsal->call.value[GEMM_LDC] = g->n;
    rehearsal->call.scalar[GEMM_ALPHA] = 1.0F;
    rehearsal->buffer_bytes[GEMM_A] = (size_t)((g->trans_a ? g->k : g->m) * lda) * in;
    rehearsal->buffer_bytes[GEMM_B] = (size_t)((g->trans_b ? g->n : g->k) * ldb) * in;
    rehearsal->buffer_bytes[GEMM_C] = (size_t)(g->m * g->n) * out;
    rehearsal->buffer_bytes[GEMM_BIAS] = g->bias ? (size_t)g->n * out : 0;
    rehearsal->buffer_bytes[GEMM_BATCH_OFFSETS] = g->batch_lists ? 3 * sizeof(int64_t) : 0;
}

/* ---- public ----------------------------------------------------------------------------------------------- */

hpck_status hpck_gemm(hpck_handle *handle, const hpck_gemm_desc *desc, float alpha, hpck_buffer a, hpck_buffer b,
                      float beta, hpck_buffer c, const hpck_sync *sync)
{
    return gemm_execute(handle, NULL, desc, alpha, a, b, beta, c, sync);
}

hpck_status hpck_gemm_plan(hpck_handle *handle, const hpck_gemm_desc *caller, hpck_plan **plan)
{
    hpck_status st = HPCK_OK;
    hpck_gemm_desc desc;
    struct problem problem;
    HPCK_TRY(handle_enter(handle));
    if (plan == NULL) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "gemm: plan is NULL");
    HPCK_TRY(gemm_check_desc(caller, &desc, &handle->err));
    HPCK_TRY(problem_without_buffers(&desc, &problem, &handle->err));
    if (is_empty(&desc))
        HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT,
                  "gemm: nothing to plan: m = %" PRId64 ", n = %" PRId64 ", batch = %" PRId64, desc.m, desc.n,
                  desc.batch);
    HPCK_TRY(plan_get(handle, &problem, plan));
done:
    return handle_leave(handle, st);
}
