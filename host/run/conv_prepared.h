/* A filter in the form that one plan's kernels use. */
#ifndef HPCK_RUN_CONV_PREPARED_H
#define HPCK_RUN_CONV_PREPARED_H

#include "op_conv.h"
#include "plan.h"

struct hpck_conv_filter {
    hpck_handle *handle;
    hpck_plan *plan; /* for calls with this filter: its problem has `prepared` set */
    bool is_plan_owned;
    void *memory; /* NULL: the plan's kernels use the filter as it is */
};

/* Prepares `filter` for the plan and waits. On success the plan is freed with the filter when it is owned. */
hpck_status conv_filter_make(hpck_handle *handle, hpck_plan *plan, bool is_plan_owned, hpck_buffer filter,
                             hpck_conv_filter **prepared);
void conv_filter_free(hpck_conv_filter *filter); /* NULL is allowed */

#endif
