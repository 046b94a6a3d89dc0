/* hpck_conv: from the public description to a plan and a call. */
#include <string.h>

#include "conv.h"

#include "conv_check.h"
#include "conv_gemm.h"
#include "conv_prepared.h"
#include "gemm_check.h"
#include "op_conv.h"

/* ---- the problem ------------------------------------------------------------------------------------------ */

static hpck_status problem_of(const hpck_conv_desc *d, struct problem *problem, struct error *err)
{
    *problem = (struct problem){ .op = OP_CONV, .dtype_in = d->dtype, .dtype_out = d->dtype };
    problem->field.conv = (struct conv_fields){
        .direction = (int64_t)d->direction,
        .nhwc = d->layout == HPCK_NHWC,
        .krsc = d->filter_layout == HPCK_KRSC,
        .n = d->n,
        .c = d->c,
        .h = d->h,
        .w = d->w,
        .k = d->k,
        .r = d->r,
        .s = d->s,
        .pad_top = d->pad_top,
        .pad_bottom = d->pad_bottom,
        .pad_left = d->pad_left,
        .pad_right = d->pad_right,
        .stride_h = d->stride_h,
        .stride_w = d->stride_w,
        .dilation_h = d->dilation_h,
        .dilation_w = d->dilation_w,
        .groups = d->groups,
        .bias = d->bias.memory != NULL,
        .residual = d->residual.memory != NULL,
        .activation = (int64_t)d->activation,
        .prepared = d->prepared != NULL,
        .exact_sums = d->math == HPCK_CONV_EXACT_SUMS,
        .align = CONV_ALIGN_MAX, /* each tensor in a buffer of its own */
    };
    hpck_status st = problem_check(problem, err);
    if (st == HPCK_OK) *problem = problem_canonical(problem);
    return st;
}

hpck_status conv_problem(const hpck_conv_desc *caller, struct problem *problem, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_conv_desc desc;
    HPCK_TRY(conv_check_desc(caller, &desc, err));
    HPCK_TRY(problem_of(&desc, problem, err));
done:
    return st;
}

/* Nothing is written. */
static bool is_empty(const struct problem *problem)
{
    const struct conv_fields *f = &problem->field.conv;
    switch (f->direction) {
    case CONV_FORWARD:
        return f->n == 0 || f->k == 0;
    case CONV_BACKWARD_DATA:
        return f->n == 0 || f->c == 0 || f->h == 0 || f->w == 0;
    default:
        return f->k == 0 || f->c == 0;
    }
}

/* ---- the call --------------------------------------------------------------------------------------------- */

/* Whether the plan's kernels work with the call's addresses: they count where the family's rules or macros use them. */
static bool is_aligned_for(const hpck_handle *handle, const hpck_plan *plan, const struct problem *problem)
{
    const struct problem *own = plan_problem(plan);
    if (own->field.conv.align <= problem->field.conv.align) return true;
    const struct choice *choice = plan_choice(plan);
    const enum op_id op = choice->family->op;
    const struct device_fields *device = &handle->backend->describe(handle->device)->field;
    struct problem own_room, room;
    const struct point made = { device, problem_as(own, op, &own_room), choice->param };
    const struct point asked = { device, problem_as(problem, op, &room), choice->param };
    if (choice->family->valid(&asked) != NULL) return false;
    for (int i = 0; i < choice->family->define_count; i++) {
        const struct define_desc *define = &choice->family->defines[i];
        if (define->value(&made) != define->value(&asked)) return false;
    }
    return true;
}

