/* The problem that a text means; the running CMocka test fails where it means none. Include after cmocka.h. */
#ifndef HPCK_TESTS_PARSED_H
#define HPCK_TESTS_PARSED_H

#include "problem.h"

static inline struct problem parsed(const char *text)
{
    struct problem problem;
    struct error err = { 0 };
    if (problem_parse(text, &problem, &err) != HPCK_OK) fail_msg("%s: %s", text, error_text(&err));
    return problem;
}

#endif
