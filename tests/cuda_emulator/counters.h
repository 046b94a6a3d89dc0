/* What a launch did: warp instructions by kind, and when counting is on (HPCK_EMULATOR_COUNT, hpckemu_set_count) what its memory
 * instructions cost a real device beyond being executed. */
#ifndef EMULATOR_COUNTERS_H
#define EMULATOR_COUNTERS_H

#include <stdint.h>

#include "op.h"

struct launch;

/* Shared memory has 32 banks of 4 bytes. A warp's request is served in phases of 128 bytes: all lanes for up to 4 bytes each, half of
 * them for 8, a quarter for 16. A phase takes as many wavefronts as the busiest bank has different words. */
struct traffic {
    uint64_t shared_requests, shared_phases, shared_wavefronts; /* bank conflicts: wavefronts - phases */
    uint64_t global_requests, global_sectors;                   /* of 32 bytes, different ones of each request */
    uint64_t global_needed;                                     /* sectors that the bytes asked for would fill */
};

struct counters {
    uint64_t instructions[CLASS_COUNT]; /* warp instructions */
    uint64_t wgmma_products;            /* multiply-adds */
    uint64_t global_bytes;    /* asked for by loads and stores, all lanes taken as active, and bulk copies */
    struct traffic all, loop; /* the whole kernel, its main loop; 0 where nothing was counted */
};

/* Sums of launch->executed and launch->traffic into launch->counters. */
void counters_collect(struct launch *launch);
void counters_add(struct counters *sum, const struct counters *more);
int64_t counters_get(const struct counters *counters, const char *name); /* -1: no such counter */

/* What the launch did, on stderr: instructions by kind, sums, and the instructions with conflicts or wasted sectors. */
void counters_print(const struct launch *launch);

#endif
