/* Device profiles, from NVIDIA's data sheets and table 30 of the CUDA C++ Programming Guide 13.0 (compute capabilities). The
 * memory is smaller than the real one: nothing here needs more, and a test machine has less. */
#include "device.h"

#include <string.h>

static const struct device_profile profiles[] = {
    { .name = "t4",
      .title = "Tesla T4 (emulated)",
      .sm = 75,
      .multiprocessors = 40,
      .threads_per_multiprocessor = 1024,
      .blocks_per_multiprocessor = 16,
      .shared_per_multiprocessor = 65536,
      .shared_per_block_optin = 65536,
      .clock_khz = 1590000,
      .memory_clock_khz = 5001000,
      .bus_bits = 256,
      .l2_bytes = 4 << 20,
      .memory = (size_t)4 << 30,
      .fma_lanes = 64,
      .half_macs = 512 },
    { .name = "a100",
      .title = "NVIDIA A100-SXM4-40GB (emulated)",
      .sm = 80,
      .multiprocessors = 108,
      .threads_per_multiprocessor = 2048,
      .blocks_per_multiprocessor = 32,
      .shared_per_multiprocessor = 167936,
      .shared_per_block_optin = 166912,
      .clock_khz = 1410000,
      .memory_clock_khz = 1215000,
      .bus_bits = 5120,
      .l2_bytes = 40 << 20,
      .memory = (size_t)8 << 30,
      .fma_lanes = 64,
      .half_macs = 1024 },
    { .name = "rtx4090",
      .title = "NVIDIA GeForce RTX 4090 (emulated)",
      .sm = 89,
      .multiprocessors = 128,
      .threads_per_multiprocessor = 1536,
      .blocks_per_multiprocessor = 24,
      .shared_per_multiprocessor = 102400,
      .shared_per_block_optin = 101376,
      .clock_khz = 2520000,
      .memory_clock_khz = 10501000,
      .bus_bits = 384,
      .l2_bytes = 72 << 20,
      .memory = (size_t)8 << 30,
      .fma_lanes = 128,
      .half_macs = 512 },
    { .name = "h100",
      .title = "NVIDIA H100 80GB HBM3 (emulated)",
      .sm = 90,
      .multiprocessors = 132,
      .threads_per_multiprocessor = 2048,
      .blocks_per_multiprocessor = 32,
      .shared_per_multiprocessor = 233472,
      .shared_per_block_optin = 232448,
      .clock_khz = 1980000,
      .memory_clock_khz = 2619000,
      .bus_bits = 5120,
      .l2_bytes = 50 << 20,
      .memory = (size_t)8 << 30,
      .fma_lanes = 128,
      .half_macs = 2048 },
    { .name = "rtx5090",
      .title = "NVIDIA GeForce RTX 5090 (emulated)",
      .sm = 120,
      .multiprocessors = 170,
      .threads_per_multiprocessor = 1536,
      .blocks_per_multiprocessor = 24,
      .shared_per_multiprocessor = 102400,
      .shared_per_block_optin = 101376,
      .clock_khz = 2407000,
      .memory_clock_khz = 14001000,
      .bus_bits = 512,
      .l2_bytes = 96 << 20,
      .memory = (size_t)8 << 30,
      .fma_lanes = 128,
      .half_macs = 512 },
};

const struct device_profile *device_profile(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, name) == 0) return &profiles[i];
    return NULL;
}

const char *device_profile_names(void)
{
    return "t4, a100, rtx4090, h100, rtx5090";
}
