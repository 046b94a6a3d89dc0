/* Floating-point arithmetic (PTX ISA 9.7.3, 9.7.4, 9.7.5). Single precision comes in four forms: plain, .ftz, .sat and
 * both. Half precision and bfloat16 are computed in a wider format and rounded once. The .approx functions are computed
 * correctly rounded or nearly so, which is inside the error bounds that the ISA promises. */
#include <math.h>

#include "decode.h"
#include "half.h"
#include "lanes.h"

#define SAME(v)           (v)
#define FLUSH_SATURATE(v) saturate(flush(v))

#define UNARY_F32(name, in, out, expr)                                                                             \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1);                                                                      \
        FOR_LANES(mask, const float x = in(a[i]); d[i] = out(expr););                                              \
    }
#define BINARY_F32(name, in, out, expr)                                                                            \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1), *b = ROW(const float, 2);                                            \
        FOR_LANES(mask, const float x = in(a[i]); const float y = in(b[i]); d[i] = out(expr););                    \
    }
#define TERNARY_F32(name, in, out, expr)                                                                           \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        float *d = ROW(float, 0);                                                                                  \
        const float *a = ROW(const float, 1), *b = ROW(const float, 2), *c = ROW(const float, 3);                  \
        FOR_LANES(mask, const float x = in(a[i]); const float y = in(b[i]); const float z = in(c[i]);              \
                  d[i] = out(expr););                                                                              \
    }
#define TWO_FORMS(KIND, name, expr) KIND(name##_f32, SAME, SAME, expr) KIND(name##_ftz_f32, flush, flush, expr)
#define FOUR_FORMS(KIND, name, expr)                                                                               \
    TWO_FORMS(KIND, name, expr)                                                                                    \
    KIND(name##_sat_f32, SAME, saturate, expr) KIND(name##_ftz_sat_f32, flush, FLUSH_SATURATE, expr)

/* min and max: a NaN gives the other operand, -0 is below +0; with .NaN a NaN wins (9.7.3.11, 9.7.3.12). */
static inline float lesser(float x, float y)
{
    uint32_t both = float_bits(x) | float_bits(y);
    float least = x < y ? x : y;
    least = x == y ? as_float(x == 0 ? both : float_bits(x)) : least;
    return y != y ? x : x != x ? y : least;
}

static inline float greater(float x, float y)
{
    uint32_t both = float_bits(x) & float_bits(y);
    float most = x > y ? x : y;
    most = x == y ? as_float(x == 0 ? both : float_bits(x)) : most;
    return y != y ? x : x != x ? y : most;
}

static inline float relu(float x) /* a NaN stays one */
{
    return x < 0 ? 0 : x;
}

FOUR_FORMS(BINARY_F32, add, x + y)
FOUR_FORMS(BINARY_F32, sub, x - y)
FOUR_FORMS(BINARY_F32, mul, x *y)
FOUR_FORMS(TERNARY_F32, fma, __builtin_fmaf(x, y, z))
TWO_FORMS(BINARY_F32, div, x / y)
TWO_FORMS(BINARY_F32, min, lesser(x, y))
TWO_FORMS(BINARY_F32, max, greater(x, y))
TWO_FORMS(BINARY_F32, min_nan, x != x || y != y ? NAN : lesser(x, y))
TWO_FORMS(BINARY_F32, max_nan, x != x || y != y ? NAN : greater(x, y))
TWO_FORMS(UNARY_F32, neg, -x)
TWO_FORMS(UNARY_F32, abs, as_float(float_bits(x) & 0x7fffffff))
TWO_FORMS(UNARY_F32, sqrt, __builtin_sqrtf(x))
TWO_FORMS(UNARY_F32, rsqrt, (float)(1 / sqrt((double)x)))
TWO_FORMS(UNARY_F32, rcp, 1 / x)
TWO_FORMS(UNARY_F32, sin, sinf(x))
TWO_FORMS(UNARY_F32, cos, cosf(x))
TWO_FORMS(UNARY_F32, ex2, exp2f(x))
TWO_FORMS(UNARY_F32, lg2, log2f(x))
UNARY_F32(tanh_f32, SAME, SAME, tanhf(x))
BINARY_F32(copysign_f32, SAME, SAME, as_float((float_bits(x) & 0x80000000u) | (float_bits(y) & 0x7fffffff)))

#define UNARY_F64(name, expr)                                                                                      \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        double *d = ROW(double, 0);                                                                                \
        const double *a = ROW(const double, 1);                                                                    \
        FOR_LANES(mask, const double x = a[i]; d[i] = expr;);                                                      \
    }
#define BINARY_F64(name, expr)                                                                                     \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        double *d = ROW(double, 0);                                                                                \
        const double *a = ROW(const double, 1), *b = ROW(const double, 2);                                         \
        FOR_LANES(mask, const double x = a[i]; const double y = b[i]; d[i] = expr;);                               \
    }