static struct call conv_call(const struct conv_operand *operand, void *prepared, float alpha, float beta)
{
    return (struct call){
        .value = { [CONV_OFFSET_X] = operand[CONV_OPERAND_X].offset,
                   [CONV_OFFSET_FILTER] = operand[CONV_OPERAND_FILTER].offset,
                   [CONV_OFFSET_Y] = operand[CONV_OPERAND_Y].offset,
                   [CONV_OFFSET_BIAS] = operand[CONV_OPERAND_BIAS].offset,
                   [CONV_OFFSET_RESIDUAL] = operand[CONV_OPERAND_RESIDUAL].offset },
        .scalar = { [CONV_ALPHA] = alpha, [CONV_BETA] = beta },
        .buffer = { [CONV_X] = operand[CONV_OPERAND_X].memory,
                    [CONV_FILTER] = operand[CONV_OPERAND_FILTER].memory,
                    [CONV_Y] = operand[CONV_OPERAND_Y].memory,
                    [CONV_BIAS] = operand[CONV_OPERAND_BIAS].memory,
                    [CONV_RESIDUAL] = operand[CONV_OPERAND_RESIDUAL].memory,
                    [CONV_PREPARED] = prepared },
    };
}

/* For a family of GEMM, which has taken the problem for a product. */
static struct call gemm_call(const struct problem *problem, const struct conv_operand *operand, float alpha,
                             float beta)
{
    static const int operands[] = { [CONV_TENSOR_X] = CONV_OPERAND_X,
                                    [CONV_TENSOR_FILTER] = CONV_OPERAND_FILTER,
                                    [CONV_TENSOR_Y] = CONV_OPERAND_Y };
    struct conv_gemm gemm;
    conv_as_gemm(problem, &gemm);
    const struct conv_operand *a = &operand[operands[gemm.a.tensor]];
    const struct conv_operand *b = &operand[operands[gemm.b.tensor]];
    const struct conv_operand *c = &operand[operands[gemm.c.tensor]];
    return (struct call){
        .value = { [GEMM_LDA] = gemm.a.ld,
                   [GEMM_LDB] = gemm.b.ld,
                   [GEMM_LDC] = gemm.c.ld,
                   [GEMM_OFFSET_A] = a->offset,
                   [GEMM_OFFSET_B] = b->offset,
                   [GEMM_OFFSET_C] = c->offset,
                   [GEMM_OFFSET_BIAS] = operand[CONV_OPERAND_BIAS].offset,
                   [GEMM_STRIDE_A] = gemm.a.stride,
                   [GEMM_STRIDE_B] = gemm.b.stride,
                   [GEMM_STRIDE_C] = gemm.c.stride },
        .scalar = { [GEMM_ALPHA] = alpha, [GEMM_BETA] = beta },
        .buffer = { [GEMM_A] = a->memory,
                    [GEMM_B] = b->memory,
                    [GEMM_C] = c->memory,
                    [GEMM_BIAS] = operand[CONV_OPERAND_BIAS].memory },
    };
}

static hpck_status check_plan(hpck_handle *handle, const hpck_plan *plan, const struct problem *problem)
{
    char made[PROBLEM_TEXT_MAX];
    char asked[PROBLEM_TEXT_MAX];
    if (problem_same(plan_problem(plan), problem) &&
        plan_problem(plan)->field.conv.exact_sums == problem->field.conv.exact_sums) {
        if (is_aligned_for(handle, plan, problem)) return HPCK_OK;
        return error_set(&handle->err, HPCK_INVALID_ARGUMENT,
                         "conv: the plan is for x, filter and y at multiples of %d bytes, in the call they are at "
                         "multiples of %d",
                         (int)plan_problem(plan)->field.conv.align, (int)problem->field.conv.align);
    }
    return error_set(&handle->err, HPCK_INVALID_ARGUMENT, "conv: the plan is for %s, the call asks for %s",
                     problem_print(plan_problem(plan), made), problem_print(problem, asked));
}

/* The filter is in the form that the plan's kernels use. */
static bool is_prepared_for(const hpck_conv_filter *prepared, const hpck_plan *plan)
{
    const struct choice *own = plan_choice(prepared->plan), *other = plan_choice(plan);
    return own->family == other->family && memcmp(own->param, other->param, sizeof own->param) == 0;
}

