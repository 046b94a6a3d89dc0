/* cvt (PTX ISA 9.7.9.21): conversions between all integer and floating-point types, with every rounding and .sat, .ftz and
 * .relu. The common ones have a loop of their own; the rest go lane by lane through a 64-bit integer or a double. */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "half.h"
#include "lanes.h"

struct conversion {
    struct type from, to;
    enum rounding rounding;
    bool to_integer_value; /* .rni and the like from float to float */
    bool sat, ftz, relu;
};

static bool is_float(struct type type)
{
    return type.kind == 'f' || type.kind == 'h' || type.kind == 't';
}

static double read_float(uint64_t bits, struct type type)
{
    if (type.kind == 'h') return bfloat_to_float((uint16_t)bits);
    if (type.bits == 16) return half_to_float((uint16_t)bits);
    return type.bits == 32 ? as_float((uint32_t)bits) : as_double(bits);
}

static uint64_t write_float(double value, const struct conversion *c)
{
    if (c->to.kind == 'h') return float_to_bfloat(double_to_float_odd(value), c->rounding);
    if (c->to.kind == 't') { /* tf32: 10 bits of fraction, the lower 13 are zero here */
        uint32_t bits = float_bits((float)value), sign = bits & 0x80000000u;
        if (value != value || isinf(value)) return bits;
        return sign | round_bits(bits & 0x7fffffff, 13, c->rounding, sign) << 13;
    }
    if (c->to.bits == 16) return float_to_half(double_to_float_odd(value), c->rounding);
    return c->to.bits == 32 ? float_bits(double_to_float(value, c->rounding)) : double_bits(value);
}

static uint64_t truncate_bits(uint64_t value, uint32_t bits)
{
    return bits >= 64 ? value : value & (((uint64_t)1 << bits) - 1);
}

static double round_to_integer(double value, enum rounding rounding)
{
    switch (rounding) {
    case ROUND_ZERO:
        return trunc(value);
    case ROUND_DOWN:
        return floor(value);
    case ROUND_UP:
        return ceil(value);
    default:
        return nearbyint(value);
    }
}

/* Out of range saturates; NaN gives 0, or where one of the types has 64 bits only the highest bit. */
static uint64_t float_to_integer(double value, const struct conversion *c)
{
    uint32_t bits = c->to.bits;
    if (value != value) return bits == 64 || c->from.bits == 64 ? (uint64_t)1 << (bits - 1) : 0;
    value = round_to_integer(value, c->rounding);
    if (c->to.kind == 's') {
        double limit = ldexp(1, (int)bits - 1);
        if (value >= limit) return ((uint64_t)1 << (bits - 1)) - 1;
        if (value < -limit) return truncate_bits((uint64_t)1 << (bits - 1), bits);
        return truncate_bits((uint64_t)(int64_t)value, bits);
    }
    if (value <= 0) return 0;
    return value >= ldexp(1, (int)bits) ? truncate_bits(UINT64_MAX, bits) : (uint64_t)value;
}

static uint64_t integer_to_integer(uint64_t value, bool negative, const struct conversion *c)
{
    uint64_t most = truncate_bits(UINT64_MAX, c->to.kind == 's' ? c->to.bits - 1u : c->to.bits);
    if (c->sat) {
        if (!negative && value > most) value = most;
        if (negative && c->to.kind != 's') value = 0;
        if (negative && c->to.kind == 's' && (int64_t)value < -(int64_t)most - 1) value = ~most;
    }
    return truncate_bits(value, c->to.bits);
}

static double integer_to_double(uint64_t magnitude, bool negative, enum rounding rounding)
{
    double nearest = (double)magnitude;
    bool is_above = nearest >= 0x1p64 || (uint64_t)nearest > magnitude,
         is_below = nearest < 0x1p64 && (uint64_t)nearest < magnitude;
    bool up = rounding == (negative ? ROUND_DOWN : ROUND_UP), down = rounding != ROUND_NEAREST && !up;
    if (up && is_below) nearest = nextafter(nearest, INFINITY);
    if (down && is_above) nearest = nextafter(nearest, 0);
    return negative ? -nearest : nearest;
}

