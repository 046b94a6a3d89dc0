/* Operations across the lanes of a warp (PTX ISA 9.7.9.6, 9.7.13): the scheduler has brought the lanes of the member mask, the
 * last operand, together before one of these runs, and their mask is what executes. */
#include "decode.h"
#include "lanes.h"

#include <string.h>

enum { SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_BFLY, SHUFFLE_IDX };

/* shfl.sync: c holds the clamp value (bits 0-4) and the segment mask (bits 8-12); the pseudo-code of 9.7.9.6. */
HANDLER(shfl)
{
    uint32_t *d = ROW(uint32_t, 0), source[LANES], in_range = 0;
    const uint32_t *b = ROW(const uint32_t, 2), *c = ROW(const uint32_t, 3);
    memcpy(source, ROW(const uint32_t, 1), sizeof source);
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int lane = __builtin_ctz(rest), by = (int)(b[lane] & 31);
        const int clamp = (int)(c[lane] & 31), segment = (int)(c[lane] >> 8 & 31);
        const int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
        int from;
        bool inside;
        switch (op->flags) {
        case SHUFFLE_UP:
            from = lane - by, inside = from >= last;
            break;
        case SHUFFLE_DOWN:
            from = lane + by, inside = from <= last;
            break;
        case SHUFFLE_BFLY:
            from = lane ^ by, inside = from <= last;
            break;
        default:
            from = first | (by & ~segment), inside = from <= last;
            break;
        }
        if (!inside) from = lane;
        if (warp->launch->check && !(mask >> (from & 31) & 1))
            launch_fault(warp, lane, 719, "shuffle from lane %d, which does not take part (lanes 0x%08x do)", from,
                         mask);
        d[lane] = source[from & 31];
        in_range |= (uint32_t)inside << lane;
    }
    pred_write(warp, op->pred[0], in_range, mask);
}

enum { VOTE_ANY, VOTE_ALL, VOTE_UNI };
HANDLER(vote)
{
    uint32_t set = pred_read(warp, op->pred[2]) & mask;
    bool holds = op->flags == VOTE_ANY ? set != 0 : op->flags == VOTE_ALL ? set == mask : set == 0 || set == mask;
    pred_write(warp, op->pred[0], holds ? FULL_MASK : 0, mask);
}

HANDLER(ballot)
{
    uint32_t *d = ROW(uint32_t, 0), set = pred_read(warp, op->pred[2]) & mask;
    FOR_LANES(mask, d[i] = set;);
}

#define MATCH(name, S)                                                                                             \
    HANDLER(match_any_##name)                                                                                      \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0), result[LANES] = { 0 };                                                     \
        const S *a = ROW(const S, 1);                                                                              \
        for (uint32_t i = 0; i < LANES; i++)                                                                       \
            for (uint32_t j = 0; j < LANES; j++)                                                                   \
                if ((mask >> j & 1) && a[i] == a[j]) result[i] |= 1u << j;                                         \
        FOR_LANES(mask, d[i] = result[i];);                                                                        \
    }                                                                                                              \
    HANDLER(match_all_##name)                                                                                      \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0);                                                                            \
        const S *a = ROW(const S, 1), first = a[__builtin_ctz(mask)];                                              \
        uint32_t equal = 0;                                                                                        \
        for (uint32_t j = 0; j < LANES; j++)                                                                       \
            equal |= (uint32_t)(a[j] == first) << j;                                                               \
        bool all = (equal & mask) == mask;                                                                         \
        FOR_LANES(mask, d[i] = all ? mask : 0;);                                                                   \
        pred_write(warp, op->pred[0], all ? FULL_MASK : 0, mask);                                                  \
    }
MATCH(b32, uint32_t)
MATCH(b64, uint64_t)

#define REDUX(name, T, expr)                                                                                       \
    HANDLER(redux_##name)                                                                                          \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0);                                                                            \
        const uint32_t *a = ROW(const uint32_t, 1);                                                                \
        T x = (T)a[__builtin_ctz(mask)];                                                                           \
        for (uint32_t rest = mask & (mask - 1); rest != 0; rest &= rest - 1) {                                     \
            const T y = (T)a[__builtin_ctz(rest)];                                                                 \
            x = (T)(expr);                                                                                         \
        }                                                                                                          \
        FOR_LANES(mask, d[i] = (uint32_t)x;);                                                                      \
    }
