/* Blocks of a launch. */
#ifndef EMULATOR_BLOCK_H
#define EMULATOR_BLOCK_H

#include "warp.h"

struct block *block_new(struct cluster *cluster, uint32_t rank); /* NULL: out of host memory */
void block_free(struct block *block);
void block_start(struct block *block, uint32_t number); /* as its rank's block of that cluster of the grid */
void block_round(struct block *block);                  /* one turn for every warp that is not waiting */
void block_thread(const struct warp *warp, int lane, uint32_t index[3]); /* threadIdx; lane < 0: the warp's first */

#endif
