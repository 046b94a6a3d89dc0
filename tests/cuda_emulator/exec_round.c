/* Arithmetic rounded toward zero, minus or plus infinity: .rz, .rm, .rp (PTX ISA 9.7.3). Floats are rounded to odd
 * in double precision first, so that the final rounding sees on which side of a float the exact result lies. */
#include <fenv.h>
#include <math.h>

#include "decode.h"
#include "half.h"

static double odd(double sum, double rest) /* sum + rest exactly, |rest| within half a unit of sum, to odd */
{
    if (rest == 0 || rest != rest || isinf(sum)) return sum;
    uint64_t bits = double_bits(sum);
    if ((rest < 0) != (sum < 0)) bits--;
    return as_double(bits | 1);
}

static double fused(double x, double y, double z) /* x * y is exact: the factors are floats */
{
    double product = x * y, sum = product + z, part = sum - product;
    return odd(sum, (product - (sum - part)) + (z - part));
}

static double quotient(double x, double y)
{
    double q = x / y;
    double rest = fma(-q, y, x); /* exact; has the sign of the error times y */
    return odd(q, y < 0 ? -rest : rest);
}

static double root(double x)
{
    double r = sqrt(x);
    return odd(r, fma(-r, r, x));
}

#define BINARY(name, rounding, expr)                                                                               \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1), *b = ROW(const float, 2);                                            \
        FOR_LANES(mask, const double x = a[i]; const double y = b[i]; d[i] = double_to_float(expr, rounding););    \
    }
#define UNARY(name, rounding, expr)                                                                                \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1);                                                                      \
        FOR_LANES(mask, const double x = a[i]; d[i] = double_to_float(expr, rounding););                           \
    }
#define ALL(suffix, rounding)                                                                                      \
    BINARY(add_##suffix, rounding, fused(x, 1, y))                                                                 \
    BINARY(sub_##suffix, rounding, fused(x, 1, -y))                                                                \
    BINARY(mul_##suffix, rounding, x *y)                                                                           \
    BINARY(div_##suffix, rounding, quotient(x, y))                                                                 \
    UNARY(rcp_##suffix, rounding, quotient(1, x))                                                                  \
    UNARY(sqrt_##suffix, rounding, root(x))                                                                        \
    HANDLER(fma_##suffix)                                                                                          \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1), *b = ROW(const float, 2), *c = ROW(const float, 3);                  \
        FOR_LANES(mask, d[i] = double_to_float(fused((double)a[i], (double)b[i], (double)c[i]), rounding););       \
    }
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

#define ENTRY(text, signature, handler)                                                                            \
    {                                                                                                              \
        text, signature, handler, CLASS_FLOAT, CONTROL_NONE, 0                                                     \
    }
#define ENTRIES(suffix)                                                                                            \
    ENTRY("add." #suffix ".f32", "w:ww", add_##suffix), ENTRY("sub." #suffix ".f32", "w:ww", sub_##suffix),        \
        ENTRY("mul." #suffix ".f32", "w:ww", mul_##suffix), ENTRY("div." #suffix ".f32", "w:ww", div_##suffix),    \
        ENTRY("rcp." #suffix ".f32", "w:w", rcp_##suffix), ENTRY("sqrt." #suffix ".f32", "w:w", sqrt_##suffix),    \
        ENTRY("fma." #suffix ".f32", "w:www", fma_##suffix)

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
