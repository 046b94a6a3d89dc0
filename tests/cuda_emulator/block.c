/* A block: its memory and warps, what special registers say in it (PTX ISA section 10), and one turn for each of its warps. */
#include "block.h"

#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "cluster.h"
#include "lanes.h"
#include "mbarrier.h"
#include "shadow.h"
#include "undefined.h"
#include "wgmma.h"
#include "schedule.h"

void block_thread(const struct warp *warp, int lane, uint32_t index[3])
{
    const uint32_t *threads = warp->launch->threads;
    uint32_t flat = warp->index * LANES + (uint32_t)(lane < 0 ? 0 : lane);
    index[0] = flat % threads[0];
    index[1] = flat / threads[0] % threads[1];
    index[2] = flat / threads[0] / threads[1];
}

static uint64_t special_value(const struct warp *warp, enum special special, uint32_t lane)
{
    const struct launch *launch = warp->launch;
    const struct block *block = warp->block;
    uint32_t thread[3];
    block_thread(warp, (int)lane, thread);
    const uint32_t *grid = launch->grid, *cluster = launch->cluster;
    switch (special) {
    case SPECIAL_TID_X:
    case SPECIAL_TID_Y:
    case SPECIAL_TID_Z:
        return thread[special - SPECIAL_TID_X];
    case SPECIAL_NTID_X:
    case SPECIAL_NTID_Y:
    case SPECIAL_NTID_Z:
        return launch->threads[special - SPECIAL_NTID_X];
    case SPECIAL_CTAID_X:
    case SPECIAL_CTAID_Y:
    case SPECIAL_CTAID_Z:
        return block->index[special - SPECIAL_CTAID_X];
    case SPECIAL_NCTAID_X:
    case SPECIAL_NCTAID_Y:
    case SPECIAL_NCTAID_Z:
        return grid[special - SPECIAL_NCTAID_X];
    case SPECIAL_LANEID:
        return lane;
    case SPECIAL_WARPID:
        return warp->index;
    case SPECIAL_NWARPID:
        return (uint64_t)launch->device->threads_per_multiprocessor / LANES;
    case SPECIAL_SMID:
        return block->number % (uint32_t)launch->device->multiprocessors;
    case SPECIAL_NSMID:
        return (uint64_t)launch->device->multiprocessors;
    case SPECIAL_LANEMASK_EQ:
        return 1u << lane;
    case SPECIAL_LANEMASK_LT:
        return (1u << lane) - 1;
    case SPECIAL_LANEMASK_LE:
        return (uint32_t)((2ull << lane) - 1);
    case SPECIAL_LANEMASK_GE:
        return ~((1u << lane) - 1);
    case SPECIAL_LANEMASK_GT:
        return (uint32_t) ~((2ull << lane) - 1);
    case SPECIAL_DYNAMIC_SMEM:
        return launch->dynamic_shared;
    case SPECIAL_TOTAL_SMEM:
        return launch->shared_end - SHARED_BASE;
    case SPECIAL_CLUSTERID_X:
    case SPECIAL_CLUSTERID_Y:
    case SPECIAL_CLUSTERID_Z:
        return block->index[special - SPECIAL_CLUSTERID_X] / cluster[special - SPECIAL_CLUSTERID_X];
    case SPECIAL_NCLUSTERID_X:
    case SPECIAL_NCLUSTERID_Y:
    case SPECIAL_NCLUSTERID_Z:
        return grid[special - SPECIAL_NCLUSTERID_X] / cluster[special - SPECIAL_NCLUSTERID_X];
    case SPECIAL_CLUSTER_CTAID_X:
    case SPECIAL_CLUSTER_CTAID_Y:
    case SPECIAL_CLUSTER_CTAID_Z:
        return block->index[special - SPECIAL_CLUSTER_CTAID_X] % cluster[special - SPECIAL_CLUSTER_CTAID_X];
    case SPECIAL_CLUSTER_NCTAID_X:
    case SPECIAL_CLUSTER_NCTAID_Y:
    case SPECIAL_CLUSTER_NCTAID_Z:
        return cluster[special - SPECIAL_CLUSTER_NCTAID_X];
    case SPECIAL_CLUSTER_CTARANK:
        return block->rank;
    case SPECIAL_CLUSTER_NCTARANK:
        return (uint64_t)cluster[0] * cluster[1] * cluster[2];
    case SPECIAL_ENVREG1:
        return launch->workspace >> 32;
    case SPECIAL_ENVREG2:
        return (uint32_t)launch->workspace;
    default:
        return 0; /* clocks stand still */
    }
}

static void fill_constants(struct warp *warp, bool only_specials)
{
    const struct kernel *kernel = warp->launch->kernel;
    uint32_t align = kernel->ptx->shared_align;
    uint64_t dynamic = (SHARED_BASE + kernel->ptx->shared_size + align - 1) & ~(align - 1);
    for (uint32_t c = 0; c < kernel->constant_count; c++) {
        const struct constant *constant = &kernel->constants[c];
        bool is_special = constant->special != SPECIAL_COUNT;
        if (only_specials && !is_special) continue;
        uint8_t *row = warp->rows + constant->row;
        for (uint32_t i = 0; i < LANES; i++) {
            uint64_t value = is_special ? special_value(warp, constant->special, i)
                                        : constant->value + (constant->is_dynamic_shared ? dynamic : 0);
            if (constant->wide)
                ((uint64_t *)(void *)row)[i] = value;
            else
                ((uint32_t *)(void *)row)[i] = (uint32_t)value;
        }
    }
}

