/* Bit counting and bit fields, byte permutation, funnel shifts and small dot products (PTX ISA 9.7.1.13 to 9.7.1.27, 9.7.8,
 * 9.7.9.7). */
#include "decode.h"
#include "lanes.h"

static inline uint32_t reverse32(uint32_t x)
{
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
    return __builtin_bswap32(x);
}

static inline uint64_t reverse64(uint64_t x)
{
    return (uint64_t)reverse32((uint32_t)x) << 32 | reverse32((uint32_t)(x >> 32));
}

#define UNARY(name, D, S, expr)                                                                                    \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        D *d = ROW(D, 0);                                                                                          \
        const S *a = ROW(const S, 1);                                                                              \
        FOR_LANES(mask, const S x = a[i]; d[i] = (D)(expr););                                                      \
    }
#define BINARY(name, expr)                                                                                         \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0);                                                                            \
        const uint32_t *a = ROW(const uint32_t, 1), *b = ROW(const uint32_t, 2);                                   \
        FOR_LANES(mask, const uint32_t x = a[i]; const uint32_t y = b[i]; d[i] = (expr););                         \
    }
#define TERNARY(name, expr)                                                                                        \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0);                                                                            \
        const uint32_t *a = ROW(const uint32_t, 1), *b = ROW(const uint32_t, 2), *c = ROW(const uint32_t, 3);      \
        FOR_LANES(mask, const uint32_t x = a[i]; const uint32_t y = b[i]; const uint32_t z = c[i];                 \
                  d[i] = (expr););                                                                                 \
    }

UNARY(popc32, uint32_t, uint32_t, __builtin_popcount(x))
UNARY(popc64, uint32_t, uint64_t, __builtin_popcountll(x))
UNARY(clz32, uint32_t, uint32_t, x == 0 ? 32 : __builtin_clz(x))
UNARY(clz64, uint32_t, uint64_t, x == 0 ? 64 : __builtin_clzll(x))
UNARY(brev32, uint32_t, uint32_t, reverse32(x))
UNARY(brev64, uint64_t, uint64_t, reverse64(x))

/* bfind: the position of the highest bit (of a signed value: the highest that differs from the sign), counted from bit 0, or
 * with .shiftamt from the top; all ones when there is none. */
static inline uint32_t find32(uint32_t x, bool from_top)
{
    return x == 0 ? UINT32_MAX : from_top ? (uint32_t)__builtin_clz(x) : 31 - (uint32_t)__builtin_clz(x);
}
static inline uint32_t find64(uint64_t x, bool from_top)
{
    return x == 0 ? UINT32_MAX : from_top ? (uint32_t)__builtin_clzll(x) : 63 - (uint32_t)__builtin_clzll(x);
}
UNARY(bfind_u32, uint32_t, uint32_t, find32(x, op->flags))
UNARY(bfind_s32, uint32_t, uint32_t, find32((int32_t)x < 0 ? ~x : x, op->flags))
UNARY(bfind_u64, uint32_t, uint64_t, find64(x, op->flags))
UNARY(bfind_s64, uint32_t, uint64_t, find64((int64_t)x < 0 ? ~x : x, op->flags))

/* bfe, bfi: position and length are taken modulo 256 and clamped by the width. */
static inline uint64_t field(uint64_t x, uint32_t bits, uint32_t position, uint32_t length, bool is_signed)
{
    position &= 255;
    length &= 255;
    uint64_t sign = 0;
    if (is_signed && length != 0) {
        uint32_t last = position + length - 1;
        sign = x >> (last < bits ? last : bits - 1) & 1;
    }
    uint64_t kept = position < bits ? x >> position : 0;
    uint32_t valid = position < bits ? bits - position : 0;
    if (length < valid) valid = length;
    uint64_t low = valid >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << valid) - 1;
    return (kept & low) | (sign ? ~low : 0);
}

#define EXTRACT(name, S, is_signed)                                                                                \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1);                                                                              \
        const uint32_t *b = ROW(const uint32_t, 2), *c = ROW(const uint32_t, 3);                                   \
        FOR_LANES(mask, d[i] = (S)field(a[i], 8 * sizeof(S), b[i], c[i], is_signed););                             \
    }
