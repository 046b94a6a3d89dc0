/* How instructions move undefined bits. What only moves bits about moves their shadows by its own handler, run on the shadow rows;
 * logic and integer arithmetic have rules of Valgrind's memcheck; of all else a result is undefined when any operand is. Memory and matrix
 * instructions do it themselves. */
#include <string.h>

#include "decode.h"
#include "undefined.h"

enum {
    RULE_ANY,  /* every bit of the result depends on every bit of the operands */
    RULE_MOVE, /* 1 + a bit for each operand that is data: results are made of their bits */
    RULE_MOVES = RULE_MOVE + 4,
    RULE_SELECT,  /* selp */
    RULE_LOGIC,   /* and, or, xor, not, lop3 */
    RULE_CARRY,   /* a bit of the result depends on its own and lower bits of the operands */
    RULE_HALVES,  /* each half on that half of the operands */
    RULE_PACK,    /* the upper half on the first operand, the lower half on the second */
    RULE_COMPARE, /* setp */
    RULE_PREDICATES,
    RULE_VOTE,
    RULE_LANES, /* on the operands of all lanes */
    RULE_USE,   /* the operands have to be defined */
    RULE_OWN    /* the handler does it */
};

static bool is_integer(const struct opcode_words *words)
{
    for (int i = 1; i < words->count; i++)
        if (type_of(words->word[i]).kind != 0) return strchr("usb", type_of(words->word[i]).kind) != NULL;
    return false;
}

static bool has_word(const struct opcode_words *words, const char *word)
{
    for (int i = 1; i < words->count; i++)
        if (strcmp(words->word[i], word) == 0) return true;
    return false;
}

uint8_t undefined_rule(const struct op *op)
{
    static const struct {
        const char *base;
        uint8_t rule;
    } rules[] = {
        { "mov", RULE_MOVES },    { "prmt", RULE_MOVE + 2 }, { "shf", RULE_MOVE + 2 },   { "bfi", RULE_MOVE + 2 },
        { "bfe", RULE_MOVE + 1 }, { "brev", RULE_MOVE + 1 }, { "szext", RULE_MOVE + 1 }, { "shl", RULE_MOVE + 1 },
        { "shr", RULE_MOVE + 1 }, { "shfl", RULE_MOVE + 1 }, { "selp", RULE_SELECT },    { "and", RULE_LOGIC },
        { "or", RULE_LOGIC },     { "xor", RULE_LOGIC },     { "not", RULE_LOGIC },      { "lop3", RULE_LOGIC },
        { "cvta", RULE_CARRY },   { "setp", RULE_COMPARE },  { "vote", RULE_VOTE },      { "match", RULE_LANES },
        { "redux", RULE_LANES },  { "bar", RULE_USE },       { "barrier", RULE_USE },    { "mbarrier", RULE_USE },
        { "cp", RULE_USE },       { "elect", RULE_USE },     { "ld", RULE_OWN },         { "ldu", RULE_OWN },
        { "st", RULE_OWN },       { "atom", RULE_OWN },      { "red", RULE_OWN },        { "ldmatrix", RULE_OWN },
        { "stmatrix", RULE_OWN }, { "mma", RULE_OWN },       { "wmma", RULE_OWN },       { "wgmma", RULE_OWN }
    };
    struct opcode_words words;
    words_split(&words, op->source->opcode);
    const char *base = words.word[0];
    bool integer = is_integer(&words);
    if (has_word(&words, "pred") && (op->pred[0] != 0) && op->defs == 0 && strcmp(base, "vote") != 0 &&
        strcmp(base, "bar") != 0 && strcmp(base, "barrier") != 0)
        return RULE_PREDICATES;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(base, rules[i].base) == 0) return rules[i].rule;
    static const char *const carried[] = { "add", "sub", "mul", "mad", "neg" };
    for (size_t i = 0; integer && op->defs == 1 && i < sizeof carried / sizeof *carried; i++)
        if (strcmp(base, carried[i]) == 0 && !has_word(&words, "hi") && !has_word(&words, "sat") &&
            op->pred[0] == 0)
            return RULE_CARRY;
    if (strcmp(base, "cvt") == 0 && op->uses == 2 && op->defs == 1) return RULE_PACK;
    if (strcmp(base, "cvt") == 0 && integer && !has_word(&words, "sat")) {
        struct type from = type_of(words.word[words.count - 1]);
        if (from.kind == 's' || from.kind == 'u') return RULE_MOVE + 1;
    }
    if (has_word(&words, "f16x2") || has_word(&words, "bf16x2")) return RULE_HALVES;
    return RULE_ANY;
}

