/* Making and executing plans. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan_table.h"
#include "strbuf.h"

struct hpck_plan {
    hpck_handle *handle;
    struct problem problem;
    struct choice choice;
    char *description;
    size_t workspace_bytes;
    int step_count;
    struct step step[FAMILY_STEPS_MAX];
};

enum { PARAMS_TEXT_MAX = FAMILY_PARAMS_MAX * 48 };

/* ---- making ----------------------------------------------------------------------------------------------- */

static hpck_status describe(hpck_plan *plan)
{
    char problem[PROBLEM_TEXT_MAX];
    char params[PARAMS_TEXT_MAX];
    struct strbuf text = { 0 };
    strbuf_addf(&text, "%s %s %s (%s)", problem_print(&plan->problem, problem), plan->choice.family->name,
                family_params_print(plan->choice.family, plan->choice.param, params, sizeof params),
                plan->choice.reason);
    if (text.failed) {
        strbuf_free(&text);
        return error_set(&plan->handle->err, HPCK_OUT_OF_MEMORY, "plan: out of memory for its description");
    }
    plan->description = text.text;
    return HPCK_OK;
}

static void report(const hpck_plan *plan)
{
    char params[PARAMS_TEXT_MAX];
    if (!verbose_wants(plan->handle->verbose, VERBOSE_DISPATCH)) return;
    verbose_print(plan->handle->verbose, VERBOSE_DISPATCH, &plan->problem,
                  "family=%s,params=%s,selected_by=%s,reason=%s", plan->choice.family->name,
                  family_params_print(plan->choice.family, plan->choice.param, params, sizeof params),
                  selected_by_name(plan->choice.selected_by), plan->choice.reason);
}

/* problem is canonical. */
static hpck_status plan_make(hpck_handle *handle, const struct problem *problem, const struct choice *choice,
                             hpck_plan **out)
{
    hpck_status st = HPCK_OK;
    const struct family *family = choice->family;
    const struct device_desc *device = handle->backend->describe(handle->device);
    struct backend_program *program = NULL;
    struct resources resources = { 0 };
    hpck_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) HPCK_FAIL(&handle->err, HPCK_OUT_OF_MEMORY, "plan: out of memory");
    plan->handle = handle;
    plan->problem = *problem;
    plan->choice = *choice;
    HPCK_TRY(describe(plan));
    report(plan);

    struct problem room;
    const struct point point = { &device->field, problem_as(problem, family->op, &room), plan->choice.param };
    family->resources(&point, &resources);
    plan->workspace_bytes = (size_t)resources.workspace_bytes;
    HPCK_TRY(handle_need_workspace(handle, plan->workspace_bytes));
    HPCK_TRY(cache_get(handle->cache, family, family_text(family, handle->backend->dialect, problem), &point,
                       &program, &handle->err));
    for (int i = 0; i < family->step_count; i++) {
        if (!family->steps[i].enabled(&point)) continue;
        HPCK_TRY(step_make(&plan->step[plan->step_count++], handle->backend, program, &family->steps[i], &point,
                           &handle->err));
    }
    *out = plan;
    plan = NULL;
done:
    plan_free(plan);
    return st;
}

hpck_status plan_get(hpck_handle *handle, const struct problem *problem, hpck_plan **out)
{
    hpck_status st = HPCK_OK;
    hpck_plan *plan = NULL;
    const struct problem canonical = problem_canonical(problem);
    const struct plan_key key = plan_key_make(&canonical, handle_workspace_cap(handle));
    *out = plan_table_find(handle->plans, &key);
    if (*out != NULL) return HPCK_OK;

    struct choice choice;
    verbose_trace(handle->verbose, problem);
    HPCK_TRY(select_choice(handle->db, handle->backend->describe(handle->device), handle->backend->dialect,
                           &canonical, key.workspace_cap, handle->verbose, &choice, &handle->err));
    HPCK_TRY(plan_make(handle, &canonical, &choice, &plan));
    HPCK_TRY(plan_table_insert(handle->plans, &key, plan, &handle->err));
    *out = plan;
    plan = NULL;
done:
    plan_free(plan);
    return st;
}

