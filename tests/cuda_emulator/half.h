/* Conversions between float and the 16-bit formats, in integer arithmetic that compilers vectorise. */
#ifndef EMULATOR_HALF_H
#define EMULATOR_HALF_H

#include <math.h>
#include <stdint.h>

#include "lanes.h"

enum rounding { ROUND_NEAREST, ROUND_ZERO, ROUND_DOWN, ROUND_UP, ROUND_NEAREST_AWAY };

static inline float half_to_float(uint16_t half)
{
    uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
    float scaled = as_float(magnitude) * 0x1p112f; /* moves the exponent's bias, subnormals included */
    uint32_t bits = float_bits(scaled) | ((half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0);
    return as_float(bits | (uint32_t)(half & 0x8000) << 16);
}

static inline float bfloat_to_float(uint16_t value)
{
    return as_float((uint32_t)value << 16);
}

/* Drops the lowest `drop` bits of a magnitude with the rounding wanted. */
static inline uint32_t round_bits(uint32_t bits, uint32_t drop, enum rounding rounding, uint32_t negative)
{
    uint32_t unit = 1u << drop, rest = bits & (unit - 1), kept = bits >> drop;
    switch (rounding) {
    case ROUND_ZERO:
        return kept;
    case ROUND_DOWN:
        return kept + (negative && rest != 0);
    case ROUND_UP:
        return kept + (!negative && rest != 0);
    case ROUND_NEAREST_AWAY:
        return kept + (rest >= unit / 2);
    default:
        return kept + (rest > unit / 2 || (rest == unit / 2 && (kept & 1)));
    }
}

static inline uint16_t float_to_half(float value, enum rounding rounding)
{
    uint32_t bits = float_bits(value), sign = bits >> 31, magnitude = bits & 0x7fffffff;
    uint32_t half;
    if (magnitude > 0x7f800000) return 0x7fff; /* the canonical NaN */
    if (magnitude == 0x7f800000) {
        half = 0x7c00;
    } else if (magnitude >= 0x38800000) { /* normal in half precision, or too large */
        half = round_bits(magnitude - 0x38000000, 13, rounding, sign);
        if (half >= 0x7c00)
            half =
                rounding == ROUND_ZERO || (sign ? rounding == ROUND_UP : rounding == ROUND_DOWN) ? 0x7bff : 0x7c00;
    } else { /* subnormal: units of 2^-24 */
        uint32_t exponent = magnitude >> 23;
        uint32_t fraction = (magnitude & 0x7fffff) | (exponent != 0 ? 0x800000 : 0);
        uint32_t drop = 126 - (exponent != 0 ? exponent : 1);
        if (drop > 30) drop = 30;
        half = round_bits(fraction, drop, rounding, sign);
    }
    return (uint16_t)(half | sign << 15);
}

static inline uint16_t float_to_bfloat(float value, enum rounding rounding)
{
    uint32_t bits = float_bits(value), sign = bits >> 31, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return 0x7fff;
    return (uint16_t)((magnitude == 0x7f800000 ? 0x7f80 : round_bits(magnitude, 16, rounding, sign)) | sign << 15);
}

/* Rounds to odd, so that rounding the result once more, to half or bfloat, gives the correctly rounded value. */
static inline float double_to_float_odd(double value)
{
    float nearest = (float)value;
    if ((double)nearest == value || nearest != nearest) return nearest;
    uint32_t bits = float_bits(nearest);
    if (fabs((double)nearest) > fabs(value)) bits--;
    return as_float(bits | 1);
}

static inline double to_odd(double sum,
                            double rest) /* sum + rest exactly, |rest| within half a unit of sum, to odd */
{
    if (rest == 0 || rest != rest || isinf(sum)) return sum;
    uint64_t bits = double_bits(sum);
    if ((rest < 0) != (sum < 0)) bits--;
    return as_double(bits | 1);
}

static inline double fma_odd(double x, double y, double z) /* to odd; x * y is exact: the factors are floats */
{
    double product = x * y, sum = product + z, part = sum - product;
    return to_odd(sum, (product - (sum - part)) + (z - part));
}

/* Rounds a double to float in any mode. */
static inline float double_to_float(double value, enum rounding rounding)
{
    float nearest = (float)value;
    if (rounding == ROUND_NEAREST || nearest != nearest || (double)nearest == value) return nearest;
    int up = rounding == ROUND_UP || (rounding == ROUND_ZERO && value < 0);
    if (up && (double)nearest < value) return nextafterf(nearest, INFINITY);
    if (!up && (double)nearest > value) return nextafterf(nearest, -INFINITY);
    return nearest;
}

static inline float flush(float value) /* .ftz: subnormals become zero of the same sign */
{
    uint32_t bits = float_bits(value);
    return (bits & 0x7f800000) == 0 ? as_float(bits & 0x80000000u) : value;
}

static inline float saturate(float value) /* .sat: to [0, 1], NaN becomes 0 */
{
    return value > 0 ? (value < 1 ? value : 1) : 0;
}

#endif
