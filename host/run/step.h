/* One launch of a plan, with everything that does not change per call already computed. */
#ifndef HPCK_RUN_STEP_H
#define HPCK_RUN_STEP_H

#include "backend.h"

/* What a call of any op brings along, in the order of the op's [call], [scalar] and [buffer] lists. */
struct call {
    int64_t value[OP_CALLS_MAX];
    float scalar[OP_SCALARS_MAX];
    void *buffer[OP_BUFFERS_MAX];
};

struct step {
    struct backend_kernel *kernel; /* freed by whoever made the step, even when step_make failed */
    const char *name;              /* of the kernel */
    struct geometry geometry;
    const struct arg_desc *desc;
    const struct tensor_desc *tensor_desc;
    int arg_count;
    struct launch_arg arg[STEP_ARGS_MAX]; /* points to tensor: a step stays where it was made */
    struct tensor tensor[STEP_TENSORS_MAX];
};

hpck_status step_make(struct step *step, const struct backend *backend, struct backend_program *program,
                      const struct step_desc *desc, const struct point *point, struct error *err);

/* Fills in the arguments that the call decides. */
void step_fill(struct step *step, const struct call *call, void *workspace);

#endif
