/* Functions (PTX ISA 7.1, 9.7.12.5, 11.1.3): a call is expanded where it is. The callee's parameters are other names of what the caller
 * passes, its return is a branch to the end of the expansion. What the device brings along becomes an instruction (exec_call.c). What recurses,
 * or calls through a register, is not known. */
#include <string.h>

#include "ptx_parser.h"

enum { MOST_ARGUMENTS = 64, MOST_INSTRUCTIONS = 1 << 22 };

struct function {
    char *name;
    struct lexer results, params, body; /* at their ( and {; of results and params: or anywhere else */
    bool is_defined, is_active;
};

static struct function *find_function(const struct parser *parser, const char *name)
{
    for (uint32_t i = 0; i < parser->function_count; i++)
        if (strcmp(parser->functions[i].name, name) == 0) return &parser->functions[i];
    return NULL;
}

static void skip_pair(struct parser *parser, char open, char close)
{
    uint32_t depth = 0;
    do {
        if (token_is_char(&parser->lexer.token, open)) depth++;
        if (token_is_char(&parser->lexer.token, close)) depth--;
        if (parser->lexer.token.kind == TOKEN_END) parser_fail(parser, "'%c' is never closed", open);
        lexer_advance(&parser->lexer);
    } while (depth != 0 && !parser->failed);
}

void parser_function(struct parser *parser)
{
    struct function function = { .results = parser->lexer };
    if (token_is_char(&parser->lexer.token, '(')) skip_pair(parser, '(', ')');
    function.name = parser_name(parser);
    function.params = parser->lexer;
    while (!parser->failed && parser->lexer.token.kind != TOKEN_END && !token_is_char(&parser->lexer.token, ';') &&
           !token_is_char(&parser->lexer.token, '{'))
        lexer_advance(&parser->lexer);
    function.is_defined = token_is_char(&parser->lexer.token, '{');
    function.body = parser->lexer;
    if (function.is_defined)
        skip_pair(parser, '{', '}');
    else
        parser_expect(parser, ';');
    if (parser->failed) return;
    struct function *known = find_function(parser, function.name);
    if (known != NULL) {
        if (!known->is_defined) *known = function;
        return;
    }
    parser->functions =
        arena_grow(&parser->module->arena, parser->functions, parser->function_count, sizeof *parser->functions);
    parser->functions[parser->function_count++] = function;
}

/* (a, b, ...): the caller's .param variables. */
static uint32_t arguments(struct parser *parser, struct ptx_variable *list[MOST_ARGUMENTS])
{
    uint32_t count = 0;
    if (!parser_accept(parser, '(') || parser_accept(parser, ')')) return 0;
    do {
        struct ptx_variable *variable = parser_find_variable(parser, &parser->lexer.token);
        if (variable == NULL || variable->space != SPACE_LOCAL || count == MOST_ARGUMENTS)
            parser_fail(parser, "argument %.*s of a call is no .param variable", (int)parser->lexer.token.length,
                        parser->lexer.token.text);
        if (parser->failed) return 0;
        list[count++] = variable;
        lexer_advance(&parser->lexer);
    } while (parser_accept(parser, ','));
    parser_expect(parser, ')');
    return count;
}

/* The callee's names of them, in the scope that is open. */
static void bind(struct parser *parser, const struct lexer *at, struct ptx_variable *const *list, uint32_t count)
{
    uint32_t bound = 0;
    parser->lexer = *at;
    if (parser_accept(parser, '(') && !parser_accept(parser, ')')) {
        do {
            if (!parser_accept_word(parser, ".param")) parser_fail(parser, "only .param parameters are known");
            if (parser->failed) return;
            struct ptx_variable formal = parser_declaration(parser, SPACE_LOCAL);
            if (bound < count && formal.size > list[bound]->size)
                parser_fail(parser, "the argument for %s has %u bytes of %u", formal.name, list[bound]->size,
                            formal.size);
            if (parser->failed) return;
            if (bound < count) parser_bind(parser, formal.name, list[bound]);
            bound++;
        } while (parser_accept(parser, ','));
        parser_expect(parser, ')');
    }
    if (bound != count) parser_fail(parser, "%u arguments of a call, %u are expected", count, bound);
}

