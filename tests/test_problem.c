/* The problem language: what it accepts, what it prints, what it says about text that it does not understand, and the
 * numbers derived from a problem. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsed.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void canonical_spelling_prints_as_it_parses(void **state)
{
    static const char *const texts[] = {
        "gemm:f32:nn:m1n1k1",
        "gemm:f16:nt:m4096n4096k1024",
        "gemm:bf16:tn:m64n64k64:b16",
        "gemm:f16>f32:tt:m64n64k64:b16:col:bias:relu",
        "gemm:bf16>f32:nn:m3n5k7:bias:gelu",
        "gemm:f32:nn:m3n5k7:silu",
        "gemm:f32:nn:m3n5k7:b2:bias:silu:tf32",
        "gemm:f32:nn:m0n0k0:b0",
        "gemm:f32:nn:m9223372036854775807n0k0",
        "gemm:f32:nn:m0n9223372036854775807k0:b9223372036854775807",
        "gemm:f16:nn:m4611686018427387903n1k1",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[PROBLEM_TEXT_MAX];
        struct problem problem = parsed(texts[i]);
        assert_string_equal(problem_print(&problem, text), texts[i]);
    }
}

static void other_spellings_print_in_canonical_form(void **state)
{
    static const char *const pairs[][2] = {
        { "gemm:f32:nn:m1n2k3:b1", "gemm:f32:nn:m1n2k3" },
        { "gemm:f32>f32:nn:m1n2k3", "gemm:f32:nn:m1n2k3" },
        { "gemm:f32:nn:m1n2k3:relu:bias:col:b5", "gemm:f32:nn:m1n2k3:b5:col:bias:relu" },
        { "gemm:f32:nn:m1n2k3:tf32:bias:b5", "gemm:f32:nn:m1n2k3:b5:bias:tf32" },
        { "gemm:f32:nn:m1n2k3:bias:b5:silu", "gemm:f32:nn:m1n2k3:b5:bias:silu" },
        { "gemm:f32:nn:m007n02k3", "gemm:f32:nn:m7n2k3" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char text[PROBLEM_TEXT_MAX];
        struct problem problem = parsed(pairs[i][0]);
        assert_string_equal(problem_print(&problem, text), pairs[i][1]);
    }
}

static void every_form_survives_print_and_parse(void **state)
{
    static const struct {
        hpck_dtype in, out;
    } dtypes[] = { { HPCK_F32, HPCK_F32 },
                   { HPCK_F16, HPCK_F16 },
                   { HPCK_BF16, HPCK_BF16 },
                   { HPCK_F16, HPCK_F32 },
                   { HPCK_BF16, HPCK_F32 } };
    (void)state;
    for (unsigned form = 0; form < 5 * 4 * 2 * 2 * 4 * 3; form++) {
        char text[PROBLEM_TEXT_MAX];
        unsigned rest = form / 5;
        struct problem problem = { .op = OP_GEMM,
                                   .dtype_in = dtypes[form % 5].in,
                                   .dtype_out = dtypes[form % 5].out };
        problem.field.gemm = (struct gemm_fields){
            .trans_a = rest & 1,
            .trans_b = rest >> 1 & 1,
            .column_major = rest >> 2 & 1,
            .bias = rest >> 3 & 1,
            .activation = rest >> 4 & 3,
            .m = form,
            .n = 1000003 * (int64_t)form,
            .k = 17,
            .batch = rest >> 6,
        };
        struct problem again = parsed(problem_print(&problem, text));
        assert_true(problem_same(&problem, &again));
    }
}

/* The part in quotes and a form that is valid: all that someone needs who has only the message. */
static void errors_quote_the_text_and_show_a_valid_form(void **state)
{
    static const struct {
        const char *text, *quoted, *nearest;
    } cases[] = {
        { "", "\"\"", "gemm:f32:nn:m64n64k64" },
        { "gem:f32:nn:m1n1k1", "\"gem\"", "gemm:f32:nn:m64n64k64" },
        { "GEMM:f32:nn:m1n1k1", "\"GEMM\"", "gemm:f32:nn:m64n64k64" },
        { " gemm:f32:nn:m1n1k1", "\" gemm\"", "gemm:f32:nn:m64n64k64" },
        { "gemm", "ends where a dtype", "gemm:f32:nn:m64n64k64" },
        { "gemm:", "\"\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f64:nn:m1n1k1", "\"f64\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f32>f16:nn:m1n1k1", "\"f32>f16\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f16>:nn:m1n1k1", "\"f16>\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f16>bf16:nn:m1n1k1", "\"f16>bf16\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f16", "ends where op(A) and op(B)", "gemm:f16:nn:m64n64k64" },
        { "gemm:f16:n:m1n1k1", "\"n\"", "gemm:f16:nn:m64n64k64" },
        { "gemm:f16:nnn:m1n1k1", "\"nnn\"", "gemm:f16:nn:m64n64k64" },
        { "gemm:f16:tx:m1n1k1", "\"tx\"", "gemm:f16:nn:m64n64k64" },
        { "gemm:bf16:tn", "ends where the sizes", "gemm:bf16:tn:m64n64k64" },
        { "gemm:bf16:tn:m5n6", "\"m5n6\"", "gemm:bf16:tn:m5n6k64" },
        { "gemm:bf16:tn:m5k6n7", "\"m5k6n7\"", "gemm:bf16:tn:m5n64k64" },
        { "gemm:bf16:tn:m-5n6k7", "\"m-5n6k7\"", "gemm:bf16:tn:m64n64k64" },
        { "gemm:bf16:tn:m+5n6k7", "\"m+5n6k7\"", "gemm:bf16:tn:m64n64k64" },
        { "gemm:bf16:tn:m5n6k7 ", "\"m5n6k7 \"", "gemm:bf16:tn:m5n6k7" },
        { "gemm:bf16:tn:m5n6k7x", "\"m5n6k7x\"", "gemm:bf16:tn:m5n6k7" },
        { "gemm:bf16:tn:mn6k7", "\"mn6k7\"", "gemm:bf16:tn:m64n64k64" },
        { "gemm:f32:nn:m9223372036854775808n1k1", "\"m9223372036854775808n1k1\"", "gemm:f32:nn:m64n64k64" },
        { "gemm:f32:nn:m1n1k99999999999999999999999", "\"m1n1k99999999999999999999999\"", "gemm:f32:nn:m1n1k64" },
        { "gemm:f32:nn:m1n1k1:", "\"\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:b", "\"b\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:b-1", "\"b-1\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:b9223372036854775808", "\"b9223372036854775808\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:bias:bias", "\"bias\"", "gemm:f32:nn:m1n1k1:bias" },
        { "gemm:f32:nn:m1n1k1:b2:b3", "\"b3\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:relu:gelu", "\"gelu\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1:tf32:tf32", "\"tf32\"", "gemm:f32:nn:m1n1k1:tf32" },
        { "gemm:f16:nn:m1n1k1:tf32", "f32 operands only", "gemm:f32:nn:m64n64k64" },
        { "gemm:f32:nn:m1n1k1:tanh", "\"tanh\"", "gemm:f32:nn:m1n1k1" },
        { "gemm:f32:nn:m1n1k1\n", "\"m1n1k1?\"", "gemm:f32:nn:m1n1k1" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct problem problem = { .field.value = { 42 } };
        struct problem untouched = problem;
        struct error err = { 0 };
        assert_int_equal(problem_parse(cases[i].text, &problem, &err), HPCK_INVALID_ARGUMENT);
        assert_memory_equal(&problem, &untouched, sizeof problem);
        if (strstr(error_text(&err), cases[i].quoted) == NULL || strstr(error_text(&err), cases[i].nearest) == NULL)
            fail_msg("%s: the message lacks %s or %s: %s", cases[i].text, cases[i].quoted, cases[i].nearest,
                     error_text(&err));
        parsed(cases[i].nearest);
        error_free(&err);
    }
}

static void products_that_overflow_are_refused(void **state)
{
    static const struct {
        const char *text, *rule;
    } cases[] = {
        { "gemm:f32:nn:m9223372036854775807n0k1", "bytes of A" },
        { "gemm:f32:nn:m0n9223372036854775807k1", "bytes of B" },
        { "gemm:f16>f32:nn:m4611686018427387903n1k1", "bytes of C" },
        { "gemm:f16:nn:m4294967296n1k2147483648", "bytes of A" },
        { "gemm:f32:nn:m65536n65536k1:b9223372036854775807", "bytes of A" },
        { "gemm:f32:nn:m2097152n2097152k2097152", "operations" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct problem problem;
        struct error err = { 0 };
        assert_int_equal(problem_parse(cases[i].text, &problem, &err), HPCK_INVALID_ARGUMENT);
        assert_non_null(strstr(error_text(&err), cases[i].rule));
        assert_non_null(strstr(error_text(&err), "gemm:f32:nn:m64n64k64"));
        error_free(&err);
    }
    struct problem negative = parsed("gemm:f32:nn:m1n1k1");
    negative.field.gemm.k = -1;
    assert_int_equal(problem_check(&negative, NULL), HPCK_INVALID_ARGUMENT);
}

static void a_huge_text_is_refused_with_a_short_message(void **state)
{
    enum { HUGE_TEXT = 1 << 24 };
    char *text = malloc(HUGE_TEXT + 1);
    struct problem problem;
    struct error err = { 0 };
    (void)state;
    assert_non_null(text);
    memset(text, ':', HUGE_TEXT);
    text[HUGE_TEXT] = '\0';
    assert_int_equal(problem_parse(text, &problem, &err), HPCK_INVALID_ARGUMENT);
    memset(text, '9', HUGE_TEXT);
    memcpy(text, "gemm:f32:nn:m", 13);
    assert_int_equal(problem_parse(text, &problem, &err), HPCK_INVALID_ARGUMENT);
    assert_in_range(strlen(error_text(&err)), 1, 500);
    error_free(&err);
    free(text);
}

/* ---- meaning ------------------------------------------------------------------------------------------------ */

/* C = op(A) op(B) with tight operands, element (i, j) at i * row + j * column of its own layout. */
static void multiply(const struct gemm_fields *g, const int *a, const int *b, int *c)
{
    int64_t lda = (g->column_major != 0) == (g->trans_a != 0) ? g->k : g->m;
    int64_t ldb = (g->column_major != 0) == (g->trans_b != 0) ? g->n : g->k;
    bool a_by_row = (g->column_major != 0) == (g->trans_a != 0);
    bool b_by_row = (g->column_major != 0) == (g->trans_b != 0);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            int sum = 0;
            for (int64_t l = 0; l < g->k; l++)
                sum += a[a_by_row ? i * lda + l : l * lda + i] * b[b_by_row ? l * ldb + j : j * ldb + l];
            c[g->column_major ? j * g->m + i : i * g->n + j] = sum;
        }
}

static void canonical_column_major_is_row_major_with_operands_swapped(void **state)
{
    enum { LARGEST = 64 };
    int a[LARGEST];
    int b[LARGEST];
    (void)state;
    for (int i = 0; i < LARGEST; i++) {
        a[i] = rand() % 100;
        b[i] = rand() % 100;
    }
    for (int form = 0; form < 4; form++) {
        struct problem column = parsed("gemm:f32:nn:m3n5k7:b2:col:bias:relu");
        column.field.gemm.trans_a = form & 1;
        column.field.gemm.trans_b = form >> 1;
        struct problem row = problem_canonical(&column);
        int expected[LARGEST] = { 0 };
        int actual[LARGEST] = { 0 };
        assert_int_equal(row.field.gemm.column_major, 0);
        assert_int_equal(row.field.gemm.bias, 1);
        assert_int_equal(row.field.gemm.batch, 2);
        multiply(&column.field.gemm, a, b, expected);
        multiply(&row.field.gemm, b, a, actual);
        assert_memory_equal(expected, actual, sizeof actual);
        struct problem again = problem_canonical(&row);
        assert_true(problem_same(&row, &again));
    }
}

static void flops_and_bytes_count_operands_once(void **state)
{
    struct problem plain = parsed("gemm:f16>f32:nt:m10n20k30:b2");
    struct problem column = parsed("gemm:f32:nn:m10n20k30:col:bias");
    (void)state;
    assert_true(problem_flops(&plain) == 2.0 * 10 * 20 * 30 * 2);
    assert_true(problem_bytes(&plain) == 2.0 * (2 * (10 * 30 + 30 * 20) + 4 * 10 * 20));
    assert_true(problem_bytes(&column) == 4.0 * (10 * 30 + 30 * 20 + 10 * 20 + 10));
}

static void distance_counts_doublings(void **state)
{
    struct problem base = parsed("gemm:f32:nn:m64n64k64");
    struct problem twice = parsed("gemm:f32:nn:m128n64k64");
    struct problem other = parsed("gemm:f32:nn:m64n16k64:b4");
    struct problem half = parsed("gemm:f16:nn:m64n64k64");
    struct problem epilogue = parsed("gemm:f32:nn:m64n64k64:bias");
    struct problem empty = parsed("gemm:f32:nn:m0n64k64");
    (void)state;
    assert_true(problem_distance(&base, &base) == 0.0);
    assert_true(problem_distance(&base, &twice) == 1.0);
    assert_true(problem_distance(&twice, &base) == 1.0);
    assert_true(problem_distance(&base, &other) == 4.0);
    assert_true(isinf(problem_distance(&base, &half)));
    assert_true(problem_distance(&base, &epilogue) > 0.0 && problem_distance(&base, &epilogue) < 1.0);
    assert_true(isfinite(problem_distance(&base, &empty)));
}

static void traits_do_not_tell_problems_apart(void **state)
{
    struct problem a = parsed("gemm:f32:nn:m64n64k64:b4");
    struct problem b = a;
    (void)state;
    b.field.gemm.batch_lists = 1;
    assert_true(problem_same(&a, &b));
    b.field.gemm.batch = 5;
    assert_false(problem_same(&a, &b));
    assert_true((problem_order(&a, &b) < 0) == (problem_order(&b, &a) > 0));
}

static void alignment_is_that_of_packed_operands(void **state)
{
    static const struct {
        const char *text;
        int64_t a, b;
    } cases[] = {
        { "gemm:f16:nn:m64n64k64", 16, 16 },    { "gemm:f16:nn:m64n63k64", 16, 2 },
        { "gemm:f16:nt:m64n63k66", 4, 4 },      { "gemm:f32:nn:m5n6k7", 4, 8 },
        { "gemm:f32:tn:m5n6k7", 4, 8 },         { "gemm:f16:nn:m1n64k63", 16, 16 }, /* a single line is aligned */
        { "gemm:f16:nn:m1n64k63:b2", 2, 16 },   { "gemm:f16:nn:m64n63k62:col", 16, 4 },
        { "gemm:bf16>f32:tt:m60n64k63", 8, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct problem problem = parsed(cases[i].text);
        assert_int_equal(problem.field.gemm.align_a, cases[i].a);
        assert_int_equal(problem.field.gemm.align_b, cases[i].b);
        if (!problem.field.gemm.column_major) continue;
        problem = problem_canonical(&problem); /* exchanges A and B */
        assert_int_equal(problem.field.gemm.align_a, cases[i].b);
        assert_int_equal(problem.field.gemm.align_b, cases[i].a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_spelling_prints_as_it_parses),
        cmocka_unit_test(other_spellings_print_in_canonical_form),
        cmocka_unit_test(every_form_survives_print_and_parse),
        cmocka_unit_test(errors_quote_the_text_and_show_a_valid_form),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(a_huge_text_is_refused_with_a_short_message),
        cmocka_unit_test(canonical_column_major_is_row_major_with_operands_swapped),
        cmocka_unit_test(flops_and_bytes_count_operands_once),
        cmocka_unit_test(distance_counts_doublings),
        cmocka_unit_test(traits_do_not_tell_problems_apart),
        cmocka_unit_test(alignment_is_that_of_packed_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
