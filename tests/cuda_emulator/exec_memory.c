/* ld and st (PTX ISA 9.7.9.8 to 9.7.9.12). A full warp that stays inside one allocation is checked once, not lane by lane:
 * that is what keeps SIMT kernels fast. Everything else goes lane by lane. */
#include <string.h>

#include "access.h"
#include "decode.h"
#include "order.h"
#include "traffic.h"
#include "undefined.h"

enum { FLAG_SIGNED = 8 }; /* beside those of order.h */

/* May the whole warp access memory without further checks? Then bias + register is each lane's host address. */
static bool whole_warp(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask, uint64_t *bias)
{
    const uint64_t offset = (uint64_t)op->imm;
    if (mask != FULL_MASK) return false;
    const struct extent extent = op->wide >> k & 1 ? extent_wide(ROW(const uint64_t, k), LANES, offset)
                                                   : extent_narrow(ROW(const uint32_t, k), LANES, offset);
    if (!access_together(warp, op->space, extent, (uint32_t)op->size * op->vector, bias)) return false;
    *bias += offset;
    return true;
}

/* The same while checks are on, unless the checker has to look at each lane: then they have been made known to it. */
static bool whole_checked(struct warp *warp, const struct op *op, uint32_t k, enum access access)
{
    uint64_t address[LANES];
    if (op->flags & ORDER_STRONG) return false;
    for (uint32_t v = k; v < (uint32_t)op->defs + op->uses;
         v++) /* the address, and of a store the data behind it */
        if (undefined_in(warp, op, v)) return false;
    for (int i = 0; i < LANES; i++)
        address[i] = access_address(warp, op, k, i);
    if (!access_checked(warp, op->space, address, LANES, (uint32_t)op->size * op->vector, access)) return false;
    undefined_clear(warp, op, FULL_MASK);
    return true;
}

#define HOST(i) ((const void *)(uintptr_t)(bias + (wide ? a64[i] : a32[i])))

/* Copies first: a loaded register may be the address register. */
static void load_whole(struct warp *warp, const struct op *op, uint64_t bias)
{
    const uint32_t k = op->defs;
    const bool wide = op->wide >> k & 1;
    uint64_t a64[LANES];
    uint32_t a32[LANES];
    if (wide)
        memcpy(a64, ROW(const uint64_t, k), sizeof a64);
    else
        memcpy(a32, ROW(const uint32_t, k), sizeof a32);
    if (op->size == 4 && op->vector == 1) {
        uint32_t *d = ROW(uint32_t, 0);
        for (int i = 0; i < LANES; i++)
            memcpy(&d[i], HOST(i), 4);
    } else if (op->size == 4 && op->vector == 4) {
        uint32_t *d0 = ROW(uint32_t, 0), *d1 = ROW(uint32_t, 1), *d2 = ROW(uint32_t, 2), *d3 = ROW(uint32_t, 3);
        for (int i = 0; i < LANES; i++) {
            uint32_t v[4];
            memcpy(v, HOST(i), sizeof v);
            d0[i] = v[0];
            d1[i] = v[1];
            d2[i] = v[2];
            d3[i] = v[3];
        }
    } else if (op->size == 4) {
        for (uint32_t v = 0; v < op->vector; v++) {
            uint32_t *d = ROW(uint32_t, v);
            for (int i = 0; i < LANES; i++)
                memcpy(&d[i], (const uint8_t *)HOST(i) + 4 * v, 4);
        }
    } else if (op->size == 8) {
        for (uint32_t v = 0; v < op->vector; v++) {
            uint64_t *d = ROW(uint64_t, v);
            for (int i = 0; i < LANES; i++)
                memcpy(&d[i], (const uint8_t *)HOST(i) + 8 * v, 8);
        }
    } else {
        for (uint32_t v = 0; v < op->vector; v++) {
            uint32_t *d = ROW(uint32_t, v);
            for (int i = 0; i < LANES; i++) {
                uint16_t value;
                memcpy(&value, (const uint8_t *)HOST(i) + 2 * v, 2);
                d[i] = value;
            }
        }
    }
}