static uint64_t ones_of(const struct op *op, uint32_t k)
{
    return op->wide >> k & 1 ? UINT64_MAX : UINT32_MAX;
}

static uint64_t upwards(uint64_t bits) /* from the lowest */
{
    return bits | (0 - bits);
}

static void set_lanes(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask, uint64_t bits,
                      const struct origin *origin)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
        undefined_set(warp, op, k, __builtin_ctz(rest), bits, origin);
}

static void set_pred(struct warp *warp, uint32_t pred, uint32_t mask, uint32_t unknown, const struct origin *origin)
{
    struct undefined *undefined = warp->undefined;
    if (pred == 0) return;
    undefined->preds[pred] = (undefined->preds[pred] & ~mask) | (unknown & mask);
    if ((unknown & mask) != 0) undefined->pred_origins[pred] = *origin;
}

static void set_results(struct warp *warp, const struct op *op, uint32_t mask, bool undefined,
                        const struct origin *origin)
{
    for (uint32_t k = 0; k < op->defs; k++)
        if (!undefined && mask == FULL_MASK && undefined_in(warp, op, k))
            memset(SHADOW(uint32_t, k), 0, op->wide >> k & 1 ? 2 * ROW_BYTES : ROW_BYTES);
        else if (undefined || undefined_in(warp, op, k))
            set_lanes(warp, op, k, mask, undefined ? ones_of(op, k) : 0, origin);
    for (int p = 0; p < (op->rule == RULE_PREDICATES ? 1 : 2); p++) /* there the other one is an operand */
        set_pred(warp, op->pred[p], mask, undefined ? mask : 0, origin);
}

void undefined_clear(struct warp *warp, const struct op *op, uint32_t mask)
{
    static const struct origin none = { 0 };
    set_results(warp, op, mask, false, &none);
    undefined_settle(warp, op);
}

/* The lanes of which any operand is undefined. */
static uint32_t any_lanes(const struct warp *warp, const struct op *op)
{
    uint32_t lanes = warp->undefined->preds[op->pred[2] & ~PREDICATE_NEGATED];
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++)
        lanes |= undefined_lanes(warp, op, k);
    return lanes;
}

/* The first of the undefined operands. */
static struct origin source_of(const struct warp *warp, const struct op *op, bool computes)
{
    struct origin origin = warp->undefined->pred_origins[op->pred[2] & ~PREDICATE_NEGATED];
    for (uint32_t k = (uint32_t)op->defs + op->uses; k-- > op->defs;)
        if (undefined_in(warp, op, k)) origin = *undefined_origin(warp, op, k);
    origin.computed |= computes;
    return origin;
}

struct op undefined_shadow(const struct warp *warp, const struct op *op, uint32_t rows[])
{
    struct op shadow = *op;
    shadow.rows = rows;
    if (op->inner != NULL) shadow.run = op->inner;
    for (uint32_t k = 0; k < (uint32_t)op->defs + op->uses; k++)
        rows[k] = op->rows[k] == PTX_NONE ? PTX_NONE : op->rows[k] + warp->launch->kernel->row_bytes;
    return shadow;
}

