/* What memory operations order (PTX ISA 8.5 to 8.9): a strong read that sees what a release pattern wrote makes an acquire pattern
 * synchronise with it. The checker alone asks; everything here does nothing while checks are off. */
#ifndef EMULATOR_ORDER_H
#define EMULATOR_ORDER_H

#include "warp.h"

/* What an instruction says of its order: volatile, relaxed and all below are strong. */
enum { ORDER_STRONG = 1, ORDER_ACQUIRE = 2, ORDER_RELEASE = 4 };

struct order *order_open(void); /* of a cluster; NULL: out of host memory */
void order_close(struct order *order);
void order_start(struct order *order); /* a new cluster: nothing is known */

/* A strong access to the memory at that host address. flags: of the instruction; one that reads and writes is atomic. */
void order_access(struct warp *warp, const uint8_t *host, int flags, bool reads, bool writes);
/* fence, membar: with the strong accesses before and behind it, it is an acquire and a release pattern. */
void order_fence(struct warp *warp);

#endif
