/* mov with packing and unpacking, cvta, selp and the logic of predicates (PTX ISA 9.7.8, 9.7.9). */
#include <string.h>

#include "decode.h"
#include "lanes.h"

HANDLER(mov32)
{
    uint32_t *d = ROW(uint32_t, 0);
    const uint32_t *a = ROW(const uint32_t, 1);
    FOR_LANES(mask, d[i] = a[i];);
}

HANDLER(mov64)
{
    uint64_t *d = ROW(uint64_t, 0);
    const uint64_t *a = ROW(const uint64_t, 1);
    FOR_LANES(mask, d[i] = a[i];);
}

/* mov.b64 d, {a, b} and mov.b64 {a, b}, d: the first element is the least significant. op->size: its bits. */
HANDLER(pack)
{
    const uint32_t ones = op->size == 32 ? UINT32_MAX : (1u << op->size) - 1;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t value = 0;
        for (uint32_t k = 0; k < op->uses; k++)
            value |= (lane_get(warp, op, 1 + k, i) & ones) << op->size * k;
        lane_set(warp, op, 0, i, value);
    }
}

HANDLER(unpack)
{
    const uint32_t ones = op->size == 32 ? UINT32_MAX : (1u << op->size) - 1;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t value = lane_get(warp, op, op->defs, i);
        for (uint32_t k = 0; k < op->defs; k++)
            if (op->rows[k] != PTX_NONE) ROW(uint32_t, k)[i] = (uint32_t)(value >> op->size * k) & ones;
    }
}

static void decode_mov(struct decoder *decoder, struct opcode_words *words)
{
    struct type type = words_take_type(words);
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    struct op *op = decoder->op;
    op->class = CLASS_MOVE;
    if (type.kind == 'p') {
        decode_fail(decoder, "mov.pred is a table entry");
    } else if (from->kind == PTX_VECTOR) {
        if (from->count == 0 || type.bits % from->count != 0) decode_fail(decoder, "pieces of unequal size");
        op->size = (uint8_t)(type.bits / (from->count != 0 ? from->count : 1));
        decode_def(decoder, to, type.bits);
        decode_vector(decoder, from, op->size < 16 ? 16 : op->size, false);
        op->run = pack;
    } else if (to->kind == PTX_VECTOR) {
        if (to->count == 0 || type.bits % to->count != 0) decode_fail(decoder, "pieces of unequal size");
        op->size = (uint8_t)(type.bits / (to->count != 0 ? to->count : 1));
        decode_vector(decoder, to, op->size < 16 ? 16 : op->size, true);
        decode_use(decoder, from, type.bits);
        op->run = unpack;
    } else {
        decode_def(decoder, to, type.bits);
        decode_use(decoder, from, type.bits);
        op->run = type.bits == 64 ? mov64 : mov32;
    }
}

/* cvta: generic addresses of the other spaces lie in windows, global ones are generic (memory.h). op->imm: the window. */
HANDLER(add_window)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        lane_set(warp, op, 0, i, lane_get(warp, op, 1, i) + (uint64_t)op->imm);
    }
}

static void decode_cvta(struct decoder *decoder, struct opcode_words *words)
{
    bool to_space = words_take(words, "to");
    uint64_t window =
        words_take(words, "shared") || words_take(words, "shared::cta") || words_take(words, "shared::cluster")
            ? SHARED_WINDOW
        : words_take(words, "local") ? LOCAL_WINDOW
        : words_take(words, "param") ? PARAM_WINDOW
                                     : 0;
    if (window == 0 && !words_take(words, "global") && !words_take(words, "const"))
        decode_fail(decoder, "unknown space");
    struct type type = words_take_type(words);
    if (type.bits != 64) decode_fail(decoder, "only 64-bit generic addresses are known");
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    decode_def(decoder, to, 64);
    decode_use(decoder, from, 64);
    decoder->op->class = CLASS_MOVE;
    decoder->op->imm = (int64_t)(to_space ? 0 - window : window);
    decoder->op->run = window == 0 ? mov64 : add_window;
}

const struct family exec_move_families[] = { { "mov", decode_mov }, { "cvta", decode_cvta }, { NULL, NULL } };

HANDLER(select32)
{
    uint32_t *d = ROW(uint32_t, 0), chosen = pred_read(warp, op->pred[2]);
    const uint32_t *a = ROW(const uint32_t, 1), *b = ROW(const uint32_t, 2);
    FOR_LANES(mask, d[i] = chosen >> i & 1 ? a[i] : b[i];);
}

HANDLER(select64)
{
    uint64_t *d = ROW(uint64_t, 0);
    const uint32_t chosen = pred_read(warp, op->pred[2]);
    const uint64_t *a = ROW(const uint64_t, 1), *b = ROW(const uint64_t, 2);
    FOR_LANES(mask, d[i] = chosen >> i & 1 ? a[i] : b[i];);
}

HANDLER(pred_mov)
{
    pred_write(warp, op->pred[0], pred_read(warp, op->pred[2]), mask);
}
HANDLER(pred_not)
{
    pred_write(warp, op->pred[0], ~pred_read(warp, op->pred[2]), mask);
}
HANDLER(pred_and)
{
    pred_write(warp, op->pred[0], pred_read(warp, op->pred[2]) & pred_read(warp, op->pred[1]), mask);
}
HANDLER(pred_or)
{
    pred_write(warp, op->pred[0], pred_read(warp, op->pred[2]) | pred_read(warp, op->pred[1]), mask);
}
HANDLER(pred_xor)
{
    pred_write(warp, op->pred[0], pred_read(warp, op->pred[2]) ^ pred_read(warp, op->pred[1]), mask);
}

#define SELECT(type, signature, handler)                                                                           \
    {                                                                                                              \
        "selp." type, signature, handler, CLASS_MOVE, CONTROL_NONE, 0                                              \
    }
#define LOGIC(name, signature)                                                                                     \
    {                                                                                                              \
#name ".pred", signature, pred_##name, CLASS_PREDICATE, CONTROL_NONE, 0                                    \
    }
const struct opcode exec_move_table[] = {
    SELECT("b16", "h:hhp", select32),
    SELECT("u16", "h:hhp", select32),
    SELECT("s16", "h:hhp", select32),
    SELECT("b32", "w:wwp", select32),
    SELECT("u32", "w:wwp", select32),
    SELECT("s32", "w:wwp", select32),
    SELECT("f32", "w:wwp", select32),
    SELECT("b64", "l:llp", select64),
    SELECT("u64", "l:llp", select64),
    SELECT("s64", "l:llp", select64),
    SELECT("f64", "l:llp", select64),
    LOGIC(mov, "p:p"),
    LOGIC(not, "p:p"),
    LOGIC(and, "p:pp"),
    LOGIC(or, "p:pp"),
    LOGIC(xor, "p:pp"),
    { .name = NULL },
};
