/* mbarrier instructions (PTX ISA 9.7.13.15.9 to .16). What arrive returns is opaque: here the phase (upper half) and the arrivals
 * that were pending (lower half). A wait that fails lets others run, whether it is try_wait or test_wait. */
#include "mbarrier.h"

#include "decode.h"
#include "shadow.h"

enum { ON_CLUSTER = 1, DROPS = 2, EXPECTS = 4, NO_COMPLETE = 8, PARITY = 16 }; /* op->flags */

static uint64_t address_of(struct warp *warp, const struct op *op, uint32_t k, int lane)
{
    uint64_t address = access_address(warp, op, k, lane);
    if (op->space != SPACE_GENERIC) return address;
    if (address < SHARED_WINDOW)
        launch_fault(warp, lane, 700, "the generic address of an mbarrier is not in shared memory");
    return address - SHARED_WINDOW;
}

static struct mbarrier *object(struct warp *warp, const struct op *op, uint32_t k, int lane)
{
    return mbarrier_at(warp, lane, op->space != SPACE_SHARED, address_of(warp, op, k, lane));
}

HANDLER(init)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        mbarrier_init(warp, i, address_of(warp, op, 0, i), (uint32_t)lane_get(warp, op, 1, i));
    }
}

HANDLER(invalidate)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
        object(warp, op, 0, __builtin_ctz(rest))->valid = false;
}

/* Rows: state, address, count or bytes. op->imm is the address's offset. */
HANDLER(arrive)
{
    const bool counted = op->uses > 1, expects = op->flags & EXPECTS;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        struct mbarrier *barrier = object(warp, op, op->defs, i);
        uint32_t operand = counted ? (uint32_t)lane_get(warp, op, op->defs + 1u, i) : 1;
        uint32_t count = expects ? 1 : operand;
        uint64_t state = (uint64_t)barrier->phase << 32 | barrier->pending;
        if (count == 0) launch_fault(warp, i, 719, "an arrival that counts 0");
        if (expects) mbarrier_transact(warp, i, barrier, operand);
        if ((op->flags & NO_COMPLETE) && count >= barrier->pending)
            launch_fault(warp, i, 719,
                         "an arrival with .noComplete would complete the phase of the mbarrier at 0x%x",
                         barrier->address);
        if (op->flags & DROPS) {
            if (count > barrier->expected)
                launch_fault(warp, i, 719, "%u arrivals are dropped of the %u that are expected", count,
                             barrier->expected);
            barrier->expected -= count;
        }
        mbarrier_arrive(warp, i, barrier, count);
        if (op->defs != 0 && op->rows[0] != PTX_NONE) lane_set(warp, op, 0, i, state);
    }
}

HANDLER(expect)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        mbarrier_transact(warp, i, object(warp, op, 0, i), (int64_t)(uint32_t)lane_get(warp, op, 1, i));
    }
}

HANDLER(complete)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        mbarrier_transact(warp, i, object(warp, op, 0, i), -(int64_t)(uint32_t)lane_get(warp, op, 1, i));
    }
}

/* The phase that is asked for is the running one, which is not complete, or the one before it. */
static bool is_complete(struct warp *warp, const struct op *op, int lane, const struct mbarrier *barrier)
{
    uint64_t operand = lane_get(warp, op, 1, lane);
    if (op->flags & PARITY) return (barrier->phase & 1) != (operand & 1);
    uint32_t phase = (uint32_t)(operand >> 32);
    if (phase != barrier->phase && phase + 1 != barrier->phase)
        launch_fault(warp, lane, 719, "a wait for phase %u of the mbarrier at 0x%x, where phase %u runs", phase,
                     barrier->address, barrier->phase);
    return phase != barrier->phase;
}

HANDLER(wait)
{
    uint32_t done = 0;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        struct mbarrier *barrier = object(warp, op, 0, i);
        if (is_complete(warp, op, i, barrier)) {
            done |= 1u << i;
            shadow_acquire(warp, &barrier->completed);
            continue;
        }
        if (warp->yield) continue; /* the first lane that waits is named */
        warp->yield = true;
        uint64_t operand = lane_get(warp, op, 1, i);
        warp->waiting = (struct waiting){
            .op = op, .barrier = barrier, .phase = (op->flags & PARITY ? operand : operand >> 32) & 1, .lane = i
        };
    }
    if (!warp->yield) warp->waiting.barrier = NULL;
    pred_write(warp, op->pred[0], done, mask);
}

