/* What core knows of an operation beside its generated op_desc: how its problems are written and what they cost.
 * A new operation is one file op_NAME.c and one row in the table of problem.c. */
#ifndef HPCK_CORE_OP_H
#define HPCK_CORE_OP_H

#include "problem.h"

/* The words between the colons of a problem's text, first to last. */
struct word {
    const char *text;
    size_t length;
};
struct words {
    const char *next; /* NULL: no word is left */
};

bool words_next(struct words *words, struct word *word);

bool word_is(struct word word, const char *text);
/* "f16" or "f16>f32", if problem->op has it. */
bool word_dtypes(struct word word, struct problem *problem);
/* Digits only, no sign, at most INT64_MAX. */
bool word_size(struct word word, int64_t *size);
/* "m64n64k32" for the letters "mnk", each once and in this order; stores what it understood even when it fails. */
bool word_sizes(struct word word, const char *letters, int64_t *const *sizes);

/* How often the smaller size has to be doubled to be the larger one: the measure of distances. 0 counts as 1. */
double size_doublings(int64_t a, int64_t b);

struct op {
    /* A small valid problem: what is missing from a text that was not understood is shown with its values. */
    struct problem (*example)(void);
    /* Reads the words after the op's name over the example in *problem. NULL: all understood; else what was expected
     * in the place of *word, whose text is NULL when the problem ends too early. */
    const char *(*parse)(struct words *words, struct problem *problem, struct word *word);
    void (*print)(const struct problem *problem, char *buffer, size_t size);
    /* NULL: the values are in range and no extent, byte count or operation count overflows int64; else the rule. */
    const char *(*check)(const struct problem *problem);

    struct problem (*canonical)(const struct problem *problem);
    double (*flops)(const struct problem *problem);
    double (*bytes)(const struct problem *problem);
    double (*distance)(const struct problem *a, const struct problem *b); /* op and dtypes are the same */
    /* The same computation in another operation, for problem_as. NULL: there never is one. */
    bool (*restate)(const struct problem *problem, enum op_id op, struct problem *stated);
};

extern const struct op op_conv;
extern const struct op op_gemm;
extern const struct op op_reduce;

#endif
