/* Clusters and their barrier (PTX ISA 9.7.13.4). Threads that have exited count as arrived. */
#include "cluster.h"

#include <stdlib.h>

#include "block.h"
#include "order.h"
#include "shadow.h"
#include "schedule.h"

struct cluster *cluster_new(struct launch *launch)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL) return NULL;
    uint32_t threads = launch->threads[0] * launch->threads[1] * launch->threads[2];
    cluster->launch = launch;
    cluster->count = launch->cluster[0] * launch->cluster[1] * launch->cluster[2];
    cluster->blocks = calloc(cluster->count, sizeof(struct block *));
    if (launch->check) cluster->clocks = shadow_open_clocks(cluster->count, (threads + LANES - 1) / LANES);
    if (launch->check) cluster->order = order_open();
    bool complete =
        cluster->blocks != NULL && ((cluster->clocks != NULL && cluster->order != NULL) || !launch->check);
    for (uint32_t r = 0; complete && r < cluster->count; r++) {
        cluster->blocks[r] = block_new(cluster, r);
        complete = cluster->blocks[r] != NULL;
    }
    if (complete) return cluster;
    cluster_free(cluster);
    return NULL;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL) return;
    for (uint32_t r = 0; cluster->blocks != NULL && r < cluster->count; r++)
        block_free(cluster->blocks[r]);
    shadow_close_clocks(cluster->clocks);
    order_close(cluster->order);
    free(cluster->blocks);
    free(cluster);
}

void cluster_start(struct cluster *cluster, uint32_t number)
{
    cluster->done = 0;
    cluster->barrier = cluster->barrier_done = (struct sync_clock){ NULL };
    if (cluster->clocks != NULL) shadow_start_clocks(cluster->clocks);
    if (cluster->order != NULL) order_start(cluster->order);
    for (uint32_t r = 0; r < cluster->count; r++)
        block_start(cluster->blocks[r], number);
}

void cluster_round(struct cluster *cluster)
{
    const uint32_t first = schedule_first(cluster->launch, cluster->count);
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct block *block = cluster->blocks[(first + i) % cluster->count];
        if (block->done == block->warp_count) continue;
        block_round(block);
        if (block->done == block->warp_count) cluster->done++;
    }
}

struct block *cluster_block(struct warp *warp, uint64_t address, uint32_t *offset)
{
    uint64_t place = address >> CLUSTER_SHIFT;
    *offset = (uint32_t)(address & ((1u << CLUSTER_SHIFT) - 1));
    if (place == 0) return warp->block;
    return place <= warp->block->cluster->count ? warp->block->cluster->blocks[place - 1] : NULL;
}

void cluster_arrive(struct warp *warp, uint32_t lanes)
{
    warp->cluster_arrived |= lanes;
    shadow_release(warp, &warp->block->cluster->barrier);
    cluster_complete(warp->block->cluster, warp);
}

void cluster_complete(struct cluster *cluster, struct warp *last)
{
    bool anybody = false;
    for (uint32_t r = 0; r < cluster->count; r++)
        for (uint32_t w = 0; w < cluster->blocks[r]->warp_count; w++) {
            const struct warp *warp = &cluster->blocks[r]->warps[w];
            if ((warp->live & ~warp->cluster_arrived) != 0) return;
            anybody = anybody || warp->cluster_arrived != 0;
        }
    if (!anybody) return;
    for (uint32_t r = 0; r < cluster->count; r++)
        for (uint32_t w = 0; w < cluster->blocks[r]->warp_count; w++) {
            struct warp *warp = &cluster->blocks[r]->warps[w];
            warp->cluster_passed |= warp->cluster_arrived;
            warp->cluster_arrived = 0;
        }
    shadow_copy(last, &cluster->barrier_done, &cluster->barrier);
    cluster->launch->progress++;
}
