/* The virtual clock: what a launch would take if every unit were busy all the time, from instruction counts and the device's
 * rates. It is deterministic and rewards fewer instructions, fewer bytes and full waves of blocks; it is no prediction. */
#include "driver.h"

enum { LAUNCH_NANOSECONDS = 2000, MMA_MACS = 2048 };

/* Cycles that one warp instruction occupies a multiprocessor. */
static double cycles(const struct device_profile *device, enum op_class class)
{
    switch (class) {
    case CLASS_FMA:
    case CLASS_FLOAT:
    case CLASS_MOVE:
        return 32.0 / device->fma_lanes;
    case CLASS_HALF:
    case CLASS_INTEGER:
    case CLASS_PREDICATE:
        return 0.5;
    case CLASS_CONVERT:
    case CLASS_SPECIAL_FUNCTION:
        return 2;
    case CLASS_DOUBLE:
        return device->sm == 80 || device->sm == 90 ? 1 : 16;
    case CLASS_CONTROL:
    case CLASS_WGMMA: /* its products are counted apart */
        return 0.25;
    case CLASS_BARRIER:
        return 8;
    case CLASS_MMA:
        return (double)MMA_MACS / device->half_macs;
    case CLASS_ATOMIC:
        return 8;
    default:
        return 1;
    }
}

double clock_of_launch(const struct launch *launch)
{
    const struct device_profile *device = launch->device;
    double blocks = (double)launch->grid[0] * launch->grid[1] * launch->grid[2], work = 0;
    for (int class = 0; class < CLASS_COUNT; class ++)
        work += cycles(device, (enum op_class) class) * (double)launch->counters.instructions[class];
    work += (double)launch->counters.wgmma_products / device->half_macs;
    double waves =
        (double)(((uint64_t)blocks + (uint64_t)device->multiprocessors - 1) / (uint64_t)device->multiprocessors);
    double compute = work / blocks * waves / device->clock_khz * 1e6;
    double bytes_per_nanosecond = 2.0 * device->memory_clock_khz * device->bus_bits / 8 * 1e-6;
    return LAUNCH_NANOSECONDS + compute + (double)launch->counters.global_bytes / bytes_per_nanosecond;
}
