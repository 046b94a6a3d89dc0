/* Tokens of PTX text: words (opcodes, names, directives), numbers and single punctuation characters. */
#ifndef EMULATOR_PTX_LEX_H
#define EMULATOR_PTX_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_DOUBLE,
    TOKEN_PUNCTUATION,
    TOKEN_STRING
};

struct token {
    enum token_kind kind;
    const char *text;
    size_t length;
    uint64_t value; /* of a number: its bits */
    int line;
};

struct lexer {
    const char *next; /* first character not yet read */
    int line;
    struct token token; /* the current token */
};

void lexer_start(struct lexer *lexer, const char *text); /* reads the first token */
void lexer_advance(struct lexer *lexer);
bool token_is(const struct token *token, const char *text);
bool token_is_char(const struct token *token, char c); /* that punctuation */
char *token_copy(const struct token *token);           /* malloc'ed; NULL when memory is short */

#endif