void block_free(struct block *block)
{
    if (block == NULL) return;
    wgmma_forget(block);
    if (block->warps != NULL)
        for (uint32_t w = 0; w < block->warp_count; w++) {
            undefined_close(block->warps[w].undefined);
            free(block->warps[w].rows);
            free(block->warps[w].preds);
            free(block->warps[w].copies);
        }
    free(block->warps);
    free(block->shared);
    free(block->local);
    mbarrier_forget(block);
    free(block->mbarriers);
    shadow_close(block->checker);
    free(block);
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

struct block *block_new(struct cluster *cluster, uint32_t rank)
{
    struct launch *launch = cluster->launch;
    struct block *block = calloc(1, sizeof *block);
    if (block == NULL) return NULL;
    const struct kernel *kernel = launch->kernel;
    uint32_t threads = launch->threads[0] * launch->threads[1] * launch->threads[2];
    block->launch = launch;
    block->cluster = cluster;
    block->rank = rank;
    block->warp_count = (threads + LANES - 1) / LANES;
    block->warps = calloc(block->warp_count, sizeof *block->warps);
    block->shared = aligned_alloc(1024, round_up(launch->shared_end, 1024));
    block->local_size = (size_t)kernel->ptx->local_size * block->warp_count * LANES;
    block->local = malloc(2 * block->local_size + 1);
    if (launch->check) block->checker = shadow_open(cluster->clocks, rank, launch->shared_end);
    bool complete = block->warps != NULL && block->shared != NULL && block->local != NULL &&
                    (block->checker != NULL || !launch->check);
    for (uint32_t w = 0; complete && w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        *warp = (struct warp){ .block = block, .launch = launch, .index = w, .shared = block->shared };
        warp->shared_end = launch->shared_end;
        warp->rows = aligned_alloc(4096, round_up((launch->check ? 2 : 1) * (size_t)kernel->row_bytes + 1, 4096));
        warp->preds = calloc(kernel->pred_count, sizeof *warp->preds);
        if (launch->check) warp->undefined = undefined_open(kernel);
        complete = warp->rows != NULL && warp->preds != NULL && (warp->undefined != NULL || !launch->check);
        if (complete) fill_constants(warp, false);
    }
    if (complete) return block;
    block_free(block);
    return NULL;
}

void block_start(struct block *block, uint32_t number)
{
    struct launch *launch = block->launch;
    const uint32_t *cluster = launch->cluster;
    uint32_t threads = launch->threads[0] * launch->threads[1] * launch->threads[2], rank = block->rank;
    const uint32_t clusters[] = { launch->grid[0] / cluster[0], launch->grid[1] / cluster[1] };
    const uint32_t first[] = { number % clusters[0], number / clusters[0] % clusters[1],
                               number / clusters[0] / clusters[1] };
    const uint32_t within[] = { rank % cluster[0], rank / cluster[0] % cluster[1], rank / cluster[0] / cluster[1] };
    for (int i = 0; i < 3; i++)
        block->index[i] = first[i] * cluster[i] + within[i];
    block->number = (block->index[2] * launch->grid[1] + block->index[1]) * launch->grid[0] + block->index[0];
    block->done = 0;
    memset(block->shared, MEMORY_POISON, launch->shared_end);
    memset(block->local, MEMORY_POISON, block->local_size);
    if (launch->check) memset(block->local + block->local_size, 0, block->local_size);
    memset(block->barriers, 0, sizeof block->barriers);
    mbarrier_forget(block);
    wgmma_forget(block);
    block->spare_registers = 0;
    if (block->checker != NULL) shadow_start_block(block->checker);
    for (uint32_t w = 0; w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        uint32_t left = threads - w * LANES;
        warp->live = left >= LANES ? FULL_MASK : (1u << left) - 1;
        warp->splits[0] = (struct split){ .pc = 0, .mask = warp->live };
        warp->split_count = 1;
        warp->state = WARP_READY;
        warp->yield = warp->again = false;
        warp->cluster_arrived = warp->cluster_passed = 0;
        warp->waiting = (struct waiting){ .barrier = NULL };
        warp->copy_count = 0;
        warp->registers = 0;
        warp->voted = 0;
        warp->read = warp->fenced = (struct sync_clock){ NULL };
        warp->copy_serial = 0;
        memset(warp->copy_group, 0, sizeof warp->copy_group);
        memset(warp->bulk_group, 0, sizeof warp->bulk_group);
        memset(warp->preds, 0, launch->kernel->pred_count * sizeof *warp->preds);
        warp->preds[PREDICATE_TRUE] = FULL_MASK;
        fill_constants(warp, true);
        undefined_start(warp);
    }
}

/* One turn for every warp that is not waiting. */
enum { LEFT_OUT = 4 }; /* once in so many times a warp does not get its turn, where the schedule is drawn */

void block_round(struct block *block)
{
    const uint32_t first = schedule_first(block->launch, block->warp_count);
    for (uint32_t i = 0; i < block->warp_count; i++) {
        struct warp *warp = &block->warps[(first + i) % block->warp_count];
        async_advance(warp);
        if (warp->state != WARP_READY || schedule_chance(block->launch, LEFT_OUT)) continue;
        warp_run(warp);
        if (warp->state != WARP_DONE) continue;
        block->done++;
        barrier_after_exit(block);
        cluster_complete(block->cluster, warp);
        if (block->done != block->warp_count) continue;
        bulk_block_done(block);
        wgmma_block_done(block);
    }
}