hpck_status plan_force(hpck_handle *handle, const struct problem *problem, const struct family *family,
                       const int64_t *param, hpck_plan **plan)
{
    hpck_status st = HPCK_OK;
    const struct problem canonical = problem_canonical(problem);
    struct choice choice = { .family = family, .selected_by = SELECTED_FORCED, .reason = "forced" };
    memcpy(choice.param, param, (size_t)family->param_count * sizeof *param);
    const char *rejection =
        select_rejection(family, handle->backend->describe(handle->device), handle->backend->dialect, &canonical,
                         param, handle_workspace_cap(handle));
    if (rejection != NULL) {
        char text[PROBLEM_TEXT_MAX];
        HPCK_FAIL(&handle->err, HPCK_UNSUPPORTED, "plan: %s cannot compute %s: %s", family->name,
                  problem_print(&canonical, text), rejection);
    }
    HPCK_TRY(plan_make(handle, &canonical, &choice, plan));
done:
    return st;
}

static bool is_number(const struct step *step, int arg)
{
    const enum arg_kind kind = step->arg[arg].kind;
    return kind == ARG_CALL || kind == ARG_VALUE || kind == ARG_SCALAR;
}

/* OpenCL C of kernels that take the arguments of a plan's steps: the numbers as one structure, which comes first. */
static hpck_status idle_text(const hpck_plan *plan, struct strbuf *text)
{
    for (int i = 0; i < plan->step_count; i++) {
        const struct step *step = &plan->step[i];
        const char *separator = "";
        int integers = 0;
        int scalars = 0;
        for (int j = 0; j < step->arg_count; j++) {
            if (is_number(step, j)) *(step->arg[j].kind == ARG_SCALAR ? &scalars : &integers) += 1;
        }
        strbuf_addf(text, "struct numbers_%d {", i);
        if (integers > 0) strbuf_addf(text, " long integer[%d];", integers);
        if (scalars > 0) strbuf_addf(text, " float scalar[%d];", scalars);
        strbuf_addf(text, " };\n__kernel void %s(", step->name);
        if (integers + scalars > 0) {
            strbuf_addf(text, "struct numbers_%d numbers", i);
            separator = ", ";
        }
        for (int j = 0; j < step->arg_count; j++) {
            if (is_number(step, j)) continue;
            strbuf_addf(text, "%s%s void *a%d", separator, step->arg[j].kind == ARG_LOCAL ? "__local" : "__global",
                        j);
            separator = ", ";
        }
        strbuf_addf(text, ") {}\n");
    }
    return text->failed ? error_set(&plan->handle->err, HPCK_OUT_OF_MEMORY, "plan: out of memory for a text")
                        : HPCK_OK;
}

hpck_status plan_idle(const hpck_plan *plan, hpck_plan **out)
{
    hpck_status st = HPCK_OK;
    hpck_handle *handle = plan->handle;
    const struct backend *backend = handle->backend;
    struct strbuf text = { 0 };
    struct backend_program *program = NULL;
    hpck_plan *idle = NULL;
    if (backend->dialect != DIALECT_OPENCL)
        HPCK_FAIL(&handle->err, HPCK_UNSUPPORTED, "plan: idle kernels are written in OpenCL C only");
    idle = calloc(1, sizeof *idle);
    if (idle == NULL) HPCK_FAIL(&handle->err, HPCK_OUT_OF_MEMORY, "plan: out of memory");
    idle->handle = handle;
    idle->problem = plan->problem;
    idle->choice = plan->choice;
    idle->workspace_bytes = plan->workspace_bytes;
    HPCK_TRY(describe(idle));
    HPCK_TRY(idle_text(plan, &text));
    HPCK_TRY(backend->compile(handle->device, text.text, "", NULL, &program, &handle->err));
    for (int i = 0; i < plan->step_count; i++) {
        struct backend_kernel *kernel = NULL;
        HPCK_TRY(backend->kernel_create(program, plan->step[i].name, &kernel, &handle->err));
        idle->step[i] = plan->step[i];
        idle->step[i].kernel = kernel;
        idle->step[i].geometry = (struct geometry){ { 1, 1, 1 }, { 1, 1, 1 } };
        idle->step_count++;
    }
    *out = idle;
    idle = NULL;
done:
    backend->unload(program); /* an OpenCL kernel keeps its program */
    plan_free(idle);
    strbuf_free(&text);
    return st;
}