HANDLER(fma_f64)
{
    double *d = ROW(double, 0);
    const double *a = ROW(const double, 1), *b = ROW(const double, 2), *c = ROW(const double, 3);
    FOR_LANES(mask, d[i] = __builtin_fma(a[i], b[i], c[i]););
}
BINARY_F64(add_f64, x + y)
BINARY_F64(sub_f64, x - y)
BINARY_F64(mul_f64, x *y)
BINARY_F64(div_f64, x / y)
BINARY_F64(min_f64, x == y ? (signbit(x) ? x : y) : fmin(x, y)) /* as in single precision */
BINARY_F64(max_f64, x == y ? (signbit(x) ? y : x) : fmax(x, y))
BINARY_F64(copysign_f64, copysign(y, x))
UNARY_F64(neg_f64, -x)
UNARY_F64(abs_f64, fabs(x))
UNARY_F64(sqrt_f64, __builtin_sqrt(x))
UNARY_F64(rsqrt_f64, 1 / sqrt(x))
UNARY_F64(rcp_f64, 1 / x)

/* Half precision: both halves of a lane; a scalar leaves the upper one at zero. What two 11-bit (or 8-bit) operands give in
 * float rounds correctly once more; a fused multiply-add needs double and rounding to odd. */
#define HALF_ROUND(v)   float_to_half((v), ROUND_NEAREST)
#define BFLOAT_ROUND(v) float_to_bfloat((v), ROUND_NEAREST)
#define HALF_LOOP(name, operands, to, from, expr)                                                                  \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        uint32_t *d = ROW(uint32_t, 0);                                                                            \
        const uint32_t *a = ROW(const uint32_t, 1), *b = operands > 1 ? ROW(const uint32_t, 2) : a,                \
                       *c = operands > 2 ? ROW(const uint32_t, 3) : a;                                             \
        FOR_LANES(                                                                                                 \
            mask, uint32_t both = 0; for (int half = 0; half < 2; half++) {                                        \
                const int shift = 16 * half;                                                                       \
                const float x = to((uint16_t)(a[i] >> shift));                                                     \
                const float y = to((uint16_t)(b[i] >> shift));                                                     \
                const float z = to((uint16_t)(c[i] >> shift));                                                     \
                (void)x, (void)y, (void)z;                                                                         \
                both |= (uint32_t)from(expr) << shift;                                                             \
            } d[i] = op->flags ? both : both & 0xffff;);                                                           \
    }
