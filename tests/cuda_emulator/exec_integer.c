/* Integer arithmetic, logic and shifts, for every width (PTX ISA 9.7.1 and 9.7.8). Values of 16 bits sit zero-extended
 * in 32-bit lanes. Unsigned arithmetic throughout: PTX wraps where C would overflow. */
#include "decode.h"
#include "lanes.h"

/* T: the value's type, S: the lane's, U: T unsigned, P: what T is computed in, unsigned. */
#define UNARY(name, T, S, U, P, expr)                                                                              \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        typedef T value;                                                                                           \
        typedef P wrap;                                                                                            \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1);                                                                              \
        FOR_LANES(mask, const value x = (value)a[i]; d[i] = (S)(U)(wrap)(expr););                                  \
    }
#define BINARY(name, T, S, U, P, expr)                                                                             \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        typedef T value;                                                                                           \
        typedef P wrap;                                                                                            \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1), *b = ROW(const S, 2);                                                        \
        FOR_LANES(mask, const value x = (value)a[i]; const value y = (value)b[i]; d[i] = (S)(U)(wrap)(expr););     \
    }
#define TERNARY(name, T, S, U, P, expr)                                                                            \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        typedef T value;                                                                                           \
        typedef P wrap;                                                                                            \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1), *b = ROW(const S, 2), *c = ROW(const S, 3);                                  \
        FOR_LANES(mask, const value x = (value)a[i]; const value y = (value)b[i]; const value z = (value)c[i];     \
                  d[i] = (S)(U)(wrap)(expr););                                                                     \
    }
/* The shift amount is a 32-bit register whatever is shifted. */
#define SHIFT(name, T, S, U, P, expr)                                                                              \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        typedef T value;                                                                                           \
        typedef P wrap;                                                                                            \
        const uint32_t bits = 8 * sizeof(value);                                                                   \
        S *d = ROW(S, 0);                                                                                          \
        const S *a = ROW(const S, 1);                                                                              \
        const uint32_t *b = ROW(const uint32_t, 2);                                                                \
        FOR_LANES(mask, const value x = (value)a[i]; const uint32_t y = b[i]; d[i] = (S)(U)(wrap)(expr););         \
    }
