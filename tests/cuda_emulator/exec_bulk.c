/* cp.async.bulk and cp.reduce.async.bulk, plain (PTX ISA 9.7.9.25.4) and of tensors (9.7.9.27.1): what is checked at issue. */
#include <inttypes.h>
#include <string.h>

#include "bulk.h"
#include "cluster.h"
#include "decode.h"
#include "mbarrier.h"

enum { PLAIN_ALIGN = 16, TENSOR_ALIGN = 128 };

struct bulk_form { /* op->detail; rows by their place among the uses, 0: none (the first is never optional) */
    enum bulk_kind kind;
    enum bulk_reduction reduction;
    struct type type;
    uint32_t rank; /* 0: no tensor */
    bool multicast, to_own_block;
    uint32_t shared, global, source, barrier, size, mask, coordinates;
    int64_t shared_offset, global_offset, source_offset, barrier_offset;
};

static uint64_t row_value(struct warp *warp, const struct op *op, uint32_t k, int lane, int64_t offset)
{
    return lane_get(warp, op, op->defs + k, lane) + (uint64_t)offset;
}

static struct tensor_map tensor_map(struct warp *warp, int lane, uint64_t address, uint32_t rank)
{
    uint8_t bytes[TENSOR_MAP_BYTES];
    struct tensor_map map;
    if (address % TENSOR_MAP_ALIGN != 0)
        launch_fault(warp, lane, 716, "tensor map at 0x%" PRIx64 ", not a multiple of %d", address,
                     TENSOR_MAP_ALIGN);
    for (uint32_t at = 0; at < TENSOR_MAP_BYTES; at += TENSOR_MAP_ALIGN)
        memcpy(bytes + at, access_host(warp, lane, SPACE_GENERIC, address + at, TENSOR_MAP_ALIGN, ACCESS_READ),
               TENSOR_MAP_ALIGN);
    memcpy(&map, bytes, sizeof map);
    if (map.mark != TENSOR_MAP_MARK) launch_fault(warp, lane, 719, "no tensor map at 0x%" PRIx64, address);
    if (map.rank != rank)
        launch_fault(warp, lane, 719, "a copy of %u dimensions through a tensor map of %u", rank, map.rank);
    return map;
}

static char type_letter(enum tensor_type type)
{
    if (type == TENSOR_BF16) return 'h';
    if (type == TENSOR_S32 || type == TENSOR_S64) return 's';
    return type == TENSOR_U8 || type == TENSOR_U16 || type == TENSOR_U32 || type == TENSOR_U64 ? 'u' : 'f';
}

/* The offset in the block; sets the rank of the block. */
static uint32_t shared_offset(struct warp *warp, int lane, uint64_t address, uint32_t *rank)
{
    uint32_t offset = 0;
    const struct block *block = cluster_block(warp, address, &offset);
    if (block == NULL)
        launch_fault(warp, lane, 700, "the address 0x%" PRIx64 " is in no block of the cluster", address);
    *rank = block->rank;
    return offset;
}

static void set_destinations(struct warp *warp, const struct op *op, struct bulk *bulk)
{
    const struct bulk_form *form = op->detail;
    const struct cluster *cluster = warp->block->cluster;
    uint32_t barrier_rank, rank;
    bulk->barrier = shared_offset(
        warp, bulk->lane, row_value(warp, op, form->barrier, bulk->lane, form->barrier_offset), &barrier_rank);
    shared_offset(warp, bulk->lane, row_value(warp, op, form->shared, bulk->lane, form->shared_offset), &rank);
    if (rank != barrier_rank)
        launch_fault(warp, bulk->lane, 719,
                     "the destination is in block %u of the cluster, the mbarrier in block %u", rank, barrier_rank);
    if (form->to_own_block && rank != warp->block->rank)
        launch_fault(warp, bulk->lane, 719, "the destination is in another block, shared::cluster is needed");
    bulk->destinations = 1u << rank;
    if (form->multicast) {
        bulk->destinations = (uint32_t)row_value(warp, op, form->mask, bulk->lane, 0) & 0xffff;
        if (bulk->destinations == 0 || bulk->destinations >> cluster->count != 0)
            launch_fault(warp, bulk->lane, 719, "a multicast to the blocks 0x%x of a cluster of %u",
                         bulk->destinations, cluster->count);
    }
    for (uint32_t r = 0; r < cluster->count; r++) /* there, and known to be there */
        if (bulk->destinations >> r & 1)
            mbarrier_at(warp, bulk->lane, true, (uint64_t)(r + 1) << CLUSTER_SHIFT | bulk->barrier);
}

