/* A kernel launch: blocks one after the other, each until it is done or stuck. When a block is stuck - its warps wait, or spin
 * without anything changing - the next one starts beside it, so that blocks may wait for each other's flags. When no block
 * can go on, and none is left to start, that is a deadlock. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lanes.h"
#include "shadow.h"
#include "warp.h"

enum { IDLE_ROUNDS = 64, ERROR_OUT_OF_MEMORY = 2, ERROR_LAUNCH_TIMEOUT = 702 };

static void thread_of(const struct warp *warp, int lane, uint32_t index[3])
{
    const uint32_t *threads = warp->launch->threads;
    uint32_t flat = warp->index * LANES + (uint32_t)(lane < 0 ? 0 : lane);
    index[0] = flat % threads[0];
    index[1] = flat / threads[0] % threads[1];
    index[2] = flat / threads[0] / threads[1];
}

_Noreturn void launch_fault(struct warp *warp, int lane, int error, const char *format, ...)
{
    struct launch *launch = warp->launch;
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    uint32_t thread[3];
    thread_of(warp, lane, thread);
    const uint32_t *block = warp->block->index;
    snprintf(launch->report, launch->report_size,
             "%s\n    kernel %s, ptx line %d '%s'\n    block (%u,%u,%u), %s (%u,%u,%u)", what,
             launch->kernel->ptx->name, warp->op->source->line, warp->op->source->text, block[0], block[1],
             block[2], lane < 0 ? "warp of thread" : "thread", thread[0], thread[1], thread[2]);
    launch->error = error;
    longjmp(launch->fault, 1);
}

static uint64_t special_value(const struct warp *warp, enum special special, uint32_t lane)
{
    const struct launch *launch = warp->launch;
    const struct block *block = warp->block;
    uint32_t thread[3];
    thread_of(warp, (int)lane, thread);
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
    case SPECIAL_CLUSTER_NCTARANK:
        return (uint64_t)cluster[0] * cluster[1] * cluster[2];
    default:
        return 0; /* clocks stand still; a cluster of one block has rank 0 */
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

static void block_free(struct block *block)
{
    if (block == NULL) return;
    if (block->warps != NULL)
        for (uint32_t w = 0; w < block->warp_count; w++) {
            free(block->warps[w].rows);
            free(block->warps[w].preds);
            free(block->warps[w].copies);
        }
    free(block->warps);
    free(block->shared);
    free(block->local);
    shadow_close(block->checker);
    free(block);
}

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

static struct block *block_new(struct launch *launch)
{
    struct block *block = calloc(1, sizeof *block);
    if (block == NULL) return NULL;
    const struct kernel *kernel = launch->kernel;
    uint32_t threads = launch->threads[0] * launch->threads[1] * launch->threads[2];
    block->launch = launch;
    block->warp_count = (threads + LANES - 1) / LANES;
    block->warps = calloc(block->warp_count, sizeof *block->warps);
    block->shared = aligned_alloc(1024, round_up(launch->shared_end, 1024));
    block->local = malloc((size_t)kernel->ptx->local_size * block->warp_count * LANES + 1);
    if (launch->check) block->checker = shadow_open(launch->shared_end, block->warp_count);
    bool complete = block->warps != NULL && block->shared != NULL && block->local != NULL &&
                    (block->checker != NULL || !launch->check);
    for (uint32_t w = 0; complete && w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        *warp = (struct warp){ .block = block, .launch = launch, .index = w, .shared = block->shared };
        warp->shared_end = launch->shared_end;
        warp->rows = aligned_alloc(4096, round_up(kernel->row_bytes + 1, 4096));
        warp->preds = calloc(kernel->pred_count, sizeof *warp->preds);
        complete = warp->rows != NULL && warp->preds != NULL;
        if (complete) fill_constants(warp, false);
    }
    if (complete) return block;
    block_free(block);
    return NULL;
}

static void block_start(struct block *block, uint32_t number)
{
    struct launch *launch = block->launch;
    uint32_t threads = launch->threads[0] * launch->threads[1] * launch->threads[2];
    block->number = number;
    block->index[0] = number % launch->grid[0];
    block->index[1] = number / launch->grid[0] % launch->grid[1];
    block->index[2] = number / launch->grid[0] / launch->grid[1];
    block->done = 0;
    memset(block->shared, MEMORY_POISON, launch->shared_end);
    memset(block->local, MEMORY_POISON, (size_t)launch->kernel->ptx->local_size * block->warp_count * LANES);
    memset(block->barriers, 0, sizeof block->barriers);
    if (block->checker != NULL) shadow_start_block(block->checker);
    for (uint32_t w = 0; w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        uint32_t left = threads - w * LANES;
        warp->live = left >= LANES ? FULL_MASK : (1u << left) - 1;
        warp->splits[0] = (struct split){ .pc = 0, .mask = warp->live };
        warp->split_count = 1;
        warp->state = WARP_READY;
        warp->copy_count = 0;
        memset(warp->copy_group, 0, sizeof warp->copy_group);
        memset(warp->preds, 0, launch->kernel->pred_count * sizeof *warp->preds);
        warp->preds[PREDICATE_TRUE] = FULL_MASK;
        fill_constants(warp, true);
    }
}

