/* set, slct and testp (PTX ISA 9.7.6, 9.7.1.x, 9.7.3.x): comparisons whose result is a number, one lane after the other. */
#include <math.h>
#include <string.h>

#include "decode.h"
#include "half.h"
#include "lanes.h"

struct set {
    bool less, equal, greater, unordered; /* for which orders it holds */
    char combine;                         /* '&', '|', '^' or 0 */
    struct type to, from;
};

static double number(uint64_t bits, struct type type)
{
    if (type.kind == 'h') return bfloat_to_float((uint16_t)bits);
    if (type.kind == 'f')
        return type.bits == 16   ? half_to_float((uint16_t)bits)
               : type.bits == 32 ? as_float((uint32_t)bits)
                                 : as_double(bits);
    return 0;
}

static bool holds(const struct set *set, uint64_t x, uint64_t y)
{
    const struct type type = set->from;
    if (type.kind == 'f' || type.kind == 'h') {
        double p = number(x, type), q = number(y, type);
        return p < q ? set->less : p > q ? set->greater : p == q ? set->equal : set->unordered;
    }
    const uint32_t shift = 64u - type.bits;
    bool less = type.kind == 's' ? (int64_t)(x << shift) < (int64_t)(y << shift) : x << shift < y << shift;
    return less ? set->less : x << shift == y << shift ? set->equal : set->greater;
}

/* 1 as a number of that type, or all ones. */
static uint32_t truth(struct type type)
{
    if (type.kind == 'h') return 0x3f80;
    if (type.kind == 'f') return type.bits == 16 ? 0x3c00 : 0x3f800000;
    return type.bits == 16 ? 0xffff : UINT32_MAX;
}

HANDLER(set)
{
    const struct set *set = op->detail;
    const uint32_t with = pred_read(warp, op->pred[2]), pairs = op->flags;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint32_t result = 0;
        for (uint32_t shift = 0; shift < (pairs ? 32 : 16); shift += 16) {
            bool bit = holds(set, lane_get(warp, op, 1, i) >> shift, lane_get(warp, op, 2, i) >> shift),
                 other = with >> i & 1;
            if (set->combine == '&') bit = bit && other;
            if (set->combine == '|') bit = bit || other;
            if (set->combine == '^') bit = bit != other;
            if (bit) result |= truth(set->to) << shift;
        }
        lane_set(warp, op, 0, i, result);
    }
}

static bool take_comparison(struct opcode_words *words, struct set *set)
{
    static const struct {
        const char *word;
        bool less, equal, greater, unordered;
    } known[] = { { "eq", 0, 1, 0, 0 },  { "ne", 1, 0, 1, 0 },  { "lt", 1, 0, 0, 0 },  { "le", 1, 1, 0, 0 },
                  { "gt", 0, 0, 1, 0 },  { "ge", 0, 1, 1, 0 },  { "lo", 1, 0, 0, 0 },  { "ls", 1, 1, 0, 0 },
                  { "hi", 0, 0, 1, 0 },  { "hs", 0, 1, 1, 0 },  { "equ", 0, 1, 0, 1 }, { "neu", 1, 0, 1, 1 },
                  { "ltu", 1, 0, 0, 1 }, { "leu", 1, 1, 0, 1 }, { "gtu", 0, 0, 1, 1 }, { "geu", 0, 1, 1, 1 },
                  { "num", 1, 1, 1, 0 }, { "nan", 0, 0, 0, 1 } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (words_take(words, known[i].word)) {
            set->less = known[i].less, set->equal = known[i].equal;
            set->greater = known[i].greater, set->unordered = known[i].unordered;
            return true;
        }
    return false;
}

/* Of a pair: its halves. */
static bool take_half(struct type *type)
{
    if (type->kind != 'x' && type->kind != 'y') return false;
    *type = (struct type){ .kind = type->kind == 'x' ? 'f' : 'h', .bits = 16 };
    return true;
}

static void decode_set(struct decoder *decoder, struct opcode_words *words)
{
    struct set *set_ = arena_alloc(&decoder->module->arena, sizeof *set_);
    struct op *op = decoder->op;
    bool compares = take_comparison(words, set_);
    set_->combine = words_take(words, "and")   ? '&'
                    : words_take(words, "or")  ? '|'
                    : words_take(words, "xor") ? '^'
                                               : 0;
    if (words_take(words, "ftz") && strstr(decoder->source->opcode, ".f32.f32") != NULL)
        decode_fail(decoder, "set.ftz.f32 is not known");
    set_->to = words_take_type(words);
    set_->from = words_take_type(words);
    uint32_t to_bits = set_->to.bits, from_bits = set_->from.bits;
    bool pairs = take_half(&set_->from), to_pairs = take_half(&set_->to);
    if (pairs && !to_pairs && set_->to.bits == 32) set_->to.bits = 16; /* masks of halves */
    op->flags = pairs;
    bool known = compares && set_->from.kind != 0 && strchr("usbfh", set_->from.kind) != NULL && from_bits >= 16 &&
                 strchr("usfh", set_->to.kind) != NULL && set_->to.kind != 0 && (to_bits == 32 || to_bits == 16) &&
                 (pairs || !to_pairs);
    if (!known) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    const struct ptx_operand *to = decode_operand(decoder, 0), *a = decode_operand(decoder, 1),
                             *b = decode_operand(decoder, 2);
    if (to == NULL || a == NULL || b == NULL) return;
    decode_def(decoder, to, (int)to_bits);
    decode_use(decoder, a, (int)from_bits);
    decode_use(decoder, b, (int)from_bits);
    const struct ptx_operand *with = set_->combine != 0 ? decode_operand(decoder, 3) : NULL;
    if (with != NULL) op->pred[2] = decode_pred(decoder, with);
    op->detail = set_;
    op->run = set;
    op->class = CLASS_INTEGER;
}

HANDLER(choose) /* op->flags: the third operand is a float */
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint32_t c = (uint32_t)lane_get(warp, op, 3, i);
        bool first = op->flags ? as_float(c) >= 0 : (int32_t)c >= 0;
        lane_set(warp, op, 0, i, lane_get(warp, op, first ? 1 : 2, i));
    }
}

