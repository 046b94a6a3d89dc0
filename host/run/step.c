/* See step.h. */
#include "step.h"

/* What does not change per call. */
static void make_tensor(struct tensor *tensor, const struct tensor_desc *desc, const struct point *point)
{
    const struct problem *problem = point->problem;
    *tensor = (struct tensor){ .dtype = desc->is_output ? problem->dtype_out : problem->dtype_in,
                               .rank = desc->rank,
                               .distance = { 1 } };
    desc->shape(point, &tensor->shape);
}

static void fill_tensor(struct tensor *tensor, const struct tensor_desc *desc, const struct call *call)
{
    tensor->memory = call->buffer[desc->buffer];
    tensor->first = call->value[desc->first];
    for (int i = 1; i < desc->rank; i++)
        tensor->distance[i] = call->value[desc->distance[i - 1]];
}

hpck_status step_make(struct step *step, const struct backend *backend, struct backend_program *program,
                      const struct step_desc *desc, const struct point *point, struct error *err)
{
    hpck_status st = HPCK_OK;
    *step = (struct step){
        .name = desc->kernel, .desc = desc->args, .tensor_desc = desc->tensors, .arg_count = desc->arg_count
    };
    HPCK_TRY(backend->kernel_create(program, desc->kernel, &step->kernel, err));
    desc->geometry(point, &step->geometry);
    for (int i = 0; i < desc->arg_count; i++) {
        step->arg[i].kind = desc->args[i].kind;
        if (desc->args[i].kind == ARG_VALUE || desc->args[i].kind == ARG_LOCAL)
            step->arg[i].as.integer = desc->args[i].value(point);
        if (desc->args[i].kind != ARG_TENSOR_MAP) continue;
        int index = desc->args[i].index;
        make_tensor(&step->tensor[index], &desc->tensors[index], point);
        step->arg[i].as.tensor = &step->tensor[index];
    }
done:
    return st;
}

void step_fill(struct step *step, const struct call *call, void *workspace)
{
    for (int i = 0; i < step->arg_count; i++) {
        int index = step->desc[i].index;
        switch (step->desc[i].kind) {
        case ARG_BUFFER:
            step->arg[i].as.memory = call->buffer[index];
            break;
        case ARG_CALL:
            step->arg[i].as.integer = call->value[index];
            break;
        case ARG_SCALAR:
            step->arg[i].as.scalar = call->scalar[index];
            break;
        case ARG_WORKSPACE:
            step->arg[i].as.memory = workspace;
            break;
        case ARG_TENSOR_MAP:
            fill_tensor(&step->tensor[index], &step->tensor_desc[index], call);
            break;
        case ARG_VALUE:
        case ARG_LOCAL:
            break;
        }
    }
}