static void expand(struct parser *parser, struct function *function)
{
    const struct parser_frame caller = parser->frame;
    const uint32_t outside = parser->open_count;
    parser->lexer = function->body;
    function->is_active = true;
    parser->frame.is_function = true;
    parser_expect(parser, '{');
    parser_open_scope(parser);
    while (!parser->failed && parser->open_count > outside) {
        if (parser->open_count == outside + 1 && token_is_char(&parser->lexer.token, '}'))
            parser_label(parser, PARSER_RETURN);
        if (parser->lexer.token.kind == TOKEN_END || parser->kernel->instruction_count > MOST_INSTRUCTIONS)
            parser_fail(parser, "%s does not end, or is too large", function->name);
        if (!parser->failed) parser_statement(parser);
    }
    function->is_active = false;
    parser->frame = caller;
}

/* Of a function of the device: an instruction whose operands are the call's variables. */
static void known_call(struct parser *parser, const struct ptx_instruction *call, const char *name,
                       struct ptx_variable *const *results, uint32_t result_count,
                       struct ptx_variable *const *params, uint32_t param_count)
{
    struct ptx_instruction known = *call;
    known.count = result_count + param_count;
    known.operands = arena_alloc(&parser->module->arena, (known.count + 1) * sizeof *known.operands);
    for (uint32_t i = 0; i < known.count; i++)
        known.operands[i] =
            (struct ptx_operand){ .kind = PTX_VARIABLE,
                                  .reg = PTX_NONE,
                                  .second = PTX_NONE,
                                  .variable = i < result_count ? results[i] : params[i - result_count] };
    parser_emit(parser, &known, ptx_known_function(name), NULL);
    parser_skip_to(parser, ';');
}

/* Behind "call" and its guard: (result), name, (arguments); the lexer ends up behind the semicolon. */
void parser_call(struct parser *parser, const struct ptx_instruction *call)
{
    struct ptx_variable *results[MOST_ARGUMENTS], *params[MOST_ARGUMENTS];
    uint32_t result_count = 0, param_count = 0;
    if (token_is_char(&parser->lexer.token, '(')) {
        result_count = arguments(parser, results);
        parser_expect(parser, ',');
    }
    const int line = call->line;
    char *name = parser_name(parser);
    if (parser_accept(parser, ',')) param_count = arguments(parser, params);
    if (parser->failed) return;
    struct function *function = find_function(parser, name);
    parser->lexer.token.line = line; /* for messages */
    if (ptx_known_function(name) != NULL && (function == NULL || !function->is_defined)) {
        known_call(parser, call, name, results, result_count, params, param_count);
        return;
    }
    if (function == NULL || !function->is_defined || function->is_active ||
        !token_is_char(&parser->lexer.token, ';')) {
        parser_fail(parser, "unknown opcode call of %s: %s, kernel %s", name,
                    function != NULL && function->is_active ? "it is recursive"
                    : function == NULL                      ? "through a register"
                                                            : "it has no body here",
                    parser->kernel->name);
        return;
    }
    const struct lexer behind = parser->lexer;
    parser_open_scope(parser);
    if (parser->failed) return;
    if (call->guard != PTX_NONE) {
        struct ptx_instruction skip = *call;
        skip.guard_negated = !skip.guard_negated;
        parser_emit(parser, &skip, "bra", PARSER_RETURN);
    }
    bind(parser, &function->results, results, result_count);
    if (!parser->failed) bind(parser, &function->params, params, param_count);
    if (!parser->failed) expand(parser, function);
    if (parser->failed) return;
    parser_label(parser, PARSER_RETURN);
    parser_close_scope(parser);
    parser->lexer = behind;
    parser_expect(parser, ';');
}
