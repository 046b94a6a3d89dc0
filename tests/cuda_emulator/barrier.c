/* The 16 barriers of a block (PTX ISA 9.7.13.1). Warps that have exited count as arrived at barriers of the whole block. */
#include "shadow.h"
#include "warp.h"

static uint32_t exited_threads(const struct block *block)
{
    uint32_t threads = 0;
    for (uint32_t i = 0; i < block->warp_count; i++)
        if (block->warps[i].state == WARP_DONE) threads += LANES;
    return threads;
}

static void complete(struct block *block, struct barrier *barrier)
{
    uint32_t expected =
        barrier->expected != 0 ? barrier->expected : block->warp_count * LANES - exited_threads(block);
    if (barrier->arrived < expected) return;
    for (uint32_t i = 0; i < block->warp_count; i++)
        if (barrier->waiting >> i & 1) {
            block->warps[i].state = WARP_READY;
            block->warps[i].voted = barrier->asked;
            block->warps[i].votes = barrier->set;
        }
    shadow_join(block, barrier->met);
    block->launch->progress++;
    *barrier = (struct barrier){ 0 };
}

void barrier_arrive(struct warp *warp, uint32_t id, uint32_t threads, bool wait)
{
    struct block *block = warp->block;
    struct barrier *barrier = &block->barriers[id];
    if (barrier->arrived != 0 && barrier->expected != threads)
        launch_fault(warp, -1, 719, "barrier %u: this warp expects %u threads, the others %u (0: all)", id, threads,
                     barrier->expected);
    barrier->expected = threads;
    barrier->arrived += LANES;
    barrier->met |= 1u << warp->index;
    if (wait) {
        barrier->waiting |= 1u << warp->index;
        warp->state = WARP_AT_BARRIER;
        warp->barrier = id;
    }
    complete(block, barrier);
}

void barrier_vote(struct warp *warp, uint32_t id, uint32_t asked, uint32_t set)
{
    warp->block->barriers[id].asked += asked;
    warp->block->barriers[id].set += set;
}

void barrier_after_exit(struct block *block)
{
    for (uint32_t i = 0; i < BARRIERS; i++)
        if (block->barriers[i].arrived != 0 && block->barriers[i].expected == 0)
            complete(block, &block->barriers[i]);
}
