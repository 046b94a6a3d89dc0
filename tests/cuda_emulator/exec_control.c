/* Branches, exits, barriers, fences and hints (PTX ISA 9.7.12, 9.7.13.1 to 9.7.13.4). Branches and exits are done by the
 * scheduler; the emulator's memory is sequentially consistent, so that only the checker looks at fences. */
#include <string.h>

#include "access.h"
#include "decode.h"
#include "order.h"
#include "shadow.h"

HANDLER(nothing)
{
    (void)warp, (void)op, (void)mask;
}

HANDLER(fence_async_proxy)
{
    (void)op, (void)mask;
    shadow_fence(warp);
}

HANDLER(fence)
{
    (void)op, (void)mask;
    order_fence(warp);
}

HANDLER(trap)
{
    (void)op;
    launch_fault(warp, __builtin_ctz(mask), 719, "trap: the kernel stopped itself");
}

HANDLER(sleep_a_while)
{
    (void)op, (void)mask;
    warp->yield = true;
}

static void decode_branch(struct decoder *decoder, struct opcode_words *words)
{
    words_take(words, "uni");
    const struct ptx_operand *target = decode_operand(decoder, 0);
    if (target == NULL) return;
    if (target->kind != PTX_LABEL) decode_fail(decoder, "the target is no label");
    decoder->op->target = (uint32_t)target->value;
    decoder->op->control = CONTROL_BRANCH;
    decoder->op->class = CLASS_CONTROL;
    decoder->op->run = nothing;
}

static void decode_exit(struct decoder *decoder, struct opcode_words *words)
{
    words_take(words, "uni");
    decoder->op->control = CONTROL_EXIT;
    decoder->op->class = CLASS_CONTROL;
    decoder->op->run = nothing;
}

static void decode_trap(struct decoder *decoder, struct opcode_words *words)
{
    (void)words;
    decoder->op->class = CLASS_CONTROL;
    decoder->op->run = trap;
}

/* Barriers: rows are the barrier's number and, if given, the number of threads. op->flags: */
enum { BARRIER_WAITS = 1, BARRIER_COUNTED = 2, BARRIER_COUNTS = 4, BARRIER_ALL = 8, BARRIER_ANY = 16 };

static uint32_t uniform(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask, const char *what)
{
    const uint32_t *row = ROW(const uint32_t, k), value = row[__builtin_ctz(mask)];
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
        if (row[__builtin_ctz(rest)] != value)
            launch_fault(warp, __builtin_ctz(rest), 719, "lanes disagree on the %s", what);
    return value;
}

HANDLER(barrier)
{
    uint32_t id = uniform(warp, op, op->defs, mask, "barrier's number");
    uint32_t threads =
        op->flags & BARRIER_COUNTED ? uniform(warp, op, op->defs + 1u, mask, "number of threads") : 0;
    if (id >= BARRIERS) launch_fault(warp, -1, 719, "barrier %u: there are %d", id, BARRIERS);
    if (threads % LANES != 0)
        launch_fault(warp, -1, 719, "%u threads at a barrier: not a multiple of %d", threads, LANES);
    if (!(op->flags & (BARRIER_COUNTS | BARRIER_ALL | BARRIER_ANY))) {
        barrier_arrive(warp, id, threads, op->flags & BARRIER_WAITS);
        return;
    }
    if (warp->voted == 0) { /* it comes back when all have voted */
        barrier_vote(warp, id, (uint32_t)__builtin_popcount(mask),
                     (uint32_t)__builtin_popcount(pred_read(warp, op->pred[2]) & mask));
        barrier_arrive(warp, id, threads, true);
    }
    if (warp->voted == 0) {
        warp->again = true;
        return;
    }
    bool holds = op->flags & BARRIER_ALL ? warp->votes == warp->voted : warp->votes != 0;
    if (op->flags & BARRIER_COUNTS) FOR_LANES(mask, lane_set(warp, op, 0, i, warp->votes););
    pred_write(warp, op->pred[0], holds ? FULL_MASK : 0, mask);
    warp->voted = 0;
}

/* bar.red: result, number{, threads}, predicate */
static void decode_vote(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    bool counts = words_take(words, "popc"), all = words_take(words, "and"), any = words_take(words, "or");
    words_take(words, "cta");
    words_take(words, "aligned");
    words_take(words, counts ? "u32" : "pred");
    uint32_t last = decoder->source->count - 1;
    const struct ptx_operand *result = decode_operand(decoder, 0), *id = decode_operand(decoder, 1),
                             *vote = decode_operand(decoder, last);
    if (counts + all + any != 1 || last < 2 || last > 3 || result == NULL || id == NULL || vote == NULL) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    if (counts)
        decode_def(decoder, result, 32);
    else
        op->pred[0] = decode_pred(decoder, result);
    decode_use(decoder, id, 32);
    if (last == 3) decode_use(decoder, decode_operand(decoder, 2), 32);
    op->pred[2] = decode_pred(decoder, vote);
    op->flags = (uint8_t)((last == 3 ? BARRIER_COUNTED : 0) | (counts ? BARRIER_COUNTS
                                                               : all  ? BARRIER_ALL
                                                                      : BARRIER_ANY));
    op->control = CONTROL_BARRIER;
    op->class = CLASS_BARRIER;
    op->run = barrier;
}

