/* The PTX parser: module directives, kernels and their statements (PTX ISA sections 5, 7 and 11). */
#include "ptx_parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void parser_fail(struct parser *parser, const char *format, ...)
{
    if (parser->failed) return;
    parser->failed = true;
    char *error = parser->module->error;
    size_t room = sizeof parser->module->error;
    int used = snprintf(error, room, "ptx line %d: ", parser->lexer.token.line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error + used, room - (size_t)used, format, arguments);
    va_end(arguments);
    parser->lexer.next = "";
    lexer_advance(&parser->lexer);
}

bool parser_accept(struct parser *parser, char c)
{
    if (!token_is_char(&parser->lexer.token, c)) return false;
    lexer_advance(&parser->lexer);
    return true;
}

void parser_expect(struct parser *parser, char c)
{
    const struct token *token = &parser->lexer.token;
    if (!parser_accept(parser, c))
        parser_fail(parser, "'%c' expected before '%.*s'", c, (int)token->length, token->text);
}

char *parser_name(struct parser *parser)
{
    struct token token = parser->lexer.token;
    if (token.kind != TOKEN_WORD) parser_fail(parser, "name expected at '%.*s'", (int)token.length, token.text);
    lexer_advance(&parser->lexer);
    return arena_copy(&parser->module->arena, token.text, token.length);
}

uint64_t parser_integer(struct parser *parser)
{
    struct token token = parser->lexer.token;
    if (token.kind != TOKEN_INTEGER)
        parser_fail(parser, "integer expected at '%.*s'", (int)token.length, token.text);
    lexer_advance(&parser->lexer);
    return token.value;
}

static bool accept_word(struct parser *parser, const char *word)
{
    if (!token_is(&parser->lexer.token, word)) return false;
    lexer_advance(&parser->lexer);
    return true;
}

static void skip_to(struct parser *parser, char c)
{
    while (parser->lexer.token.kind != TOKEN_END && !token_is_char(&parser->lexer.token, c))
        lexer_advance(&parser->lexer);
    parser_expect(parser, c);
}

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
        if (accept_word(parser, ".align")) {
            uint32_t value = (uint32_t)parser_integer(parser);
            if (!pointer) *align = value;
        } else if (accept_word(parser, ".ptr")) {
            pointer = true;
        } else if (pointer && (accept_word(parser, ".global") || accept_word(parser, ".shared") ||
                               accept_word(parser, ".const") || accept_word(parser, ".local"))) {
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

/* = {1, 2, ...} or = value: numbers only. */
static const uint8_t *initializer(struct parser *parser, uint32_t size, uint32_t element)
{
    uint8_t *bytes = arena_alloc(&parser->module->arena, size);
    bool braces = parser_accept(parser, '{');
    uint32_t at = 0;
    do {
        bool minus = parser_accept(parser, '-');
        struct token token = parser->lexer.token;
        if (token.kind != TOKEN_INTEGER && token.kind != TOKEN_FLOAT && token.kind != TOKEN_DOUBLE)
            parser_fail(parser, "initializer '%.*s' is not a number", (int)token.length, token.text);
        uint64_t value = minus ? 0 - token.value : token.value;
        if (at + element > size) parser_fail(parser, "too many initializers");
        if (!parser->failed) memcpy(bytes + at, &value, element < 8 ? element : 8);
        at += element;
        lexer_advance(&parser->lexer);
    } while (braces && parser_accept(parser, ','));
    if (braces) parser_expect(parser, '}');
    return bytes;
}

static uint32_t place(uint32_t *end, uint32_t size, uint32_t align)
{
    uint32_t offset = (*end + align - 1) & ~(align - 1);
    *end = offset + size;
    return offset;
}

struct ptx_variable *parser_variable(struct parser *parser, enum ptx_space space, bool external)
{
    struct arena *arena = &parser->module->arena;
    struct ptx_kernel *kernel = parser->kernel;
    struct ptx_variable variable = { .space = space, .external = external };
    uint32_t element = type_and_alignment(parser, &variable.align);
    variable.name = parser_name(parser);
    uint64_t size = element;
    while (parser_accept(parser, '[')) {
        size *= token_is_char(&parser->lexer.token, ']') ? 0 : parser_integer(parser);
        parser_expect(parser, ']');
    }
    if (size > UINT32_MAX / 4) parser_fail(parser, "%s is too large", variable.name);
    variable.size = (uint32_t)size;
    if (parser_accept(parser, '=')) variable.init = initializer(parser, variable.size, element);
    if (parser->failed) return NULL;
    uint32_t *count = kernel == NULL ? &parser->module->variable_count : &kernel->variable_count;
    struct ptx_variable ***list = kernel == NULL ? &parser->module->variables : &kernel->variables;
    if (space == SPACE_PARAM) {
        count = &kernel->param_count;
        list = &kernel->params;
        variable.offset = place(&kernel->param_size, variable.size, variable.align);
    } else if (space == SPACE_SHARED && kernel != NULL && !external) {
        variable.offset = place(&kernel->shared_size, variable.size, variable.align);
    } else if (space == SPACE_LOCAL && kernel != NULL) {
        variable.offset = place(&kernel->local_size, variable.size, variable.align);
    }
    *list = arena_grow(arena, *list, *count, sizeof **list);
    struct ptx_variable *kept = arena_alloc(arena, sizeof *kept);
    *kept = variable;
    (*list)[(*count)++] = kept;
    return kept;
}

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
    kernel->instructions = arena_grow(arena, kernel->instructions, kernel->instruction_count, sizeof result);
    kernel->instructions[kernel->instruction_count++] = result;
}

