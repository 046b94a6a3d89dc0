/* Convolution's way from the public description to a problem and a call; shared by hpck_conv and the tools. */
#ifndef HPCK_RUN_CONV_H
#define HPCK_RUN_CONV_H

#include "plan.h"
#include "rehearse.h"

/* hpck_conv through a given plan (one of plan_force, or plan NULL: the handle's own). Checks everything hpck_conv
 * checks. */
hpck_status conv_execute(hpck_handle *handle, hpck_plan *plan, const hpck_conv_desc *desc, float alpha,
                         hpck_buffer x, hpck_buffer filter, float beta, hpck_buffer y, const hpck_sync *sync);

/* A problem of the same kind with small images: see rehearse.h. problem is canonical. */
void conv_rehearsal(const struct problem *problem, struct rehearsal *rehearsal);

/* The canonical problem of a description. */
hpck_status conv_problem(const hpck_conv_desc *desc, struct problem *problem, struct error *err);

#endif