static void decode_barrier(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    if (words_take(words, "cluster")) {
        decode_cluster_barrier(decoder, words);
        return;
    }
    if (words_take(words, "red")) {
        decode_vote(decoder, words);
        return;
    }
    bool waits = words_take(words, "sync"), arrives = words_take(words, "arrive");
    words_take(words, "cta");
    words_take(words, "aligned");
    if (waits == arrives) {
        decode_fail(decoder, "unknown barrier");
        return;
    }
    const struct ptx_operand *id = decode_operand(decoder, 0);
    if (id == NULL) return;
    decode_use(decoder, id, 32);
    op->flags = waits ? BARRIER_WAITS : 0;
    if (decoder->source->count > 1) {
        decode_use(decoder, decode_operand(decoder, 1), 32);
        op->flags |= BARRIER_COUNTED;
    } else if (arrives) {
        decode_fail(decoder, "an arrival needs a number of threads");
    }
    op->control = CONTROL_BARRIER;
    op->class = CLASS_BARRIER;
    op->run = barrier;
}

/* Fences and hints: their words are checked, their operands are not looked at. */
static void decode_ordering(struct decoder *decoder, struct opcode_words *words)
{
    static const char *const known[] = { "gl",
                                         "cta",
                                         "sys",
                                         "gpu",
                                         "cluster",
                                         "sc",
                                         "acq_rel",
                                         "acquire",
                                         "release",
                                         "async::generic",
                                         "alias",
                                         "mbarrier_init",
                                         "shared::cta",
                                         "shared::cluster",
                                         "tensormap",
                                         "L1",
                                         "L2",
                                         "L2::evict_last",
                                         "L2::evict_normal",
                                         "launch_dependents",
                                         "wait",
                                         "param",
                                         "const",
                                         "tensormap::generic",
                                         "sync_restrict::shared::cta",
                                         "sync_restrict::shared::cluster" };
    const char *base = words->word[0];
    bool is_fence = strcmp(base, "fence") == 0 || strcmp(base, "membar") == 0;
    bool is_proxy = words_take(words, "proxy"), is_async = words_take(words, "async"),
         is_global = words_take(words, "global");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        words_take(words, known[i]);
    decoder->op->run = is_proxy && is_async && !is_global ? fence_async_proxy
                       : is_fence && !is_proxy            ? fence
                                                          : nothing;
    decoder->op->class = CLASS_CONTROL;
}

static void decode_sleep(struct decoder *decoder, struct opcode_words *words)
{
    words_take_type(words);
    decoder->op->run = sleep_a_while;
    decoder->op->control = CONTROL_YIELD;
    decoder->op->class = CLASS_CONTROL;
}

HANDLER(is_space)
{
    uint32_t inside = 0;
    for (int i = 0; i < LANES; i++) {
        uint64_t address = lane_get(warp, op, 0, i);
        uint64_t window = address >= SHARED_WINDOW  ? SHARED_WINDOW
                          : address >= PARAM_WINDOW ? PARAM_WINDOW
                          : address >= LOCAL_WINDOW ? LOCAL_WINDOW
                                                    : GLOBAL_WINDOW;
        inside |= (uint32_t)(window == (uint64_t)op->imm) << i;
    }
    pred_write(warp, op->pred[0], inside, mask);
}

static void decode_is_space(struct decoder *decoder, struct opcode_words *words)
{
    const struct ptx_operand *to = decode_operand(decoder, 0), *address = decode_operand(decoder, 1);
    if (to == NULL || address == NULL) return;
    decoder->op->imm = (int64_t)(words_take(words, "shared") || words_take(words, "shared::cta") ||
                                         words_take(words, "shared::cluster")
                                     ? SHARED_WINDOW
                                 : words_take(words, "param") ? PARAM_WINDOW
                                 : words_take(words, "local") ? LOCAL_WINDOW
                                                              : GLOBAL_WINDOW);
    words_take(words, "global");
    decoder->op->pred[0] = decode_pred(decoder, to);
    decode_use(decoder, address, 64);
    decoder->op->run = is_space;
    decoder->op->class = CLASS_PREDICATE;
}

const struct family exec_control_families[] = {
    { "bra", decode_branch },
    { "ret", decode_exit },
    { "exit", decode_exit },
    { "trap", decode_trap },
    { "bar", decode_barrier },
    { "barrier", decode_barrier },
    { "membar", decode_ordering },
    { "fence", decode_ordering },
    { "prefetch", decode_ordering },
    { "prefetchu", decode_ordering },
    { "griddepcontrol", decode_ordering },
    { "nanosleep", decode_sleep },
    { "isspacep", decode_is_space },
    { NULL, NULL },
};
