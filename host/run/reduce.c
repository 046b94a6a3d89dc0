/* hpck_reduce and hpck_normalize: from the public description to a plan and a call. */
#include "reduce.h"

#include <string.h>

#include "gemm_check.h"
#include "reduce_check.h"

/* ---- the call --------------------------------------------------------------------------------------------- */

static bool is_same(const struct problem *a, const struct problem *b)
{
    return problem_same(a, b) &&
           memcmp(a->field.value, b->field.value, sizeof a->field.value) == 0; /* the traits, too */
}

static hpck_status check_plan(hpck_handle *handle, const hpck_plan *plan, const struct reduce_request *request)
{
    char made[PROBLEM_TEXT_MAX];
    char asked[PROBLEM_TEXT_MAX];
    if (is_same(plan_problem(plan), &request->problem)) return HPCK_OK;
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "%s: the plan is for %s, the call asks for %s",
                     request->api, problem_print(plan_problem(plan), made),
                     problem_print(&request->problem, asked));
}

static hpck_status check_factors(hpck_handle *handle, const struct reduce_request *request, float alpha, float beta)
{
    int64_t operation = request->problem.field.reduce.operation;
    bool is_plain = reduce_is_arg(operation) || operation == REDUCE_MEANVAR;
    if (!is_plain || (alpha == 1.0F && beta == 0.0F)) return HPCK_OK;
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "reduce: alpha = %g and beta = %g must be 1 and 0 for %s",
                     (double)alpha, (double)beta, reduce_operation_name(operation));
}

static hpck_status execute(hpck_handle *handle, hpck_plan *plan, const struct reduce_request *request, float alpha,
                           hpck_buffer x, float beta, hpck_buffer y, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    struct call call = { .scalar = { [REDUCE_ALPHA] = alpha, [REDUCE_BETA] = beta } };
    HPCK_TRY(sync_check(sync, &handle->err));
    HPCK_TRY(check_factors(handle, request, alpha, beta));
    if (request->is_empty) {
        if (sync != NULL && sync->event != NULL)
            HPCK_TRY(handle->backend->marker(handle->device, sync, &handle->err));
        goto done;
    }
    HPCK_TRY(reduce_check_operands(handle->backend, handle->device, request, x, y, &call, &handle->err));
    if (plan == NULL)
        HPCK_TRY(plan_get(handle, &request->problem, &plan));
    else
        HPCK_TRY(check_plan(handle, plan, request));
    HPCK_TRY(plan_execute(plan, &call, sync));
done:
    return st;
}

hpck_status reduce_execute(hpck_handle *handle, hpck_plan *plan, const hpck_reduce_desc *desc, float alpha,
                           hpck_buffer x, float beta, hpck_buffer y, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    struct reduce_request request;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(reduce_check_desc(desc, y.memory != NULL, &request, &handle->err));
    HPCK_TRY(execute(handle, plan, &request, alpha, x, beta, y, sync));
done:
    return handle_leave(handle, st);
}

hpck_status normalize_execute(hpck_handle *handle, hpck_plan *plan, const hpck_normalize_desc *desc, hpck_buffer x,
                              hpck_buffer y, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    struct reduce_request request;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(reduce_check_normalize(desc, &request, &handle->err));
    if (y.memory == NULL && !request.is_empty)
        HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "normalize: y has no memory");
    HPCK_TRY(execute(handle, plan, &request, 1.0F, x, 0.0F, y, sync));
done:
    return handle_leave(handle, st);
}

/* ---- the rehearsal ---------------------------------------------------------------------------------------- */

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

