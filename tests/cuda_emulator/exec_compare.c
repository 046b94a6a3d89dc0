/* setp (PTX ISA 9.7.6): comparisons of every type into predicates, alone or combined with one. */
#include <string.h>

#include "decode.h"
#include "half.h"
#include "lanes.h"

enum comparison { EQ, NE, LT, LE, GT, GE, EQU, NEU, LTU, LEU, GTU, GEU, NUM, NOT_NUM };
enum { COMBINE_NONE, COMBINE_AND, COMBINE_OR, COMBINE_XOR };
struct setp {
    enum comparison comparison;
    int combine;
    bool ftz;
};

static void finish(struct warp *warp, const struct op *op, const struct setp *setp, uint32_t bits, uint32_t mask)
{
    uint32_t inverse = ~bits, with = pred_read(warp, op->pred[2]);
    if (setp->combine == COMBINE_AND) bits &= with, inverse &= with;
    if (setp->combine == COMBINE_OR) bits |= with, inverse |= with;
    if (setp->combine == COMBINE_XOR) bits ^= with, inverse ^= with;
    pred_write(warp, op->pred[0], bits, mask);
    pred_write(warp, op->pred[1], inverse, mask);
}

/* Inactive lanes are compared as well: their results are masked away. */
#define CASE(what, condition)                                                                                      \
    case what:                                                                                                     \
        LANES_INDEPENDENT for (uint32_t i = 0; i < LANES; i++)                                                     \
        {                                                                                                          \
            const value x = READ(a[i]), y = READ(b[i]);                                                            \
            bits |= (uint32_t)(condition) << i;                                                                    \
        }                                                                                                          \
        break;
#define INTEGER_CASES                                                                                              \
    CASE(EQ, x == y) CASE(NE, x != y) CASE(LT, x < y) CASE(LE, x <= y) CASE(GT, x > y) CASE(GE, x >= y)
#define FLOAT_CASES                                                                                                \
    CASE(EQ, x == y)                                                                                               \
    CASE(NE, x<y || x> y)                                                                                          \
    CASE(LT, x < y)                                                                                                \
    CASE(LE, x <= y)                                                                                               \
    CASE(GT, x > y)                                                                                                \
    CASE(GE, x >= y)                                                                                               \
    CASE(EQU, !(x < y || x > y))                                                                                   \
    CASE(NEU, !(x == y))                                                                                           \
    CASE(LTU, !(x >= y))                                                                                           \
    CASE(LEU, !(x > y))                                                                                            \
    CASE(GTU, !(x <= y)) CASE(GEU, !(x < y)) CASE(NUM, x == x && y == y) CASE(NOT_NUM, x != x || y != y)
#define COMPARE(name, T, S, CASES)                                                                                 \
    HANDLER(name)                                                                                                  \
    {                                                                                                              \
        typedef T value;                                                                                           \
        const struct setp *setp = op->detail;                                                                      \
        const S *a = ROW(const S, 0), *b = ROW(const S, 1);                                                        \
        uint32_t bits = 0;                                                                                         \
        switch (setp->comparison) {                                                                                \
            CASES                                                                                                  \
        default:                                                                                                   \
            break;                                                                                                 \
        }                                                                                                          \
        finish(warp, op, setp, bits, mask);                                                                        \
    }
#define READ(v) ((value)(v))
COMPARE(u16, uint16_t, uint32_t, INTEGER_CASES)
COMPARE(s16, int16_t, uint32_t, INTEGER_CASES)
COMPARE(u32, uint32_t, uint32_t, INTEGER_CASES)
COMPARE(s32, int32_t, uint32_t, INTEGER_CASES)
COMPARE(u64, uint64_t, uint64_t, INTEGER_CASES)
COMPARE(s64, int64_t, uint64_t, INTEGER_CASES)
COMPARE(f32, float, float, FLOAT_CASES)
COMPARE(f64, double, double, FLOAT_CASES)
#undef READ
#define READ(v) flush(v)
COMPARE(f32_ftz, float, float, FLOAT_CASES)
#undef READ
#define READ(v) half_to_float((uint16_t)(v))
COMPARE(f16, float, uint32_t, FLOAT_CASES)
#undef READ
#define READ(v) bfloat_to_float((uint16_t)(v))
COMPARE(bf16, float, uint32_t, FLOAT_CASES)

static op_handler *handler_of(struct type type, bool ftz)
{
    if (type.kind == 'h') return bf16;
    if (type.kind == 'f') return type.bits == 16 ? f16 : type.bits == 64 ? f64 : ftz ? f32_ftz : f32;
    if (type.kind == 's') return type.bits == 16 ? s16 : type.bits == 32 ? s32 : s64;
    if (type.kind == 'u' || type.kind == 'b') return type.bits == 16 ? u16 : type.bits == 32 ? u32 : u64;
    return NULL;
}

static void decode_setp(struct decoder *decoder, struct opcode_words *words)
{
    static const struct {
        const char *word;
        enum comparison comparison;
    } comparisons[] = { { "eq", EQ },   { "ne", NE },   { "lt", LT },      { "le", LE },   { "gt", GT },
                        { "ge", GE },   { "lo", LT },   { "ls", LE },      { "hi", GT },   { "hs", GE },
                        { "equ", EQU }, { "neu", NEU }, { "ltu", LTU },    { "leu", LEU }, { "gtu", GTU },
                        { "geu", GEU }, { "num", NUM }, { "nan", NOT_NUM } };
    struct setp *setp = arena_alloc(&decoder->module->arena, sizeof *setp);
    bool found = false;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (words_take(words, comparisons[i].word)) {
            setp->comparison = comparisons[i].comparison;
            found = true;
        }
    setp->combine = words_take(words, "and")   ? COMBINE_AND
                    : words_take(words, "or")  ? COMBINE_OR
                    : words_take(words, "xor") ? COMBINE_XOR
                                               : COMBINE_NONE;
    setp->ftz = words_take(words, "ftz");
    struct type type = words_take_type(words);
    struct op *op = decoder->op;
    op->run = handler_of(type, setp->ftz);
    op->detail = setp;
    op->class = CLASS_PREDICATE;
    if (!found || op->run == NULL || (setp->comparison > GE && type.kind != 'f' && type.kind != 'h')) {
        decode_fail(decoder, "unknown comparison");
        return;
    }
    const struct ptx_operand *to = decode_operand(decoder, 0), *a = decode_operand(decoder, 1),
                             *b = decode_operand(decoder, 2);
    if (to == NULL || a == NULL || b == NULL) return;
    op->pred[0] = decode_pred(decoder, to);
    if (to->second != PTX_NONE) op->pred[1] = decoder->pred_of[to->second];
    decode_use(decoder, a, type.bits);
    decode_use(decoder, b, type.bits);
    if (setp->combine == COMBINE_NONE) return;
    const struct ptx_operand *with = decode_operand(decoder, 3);
    if (with != NULL) op->pred[2] = decode_pred(decoder, with);
}

const struct family exec_compare_families[] = { { "setp", decode_setp }, { NULL, NULL } };
