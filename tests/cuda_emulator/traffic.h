/* Counts wavefronts and sectors of the requests of memory instructions; where launch->traffic is NULL nobody calls it. */
#ifndef EMULATOR_TRAFFIC_H
#define EMULATOR_TRAFFIC_H

#include "warp.h"

/* A request of the lanes in mask, `bytes` each; generic addresses are told apart. */
void traffic_request(struct warp *warp, const struct op *op, uint32_t mask, enum ptx_space space,
                     const uint64_t address[LANES], uint32_t bytes);
/* The same of a plain load or store, whose address operand is the k-th row. */
void traffic_access(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask);

#endif
