/* The PTX parser's kernels: parameters, performance directives, statements and instructions. */
#include <string.h>

#include "ptx_parser.h"

static const char *intern_opcode(struct parser *parser, const struct token *token)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < token->length; i++)
        hash = (hash ^ (uint8_t)token->text[i]) * 16777619u;
    for (uint32_t tries = 0; tries < OPCODE_BUCKETS; tries++, hash++) {
        const char **slot = &parser->opcodes[hash % OPCODE_BUCKETS];
        if (*slot == NULL) *slot = arena_copy(&parser->module->arena, token->text, token->length);
        if (token_is(token, *slot)) return *slot;
    }
    parser_fail(parser, "too many different opcodes");
    return "";
}

static char *instruction_text(struct arena *arena, const char *from, const char *to)
{
    char *text = arena_alloc(arena, (size_t)(to - from) + 2), *out = text;
    for (; from < to; from++) {
        bool blank = *from == ' ' || *from == '\t' || *from == '\n' || *from == '\r';
        if (!blank)
            *out++ = *from;
        else if (out > text && out[-1] != ' ')
            *out++ = ' ';
    }
    return text;
}

static void add_instruction(struct parser *parser, const struct ptx_instruction *instruction)
{
    struct ptx_kernel *kernel = parser->kernel;
    kernel->instructions =
        arena_grow(&parser->module->arena, kernel->instructions, kernel->instruction_count, sizeof *instruction);
    kernel->instructions[kernel->instruction_count++] = *instruction;
}

void parser_emit(struct parser *parser, const struct ptx_instruction *source, const char *opcode,
                 const char *target)
{
    struct ptx_instruction result = *source;
    result.opcode = intern_opcode(parser, &(struct token){ .text = opcode, .length = strlen(opcode) });
    result.scope = parser->open[parser->open_count - 1];
    if (target != NULL) {
        result.count = 1;
        result.operands = arena_alloc(&parser->module->arena, sizeof *result.operands);
        *result.operands =
            (struct ptx_operand){ .kind = PTX_LABEL, .reg = PTX_NONE, .second = PTX_NONE, .name = target };
    }
    add_instruction(parser, &result);
}

static void instruction(struct parser *parser)
{
    struct ptx_kernel *kernel = parser->kernel;
    struct arena *arena = &parser->module->arena;
    struct ptx_instruction result = { .guard = PTX_NONE, .line = parser->lexer.token.line };
    const char *start = parser->lexer.token.text;
    if (parser_accept(parser, '@')) {
        result.guard_negated = parser_accept(parser, '!');
        if (!parser_find_register(parser, &parser->lexer.token, &result.guard) ||
            kernel->register_bits[result.guard] != 1)
            parser_fail(parser, "the guard is not a predicate register");
        lexer_advance(&parser->lexer);
    }
    if (parser->lexer.token.kind != TOKEN_WORD)
        parser_fail(parser, "opcode expected at '%.*s'", (int)parser->lexer.token.length, parser->lexer.token.text);
    if (parser->failed) return;
    result.opcode = intern_opcode(parser, &parser->lexer.token);
    lexer_advance(&parser->lexer);
    if (strcmp(result.opcode, "call") == 0 || strcmp(result.opcode, "call.uni") == 0) {
        const char *semicolon = strchr(start, ';');
        result.text = instruction_text(arena, start, semicolon != NULL ? semicolon : start);
        parser_call(parser, &result);
        return;
    }
    struct ptx_operand operands[PTX_OPERANDS];
    if (!token_is_char(&parser->lexer.token, ';')) {
        do {
            if (result.count == PTX_OPERANDS) parser_fail(parser, "more than %d operands", PTX_OPERANDS);
            if (parser->failed) return;
            parser_operand(parser, &operands[result.count++]);
        } while (parser_accept(parser, ','));
    }
    const char *end = parser->lexer.token.text;
    parser_expect(parser, ';');
    if (parser->failed) return;
    result.scope = parser->open[parser->open_count - 1];
    result.text = instruction_text(arena, start, end);
    result.operands = arena_alloc(arena, result.count * sizeof *operands);
    memcpy(result.operands, operands, result.count * sizeof *operands);
    if (parser->frame.is_function && (strcmp(result.opcode, "ret") == 0 || strcmp(result.opcode, "ret.uni") == 0))
        parser_emit(parser, &result, "bra", PARSER_RETURN);
    else
        add_instruction(parser, &result);
}