static void decode_slct(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    words_take(words, "ftz");
    struct type type = words_take_type(words), by = words_take_type(words);
    const int bits[] = { type.bits, type.bits, type.bits, 32 };
    if (type.bits < 16 || by.bits != 32 || (by.kind != 's' && by.kind != 'f')) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        const struct ptx_operand *operand = decode_operand(decoder, i);
        if (operand == NULL) return;
        if (i == 0)
            decode_def(decoder, operand, bits[i]);
        else
            decode_use(decoder, operand, bits[i]);
    }
    op->flags = by.kind == 'f';
    op->run = choose;
    op->class = CLASS_INTEGER;
}

enum { TEST_FINITE, TEST_INFINITE, TEST_NUMBER, TEST_NAN, TEST_NORMAL, TEST_SUBNORMAL };
HANDLER(test)
{
    uint32_t result = 0;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        uint64_t bits = lane_get(warp, op, 0, i);
        int kind = op->wide & 1 ? fpclassify(as_double(bits)) : fpclassify(as_float((uint32_t)bits));
        const bool answers[] = { kind != FP_NAN && kind != FP_INFINITE,
                                 kind == FP_INFINITE,
                                 kind != FP_NAN,
                                 kind == FP_NAN,
                                 kind == FP_NORMAL,
                                 kind == FP_SUBNORMAL };
        result |= (uint32_t)answers[op->flags] << i;
    }
    pred_write(warp, op->pred[0], result, mask);
}

static void decode_testp(struct decoder *decoder, struct opcode_words *words)
{
    static const char *const names[] = { "finite", "infinite", "number", "notanumber", "normal", "subnormal" };
    struct op *op = decoder->op;
    for (uint8_t i = 0; i < sizeof names / sizeof *names; i++)
        if (words_take(words, names[i])) {
            op->flags = i;
            op->run = test;
        }
    struct type type = words_take_type(words);
    const struct ptx_operand *to = decode_operand(decoder, 0), *from = decode_operand(decoder, 1);
    if (to == NULL || from == NULL) return;
    if (type.kind != 'f' || type.bits < 32) decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
    op->pred[0] = decode_pred(decoder, to);
    decode_use(decoder, from, type.bits);
    op->class = CLASS_PREDICATE;
}

const struct family exec_set_families[] = {
    { "set", decode_set }, { "slct", decode_slct }, { "testp", decode_testp }, { NULL, NULL }
};
