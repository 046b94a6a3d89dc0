/* Reductions in the problem language, and the canonical forms that families see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reduce_layout.h"

static void print_gives_what_was_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "reduce:sum:f32:16777217:axes0",
        "reduce:argmax:bf16>f32:1x128256:axes1",
        "reduce:meanvar:f32>f16:32x64x112x112:axes0,2,3",
        "reduce:dot:f16:7x0x3:axes1:compensated",
        "reduce:max:f32:2x3:axes",
        "reduce:logsoftmax:bf16:9x8x7:axes2",
        "reduce:logsumexp:f32>bf16:1x2x3x4x5x6x7x8:axes0,1,2,3,4,5,6,7",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct problem problem, again;
        char text[PROBLEM_TEXT_MAX];
        assert_int_equal(problem_parse(texts[i], &problem, NULL), HPCK_OK);
        assert_string_equal(problem_print(&problem, text), texts[i]);
        struct problem canonical = problem_canonical(&problem);
        assert_int_equal(problem_parse(problem_print(&canonical, text), &again, NULL), HPCK_OK);
        again = problem_canonical(&again);
        assert_memory_equal(&again, &canonical, sizeof again);
    }
}

static void what_is_wrong_is_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "reduce:total:f32:8:axes0", "\"total\" is not understood: expected an operation (sum, prod," },
        { "reduce:sum:f64:8:axes0", "\"f64\" is not understood: expected a dtype" },
        { "reduce:sum:f16>bf16:8:axes0", "\"f16>bf16\" is not understood" },
        { "reduce:sum:f32:8x:axes0", "\"8x\" is not understood: expected 1 to 8 extents" },
        { "reduce:sum:f32:1x1x1x1x1x1x1x1x1:axes0", "expected 1 to 8 extents" },
        { "reduce:sum:f32:8:axes1", "\"axes1\" is not understood: expected axes" },
        { "reduce:sum:f32:8x8:axes1,0", "\"axes1,0\" is not understood: expected axes" },
        { "reduce:sum:f32:8x8:axes0,0", "\"axes0,0\" is not understood: expected axes" },
        { "reduce:sum:f32:8x8", "it ends where axes" },
        { "reduce:sum:f32:8x8:axes0:fast", "\"fast\" is not understood" },
        { "reduce:max:f32:8:axes0:compensated", "compensated goes with" },
        { "reduce:max:f32:8x0:axes1", "of no elements are not defined" },
        { "reduce:softmax:f32:8x8:axes0", "a normalisation runs over the last axis" },
        { "reduce:sum:f32:9223372036854775807x2:axes0", "the number of elements must fit in 63 bits" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problem problem;
        struct error err = { HPCK_OK, NULL };
        assert_int_equal(problem_parse(cases[i].text, &problem, &err), HPCK_INVALID_ARGUMENT);
        if (strstr(error_text(&err), cases[i].message) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", error_text(&err), cases[i].message);
        error_free(&err);
    }
}

static void neighbours_of_one_role_are_merged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
        int64_t form, outer, segments, length, inner;
    } cases[] = {
        { "reduce:sum:f32:4x5x6:axes0,1,2", "reduce:sum:f32:120:axes0", REDUCE_ROW, 1, 1, 120, 1 },
        { "reduce:sum:f32:4x1x5x6:axes2,3", "reduce:sum:f32:4x30:axes1", REDUCE_ROW, 4, 1, 30, 1 },
        { "reduce:sum:f32:4x5x6:axes0", "reduce:sum:f32:4x30:axes0", REDUCE_COLUMN, 1, 1, 4, 30 },
        { "reduce:sum:f32:4x5x6x7:axes0,2,3", "reduce:sum:f32:4x5x42:axes0,2", REDUCE_ROW, 5, 4, 42, 1 },
        { "reduce:sum:f32:4x5x6:axes1", "reduce:sum:f32:4x5x6:axes1", REDUCE_COLUMN, 4, 1, 5, 6 },
        { "reduce:sum:f32:3x4x5x6:axes0,2", "reduce:sum:f32:3x4x5x6:axes0,2", REDUCE_COLUMN, 4, 3, 5, 6 },
        { "reduce:sum:f32:3x4x5x6:axes1,3", "reduce:sum:f32:3x4x5x6:axes1,3", REDUCE_STRIDED, 15, 1, 24, 1 },
        { "reduce:sum:f32:4x5:axes", "reduce:sum:f32:20:axes", REDUCE_COLUMN, 1, 1, 1, 20 },
        { "reduce:sum:f32:1x1:axes0", "reduce:sum:f32:1:axes", REDUCE_ROW, 1, 1, 1, 1 },
        { "reduce:sum:f32:4x0x5:axes1", "reduce:sum:f32:20x0:axes1", REDUCE_ROW, 20, 1, 0, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problem problem;
        char text[PROBLEM_TEXT_MAX];
        assert_int_equal(problem_parse(cases[i].text, &problem, NULL), HPCK_OK);
        problem = problem_canonical(&problem);
        const struct reduce_fields *f = &problem.field.reduce;
        assert_string_equal(problem_print(&problem, text), cases[i].canonical);
        assert_int_equal(f->form, cases[i].form);
        assert_int_equal(f->outer, cases[i].outer);
        assert_int_equal(f->segments, cases[i].segments);
        assert_int_equal(f->length, cases[i].length);
        assert_int_equal(f->inner, cases[i].inner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_gives_what_was_read),
        cmocka_unit_test(what_is_wrong_is_quoted),
        cmocka_unit_test(neighbours_of_one_role_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
