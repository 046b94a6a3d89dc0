/* Any text: problem_parse refuses it with a message, or what it understood survives printing and everything that is
 * computed from a problem. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

static void check(bool holds)
{
    if (!holds) abort(); /* what libFuzzer takes for a failure */
}

static void use(const struct problem *problem)
{
    static const char other[] = "gemm:f32:nn:m64n64k64";
    char text[PROBLEM_TEXT_MAX];
    char text_again[PROBLEM_TEXT_MAX];
    struct problem again;
    struct problem reference;
    check(strlen(problem_print(problem, text)) < PROBLEM_TEXT_MAX);
    check(problem_parse(text, &again, NULL) == HPCK_OK);
    check(problem_same(problem, &again));
    check(strcmp(problem_print(&again, text_again), text) == 0);
    struct problem canonical = problem_canonical(problem);
    check(problem_check(&canonical, NULL) == HPCK_OK);
    check(problem_flops(&canonical) == problem_flops(problem));
    check(isfinite(problem_flops(problem)) && isfinite(problem_bytes(problem)));
    check(problem_parse(other, &reference, NULL) == HPCK_OK);
    check(problem_distance(problem, problem) == 0.0);
    check(problem_distance(problem, &reference) == problem_distance(&reference, problem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct problem problem;
    struct error err = { 0 };
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    hpck_status st = problem_parse(text, &problem, &err);
    check(st == HPCK_OK || st == HPCK_INVALID_ARGUMENT);
    check((st == HPCK_OK) == (error_text(&err)[0] == '\0'));
    check(strlen(error_text(&err)) < 1024);
    if (st == HPCK_OK) use(&problem);
    error_free(&err);
    free(text);
    return 0;
}
