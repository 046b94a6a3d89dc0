/* From an address as a lane has it to host memory, with the checks that name the access when they fail. */
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