static void check_alignment(const struct bulk *bulk)
{
    uint32_t align = bulk->is_tensor ? TENSOR_ALIGN : PLAIN_ALIGN;
    if (bulk->shared % align != 0)
        launch_fault(bulk->warp, bulk->lane, 716, "shared memory at 0x%x, not a multiple of %u", bulk->shared,
                     align);
    if (bulk->is_tensor) return;
    if (bulk->bytes == 0 || bulk->bytes % PLAIN_ALIGN != 0 || bulk->global % PLAIN_ALIGN != 0 ||
        bulk->source % PLAIN_ALIGN != 0)
        launch_fault(bulk->warp, bulk->lane, 716, "%u bytes at 0x%" PRIx64 ": both are to be multiples of %d",
                     bulk->bytes, bulk->kind == BULK_SEND ? bulk->source : bulk->global, PLAIN_ALIGN);
}

HANDLER(issue)
{
    const struct bulk_form *form = op->detail;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int lane = __builtin_ctz(rest);
        uint32_t rank;
        struct bulk bulk = {
            .kind = form->kind, .reduction = form->reduction, .op = op, .warp = warp, .lane = lane
        };
        bulk.shared =
            shared_offset(warp, lane, row_value(warp, op, form->shared, lane, form->shared_offset), &rank);
        bulk.type = form->type.kind;
        bulk.type_bytes = form->type.bits / 8;
        bulk.group = warp->bulk_group[lane];
        if (form->rank != 0) {
            bulk.is_tensor = true;
            bulk.map =
                tensor_map(warp, lane, row_value(warp, op, form->global, lane, form->global_offset), form->rank);
            bulk.bytes = tensor_map_box_bytes(&bulk.map);
            bulk.type = type_letter((enum tensor_type)bulk.map.type);
            bulk.type_bytes = bulk.map.element_bytes;
            for (uint32_t d = 0; d < form->rank; d++)
                bulk.coordinates[d] = (int32_t)row_value(warp, op, form->coordinates + d, lane, 0);
        } else {
            bulk.bytes = (uint32_t)row_value(warp, op, form->size, lane, 0);
            if (form->kind != BULK_SEND) bulk.global = row_value(warp, op, form->global, lane, form->global_offset);
        }
        if (form->kind == BULK_SEND)
            bulk.source = (uint32_t)row_value(warp, op, form->source, lane, form->source_offset);
        if (form->kind != BULK_STORE) set_destinations(warp, op, &bulk);
        check_alignment(&bulk);
        bulk_issue(&bulk);
    }
}

HANDLER(commit)
{
    (void)op;
    bulk_commit(warp, mask);
}

HANDLER(wait_read)
{
    bulk_wait(warp, mask, (uint32_t)op->imm, true);
}

HANDLER(wait)
{
    bulk_wait(warp, mask, (uint32_t)op->imm, false);
}

HANDLER(prefetch)
{
    (void)warp, (void)op, (void)mask;
}

/* An address operand: its row's place and its offset. */
static void take_address(struct decoder *decoder, const struct ptx_operand *operand, enum ptx_space space,
                         uint32_t *place, int64_t *offset)
{
    *place = decoder->use_count;
    decode_address(decoder, operand, space);
    *offset = decoder->op->imm;
    decoder->op->imm = 0;
}

/* [map, {coordinates}] */
static void take_tensor(struct decoder *decoder, const struct ptx_operand *operand, struct bulk_form *form)
{
    take_address(decoder, operand, SPACE_GENERIC, &form->global, &form->global_offset);
    if (operand->kind != PTX_ADDRESS || operand->count != 1 ||
        (operand->items[0].kind == PTX_VECTOR ? operand->items[0].count : 1) != form->rank) {
        decode_fail(decoder, "%u coordinates are expected", form->rank);
        return;
    }
    form->coordinates = decoder->use_count;
    decode_vector(decoder, &operand->items[0], 32, false);
}

