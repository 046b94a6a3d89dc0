/* cp.async (PTX ISA 9.7.9.25.3): copies into shared memory that happen as late as is legal: when their thread waits for the group
 * they were committed to. A kernel that forgets to wait, or waits for too few groups, reads what was there before. */
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "bulk.h"
#include "decode.h"
#include "schedule.h"
#include "mbarrier.h"
#include "traffic.h"
#include "undefined.h"

enum { EARLY = 3 }; /* one copy in so many happens at each turn of its warp, where the schedule is drawn */

struct async_copy { /* of what one instruction issued, by lane */
    const struct op *op;
    uint64_t serial;
    uint32_t lanes; /* that have yet to copy */
    uint64_t from[LANES], to[LANES];
    uint32_t source_bytes[LANES]; /* the rest of op->size is filled with zeros */
    uint32_t group[LANES];
};

struct copy_offsets {
    int64_t to, from;
    bool has_source_size;
};

static struct async_copy *push(struct warp *warp)
{
    if (warp->copy_count == warp->copy_room) {
        uint32_t room = warp->copy_room != 0 ? 2 * warp->copy_room : 16;
        struct async_copy *larger = realloc(warp->copies, room * sizeof *larger);
        if (larger == NULL) launch_fault(warp, -1, 2, "out of host memory");
        warp->copies = larger;
        warp->copy_room = room;
    }
    return &warp->copies[warp->copy_count++];
}

/* Drops those that have no lanes left. */
static void settle(struct warp *warp)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < warp->copy_count; i++)
        if (warp->copies[i].lanes != 0) {
            if (i != kept) warp->copies[kept] = warp->copies[i];
            kept++;
        }
    warp->copy_count = kept;
}

HANDLER(issue)
{
    const struct copy_offsets *offsets = op->detail;
    struct async_copy *copy = push(warp);
    uint64_t low_bits = 0;
    copy->op = op;
    copy->serial = warp->copy_serial++;
    copy->lanes = mask;
    memcpy(copy->group, warp->copy_group, sizeof copy->group);
    FOR_LANES(mask, copy->to[i] = lane_get(warp, op, 0, i) + (uint64_t)offsets->to;);
    FOR_LANES(mask, low_bits |= copy->from[i] = lane_get(warp, op, 1, i) + (uint64_t)offsets->from;);
    FOR_LANES(mask, copy->source_bytes[i] = op->size;);
    if (offsets->has_source_size)
        FOR_LANES(mask, copy->source_bytes[i] = (uint32_t)lane_get(warp, op, 2, i);
                  if (copy->source_bytes[i] > op->size) copy->source_bytes[i] = op->size;);
    if (low_bits & (op->size - 1u))
        FOR_LANES(mask, if (copy->from[i] & (op->size - 1u))
                            launch_fault(warp, i, 716, "misaligned source of a copy of %u bytes", op->size););
    if (warp->launch->traffic == NULL) return;
    uint32_t reading = 0; /* the lanes that do not only fill with zeros */
    FOR_LANES(mask, reading |= (uint32_t)(copy->source_bytes[i] != 0) << i;);
    traffic_request(warp, op, mask, SPACE_SHARED, copy->to, op->size);
    traffic_request(warp, op, reading, SPACE_GLOBAL, copy->from, op->size);
}

static void complete_lane(struct warp *warp, const struct async_copy *copy, int lane)
{
    uint8_t bytes[16] = { 0 };
    const uint32_t size = copy->op->size, source_bytes = copy->source_bytes[lane];
    const uint32_t piece = source_bytes == size ? size : 1; /* any number of bytes may be wanted */
    const uint8_t *from = NULL;
    for (uint32_t at = source_bytes; at > 0;) { /* backwards: the first piece comes last */
        at -= piece;
        from = access_host(warp, lane, SPACE_GLOBAL, copy->from[lane] + at, piece, ACCESS_READ);
        memcpy(bytes + at, from, piece);
    }
    uint8_t *to = access_host(warp, lane, SPACE_SHARED, copy->to[lane], size, ACCESS_WRITE);
    memcpy(to, bytes, size);
    if (warp->undefined != NULL && from != NULL)
        memcpy(undefined_memory(warp, to), undefined_memory(warp, from), source_bytes);
}

/* Copies of 16 bytes by a whole warp, as they are in main loops, where nothing needs a look at each lane. */
static bool complete_together(struct warp *warp, const struct async_copy *copy)
{
    uint64_t to, from;
    uint32_t whole = 0;
    for (int i = 0; i < LANES; i++)
        whole += copy->source_bytes[i] == 16;
    if (whole != LANES || !access_together(warp, SPACE_SHARED, extent_wide(copy->to, LANES, 0), 16, &to) ||
        !access_together(warp, SPACE_GLOBAL, extent_wide(copy->from, LANES, 0), 16, &from))
        return false;
    if (warp->launch->check && (!access_checked(warp, SPACE_GLOBAL, copy->from, LANES, 16, ACCESS_READ) ||
                                !access_checked(warp, SPACE_SHARED, copy->to, LANES, 16, ACCESS_WRITE)))
        return false;
    for (int i = 0; i < LANES; i++)
        memcpy((uint8_t *)(uintptr_t)(to + copy->to[i]), (const uint8_t *)(uintptr_t)(from + copy->from[i]), 16);
    return true;
}

static void complete(struct warp *warp, struct async_copy *copy, uint32_t lanes)
{
    warp->op = copy->op;
    if (lanes != FULL_MASK || !complete_together(warp, copy)) FOR_LANES(lanes, complete_lane(warp, copy, i););
    copy->lanes &= ~lanes;
}