void reduce_rehearsal(const struct problem *problem, struct rehearsal *rehearsal)
{
    enum { SMALL = 2, LONG = 16 * 1024 }; /* elements: enough for what long rows do */
    *rehearsal = (struct rehearsal){ .problem = *problem };
    struct reduce_fields *f = &rehearsal->problem.field.reduce;
    bool is_normalization = reduce_is_normalization(f->operation);
    f->outer = at_most(f->outer, SMALL);
    f->segments = at_most(f->segments, SMALL);
    f->inner = at_most(f->inner, f->form == REDUCE_COLUMN ? 1024 : 1);
    f->length = at_most(f->length, f->form == REDUCE_COLUMN ? 64 : LONG);
    int64_t elements = f->outer * f->segments * f->length * f->inner;
    int64_t outputs = is_normalization ? elements : f->outer * f->inner;

    int64_t *value = rehearsal->call.value;
    value[REDUCE_LENGTH_X] = value[REDUCE_LENGTH_X2] = f->inner;
    value[REDUCE_SEGMENT_X] = value[REDUCE_SEGMENT_X2] = f->length * f->inner;
    value[REDUCE_OUTER_X] = value[REDUCE_OUTER_X2] = f->segments * f->length * f->inner;
    value[REDUCE_OUTER_Y] = is_normalization ? f->length : f->inner;
    value[REDUCE_INNER_Y] = 1;
    for (int i = 0; i < REDUCE_RANK_MAX; i++)
        value[REDUCE_DIM0_EXTENT + i] = 1;
    value[REDUCE_DIM0_EXTENT] = f->outer;
    value[REDUCE_DIM0_X] = value[REDUCE_DIM0_X2] = f->length;
    value[REDUCE_DIM0_Y] = 1;
    value[REDUCE_DIM1_EXTENT] = f->length;
    value[REDUCE_DIM1_X] = value[REDUCE_DIM1_X2] = 1;
    value[REDUCE_KEPT_COUNT] = 1;
    rehearsal->call.scalar[REDUCE_ALPHA] = 1.0F;

    size_t in = dtype_bytes(problem->dtype_in);
    size_t out = dtype_bytes(problem->dtype_out);
    bool is_arg = reduce_is_arg(f->operation);
    size_t *bytes = rehearsal->buffer_bytes;
    bytes[REDUCE_X] = (size_t)elements * in;
    bytes[REDUCE_X2] = f->operation == REDUCE_DOT ? (size_t)elements * in : 0;
    bytes[REDUCE_Y] = is_arg && !f->values ? 0 : (size_t)outputs * out;
    bytes[REDUCE_VARIANCE] = f->operation == REDUCE_MEANVAR ? (size_t)outputs * out : 0;
    bytes[REDUCE_INDICES] = is_arg ? (size_t)outputs * (f->index64 ? 8 : 4) : 0;
    bytes[REDUCE_SCALE] = f->scale ? (size_t)f->length * in : 0;
    bytes[REDUCE_SHIFT] = f->shift ? (size_t)f->length * in : 0;
}

/* ---- public ----------------------------------------------------------------------------------------------- */

hpck_status hpck_reduce(hpck_handle *handle, const hpck_reduce_desc *desc, float alpha, hpck_buffer x, float beta,
                        hpck_buffer y, const hpck_sync *sync)
{
    return reduce_execute(handle, NULL, desc, alpha, x, beta, y, sync);
}

hpck_status hpck_normalize(hpck_handle *handle, const hpck_normalize_desc *desc, hpck_buffer x, hpck_buffer y,
                           const hpck_sync *sync)
{
    return normalize_execute(handle, NULL, desc, x, y, sync);
}

static hpck_status make_plan(hpck_handle *handle, const struct reduce_request *request, hpck_plan **plan)
{
    if (plan == NULL) return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "%s: plan is NULL", request->api);
    if (request->is_empty)
        return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "%s: nothing to plan: y has no elements",
                         request->api);
    return plan_get(handle, &request->problem, plan);
}

hpck_status hpck_reduce_plan(hpck_handle *handle, const hpck_reduce_desc *desc, int with_y, hpck_plan **plan)
{
    hpck_status st = HPCK_OK;
    struct reduce_request request;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(reduce_check_desc(desc, with_y != 0, &request, &handle->err));
    HPCK_TRY(make_plan(handle, &request, plan));
done:
    return handle_leave(handle, st);
}

hpck_status hpck_normalize_plan(hpck_handle *handle, const hpck_normalize_desc *desc, hpck_plan **plan)
{
    hpck_status st = HPCK_OK;
    struct reduce_request request;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(reduce_check_normalize(desc, &request, &handle->err));
    HPCK_TRY(make_plan(handle, &request, plan));
done:
    return handle_leave(handle, st);
}