void plan_free(hpck_plan *plan)
{
    if (plan == NULL) return;
    for (int i = 0; i < plan->step_count; i++)
        plan->handle->backend->kernel_free(plan->step[i].kernel);
    free(plan->description);
    free(plan);
}

/* ---- asking ----------------------------------------------------------------------------------------------- */

const struct choice *plan_choice(const hpck_plan *plan)
{
    return &plan->choice;
}

const struct problem *plan_problem(const hpck_plan *plan)
{
    return &plan->problem;
}

const char *hpck_plan_describe(const hpck_plan *plan)
{
    return plan == NULL ? "" : plan->description;
}

size_t hpck_plan_workspace(const hpck_plan *plan)
{
    return plan == NULL ? 0 : plan->workspace_bytes;
}

int plan_step_count(const hpck_plan *plan)
{
    return plan->step_count;
}

hpck_status plan_inspect(hpck_plan *plan, int index, struct plan_facts *facts)
{
    const struct backend *backend = plan->handle->backend;
    const struct step *step = &plan->step[index];
    struct error *err = &plan->handle->err;
    hpck_status st = HPCK_OK;
    if (backend->inspect == NULL)
        return error_set(err, HPCK_UNSUPPORTED, "plan: %s tells nothing about compiled kernels", backend->name);
    *facts = (struct plan_facts){ .name = step->name, .work_items = 1 };
    HPCK_TRY(backend->inspect(step->kernel, &facts->kernel, err));
    for (int axis = 0; axis < 3; axis++)
        facts->work_items *= step->geometry.local[axis];
    facts->local_bytes = facts->kernel.local_bytes;
    for (int i = 0; i < step->arg_count; i++)
        if (step->arg[i].kind == ARG_LOCAL) facts->local_bytes += step->arg[i].as.integer;
done:
    return st;
}

/* ---- executing -------------------------------------------------------------------------------------------- */

/* HPCK_VERBOSE=profile: what the call takes, from an idle queue to its end. */
static hpck_status profile(hpck_plan *plan, const struct timespec *start)
{
    hpck_handle *handle = plan->handle;
    struct timespec end;
    hpck_status st = handle->backend->finish(handle->device, &handle->err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double us = 1e6 * (double)(end.tv_sec - start->tv_sec) + 1e-3 * (double)(end.tv_nsec - start->tv_nsec);
    verbose_print(handle->verbose, VERBOSE_PROFILE, &plan->problem, "time_us=%.1f,gflops=%.2f", us,
                  1e-3 * problem_flops(&plan->problem) / us);
    return st;
}

/* The backend runs launches in the order of the calls, so the first one waits for the caller's events and the last
 * one's event stands for the whole. */
hpck_status plan_execute(hpck_plan *plan, const struct call *call, const hpck_sync *sync)
{
    hpck_handle *handle = plan->handle;
    hpck_status st = HPCK_OK;
    bool is_profiled = verbose_wants(handle->verbose, VERBOSE_PROFILE);
    struct timespec start = { 0 };
    HPCK_TRY(handle_need_workspace(handle, plan->workspace_bytes));
    if (is_profiled) {
        HPCK_TRY(handle->backend->finish(handle->device, &handle->err));
        clock_gettime(CLOCK_MONOTONIC, &start);
    }
    for (int i = 0; i < plan->step_count; i++) {
        struct step *step = &plan->step[i];
        hpck_sync part = { 0 };
        if (sync != NULL && i == 0) {
            part.wait_count = sync->wait_count;
            part.wait_list = sync->wait_list;
        }
        if (sync != NULL && i == plan->step_count - 1) part.event = sync->event;
        step_fill(step, call, handle->workspace);
        HPCK_TRY(handle->backend->launch(step->kernel, step->arg, step->arg_count, &step->geometry, &part,
                                         &handle->err));
    }
    if (is_profiled) HPCK_TRY(profile(plan, &start));
done:
    return st;
}
