/* Instructions of warpgroups: wgmma (PTX ISA 9.7.15) and setmaxnreg (9.7.19.5). */
#include <stdio.h>
#include <string.h>

#include "decode.h"
#include "undefined.h"
#include "wgmma.h"

static uint64_t uniform(struct warp *warp, const struct op *op, uint32_t k, const char *what)
{
    const uint64_t *row = ROW(const uint64_t, k);
    for (int i = 1; i < LANES; i++)
        if (row[i] != row[0]) launch_fault(warp, i, 719, "lanes disagree on the descriptor of %s", what);
    return row[0];
}

HANDLER(multiply)
{
    const struct wgmma_form *form = op->detail;
    uint32_t k = form->d_rows + form->a_rows, scale = pred_read(warp, op->pred[2]);
    struct wgmma_issue issue = { .op = op, .accumulate = scale != 0 };
    if (mask != FULL_MASK) launch_fault(warp, -1, 719, "wgmma by the lanes 0x%08x, all are needed", mask);
    if (scale != 0 && scale != FULL_MASK) launch_fault(warp, -1, 719, "lanes disagree on scale-d");
    for (uint32_t d = k; d < (uint32_t)op->defs + op->uses; d++)
        undefined_use(warp, op, d, FULL_MASK, "a matrix descriptor");
    if (!form->a_in_registers) issue.a = uniform(warp, op, k++, "A");
    issue.b = uniform(warp, op, k, "B");
    wgmma_issue(warp, &issue);
}

HANDLER(fence)
{
    (void)op, (void)mask;
    wgmma_fence(warp);
}

HANDLER(commit)
{
    (void)op, (void)mask;
    wgmma_commit(warp);
}

HANDLER(wait)
{
    (void)mask;
    if (!wgmma_wait(warp, (uint32_t)op->imm)) warp->yield = warp->again = true;
}

/* Wrapped around the instructions that share registers with a wgmma. */
HANDLER(guarded)
{
    wgmma_touch(warp, op);
    op->inner(warp, op, mask);
}

void wgmma_guard(struct arena *arena, struct kernel *kernel)
{
    bool any = false;
    uint8_t *held = arena_alloc(arena, kernel->row_bytes / ROW_BYTES + 1);
    for (uint32_t i = 0; i < kernel->op_count; i++) {
        const struct op *op = &kernel->ops[i];
        if (op->run != multiply) continue;
        const struct wgmma_form *form = op->detail;
        any = true;
        for (uint32_t k = 0; k < form->d_rows + form->a_rows; k++)
            held[op->rows[k] / ROW_BYTES] |= k < form->d_rows ? HELD_AS_D : HELD_AS_A;
    }
    if (!any) return;
    kernel->held = held;
    for (uint32_t i = 0; i < kernel->op_count; i++) {
        struct op *op = &kernel->ops[i];
        bool touches = false;
        for (uint32_t k = 0; k < (uint32_t)op->defs + op->uses; k++)
            touches = touches || (op->rows[k] != PTX_NONE && held[op->rows[k] / ROW_BYTES] != 0);
        if (!touches || op->run == multiply) continue;
        op->inner = op->run;
        op->run = guarded;
    }
}

/* The next of the types, in the order they are written. */
static char take_kind(struct opcode_words *words)
{
    static const struct {
        const char *word;
        char kind;
    } kinds[] = { { "f16", 'f' }, { "bf16", 'h' }, { "tf32", 't' }, { "e4m3", '4' }, { "e5m2", '5' } };
    for (int i = 1; i < words->count; i++)
        for (size_t t = 0; t < sizeof kinds / sizeof *kinds; t++)
            if (!words->used[i] && strcmp(words->word[i], kinds[t].word) == 0) {
                words->used[i] = true;
                return kinds[t].kind;
            }
    return 0;
}

/* m64nNkK: N a multiple of 8 up to 256, K 32 bytes. */
static bool take_shape(struct opcode_words *words, struct wgmma_form *form)
{
    for (uint32_t n = 8; n <= WGMMA_N_MAX; n += 8)
        for (uint32_t k = 8; k <= 32; k *= 2) {
            char shape[32];
            snprintf(shape, sizeof shape, "m64n%uk%u", n, k);
            if (!words_take(words, shape)) continue;
            form->n = n;
            form->k = k;
            return true;
        }
    return false;
}

static bool immediate(struct decoder *decoder, uint32_t index, int64_t low, int64_t high, int64_t *value)
{
    const struct ptx_operand *operand = decode_operand(decoder, index);
    if (operand == NULL) return false;
    *value = (int64_t)operand->value;
    if (operand->kind == PTX_IMMEDIATE && (*value == low || *value == high)) return true;
    decode_fail(decoder, "operand %u has to be %d or %d", index + 1, (int)low, (int)high);
    return false;
}

static void take_modifiers(struct decoder *decoder, struct wgmma_form *form, uint32_t next)
{
    int64_t value;
    if (immediate(decoder, next++, 1, -1, &value)) form->negate_a = value < 0;
    if (immediate(decoder, next++, 1, -1, &value)) form->negate_b = value < 0;
    if (form->k == 16) {
        if (!form->a_in_registers && immediate(decoder, next++, 0, 1, &value)) form->transpose_a = value != 0;
        if (immediate(decoder, next++, 0, 1, &value)) form->transpose_b = value != 0;
    }
    if (!decoder->failed && next != decoder->source->count)
        decode_fail(decoder, "%u operands, %u are expected", decoder->source->count, next);
}

