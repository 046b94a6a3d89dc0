/* The PTX parser's variables and parameters: type, alignment, place and initial value (PTX ISA sections 5 and 7). */
#include <string.h>

#include "ptx_parser.h"

/* .b8 .u32 .f64 ...: bytes, or 0 when the token is no type. */
static uint32_t type_size(const struct token *token)
{
    static const struct {
        const char *suffix;
        uint32_t size;
    } sizes[] = { { "8", 1 }, { "16", 2 }, { "32", 4 }, { "64", 8 }, { "128", 16 } };
    if (token->length < 3 || token->text[0] != '.' || strchr("busf", token->text[1]) == NULL) return 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (token->length - 2 == strlen(sizes[i].suffix) &&
            memcmp(token->text + 2, sizes[i].suffix, token->length - 2) == 0)
            return sizes[i].size;
    return 0;
}

/* .align N, .ptr, .space, .type in any order: returns the type's size. */
static uint32_t type_and_alignment(struct parser *parser, uint32_t *align)
{
    uint32_t size = 0;
    bool pointer = false; /* ".ptr .align 1" speaks of the pointed-to data */
    *align = 0;
    for (;;) {
        if (parser_accept_word(parser, ".align")) {
            uint32_t value = (uint32_t)parser_integer(parser);
            if (!pointer) *align = value;
        } else if (parser_accept_word(parser, ".ptr")) {
            pointer = true;
        } else if (pointer && (parser_accept_word(parser, ".global") || parser_accept_word(parser, ".shared") ||
                               parser_accept_word(parser, ".const") || parser_accept_word(parser, ".local"))) {
            continue;
        } else if (size == 0 && (size = type_size(&parser->lexer.token)) != 0) {
            lexer_advance(&parser->lexer);
        } else {
            break;
        }
    }
    if (size == 0)
        parser_fail(parser, "type expected at '%.*s'", (int)parser->lexer.token.length, parser->lexer.token.text);
    if (*align == 0) *align = size != 0 ? size : 1;
    if ((*align & (*align - 1)) != 0) parser_fail(parser, "alignment %u", *align);
    return size;
}

/* The address of a variable: name, name+4, generic(name)+4. The loader, which knows it, puts it there. */
static void address(struct parser *parser, struct ptx_variable *variable, uint32_t at, uint32_t size, uint64_t mask)
{
    struct arena *arena = &parser->module->arena;
    struct ptx_relocation relocation = { .at = at, .size = size < 8 ? size : 8, .mask = mask };
    bool is_generic = parser_accept_word(parser, "generic");
    if (is_generic) parser_expect(parser, '(');
    relocation.name = parser_name(parser);
    if (is_generic) parser_expect(parser, ')');
    if (parser_accept(parser, '+')) relocation.offset = parser_integer(parser);
    variable->relocations =
        arena_grow(arena, variable->relocations, variable->relocation_count, sizeof *variable->relocations);
    variable->relocations[variable->relocation_count++] = relocation;
}

/* = {1, 2, ...} or = value: numbers, addresses, and of those single bytes, 0xff00(name). */
static void initializer(struct parser *parser, struct ptx_variable *variable)
{
    const uint32_t element = variable->element;
    uint8_t *bytes = arena_alloc(&parser->module->arena, variable->size);
    bool braces = parser_accept(parser, '{');
    uint32_t at = 0;
    do {
        if (at + element > variable->size) parser_fail(parser, "too many initializers");
        if (parser->lexer.token.kind == TOKEN_WORD) {
            address(parser, variable, at, element, UINT64_MAX);
            at += element;
            continue;
        }
        bool minus = parser_accept(parser, '-');
        struct token token = parser->lexer.token;
        if (token.kind != TOKEN_INTEGER && token.kind != TOKEN_FLOAT && token.kind != TOKEN_DOUBLE)
            parser_fail(parser, "initializer '%.*s' is not a number", (int)token.length, token.text);
        lexer_advance(&parser->lexer);
        if (parser_accept(parser, '(')) {
            address(parser, variable, at, element, token.value);
            parser_expect(parser, ')');
        } else if (!parser->failed) {
            uint64_t value = minus ? 0 - token.value : token.value;
            memcpy(bytes + at, &value, element < 8 ? element : 8);
        }
        at += element;
    } while (braces && parser_accept(parser, ','));
    if (braces) parser_expect(parser, '}');
    variable->init = bytes;
}

uint32_t parser_place(uint32_t *end, uint32_t size, uint32_t align)
{
    uint32_t offset = (*end + align - 1) & ~(align - 1);
    *end = offset + size;
    return offset;
}

struct ptx_variable parser_declaration(struct parser *parser, enum ptx_space space)
{
    struct ptx_variable variable = { .space = space };
    uint32_t element = type_and_alignment(parser, &variable.align);
    variable.name = parser_name(parser);
    uint64_t size = element;
    while (parser_accept(parser, '[')) {
        size *= token_is_char(&parser->lexer.token, ']') ? 0 : parser_integer(parser);
        parser_expect(parser, ']');
    }
    if (size > UINT32_MAX / 4) parser_fail(parser, "%s is too large", variable.name);
    variable.size = (uint32_t)size;
    variable.element = element;
    return variable;
}

struct ptx_variable *parser_variable(struct parser *parser, enum ptx_space space, bool external)
{
    struct arena *arena = &parser->module->arena;
    struct ptx_kernel *kernel = parser->kernel;
    struct ptx_variable variable = parser_declaration(parser, space);
    variable.external = external;
    if (parser_accept(parser, '=')) initializer(parser, &variable);
    if (parser->failed) return NULL;
    uint32_t *count = kernel == NULL ? &parser->module->variable_count : &kernel->variable_count;
    struct ptx_variable ***list = kernel == NULL ? &parser->module->variables : &kernel->variables;
    if (space == SPACE_PARAM) {
        count = &kernel->param_count;
        list = &kernel->params;
        variable.offset = parser_place(&kernel->param_size, variable.size, variable.align);
    } else if (space == SPACE_SHARED && kernel != NULL && !external) {
        variable.offset = parser_place(&kernel->shared_size, variable.size, variable.align);
    } else if (space == SPACE_LOCAL && kernel != NULL) {
        variable.offset = parser_place(&kernel->local_size, variable.size, variable.align);
    }
    *list = arena_grow(arena, *list, *count, sizeof **list);
    struct ptx_variable *kept = arena_alloc(arena, sizeof *kept);
    *kept = variable;
    (*list)[(*count)++] = kept;
    return kept;
}