/* mul.wide, mad.wide: R the double-width lane type. */
#define WIDE(name, T, S, R, W)                                                                                     \
    HANDLER(mul_##name)                                                                                            \
    {                                                                                                              \
        R *d = ROW(R, 0);                                                                                          \
        const S *a = ROW(const S, 1), *b = ROW(const S, 2);                                                        \
        FOR_LANES(mask, d[i] = (R)((W)(T)a[i] * (W)(T)b[i]););                                                     \
    }                                                                                                              \
    HANDLER(mad_##name)                                                                                            \
    {                                                                                                              \
        R *d = ROW(R, 0);                                                                                          \
        const S *a = ROW(const S, 1), *b = ROW(const S, 2);                                                        \
        const R *c = ROW(const R, 3);                                                                              \
        FOR_LANES(mask, d[i] = (R)((W)(T)a[i] * (W)(T)b[i]) + c[i];);                                              \
    }

#define UNSIGNED_WIDTHS(KIND, name, expr)                                                                          \
    KIND(name##_u16, uint16_t, uint32_t, uint16_t, uint32_t, expr)                                                 \
    KIND(name##_u32, uint32_t, uint32_t, uint32_t, uint32_t, expr)                                                 \
    KIND(name##_u64, uint64_t, uint64_t, uint64_t, uint64_t, expr)
#define SIGNED_WIDTHS(KIND, name, expr)                                                                            \
    KIND(name##_s16, int16_t, uint32_t, uint16_t, uint32_t, expr)                                                  \
    KIND(name##_s32, int32_t, uint32_t, uint32_t, uint32_t, expr)                                                  \
    KIND(name##_s64, int64_t, uint64_t, uint64_t, uint64_t, expr)
#define ALL_WIDTHS(KIND, name, expr) UNSIGNED_WIDTHS(KIND, name, expr) SIGNED_WIDTHS(KIND, name, expr)

ALL_WIDTHS(BINARY, add, (wrap)x + (wrap)y)
ALL_WIDTHS(BINARY, sub, (wrap)x - (wrap)y)
ALL_WIDTHS(BINARY, mul, (wrap)x *(wrap)y)
ALL_WIDTHS(TERNARY, mad, (wrap)x *(wrap)y + (wrap)z)
ALL_WIDTHS(BINARY, min, x < y ? x : y)
ALL_WIDTHS(BINARY, max, x > y ? x : y)
ALL_WIDTHS(TERNARY, sad, (wrap)z + (x < y ? (wrap)y - (wrap)x : (wrap)x - (wrap)y))
/* Division by zero yields "an unspecified, machine-specific value": all ones, the dividend as remainder. The most negative
 * value divided by -1 wraps. */
UNSIGNED_WIDTHS(BINARY, div, y == 0 ? (wrap)-1 : (wrap)(x / y))
UNSIGNED_WIDTHS(BINARY, rem, y == 0 ? x : (value)(x % y))
SIGNED_WIDTHS(BINARY, div, y == 0 ? (wrap)-1 : y == -1 ? 0 - (wrap)x : (wrap)(x / y))
SIGNED_WIDTHS(BINARY, rem, y == 0 ? x : y == -1 ? 0 : (value)(x % y))
SIGNED_WIDTHS(UNARY, neg, 0 - (wrap)x)
SIGNED_WIDTHS(UNARY, abs, x < 0 ? 0 - (wrap)x : (wrap)x)
UNSIGNED_WIDTHS(BINARY, and, x &y)
UNSIGNED_WIDTHS(BINARY, or, x | y)
UNSIGNED_WIDTHS(BINARY, xor, x ^ y)
UNSIGNED_WIDTHS(UNARY, not, ~(wrap)x)
UNSIGNED_WIDTHS(UNARY, cnot, x == 0)
/* Shifts clamp the amount to the width (9.7.8.7, 9.7.8.8). */
UNSIGNED_WIDTHS(SHIFT, shl, y >= bits ? 0 : (wrap)x << y)
UNSIGNED_WIDTHS(SHIFT, shr, y >= bits ? 0 : (wrap)x >> y)
SIGNED_WIDTHS(SHIFT, shr, x >> (y >= bits ? bits - 1 : y))

WIDE(wide_u16, uint16_t, uint32_t, uint32_t, uint32_t)
WIDE(wide_s16, int16_t, uint32_t, uint32_t, int32_t)
WIDE(wide_u32, uint32_t, uint32_t, uint64_t, uint64_t)
WIDE(wide_s32, int32_t, uint32_t, uint64_t, int64_t)

__extension__ typedef unsigned __int128 uint128;
__extension__ typedef __int128 int128;

#define HIGH(KIND, name, tail)                                                                                     \
    KIND(name##_u16, uint16_t, uint32_t, uint16_t, uint32_t, ((uint32_t)x * (uint32_t)y >> 16) tail)               \
    KIND(name##_s16, int16_t, uint32_t, uint16_t, uint32_t, ((wrap)((int32_t)x * (int32_t)y) >> 16) tail)          \
    KIND(name##_u32, uint32_t, uint32_t, uint32_t, uint32_t, (wrap)((uint64_t)x * y >> 32) tail)                   \
    KIND(name##_s32, int32_t, uint32_t, uint32_t, uint32_t, (wrap)((int64_t)x * y >> 32) tail)                     \
    KIND(name##_u64, uint64_t, uint64_t, uint64_t, uint64_t, (wrap)((uint128)x * y >> 64) tail)                    \
    KIND(name##_s64, int64_t, uint64_t, uint64_t, uint64_t, (wrap)((int128)x * y >> 64) tail)
HIGH(BINARY, mul_hi, )
HIGH(TERNARY, mad_hi, +(wrap)z)

/* .sat exists for add, sub and mad.hi of .s32 only. */
#define CLAMP_S32(v) ((v) > INT32_MAX ? INT32_MAX : (v) < INT32_MIN ? INT32_MIN : (v))
BINARY(add_sat_s32, int32_t, uint32_t, uint32_t, uint64_t, CLAMP_S32((int64_t)x + y))
BINARY(sub_sat_s32, int32_t, uint32_t, uint32_t, uint64_t, CLAMP_S32((int64_t)x - y))
/* min.relu, max.relu: what is negative becomes 0. */
BINARY(min_relu_s32, int32_t, uint32_t, uint32_t, uint32_t, (x < y ? x : y) > 0 ? (x < y ? x : y) : 0)
BINARY(max_relu_s32, int32_t, uint32_t, uint32_t, uint32_t, (x > y ? x : y) > 0 ? (x > y ? x : y) : 0)
/* mul24, mad24: the low 24 bits of each factor. */
BINARY(mul24_u32, uint32_t, uint32_t, uint32_t, uint32_t, (x & 0xffffff) * (y & 0xffffff))
BINARY(mul24_s32, int32_t, uint32_t, uint32_t, uint32_t,
       (wrap)((int32_t)((wrap)x << 8) >> 8) * (wrap)((int32_t)((wrap)y << 8) >> 8))

#define ENTRY(text, signature, handler)                                                                            \
    {                                                                                                              \
        text, signature, handler, CLASS_INTEGER, CONTROL_NONE, 0                                                   \
    }
#define UNSIGNED_ENTRIES(text, name, letter, sig16, sig32, sig64)                                                  \
    ENTRY(text "." letter "16", sig16, name##_u16), ENTRY(text "." letter "32", sig32, name##_u32),                \
        ENTRY(text "." letter "64", sig64, name##_u64)
#define SIGNED_ENTRIES(text, name, sig16, sig32, sig64)                                                            \
    ENTRY(text ".s16", sig16, name##_s16), ENTRY(text ".s32", sig32, name##_s32),                                  \
        ENTRY(text ".s64", sig64, name##_s64)
#define ALL_ENTRIES(text, name, sig16, sig32, sig64)                                                               \
    UNSIGNED_ENTRIES(text, name, "u", sig16, sig32, sig64), SIGNED_ENTRIES(text, name, sig16, sig32, sig64)
#define UN                 "h:h", "w:w", "l:l"
#define BIN                "h:hh", "w:ww", "l:ll"
#define TER                "h:hhh", "w:www", "l:lll"
#define SHF                "h:hw", "w:ww", "l:lw"
#define EXPAND(macro, ...) macro(__VA_ARGS__)

const struct opcode exec_integer_table[] = {
    EXPAND(ALL_ENTRIES, "add", add, BIN),
    EXPAND(ALL_ENTRIES, "sub", sub, BIN),
    EXPAND(ALL_ENTRIES, "mul", mul, BIN),
    EXPAND(ALL_ENTRIES, "mul.hi", mul_hi, BIN),
    EXPAND(ALL_ENTRIES, "mad", mad, TER),
    EXPAND(ALL_ENTRIES, "mad.hi", mad_hi, TER),
    EXPAND(ALL_ENTRIES, "min", min, BIN),
    EXPAND(ALL_ENTRIES, "max", max, BIN),
    EXPAND(ALL_ENTRIES, "sad", sad, TER),
    EXPAND(ALL_ENTRIES, "div", div, BIN),
    EXPAND(ALL_ENTRIES, "rem", rem, BIN),
    EXPAND(SIGNED_ENTRIES, "neg", neg, UN),
    EXPAND(SIGNED_ENTRIES, "abs", abs, UN),
    EXPAND(UNSIGNED_ENTRIES, "and", and, "b", BIN),
    EXPAND(UNSIGNED_ENTRIES, "or", or, "b", BIN),
    EXPAND(UNSIGNED_ENTRIES, "xor", xor, "b", BIN),
    EXPAND(UNSIGNED_ENTRIES, "not", not, "b", UN),
    EXPAND(UNSIGNED_ENTRIES, "cnot", cnot, "b", UN),
    EXPAND(UNSIGNED_ENTRIES, "shl", shl, "b", SHF),
    EXPAND(UNSIGNED_ENTRIES, "shr", shr, "b", SHF),
    EXPAND(UNSIGNED_ENTRIES, "shr", shr, "u", SHF),
    EXPAND(SIGNED_ENTRIES, "shr", shr, SHF),
    ENTRY("mul.wide.u16", "w:hh", mul_wide_u16),
    ENTRY("mul.wide.s16", "w:hh", mul_wide_s16),
    ENTRY("mul.wide.u32", "l:ww", mul_wide_u32),
    ENTRY("mul.wide.s32", "l:ww", mul_wide_s32),
    ENTRY("mad.wide.u16", "w:hhw", mad_wide_u16),
    ENTRY("mad.wide.s16", "w:hhw", mad_wide_s16),
    ENTRY("mad.wide.u32", "l:wwl", mad_wide_u32),
    ENTRY("mad.wide.s32", "l:wwl", mad_wide_s32),
    ENTRY("add.sat.s32", "w:ww", add_sat_s32),
    ENTRY("sub.sat.s32", "w:ww", sub_sat_s32),
    ENTRY("min.relu.s32", "w:ww", min_relu_s32),
    ENTRY("max.relu.s32", "w:ww", max_relu_s32),
    ENTRY("mul24.u32", "w:ww", mul24_u32),
    ENTRY("mul24.s32", "w:ww", mul24_s32),
    { .name = NULL },
};
