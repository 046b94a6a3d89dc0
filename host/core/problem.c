/* The problem language for every operation: splitting into words, dtypes, sizes, and messages that show the nearest
 * valid form. What follows an op's name is read and printed by op_NAME.c. */
#include "op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct op *const ops[OP_COUNT] = {
    [OP_CONV] = &op_conv,
    [OP_GEMM] = &op_gemm,
    [OP_REDUCE] = &op_reduce,
};

static const struct {
    hpck_dtype dtype;
    const char *name;
    size_t bytes;
} dtypes[] = {
    { HPCK_F32, "f32", 4 },
    { HPCK_F16, "f16", 2 },
    { HPCK_BF16, "bf16", 2 },
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

const char *dtype_name(hpck_dtype dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].name;
    return "?";
}

size_t dtype_bytes(hpck_dtype dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (dtypes[i].dtype == dtype) return dtypes[i].bytes;
    return 0;
}

/* ---- words ---------------------------------------------------------------------------------------------- */

bool words_next(struct words *words, struct word *word)
{
    if (words->next == NULL) {
        *word = (struct word){ 0 };
        return false;
    }
    const char *end = strchr(words->next, ':');
    word->text = words->next;
    word->length = end != NULL ? (size_t)(end - words->next) : strlen(words->next);
    words->next = end != NULL ? end + 1 : NULL;
    return true;
}

bool word_is(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static bool word_dtype(struct word word, hpck_dtype *dtype)
{
    for (int i = 0; i < DTYPE_COUNT; i++) {
        if (!word_is(word, dtypes[i].name)) continue;
        *dtype = dtypes[i].dtype;
        return true;
    }
    return false;
}

bool word_dtypes(struct word word, struct problem *problem)
{
    const struct op_desc *desc = &op_descs[problem->op];
    const char *arrow = word.length > 0 ? memchr(word.text, '>', word.length) : NULL;
    size_t first = arrow != NULL ? (size_t)(arrow - word.text) : word.length;
    struct dtype_pair pair;
    if (!word_dtype((struct word){ word.text, first }, &pair.in)) return false;
    pair.out = pair.in;
    if (arrow != NULL && !word_dtype((struct word){ arrow + 1, word.length - first - 1 }, &pair.out)) return false;
    for (int i = 0; i < desc->dtype_count; i++) {
        if (desc->dtypes[i].in != pair.in || desc->dtypes[i].out != pair.out) continue;
        problem->dtype_in = pair.in;
        problem->dtype_out = pair.out;
        return true;
    }
    return false;
}

bool word_size(struct word word, int64_t *size)
{
    int64_t value = 0;
    if (word.length == 0) return false;
    for (size_t i = 0; i < word.length; i++) {
        char digit = word.text[i];
        if (digit < '0' || digit > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit - '0', &value))
            return false;
    }
    *size = value;
    return true;
}

bool word_sizes(struct word word, const char *letters, int64_t *const *sizes)
{
    size_t at = 0;
    for (int i = 0; letters[i] != '\0'; i++) {
        if (at >= word.length || word.text[at] != letters[i]) return false;
        size_t start = ++at;
        while (at < word.length && word.text[at] >= '0' && word.text[at] <= '9')
            at++;
        if (!word_size((struct word){ word.text + start, at - start }, sizes[i])) return false;
    }
    return at == word.length;
}

/* ---- the language ------------------------------------------------------------------------------------------ */

enum { QUOTE_MAX = 80 };

/* Hostile text made fit for a message: short, and without control characters. */
static const char *quote(struct word word, char buffer[QUOTE_MAX])
{
    size_t length = word.length < QUOTE_MAX - 4 ? word.length : QUOTE_MAX - 4;
    for (size_t i = 0; i < length; i++)
        buffer[i] = word.text[i] >= ' ' && word.text[i] <= '~' ? word.text[i] : '?';
    strcpy(buffer + length, length < word.length ? "..." : "");
    return buffer;
}

