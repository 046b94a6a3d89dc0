/* Arithmetic rounded toward zero, minus or plus infinity: .rz, .rm, .rp (PTX ISA 9.7.3). Floats are rounded to odd
 * in double precision first, so that the final rounding sees on which side of a float the exact result lies. */
#include <fenv.h>
#include <math.h>

#include "decode.h"
#include "half.h"

static double quotient(double x, double y)
{
    double q = x / y;
    double rest = fma(-q, y, x); /* exact; has the sign of the error times y */
    return to_odd(q, y < 0 ? -rest : rest);
}

static double root(double x)
{
    double r = sqrt(x);
    return to_odd(r, fma(-r, r, x));
}

/* A sum that is exactly zero is negative when rounded down, unless both terms are positive zeros. */
static double sum(double x, double y, double z, enum rounding rounding)
{
    double exact = fma_odd(x, y, z);
    return exact == 0 && rounding == ROUND_DOWN && signbit(x * y) != signbit(z) ? -0.0 : exact;
}

/* op->flags: */
enum { FLAG_FTZ = 1, FLAG_SAT = 2 };
static inline float in(float value, uint32_t flags)
{
    return flags & FLAG_FTZ ? flush(value) : value;
}
static inline float out(double value, enum rounding rounding, uint32_t flags)
{
    const float result = in(double_to_float(value, rounding), flags);
    return flags & FLAG_SAT ? saturate(result) : result;
}

/* The last operand is where an instruction with fewer has them all. */
#define ROUNDED(name, rounding, expr)                                                                              \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        const uint32_t last = op->defs + op->uses - 1u;                                                            \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1), *b = ROW(const float, last < 2 ? last : 2),                          \
                    *c = ROW(const float, last);                                                                   \
        FOR_LANES(mask, const double x = in(a[i], op->flags); const double y = in(b[i], op->flags);                \
                  const double z = in(c[i], op->flags); (void)y, (void)z; d[i] = out(expr, rounding, op->flags);); \
    }
#define ALL(suffix, rounding)                                                                                      \
    ROUNDED(add_##suffix, rounding, sum(x, 1, y, rounding))                                                        \
    ROUNDED(sub_##suffix, rounding, sum(x, 1, -y, rounding))                                                       \
    ROUNDED(mul_##suffix, rounding, x *y)                                                                          \
    ROUNDED(div_##suffix, rounding, quotient(x, y))                                                                \
    ROUNDED(rcp_##suffix, rounding, quotient(1, x))                                                                \
    ROUNDED(sqrt_##suffix, rounding, root(x))                                                                      \
    ROUNDED(fma_##suffix, rounding, sum(x, y, z, rounding))
ALL(rz, ROUND_ZERO)
ALL(rm, ROUND_DOWN)
ALL(rp, ROUND_UP)

/* Doubles: by the processor's own rounding mode. op->flags: */
static const int modes[] = { FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };
#define DOUBLE(name, expr)                                                                                         \
    HANDLER(name##_f64)                                                                                            \
    {                                                                                                              \
        const int before = fegetround();                                                                           \
        const uint32_t last = op->defs + op->uses - 1u;                                                            \
        fesetround(modes[op->flags]);                                                                              \
        for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {                                                  \
            const int i = __builtin_ctz(rest);                                                                     \
            const volatile double x = ROW(const double, 1)[i], y = ROW(const double, last < 2 ? last : 2)[i],      \
                                  z = ROW(const double, last)[i];                                                  \
            (void)y, (void)z;                                                                                      \
            volatile double result = expr; /* not moved out of the mode */                                         \
            ROW(double, 0)[i] = result;                                                                            \
        }                                                                                                          \
        fesetround(before);                                                                                        \
    }
DOUBLE(add, x + y)
DOUBLE(sub, x - y)
DOUBLE(mul, x *y)
DOUBLE(div, x / y)
DOUBLE(rcp, 1 / x)
DOUBLE(sqrt, sqrt(x))
DOUBLE(fma, fma(x, y, z))

#define ENTRY(text, signature, handler, flags)                                                                     \
    {                                                                                                              \
        text, signature, handler, CLASS_FLOAT, CONTROL_NONE, flags                                                 \
    }
#define TWO_ENTRIES(text, signature, handler)                                                                      \
    ENTRY(text ".f32", signature, handler, 0), ENTRY(text ".ftz.f32", signature, handler, FLAG_FTZ)
#define FOUR_ENTRIES(text, signature, handler)                                                                     \
    TWO_ENTRIES(text, signature, handler), ENTRY(text ".sat.f32", signature, handler, FLAG_SAT),                   \
        ENTRY(text ".ftz.sat.f32", signature, handler, FLAG_FTZ | FLAG_SAT)
#define ENTRIES(suffix)                                                                                            \
    FOUR_ENTRIES("add." #suffix, "w:ww", add_##suffix), FOUR_ENTRIES("sub." #suffix, "w:ww", sub_##suffix),        \
        FOUR_ENTRIES("mul." #suffix, "w:ww", mul_##suffix), TWO_ENTRIES("div." #suffix, "w:ww", div_##suffix),     \
        TWO_ENTRIES("rcp." #suffix, "w:w", rcp_##suffix), TWO_ENTRIES("sqrt." #suffix, "w:w", sqrt_##suffix),      \
        FOUR_ENTRIES("fma." #suffix, "w:www", fma_##suffix)

#define DOUBLE_ENTRY(name, suffix, signature, mode)                                                                \
    {                                                                                                              \
#name "." #suffix ".f64", signature, name##_f64, CLASS_DOUBLE, CONTROL_NONE, mode                          \
    }
#define DOUBLE_ENTRIES(suffix, mode)                                                                               \
    DOUBLE_ENTRY(add, suffix, "l:ll", mode), DOUBLE_ENTRY(sub, suffix, "l:ll", mode),                              \
        DOUBLE_ENTRY(mul, suffix, "l:ll", mode), DOUBLE_ENTRY(div, suffix, "l:ll", mode),                          \
        DOUBLE_ENTRY(rcp, suffix, "l:l", mode), DOUBLE_ENTRY(sqrt, suffix, "l:l", mode),                           \
        DOUBLE_ENTRY(fma, suffix, "l:lll", mode)

const struct opcode exec_round_table[] = { ENTRIES(rz),           ENTRIES(rm),           ENTRIES(rp),
                                           DOUBLE_ENTRIES(rz, 0), DOUBLE_ENTRIES(rm, 1), DOUBLE_ENTRIES(rp, 2),
                                           { .name = NULL } };