static hpck_status execute(hpck_handle *handle, hpck_plan *plan, const hpck_conv_desc *caller, float alpha,
                           hpck_buffer x, hpck_buffer filter, float beta, hpck_buffer y, const hpck_sync *sync)
{
    hpck_status st = HPCK_OK;
    hpck_conv_desc desc;
    struct problem problem;
    struct conv_operand operand[CONV_OPERAND_COUNT];
    HPCK_TRY(conv_check_desc(caller, &desc, &handle->err));
    HPCK_TRY(sync_check(sync, &handle->err));
    HPCK_TRY(problem_of(&desc, &problem, &handle->err));
    if (is_empty(&problem)) {
        if (sync != NULL && sync->event != NULL)
            HPCK_TRY(handle->backend->marker(handle->device, sync, &handle->err));
        goto done;
    }
    HPCK_TRY(
        conv_check_operands(handle->backend, handle->device, &desc, &problem, x, filter, y, operand, &handle->err));
    problem.field.conv.align = conv_operands_alignment(operand);
    if (desc.prepared != NULL) {
        if (desc.prepared->handle != handle)
            HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "conv: prepared was made with another handle");
        if (plan == NULL || !is_prepared_for(desc.prepared, plan)) plan = desc.prepared->plan;
        if (problem_same(plan_problem(plan), &problem) && !is_aligned_for(handle, plan, &problem)) {
            problem.field.conv.prepared = 0; /* the filter itself is here, too */
            plan = NULL;
        }
    }
    if (plan == NULL)
        HPCK_TRY(plan_get(handle, &problem, &plan));
    else
        HPCK_TRY(check_plan(handle, plan, &problem));
    void *prepared = desc.prepared != NULL ? desc.prepared->memory : NULL;
    const struct call call = plan_choice(plan)->family->op == OP_GEMM ? gemm_call(&problem, operand, alpha, beta)
                                                                      : conv_call(operand, prepared, alpha, beta);
    HPCK_TRY(plan_execute(plan, &call, sync));
done:
    return st;
}

hpck_status conv_execute(hpck_handle *handle, hpck_plan *plan, const hpck_conv_desc *desc, float alpha,
                         hpck_buffer x, hpck_buffer filter, float beta, hpck_buffer y, const hpck_sync *sync)
{
    hpck_status st = handle_enter(handle);
    if (st == HPCK_OK) st = execute(handle, plan, desc, alpha, x, filter, beta, y, sync);
    return handle_leave(handle, st);
}

/* ---- the rehearsal ---------------------------------------------------------------------------------------- */

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* The smallest extent at which the filter fits `count` times. */
static int64_t extent_for(int64_t count, int64_t extent, int64_t before, int64_t after, int64_t taps,
                          int64_t stride, int64_t dilation)
{
    const int64_t wanted = (count - 1) * stride + dilation * (taps - 1) + 1 - before - after;
    return at_most(extent, wanted > 1 ? wanted : 1);
}

/* More than any family makes of a filter: floats, 36 points where there were 9 taps, whole register tiles of channels. */
static size_t prepared_bytes_max(const struct conv_fields *f)
{
    enum { TILE = 64, POINTS = 4 };
    const int64_t channels = f->c / f->groups + TILE, filters = f->k / f->groups + TILE;
    return (size_t)(channels * filters * f->groups * f->r * f->s) * POINTS * sizeof(float);
}

