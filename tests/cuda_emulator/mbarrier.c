/* The state of mbarrier objects (PTX ISA 9.7.13.15.1 to .5): a phase is complete when no arrival is pending and no transaction
 * byte is outstanding; then the next one begins with the expected count. */
#include "mbarrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shadow.h"

enum { MBARRIER_BYTES = 8 };
#define MBARRIER_MARK 0x6d62617272696572u /* xor the index: what the object's memory holds */

static uint64_t mark_of(const struct mbarrier *barrier)
{
    return MBARRIER_MARK ^ ((uint64_t)barrier->index << 32 | barrier->address);
}

static struct mbarrier *find(const struct block *block, uint32_t address)
{
    uint64_t mark;
    memcpy(&mark, block->shared + address, sizeof mark);
    mark ^= MBARRIER_MARK;
    uint32_t index = (uint32_t)(mark >> 32);
    if (index >= block->mbarrier_count || (uint32_t)mark != address) return NULL;
    struct mbarrier *barrier = block->mbarriers[index];
    return barrier->valid ? barrier : NULL;
}

struct mbarrier *mbarrier_at(struct warp *warp, int lane, bool cluster, uint64_t address)
{
    if (address % MBARRIER_BYTES != 0)
        launch_fault(warp, lane, 716, "misaligned mbarrier at 0x%x", (uint32_t)address);
    struct shared_place place = access_shared(warp, lane, cluster, address, MBARRIER_BYTES, ACCESS_ATOMIC);
    struct mbarrier *barrier = find(place.block, place.address);
    if (barrier != NULL) return barrier;
    for (uint32_t i = 0; i < place.block->mbarrier_count; i++)
        if (place.block->mbarriers[i]->address == place.address && place.block->mbarriers[i]->valid)
            launch_fault(warp, lane, 719, "the mbarrier at 0x%x was overwritten by an ordinary store",
                         place.address);
    launch_fault(warp, lane, 719, "no mbarrier at 0x%x: not initialised, or invalidated", place.address);
}

static struct mbarrier *add(struct warp *warp, int lane)
{
    struct block *block = warp->block;
    for (uint32_t i = 0; i < block->mbarrier_count; i++)
        if (!block->mbarriers[i]->valid) return block->mbarriers[i];
    struct mbarrier **larger = realloc(block->mbarriers, (block->mbarrier_count + 1) * sizeof *larger);
    if (larger != NULL) block->mbarriers = larger;
    struct mbarrier *barrier = larger != NULL ? malloc(sizeof *barrier) : NULL;
    if (barrier == NULL) launch_fault(warp, lane, 2, "out of host memory");
    barrier->index = block->mbarrier_count;
    block->mbarriers[block->mbarrier_count++] = barrier;
    return barrier;
}

void mbarrier_init(struct warp *warp, int lane, uint64_t address, uint32_t count)
{
    if (address % MBARRIER_BYTES != 0)
        launch_fault(warp, lane, 716, "misaligned mbarrier at 0x%x", (uint32_t)address);
    if (count == 0 || count > MBARRIER_COUNT_MAX)
        launch_fault(warp, lane, 719, "an mbarrier of %u arrivals: 1 to %d are allowed", count, MBARRIER_COUNT_MAX);
    struct shared_place place = access_shared(warp, lane, true, address, MBARRIER_BYTES, ACCESS_WRITE);
    if (place.block != warp->block) launch_fault(warp, lane, 719, "mbarrier.init in another block of the cluster");
    if (find(warp->block, place.address) != NULL)
        launch_fault(warp, lane, 719, "mbarrier.init of the valid mbarrier at 0x%x", place.address);
    struct mbarrier *barrier = NULL;
    for (uint32_t i = 0; i < warp->block->mbarrier_count; i++) /* its memory had other use in between */
        if (warp->block->mbarriers[i]->address == place.address) barrier = warp->block->mbarriers[i];
    if (barrier == NULL) barrier = add(warp, lane);
    *barrier = (struct mbarrier){ .block = warp->block,
                                  .address = place.address,
                                  .index = barrier->index,
                                  .valid = true,
                                  .expected = count,
                                  .pending = count };
    uint64_t mark = mark_of(barrier);
    memcpy(warp->block->shared + place.address, &mark, sizeof mark);
    warp->launch->progress++;
}

static void complete_phase(struct warp *warp, struct mbarrier *barrier)
{
    if (barrier->pending != 0 || barrier->transactions != 0) return;
    barrier->phase++;
    barrier->pending = barrier->expected;
    shadow_copy(warp, &barrier->completed, &barrier->arrived);
}

void mbarrier_arrive(struct warp *warp, int lane, struct mbarrier *barrier, uint32_t count)
{
    if (count > barrier->pending)
        launch_fault(warp, lane, 719, "%u arrivals at the mbarrier at 0x%x, where %u of %u are pending", count,
                     barrier->address, barrier->pending, barrier->expected);
    barrier->pending -= count;
    shadow_release(warp, &barrier->arrived);
    complete_phase(warp, barrier);
    warp->launch->progress++;
}

void mbarrier_transact(struct warp *warp, int lane, struct mbarrier *barrier, int64_t bytes)
{
    int64_t sum = barrier->transactions + bytes;
    if (sum > MBARRIER_COUNT_MAX || sum < -MBARRIER_COUNT_MAX)
        launch_fault(warp, lane, 719, "%lld outstanding transaction bytes at the mbarrier at 0x%x: at most %d",
                     (long long)sum, barrier->address, MBARRIER_COUNT_MAX);
    barrier->transactions = (int32_t)sum;
    if (bytes < 0) complete_phase(warp, barrier);
    warp->launch->progress++;
}

void mbarrier_forget(struct block *block)
{
    for (uint32_t i = 0; i < block->mbarrier_count; i++)
        free(block->mbarriers[i]);
    block->mbarrier_count = 0;
}

size_t mbarrier_describe(const struct waiting *waiting, char *text, size_t room)
{
    const struct mbarrier *barrier = waiting->barrier;
    return (size_t)snprintf(text, room,
                            "phase parity %u of the mbarrier at 0x%x (phase %u runs: %u of %u arrivals pending, %d "
                            "transaction bytes outstanding)",
                            waiting->phase, barrier->address, barrier->phase, barrier->pending, barrier->expected,
                            barrier->transactions);
}
