/* The checker of shared memory: who has accessed each byte. It reports accesses that nothing orders, and accesses of the async proxy that
 * no proxy fence orders; and it keeps which bits are defined. */
#ifndef EMULATOR_SHADOW_H
#define EMULATOR_SHADOW_H

#include "access.h"

/* The vector clocks of a cluster's agents: of each block its warps, its bulk copies, and the wgmma of each warpgroup. */
struct clocks *shadow_open_clocks(uint32_t blocks, uint32_t warps);
void shadow_close_clocks(struct clocks *clocks);
void shadow_start_clocks(struct clocks *clocks); /* a new cluster; all struct sync_clock are forgotten */

struct checker *shadow_open(struct clocks *clocks, uint32_t rank, uint32_t shared_end);
void shadow_close(struct checker *checker);
void shadow_start_block(struct checker *checker);

/* The bits that are defined, a byte for each byte of shared memory (undefined.h). */
uint8_t *shadow_defined(struct checker *checker);

void shadow_shared(struct warp *warp, int lane, struct block *block, uint32_t address, uint32_t bytes,
                   enum access access);
/* The same for the first `count` lanes of the warp, in its own block. */
void shadow_lanes(struct warp *warp, const uint64_t address[], uint32_t count, uint32_t bytes, enum access access);

/* All warps of the set have met: what each did before is ordered before what any of them does from now on. */
void shadow_join(struct block *block, uint32_t warps);
/* What the warp did before is ordered before what those do who acquire the clock from now on. */
void shadow_release(struct warp *warp, struct sync_clock *sync);
void shadow_acquire(struct warp *warp, const struct sync_clock *sync);
void shadow_copy(struct warp *warp, struct sync_clock *to, const struct sync_clock *from);
void shadow_reset(struct warp *warp, struct sync_clock *sync); /* nothing is known through it */
/* fence.proxy.async: generic accesses that are ordered before it are visible to async ones that are ordered behind it. */
void shadow_fence(struct warp *warp);

/* An operation of the async proxy: ordered behind what its warp had seen when it was issued. All do nothing while checks are off. */
struct async_view {
    uint32_t *seen; /* of the warp at issue; NULL: checks are off */
    struct warp *warp;
    int lane;
    uint32_t agent, now; /* who accesses, and when */
};
void shadow_issue(struct async_view *view, struct warp *warp, int lane);
/* It happens now; whoever is to know of it acquires the sync clock, or waits for the operation in the warp. */
void shadow_perform(struct async_view *view);
void shadow_perform_wgmma(struct async_view *const views[], uint32_t count); /* of all warps of a warpgroup */
void shadow_async(const struct async_view *view, struct block *block, uint32_t address, uint32_t bytes,
                  enum access access);
void shadow_signal(const struct async_view *view, struct sync_clock *sync);
void shadow_waited(const struct async_view *view); /* its warp knows that it has happened */
void shadow_forget(struct async_view *view);

#endif
