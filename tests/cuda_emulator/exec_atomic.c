/* atom and red (PTX ISA 9.7.13.5, 9.7.13.6). One lane after the other, in lane order, which is one of the legal orders. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "access.h"
#include "decode.h"
#include "half.h"
#include "order.h"
#include "undefined.h"

enum atomic {
    ATOMIC_ADD,
    ATOMIC_MIN,
    ATOMIC_MAX,
    ATOMIC_AND,
    ATOMIC_OR,
    ATOMIC_XOR,
    ATOMIC_EXCH,
    ATOMIC_CAS,
    ATOMIC_INC,
    ATOMIC_DEC
};
struct atomic_op {
    enum atomic what;
    struct type type;
    bool returns;
};

static uint32_t half_pair(enum atomic what, struct type type, uint32_t x, uint32_t y)
{
    bool bfloat = type.kind == 'y' || type.kind == 'h';
    uint32_t result = 0;
    for (int shift = 0; shift < 32; shift += 16) {
        uint16_t a = (uint16_t)(x >> shift), b = (uint16_t)(y >> shift);
        float p = bfloat ? bfloat_to_float(a) : half_to_float(a),
              q = bfloat ? bfloat_to_float(b) : half_to_float(b);
        float r = what == ATOMIC_ADD ? p + q : what == ATOMIC_MIN ? fminf(p, q) : fmaxf(p, q);
        result |= (uint32_t)(bfloat ? float_to_bfloat(r, ROUND_NEAREST) : float_to_half(r, ROUND_NEAREST)) << shift;
    }
    return result;
}

static uint64_t add(struct type type, uint64_t old, uint64_t value)
{
    if (type.kind == 'f' && type.bits == 32) return float_bits(as_float((uint32_t)old) + as_float((uint32_t)value));
    if (type.kind == 'f' && type.bits == 64) return double_bits(as_double(old) + as_double(value));
    return old + value;
}

static bool less(struct type type, uint64_t x, uint64_t y)
{
    if (type.kind == 's') return type.bits == 32 ? (int32_t)x < (int32_t)y : (int64_t)x < (int64_t)y;
    return x < y;
}

static uint64_t apply(const struct atomic_op *atomic, uint64_t old, uint64_t value, uint64_t swap)
{
    struct type type = atomic->type;
    if (strchr("xyh", type.kind) != NULL || (type.kind == 'f' && type.bits == 16))
        return half_pair(atomic->what, type, (uint32_t)old, (uint32_t)value);
    switch (atomic->what) {
    case ATOMIC_ADD:
        return add(type, old, value);
    case ATOMIC_MIN:
        return less(type, value, old) ? value : old;
    case ATOMIC_MAX:
        return less(type, old, value) ? value : old;
    case ATOMIC_AND:
        return old & value;
    case ATOMIC_OR:
        return old | value;
    case ATOMIC_XOR:
        return old ^ value;
    case ATOMIC_EXCH:
        return value;
    case ATOMIC_CAS:
        return old == value ? swap : old;
    case ATOMIC_INC:
        return old >= value ? 0 : old + 1;
    default:
        return old == 0 || old > value ? value : old - 1;
    }
}

/* Only an exchange may find undefined memory. */
static void atomic_shadow(struct warp *warp, const struct op *op, int lane, uint32_t v, const uint8_t *host)
{
    const struct atomic_op *atomic = op->detail;
    uint8_t *defined = undefined_memory(warp, host);
    uint64_t bits = undefined_bits(defined, op->size) << (64 - 8 * op->size) >> (64 - 8 * op->size);
    const uint64_t address = access_address(warp, op, op->defs, lane);
    if (bits != 0 && atomic->what != ATOMIC_EXCH)
        launch_fault(warp, lane, 719, "atomic on uninitialised memory at 0x%" PRIx64, address);
    if (defined != NULL) memset(defined, 0xff, op->size);
    if (op->defs == 0) return;
    undefined_read(warp, op, v, lane, bits, host, false);
}

