/* Prepared filters: what a plan's kernels make of a filter before they use it, kept in memory of its own. */
#include <stdlib.h>

#include "conv.h"
#include "conv_prepared.h"

void conv_filter_free(hpck_conv_filter *filter)
{
    if (filter == NULL) return;
    filter->handle->backend->release(filter->handle->device, filter->memory);
    if (filter->is_plan_owned) plan_free(filter->plan);
    free(filter);
}

/* Bytes that the plan's family packs a filter into: the workspace that it needs less than were the filter not prepared. A
 * family of another operation knows nothing of it and reads the filter as it is. */
static size_t prepared_bytes(const hpck_handle *handle, const hpck_plan *plan)
{
    const struct choice *choice = plan_choice(plan);
    struct problem problem = *plan_problem(plan);
    if (choice->family->op != problem.op) return 0;
    struct resources without = { 0 }, with = { 0 };
    const struct point point = { &handle->backend->describe(handle->device)->field, &problem, choice->param };
    choice->family->resources(&point, &with);
    problem.field.conv.prepared = 0;
    choice->family->resources(&point, &without);
    return (size_t)(without.workspace_bytes - with.workspace_bytes);
}

/* Runs the family's steps that touch the filter only. */
static hpck_status pack(hpck_conv_filter *prepared, hpck_buffer filter)
{
    hpck_handle *handle = prepared->handle;
    hpck_status st = HPCK_OK;
    hpck_plan *plan = NULL;
    const struct choice *choice = plan_choice(prepared->plan);
    struct problem problem = *plan_problem(prepared->plan);
    const struct call call = {
        .value = { [CONV_OFFSET_FILTER] = filter.offset },
        .buffer = { [CONV_FILTER] = filter.memory, [CONV_PREPARED] = prepared->memory },
    };
    problem.field.conv.prepared = 2;
    HPCK_TRY(plan_force(handle, &problem, choice->family, choice->param, &plan));
    HPCK_TRY(plan_execute(plan, &call, NULL));
    HPCK_TRY(handle->backend->finish(handle->device, &handle->err)); /* the plan is freed */
done:
    plan_free(plan);
    return st;
}

hpck_status conv_filter_make(hpck_handle *handle, hpck_plan *plan, bool is_plan_owned, hpck_buffer filter,
                             hpck_conv_filter **out)
{
    hpck_status st = HPCK_OK;
    hpck_conv_filter *prepared = calloc(1, sizeof *prepared);
    if (prepared == NULL) HPCK_FAIL(&handle->err, HPCK_OUT_OF_MEMORY, "conv: out of memory for a prepared filter");
    prepared->handle = handle;
    prepared->plan = plan;
    const size_t bytes = prepared_bytes(handle, plan);
    if (bytes > 0) {
        HPCK_TRY(handle->backend->allocate(handle->device, bytes, &prepared->memory, &handle->err));
        HPCK_TRY(pack(prepared, filter));
    }
    prepared->is_plan_owned = is_plan_owned;
    *out = prepared;
    prepared = NULL;
done:
    conv_filter_free(prepared);
    return st;
}
