/* The arithmetic of the expressions in kernels/: int64 that saturates instead of overflowing, division that rounds
 * down and gives 0 for a divisor of 0. Included by generated files only; codegen/arith.py is the same in Python. */
#ifndef HPCK_CODEGEN_ARITH_H
#define HPCK_CODEGEN_ARITH_H

#include <stdint.h>

static inline int64_t sat_add(int64_t x, int64_t y)
{
    int64_t sum;
    if (!__builtin_add_overflow(x, y, &sum)) return sum;
    return x < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t sat_sub(int64_t x, int64_t y)
{
    int64_t difference;
    if (!__builtin_sub_overflow(x, y, &difference)) return difference;
    return x < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t sat_mul(int64_t x, int64_t y)
{
    int64_t product;
    if (!__builtin_mul_overflow(x, y, &product)) return product;
    return (x < 0) != (y < 0) ? INT64_MIN : INT64_MAX;
}

static inline int64_t floor_div(int64_t x, int64_t y)
{
    if (y == 0) return 0;
    if (y == -1) return sat_sub(0, x);
    int64_t quotient = x / y;
    return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
}

static inline int64_t floor_mod(int64_t x, int64_t y)
{
    if (y == 0 || y == -1) return 0;
    int64_t rest = x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static inline int64_t ceil_div(int64_t x, int64_t y)
{
    return sat_add(floor_div(x, y), floor_mod(x, y) != 0);
}

static inline int64_t round_up(int64_t x, int64_t y)
{
    return sat_mul(ceil_div(x, y), y);
}

static inline int64_t min_int(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static inline int64_t max_int(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

static inline int64_t abs_int(int64_t x)
{
    return x < 0 ? sat_sub(0, x) : x;
}

static inline double min_real(double x, double y)
{
    return x < y ? x : y;
}

static inline double max_real(double x, double y)
{
    return x > y ? x : y;
}

static inline double abs_real(double x)
{
    return x < 0 ? -x : x;
}

static inline double div_real(double x, double y)
{
    return y == 0 ? 0 : x / y;
}

#endif
