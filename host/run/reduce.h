/* The way of reductions and normalisations from the public description to a problem and a call; shared by hpck_reduce and the tools. */
#ifndef HPCK_RUN_REDUCE_H
#define HPCK_RUN_REDUCE_H

#include "plan.h"
#include "rehearse.h"

/* hpck_reduce and hpck_normalize through a given plan (one of plan_force, or NULL: the handle's own). They check
 * everything that hpck_reduce and hpck_normalize check. */
hpck_status reduce_execute(hpck_handle *handle, hpck_plan *plan, const hpck_reduce_desc *desc, float alpha,
                           hpck_buffer x, float beta, hpck_buffer y, const hpck_sync *sync);
hpck_status normalize_execute(hpck_handle *handle, hpck_plan *plan, const hpck_normalize_desc *desc, hpck_buffer x,
                              hpck_buffer y, const hpck_sync *sync);

/* A small problem of the same form: see rehearse.h. problem is canonical. */
void reduce_rehearsal(const struct problem *problem, struct rehearsal *rehearsal);

#endif
