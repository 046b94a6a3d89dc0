/* The devices that the emulator can play. */
#ifndef EMULATOR_DEVICE_H
#define EMULATOR_DEVICE_H

#include <stddef.h>

struct device_profile {
    const char *name;  /* what HPCK_EMULATOR_DEVICE says */
    const char *title; /* cuDeviceGetName */
    int sm;            /* 90 for compute capability 9.0 */
    int multiprocessors;
    int threads_per_multiprocessor, blocks_per_multiprocessor;
    int shared_per_multiprocessor, shared_per_block_optin; /* bytes */
    int clock_khz, memory_clock_khz, bus_bits;
    int l2_bytes;
    size_t memory;
    int fma_lanes; /* fp32 FMA per multiprocessor and cycle */
    int half_macs; /* fp16 tensor-core multiply-adds per multiprocessor and cycle */
};

const struct device_profile *device_profile(const char *name); /* NULL: no such device */
const char *device_profile_names(void);                        /* for the message */

#endif