/* Completes what the lanes committed, their last `keep` groups excepted, in the order of issue. */
static void wait_for(struct warp *warp, uint32_t mask, uint32_t keep)
{
    const struct op *waiting = warp->op;
    for (uint32_t c = 0; c < warp->copy_count; c++) {
        struct async_copy *copy = &warp->copies[c];
        uint32_t ready = 0;
        for (int i = 0; i < LANES; i++)
            ready |= (uint32_t)(copy->group[i] + keep < warp->copy_group[i]) << i;
        complete(warp, copy, ready & mask & copy->lanes);
    }
    settle(warp);
    warp->op = waiting;
}

void bulk_arrive(struct bulk *bulk)
{
    struct warp *warp = bulk->warp;
    for (uint32_t c = 0; c < warp->copy_count; c++)
        if (warp->copies[c].serial < bulk->behind)
            complete(warp, &warp->copies[c], warp->copies[c].lanes & 1u << bulk->lane);
    settle(warp);
    warp->op = bulk->op;
    mbarrier_arrive(warp, bulk->lane, mbarrier_at(warp, bulk->lane, false, bulk->barrier), 1);
}

/* cp.async.mbarrier.arrive (9.7.13.15.17): the arrival is one more than the barrier expects, with .noinc (op->flags) one of them. */
HANDLER(arrive_behind)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int lane = __builtin_ctz(rest);
        uint64_t address = access_address(warp, op, 0, lane);
        if (op->space == SPACE_GENERIC) address -= SHARED_WINDOW;
        struct mbarrier *barrier = mbarrier_at(warp, lane, false, address);
        if (!op->flags && barrier->pending++ == MBARRIER_COUNT_MAX)
            launch_fault(warp, lane, 719, "more than %d arrivals at the mbarrier", MBARRIER_COUNT_MAX);
        struct bulk bulk = {
            .kind = BULK_ARRIVE, .op = op, .warp = warp, .lane = lane, .behind = warp->copy_serial
        };
        bulk.barrier = (uint32_t)address;
        bulk_issue(&bulk);
    }
}

void async_advance(struct warp *warp)
{
    const struct op *running = warp->op;
    for (uint32_t c = 0; c < warp->copy_count; c++) {
        uint32_t drawn = 0;
        FOR_LANES(warp->copies[c].lanes, drawn |= (uint32_t)schedule_chance(warp->launch, EARLY) << i;);
        complete(warp, &warp->copies[c], drawn);
    }
    settle(warp);
    warp->op = running;
}

HANDLER(commit)
{
    (void)op;
    FOR_LANES(mask, warp->copy_group[i]++;);
}

HANDLER(wait_group)
{
    wait_for(warp, mask, (uint32_t)op->imm);
}

HANDLER(wait_all)
{
    commit(warp, op, mask);
    wait_for(warp, mask, 0);
}

static void decode_copy(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    struct copy_offsets *offsets = arena_alloc(&decoder->module->arena, sizeof *offsets);
    bool cached = words_take(words, "ca") || words_take(words, "cg");
    bool shared = words_take(words, "shared") || words_take(words, "shared::cta");
    bool hinted = words_take(words, "L2::cache_hint"); /* the policy is the last operand */
    if (!cached || !shared || !words_take(words, "global"))
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    access_take_hints(words);
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1),
                             *size = decode_operand(decoder, 2);
    if (to == NULL || from == NULL || size == NULL) return;
    if (size->kind != PTX_IMMEDIATE || (size->value != 4 && size->value != 8 && size->value != 16)) {
        decode_fail(decoder, "a copy is of 4, 8 or 16 bytes");
        return;
    }
    decode_address(decoder, to, SPACE_SHARED);
    offsets->to = op->imm;
    decode_address(decoder, from, SPACE_GLOBAL);
    offsets->from = op->imm;
    op->imm = 0;
    offsets->has_source_size = decoder->source->count > (hinted ? 4u : 3u);
    if (offsets->has_source_size) decode_use(decoder, decode_operand(decoder, 3), 32);
    op->size = (uint8_t)size->value;
    op->vector = 1;
    op->detail = offsets;
    op->run = issue;
}

static void decode_async(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    op->class = CLASS_ASYNC;
    if (words_take(words, "reduce")) {
        decode_bulk_reduction(decoder, words);
    } else if (!words_take(words, "async")) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    } else if (words_take(words, "bulk")) {
        decode_bulk(decoder, words);
    } else if (words_take(words, "mbarrier")) {
        const struct ptx_operand *address = decode_operand(decoder, 0);
        op->flags = words_take(words, "noinc");
        op->space = (uint8_t)access_take_space(words);
        if (!words_take(words, "arrive") || !words_take(words, "b64"))
            decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        if (address != NULL) decode_address(decoder, address, (enum ptx_space)op->space);
        op->run = arrive_behind;
    } else if (words_take(words, "commit_group")) {
        op->run = commit;
    } else if (words_take(words, "wait_all")) {
        op->run = wait_all;
    } else if (words_take(words, "wait_group")) {
        const struct ptx_operand *count = decode_operand(decoder, 0);
        if (count != NULL) op->imm = (int64_t)count->value;
        op->run = wait_group;
    } else {
        decode_copy(decoder, words);
    }
}

const struct family exec_async_families[] = { { "cp", decode_async }, { NULL, NULL } };
