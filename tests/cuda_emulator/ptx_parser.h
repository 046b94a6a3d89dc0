/* What the files of the parser share: ptx_parse.c (module), ptx_variable.c, ptx_kernel.c (statements), ptx_names.c (registers,
 * scopes and labels), ptx_operand.c. After the first failure the lexer stands at the end of the text, so that every loop ends by itself. */
#ifndef EMULATOR_PTX_PARSER_H
#define EMULATOR_PTX_PARSER_H

#include "ptx.h"
#include "ptx_lex.h"

struct register_name {
    const char *name;
    size_t length;  /* of the name, or of the part before <count> */
    uint32_t first; /* register id */
    uint32_t count; /* 0: a single register */
};

struct variable_name { /* of a .param variable, in its scope */
    const char *name;
    struct ptx_variable *variable;
};

struct function;
struct parser_frame {
    bool is_function; /* the statements are a function's, not a kernel's */
};
#define PARSER_RETURN "(return)" /* the label behind an expanded call */

struct label {
    const char *name;
    uint32_t scope, index;
};

enum { MAX_SCOPES_OPEN = 128, OPCODE_BUCKETS = 4096 };

struct parser {
    struct ptx_module *module;
    struct ptx_kernel *kernel; /* being parsed */
    struct lexer lexer;
    struct register_name *names; /* visible ones, the innermost scope last */
    uint32_t name_count;
    struct label *labels;
    uint32_t label_count;
    uint32_t *scope_parent;                     /* by scope id */
    uint32_t scope_count;                       /* all ever opened in this kernel */
    uint32_t open[MAX_SCOPES_OPEN], open_count; /* ids of the open scopes */
    uint32_t names_before[MAX_SCOPES_OPEN];     /* name_count when each was opened */
    struct variable_name *bound;                /* visible ones, the innermost scope last */
    uint32_t bound_count, bound_before[MAX_SCOPES_OPEN];
    struct function *functions;
    uint32_t function_count;
    struct parser_frame frame;
    const char *opcodes[OPCODE_BUCKETS]; /* interned */
    bool failed;
};

void parser_fail(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool parser_accept(struct parser *parser, char c); /* skip that punctuation when it is next */
void parser_expect(struct parser *parser, char c);
bool parser_accept_word(struct parser *parser, const char *word);
void parser_skip_to(struct parser *parser, char c); /* behind the next c */
char *parser_name(struct parser *parser);           /* the current word, consumed */
uint64_t parser_integer(struct parser *parser);

/* ptx_names.c */
void parser_open_scope(struct parser *parser);
void parser_close_scope(struct parser *parser);
void parser_registers(struct parser *parser); /* after .reg */
bool parser_find_register(const struct parser *parser, const struct token *token, uint32_t *reg);
struct ptx_variable *parser_find_variable(const struct parser *parser, const struct token *token);
void parser_label(struct parser *parser, const char *name);
void parser_resolve_labels(struct parser *parser);
void parser_bind(struct parser *parser, const char *name, struct ptx_variable *variable); /* until the scope ends */
void parser_carry_flag(struct parser *parser); /* the kernel's register 0 */

/* ptx_variable.c */
struct ptx_variable *parser_variable(struct parser *parser, enum ptx_space space,
                                     bool external);                 /* after .shared ... */
uint32_t parser_place(uint32_t *end, uint32_t size, uint32_t align); /* the offset of what is put behind *end */

struct ptx_variable parser_declaration(struct parser *parser, enum ptx_space space); /* type, name and size */

/* ptx_function.c */
void parser_function(struct parser *parser); /* after .func */
void parser_call(struct parser *parser, const struct ptx_instruction *call);

/* ptx_kernel.c */
void parser_statement(struct parser *parser);
/* One more instruction in place of another, with its guard and text; target: the label that it branches to, or NULL. */
void parser_emit(struct parser *parser, const struct ptx_instruction *source, const char *opcode,
                 const char *target);
void parser_kernel(struct parser *parser); /* after .entry */

/* ptx_operand.c */
void parser_operand(struct parser *parser, struct ptx_operand *operand);

#endif