static void statement(struct parser *parser)
{
    struct lexer *lexer = &parser->lexer;
    if (parser_accept(parser, '{')) {
        parser_open_scope(parser);
    } else if (parser_accept(parser, '}')) {
        parser_close_scope(parser);
    } else if (parser_accept(parser, ';')) {
        return;
    } else if (accept_word(parser, ".reg")) {
        parser_registers(parser);
    } else if (accept_word(parser, ".shared")) {
        parser_variable(parser, SPACE_SHARED, false);
        parser_expect(parser, ';');
    } else if (accept_word(parser, ".local")) {
        parser_variable(parser, SPACE_LOCAL, false);
        parser_expect(parser, ';');
    } else if (accept_word(parser, ".pragma")) {
        skip_to(parser, ';');
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
        if (accept_word(parser, ".maxntid")) {
            three_integers(parser, value);
            kernel->max_threads = value[0] * value[1] * value[2];
        } else if (accept_word(parser, ".reqntid")) {
            three_integers(parser, kernel->required);
            kernel->max_threads = kernel->required[0] * kernel->required[1] * kernel->required[2];
        } else if (accept_word(parser, ".reqnctapercluster")) {
            three_integers(parser, kernel->cluster);
        } else if (accept_word(parser, ".minnctapersm") || accept_word(parser, ".maxnreg") ||
                   accept_word(parser, ".maxclusterrank")) {
            parser_integer(parser);
        } else if (accept_word(parser, ".pragma")) {
            skip_to(parser, ';');
        } else if (!accept_word(parser, ".explicitcluster")) {
            parser_fail(parser, "unknown kernel directive %.*s", (int)parser->lexer.token.length,
                        parser->lexer.token.text);
        }
    }
}

static void kernel(struct parser *parser)
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
    parser->name_count = parser->label_count = parser->scope_count = parser->open_count = 0;
    kernel->shared_align = 16;
    for (uint32_t i = 0; i < module->variable_count;
         i++) { /* module-scope shared variables belong to every kernel */
        struct ptx_variable *variable = module->variables[i];
        if (variable->space == SPACE_SHARED && variable->external && variable->align > kernel->shared_align)
            kernel->shared_align = variable->align;
        if (variable->space != SPACE_SHARED || variable->external) continue;
        variable->offset = place(&kernel->shared_size, variable->size, variable->align);
    }
    if (parser_accept(parser, '(') && !parser_accept(parser, ')')) {
        do {
            if (!accept_word(parser, ".param")) parser_fail(parser, ".param expected");
            if (!parser->failed) parser_variable(parser, SPACE_PARAM, false);
        } while (parser_accept(parser, ','));
        parser_expect(parser, ')');
    }
    kernel_directives(parser);
    parser_expect(parser, '{');
    parser_open_scope(parser);
    while (parser->open_count > 0 && !parser->failed) {
        if (parser->lexer.token.kind == TOKEN_END) parser_fail(parser, "%s ends without }", kernel->name);
        if (!parser->failed) statement(parser);
    }
    if (!parser->failed) parser_resolve_labels(parser);
    parser->kernel = NULL;
}

/* ".target sm_90a" */
static void target(struct parser *parser)
{
    const char *name = parser_name(parser);
    int digits = 0;
    if (sscanf(name, "sm_%d%n", &parser->module->target, &digits) != 1)
        parser_fail(parser, "unknown target %s", name);
    else
        parser->module->target_suffix = name[digits];
    while (parser_accept(parser, ','))
        parser_name(parser);
}

static void version(struct parser *parser)
{
    int major = (int)parser_integer(parser);
    const struct token *minor = &parser->lexer.token; /* ".0" */
    if (minor->length != 2 || minor->text[0] != '.')
        parser_fail(parser, "unreadable .version");
    else
        parser->module->version = 10 * major + (minor->text[1] - '0');
    lexer_advance(&parser->lexer);
}

static void top_level(struct parser *parser)
{
    bool external = accept_word(parser, ".extern");
    if (accept_word(parser, ".visible") || accept_word(parser, ".weak") || accept_word(parser, ".common")) return;
    if (accept_word(parser, ".version")) {
        version(parser);
    } else if (accept_word(parser, ".target")) {
        target(parser);
    } else if (accept_word(parser, ".address_size")) {
        if (parser_integer(parser) != 64) parser_fail(parser, "only 64-bit addresses are known");
    } else if (accept_word(parser, ".entry")) {
        kernel(parser);
    } else if (accept_word(parser, ".shared")) {
        parser_variable(parser, SPACE_SHARED, external);
        parser_expect(parser, ';');
    } else if (accept_word(parser, ".global")) {
        parser_variable(parser, SPACE_GLOBAL, external);
        parser_expect(parser, ';');
    } else if (accept_word(parser, ".const")) {
        parser_variable(parser, SPACE_CONST, external);
        parser_expect(parser, ';');
    } else if (external && token_is(&parser->lexer.token, ".func")) {
        skip_to(parser, ';'); /* a declaration; a call of it is an unknown opcode */
    } else if (accept_word(parser, ".pragma")) {
        skip_to(parser, ';');
    } else if (accept_word(parser, ".section")) {
        skip_to(parser, '}');
    } else if (!parser->failed) {
        parser_fail(parser, "unknown directive %.*s", (int)parser->lexer.token.length, parser->lexer.token.text);
    }
}

bool ptx_parse(struct ptx_module *module, const char *text)
{
    struct parser parser = { .module = module };
    lexer_start(&parser.lexer, text);
    while (parser.lexer.token.kind != TOKEN_END)
        top_level(&parser);
    if (!parser.failed && (module->version == 0 || module->target == 0))
        parser_fail(&parser, "no .version and .target: is this PTX?");
    return !parser.failed;
}