REDUX(add, uint32_t, x + y)
REDUX(and, uint32_t, x &y)
REDUX(or, uint32_t, x | y)
REDUX(xor, uint32_t, x ^ y)
REDUX(min_u32, uint32_t, x < y ? x : y)
REDUX(max_u32, uint32_t, x > y ? x : y)
REDUX(min_s32, int32_t, x < y ? x : y)
REDUX(max_s32, int32_t, x > y ? x : y)

HANDLER(converge)
{
    (void)warp, (void)op, (void)mask;
}

HANDLER(activemask)
{
    uint32_t *d = ROW(uint32_t, 0);
    FOR_LANES(mask, d[i] = mask;);
}

HANDLER(elect) /* elect.sync d|p: the lowest member is elected */
{
    uint32_t *d = ROW(uint32_t, 0), leader = (uint32_t)__builtin_ctz(mask);
    FOR_LANES(mask, d[i] = leader;);
    pred_write(warp, op->pred[0], 1u << leader, mask);
}

#define ENTRY(text, signature, handler, flag)                                                                      \
    {                                                                                                              \
        text, signature, handler, CLASS_WARP, CONTROL_MEMBERS, flag                                                \
    }
const struct opcode exec_warp_table[] = {
    ENTRY("shfl.sync.up.b32", "wp:wwwm", shfl, SHUFFLE_UP),
    ENTRY("shfl.sync.down.b32", "wp:wwwm", shfl, SHUFFLE_DOWN),
    ENTRY("shfl.sync.bfly.b32", "wp:wwwm", shfl, SHUFFLE_BFLY),
    ENTRY("shfl.sync.idx.b32", "wp:wwwm", shfl, SHUFFLE_IDX),
    ENTRY("vote.sync.any.pred", "p:pm", vote, VOTE_ANY),
    ENTRY("vote.sync.all.pred", "p:pm", vote, VOTE_ALL),
    ENTRY("vote.sync.uni.pred", "p:pm", vote, VOTE_UNI),
    ENTRY("vote.sync.ballot.b32", "w:pm", ballot, 0),
    ENTRY("vote.any.sync.pred", "p:pm", vote, VOTE_ANY),
    ENTRY("vote.all.sync.pred", "p:pm", vote, VOTE_ALL),
    ENTRY("vote.uni.sync.pred", "p:pm", vote, VOTE_UNI),
    ENTRY("vote.ballot.sync.b32", "w:pm", ballot, 0), /* the order of words that CUB has in its inline assembly */
    ENTRY("match.any.sync.b32", "w:wm", match_any_b32, 0),
    ENTRY("match.any.sync.b64", "w:lm", match_any_b64, 0),
    ENTRY("match.all.sync.b32", "wp:wm", match_all_b32, 0),
    ENTRY("match.all.sync.b64", "wp:lm", match_all_b64, 0),
    ENTRY("redux.sync.add.s32", "w:wm", redux_add, 0),
    ENTRY("redux.sync.add.u32", "w:wm", redux_add, 0),
    ENTRY("redux.sync.and.b32", "w:wm", redux_and, 0),
    ENTRY("redux.sync.or.b32", "w:wm", redux_or, 0),
    ENTRY("redux.sync.xor.b32", "w:wm", redux_xor, 0),
    ENTRY("redux.sync.min.u32", "w:wm", redux_min_u32, 0),
    ENTRY("redux.sync.max.u32", "w:wm", redux_max_u32, 0),
    ENTRY("redux.sync.min.s32", "w:wm", redux_min_s32, 0),
    ENTRY("redux.sync.max.s32", "w:wm", redux_max_s32, 0),
    ENTRY("bar.warp.sync", ":m", converge, 0),
    ENTRY("elect.sync", "wp:m", elect, 0),
    { "activemask.b32", "w:", activemask, CLASS_WARP, CONTROL_NONE, 0 },
    { .name = NULL },
};