EXTRACT(bfe_u32, uint32_t, false)
EXTRACT(bfe_s32, uint32_t, true)
EXTRACT(bfe_u64, uint64_t, false)
EXTRACT(bfe_s64, uint64_t, true)

#define INSERT(name, S)                                                                                            \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1), *b = ROW(const S, 2);                                                        \
        const uint32_t *c = ROW(const uint32_t, 3), *e = ROW(const uint32_t, 4);                                   \
        const uint32_t bits = 8 * sizeof(S);                                                                       \
        FOR_LANES(mask, const uint32_t position = c[i] & 255; const uint32_t length = e[i] & 255;                  \
                  const S ones = length >= bits ? (S) ~(S)0 : (S)(((S)1 << length) - 1);                           \
                  const S where = position >= bits ? 0 : (S)(ones << position);                                    \
                  d[i] = (b[i] & ~where) | (position >= bits ? 0 : (S)(a[i] << position) & where););               \
    }
INSERT(bfi32, uint32_t)
INSERT(bfi64, uint64_t)

/* bmsk: y ones from bit x upwards. szext: x as a number of y bits. Places beyond the word: op->flags, clamped or wrapped. */
enum { FLAG_WRAP = 1, FLAG_SIGN = 2 };

static inline uint32_t bit_mask(uint32_t from, uint32_t count, uint32_t flags)
{
    if (flags & FLAG_WRAP) from &= 31, count &= 31;
    uint32_t ones = count >= 32 ? UINT32_MAX : (1u << count) - 1;
    return from >= 32 ? 0 : ones << from;
}
BINARY(bmsk, bit_mask(x, y, op->flags))

static inline uint32_t extend(uint32_t x, uint32_t count, uint32_t flags)
{
    if (flags & FLAG_WRAP) count &= 31;
    if (count >= 32) return x;
    uint32_t kept = x & ((1u << count) - 1);
    bool negative = flags & FLAG_SIGN && count != 0 && x >> (count - 1) & 1;
    return negative ? kept | UINT32_MAX << count : kept;
}
BINARY(szext, extend(x, y, op->flags))

static inline uint32_t permute(uint32_t x, uint32_t y, uint32_t selector)
{
    uint64_t bytes = x | (uint64_t)y << 32;
    uint32_t result = 0;
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t select = selector >> 4 * k;
        uint32_t byte = (uint32_t)(bytes >> 8 * (select & 7)) & 255;
        if (select & 8) byte = byte & 128 ? 255 : 0; /* replicate the sign */
        result |= byte << 8 * k;
    }
    return result;
}
TERNARY(prmt, permute(x, y, z))

/* shf: y is the upper word. */
TERNARY(shf_l_wrap, (uint32_t)((((uint64_t)y << 32 | x) << (z & 31)) >> 32))
TERNARY(shf_r_wrap, (uint32_t)(((uint64_t)y << 32 | x) >> (z & 31)))
TERNARY(shf_l_clamp, z >= 32 ? x : (uint32_t)((((uint64_t)y << 32 | x) << z) >> 32))
TERNARY(shf_r_clamp, z >= 32 ? y : (uint32_t)(((uint64_t)y << 32 | x) >> z))

HANDLER(lop3) /* bit k of the table is the result where x, y, z are the bits 2, 1, 0 of k */
{
    uint32_t *d = ROW(uint32_t, 0);
    const uint32_t *a = ROW(const uint32_t, 1), *b = ROW(const uint32_t, 2), *c = ROW(const uint32_t, 3);
    const uint32_t table = (uint32_t)op->imm;
    FOR_LANES(
        mask, uint32_t result = 0; for (uint32_t k = 0; k < 8; k++) {
            const uint32_t here = (k & 4 ? a[i] : ~a[i]) & (k & 2 ? b[i] : ~b[i]) & (k & 1 ? c[i] : ~c[i]);
            result |= table >> k & 1 ? here : 0;
        } d[i] = result;);
}

