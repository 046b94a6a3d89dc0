/* Judges a compiled candidate before anything is run, by what the compiler made of it. */
#ifndef HPCK_AUTOTUNE_STATIC_CHECK_H
#define HPCK_AUTOTUNE_STATIC_CHECK_H

#include "plan.h"

/* False, with the reason: registers were spilled, or a work-group needs more than the device has. True where the vendor's
 * API does not tell. local_bytes_max: of the device, 0: unknown. */
bool static_check(hpck_plan *plan, int64_t local_bytes_max, char *reason, size_t size);

/* The same of one kernel. */
bool static_check_facts(const struct plan_facts *facts, int64_t local_bytes_max, char *reason, size_t size);

#endif
