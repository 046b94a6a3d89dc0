/* GEMM's way from the public description to a problem and a call; shared by hpck_gemm and the tools. */
#ifndef HPCK_RUN_GEMM_H
#define HPCK_RUN_GEMM_H

#include "plan.h"
#include "rehearse.h"

/* hpck_gemm through a given plan (one of plan_force, or plan NULL: the handle's own). Checks everything hpck_gemm
 * checks. */
hpck_status gemm_execute(hpck_handle *handle, hpck_plan *plan, const hpck_gemm_desc *desc, float alpha,
                         hpck_buffer a, hpck_buffer b, float beta, hpck_buffer c, const hpck_sync *sync);

/* At most 64 rows, columns and products: see rehearse.h. problem is canonical. */
void gemm_rehearsal(const struct problem *problem, struct rehearsal *rehearsal);

/* The canonical problem of a checked description. */
hpck_status gemm_problem(const hpck_gemm_desc *desc, struct problem *problem, struct error *err);

#endif