/* Both halves of a lane as numbers. op->flags: FLAG_SIGN, and of what is left: */
enum { FLAG_RELU = 4, FLAG_MIN = 8, FLAG_MAX = 16 };
static inline uint32_t half_words(uint32_t x, uint32_t y, uint32_t flags)
{
    uint32_t both = 0;
    for (uint32_t at = 0; at < 32; at += 16) {
        const int32_t p = flags & FLAG_SIGN ? (int16_t)(x >> at) : (uint16_t)(x >> at);
        const int32_t q = flags & FLAG_SIGN ? (int16_t)(y >> at) : (uint16_t)(y >> at);
        int32_t result = flags & FLAG_MIN ? (p < q ? p : q) : flags & FLAG_MAX ? (p > q ? p : q) : p + q;
        if (flags & FLAG_RELU && result < 0) result = 0;
        both |= ((uint32_t)result & 0xffff) << at;
    }
    return both;
}
BINARY(half_words_op, half_words(x, y, op->flags))

static inline uint32_t byte_dot(uint32_t x, uint32_t y, uint32_t z, bool x_signed, bool y_signed)
{
    for (uint32_t k = 0; k < 32; k += 8) {
        int32_t p = x_signed ? (int8_t)(x >> k) : (uint8_t)(x >> k);
        int32_t q = y_signed ? (int8_t)(y >> k) : (uint8_t)(y >> k);
        z += (uint32_t)(p * q);
    }
    return z;
}
/* dp2a: the halves of x times two neighbouring bytes of y. op->flags: signs as of dp4a, and 4 for the upper pair. */
static inline uint32_t half_dot(uint32_t x, uint32_t y, uint32_t z, uint32_t flags)
{
    if (flags & 4) y >>= 16;
    for (uint32_t k = 0; k < 2; k++) {
        int32_t p = flags & 1 ? (int16_t)(x >> 16 * k) : (uint16_t)(x >> 16 * k);
        int32_t q = flags & 2 ? (int8_t)(y >> 8 * k) : (uint8_t)(y >> 8 * k);
        z += (uint32_t)(p * q);
    }
    return z;
}
TERNARY(dp2a, half_dot(x, y, z, op->flags))
TERNARY(dp4a, byte_dot(x, y, z, op->flags & 1, op->flags & 2))

/* vabsdiff4, vabsdiff2: of each byte or half, or the sum of them all and the third operand. */
enum { FLAG_BYTES = 4, FLAG_SUM = 8 };
static inline uint32_t differences(uint32_t x, uint32_t y, uint32_t z, uint32_t flags)
{
    const uint32_t bits = flags & FLAG_BYTES ? 8 : 16, ones = (1u << bits) - 1;
    uint32_t result = 0, sum = 0;
    for (uint32_t at = 0; at < 32; at += bits) {
        int32_t p = (int32_t)(x >> at & ones), q = (int32_t)(y >> at & ones);
        if (flags & FLAG_SIGN) {
            p = (int32_t)(x << (32 - bits - at)) >> (32 - bits);
            q = (int32_t)(y << (32 - bits - at)) >> (32 - bits);
        }
        uint32_t apart = (uint32_t)(p > q ? p - q : q - p);
        result |= (apart & ones) << at;
        sum += apart;
    }
    return flags & FLAG_SUM ? sum + z : result;
}
TERNARY(vabsdiff, differences(x, y, z, op->flags))

#define ENTRY(text, signature, handler)                                                                            \
    {                                                                                                              \
        text, signature, handler, CLASS_INTEGER, CONTROL_NONE, 0                                                   \
    }
#define FLAGGED(text, signature, handler, flag)                                                                    \
    {                                                                                                              \
        text, signature, handler, CLASS_INTEGER, CONTROL_NONE, flag                                                \
    }