static void decode_multiply(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    struct wgmma_form *form = arena_alloc(&decoder->module->arena, sizeof *form);
    bool shaped = take_shape(words, form);
    form->half_d = !words_take(words, "f32");
    if (form->half_d && take_kind(words) != 'f') shaped = false;
    form->a_kind = take_kind(words);
    form->b_kind = take_kind(words);
    bool is_8_bit = form->a_kind == '4' || form->a_kind == '5';
    uint32_t k = form->a_kind == 't' ? 8 : is_8_bit ? 32 : 16;
    bool same = form->a_kind == form->b_kind || (is_8_bit && (form->b_kind == '4' || form->b_kind == '5'));
    if (!shaped || form->a_kind == 0 || !same || form->k != k ||
        (form->half_d && (form->a_kind == 'h' || form->a_kind == 't'))) {
        decode_fail(decoder, "unknown opcode %s", decoder->source->opcode);
        return;
    }
    const struct ptx_operand *d = decode_operand(decoder, 0), *a = decode_operand(decoder, 1),
                             *b = decode_operand(decoder, 2), *scale = decode_operand(decoder, 3);
    if (d == NULL || a == NULL || b == NULL || scale == NULL) return;
    form->a_in_registers = a->kind == PTX_VECTOR;
    form->d_rows = form->n / (form->half_d ? 4 : 2);
    form->a_rows = form->a_in_registers ? 4 : 0;
    if (d->kind != PTX_VECTOR || d->count != form->d_rows || (form->a_in_registers && a->count != form->a_rows)) {
        decode_fail(decoder, "D has to have %u registers, A a descriptor or 4", form->d_rows);
        return;
    }
    decode_vector(decoder, d, 32, false);
    if (form->a_in_registers)
        decode_vector(decoder, a, 32, false);
    else
        decode_use(decoder, a, 64);
    decode_use(decoder, b, 64);
    op->pred[2] = decode_pred(decoder, scale);
    take_modifiers(decoder, form, 4);
    op->detail = form;
    op->run = multiply;
    op->class = CLASS_WGMMA;
    op->holds_registers = true;
}

static void decode_wgmma(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    bool plain = words_take(words, "sync") && words_take(words, "aligned");
    op->class = CLASS_BARRIER;
    op->control = CONTROL_CONVERGE;
    if (decoder->module->target != 90 || decoder->module->target_suffix != 'a' || !plain) {
        decode_fail(decoder, "wgmma needs .sync.aligned and .target sm_90a");
    } else if (words_take(words, "mma_async")) {
        decode_multiply(decoder, words);
    } else if (words_take(words, "fence")) {
        op->run = fence;
    } else if (words_take(words, "commit_group")) {
        op->run = commit;
    } else if (words_take(words, "wait_group")) {
        const struct ptx_operand *count = decode_operand(decoder, 0);
        if (count != NULL) op->imm = (int64_t)count->value;
        op->run = wait;
    }
}

/* setmaxnreg: the block has what its threads had at launch; who wants more waits until others have given enough back. */
enum {
    REGISTERS = 65536,
    REGISTERS_AT_MOST = 248 /* ptxas: 255 in steps of 8 */,
    REGISTER_STEP = 8,
    WARPGROUP_WARPS = 4
};

static uint32_t registers_at_launch(const struct launch *launch)
{
    const struct ptx_kernel *ptx = launch->kernel->ptx;
    if (ptx->max_registers != 0) return ptx->max_registers;
    if (ptx->max_threads == 0) return 0;
    uint32_t blocks = ptx->min_blocks != 0 ? ptx->min_blocks : 1, each = REGISTERS / (ptx->max_threads * blocks);
    return each > REGISTERS_AT_MOST ? REGISTERS_AT_MOST : each / REGISTER_STEP * REGISTER_STEP;
}

HANDLER(set_registers)
{
    (void)mask;
    const bool increases = op->flags;
    uint32_t wanted = (uint32_t)op->imm, at_launch = registers_at_launch(warp->launch);
    if (at_launch == 0)
        launch_fault(
            warp, -1, 719,
            "setmaxnreg in a kernel without .maxntid, .reqntid or .maxnreg: how many registers a thread has is "
            "not known");
    uint32_t has = warp->registers != 0 ? warp->registers : at_launch;
    if (increases ? wanted < has : wanted > has)
        launch_fault(warp, -1, 719, "setmaxnreg.%s to %u registers from %u", increases ? "inc" : "dec", wanted,
                     has);
    if (increases && (wanted - has) > warp->block->spare_registers) {
        warp->yield = warp->again = true;
        return;
    }
    warp->block->spare_registers += has - wanted; /* modulo 2^32: less when it increases */
    warp->registers = wanted;
    warp->launch->progress++;
}

static void decode_setmaxnreg(struct decoder *decoder, struct opcode_words *words)
{
    struct op *op = decoder->op;
    bool plain = words_take(words, "sync") && words_take(words, "aligned") && words_take(words, "u32");
    bool increases = words_take(words, "inc"), decreases = words_take(words, "dec");
    const struct ptx_operand *count = decode_operand(decoder, 0);
    if (count == NULL) return;
    if (!plain || increases == decreases || decoder->module->target_suffix == 0) {
        decode_fail(decoder, "unknown opcode %s, or not for this .target", decoder->source->opcode);
        return;
    }
    if (count->kind != PTX_IMMEDIATE || count->value < 24 || count->value > REGISTERS_AT_MOST ||
        count->value % REGISTER_STEP != 0)
        decode_fail(decoder, "the number of registers has to be a multiple of %d from 24 to %d", REGISTER_STEP,
                    REGISTERS_AT_MOST);
    op->imm = (int64_t)count->value;
    op->flags = increases;
    op->run = set_registers;
    op->control = CONTROL_CONVERGE;
    op->class = CLASS_CONTROL;
}

const struct family exec_wgmma_families[] = { { "wgmma", decode_wgmma },
                                              { "setmaxnreg", decode_setmaxnreg },
                                              { NULL, NULL } };
