/* The problem language. */
#include "micro.h"

static const char *const text = "gemm:f16>f32:nt:m4096n4096k1024:b16:col:bias:relu";

static void parse(struct gbench *bench, void *context)
{
    (void)context;
    struct problem problem;
    while (gbench_next(bench))
        if (problem_parse(text, &problem, NULL) != HPCK_OK) gbench_fail(bench, "the problem was not understood");
}

static void print(struct gbench *bench, void *context)
{
    (void)context;
    struct problem problem;
    char buffer[PROBLEM_TEXT_MAX];
    if (problem_parse(text, &problem, NULL) != HPCK_OK) gbench_fail(bench, "the problem was not understood");
    while (gbench_next(bench))
        problem_print(&problem, buffer);
}

void micro_problem_add(struct micro *micro)
{
    (void)micro;
    gbench_add("problem_parse", parse, NULL);
    gbench_add("problem_print", print, NULL);
}