/* One image with few pixels and few channels in few groups; the filter and its geometry stay. */
void conv_rehearsal(const struct problem *problem, struct rehearsal *rehearsal)
{
    enum { SMALL = 32, PIXELS = 6, GROUPS = 2 };
    *rehearsal = (struct rehearsal){ .problem = *problem };
    struct conv_fields *f = &rehearsal->problem.field.conv;
    const int64_t c_per_group = at_most(f->c / f->groups, SMALL);
    const int64_t k_per_group = at_most(f->k / f->groups, SMALL);
    const bool is_depthwise = f->groups == f->c;
    f->n = at_most(f->n, 1);
    f->groups = at_most(f->groups, is_depthwise ? SMALL : GROUPS);
    f->c = c_per_group * f->groups;
    f->k = k_per_group * f->groups;
    f->h = extent_for(PIXELS, f->h, f->pad_top, f->pad_bottom, f->r, f->stride_h, f->dilation_h);
    f->w = extent_for(PIXELS, f->w, f->pad_left, f->pad_right, f->s, f->stride_w, f->dilation_w);
    rehearsal->call.scalar[CONV_ALPHA] = 1.0F;
    const size_t bytes = dtype_bytes(problem->dtype_in);
    const size_t y = (size_t)(f->n * f->k * conv_rows(f) * conv_columns(f)) * bytes;
    rehearsal->buffer_bytes[CONV_X] = (size_t)(f->n * f->c * f->h * f->w) * bytes;
    rehearsal->buffer_bytes[CONV_FILTER] = (size_t)(f->k * c_per_group * f->r * f->s) * bytes;
    rehearsal->buffer_bytes[CONV_Y] = y;
    rehearsal->buffer_bytes[CONV_BIAS] = f->bias ? (size_t)f->k * bytes : 0;
    rehearsal->buffer_bytes[CONV_RESIDUAL] = f->residual ? y : 0;
    if (f->prepared) rehearsal->buffer_bytes[CONV_PREPARED] = prepared_bytes_max(f);
}

/* ---- public ----------------------------------------------------------------------------------------------- */

hpck_status hpck_conv(hpck_handle *handle, const hpck_conv_desc *desc, float alpha, hpck_buffer x,
                      hpck_buffer filter, float beta, hpck_buffer y, const hpck_sync *sync)
{
    return conv_execute(handle, NULL, desc, alpha, x, filter, beta, y, sync);
}

static hpck_status check_prepare(const hpck_conv_desc *desc, const struct problem *problem, struct error *err)
{
    char text[PROBLEM_TEXT_MAX];
    if (desc->direction == HPCK_CONV_BACKWARD_FILTER)
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "conv: direction = HPCK_CONV_BACKWARD_FILTER writes the filter: there is none to prepare");
    if (is_empty(problem) || problem->field.conv.c == 0 || problem->field.conv.k == 0)
        return error_set(err, HPCK_INVALID_ARGUMENT, "conv: no filter to prepare in %s",
                         problem_print(problem, text));
    return HPCK_OK;
}

hpck_status hpck_conv_prepare(hpck_handle *handle, const hpck_conv_desc *caller, hpck_buffer filter,
                              hpck_conv_filter **prepared)
{
    hpck_status st = HPCK_OK;
    hpck_conv_desc desc;
    struct problem problem;
    hpck_plan *plan = NULL;
    HPCK_TRY(handle_enter(handle));
    if (prepared == NULL) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "conv: prepared is NULL");
    HPCK_TRY(conv_check_desc(caller, &desc, &handle->err));
    HPCK_TRY(problem_of(&desc, &problem, &handle->err));
    HPCK_TRY(check_prepare(&desc, &problem, &handle->err));
    HPCK_TRY(conv_check_filter(handle->backend, handle->device, &desc, &problem, filter, &handle->err));
    problem.field.conv.prepared = 1;
    HPCK_TRY(plan_get(handle, &problem, &plan));
    HPCK_TRY(conv_filter_make(handle, plan, false, filter, prepared));
done:
    return handle_leave(handle, st);
}

void hpck_conv_filter_destroy(hpck_conv_filter *prepared)
{
    conv_filter_free(prepared);
}

hpck_status hpck_conv_plan(hpck_handle *handle, const hpck_conv_desc *caller, hpck_plan **plan)
{
    hpck_status st = HPCK_OK;
    struct problem problem;
    char text[PROBLEM_TEXT_MAX];
    HPCK_TRY(handle_enter(handle));
    if (plan == NULL) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "conv: plan is NULL");
    HPCK_TRY(conv_problem(caller, &problem, &handle->err));
    if (is_empty(&problem))
        HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "conv: nothing to plan: %s", problem_print(&problem, text));
    HPCK_TRY(plan_get(handle, &problem, plan));
done:
    return handle_leave(handle, st);
}