static uint64_t integer_to_float(uint64_t value, bool negative, const struct conversion *c)
{
    uint64_t magnitude = negative ? 0 - value : value;
    double rounded = (double)magnitude;
    if (c->to.bits == 64) return double_bits(integer_to_double(magnitude, negative, c->rounding));
    if (magnitude >> 53 != 0) { /* keep the bits that matter and a sticky one */
        uint64_t sticky = magnitude & 0x7ff;
        rounded = (double)((magnitude & ~(uint64_t)0x7ff) | (sticky != 0 ? 0x800 : 0));
    }
    return write_float(negative ? -rounded : rounded, c);
}

static uint64_t convert(uint64_t bits, const struct conversion *c)
{
    if (!is_float(c->from)) {
        uint64_t value = truncate_bits(bits, c->from.bits);
        bool negative = c->from.kind == 's' && value >> (c->from.bits - 1) & 1;
        if (negative && c->from.bits < 64) value |= ~(uint64_t)0 << c->from.bits;
        return is_float(c->to) ? integer_to_float(value, negative, c) : integer_to_integer(value, negative, c);
    }
    double value = read_float(bits, c->from);
    if (c->ftz && c->from.bits == 32) value = flush((float)value);
    if (!is_float(c->to)) return float_to_integer(value, c);
    struct conversion rounding = *c;
    if (c->to_integer_value) {
        value = round_to_integer(value, c->rounding);
        rounding.rounding = ROUND_NEAREST;
    }
    if (c->sat) value = value > 0 ? (value < 1 ? value : 1) : 0;
    if (c->relu && value < 0) value = 0;
    uint64_t result = write_float(value, &rounding);
    return c->ftz && c->to.bits == 32 && c->to.kind == 'f' ? float_bits(flush(as_float((uint32_t)result))) : result;
}

HANDLER(convert_any)
{
    const struct conversion *c = op->detail;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t value = convert(lane_get(warp, op, 1, i), c);
        if (c->to.kind == 's' && c->to.bits < 64) /* sign-extended to the width of the register (9.7.9.21) */
            value = (uint64_t)((int64_t)(value << (64 - c->to.bits)) >> (64 - c->to.bits));
        if (c->to.bits <= 16 && op->flags) value &= 0xffff; /* op->flags: a 16-bit register */
        lane_set(warp, op, 0, i, value);
    }
}

HANDLER(convert_pair) /* d = {a, b}: a in the upper half */
{
    const struct conversion *c = op->detail;
    uint32_t *d = ROW(uint32_t, 0);
    const uint32_t *a = ROW(const uint32_t, 1), *b = ROW(const uint32_t, 2);
    FOR_LANES(mask, d[i] = (uint32_t)(convert(a[i], c) << 16 | convert(b[i], c)););
}

#define SIMPLE(name, D, S, expr)                                                                                   \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        D *d = ROW(D, 0);                                                                                          \
        const S *a = ROW(const S, 1);                                                                              \
        FOR_LANES(mask, const S x = a[i]; d[i] = (D)(expr););                                                      \
    }
SIMPLE(s32_to_64, uint64_t, int32_t, (int64_t)x)
SIMPLE(u32_to_64, uint64_t, uint32_t, x)
SIMPLE(low_32, uint32_t, uint64_t, x)
SIMPLE(copy_32, uint32_t, uint32_t, x)
SIMPLE(copy_64, uint64_t, uint64_t, x)
SIMPLE(low_16, uint32_t, uint32_t, x & 0xffff)
SIMPLE(s16_to_32, uint32_t, uint32_t, (int32_t)(int16_t)x)
SIMPLE(half_to_f32, float, uint32_t, half_to_float((uint16_t)x))
SIMPLE(bfloat_to_f32, float, uint32_t, bfloat_to_float((uint16_t)x))
SIMPLE(f32_to_half, uint32_t, float, float_to_half(x, ROUND_NEAREST))
SIMPLE(f32_to_bfloat, uint32_t, float, float_to_bfloat(x, ROUND_NEAREST))
SIMPLE(s32_to_f32, float, int32_t, (float)x)
SIMPLE(u32_to_f32, float, uint32_t, (float)x)

