/* Decoding: opcodes to handlers, kernels to ops. Operands are decode_operand.c's. */
#include "decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "undefined.h"

static const struct opcode *const tables[] = { exec_integer_table, exec_float_table, exec_round_table,
                                               exec_bits_table,    exec_warp_table,  exec_move_table };
static const struct family *const families[] = {
    exec_convert_families, exec_compare_families,  exec_memory_families, exec_atomic_families,
    exec_control_families, exec_move_families,     exec_mma_families,    exec_async_families,
    exec_cluster_families, exec_mbarrier_families, exec_wgmma_families,  exec_wmma_families,
    exec_carry_families,   exec_set_families,      exec_call_families
};

void decode_fail(struct decoder *decoder, const char *format, ...)
{
    if (decoder->failed) return;
    decoder->failed = true;
    char *error = decoder->module->error;
    size_t room = sizeof decoder->module->error;
    int used = snprintf(error, room, "ptx line %d, kernel %s: ", decoder->source->line, decoder->ptx->name);
    va_list arguments;
    va_start(arguments, format);
    used += vsnprintf(error + used, room - (size_t)used, format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < room)
        snprintf(error + used, room - (size_t)used, ": '%s'", decoder->source->text);
}

/* The opcode as the tables have it: without the words that change nothing here, because rounding to nearest is the default,
 * .lo is the plain product, and approximations are computed exactly. */
static void table_name(char *name, size_t room, const char *opcode)
{
    static const char *const dropped[] = { "rn", "approx", "full", "lo", "noftz" };
    struct opcode_words words;
    words_split(&words, opcode);
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        words_take(&words, dropped[i]);
    size_t used = 0;
    name[0] = '\0';
    for (int i = 0; i < words.count && used < room; i++) {
        if (i > 0 && words.used[i]) continue;
        used += (size_t)snprintf(name + used, room - used, "%s%s", i > 0 ? "." : "", words.word[i]);
    }
}

static const struct opcode *find_opcode(const char *opcode)
{
    char name[256];
    table_name(name, sizeof name, opcode);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct opcode *entry = tables[t]; entry->name != NULL; entry++)
            if (strcmp(entry->name, name) == 0) return entry;
    return NULL;
}

static const struct family *find_family(const char *base)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const struct family *family = families[f]; family->base != NULL; family++)
            if (strcmp(family->base, base) == 0) return family;
    return NULL;
}

static int width_of(char letter)
{
    return letter == 'h' ? 16 : letter == 'l' ? 64 : letter == 'x' ? 0 : 32;
}

/* Operands by the signature of a table entry. */
static void decode_signature(struct decoder *decoder, const struct opcode *entry)
{
    struct op *op = decoder->op;
    uint32_t next = 0, written = 0, read = 2;
    bool define = true;
    const struct ptx_operand *operand = NULL;
    for (const char *letter = entry->signature; *letter != '\0' && !decoder->failed; letter++) {
        if (*letter == ':') {
            define = false;
            continue;
        }
        if (*letter == 'p' && define && operand != NULL) { /* the q of d|q, which may be absent */
            op->pred[written++] = operand->second != PTX_NONE ? decoder->pred_of[operand->second] : 0;
            continue;
        }
        if (*letter == 'm' && next == decoder->source->count) { /* no mask: all lanes that are here */
            decode_fail(decoder, "the member mask is missing");
            continue;
        }
        operand = decode_operand(decoder, next++);
        if (operand == NULL) return;
        if (*letter == 'p' && define)
            op->pred[written++] = decode_pred(decoder, operand);
        else if (*letter == 'p')
            op->pred[read--] = decode_pred(decoder, operand);
        else if (*letter == 'i')
            op->imm = (int64_t)operand->value;
        else if (define)
            decode_def(decoder, operand, width_of(*letter));
        else
            decode_use(decoder, operand, width_of(*letter));
    }
    if (next != decoder->source->count)
        decode_fail(decoder, "%u operands, %u are expected", decoder->source->count, next);
}

static void decode_instruction(struct decoder *decoder, const struct opcode *entry)
{
    struct op *op = decoder->op;
    const struct ptx_instruction *source = decoder->source;
    if (source->guard != PTX_NONE)
        op->guard = decoder->pred_of[source->guard] | (source->guard_negated ? PREDICATE_NEGATED : 0);
    if (entry != NULL) {
        op->run = entry->run;
        op->class = (uint8_t)entry->class;
        op->control = (uint8_t)entry->control;
        op->flags = entry->flags;
        decode_signature(decoder, entry);
        return;
    }
    struct opcode_words words;
    words_split(&words, source->opcode);
    const struct family *family = find_family(words.word[0]);
    if (family == NULL) {
        decode_fail(decoder, "unknown opcode %s", source->opcode);
        return;
    }
    family->decode(decoder, &words);
    const char *unused = words_unused(&words);
    if (unused != NULL) decode_fail(decoder, "unknown opcode %s: .%s is not known here", source->opcode, unused);
    if (!decoder->failed && op->run == NULL) decode_fail(decoder, "unknown opcode %s", source->opcode);
}

static void finish_op(struct decoder *decoder)
{
    struct op *op = decoder->op;
    op->source = decoder->source;
    op->defs = (uint16_t)decoder->def_count;
    op->uses = (uint16_t)decoder->use_count;
    size_t size = (decoder->def_count + decoder->use_count) * sizeof *op->rows;
    op->rows = arena_alloc(&decoder->module->arena, size);
    memcpy(op->rows, decoder->rows, size);
    op->rule = undefined_rule(op);
}

/* Kernels repeat few different opcodes: what an interned one means is looked up once. */
struct known_opcode {
    const char *opcode;
    const struct opcode *entry;
};
enum { KNOWN = 1024 };

static const struct opcode *look_up(struct known_opcode *known, const char *opcode)
{
    struct known_opcode *slot = &known[((uintptr_t)opcode >> 4) % KNOWN];
    if (slot->opcode != opcode) *slot = (struct known_opcode){ .opcode = opcode, .entry = find_opcode(opcode) };
    return slot->entry;
}

bool decode_kernel(struct ptx_module *module, const struct ptx_kernel *ptx, struct kernel *kernel)
{
    struct known_opcode known[KNOWN] = { { NULL, NULL } };
    struct arena *arena = &module->arena;
    static const struct ptx_instruction end = { .opcode = "exit",
                                                .text = "(end of the kernel)",
                                                .guard = PTX_NONE };
    *kernel = (struct kernel){ .ptx = ptx, .op_count = ptx->instruction_count + 1, .pred_count = 1 };
    kernel->ops = arena_alloc(arena, kernel->op_count * sizeof *kernel->ops);
    struct decoder decoder = { .module = module, .ptx = ptx, .kernel = kernel };
    decoder.pred_of = arena_alloc(arena, (ptx->register_count + 1) * sizeof *decoder.pred_of);
    for (uint32_t r = 0; r < ptx->register_count; r++)
        if (ptx->register_bits[r] == 1) decoder.pred_of[r] = kernel->pred_count++;
    for (uint32_t i = 0; i < kernel->op_count && !decoder.failed; i++) {
        decoder.source = i < ptx->instruction_count ? &ptx->instructions[i] : &end;
        decoder.op = &kernel->ops[i];
        decoder.op->is_target = ptx->is_target[i];
        decoder.def_count = decoder.use_count = 0;
        decode_instruction(&decoder, look_up(known, decoder.source->opcode));
        finish_op(&decoder);
    }
    if (!decoder.failed) {
        allocate_rows(ptx, kernel);
        wgmma_guard(arena, kernel);
    }
    return !decoder.failed;
}
