/* From addresses as lanes have them to host memory, with the checks that name the access when they fail. */
#ifndef EMULATOR_ACCESS_H
#define EMULATOR_ACCESS_H

#include "lanes.h"

/* Strong reads and writes (volatile, relaxed and above) are what may go with an atomic operation of another thread. */
enum access { ACCESS_READ, ACCESS_STRONG_READ, ACCESS_WRITE, ACCESS_STRONG_WRITE, ACCESS_ATOMIC };

/* Where op's access of `bytes` at the address is in host memory. Misaligned or out of bounds: launch_fault. */
uint8_t *access_host(struct warp *warp, int lane, enum ptx_space space, uint64_t address, uint32_t bytes,
                     enum access access);

/* The address operand, the k-th row, of lane i, the instruction's offset included. */
static inline uint64_t access_address(const struct warp *warp, const struct op *op, uint32_t k, int i)
{
    if (op->wide >> k & 1) return ROW(const uint64_t, k)[i] + (uint64_t)op->imm;
    return (uint32_t)(ROW(const uint32_t, k)[i] + (uint32_t)op->imm);
}

/* The extent of several lanes' addresses, and which low bits any of them has. */
struct extent {
    uint64_t lowest, highest, bits;
};

static inline struct extent extent_wide(const uint64_t *address, uint32_t count, uint64_t offset)
{
    uint64_t low = address[0], high = address[0], bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        low = address[i] < low ? address[i] : low;
        high = address[i] > high ? address[i] : high;
        bits |= address[i];
    }
    return (struct extent){ .lowest = low + offset, .highest = high + offset, .bits = bits | offset };
}

static inline struct extent extent_narrow(const uint32_t *address, uint32_t count, uint64_t offset)
{
    uint32_t low = address[0], high = address[0], bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        low = address[i] < low ? address[i] : low;
        high = address[i] > high ? address[i] : high;
        bits |= address[i];
    }
    return (struct extent){ .lowest = low + offset, .highest = high + offset, .bits = bits | offset };
}

/* May accesses of `bytes` each, in shared or global memory, be made without a look at each? Then bias + address is where they are in host
 * memory. false says no more than that lanes have to be looked at one by one. */
static inline bool access_together(struct warp *warp, enum ptx_space space, struct extent extent, uint32_t bytes,
                                   uint64_t *bias)
{
    struct launch *launch = warp->launch;
    const uint64_t end = extent.highest + bytes;
    if (extent.bits & (bytes - 1) || extent.lowest > extent.highest || end < bytes) return false;
    if (space == SPACE_SHARED) {
        *bias = (uint64_t)(uintptr_t)warp->shared;
        return extent.lowest >= SHARED_BASE && end <= warp->shared_end;
    }
    if (extent.lowest < launch->near_low || end > launch->near_end) {
        const struct allocation *found = memory_find(launch->memory, extent.lowest);
        if (found == NULL || end > found->address + found->size) return false;
        launch->near_low = found->address;
        launch->near_end = found->address + found->size;
    }
    *bias = (uint64_t)(uintptr_t)launch->memory->base - GLOBAL_WINDOW;
    return true;
}

/* While the checker is on, of weak accesses that are made together: it is told of each. false: some of what is read is undefined, and
 * lanes have to be looked at one by one, which tells it again. */
bool access_checked(struct warp *warp, enum ptx_space space, const uint64_t address[], uint32_t count,
                    uint32_t bytes, enum access access);

/* Where a shared-memory address points (SHARED_WINDOW taken off): the block, and the address in it. shared::cta addresses only
 * reach the warp's own block; `cluster`: those of the other blocks of the cluster are good too. The access is checked. */
struct shared_place {
    struct block *block;
    uint32_t address;
};
struct shared_place access_shared(struct warp *warp, int lane, bool cluster, uint64_t address, uint32_t bytes,
                                  enum access access);

/* The space words of a memory instruction; generic when there are none. */
struct opcode_words;
enum ptx_space access_take_space(struct opcode_words *words);
/* Orders, scopes, cache operators: what the order is worth (order.h), nothing else matters here. */
int access_take_hints(struct opcode_words *words);

#endif