#define FIND(type, signature)                                                                                      \
    ENTRY("bfind." #type, signature, bfind_##type), FLAGGED("bfind.shiftamt." #type, signature, bfind_##type, 1)

const struct opcode exec_bits_table[] = {
    ENTRY("popc.b32", "w:w", popc32),
    ENTRY("popc.b64", "w:l", popc64),
    ENTRY("clz.b32", "w:w", clz32),
    ENTRY("clz.b64", "w:l", clz64),
    ENTRY("brev.b32", "w:w", brev32),
    ENTRY("brev.b64", "l:l", brev64),
    FIND(u32, "w:w"),
    FIND(s32, "w:w"),
    FIND(u64, "w:l"),
    FIND(s64, "w:l"),
    ENTRY("bfe.u32", "w:www", bfe_u32),
    ENTRY("bfe.s32", "w:www", bfe_s32),
    ENTRY("bfe.u64", "l:lww", bfe_u64),
    ENTRY("bfe.s64", "l:lww", bfe_s64),
    ENTRY("bfi.b32", "w:wwww", bfi32),
    ENTRY("bfi.b64", "l:llww", bfi64),
    FLAGGED("bmsk.clamp.b32", "w:ww", bmsk, 0),
    FLAGGED("bmsk.wrap.b32", "w:ww", bmsk, FLAG_WRAP),
    FLAGGED("szext.clamp.u32", "w:ww", szext, 0),
    FLAGGED("szext.clamp.s32", "w:ww", szext, FLAG_SIGN),
    FLAGGED("szext.wrap.u32", "w:ww", szext, FLAG_WRAP),
    FLAGGED("szext.wrap.s32", "w:ww", szext, FLAG_WRAP | FLAG_SIGN),
    ENTRY("prmt.b32", "w:www", prmt),
    ENTRY("shf.l.wrap.b32", "w:www", shf_l_wrap),
    ENTRY("shf.r.wrap.b32", "w:www", shf_r_wrap),
    ENTRY("shf.l.clamp.b32", "w:www", shf_l_clamp),
    ENTRY("shf.r.clamp.b32", "w:www", shf_r_clamp),
    ENTRY("lop3.b32", "w:wwwi", lop3),
    FLAGGED("add.u16x2", "w:ww", half_words_op, 0),
    FLAGGED("add.s16x2", "w:ww", half_words_op, FLAG_SIGN),
    FLAGGED("min.u16x2", "w:ww", half_words_op, FLAG_MIN),
    FLAGGED("max.u16x2", "w:ww", half_words_op, FLAG_MAX),
    FLAGGED("min.s16x2", "w:ww", half_words_op, FLAG_SIGN | FLAG_MIN),
    FLAGGED("max.s16x2", "w:ww", half_words_op, FLAG_SIGN | FLAG_MAX),
    FLAGGED("min.relu.s16x2", "w:ww", half_words_op, FLAG_SIGN | FLAG_MIN | FLAG_RELU),
    FLAGGED("max.relu.s16x2", "w:ww", half_words_op, FLAG_SIGN | FLAG_MAX | FLAG_RELU),
    FLAGGED("dp4a.u32.u32", "w:www", dp4a, 0),
    FLAGGED("dp4a.s32.u32", "w:www", dp4a, 1),
    FLAGGED("dp4a.u32.s32", "w:www", dp4a, 2),
    FLAGGED("dp4a.s32.s32", "w:www", dp4a, 3),
    FLAGGED("vabsdiff4.u32.u32.u32", "w:www", vabsdiff, FLAG_BYTES),
    FLAGGED("vabsdiff4.u32.u32.u32.add", "w:www", vabsdiff, FLAG_BYTES | FLAG_SUM),
    FLAGGED("vabsdiff4.s32.s32.s32", "w:www", vabsdiff, FLAG_BYTES | FLAG_SIGN),
    FLAGGED("vabsdiff4.u32.s32.s32.add", "w:www", vabsdiff, FLAG_BYTES | FLAG_SIGN | FLAG_SUM),
    FLAGGED("vabsdiff2.u32.u32.u32", "w:www", vabsdiff, 0),
    FLAGGED("vabsdiff2.u32.u32.u32.add", "w:www", vabsdiff, FLAG_SUM),
    FLAGGED("vabsdiff2.s32.s32.s32", "w:www", vabsdiff, FLAG_SIGN),
    /* ".lo" is dropped from names (decode.c) */
    FLAGGED("dp2a.u32.u32", "w:www", dp2a, 0),
    FLAGGED("dp2a.s32.u32", "w:www", dp2a, 1),
    FLAGGED("dp2a.u32.s32", "w:www", dp2a, 2),
    FLAGGED("dp2a.s32.s32", "w:www", dp2a, 3),
    FLAGGED("dp2a.hi.u32.u32", "w:www", dp2a, 4),
    FLAGGED("dp2a.hi.s32.u32", "w:www", dp2a, 5),
    FLAGGED("dp2a.hi.u32.s32", "w:www", dp2a, 6),
    FLAGGED("dp2a.hi.s32.s32", "w:www", dp2a, 7),
    { .name = NULL },
};