/* One turn for every warp that is not waiting. */
static void block_round(struct block *block)
{
    for (uint32_t w = 0; w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        if (warp->state != WARP_READY) continue;
        warp_run(warp);
        if (warp->state != WARP_DONE) continue;
        block->done++;
        barrier_after_exit(block);
    }
}

static _Noreturn void report_deadlock(struct block *block)
{
    struct warp *stuck = NULL;
    char list[256] = "";
    size_t used = 0;
    for (uint32_t w = 0; w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w];
        if (warp->state == WARP_DONE) continue;
        if (stuck == NULL || warp->state == WARP_AT_BARRIER) stuck = warp;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s warp %u at line %d", used != 0 ? "," : "",
                                     w, warp->op->source->line);
    }
    launch_fault(stuck, -1, ERROR_LAUNCH_TIMEOUT, "deadlock: nothing can go on;%s", list);
}

struct residents { /* blocks that have started and are not done */
    struct block **blocks;
    uint32_t count, most;
    struct block *spare; /* memory of the last block that finished */
};

static bool start_next(struct launch *launch, struct residents *residents, uint32_t number)
{
    struct block *block = residents->spare != NULL ? residents->spare : block_new(launch);
    residents->spare = NULL;
    if (block == NULL) {
        snprintf(launch->report, launch->report_size, "out of host memory");
        launch->error = ERROR_OUT_OF_MEMORY;
        return false;
    }
    block_start(block, number);
    residents->blocks[residents->count++] = block;
    return true;
}

static void retire(struct residents *residents, uint32_t i)
{
    struct block *block = residents->blocks[i];
    residents->blocks[i] = residents->blocks[--residents->count];
    if (residents->spare == NULL)
        residents->spare = block;
    else
        block_free(block);
}

static void run_blocks(struct launch *launch, struct residents *residents)
{
    uint32_t total = launch->grid[0] * launch->grid[1] * launch->grid[2], next = 0, idle = 0;
    while (next < total || residents->count != 0) {
        if (residents->count == 0 && !start_next(launch, residents, next++)) return;
        uint64_t before = launch->progress;
        for (uint32_t i = 0; i < residents->count; i++) {
            block_round(residents->blocks[i]);
            if (residents->blocks[i]->done == residents->blocks[i]->warp_count) retire(residents, i--);
        }
        if (launch->progress != before) {
            idle = 0;
        } else if (next < total && residents->count < residents->most) {
            if (!start_next(launch, residents, next++)) return;
        } else if (++idle > IDLE_ROUNDS) {
            report_deadlock(residents->blocks[0]);
        }
    }
}

static void add_up(struct launch *launch)
{
    for (uint32_t i = 0; i < launch->kernel->op_count; i++) {
        const struct op *op = &launch->kernel->ops[i];
        launch->counters.instructions[op->class] += launch->executed[i];
        if (op->class == CLASS_LOAD_GLOBAL || op->class == CLASS_STORE_GLOBAL)
            launch->counters.global_bytes += launch->executed[i] * LANES * op->size * op->vector;
    }
}

int launch_run(struct launch *launch)
{
    struct residents *residents = calloc(1, sizeof *residents); /* in memory, not in registers, across longjmp */
    launch->error = ERROR_OUT_OF_MEMORY;
    launch->executed = calloc(launch->kernel->op_count, sizeof *launch->executed);
    if (residents != NULL) {
        residents->most = (uint32_t)launch->device->multiprocessors; /* at least one block fits on each */
        residents->blocks = calloc(residents->most + 1, sizeof *residents->blocks);
    }
    if (residents != NULL && residents->blocks != NULL && launch->executed != NULL) {
        launch->error = 0;
        if (setjmp(launch->fault) == 0) run_blocks(launch, residents);
        for (uint32_t i = 0; i < residents->count; i++)
            block_free(residents->blocks[i]);
        block_free(residents->spare);
    }
    if (launch->executed != NULL) add_up(launch);
    if (residents != NULL) free(residents->blocks);
    free(residents);
    free(launch->executed);
    return launch->error;
}
