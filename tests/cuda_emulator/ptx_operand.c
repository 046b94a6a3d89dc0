/* Operands of PTX instructions (PTX ISA section 6). */
#include "ptx_parser.h"

enum { MAX_ITEMS = 512 };

static uint64_t signed_integer(struct parser *parser)
{
    bool minus = parser_accept(parser, '-');
    uint64_t value = parser_integer(parser);
    return minus ? 0 - value : value;
}

static void add_item(struct parser *parser, struct ptx_operand *operand)
{
    if (operand->count == MAX_ITEMS) {
        parser_fail(parser, "more than %d elements", MAX_ITEMS);
        return;
    }
    operand->items = arena_grow(&parser->module->arena, operand->items, operand->count, sizeof *operand->items);
    struct ptx_operand item;
    parser_operand(parser, &item);
    operand->items[operand->count++] = item;
}

static void vector(struct parser *parser, struct ptx_operand *operand)
{
    operand->kind = PTX_VECTOR;
    do {
        add_item(parser, operand);
    } while (parser_accept(parser, ','));
    parser_expect(parser, '}');
}

/* [reg], [reg+imm], [variable+imm], [imm], and for tensors [reg, {coordinates}]. */
static void address(struct parser *parser, struct ptx_operand *operand)
{
    const struct token *token = &parser->lexer.token;
    operand->kind = PTX_ADDRESS;
    if (token->kind == TOKEN_WORD) {
        if (!parser_find_register(parser, token, &operand->reg)) {
            operand->variable = parser_find_variable(parser, token);
            if (operand->variable == NULL)
                parser_fail(parser, "unknown name %.*s", (int)token->length, token->text);
        }
        lexer_advance(&parser->lexer);
        if (parser_accept(parser, '+')) operand->offset = (int64_t)signed_integer(parser);
    } else {
        operand->offset = (int64_t)signed_integer(parser);
    }
    while (parser_accept(parser, ','))
        add_item(parser, operand);
    parser_expect(parser, ']');
}

static bool special(const struct token *token, uint64_t *value)
{
    for (uint64_t i = 0; i < SPECIAL_COUNT; i++)
        if (token_is(token, ptx_special_names[i])) {
            *value = i;
            return true;
        }
    return false;
}

static void word(struct parser *parser, struct ptx_operand *operand)
{
    const struct token *token = &parser->lexer.token;
    if (token_is(token, "_")) {
        operand->kind = PTX_SINK;
    } else if (token_is(token, "WARP_SZ")) {
        operand->kind = PTX_IMMEDIATE;
        operand->value = 32;
    } else if (parser_find_register(parser, token, &operand->reg)) {
        operand->kind = PTX_REGISTER;
    } else if (special(token, &operand->value)) {
        operand->kind = PTX_SPECIAL;
    } else if (*token->text == '%') {
        parser_fail(parser, "unknown register %.*s", (int)token->length, token->text);
    } else if ((operand->variable = parser_find_variable(parser, token)) != NULL) {
        operand->kind = PTX_VARIABLE;
    } else {
        operand->kind = PTX_LABEL;
    }
    operand->name = arena_copy(&parser->module->arena, token->text, token->length);
    lexer_advance(&parser->lexer);
    if (operand->kind == PTX_VARIABLE && parser_accept(parser, '+'))
        operand->offset = (int64_t)signed_integer(parser);
    if ((operand->kind == PTX_REGISTER || operand->kind == PTX_SINK) && parser_accept(parser, '|')) {
        if (!token_is(&parser->lexer.token, "_") &&
            !parser_find_register(parser, &parser->lexer.token, &operand->second))
            parser_fail(parser, "no register after |");
        lexer_advance(&parser->lexer);
    }
}

void parser_operand(struct parser *parser, struct ptx_operand *operand)
{
    *operand = (struct ptx_operand){ .reg = PTX_NONE, .second = PTX_NONE };
    operand->negated = parser_accept(parser, '!');
    const struct token *token = &parser->lexer.token;
    if (parser_accept(parser, '{')) {
        vector(parser, operand);
    } else if (parser_accept(parser, '[')) {
        address(parser, operand);
    } else if (token->kind == TOKEN_WORD) {
        word(parser, operand);
    } else if (token->kind == TOKEN_FLOAT || token->kind == TOKEN_DOUBLE) {
        operand->kind = PTX_IMMEDIATE;
        operand->is_float = true;
        operand->value = token->value;
        lexer_advance(&parser->lexer);
    } else if (token->kind == TOKEN_INTEGER || token_is_char(token, '-')) {
        operand->kind = PTX_IMMEDIATE;
        operand->value = signed_integer(parser);
    } else {
        parser_fail(parser, "cannot read an operand at '%.*s'", (int)token->length, token->text);
    }
}
