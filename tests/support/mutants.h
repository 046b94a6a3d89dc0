/* Mutants: kernel families with one mistake put into their text, the kind of mistake that people make. */
#ifndef HPCK_TESTS_MUTANTS_H
#define HPCK_TESTS_MUTANTS_H

#include <stdbool.h>

/* Every occurrence of `original` becomes `mistake`, in those texts of the family that have it. Writes outside an output happen
 * only where alpha is not 1: a plan rehearses its kernel with 1 on memory that has no guard zones. */
struct mutant {
    const char *name;
    const char *family;
    const char *devices; /* "opencl", names of emulated devices: where it is to be noticed, a space between them */
    const char *original;
    const char *mistake;
    const char *problem; /* it shows in this one, with operands in three layouts; NULL: in one of 60 random ones */
    const char *point;   /* parameters in which it shows, see point.h; "": in one of the seeds */
};

/* From tests/families, written by declared.py. */
extern const struct mutant mutants[];
extern const int mutant_count;

/* CMocka test, *state is the mutant: the check that every kernel passes must notice it, by a wrong result or by what the
 * emulator reports, and the family as it is must pass the very problem that gave it away. */
void mutant_is_caught(void **state);

#endif
