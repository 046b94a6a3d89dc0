/* Proof that the tests can fail: the mutants of one family, each of which must be noticed on the device that tests run on:
 *     verify_mutants FAMILY DEVICE [PART-OF-A-NAME]
 * DEVICE is "opencl" or the name of the emulated device, as tests/families/FAMILY.toml has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

enum { EXIT_USAGE = 2 };

static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' ')) return true;
    return false;
}

int main(int argc, char **argv)
{
    struct CMUnitTest *tests = calloc((size_t)mutant_count, sizeof *tests);
    size_t count = 0;
    for (int i = 0; i < mutant_count && argc > 2 && tests != NULL; i++) {
        const bool is_asked = strcmp(mutants[i].family, argv[1]) == 0 && has_word(mutants[i].devices, argv[2]);
        if (!is_asked || (argc > 3 && strstr(mutants[i].name, argv[3]) == NULL)) continue;
        tests[count].name = mutants[i].name;
        tests[count].test_func = mutant_is_caught;
        tests[count++].initial_state = (void *)&mutants[i];
    }
    if (count == 0) {
        fprintf(stderr, "usage: verify_mutants FAMILY DEVICE [PART-OF-A-NAME]; none is declared for these\n");
        free(tests);
        return EXIT_USAGE;
    }
    const int failed = _cmocka_run_group_tests(argv[1], tests, count, NULL, NULL);
    free(tests);
    return failed;
}
