/* Opcodes as words between dots, and the types among them. */
#include <stdlib.h>
#include <string.h>

#include "decode.h"

enum { MAX_WORDS = sizeof((struct opcode_words *)0)->word / sizeof(const char *) };

void words_split(struct opcode_words *words, const char *opcode)
{
    *words = (struct opcode_words){ .count = 0 };
    strncpy(words->text, opcode, sizeof words->text - 1);
    char *next = words->text;
    while (next != NULL && words->count < MAX_WORDS) {
        words->word[words->count++] = next;
        next = strchr(next, '.');
        if (next != NULL) *next++ = '\0';
    }
    words->used[0] = true;
}

bool words_take(struct opcode_words *words, const char *word)
{
    for (int i = 1; i < words->count; i++)
        if (!words->used[i] && strcmp(words->word[i], word) == 0) {
            words->used[i] = true;
            return true;
        }
    return false;
}

const char *words_unused(const struct opcode_words *words)
{
    for (int i = 1; i < words->count; i++)
        if (!words->used[i]) return words->word[i];
    return NULL;
}

struct type type_of(const char *word)
{
    static const struct {
        const char *word;
        struct type type;
    } types[] = { { "pred", { 'p', 1 } },
                  { "f16x2", { 'x', 32 } },
                  { "bf16x2", { 'y', 32 } },
                  { "bf16", { 'h', 16 } },
                  { "tf32", { 't', 32 } } };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(word, types[i].word) == 0) return types[i].type;
    if (word[0] == '\0' || strchr("usfb", word[0]) == NULL) return (struct type){ 0 };
    static const char *const sizes[] = { "8", "16", "32", "64" };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(word + 1, sizes[i]) == 0 && !(word[0] == 'f' && i == 0))
            return (struct type){ word[0], (uint8_t)(8 << i) };
    return (struct type){ 0 };
}

struct type words_take_type(struct opcode_words *words)
{
    for (int i = 1; i < words->count; i++) {
        struct type type = words->used[i] ? (struct type){ 0 } : type_of(words->word[i]);
        if (type.kind == 0) continue;
        words->used[i] = true;
        return type;
    }
    return (struct type){ 0 };
}