HANDLER(pending_count)
{
    FOR_LANES(mask, lane_set(warp, op, 0, i, (uint32_t)lane_get(warp, op, 1, i)););
}

static void decode_arrive(struct decoder *decoder, struct opcode_words *words, bool drops)
{
    struct op *op = decoder->op;
    op->run = arrive;
    if (drops) op->flags |= DROPS;
    if (words_take(words, "expect_tx")) op->flags |= EXPECTS;
    if (words_take(words, "noComplete")) op->flags |= NO_COMPLETE;
    const struct ptx_operand *state = decode_operand(decoder, 0), *address = decode_operand(decoder, 1);
    if (state == NULL || address == NULL) return;
    if (state->kind != PTX_SINK && op->space == SPACE_CLUSTER)
        decode_fail(decoder, "an arrival in the cluster returns no state");
    decode_def(decoder, state, 64);
    decode_address(decoder, address, (enum ptx_space)op->space);
    if (decoder->source->count > 2) decode_use(decoder, decode_operand(decoder, 2), 32);
    if ((op->flags & (EXPECTS | NO_COMPLETE)) && decoder->source->count < 3)
        decode_fail(decoder, "the count is missing");
}

static void decode_wait(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    op->run = wait;
    op->control = CONTROL_YIELD;
    if (words_take(words, "parity")) op->flags |= PARITY;
    const struct ptx_operand *complete = decode_operand(decoder, 0), *address = decode_operand(decoder, 1),
                             *phase = decode_operand(decoder, 2);
    if (complete == NULL || address == NULL || phase == NULL) return;
    op->pred[0] = decode_pred(decoder, complete);
    decode_address(decoder, address, (enum ptx_space)op->space);
    decode_use(decoder, phase, op->flags & PARITY ? 32 : 64);
    if (decoder->source->count > 3)
        decode_use(decoder, decode_operand(decoder, 3), 32); /* how long at most: a hint */
}

static void decode_counted(struct decoder *decoder, op_handler *run)
{
    const struct ptx_operand *address = decode_operand(decoder, 0), *count = decode_operand(decoder, 1);
    if (address == NULL || count == NULL) return;
    decode_address(decoder, address, (enum ptx_space)decoder->op->space);
    decode_use(decoder, count, 32);
    decoder->op->run = run;
}

static void decode_mbarrier(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    op->class = CLASS_BARRIER;
    words_take(words, "b64");
    access_take_hints(words); /* .release, .acquire, .relaxed, .cta, .cluster */
    op->space = (uint8_t)access_take_space(words);
    if (words_take(words, "init")) {
        decode_counted(decoder, init);
    } else if (words_take(words, "inval")) {
        const struct ptx_operand *address = decode_operand(decoder, 0);
        if (address != NULL) decode_address(decoder, address, (enum ptx_space)op->space);
        op->run = invalidate;
    } else if (words_take(words, "arrive")) {
        decode_arrive(decoder, words, false);
    } else if (words_take(words, "arrive_drop")) {
        decode_arrive(decoder, words, true);
    } else if (words_take(words, "expect_tx")) {
        decode_counted(decoder, expect);
    } else if (words_take(words, "complete_tx")) {
        decode_counted(decoder, complete);
    } else if (words_take(words, "test_wait") || words_take(words, "try_wait")) {
        decode_wait(decoder, words);
    } else if (words_take(words, "pending_count")) {
        const struct ptx_operand *count = decode_operand(decoder, 0), *state = decode_operand(decoder, 1);
        if (count == NULL || state == NULL) return;
        decode_def(decoder, count, 32);
        decode_use(decoder, state, 64);
        op->run = pending_count;
    }
}

const struct family exec_mbarrier_families[] = { { "mbarrier", decode_mbarrier }, { NULL, NULL } };