/* An operation on `vector` elements one behind the other is one on each (9.7.13.5: it is not atomic as a whole). */
HANDLER(atomic)
{
    const struct atomic_op *atomic = op->detail;
    const uint32_t at = op->defs; /* rows: result, address, value, swap */
    for (uint32_t k = at; warp->undefined != NULL && k < at + op->uses; k++)
        undefined_use(warp, op, k, mask, k == at ? "an address" : "an operand of an atomic operation");
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        uint8_t *host = access_host(warp, i, op->space, access_address(warp, op, at, i),
                                    (uint32_t)op->size * op->vector, ACCESS_ATOMIC);
        order_access(warp, host, op->flags, true, true);
        for (uint32_t v = 0; v < op->vector; v++, host += op->size) {
            uint64_t old = 0, swap = atomic->what == ATOMIC_CAS ? lane_get(warp, op, at + 2, i) : 0;
            memcpy(&old, host, op->size);
            uint64_t result = apply(atomic, old, lane_get(warp, op, at + 1 + v, i), swap);
            if (memcmp(host, &result, op->size) != 0) warp->launch->progress++;
            memcpy(host, &result, op->size);
            if (warp->undefined != NULL) atomic_shadow(warp, op, i, v, host);
            if (op->defs != 0 && op->rows[v] != PTX_NONE) lane_set(warp, op, v, i, old);
        }
    }
    if (warp->undefined != NULL && op->defs != 0) undefined_settle(warp, op);
}

static void decode_atomic(struct decoder *decoder, struct opcode_words *words, bool returns)
{
    static const struct {
        const char *word;
        enum atomic what;
    } names[] = { { "add", ATOMIC_ADD }, { "min", ATOMIC_MIN }, { "max", ATOMIC_MAX },   { "and", ATOMIC_AND },
                  { "or", ATOMIC_OR },   { "xor", ATOMIC_XOR }, { "exch", ATOMIC_EXCH }, { "cas", ATOMIC_CAS },
                  { "inc", ATOMIC_INC }, { "dec", ATOMIC_DEC } };
    struct atomic_op *atomic_op = arena_alloc(&decoder->module->arena, sizeof *atomic_op);
    struct op *op = decoder->op;
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (words_take(words, names[i].word)) {
            atomic_op->what = names[i].what;
            found = true;
        }
    words_take(words, "noftz");
    op->flags = (uint8_t)access_take_hints(words);
    op->space = (uint8_t)access_take_space(words);
    atomic_op->type = words_take_type(words);
    op->size = atomic_op->type.bits / 8;
    op->vector = words_take(words, "v2") ? 2 : words_take(words, "v4") ? 4 : words_take(words, "v8") ? 8 : 1;
    op->class = CLASS_ATOMIC;
    op->detail = atomic_op;
    op->run = atomic;
    bool is_float = strchr("fhxy", atomic_op->type.kind) != NULL;
    if (!found || op->size < 2 || op->size * op->vector > 16 || (op->vector > 1 && !is_float) ||
        (is_float && atomic_op->what > ATOMIC_MAX) ||
        (atomic_op->type.kind == 'f' && op->size > 2 && atomic_op->what != ATOMIC_ADD)) {
        decode_fail(decoder, "unknown atomic operation");
        return;
    }
    uint32_t next = 0;
    const struct ptx_operand *result = returns ? decode_operand(decoder, next++) : NULL;
    if (result != NULL) decode_vector(decoder, result, atomic_op->type.bits, true);
    const struct ptx_operand *address = decode_operand(decoder, next++);
    if (address != NULL) decode_address(decoder, address, op->space);
    uint32_t values = atomic_op->what == ATOMIC_CAS ? 2 : 1;
    for (uint32_t i = 0; i < values; i++) {
        const struct ptx_operand *value = decode_operand(decoder, next++);
        if (value != NULL) decode_vector(decoder, value, atomic_op->type.bits, false);
    }
    if (!decoder->failed &&
        (decoder->use_count != values * op->vector + 1 || (returns && decoder->def_count != op->vector)))
        decode_fail(decoder, "the operands are not vectors of %u elements", op->vector);
}

static void decode_atom(struct decoder *decoder, struct opcode_words *words)
{
    decode_atomic(decoder, words, true);
}

static void decode_red(struct decoder *decoder, struct opcode_words *words)
{
    decode_atomic(decoder, words, false);
}

const struct family exec_atomic_families[] = { { "atom", decode_atom }, { "red", decode_red }, { NULL, NULL } };