static void store_whole(struct warp *warp, const struct op *op, uint64_t bias)
{
    const bool wide = op->wide & 1;
    const uint64_t *a64 = ROW(const uint64_t, 0);
    const uint32_t *a32 = ROW(const uint32_t, 0);
    for (int i = 0; i < LANES; i++) {
        uint8_t *to = (uint8_t *)(uintptr_t)(bias + (wide ? a64[i] : a32[i]));
        for (uint32_t v = 0; v < op->vector; v++) {
            if (op->size == 4)
                memcpy(to + 4 * v, &ROW(const uint32_t, 1 + v)[i], 4);
            else if (op->size == 8)
                memcpy(to + 8 * v, &ROW(const uint64_t, 1 + v)[i], 8);
            else
                memcpy(to + 2 * v, &ROW(const uint32_t, 1 + v)[i], 2);
        }
    }
}

/* What is undefined in memory is so in the registers, extended as the value is. */
static void load_shadow(struct warp *warp, const struct op *op, int lane, const uint8_t *host)
{
    const uint8_t *defined = undefined_memory(warp, host);
    const uint32_t shift = 64 - 8u * op->size;
    bool partial = false;
    for (uint32_t i = 0; defined != NULL && i < (uint32_t)op->size * op->vector; i++)
        partial = partial || defined[i] != 0;
    for (uint32_t v = 0; v < op->vector; v++) {
        uint64_t bits = undefined_bits(defined != NULL ? defined + v * op->size : NULL, op->size) << shift;
        bits = op->flags & FLAG_SIGNED ? (uint64_t)((int64_t)bits >> shift) : bits >> shift;
        if (bits != 0 || undefined_in(warp, op, v)) undefined_read(warp, op, v, lane, bits, host, partial);
    }
}

static void load_lanes(struct warp *warp, const struct op *op, uint32_t mask)
{
    const uint32_t bytes = (uint32_t)op->size * op->vector, shift = 64 - 8u * op->size;
    uint64_t address[LANES];
    for (int i = 0; i < LANES; i++)
        address[i] = access_address(warp, op, op->defs, i);
    undefined_use(warp, op, op->defs, mask, "an address");
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        const uint8_t *host = access_host(warp, i, op->space, address[i], bytes,
                                          op->flags & ORDER_STRONG ? ACCESS_STRONG_READ : ACCESS_READ);
        if (op->flags & ORDER_STRONG) order_access(warp, host, op->flags, true, false);
        for (uint32_t v = 0; v < op->vector; v++) {
            uint64_t value = 0;
            memcpy(&value, host + v * op->size, op->size);
            /* zero- or sign-extended to the width of the register (PTX ISA 9.4.1) */
            if (op->flags & FLAG_SIGNED) value = (uint64_t)((int64_t)(value << shift) >> shift);
            if (op->rows[v] != PTX_NONE) lane_set(warp, op, v, i, value);
        }
        if (warp->undefined != NULL) load_shadow(warp, op, i, host);
    }
    if (warp->undefined != NULL) undefined_settle(warp, op);
}

HANDLER(load)
{
    uint64_t bias;
    if (warp->launch->traffic != NULL) traffic_access(warp, op, op->defs, mask);
    if (op->natural && whole_warp(warp, op, op->defs, mask, &bias) &&
        (!warp->launch->check || whole_checked(warp, op, op->defs, ACCESS_READ)))
        load_whole(warp, op, bias);
    else
        load_lanes(warp, op, mask);
}

HANDLER(store)
{
    uint64_t bias;
    warp->launch->progress++;
    if (warp->launch->traffic != NULL) traffic_access(warp, op, 0, mask);
    if (op->natural && whole_warp(warp, op, 0, mask, &bias) &&
        (!warp->launch->check || whole_checked(warp, op, 0, ACCESS_WRITE))) {
        store_whole(warp, op, bias);
        return;
    }
    const uint32_t bytes = (uint32_t)op->size * op->vector;
    undefined_use(warp, op, 0, mask, "an address");
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        uint8_t *host = access_host(warp, i, op->space, access_address(warp, op, 0, i), bytes,
                                    op->flags & ORDER_STRONG ? ACCESS_STRONG_WRITE : ACCESS_WRITE);
        if (op->flags & ORDER_STRONG) order_access(warp, host, op->flags, false, true);
        for (uint32_t v = 0; v < op->vector; v++) {
            uint64_t value = lane_get(warp, op, 1 + v, i); /* truncated (9.4.1) */
            memcpy(host + v * op->size, &value, op->size);
            if (undefined_in(warp, op, 1 + v)) undefined_write(warp, op, 1 + v, i, host + v * op->size, op->size);
        }
    }
}

