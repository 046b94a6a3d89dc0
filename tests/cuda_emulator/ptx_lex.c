/* The PTX tokenizer (PTX ISA 9.0, section 4). Comments and the debug directives .loc and .file, which end at the line's
 * end, vanish here. */
#include "ptx_lex.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '%' || c == '.';
}

static void skip_blank(struct lexer *lexer)
{
    const char *p = lexer->next;
    for (;;) {
        if (*p == '\n') {
            lexer->line++;
            p++;
        } else if (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\f' || *p == '\v') {
            p++;
        } else if (p[0] == '/' && p[1] == '/') {
            while (*p != '\0' && *p != '\n')
                p++;
        } else if (p[0] == '/' && p[1] == '*') {
            for (p += 2; *p != '\0' && !(p[0] == '*' && p[1] == '/'); p++)
                if (*p == '\n') lexer->line++;
            if (*p != '\0') p += 2;
        } else {
            break;
        }
    }
    lexer->next = p;
}

/* "::" belongs to a word (shared::cta), a single ':' ends a label. Directives end before the next dot (.reg.b32). */
static const char *word_end(const char *p)
{
    const char *start = p;
    for (;;) {
        if (*p == '.' && *start == '.' && p != start) return p;
        if (is_word_start(*p) || is_digit(*p))
            p++;
        else if (p[0] == ':' && p[1] == ':')
            p += 2;
        else
            return p;
    }
}

/* Integers are 64-bit; 0fXXXXXXXX and 0dXXXXXXXXXXXXXXXX are the bits of a float and a double (section 4.5). */
static void read_number(struct lexer *lexer, struct token *token)
{
    const char *p = lexer->next;
    char *end = NULL;
    if (p[0] == '0' && (p[1] == 'f' || p[1] == 'F' || p[1] == 'd' || p[1] == 'D')) {
        token->kind = p[1] == 'f' || p[1] == 'F' ? TOKEN_FLOAT : TOKEN_DOUBLE;
        token->value = strtoull(p + 2, &end, 16);
    } else if (p[0] == '0' && (p[1] == 'b' || p[1] == 'B')) {
        token->kind = TOKEN_INTEGER;
        token->value = strtoull(p + 2, &end, 2);
    } else {
        token->kind = TOKEN_INTEGER;
        token->value = strtoull(p, &end, 0);
    }
    if (*end == 'U') end++;
    lexer->next = end;
}

void lexer_advance(struct lexer *lexer)
{
    struct token *token = &lexer->token;
    skip_blank(lexer);
    const char *p = lexer->next;
    *token = (struct token){ .text = p, .line = lexer->line };
    if (*p == '\0') {
        token->kind = TOKEN_END;
    } else if (is_digit(*p)) {
        read_number(lexer, token);
    } else if (is_word_start(*p)) {
        token->kind = TOKEN_WORD;
        lexer->next = word_end(p);
    } else if (*p == '"') {
        token->kind = TOKEN_STRING;
        const char *end = strchr(p + 1, '"');
        lexer->next = end != NULL ? end + 1 : p + strlen(p);
    } else {
        token->kind = TOKEN_PUNCTUATION;
        lexer->next = p + 1;
    }
    token->length = (size_t)(lexer->next - p);
    if (token_is(token, ".loc") || token_is(token, ".file")) {
        while (*lexer->next != '\0' && *lexer->next != '\n')
            lexer->next++;
        lexer_advance(lexer);
    }
}

void lexer_start(struct lexer *lexer, const char *text)
{
    *lexer = (struct lexer){ .next = text, .line = 1 };
    lexer_advance(lexer);
}

bool token_is(const struct token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

bool token_is_char(const struct token *token, char c)
{
    return token->kind == TOKEN_PUNCTUATION && *token->text == c;
}

char *token_copy(const struct token *token)
{
    char *copy = malloc(token->length + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, token->text, token->length);
    copy[token->length] = '\0';
    return copy;
}
