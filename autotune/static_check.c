/* Spills cost more than whatever the parameters gain; the other two would fail at the launch. */
#include "static_check.h"

#include <inttypes.h>
#include <stdio.h>

bool static_check_facts(const struct plan_facts *facts, int64_t local_bytes_max, char *reason, size_t size)
{
    const struct kernel_facts *kernel = &facts->kernel;
    if (kernel->spill_bytes > 0)
        snprintf(reason, size, "kernel %s spills %d bytes per work-item (%d registers)", facts->name,
                 kernel->spill_bytes, kernel->registers);
    else if (facts->work_items > kernel->max_work_items)
        snprintf(reason, size, "kernel %s has registers for %d work-items (%d each), a work-group has %" PRId64,
                 facts->name, kernel->max_work_items, kernel->registers, facts->work_items);
    else if (local_bytes_max > 0 && facts->local_bytes > local_bytes_max)
        snprintf(reason, size, "kernel %s needs %" PRId64 " bytes of local memory, the device has %" PRId64,
                 facts->name, facts->local_bytes, local_bytes_max);
    else
        return true;
    return false;
}

bool static_check(hpck_plan *plan, int64_t local_bytes_max, char *reason, size_t size)
{
    struct plan_facts facts;
    for (int i = 0; i < plan_step_count(plan); i++)
        if (plan_inspect(plan, i, &facts) == HPCK_OK && !static_check_facts(&facts, local_bytes_max, reason, size))
            return false;
    return true;
}
