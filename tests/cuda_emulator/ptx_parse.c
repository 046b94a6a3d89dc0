/* The PTX parser: what its files share, and the directives of a module (PTX ISA section 11). */
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

bool parser_accept_word(struct parser *parser, const char *word)
{
    if (!token_is(&parser->lexer.token, word)) return false;
    lexer_advance(&parser->lexer);
    return true;
}

void parser_skip_to(struct parser *parser, char c)
{
    while (parser->lexer.token.kind != TOKEN_END && !token_is_char(&parser->lexer.token, c))
        lexer_advance(&parser->lexer);
    parser_expect(parser, c);
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
    bool external = parser_accept_word(parser, ".extern");
    if (parser_accept_word(parser, ".visible") || parser_accept_word(parser, ".weak") ||
        parser_accept_word(parser, ".common"))
        return;
    if (parser_accept_word(parser, ".version")) {
        version(parser);
    } else if (parser_accept_word(parser, ".target")) {
        target(parser);
    } else if (parser_accept_word(parser, ".address_size")) {
        if (parser_integer(parser) != 64) parser_fail(parser, "only 64-bit addresses are known");
    } else if (parser_accept_word(parser, ".entry")) {
        parser_kernel(parser);
    } else if (parser_accept_word(parser, ".shared")) {
        parser_variable(parser, SPACE_SHARED, external);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".global")) {
        parser_variable(parser, SPACE_GLOBAL, external);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".const")) {
        parser_variable(parser, SPACE_CONST, external);
        parser_expect(parser, ';');
    } else if (parser_accept_word(parser, ".func")) {
        parser_function(parser);
    } else if (parser_accept_word(parser, ".pragma")) {
        parser_skip_to(parser, ';');
    } else if (parser_accept_word(parser, ".section")) {
        parser_skip_to(parser, '}');
    } else if (!parser->failed) {
        parser_fail(parser, "unknown directive %.*s", (int)parser->lexer.token.length, parser->lexer.token.text);
    }
}

/* A kernel may call functions that are defined behind it. */
static void find_functions(struct parser *parser, const char *text)
{
    lexer_start(&parser->lexer, strstr(text, ".func") != NULL ? text : "");
    while (parser->lexer.token.kind != TOKEN_END && !parser->failed)
        if (parser_accept_word(parser, ".func"))
            parser_function(parser);
        else
            lexer_advance(&parser->lexer);
}

bool ptx_parse(struct ptx_module *module, const char *text)
{
    struct parser parser = { .module = module };
    find_functions(&parser, text);
    if (!parser.failed) lexer_start(&parser.lexer, text);
    while (parser.lexer.token.kind != TOKEN_END)
        top_level(&parser);
    if (!parser.failed && (module->version == 0 || module->target == 0))
        parser_fail(&parser, "no .version and .target: is this PTX?");
    return !parser.failed;
}