/* The loop for a plain conversion whose registers are exactly as wide as its types, or NULL. */
static op_handler *simple(const struct decoder *decoder, const struct conversion *c)
{
    static const struct {
        const char *types;
        op_handler *run;
    } loops[] = { { "s64s32", s32_to_64 },     { "u64s32", s32_to_64 },     { "s64u32", u32_to_64 },
                  { "u64u32", u32_to_64 },     { "u32u64", low_32 },        { "s32s64", low_32 },
                  { "u32s64", low_32 },        { "s32u64", low_32 },        { "u32s32", copy_32 },
                  { "s32u32", copy_32 },       { "u64s64", copy_64 },       { "s64u64", copy_64 },
                  { "u32u16", low_16 },        { "s32u16", low_16 },        { "u16u32", low_16 },
                  { "u16s32", low_16 },        { "u32s16", s16_to_32 },     { "s32s16", s16_to_32 },
                  { "f32f16", half_to_f32 },   { "f32h16", bfloat_to_f32 }, { "f16f32", f32_to_half },
                  { "h16f32", f32_to_bfloat }, { "f32s32", s32_to_f32 },    { "f32u32", u32_to_f32 } };
    const uint8_t *bits = decoder->ptx->register_bits;
    const struct ptx_operand *to = &decoder->source->operands[0], *from = &decoder->source->operands[1];
    if (c->sat || c->ftz || c->relu || c->to_integer_value || (is_float(c->to) && c->rounding != ROUND_NEAREST))
        return NULL;
    if (from->kind != PTX_REGISTER || bits[from->reg] != c->from.bits || bits[to->reg] != c->to.bits) return NULL;
    char types[16];
    snprintf(types, sizeof types, "%c%d%c%d", c->to.kind, c->to.bits, c->from.kind, c->from.bits);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if (strcmp(types, loops[i].types) == 0) return loops[i].run;
    return NULL;
}

static void take_rounding(struct opcode_words *words, struct conversion *c)
{
    static const struct {
        const char *word;
        enum rounding rounding;
        bool to_integer;
    } roundings[] = {
        { "rn", ROUND_NEAREST, false }, { "rz", ROUND_ZERO, false },          { "rm", ROUND_DOWN, false },
        { "rp", ROUND_UP, false },      { "rna", ROUND_NEAREST_AWAY, false }, { "rni", ROUND_NEAREST, true },
        { "rzi", ROUND_ZERO, true },    { "rmi", ROUND_DOWN, true },          { "rpi", ROUND_UP, true }
    };
    for (size_t i = 0; i < sizeof roundings / sizeof *roundings; i++)
        if (words_take(words, roundings[i].word)) {
            c->rounding = roundings[i].rounding;
            c->to_integer_value = roundings[i].to_integer;
        }
}

static void decode_cvt(struct decoder *decoder, struct opcode_words *words)
{
    struct conversion *c = arena_alloc(&decoder->module->arena, sizeof *c);
    take_rounding(words, c);
    c->sat = words_take(words, "sat");
    c->ftz = words_take(words, "ftz");
    c->relu = words_take(words, "relu");
    c->to = words_take_type(words);
    c->from = words_take_type(words);
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    struct op *op = decoder->op;
    op->class = CLASS_CONVERT;
    op->detail = c;
    if ((c->to.kind == 'x' || c->to.kind == 'y') && c->from.kind == 'f' && c->from.bits == 32) {
        c->to = (struct type){ .kind = c->to.kind == 'x' ? 'f' : 'h', .bits = 16 };
        decode_def(decoder, to, 32);
        decode_use(decoder, from, 32);
        from = decode_operand(decoder, 2);
        if (from == NULL) return;
        decode_use(decoder, from, 32);
        op->run = convert_pair;
        return;
    }
    if (c->to.kind == 0 || c->from.kind == 0 || strchr("usfht", c->to.kind) == NULL ||
        strchr("usfht", c->from.kind) == NULL) {
        decode_fail(decoder, "unknown conversion");
        return;
    }
    decode_def(decoder, to, 0);
    decode_use(decoder, from, from->kind == PTX_REGISTER ? 0 : c->from.bits);
    op->flags = to->kind == PTX_REGISTER && decoder->ptx->register_bits[to->reg] == 16;
    if (decoder->failed) return;
    op->run = simple(decoder, c);
    if (op->run == NULL) op->run = convert_any;
}

const struct family exec_convert_families[] = { { "cvt", decode_cvt }, { NULL, NULL } };