/* Runs the handler on the shadows of the first `data` operands and of the results. */
static void move_shadows(struct warp *warp, const struct op *op, uint32_t mask, uint32_t data)
{
    uint32_t rows[MAX_ROWS];
    struct op shadow = undefined_shadow(warp, op, rows);
    for (uint32_t k = op->defs + data; k < (uint32_t)op->defs + op->uses; k++)
        rows[k] = op->rows[k];
    shadow.run(warp, &shadow, mask);
}

static void move(struct warp *warp, const struct op *op, uint32_t mask, uint32_t data, struct origin origin)
{
    uint32_t unknown = op->rule == RULE_SELECT ? 0 : warp->undefined->preds[op->pred[2] & ~PREDICATE_NEGATED];
    for (uint32_t k = op->defs + data; k < (uint32_t)op->defs + op->uses; k++)
        unknown |= undefined_lanes(warp, op, k);
    unknown &= mask;
    if (op->rule == RULE_MOVES) unknown = 0;
    for (uint32_t k = 0; k < op->defs; k++) { /* before the sources may go */
        if (op->rows[k] == PTX_NONE) continue;
        warp->undefined->some[op->rows[k] / ROW_BYTES] = 1;
        *undefined_origin(warp, op, k) = origin;
    }
    move_shadows(warp, op, mask, data);
    if (unknown != 0) set_results(warp, op, unknown, true, &origin);
    set_pred(warp, op->pred[0], mask, unknown, &origin);
}

static uint64_t logic_bits(const struct op *op, const uint64_t value[3], const uint64_t unknown[3])
{
    const uint64_t a = value[0], b = value[1], x = unknown[0], y = unknown[1];
    switch (op->source->opcode[0]) {
    case 'a': /* and: a defined 0 decides */
        return (x | y) & (a | x) & (b | y);
    case 'o': /* or: a defined 1 decides */
        return (x | y) & (~a | x) & (~b | y);
    case 'l': { /* lop3: can the result be 1, and can it be 0? */
        uint64_t can[2] = { 0, 0 };
        for (uint32_t k = 0; k < 8; k++) {
            uint64_t here = UINT64_MAX;
            for (uint32_t i = 0; i < 3; i++)
                here &= (k >> (2 - i) & 1 ? value[i] : ~value[i]) | unknown[i];
            can[op->imm >> k & 1] |= here;
        }
        return can[0] & can[1] & UINT32_MAX;
    }
    default:
        return x | y;
    }
}

/* Could the comparison of integers come out either way? */
static bool is_open(const struct opcode_words *words, struct type type, const uint64_t value[3],
                    const uint64_t unknown[3])
{
    if (strchr("usb", type.kind) == NULL) return (unknown[0] | unknown[1]) != 0;
    if (has_word(words, "eq") || has_word(words, "ne"))
        return ((value[0] ^ value[1]) & ~(unknown[0] | unknown[1])) == 0;
    const uint64_t ones = type.bits == 64 ? UINT64_MAX : ((uint64_t)1 << type.bits) - 1;
    const uint64_t sign = type.kind == 's' ? (uint64_t)1 << (type.bits - 1) : 0;
    uint64_t low[2], high[2];
    for (int i = 0; i < 2; i++) {
        uint64_t shifted = value[i] ^ sign; /* in the order of unsigned numbers */
        low[i] = shifted & ~unknown[i] & ones;
        high[i] = (shifted | unknown[i]) & ones;
    }
    bool strict = has_word(words, "lt") || has_word(words, "lo") || has_word(words, "ge") || has_word(words, "hs");
    if (strict) return !(high[0] < low[1] || low[0] >= high[1]);
    return !(high[0] <= low[1] || low[0] > high[1]);
}

