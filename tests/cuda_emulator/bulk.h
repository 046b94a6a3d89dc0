/* Copies of the async proxy, cp.async.bulk and TMA (PTX ISA 9.7.9.25.4, 9.7.9.27), that have been issued and not yet happened.
 * They happen as late as is legal: when somebody waits for their group, or when nothing else can go on. */
#ifndef EMULATOR_BULK_H
#define EMULATOR_BULK_H

#include "shadow.h"
#include "tensor_map.h"

enum bulk_kind {
    BULK_LOAD,  /* global to shared memory, signalled to an mbarrier */
    BULK_SEND,  /* from the block's shared memory to another block's, signalled to an mbarrier there */
    BULK_STORE, /* shared to global memory, in a group of its thread */
    BULK_ARRIVE /* no copy: the arrival at an mbarrier behind the thread's earlier cp.async */
};
enum bulk_reduction { BULK_PLAIN, BULK_ADD, BULK_MIN, BULK_MAX, BULK_INC, BULK_DEC, BULK_AND, BULK_OR, BULK_XOR };

struct bulk {
    struct bulk *next; /* older */
    enum bulk_kind kind;
    enum bulk_reduction reduction; /* of a store */
    const struct op *op;
    struct warp *warp;
    int lane;
    struct async_view view;
    bool is_tensor;
    struct tensor_map map;
    int32_t coordinates[TENSOR_RANK_MAX];
    uint64_t global;        /* without a map */
    uint32_t shared, bytes; /* shared: in the block */
    uint32_t source;        /* BULK_SEND: in the warp's block */
    uint32_t barrier;       /* in each destination block */
    uint32_t destinations;  /* ranks of blocks, bit mask */
    char type;              /* of a reduction without a map: as struct type */
    uint8_t type_bytes;
    uint32_t group;  /* of a store */
    uint64_t behind; /* BULK_ARRIVE: the number of cp.async of its warp */
    uint8_t *buffer; /* a store that has read shared memory and not yet written */
};

void bulk_issue(struct bulk *bulk); /* a copy of it is queued */
void bulk_commit(struct warp *warp, uint32_t lanes);
/* The stores that the lanes committed, their last `keep` groups excepted, have read their source and, unless only_read, written. */
void bulk_wait(struct warp *warp, uint32_t lanes, uint32_t keep, bool only_read);
bool bulk_advance(struct launch *launch);  /* lets one happen; false: there was none */
void bulk_block_done(struct block *block); /* what is still under way may not need its shared memory */
void bulk_forget(struct launch *launch);

/* exec_async.c */
void bulk_arrive(struct bulk *bulk);
/* bulk_copy.c */
void bulk_load(struct bulk *bulk);
void bulk_send(struct bulk *bulk);
void bulk_read(struct bulk *bulk);
void bulk_write(struct bulk *bulk);

#endif