static enum bulk_reduction take_reduction(struct opcode_words *words)
{
    static const char *const names[] = {
        [BULK_ADD] = "add", [BULK_MIN] = "min", [BULK_MAX] = "max", [BULK_INC] = "inc",
        [BULK_DEC] = "dec", [BULK_AND] = "and", [BULK_OR] = "or",   [BULK_XOR] = "xor"
    };
    for (int i = BULK_ADD; i <= BULK_XOR; i++)
        if (words_take(words, names[i])) return (enum bulk_reduction)i;
    return BULK_PLAIN;
}

static void take_operands(struct decoder *decoder, struct opcode_words *words, struct bulk_form *form)
{
    bool is_store = form->kind == BULK_STORE, hinted = words_take(words, "L2::cache_hint");
    uint32_t next = 2, left = decoder->source->count;
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    take_address(decoder, is_store ? from : to, SPACE_CLUSTER, &form->shared, &form->shared_offset);
    if (form->rank != 0)
        take_tensor(decoder, is_store ? to : from, form);
    else if (form->kind == BULK_SEND)
        take_address(decoder, from, SPACE_SHARED, &form->source, &form->source_offset);
    else
        take_address(decoder, is_store ? to : from, SPACE_GLOBAL, &form->global, &form->global_offset);
    if (form->rank == 0 && decode_operand(decoder, next) != NULL) {
        form->size = decoder->use_count;
        decode_use(decoder, decode_operand(decoder, next++), 32);
    }
    if (!is_store && decode_operand(decoder, next) != NULL)
        take_address(decoder, decode_operand(decoder, next++), SPACE_CLUSTER, &form->barrier,
                     &form->barrier_offset);
    if (form->multicast && decode_operand(decoder, next) != NULL) {
        form->mask = decoder->use_count;
        decode_use(decoder, decode_operand(decoder, next++), 16);
    }
    if (hinted) next++; /* the policy */
    if (next != left) decode_fail(decoder, "%u operands, %u are expected", left, next);
}

static void decode_copy(struct decoder *decoder, struct opcode_words *words, bool reduces)
{
    static const char *const ranks[] = { "1d", "2d", "3d", "4d", "5d" };
    struct bulk_form *form = arena_alloc(&decoder->module->arena, sizeof *form);
    struct op *op = decoder->op;
    if (words_take(words, "tensor"))
        for (uint32_t d = 0; d < TENSOR_RANK_MAX; d++)
            if (words_take(words, ranks[d])) form->rank = d + 1;
    words_take(words, "tile");
    bool to_cluster = words_take(words, "shared::cluster"), own = words_take(words, "shared::cta"),
         global = words_take(words, "global");
    bool is_signalled = words_take(words, "mbarrier::complete_tx::bytes"),
         is_store = words_take(words, "bulk_group");
    form->multicast = words_take(words, "multicast::cluster");
    if (reduces) {
        form->reduction = take_reduction(words);
        words_take(words, "noftz");
        if (form->rank == 0) form->type = words_take_type(words);
    }
    bool is_load = is_signalled && global && to_cluster != own,
         is_send = is_signalled && to_cluster && own && !global;
    if (is_store == is_signalled || (is_store && (!own || !global || to_cluster)) ||
        (is_signalled && !is_load && !is_send) || (is_send && form->rank != 0) ||
        (reduces && (!is_store || form->reduction == BULK_PLAIN)) ||
        (reduces && form->rank == 0 && form->type.bits < 16)) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    form->kind = is_store ? BULK_STORE : is_send ? BULK_SEND : BULK_LOAD;
    form->to_own_block = is_load && own;
    take_operands(decoder, words, form);
    op->detail = form;
    op->run = issue;
}

void decode_bulk(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    if (words_take(words, "commit_group")) {
        op->run = commit;
    } else if (words_take(words, "wait_group")) {
        const struct ptx_operand *count = decode_operand(decoder, 0);
        if (count != NULL) op->imm = (int64_t)count->value;
        op->run = words_take(words, "read") ? wait_read : wait;
    } else if (words_take(words, "prefetch")) {
        static const char *const known[] = { "tensor", "1d", "2d",     "3d",   "4d",
                                             "5d",     "L2", "global", "tile", "L2::cache_hint" };
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            words_take(words, known[i]);
        op->run = prefetch;
    } else {
        decode_copy(decoder, words, false);
    }
}

void decode_bulk_reduction(struct decoder *decoder, struct opcode_words *words)
{
    if (words_take(words, "async") && words_take(words, "bulk"))
        decode_copy(decoder, words, true);
    else
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
}