static void compare(struct warp *warp, const struct op *op, uint32_t mask, const struct origin *origin)
{
    struct opcode_words words;
    words_split(&words, op->source->opcode);
    struct type type = type_of(words.word[words.count - 1]);
    uint32_t unknown = 0, known_false = ~pred_read(warp, op->pred[2]), with = op->pred[2] & ~PREDICATE_NEGATED;
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        const uint64_t value[3] = { lane_get(warp, op, 0, i), lane_get(warp, op, 1, i) };
        const uint64_t bits[3] = { undefined_get(warp, op, 0, i), undefined_get(warp, op, 1, i) };
        if ((bits[0] | bits[1]) != 0 && is_open(&words, type, value, bits)) unknown |= 1u << i;
    }
    if (has_word(&words, "and")) unknown &= ~(known_false & ~warp->undefined->preds[with]);
    if (has_word(&words, "or")) unknown &= ~(~known_false & ~warp->undefined->preds[with]);
    if (with != 0) unknown |= warp->undefined->preds[with];
    set_pred(warp, op->pred[0], mask, unknown, origin);
    set_pred(warp, op->pred[1], mask, unknown, origin);
}

/* and, or, xor, not and mov of predicates, whose operands are pred[2] and pred[1]. */
static void logic_of_predicates(struct warp *warp, const struct op *op, uint32_t mask)
{
    const struct undefined *undefined = warp->undefined;
    const bool binary = op->source->count > 2;
    const uint64_t value[3] = { pred_read(warp, op->pred[2]), binary ? pred_read(warp, op->pred[1]) : 0 };
    const uint32_t first = op->pred[2] & ~PREDICATE_NEGATED, second = op->pred[1] & ~PREDICATE_NEGATED;
    const uint64_t unknown[3] = { undefined->preds[first], binary ? undefined->preds[second] : 0 };
    struct origin origin = undefined->pred_origins[unknown[0] != 0 ? first : second];
    uint64_t bits =
        op->source->opcode[0] == 'm' || op->source->opcode[0] == 'n' ? unknown[0] : logic_bits(op, value, unknown);
    set_pred(warp, op->pred[0], mask, (uint32_t)bits, &origin);
}

static void vote(struct warp *warp, const struct op *op, uint32_t mask, const struct origin *origin)
{
    uint32_t unknown = warp->undefined->preds[op->pred[2] & ~PREDICATE_NEGATED] & mask;
    uint32_t set = pred_read(warp, op->pred[2]) & mask;
    if (op->defs != 0) { /* ballot: a bit for each lane */
        set_lanes(warp, op, 0, mask, unknown, origin);
        return;
    }
    const char *opcode = op->source->opcode;
    bool decided = strstr(opcode, ".any") != NULL   ? (set & ~unknown) != 0
                   : strstr(opcode, ".all") != NULL ? (~set & mask & ~unknown) != 0
                                                    : false;
    set_pred(warp, op->pred[0], mask, unknown != 0 && !decided ? mask : 0, origin);
}

static uint64_t result_bits(const struct warp *warp, const struct op *op, int lane)
{
    uint64_t value[3] = { 0 }, bits[3] = { 0 }, all = 0;
    for (uint32_t k = 0; k < op->uses && k < 3; k++) {
        value[k] = lane_get(warp, op, op->defs + k, lane);
        bits[k] = undefined_get(warp, op, op->defs + k, lane);
        all |= bits[k];
    }
    switch (op->rule) {
    case RULE_LOGIC:
        return logic_bits(op, value, bits);
    case RULE_CARRY:
        return upwards(all);
    case RULE_HALVES:
        return ((all & 0xffff) != 0 ? 0xffff : 0) | (all >> 16 != 0 ? 0xffff0000 : 0);
    case RULE_PACK:
        return (bits[1] != 0 ? 0xffff : 0) | (bits[0] != 0 ? 0xffff0000 : 0);
    default: /* RULE_SELECT, with an undefined predicate */
        return all | (value[0] ^ value[1]);
    }
}

