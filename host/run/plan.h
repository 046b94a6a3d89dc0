/* Plans: a problem, the choice for it, and its launches with everything that does not change per call already
 * computed. Finding one is a hash look-up: no allocation, no lock, no string, no I/O. */
#ifndef HPCK_RUN_PLAN_H
#define HPCK_RUN_PLAN_H

#include "handle.h"
#include "step.h"

/* The handle's plan for the problem (any form; made canonical here), made if it is not there yet. */
hpck_status plan_get(hpck_handle *handle, const struct problem *problem, hpck_plan **plan);

/* A plan of its own for a forced choice: for the tuner, the benchmark and the tests. Freed by plan_free. */
hpck_status plan_force(hpck_handle *handle, const struct problem *problem, const struct family *family,
                       const int64_t *param, hpck_plan **plan);
/* A plan of the same launches with the same arguments, whose kernels are one work-item that returns at once: what a call costs when
 * nothing is computed. For the benchmark; freed by plan_free. UNSUPPORTED on anything but OpenCL. */
hpck_status plan_idle(const hpck_plan *plan, hpck_plan **idle);
void plan_free(hpck_plan *plan);

const struct choice *plan_choice(const hpck_plan *plan);
const struct problem *plan_problem(const hpck_plan *plan); /* canonical */

/* What the compiler made of a step's kernel, and what its launch asks for. */
struct plan_facts {
    const char *name; /* of the kernel */
    struct kernel_facts kernel;
    int64_t work_items;  /* of a work-group */
    int64_t local_bytes; /* per work-group, what the text declares included */
};
int plan_step_count(const hpck_plan *plan);
/* UNSUPPORTED: the vendor's API does not tell. */
hpck_status plan_inspect(hpck_plan *plan, int step, struct plan_facts *facts);

hpck_status plan_execute(hpck_plan *plan, const struct call *call, const hpck_sync *sync);

#endif
