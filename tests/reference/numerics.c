/* Formats, rounding and error bounds in double precision; docs/numerics.md has the derivations. */
#include "numerics.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const struct format {
    int digits;  /* significand bits, the hidden one included */
    int quantum; /* exponent of the smallest subnormal, of an integer's unit */
    double max;  /* largest finite value */
    size_t bytes;
} formats[] = {
    /* f32  */ { 24, -149, FLT_MAX, 4 },
    /* f16  */ { 11, -24, 65504.0, 2 },
    /* bf16 */ { 8, -133, 0x1.fep127, 2 },
    /* i32  */ { 31, 0, 0x1.fffffffcp30, 4 },
    /* i64  */ { 53, 0, 0x1p53, 8 },
};

size_t reference_bytes(enum reference_dtype dtype)
{
    return formats[dtype].bytes;
}

/* Exponent of the distance between neighbours around |value|. */
static int spacing_exponent(const struct format *format, double value)
{
    if (value == 0.0) return format->quantum;
    const int exponent = ilogb(value) - (format->digits - 1);
    return exponent > format->quantum ? exponent : format->quantum;
}

static double round_to(const struct format *format, double value)
{
    if (!isfinite(value)) return value;
    const int exponent = spacing_exponent(format, value);
    const double rounded = scalbn(rint(scalbn(value, -exponent)), exponent);
    return fabs(rounded) > format->max ? copysign(INFINITY, value) : rounded;
}

static double load_f16(uint16_t half)
{
    const uint64_t sign = (uint64_t)(half & 0x8000) << 48;
    const unsigned exponent = (half >> 10) & 0x1f;
    const uint64_t fraction = half & 0x3ff;
    if (exponent == 0) return (sign != 0 ? -0x1p-24 : 0x1p-24) * (double)fraction;
    const uint64_t bits = sign | (uint64_t)(exponent == 0x1f ? 0x7ff : exponent - 15 + 1023) << 52 | fraction << 42;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* value is already one of the format's values. */
static uint16_t store_f16(double value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);
    if (isnan(value)) return 0x7e00;
    if (isinf(value)) return sign | 0x7c00;
    if (size < 0x1p-14) return sign | (uint16_t)scalbn(size, 24);
    const int exponent = ilogb(size);
    return (uint16_t)(sign | (exponent + 15) << 10 | ((int)scalbn(size, 10 - exponent) & 0x3ff));
}

double reference_load(const void *data, enum reference_dtype dtype, int64_t index)
{
    const uint16_t *half = data;
    const float *single = data;
    float value;
    uint32_t bits;
    switch (dtype) {
    case REFERENCE_F16:
        return load_f16(half[index]);
    case REFERENCE_BF16:
        bits = (uint32_t)half[index] << 16;
        memcpy(&value, &bits, sizeof value);
        return value;
    case REFERENCE_I32:
        return ((const int32_t *)data)[index];
    case REFERENCE_I64:
        return (double)((const int64_t *)data)[index];
    case REFERENCE_F32:
        break;
    }
    return single[index];
}

void reference_store(void *data, enum reference_dtype dtype, int64_t index, double value)
{
    if (dtype == REFERENCE_F32) {
        ((float *)data)[index] = (float)value; /* the same rounding, in one instruction */
        return;
    }
    const double rounded = round_to(&formats[dtype], value);
    const float single = (float)rounded;
    uint32_t bits;
    switch (dtype) {
    case REFERENCE_F32:
        break;
    case REFERENCE_F16:
        ((uint16_t *)data)[index] = store_f16(rounded);
        break;
    case REFERENCE_BF16:
        memcpy(&bits, &single, sizeof bits);
        ((uint16_t *)data)[index] = (uint16_t)(bits >> 16);
        break;
    case REFERENCE_I32:
        ((int32_t *)data)[index] = (int32_t)rounded;
        break;
    case REFERENCE_I64:
        ((int64_t *)data)[index] = (int64_t)rounded;
        break;
    }
}

double reference_epsilon(enum reference_dtype dtype)
{
    return scalbn(1.0, -formats[dtype].digits);
}

double reference_rounding(enum reference_dtype dtype, double value)
{
    return isfinite(value) ? scalbn(0.5, spacing_exponent(&formats[dtype], value)) : 0.0;
}

double reference_gamma(int64_t roundings)
{
    const double nu = (double)roundings * 0x1p-24;
    return nu < 1.0 ? nu / (1.0 - nu) : INFINITY;
}

/* Each case: the formula of hpck.h; the largest slope of the function; the error of evaluating the formula in fp32
 * with the accuracy that OpenCL 1.2, table 7.1 (full profile) demands: erf 16 ulp, exp 3 ulp, division 2.5 ulp. */
double reference_activation(int activation, double x, double x_bound, double *bound)
{
    enum { IDENTITY = 0, RELU = 1, GELU = 2, SILU = 3 };
    const double unit = 0x1p-24;
    const double largest = fabs(x) + x_bound;
    double y = x;
    *bound = x_bound;
    switch (activation) {
    case RELU:
        y = x < 0.0 ? 0.0 : x;
        break;
    case GELU:
        y = x * (1.0 + erf(x * 0.70710678118654752440)) / 2.0;
        if (!isfinite(x)) break;
        *bound = 1.13 * x_bound + 18.0 * unit * largest + reference_gamma(3) * fabs(y) + FLT_MIN;
        break;
    case SILU:
        y = x / (1.0 + exp(-x));
        if (!isfinite(x)) break;
        *bound = 1.1 * x_bound + reference_gamma(14) * (fabs(y) + 1.1 * x_bound) + largest / FLT_MAX + FLT_MIN;
        break;
    case IDENTITY:
    default:
        *bound = x_bound;
        break;
    }
    return y;
}

bool reference_matches(double got, double value, double bound, enum reference_dtype dtype)
{
    if (isinf(bound)) return true;
    if (isnan(value)) return isnan(got);
    if (isinf(value)) return got == value;
    if (isinf(got)) return round_to(&formats[dtype], value + copysign(bound, got)) == got;
    return fabs(got - value) <= bound;
}
