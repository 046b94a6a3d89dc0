/* Decoding operands: registers and constants become value ids, which allocate_rows turns into rows. */
#include <string.h>

#include "decode.h"
#include "memory.h"

const struct ptx_operand *decode_operand(struct decoder *decoder, uint32_t index)
{
    if (index < decoder->source->count) return &decoder->source->operands[index];
    decode_fail(decoder, "operand %u is missing", index + 1);
    return NULL;
}

static void add_row(struct decoder *decoder, uint32_t value, bool wide, bool define)
{
    uint32_t at = decoder->def_count + decoder->use_count;
    if (at == MAX_ROWS) {
        decode_fail(decoder, "more than %d registers in one instruction", MAX_ROWS);
        return;
    }
    decoder->rows[at] = value;
    if (wide && at < 32) decoder->op->wide |= 1u << at;
    if (define)
        decoder->def_count++;
    else
        decoder->use_count++;
}

static void mark_narrow(struct decoder *decoder, uint32_t reg)
{
    uint32_t at = decoder->def_count + decoder->use_count - 1;
    if (at < 32 && decoder->ptx->register_bits[reg] == 16) decoder->op->narrow |= 1u << at;
}

static uint32_t add_constant(struct decoder *decoder, struct constant constant)
{
    struct kernel *kernel = decoder->kernel;
    for (uint32_t i = 0; i < kernel->constant_count; i++) {
        const struct constant *have = &kernel->constants[i];
        if (have->value == constant.value && have->special == constant.special && have->wide == constant.wide &&
            have->is_dynamic_shared == constant.is_dynamic_shared)
            return decoder->ptx->register_count + i;
    }
    kernel->constants =
        arena_grow(&decoder->module->arena, kernel->constants, kernel->constant_count, sizeof *kernel->constants);
    kernel->constants[kernel->constant_count] = constant;
    return decoder->ptx->register_count + kernel->constant_count++;
}

static struct constant constant_of_variable(const struct ptx_variable *variable, int64_t offset)
{
    struct constant constant = { .special = SPECIAL_COUNT, .value = (uint64_t)offset };
    if (variable->space == SPACE_SHARED && variable->external)
        constant.is_dynamic_shared = true;
    else if (variable->space == SPACE_SHARED)
        constant.value += SHARED_BASE + variable->offset;
    else if (variable->space == SPACE_GLOBAL || variable->space == SPACE_CONST)
        constant.value += variable->address;
    else
        constant.value += variable->offset;
    return constant;
}

static bool register_fits(struct decoder *decoder, uint32_t reg, int width)
{
    int bits = decoder->ptx->register_bits[reg];
    if (bits == 1 || (width > 0 && bits != width)) {
        decode_fail(decoder, "a register of %d bits where %d are expected", bits, width);
        return false;
    }
    return true;
}

void decode_def(struct decoder *decoder, const struct ptx_operand *operand, int width)
{
    if (operand->kind == PTX_SINK) {
        add_row(decoder, PTX_NONE, false, true);
    } else if (operand->kind != PTX_REGISTER) {
        decode_fail(decoder, "the destination is no register");
    } else if (register_fits(decoder, operand->reg, width)) {
        add_row(decoder, operand->reg, decoder->ptx->register_bits[operand->reg] == 64, true);
        mark_narrow(decoder, operand->reg);
    }
}

void decode_use(struct decoder *decoder, const struct ptx_operand *operand, int width)
{
    struct constant constant = { .special = SPECIAL_COUNT, .value = operand->value };
    switch (operand->kind) {
    case PTX_REGISTER:
        if (!register_fits(decoder, operand->reg, width)) return;
        add_row(decoder, operand->reg, decoder->ptx->register_bits[operand->reg] == 64, false);
        mark_narrow(decoder, operand->reg);
        return;
    case PTX_IMMEDIATE:
        break;
    case PTX_SPECIAL:
        constant.special = (enum special)operand->value;
        constant.value = 0;
        break;
    case PTX_VARIABLE:
        constant = constant_of_variable(operand->variable, operand->offset);
        break;
    default:
        decode_fail(decoder, "operand of a kind that this instruction does not take");
        return;
    }
    constant.wide = width == 64 || width == -64;
    if (width == 16 || width == -16) constant.value &= 0xffff;
    if (!constant.wide) constant.value &= UINT32_MAX;
    add_row(decoder, add_constant(decoder, constant), constant.wide, false);
}

void decode_constant(struct decoder *decoder, uint64_t value)
{
    struct constant constant = { .special = SPECIAL_COUNT, .value = value };
    add_row(decoder, add_constant(decoder, constant), false, false);
}

void decode_vector(struct decoder *decoder, const struct ptx_operand *operand, int width, bool define)
{
    uint32_t count = operand->kind == PTX_VECTOR ? operand->count : 1;
    const struct ptx_operand *list = operand->kind == PTX_VECTOR ? operand->items : operand;
    for (uint32_t i = 0; i < count; i++) {
        if (define)
            decode_def(decoder, &list[i], width);
        else
            decode_use(decoder, &list[i], width);
    }
}

uint32_t decode_pred(struct decoder *decoder, const struct ptx_operand *operand)
{
    if (operand->kind == PTX_IMMEDIATE)
        return (operand->value != 0) == operand->negated ? PREDICATE_TRUE | PREDICATE_NEGATED : PREDICATE_TRUE;
    if (operand->kind == PTX_SINK) return PREDICATE_TRUE;
    if (operand->kind != PTX_REGISTER || decoder->ptx->register_bits[operand->reg] != 1) {
        decode_fail(decoder, "a predicate is expected");
        return 0;
    }
    return decoder->pred_of[operand->reg] | (operand->negated ? PREDICATE_NEGATED : 0);
}

void decode_address(struct decoder *decoder, const struct ptx_operand *operand, enum ptx_space space)
{
    if (operand->kind != PTX_ADDRESS) {
        decode_fail(decoder, "an address is expected");
        return;
    }
    decoder->op->imm = operand->offset;
    if (operand->reg != PTX_NONE) {
        if (register_fits(decoder, operand->reg, 0))
            add_row(decoder, operand->reg, decoder->ptx->register_bits[operand->reg] == 64, false);
        return;
    }
    struct constant constant = { .special = SPECIAL_COUNT, .wide = true };
    if (operand->variable != NULL) {
        constant = constant_of_variable(operand->variable, 0);
        constant.wide = true;
        if (operand->variable->space != space &&
            !(operand->variable->space == SPACE_GLOBAL && space == SPACE_GENERIC) &&
            !(operand->variable->space == SPACE_SHARED && space == SPACE_CLUSTER))
            decode_fail(decoder, "the variable %s is in another space", operand->variable->name);
        if (space == SPACE_PARAM) constant.value = 0; /* ld adds the offset itself */
    }
    add_row(decoder, add_constant(decoder, constant), true, false);
}
