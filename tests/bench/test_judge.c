/* Bars, suites and sums of hpck-bench, without a device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "judge.h"
#include "report.h"
#include "suites.h"

static struct row row_with_ratio(const char *problem, double ratio)
{
    struct row row = { .outcome = ROW_PASSED, .is_measured = true, .against_count = 1 };
    snprintf(row.text, sizeof row.text, "%s", problem);
    row.against[0] = (struct row_against){ .name = "openblas", .is_measured = true };
    row.against[0].ratio = (struct measure_ratio){ ratio, ratio * 0.9, ratio * 1.1 };
    return row;
}

static void bar_is_the_median_ratio(void **state)
{
    (void)state;
    struct row row = row_with_ratio("a", 0.90);
    judge_min_ratio(&row, 0.90);
    assert_int_equal(row.outcome, ROW_PASSED);
    judge_min_ratio(&row, 0.91);
    assert_int_equal(row.outcome, ROW_FAILED);
    assert_non_null(strstr(row.message, "openblas: ratio 0.900 is below --min-ratio 0.91"));
}

static void bar_spares_what_was_not_measured(void **state)
{
    (void)state;
    struct row row = row_with_ratio("a", 0.5);
    row.against[0].is_measured = false;
    judge_min_ratio(&row, 1.0);
    assert_int_equal(row.outcome, ROW_PASSED);
}

static void summary_has_geometric_mean_worst_and_counts(void **state)
{
    (void)state;
    struct row rows[] = { row_with_ratio("a", 0.5), row_with_ratio("b", 2.0), row_with_ratio("c", 1.0) };
    rows[1].outcome = ROW_FAILED;
    char text[512] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    report_summary(file, rows, 3);
    fclose(file);
    assert_non_null(strstr(text, "openblas: geometric mean 1.00 of 3, worst 0.500 (a)"));
    assert_non_null(strstr(text, "tests:3 passed:2 failed:1 skipped:0"));
}

static void every_suite_is_read(void **state)
{
    (void)state;
    for (int i = 0; i < suite_count; i++) {
        struct shapes shapes = { 0 };
        struct error err = { 0 };
        assert_int_equal(shapes_add_suite(&shapes, suites[i].name, &err), HPCK_OK);
        assert_true(shapes.count > 0 && suites[i].doc[0] != '\0');
        shapes_free(&shapes);
    }
}

static void suites_have_their_documented_names(void **state)
{
    (void)state;
    static const char *const names[] = { "ci",         "cpu",    "dtypes", "gpu",
                                         "quickstart", "skinny", "square", "transposes" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (int j = 0; j < suite_count; j++)
            found = found || strcmp(suites[j].name, names[i]) == 0;
        if (!found) fail_msg("there is no suite %s", names[i]);
    }
}

static void ci_suite_is_the_ci_tier_of_the_file(void **state)
{
    (void)state;
    struct shapes suite = { 0 };
    struct shapes file = { 0 };
    struct error err = { 0 };
    assert_int_equal(shapes_add_suite(&suite, "ci", &err), HPCK_OK);
    assert_int_equal(shapes_add_file(&file, SHAPES_FOLDER "/gemm.csv:ci", &err), HPCK_OK);
    assert_int_equal(suite.count, file.count);
    for (int i = 0; i < suite.count; i++)
        assert_true(problem_same(&suite.items[i].problem, &file.items[i].problem));
    shapes_free(&suite);
    shapes_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_is_the_median_ratio),
        cmocka_unit_test(bar_spares_what_was_not_measured),
        cmocka_unit_test(summary_has_geometric_mean_worst_and_counts),
        cmocka_unit_test(every_suite_is_read),
        cmocka_unit_test(suites_have_their_documented_names),
        cmocka_unit_test(ci_suite_is_the_ci_tier_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
