/* Loops over the lanes of a warp. Handlers are written as one expression per lane; the loop over a full warp is there for
 * the compiler to vectorise: a row is either the same as another one or apart from it, never overlapping by part. */
#ifndef EMULATOR_LANES_H
#define EMULATOR_LANES_H

#include <stdint.h>

#include "op.h"
#include "warp.h"

#define HANDLER(name) static void name(struct warp *warp, const struct op *op, uint32_t mask)
#define FULL_MASK     0xffffffffu

#if defined(__clang__)
#define LANES_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define LANES_INDEPENDENT _Pragma("GCC ivdep")
#endif

/* for each lane i of mask: body */
#define FOR_LANES(mask, ...)                                                                                       \
    do {                                                                                                           \
        if ((mask) == FULL_MASK) {                                                                                 \
            LANES_INDEPENDENT for (int i = 0; i < LANES; i++)                                                      \
            {                                                                                                      \
                __VA_ARGS__                                                                                        \
            }                                                                                                      \
        } else {                                                                                                   \
            for (uint32_t rest_ = (mask); rest_ != 0; rest_ &= rest_ - 1) {                                        \
                const int i = __builtin_ctz(rest_);                                                                \
                __VA_ARGS__                                                                                        \
            }                                                                                                      \
        }                                                                                                          \
    } while (0)

/* A value as a lane reads it, by the width of its register; to be used where widths are only known at run time. */
static inline uint64_t lane_get(const struct warp *warp, const struct op *op, uint32_t k, int i)
{
    return op->wide >> k & 1 ? ROW(const uint64_t, k)[i] : ROW(const uint32_t, k)[i];
}

static inline void lane_set(struct warp *warp, const struct op *op, uint32_t k, int i, uint64_t value)
{
    if (op->wide >> k & 1)
        ROW(uint64_t, k)[i] = value;
    else
        ROW(uint32_t, k)[i] = (uint32_t)value;
}

static inline uint32_t pred_read(const struct warp *warp, uint32_t pred)
{
    uint32_t value = warp->preds[pred & ~PREDICATE_NEGATED];
    return pred & PREDICATE_NEGATED ? ~value : value;
}

static inline void pred_write(struct warp *warp, uint32_t pred, uint32_t value, uint32_t mask)
{
    if (pred != 0) warp->preds[pred] = (warp->preds[pred] & ~mask) | (value & mask);
}

static inline float as_float(uint32_t bits)
{
    union {
        uint32_t u;
        float f;
    } x = { .u = bits };
    return x.f;
}

static inline uint32_t float_bits(float value)
{
    union {
        float f;
        uint32_t u;
    } x = { .f = value };
    return x.u;
}

static inline double as_double(uint64_t bits)
{
    union {
        uint64_t u;
        double d;
    } x = { .u = bits };
    return x.d;
}

static inline uint64_t double_bits(double value)
{
    union {
        double d;
        uint64_t u;
    } x = { .d = value };
    return x.u;
}

#endif
