/* mbarrier objects (PTX ISA 9.7.13.15). The eight bytes in shared memory only say which object is meant; its state is kept beside
 * them, so that an ordinary store into them is noticed. */
#ifndef EMULATOR_MBARRIER_H
#define EMULATOR_MBARRIER_H

#include "access.h"

enum { MBARRIER_COUNT_MAX = (1 << 20) - 1 }; /* of counts and, either sign, of transaction bytes */

struct mbarrier {
    struct block *block;
    uint32_t address, index;
    bool valid;
    uint32_t expected, pending; /* arrivals: of each phase, and still to come in this one */
    int32_t transactions;       /* bytes still to come, less those that came before they were expected */
    uint32_t phase;             /* how many are complete */
    struct sync_clock arrived, completed;
};

/* The object at an address of the cluster's shared memory, checked. */
struct mbarrier *mbarrier_at(struct warp *warp, int lane, bool cluster, uint64_t address);
void mbarrier_init(struct warp *warp, int lane, uint64_t address, uint32_t count);
void mbarrier_arrive(struct warp *warp, int lane, struct mbarrier *barrier, uint32_t count);
/* Positive: bytes that are expected; negative: bytes that have come. The warp is whom a fault is laid on. */
void mbarrier_transact(struct warp *warp, int lane, struct mbarrier *barrier, int64_t bytes);
void mbarrier_forget(struct block *block); /* the block is new, or no more */
/* "the mbarrier at 0x... phase parity ..., how far it is": what a wait waits for. */
size_t mbarrier_describe(const struct waiting *waiting, char *text, size_t room);

#endif
