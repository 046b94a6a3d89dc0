/* Scopes, registers, variables and labels of a kernel (PTX ISA sections 4.4, 5 and 12). A label is local to its { } block:
 * inline assembly repeats the same label names in block after block. */
#include "ptx_parser.h"

#include <string.h>

void parser_open_scope(struct parser *parser)
{
    if (parser->open_count == MAX_SCOPES_OPEN) {
        parser_fail(parser, "more than %d nested blocks", MAX_SCOPES_OPEN);
        return;
    }
    struct arena *arena = &parser->module->arena;
    uint32_t id = parser->scope_count;
    parser->scope_parent = arena_grow(arena, parser->scope_parent, id, sizeof *parser->scope_parent);
    parser->scope_parent[id] = parser->open_count != 0 ? parser->open[parser->open_count - 1] : PTX_NONE;
    parser->scope_count++;
    parser->open[parser->open_count] = id;
    parser->bound_before[parser->open_count] = parser->bound_count;
    parser->names_before[parser->open_count++] = parser->name_count;
}

void parser_close_scope(struct parser *parser)
{
    parser->name_count = parser->names_before[--parser->open_count];
    parser->bound_count = parser->bound_before[parser->open_count];
}

static uint8_t register_bits(const struct token *type)
{
    if (token_is(type, ".pred")) return 1;
    if (token_is(type, ".b16") || token_is(type, ".u16") || token_is(type, ".s16") || token_is(type, ".f16"))
        return 16;
    if (token_is(type, ".b32") || token_is(type, ".u32") || token_is(type, ".s32") || token_is(type, ".f32") ||
        token_is(type, ".f16x2"))
        return 32;
    if (token_is(type, ".b64") || token_is(type, ".u64") || token_is(type, ".s64") || token_is(type, ".f64"))
        return 64;
    return 0;
}

static void declare_registers(struct parser *parser, const char *name, uint8_t bits, uint32_t range)
{
    struct ptx_kernel *kernel = parser->kernel;
    struct arena *arena = &parser->module->arena;
    uint32_t count = range != 0 ? range : 1;
    if (count > 1u << 20) {
        parser_fail(parser, "%u registers in one declaration", count);
        return;
    }
    parser->names = arena_grow(arena, parser->names, parser->name_count, sizeof *parser->names);
    parser->names[parser->name_count++] = (struct register_name){
        .name = name, .length = strlen(name), .first = kernel->register_count, .count = range
    };
    for (uint32_t i = 0; i < count; i++) {
        kernel->register_bits = arena_grow(arena, kernel->register_bits, kernel->register_count, 1);
        kernel->register_bits[kernel->register_count++] = bits;
    }
}

void parser_carry_flag(struct parser *parser)
{
    declare_registers(parser, "(carry)", 32, 0);
}

void parser_bind(struct parser *parser, const char *name, struct ptx_variable *variable)
{
    parser->bound = arena_grow(&parser->module->arena, parser->bound, parser->bound_count, sizeof *parser->bound);
    parser->bound[parser->bound_count++] = (struct variable_name){ .name = name, .variable = variable };
}

void parser_registers(struct parser *parser)
{
    uint8_t bits = register_bits(&parser->lexer.token);
    if (bits == 0) {
        parser_fail(parser, "register type %.*s", (int)parser->lexer.token.length, parser->lexer.token.text);
        return;
    }
    lexer_advance(&parser->lexer);
    do {
        char *name = parser_name(parser);
        uint32_t range = 0;
        if (parser_accept(parser, '<')) {
            range = (uint32_t)parser_integer(parser);
            parser_expect(parser, '>');
        }
        if (!parser->failed) declare_registers(parser, name, bits, range);
    } while (parser_accept(parser, ','));
    parser_expect(parser, ';');
}

static bool range_member(const struct register_name *entry, const struct token *token, uint32_t *reg)
{
    if (token->length <= entry->length || memcmp(token->text, entry->name, entry->length) != 0) return false;
    uint32_t index = 0;
    for (size_t i = entry->length; i < token->length; i++) {
        char c = token->text[i];
        if (c < '0' || c > '9' || index > 1u << 24) return false;
        index = 10 * index + (uint32_t)(c - '0');
    }
    if (index >= entry->count) return false;
    *reg = entry->first + index;
    return true;
}

bool parser_find_register(const struct parser *parser, const struct token *token, uint32_t *reg)
{
    for (uint32_t i = parser->name_count; i-- > 0;) {
        const struct register_name *entry = &parser->names[i];
        if (entry->count != 0) {
            if (range_member(entry, token, reg)) return true;
        } else if (token->length == entry->length && memcmp(token->text, entry->name, entry->length) == 0) {
            *reg = entry->first;
            return true;
        }
    }
    return false;
}

static struct ptx_variable *find_in(struct ptx_variable *const *list, uint32_t count, const struct token *token)
{
    for (uint32_t i = 0; i < count; i++)
        if (token_is(token, list[i]->name)) return list[i];
    return NULL;
}

struct ptx_variable *parser_find_variable(const struct parser *parser, const struct token *token)
{
    const struct ptx_kernel *kernel = parser->kernel;
    for (uint32_t i = parser->bound_count; i-- > 0;)
        if (token_is(token, parser->bound[i].name)) return parser->bound[i].variable;
    struct ptx_variable *found = find_in(kernel->params, kernel->param_count, token);
    if (found == NULL) found = find_in(kernel->variables, kernel->variable_count, token);
    if (found == NULL) found = find_in(parser->module->variables, parser->module->variable_count, token);
    return found;
}

void parser_label(struct parser *parser, const char *name)
{
    parser->labels =
        arena_grow(&parser->module->arena, parser->labels, parser->label_count, sizeof *parser->labels);
    parser->labels[parser->label_count++] = (struct label){ .name = name,
                                                            .scope = parser->open[parser->open_count - 1],
                                                            .index = parser->kernel->instruction_count };
}

static const struct label *find_label(const struct parser *parser, const char *name, uint32_t scope)
{
    for (; scope != PTX_NONE; scope = parser->scope_parent[scope])
        for (uint32_t i = 0; i < parser->label_count; i++)
            if (parser->labels[i].scope == scope && strcmp(parser->labels[i].name, name) == 0)
                return &parser->labels[i];
    return NULL;
}

void parser_resolve_labels(struct parser *parser)
{
    struct ptx_kernel *kernel = parser->kernel;
    kernel->is_target = arena_alloc(&parser->module->arena, kernel->instruction_count + 1);
    for (uint32_t i = 0; i < kernel->instruction_count; i++) {
        struct ptx_instruction *instruction = &kernel->instructions[i];
        for (uint32_t j = 0; j < instruction->count; j++) {
            struct ptx_operand *operand = &instruction->operands[j];
            if (operand->kind != PTX_LABEL) continue;
            const struct label *label = find_label(parser, operand->name, instruction->scope);
            if (label == NULL) {
                parser->lexer.token.line = instruction->line;
                parser_fail(parser, "unknown name %s in '%s'", operand->name, instruction->text);
                return;
            }
            operand->value = label->index;
            kernel->is_target[label->index] = true;
        }
    }
}