static void by_lane(struct warp *warp, const struct op *op, uint32_t mask, const struct origin *origin)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        int i = __builtin_ctz(rest);
        undefined_set(warp, op, 0, i, result_bits(warp, op, i), origin);
    }
}

static void propagate(struct warp *warp, const struct op *op, uint32_t mask)
{
    const bool moves = op->rule >= RULE_MOVE && op->rule <= RULE_MOVES;
    const struct origin origin = source_of(warp, op, !moves && op->rule != RULE_LOGIC && op->rule != RULE_SELECT);
    uint32_t unknown;
    switch (op->rule) {
    case RULE_SELECT:
        unknown = warp->undefined->preds[op->pred[2] & ~PREDICATE_NEGATED] & mask;
        if (unknown != mask) move(warp, op, mask & ~unknown, 2, origin);
        by_lane(warp, op, unknown, &origin);
        break;
    case RULE_LOGIC:
    case RULE_CARRY:
    case RULE_HALVES:
    case RULE_PACK:
        by_lane(warp, op, mask, &origin);
        break;
    case RULE_COMPARE:
        compare(warp, op, mask, &origin);
        break;
    case RULE_VOTE:
        vote(warp, op, mask, &origin);
        break;
    case RULE_LANES:
        set_results(warp, op, mask, (any_lanes(warp, op) & mask) != 0, &origin);
        break;
    case RULE_USE:
        unknown = any_lanes(warp, op) & mask;
        if (unknown != 0) undefined_fault(warp, __builtin_ctz(unknown), &origin, "an operand of this instruction");
        set_results(warp, op, mask, false, &origin);
        break;
    default:
        if (moves) {
            move(warp, op, mask, op->rule == RULE_MOVES ? op->uses : (uint32_t)op->rule - RULE_MOVE, origin);
            break;
        }
        unknown = any_lanes(warp, op) & mask;
        set_results(warp, op, mask & ~unknown, false, &origin);
        set_results(warp, op, unknown, true, &origin);
    }
    undefined_settle(warp, op);
}

static bool has_undefined_operands(const struct warp *warp, const struct op *op)
{
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++)
        if (undefined_in(warp, op, k)) return true;
    return warp->undefined->preds[op->pred[2] & ~PREDICATE_NEGATED] != 0;
}

/* Before they are written anew. */
static bool has_undefined_results(const struct warp *warp, const struct op *op)
{
    for (uint32_t k = 0; k < op->defs; k++)
        if (undefined_in(warp, op, k)) return true;
    return (warp->undefined->preds[op->pred[0] & ~PREDICATE_NEGATED] |
            warp->undefined->preds[op->pred[1] & ~PREDICATE_NEGATED]) != 0;
}

void undefined_run(struct warp *warp, const struct op *op, uint32_t mask)
{
    if (op->rule == RULE_PREDICATES) {
        logic_of_predicates(warp, op, mask);
    } else if (op->rule != RULE_OWN) {
        if (has_undefined_operands(warp, op))
            propagate(warp, op, mask);
        else if (has_undefined_results(warp, op))
            undefined_clear(warp, op, mask);
    }
    op->run(warp, op, mask);
}

void undefined_guarded(struct warp *warp, const struct op *op, uint32_t mask, uint32_t unknown)
{
    const struct origin origin = warp->undefined->pred_origins[op->guard & ~PREDICATE_NEGATED];
    bool only_computes = op->control == CONTROL_NONE && (op->defs != 0 || op->pred[0] != 0) &&
                         op->class != CLASS_ATOMIC && op->class != CLASS_WGMMA;
    if (!only_computes)
        undefined_fault(warp, __builtin_ctz(unknown), &origin,
                        op->control == CONTROL_BRANCH ? "the condition of a branch"
                                                      : "the guard of this instruction");
    if (mask != 0) undefined_run(warp, op, mask);
    set_results(warp, op, unknown, true, &origin);
}
