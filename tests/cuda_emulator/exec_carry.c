/* Extended precision (PTX ISA 9.7.2): add, sub and mad with the carry flag, which is the kernel's register 0. */
#include "decode.h"
#include "lanes.h"

enum { TAKES = 1, GIVES = 2, SUBTRACTS = 4, HIGH = 8, SIGNED = 16, MULTIPLIES = 32 }; /* op->flags */

__extension__ typedef unsigned __int128 uint128;
__extension__ typedef __int128 int128;

static uint64_t product(uint64_t x, uint64_t y, uint32_t bits, uint32_t flags)
{
    if (!(flags & SIGNED)) return (uint64_t)((uint128)x * y >> (flags & HIGH ? bits : 0));
    int128 p = bits == 64 ? (int128)(int64_t)x * (int64_t)y : (int128)(int32_t)x * (int32_t)y;
    return (uint64_t)((uint128)p >> (flags & HIGH ? bits : 0));
}

/* Rows: result{, carry}, operands{, carry} */
HANDLER(carry)
{
    const uint32_t a = op->defs, last = a + (op->flags & MULTIPLIES ? 2u : 1u);
    const uint32_t bits = op->wide >> a & 1 ? 64 : 32;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t x = lane_get(warp, op, a, i), y = lane_get(warp, op, last, i);
        uint64_t in = op->flags & TAKES ? lane_get(warp, op, last + 1, i) : 0;
        if (op->flags & MULTIPLIES) x = product(x, lane_get(warp, op, a + 1, i), bits, op->flags);
        if (bits == 32) x = (uint32_t)x;
        uint128 sum = op->flags & SUBTRACTS ? (uint128)x - y - in : (uint128)x + y + in;
        lane_set(warp, op, 0, i, (uint64_t)sum);
        if (op->flags & GIVES) lane_set(warp, op, 1, i, (uint64_t)(sum >> bits) & 1);
    }
}

static void decode_carry(struct decoder *decoder, struct opcode_words *words, uint32_t flags)
{
    static const struct ptx_operand flag = { .kind = PTX_REGISTER, .reg = 0, .second = PTX_NONE };
    struct op *op = decoder->op;
    if (words_take(words, "hi"))
        flags |= HIGH;
    else if (flags & MULTIPLIES)
        words_take(words, "lo");
    if (words_take(words, "cc")) flags |= GIVES;
    struct type type = words_take_type(words);
    if (type.kind == 's') flags |= SIGNED;
    if ((flags & (TAKES | GIVES)) == 0 || (type.kind != 's' && type.kind != 'u') || type.bits < 32) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    const uint32_t operands = flags & MULTIPLIES ? 3 : 2;
    for (uint32_t i = 0; i <= operands; i++) {
        const struct ptx_operand *operand = decode_operand(decoder, i);
        if (operand == NULL) return;
        if (i == 0)
            decode_def(decoder, operand, type.bits);
        else
            decode_use(decoder, operand, type.bits);
        if (i == 0 && (flags & GIVES)) decode_def(decoder, &flag, 32);
    }
    if (flags & TAKES) decode_use(decoder, &flag, 32);
    op->flags = (uint8_t)flags;
    op->run = carry;
    op->class = CLASS_INTEGER;
}

#define FAMILY(name, flags)                                                                                        \
    static void decode_##name(struct decoder *decoder, struct opcode_words *words)                                 \
    {                                                                                                              \
        decode_carry(decoder, words, flags);                                                                       \
    }
FAMILY(add, 0)
FAMILY(addc, TAKES)
FAMILY(sub, SUBTRACTS)
FAMILY(subc, SUBTRACTS | TAKES)
FAMILY(mad, MULTIPLIES)
FAMILY(madc, MULTIPLIES | TAKES)

const struct family exec_carry_families[] = { { "add", decode_add }, { "addc", decode_addc },
                                              { "sub", decode_sub }, { "subc", decode_subc },
                                              { "mad", decode_mad }, { "madc", decode_madc },
                                              { NULL, NULL } };