void parser_statement(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    if (parser_accept(parser, '{')) {
        parser_open_scope(parser);
    } else if (parser_accept(parser, '}')) {
        parser_close_scope(parser);
    } else if (parser_accept(parser, ';')) {
        return;
    } else if (parser_accept_word(parser, ".reg")) {
        parser_registers(parser);
    } else if (parser_accept_word(parser, ".shared")) {
        parser_variable(parser, SPACE_SHARED, false);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".local")) {
        parser_variable(parser, SPACE_LOCAL, false);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".param")) { /* of a call: it lives in local memory */
        struct ptx_variable *variable = parser_variable(parser, SPACE_LOCAL, false);
        if (variable != NULL) parser_bind(parser, variable->name, variable);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".pragma")) {
        parser_skip_to(parser, ';');
    } else if (*lexer->token.text == '.') {
        parser_fail(parser, "unknown directive %.*s", (int)lexer->token.length, lexer->token.text);
    } else {
        struct lexer before = *lexer;
        lexer_advance(lexer);
        if (before.token.kind == TOKEN_WORD && token_is_char(&lexer->token, ':')) {
            parser_label(parser, arena_copy(&parser->module->arena, before.token.text, before.token.length));
            lexer_advance(lexer);
        } else {
            *lexer = before;
            instruction(parser);
        }
    }
}

static void three_integers(struct parser *parser, uint32_t value[3])
{
    value[0] = value[1] = value[2] = 1;
    for (int i = 0; i < 3; i++) {
        value[i] = (uint32_t)parser_integer(parser);
        if (!parser_accept(parser, ',')) break;
    }
}

/* Performance directives between the parameters and the body (section 11.4). */
static void kernel_directives(struct parser *parser)
{
    struct ptx_kernel *kernel = parser->kernel;
    while (!token_is_char(&parser->lexer.token, '{') && parser->lexer.token.kind != TOKEN_END) {
        uint32_t value[3];
        if (parser_accept_word(parser, ".maxntid")) {
            three_integers(parser, value);
            kernel->max_threads = value[0] * value[1] * value[2];
        } else if (parser_accept_word(parser, ".reqntid")) {
            three_integers(parser, kernel->required);
            kernel->max_threads = kernel->required[0] * kernel->required[1] * kernel->required[2];
        } else if (parser_accept_word(parser, ".reqnctapercluster")) {
            three_integers(parser, kernel->cluster);
        } else if (parser_accept_word(parser, ".minnctapersm")) {
            kernel->min_blocks = (uint32_t)parser_integer(parser);
        } else if (parser_accept_word(parser, ".maxnreg")) {
            kernel->max_registers = (uint32_t)parser_integer(parser);
        } else if (parser_accept_word(parser, ".maxclusterrank")) {
            parser_integer(parser);
        } else if (parser_accept_word(parser, ".pragma")) {
            parser_skip_to(parser, ';');
        } else if (!parser_accept_word(parser, ".explicitcluster")) {
            parser_fail(parser, "unknown kernel directive %.*s", (int)parser->lexer.token.length,
                        parser->lexer.token.text);
        }
    }
}

void parser_kernel(struct parser *parser)
{
    struct ptx_module *module = parser->module;
    struct arena *arena = &module->arena;
    module->kernels = arena_grow(arena, module->kernels, module->kernel_count, sizeof *module->kernels);
    struct ptx_kernel *kernel = &module->kernels[module->kernel_count++];
    *kernel = (struct ptx_kernel){ .name = parser_name(parser) };
    parser->kernel = kernel;
    parser->names = NULL;
    parser->labels = NULL;
    parser->scope_parent = NULL;
    parser->bound = NULL;
    parser->name_count = parser->label_count = parser->scope_count = parser->open_count = parser->bound_count = 0;
    parser_carry_flag(parser);
    kernel->shared_align = 16;
    for (uint32_t i = 0; i < module->variable_count;
         i++) { /* module-scope shared variables belong to every kernel */
        struct ptx_variable *variable = module->variables[i];
        if (variable->space == SPACE_SHARED && variable->external && variable->align > kernel->shared_align)
            kernel->shared_align = variable->align;
        if (variable->space != SPACE_SHARED || variable->external) continue;
        variable->offset = parser_place(&kernel->shared_size, variable->size, variable->align);
    }
    if (parser_accept(parser, '(') && !parser_accept(parser, ')')) {
        do {
            if (!parser_accept_word(parser, ".param")) parser_fail(parser, ".param expected");
            if (!parser->failed) parser_variable(parser, SPACE_PARAM, false);
        } while (parser_accept(parser, ','));
        parser_expect(parser, ')');
    }
    kernel_directives(parser);
    parser_expect(parser, '{');
    parser_open_scope(parser);
    while (parser->open_count > 0 && !parser->failed) {
        if (parser->lexer.token.kind == TOKEN_END) parser_fail(parser, "%s ends without }", kernel->name);
        if (!parser->failed) parser_statement(parser);
    }
    if (!parser->failed) parser_resolve_labels(parser);
    parser->kernel = NULL;
}
