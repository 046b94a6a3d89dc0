/* The checker: what each byte of memory has been through. It reports reads of memory that nothing wrote and, in shared memory,
 * accesses that no barrier orders. */
#ifndef EMULATOR_SHADOW_H
#define EMULATOR_SHADOW_H

#include "access.h"

struct checker *shadow_open(uint32_t shared_end, uint32_t warps);
void shadow_close(struct checker *checker);
void shadow_start_block(struct checker *checker);
void shadow_shared(struct warp *warp, int lane, uint32_t address, uint32_t bytes, enum access access);
void shadow_global(struct warp *warp, int lane, uint64_t address, uint32_t bytes, enum access access);
/* All warps of the set have met: what each did before is ordered before what any of them does from now on. */
void shadow_join(struct checker *checker, uint32_t warps);

#endif
