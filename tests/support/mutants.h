/* Mutants: kernel families with one mistake put into their text, the kind of mistake that people make. */
#ifndef HPCK_TESTS_MUTANTS_H
#define HPCK_TESTS_MUTANTS_H

#include <stdbool.h>

/* Every occurrence of `original` becomes `mistake`, in those texts of the family that have it. Writes outside C happen
 * only where alpha is not 1: a plan rehearses its kernel with 1 on memory that has no guard zones. */
struct mutant {
    const char *name;
    const char *family;
    const char *original;
    const char *mistake;
    const char *
        device; /* NULL: OpenCL, and an emulated a100 where the family is CUDA's too; else this emulated device only */
};

/* Does it concern the device that tests run on (HPCK_DEVICE, HPCK_EMULATOR_DEVICE)? */
bool mutant_is_of_this_device(const struct mutant *mutant);

/* CMocka test, *state is the mutant: the check that every kernel passes must notice it within 60 random problems, by a
 * wrong result or by what the emulator reports, and the family as it is must pass the very problem that gave it away. */
void mutant_is_caught(void **state);

#endif
