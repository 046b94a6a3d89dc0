/* The problem language of convolution: what is printed reads back, other spellings, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "op_conv.h"
#include "parsed.h"

static void canonical_spelling_prints_as_it_parses(void **state)
{
    static const char *const texts[] = {
        "conv:fwd:f16:nhwc:n32c64h56w56k64r3s3:p1:s2:d1:g1",
        "conv:bwd_data:f32:nchw:n1c3h224w224k64r7s7:p3+2x1+0:s2x1:d1x3:g1:krsc",
        "conv:bwd_filter:bf16:nhwc:n1c8h1w100k8r1s9:p0x4:s1:d1:g8:kcrs",
        "conv:fwd:f32:nhwc:n0c0h0w1k0r1s1:p1:s1:d1:g1:prepared:bias:residual:gelu",
        "conv:fwd:bf16:nhwc:n0c9223372036854775807h4611686018427387904w4611686018427387905k0r1s1"
        ":p1152921504606846976+1152921504606846977x1152921504606846978+1152921504606846979"
        ":s9223372036854775807x9223372036854775806:d9223372036854775807x9223372036854775806:g9223372036854775807"
        ":kcrs:prepared:bias:residual:gelu",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[PROBLEM_TEXT_MAX];
        const struct problem problem = parsed(texts[i]);
        assert_string_equal(problem_print(&problem, text), texts[i]);
    }
}

static void other_spellings_print_in_canonical_form(void **state)
{
    static const char *const pairs[][2] = {
        { "conv:fwd:f32:nchw:n1c2h3w4k5r1s1", "conv:fwd:f32:nchw:n1c2h3w4k5r1s1:p0:s1:d1:g1" },
        { "conv:fwd:f32:nchw:n1c2h3w4k5r3s3:g1:relu:s2x2:kcrs:p1+1x1+1",
          "conv:fwd:f32:nchw:n1c2h3w4k5r3s3:p1:s2:d1:g1:relu" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[PROBLEM_TEXT_MAX];
        const struct problem problem = parsed(pairs[i][0]);
        assert_string_equal(problem_print(&problem, text), pairs[i][1]);
    }
}

static void what_is_wrong_is_quoted_with_its_rule(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "conv", "a direction (fwd, bwd_data or bwd_filter)" },
        { "conv:forward:f32:nchw:n1c1h1w1k1r1s1", "\"forward\" is not understood" },
        { "conv:fwd:f16>f32:nchw:n1c1h1w1k1r1s1", "a dtype" },
        { "conv:fwd:f32:chwn:n1c1h1w1k1r1s1", "a layout (nchw or nhwc)" },
        { "conv:fwd:f32:nchw:n1c1h1w1k1r1", "the sizes n, c, h, w, k, r and s" },
        { "conv:fwd:f32:nchw:n1c1h9w9k1r3s3:p1:p1", "each once" },
        { "conv:fwd:f32:nchw:n1c1h9w9k1r3s3:p1x", "each once" },
        { "conv:fwd:f32:nchw:n1c1h2w9k1r3s3", "at least one row" },
        { "conv:fwd:f32:nchw:n1c3h9w9k4r3s3:g2", "the channels c must be a multiple of groups" },
        { "conv:bwd_data:f32:nchw:n1c4h9w9k4r3s3:bias", "belong to fwd only" },
        { "conv:bwd_filter:f32:nchw:n1c4h9w9k4r3s3:prepared", "no filter to prepare" },
        { "conv:fwd:f32:nchw:n1c4h9w9k4r3s3:s0", "strides must be at least 1" },
        { "conv:fwd:f32:nchw:n9223372036854775807c4h9w9k4r3s3", "63 bits" },
        { "conv:fwd:f32:nchw:n1c1h1w1k1r3s3:p9223372036854775807", "63 bits" },
        { "conv:fwd:f32:nchw:n1c1h1w1k1r9223372036854775807s3:d9223372036854775807", "63 bits" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problem problem;
        struct error err = { 0 };
        assert_int_equal(problem_parse(cases[i].text, &problem, &err), HPCK_INVALID_ARGUMENT);
        if (strstr(error_text(&err), cases[i].message) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, error_text(&err), cases[i].message);
        error_free(&err);
    }
}

static void sizes_of_y_follow_the_definition(void **state)
{
    (void)state;
    const struct problem problem = parsed("conv:fwd:f32:nchw:n2c3h224w100k64r7s5:p3+2x0+1:s2x3:d1x2:g1");
    assert_int_equal(conv_rows(&problem.field.conv), (224 + 5 - 6 - 1) / 2 + 1);
    assert_int_equal(conv_columns(&problem.field.conv), (100 + 1 - 8 - 1) / 3 + 1);
    assert_true(problem_flops(&problem) == 2.0 * 2 * 64 * 112 * 31 * 3 * 7 * 5);
}

static void other_directions_and_layouts_are_infinitely_far(void **state)
{
    (void)state;
    const struct problem a = parsed("conv:fwd:f32:nhwc:n1c8h8w8k8r3s3:p1");
    const struct problem layout = parsed("conv:fwd:f32:nchw:n1c8h8w8k8r3s3:p1");
    const struct problem direction = parsed("conv:bwd_data:f32:nhwc:n1c8h8w8k8r3s3:p1");
    const struct problem images = parsed("conv:fwd:f32:nhwc:n4c8h8w8k8r3s3:p1");
    assert_true(isinf(problem_distance(&a, &layout)));
    assert_true(isinf(problem_distance(&a, &direction)));
    assert_true(problem_distance(&a, &images) == 2.0);
    assert_true(problem_distance(&a, &a) == 0.0);
}

static void a_1x1_filter_has_one_layout(void **state)
{
    (void)state;
    const struct problem other = parsed("conv:fwd:f32:nhwc:n1c8h8w8k8r1s1:kcrs");
    const struct problem canonical = problem_canonical(&other);
    assert_int_equal(canonical.field.conv.krsc, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_spelling_prints_as_it_parses),
        cmocka_unit_test(other_spellings_print_in_canonical_form),
        cmocka_unit_test(what_is_wrong_is_quoted_with_its_rule),
        cmocka_unit_test(sizes_of_y_follow_the_definition),
        cmocka_unit_test(other_directions_and_layouts_are_infinitely_far),
        cmocka_unit_test(a_1x1_filter_has_one_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