#define HALF_OP(name, operands, expr)                                                                              \
    HALF_LOOP(name##_f16, operands, half_to_float, HALF_ROUND, expr)                                               \
    HALF_LOOP(name##_bf16, operands, bfloat_to_float, BFLOAT_ROUND, expr)
#define FMA_ODD double_to_float_odd(fma_odd((double)x, (double)y, (double)z))
HALF_OP(add, 2, x + y)
HALF_OP(sub, 2, x - y)
HALF_OP(mul, 2, x *y)
HALF_OP(add_sat, 2, saturate(x + y))
HALF_OP(sub_sat, 2, saturate(x - y))
HALF_OP(mul_sat, 2, saturate(x *y))
HALF_OP(fma, 3, FMA_ODD)
HALF_OP(fma_relu, 3, relu(FMA_ODD))
HALF_OP(fma_sat, 3, saturate(FMA_ODD))
HALF_OP(min, 2, lesser(x, y))
HALF_OP(max, 2, greater(x, y))
HALF_OP(min_nan, 2, x != x || y != y ? NAN : lesser(x, y))
HALF_OP(max_nan, 2, x != x || y != y ? NAN : greater(x, y))
HALF_OP(neg, 1, -x)
HALF_OP(abs, 1, fabsf(x))
HALF_OP(ex2, 1, exp2f(x))
HALF_OP(tanh, 1, tanhf(x))

#define ENTRY(text, signature, handler, class)                                                                     \
    {                                                                                                              \
        text, signature, handler, class, CONTROL_NONE, 0                                                           \
    }
#define PACKED(text, signature, handler)                                                                           \
    {                                                                                                              \
        text, signature, handler, CLASS_HALF, CONTROL_NONE, 1                                                      \
    }
#define TWO_ENTRIES(text, signature, name, class)                                                                  \
    ENTRY(text ".f32", signature, name##_f32, class), ENTRY(text ".ftz.f32", signature, name##_ftz_f32, class)
#define FOUR_ENTRIES(text, signature, name, class)                                                                 \
    TWO_ENTRIES(text, signature, name, class), ENTRY(text ".sat.f32", signature, name##_sat_f32, class),           \
        ENTRY(text ".ftz.sat.f32", signature, name##_ftz_sat_f32, class)
/* .ftz of half precision is an unknown opcode, except where bfloat16 demands it. */
#define HALF_ENTRIES(text, sig16, sig32, name)                                                                     \
    ENTRY(text ".f16", sig16, name##_f16, CLASS_HALF), ENTRY(text ".bf16", sig16, name##_bf16, CLASS_HALF),        \
        PACKED(text ".f16x2", sig32, name##_f16), PACKED(text ".bf16x2", sig32, name##_bf16)

const struct opcode exec_float_table[] = {
    FOUR_ENTRIES("add", "w:ww", add, CLASS_FLOAT),
    FOUR_ENTRIES("sub", "w:ww", sub, CLASS_FLOAT),
    FOUR_ENTRIES("mul", "w:ww", mul, CLASS_FLOAT),
    FOUR_ENTRIES("fma", "w:www", fma, CLASS_FMA),
    FOUR_ENTRIES("mad", "w:www", fma, CLASS_FMA),
    TWO_ENTRIES("div", "w:ww", div, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("min", "w:ww", min, CLASS_FLOAT),
    TWO_ENTRIES("max", "w:ww", max, CLASS_FLOAT),
    ENTRY("min.NaN.f32", "w:ww", min_nan_f32, CLASS_FLOAT),
    ENTRY("max.NaN.f32", "w:ww", max_nan_f32, CLASS_FLOAT),
    ENTRY("min.ftz.NaN.f32", "w:ww", min_nan_ftz_f32, CLASS_FLOAT),
    ENTRY("max.ftz.NaN.f32", "w:ww", max_nan_ftz_f32, CLASS_FLOAT),
    TWO_ENTRIES("neg", "w:w", neg, CLASS_FLOAT),
    TWO_ENTRIES("abs", "w:w", abs, CLASS_FLOAT),
    TWO_ENTRIES("sqrt", "w:w", sqrt, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("rsqrt", "w:w", rsqrt, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("rcp", "w:w", rcp, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("sin", "w:w", sin, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("cos", "w:w", cos, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("ex2", "w:w", ex2, CLASS_SPECIAL_FUNCTION),
    TWO_ENTRIES("lg2", "w:w", lg2, CLASS_SPECIAL_FUNCTION),
    ENTRY("tanh.f32", "w:w", tanh_f32, CLASS_SPECIAL_FUNCTION),
    ENTRY("copysign.f32", "w:ww", copysign_f32, CLASS_FLOAT),
    ENTRY("add.f64", "l:ll", add_f64, CLASS_DOUBLE),
    ENTRY("sub.f64", "l:ll", sub_f64, CLASS_DOUBLE),
    ENTRY("mul.f64", "l:ll", mul_f64, CLASS_DOUBLE),
    ENTRY("fma.f64", "l:lll", fma_f64, CLASS_DOUBLE),
    ENTRY("mad.f64", "l:lll", fma_f64, CLASS_DOUBLE),
    ENTRY("div.f64", "l:ll", div_f64, CLASS_DOUBLE),
    ENTRY("min.f64", "l:ll", min_f64, CLASS_DOUBLE),
    ENTRY("max.f64", "l:ll", max_f64, CLASS_DOUBLE),
    ENTRY("neg.f64", "l:l", neg_f64, CLASS_DOUBLE),
    ENTRY("abs.f64", "l:l", abs_f64, CLASS_DOUBLE),
    ENTRY("sqrt.f64", "l:l", sqrt_f64, CLASS_DOUBLE),
    ENTRY("rsqrt.ftz.f64", "l:l", rsqrt_f64, CLASS_DOUBLE),
    ENTRY("rsqrt.f64", "l:l", rsqrt_f64, CLASS_DOUBLE),
    ENTRY("rcp.f64", "l:l", rcp_f64, CLASS_DOUBLE),
    ENTRY("rcp.ftz.f64", "l:l", rcp_f64, CLASS_DOUBLE),
    ENTRY("copysign.f64", "l:ll", copysign_f64, CLASS_DOUBLE),
    HALF_ENTRIES("add", "h:hh", "w:ww", add),
    HALF_ENTRIES("sub", "h:hh", "w:ww", sub),
    HALF_ENTRIES("mul", "h:hh", "w:ww", mul),
    HALF_ENTRIES("add.sat", "h:hh", "w:ww", add_sat),
    HALF_ENTRIES("sub.sat", "h:hh", "w:ww", sub_sat),
    HALF_ENTRIES("mul.sat", "h:hh", "w:ww", mul_sat),
    HALF_ENTRIES("fma", "h:hhh", "w:www", fma),
    HALF_ENTRIES("fma.relu", "h:hhh", "w:www", fma_relu),
    HALF_ENTRIES("fma.sat", "h:hhh", "w:www", fma_sat),
    HALF_ENTRIES("min", "h:hh", "w:ww", min),
    HALF_ENTRIES("max", "h:hh", "w:ww", max),
    HALF_ENTRIES("min.NaN", "h:hh", "w:ww", min_nan),
    HALF_ENTRIES("max.NaN", "h:hh", "w:ww", max_nan),
    HALF_ENTRIES("neg", "h:h", "w:w", neg),
    HALF_ENTRIES("abs", "h:h", "w:w", abs),
    HALF_ENTRIES("ex2", "h:h", "w:w", ex2),
    ENTRY("ex2.ftz.bf16", "h:h", ex2_bf16, CLASS_HALF),
    PACKED("ex2.ftz.bf16x2", "w:w", ex2_bf16),
    HALF_ENTRIES("tanh", "h:h", "w:w", tanh),
    { .name = NULL },
};