static hpck_status not_understood(const char *text, struct word word, const char *expected,
                                  const struct problem *nearest, struct error *err)
{
    char whole[QUOTE_MAX];
    char part[QUOTE_MAX];
    char valid[PROBLEM_TEXT_MAX];
    quote((struct word){ text, strlen(text) }, whole);
    problem_print(nearest, valid);
    if (word.text == NULL)
        return error_set(err, HPCK_INVALID_ARGUMENT, "problem \"%s\": it ends where %s is expected, as in \"%s\"",
                         whole, expected, valid);
    return error_set(err, HPCK_INVALID_ARGUMENT,
                     "problem \"%s\": \"%s\" is not understood: expected %s, as in \"%s\"", whole,
                     quote(word, part), expected, valid);
}

hpck_status problem_parse(const char *text, struct problem *problem, struct error *err)
{
    struct words words = { text };
    struct word word;
    const struct op *op = NULL;
    words_next(&words, &word);
    for (int i = 0; i < OP_COUNT; i++)
        if (word_is(word, op_descs[i].name)) op = ops[i];
    struct problem parsed = op != NULL ? op->example() : op_gemm.example();
    if (op == NULL) return not_understood(text, word, "the name of an operation", &parsed, err);

    const char *expected = op->parse(&words, &parsed, &word);
    if (expected != NULL) {
        if (op->check(&parsed) != NULL) parsed = op->example();
        return not_understood(text, word, expected, &parsed, err);
    }
    hpck_status st = problem_check(&parsed, err);
    if (st == HPCK_OK) *problem = parsed;
    return st;
}

char *problem_print(const struct problem *problem, char *buffer)
{
    ops[problem->op]->print(problem, buffer, PROBLEM_TEXT_MAX);
    return buffer;
}

hpck_status problem_check(const struct problem *problem, struct error *err)
{
    const char *rule = ops[problem->op]->check(problem);
    if (rule == NULL) return HPCK_OK;
    char text[PROBLEM_TEXT_MAX];
    char valid[PROBLEM_TEXT_MAX];
    struct problem example = ops[problem->op]->example();
    return error_set(err, HPCK_INVALID_ARGUMENT, "problem \"%s\": %s, as in \"%s\"", problem_print(problem, text),
                     rule, problem_print(&example, valid));
}

struct problem problem_canonical(const struct problem *problem)
{
    return ops[problem->op]->canonical(problem);
}

const struct problem *problem_as(const struct problem *problem, enum op_id op, struct problem *room)
{
    const struct op *own = ops[problem->op];
    if (problem->op == op) return problem;
    return own->restate != NULL && own->restate(problem, op, room) ? room : NULL;
}

int problem_order(const struct problem *a, const struct problem *b)
{
    if (a->op != b->op) return a->op < b->op ? -1 : 1;
    if (a->dtype_in != b->dtype_in) return a->dtype_in < b->dtype_in ? -1 : 1;
    if (a->dtype_out != b->dtype_out) return a->dtype_out < b->dtype_out ? -1 : 1;
    return memcmp(a->field.value, b->field.value, (size_t)op_descs[a->op].key_count * sizeof a->field.value[0]);
}

bool problem_same(const struct problem *a, const struct problem *b)
{
    return problem_order(a, b) == 0;
}

double size_doublings(int64_t a, int64_t b)
{
    return fabs(log2((double)(a > 0 ? a : 1)) - log2((double)(b > 0 ? b : 1)));
}

double problem_flops(const struct problem *problem)
{
    return ops[problem->op]->flops(problem);
}

double problem_bytes(const struct problem *problem)
{
    return ops[problem->op]->bytes(problem);
}

double problem_distance(const struct problem *a, const struct problem *b)
{
    if (a->op != b->op || a->dtype_in != b->dtype_in || a->dtype_out != b->dtype_out) return INFINITY;
    return ops[a->op]->distance(a, b);
}