/* The parameter bank: all lanes load the same place. */
HANDLER(load_param)
{
    const uint8_t *host = warp->launch->params + op->imm;
    for (uint32_t v = 0; v < op->vector; v++) {
        uint64_t value = 0;
        memcpy(&value, host + v * op->size, op->size);
        const uint32_t shift = 64 - 8u * op->size;
        if (op->flags & FLAG_SIGNED) value = (uint64_t)((int64_t)(value << shift) >> shift);
        FOR_LANES(mask, lane_set(warp, op, v, i, value););
    }
    if (warp->undefined != NULL) undefined_clear(warp, op, mask);
}

static uint8_t class_of(enum ptx_space space, bool is_load)
{
    if (space == SPACE_SHARED || space == SPACE_CLUSTER) return is_load ? CLASS_LOAD_SHARED : CLASS_STORE_SHARED;
    if (space == SPACE_GLOBAL || space == SPACE_GENERIC) return is_load ? CLASS_LOAD_GLOBAL : CLASS_STORE_GLOBAL;
    return CLASS_OTHER_MEMORY;
}

/* The registers are as wide as the type (16-bit ones for 16 bits), so that whole rows may be copied. */
static bool is_natural(const struct decoder *decoder, const struct ptx_operand *data)
{
    const struct op *op = decoder->op;
    const struct ptx_operand *list = data->kind == PTX_VECTOR ? data->items : data;
    if (op->size == 1 || (op->size == 2 && (op->flags & FLAG_SIGNED))) return false;
    if (op->space != SPACE_SHARED && op->space != SPACE_GLOBAL) return false;
    for (uint32_t v = 0; v < op->vector; v++)
        if (list[v].kind != PTX_IMMEDIATE &&
            (list[v].kind != PTX_REGISTER || decoder->ptx->register_bits[list[v].reg] != 8 * op->size))
            return false;
    return true;
}

static void decode_access(struct decoder *decoder, struct opcode_words *words, bool is_load)
{
    struct op *op = decoder->op;
    const int order = access_take_hints(words);
    op->space = (uint8_t)access_take_space(words);
    op->vector = words_take(words, "v2") ? 2 : words_take(words, "v4") ? 4 : words_take(words, "v8") ? 8 : 1;
    struct type type = words_take_type(words);
    op->size = type.bits / 8;
    op->flags = (uint8_t)((type.kind == 's' ? FLAG_SIGNED : 0) | order);
    op->class = class_of(op->space, is_load);
    const struct ptx_operand *data = decode_operand(decoder, is_load ? 0 : 1);
    const struct ptx_operand *address = decode_operand(decoder, is_load ? 1 : 0);
    if (data == NULL || address == NULL) return;
    if (op->space == SPACE_PARAM && address->variable != NULL && address->variable->space == SPACE_LOCAL)
        op->space = SPACE_LOCAL; /* of a call */
    if (op->size == 0 || op->size > 8 || op->size * op->vector > 32 ||
        (data->kind == PTX_VECTOR ? data->count : 1) != op->vector) {
        decode_fail(decoder, "unknown access size");
        return;
    }
    if (is_load) {
        decode_vector(decoder, data, 0, true);
        decode_address(decoder, address, op->space);
    } else {
        decode_address(decoder, address, op->space);
        decode_vector(decoder, data, op->size == 8 ? -64 : -32, false);
    }
    if (decoder->failed) return;
    op->natural = is_natural(decoder, data);
    op->run = is_load ? load : store;
    if (is_load && op->space == SPACE_PARAM && address->variable != NULL) {
        op->imm += address->variable->offset;
        op->run = load_param;
        if (op->imm < 0 || (uint64_t)op->imm + op->size * op->vector > decoder->ptx->param_size)
            decode_fail(decoder, "reads behind the parameters");
    }
}

static void decode_load(struct decoder *decoder, struct opcode_words *words)
{
    decode_access(decoder, words, true);
}

static void decode_store(struct decoder *decoder, struct opcode_words *words)
{
    decode_access(decoder, words, false);
}

const struct family exec_memory_families[] = {
    { "ld", decode_load }, { "ldu", decode_load }, { "st", decode_store }, { NULL, NULL }
};
