/* Instructions of clusters: mapa and getctarank (PTX ISA 9.7.9.24), barrier.cluster (9.7.13.4). */
#include "cluster.h"
#include "decode.h"
#include "lanes.h"
#include "shadow.h"

/* The same place in another block's shared memory; op->imm: SHARED_WINDOW for generic addresses. */
HANDLER(map_address)
{
    const struct cluster *cluster = warp->block->cluster;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t address = lane_get(warp, op, 1, i) - (uint64_t)op->imm, rank = lane_get(warp, op, 2, i);
        if (rank >= cluster->count)
            launch_fault(warp, i, 719, "block %u of a cluster of %u", (uint32_t)rank, cluster->count);
        uint64_t within = address & ((1u << CLUSTER_SHIFT) - 1);
        lane_set(warp, op, 0, i, (uint64_t)op->imm + (((rank + 1) << CLUSTER_SHIFT) | within));
    }
}

HANDLER(rank_of_address)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint32_t offset;
        const struct block *block = cluster_block(warp, lane_get(warp, op, 1, i) - (uint64_t)op->imm, &offset);
        if (block == NULL) launch_fault(warp, i, 700, "the address is in no block of the cluster");
        lane_set(warp, op, 0, i, block->rank);
    }
}

static void decode_mapping(struct decoder *decoder, struct opcode_words *words, bool to_rank)
{
    struct op *op = decoder->op;
    op->imm = words_take(words, "shared::cluster") ? 0 : (int64_t)SHARED_WINDOW;
    struct type type = words_take_type(words);
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    if (op->imm != 0 && type.bits != 64) decode_fail(decoder, "a generic address has 64 bits");
    decode_def(decoder, to, to_rank ? 32 : type.bits);
    decode_use(decoder, from, type.bits);
    if (!to_rank && decode_operand(decoder, 2) != NULL) decode_use(decoder, decode_operand(decoder, 2), 32);
    op->run = to_rank ? rank_of_address : map_address;
    op->class = CLASS_INTEGER;
}

static void decode_mapa(struct decoder *decoder, struct opcode_words *words)
{
    decode_mapping(decoder, words, false);
}

static void decode_getctarank(struct decoder *decoder, struct opcode_words *words)
{
    decode_mapping(decoder, words, true);
}

HANDLER(arrive)
{
    (void)op;
    if ((warp->cluster_arrived | warp->cluster_passed) & mask)
        launch_fault(warp, __builtin_ctz((warp->cluster_arrived | warp->cluster_passed) & mask), 719,
                     "barrier.cluster.arrive twice without a wait between");
    cluster_arrive(warp, mask);
}

HANDLER(wait)
{
    (void)op;
    uint32_t strangers = mask & ~(warp->cluster_arrived | warp->cluster_passed);
    if (strangers != 0)
        launch_fault(warp, __builtin_ctz(strangers), 719, "barrier.cluster.wait without an arrive before");
    if ((mask & ~warp->cluster_passed) != 0) {
        warp->yield = warp->again = true;
        return;
    }
    warp->cluster_passed &= ~mask;
    shadow_acquire(warp, &warp->block->cluster->barrier_done);
}

void decode_cluster_barrier(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    bool arrives = words_take(words, "arrive"), waits = words_take(words, "wait"),
         aligned = words_take(words, "aligned");
    if (arrives == waits) decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    words_take(words, waits ? "acquire" : "release");
    if (arrives) words_take(words, "relaxed");
    op->run = arrives ? arrive : wait;
    op->control = aligned ? CONTROL_CONVERGE : CONTROL_YIELD;
    op->class = CLASS_BARRIER;
}

const struct family exec_cluster_families[] = { { "mapa", decode_mapa },
                                                { "getctarank", decode_getctarank },
                                                { NULL, NULL } };
