/* Lists of problems: both forms of file, the suites inside the tools, and messages that point at the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "shapes.h"
#include "suites.h"

static const char header[] = "name,source,model,m,n,k,transA,transB,batch,layout,gflop,tier\n";

static hpck_status add(struct shapes *shapes, const char *text, const char *suffix, struct error *err)
{
    char path[4096];
    scratch_write("list", text, strlen(text));
    snprintf(path, sizeof path, "%s%s", scratch_path("list"), suffix);
    return shapes_add_file(shapes, path, err);
}

static void expect(const struct shapes *shapes, int index, const char *name, const char *text)
{
    char printed[PROBLEM_TEXT_MAX];
    assert_in_range(index, 0, shapes->count - 1);
    assert_string_equal(shapes->items[index].name, name);
    assert_string_equal(problem_print(&shapes->items[index].problem, printed), text);
}

static void reads_the_problem_language(void **state)
{
    (void)state;
    struct shapes shapes = { 0 };
    assert_int_equal(add(&shapes,
                         "# a trace\n\n  gemm:f32:nn:m1n2k3  \r\n\t# more\ngemm:f16>f32:tt:m4n5k6:b7:col:bias:relu",
                         "", NULL),
                     HPCK_OK);
    assert_int_equal(shapes.count, 2);
    expect(&shapes, 0, "", "gemm:f32:nn:m1n2k3");
    expect(&shapes, 1, "", "gemm:f16>f32:tt:m4n5k6:b7:col:bias:relu");
    shapes_free(&shapes);
}

static void reads_csv_by_the_names_of_its_columns(void **state)
{
    (void)state;
    struct shapes shapes = { 0 };
    char text[1024];
    snprintf(text, sizeof text, "# real shapes\n%sone,s,m,8,9,10,N,T,1,row,1,ci\ntwo,s,m,1,2,3,t,n,4,col,1,gpu\n",
             header);
    assert_int_equal(add(&shapes, text, "", NULL), HPCK_OK);
    assert_int_equal(shapes.count, 2);
    expect(&shapes, 0, "one", "gemm:f32:nt:m8n9k10");
    expect(&shapes, 1, "two", "gemm:f32:tn:m1n2k3:b4:col");
    shapes_free(&shapes);

    assert_int_equal(add(&shapes, text, ":gpu", NULL), HPCK_OK);
    assert_int_equal(shapes.count, 1);
    expect(&shapes, 0, "two", "gemm:f32:tn:m1n2k3:b4:col");
    shapes_free(&shapes);

    assert_int_equal(add(&shapes, "k,n,m,layout,batch,transB,transA\n3,2,1,row,1,N,T\n", "", NULL), HPCK_OK);
    expect(&shapes, 0, "", "gemm:f32:tn:m1n2k3");
    shapes_free(&shapes);
}

static void messages_point_at_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *suffix, *message;
    } cases[] = {
        { "gemm:f32:nn:m1n1k1\ngemm:f64:nn:m1n1k1\n", "", "list:2)" },
        { "gemm:f32:nn:m1n1k1\ngemm:f64:nn:m1n1k1\n", "", "gemm:f64:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1\n", ":ci", "list:1: a tier (\"ci\") can only be selected from a CSV" },
        { "m,n,k,transA,transB,batch\n", "", "list:1: the columns of a CSV must include" },
        { "m,n,k,transA,transB,batch,layout\n1,1,1,N,N,1,row\n", ":ci", "no column \"tier\"" },
        { "m,n,k,transA,transB,batch,layout\n1,1,1,N,N,1\n", "", "list:2: 6 fields" },
        { "m,n,k,transA,transB,batch,layout\n1,1,1,X,N,1,row\n", "", "list:2: transA = \"X\"" },
        { "m,n,k,transA,transB,batch,layout\n1,1,1,N,N,1,diagonal\n", "",
          "layout = \"diagonal\" must be row or col" },
        { "m,n,k,transA,transB,batch,layout\n-1,1,1,N,N,1,row\n", "", "list:2)" },
        { "m,n,k,transA,transB,batch,layout\n99999999999999999999,1,1,N,N,1,row\n", "", "list:2)" },
        { "m,n,k,transA,transB,batch,layout\n1n2,1,1,N,N,1,row\n", "", "list:2)" },
        { "m,n,k,transA,transB,batch,layout,tier\n1,1,1,N,N,1,row,gpu\n1,1,1,N,N,1,row,g\n1,1,1,N,N,1,row,gpu\n",
          ":ci", "list:1: no row is of tier \"ci\"; the tiers below are: gpu, g" },
        { "# shapes\nm,n,k,transA,transB,batch,layout,tier\n", ":ci", "list:2: no row is of tier \"ci\"" },
        { "m,n,k,transA,transB,batch,layout\n", "", "list:1: the list ends without a problem" },
        { "", "", "list:0: the list ends without a problem" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shapes shapes = { 0 };
        struct error err = { HPCK_OK, NULL };
        assert_int_equal(add(&shapes, cases[i].text, cases[i].suffix, &err), HPCK_INVALID_ARGUMENT);
        if (!strstr(error_text(&err), cases[i].message))
            fail_msg("\"%s\" lacks \"%s\"", error_text(&err), cases[i].message);
        assert_int_equal(shapes.count, 0); /* all of a file or nothing */
        shapes_free(&shapes);
        error_free(&err);
    }
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    struct shapes shapes = { 0 };
    scratch_write("list", "gemm:f32:nn:m1n1k1\0rest\n", 24);
    assert_int_equal(shapes_add_file(&shapes, scratch_path("list"), NULL), HPCK_INVALID_ARGUMENT);
    assert_int_equal(shapes_add_file(&shapes, scratch_path("absent"), NULL), HPCK_INVALID_ARGUMENT);
    shapes_free(&shapes);
}

static void every_suite_can_be_read(void **state)
{
    (void)state;
    struct error err = { HPCK_OK, NULL };
    struct shapes shapes = { 0 };
    assert_in_range(suite_count, 1, 100);
    for (int i = 0; i < suite_count; i++) {
        int before = shapes.count;
        if (shapes_add_suite(&shapes, suites[i].name, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
        assert_true(shapes.count > before);
    }
    shapes_free(&shapes);
    assert_int_equal(shapes_add_suite(&shapes, "ci", NULL), HPCK_OK);
    assert_int_equal(shapes.count, 19);
    assert_int_equal(shapes_add_suite(&shapes, "sea", &err), HPCK_INVALID_ARGUMENT);
    assert_non_null(strstr(error_text(&err), "no suite \"sea\"; there are: "));
    assert_int_equal(shapes.count, 19);
    shapes_free(&shapes);
    error_free(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_problem_language), cmocka_unit_test(reads_csv_by_the_names_of_its_columns),
        cmocka_unit_test(messages_point_at_the_line), cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(every_suite_can_be_read),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
