/* Clusters: blocks that run together, may access each other's shared memory and meet at a barrier (PTX ISA 2.2.2). Addresses in the
 * shared::cluster window: those of a block itself are its shared addresses; block r of the cluster is at (r + 1) << 24. */
#ifndef EMULATOR_CLUSTER_H
#define EMULATOR_CLUSTER_H

#include "warp.h"

enum { CLUSTER_SHIFT = 24 };

struct cluster *cluster_new(struct launch *launch); /* NULL: out of host memory */
void cluster_free(struct cluster *cluster);
void cluster_start(struct cluster *cluster, uint32_t number); /* as the grid's cluster of that number */
void cluster_round(struct cluster *cluster);

/* The block that a shared::cluster address points into, and the address there; NULL: no such block. */
struct block *cluster_block(struct warp *warp, uint64_t address, uint32_t *offset);

/* barrier.cluster: once everybody who is alive has arrived, all who arrived may pass. */
void cluster_arrive(struct warp *warp, uint32_t lanes);
void cluster_complete(struct cluster *cluster, struct warp *last);

#endif
