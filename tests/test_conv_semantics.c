/* What hpck_conv.h promises, through the kernels that selection chooses: directions, layouts, geometry, groups, epilogues,
 * sums without terms, stability, workspace limits, prepared filters. The geometry of every family by itself is what
 * conv_variants_FAMILY goes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "workload.h"

static int open_handle(void **state)
{
    hpck_handle *handle = NULL;
    if (hpck_create(&handle, NULL) != HPCK_OK) return -1;
    *state = handle;
    return 0;
}

static int close_handle(void **state)
{
    hpck_destroy(*state);
    return 0;
}

static void verify(hpck_handle *handle, const char *text, float alpha, float beta, int64_t offset)
{
    struct error err = { 0 };
    struct problem problem;
    struct workload *workload = NULL;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    options.alpha = alpha;
    options.beta = beta;
    options.offset = offset;
    if (problem_parse(text, &problem, &err) != HPCK_OK ||
        workload_create(handle, &problem, &options, &workload, &err) != HPCK_OK ||
        workload_verify(workload, NULL, &err) != HPCK_OK)
        fail_msg("%s, alpha %g beta %g: %s", text, (double)alpha, (double)beta, error_text(&err));
    workload_free(workload);
}

static void verify_list(void **state, const char *const *problems, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        verify(*state, problems[i], 1.0F, 0.0F, 0);
        verify(*state, problems[i], 0.5F, -1.25F, 5);
    }
}
#define VERIFY(...)                                                                                                \
    verify_list(state, (const char *const[]){ __VA_ARGS__ },                                                       \
                sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void forward_in_every_layout_and_dtype(void **state)
{
    VERIFY("conv:fwd:f32:nchw:n2c7h9w8k11r3s3:p1:s1:d1:g1", "conv:fwd:f32:nhwc:n2c7h9w8k11r3s3:p1:s1:d1:g1",
           "conv:fwd:f32:nchw:n1c7h9w8k11r3s3:p1:s1:d1:g1:krsc",
           "conv:fwd:f16:nhwc:n1c17h5w6k33r3s3:p1:s1:d1:g1:kcrs", "conv:fwd:bf16:nchw:n2c16h6w7k16r1s1:p0:s1:d1:g1",
           "conv:fwd:f16:nchw:n1c3h17w15k8r7s7:p3:s2:d1:g1");
}

static void backward_data_in_every_layout_and_dtype(void **state)
{
    VERIFY("conv:bwd_data:f32:nchw:n2c7h9w8k11r3s3:p1:s1:d1:g1",
           "conv:bwd_data:f32:nhwc:n1c7h9w8k11r3s3:p1:s2:d1:g1:kcrs",
           "conv:bwd_data:f16:nhwc:n1c17h7w6k5r2s4:p1x2:s3x2:d1:g1",
           "conv:bwd_data:bf16:nchw:n1c6h7w9k10r3s3:p0:s2:d2:g1:krsc");
}

static void backward_filter_in_every_layout_and_dtype(void **state)
{
    VERIFY("conv:bwd_filter:f32:nchw:n2c7h9w8k11r3s3:p1:s1:d1:g1",
           "conv:bwd_filter:f32:nhwc:n3c7h9w8k11r3s3:p1:s2:d1:g1:kcrs",
           "conv:bwd_filter:f16:nhwc:n1c17h7w6k5r2s4:p1x2:s3x2:d1:g1",
           "conv:bwd_filter:bf16:nchw:n1c6h7w9k10r3s3:p0:s1:d2:g1:krsc");
}

static void one_dimension_is_a_row(void **state)
{
    VERIFY("conv:fwd:f32:nchw:n1c8h1w301k8r1s2:p0:s1:d1:g1", "conv:fwd:f32:nhwc:n2c3h1w50k4r1s9:p0x4:s1x2:d1x3:g1",
           "conv:bwd_data:f32:nchw:n1c8h1w61k8r1s3:p0x1:s1x2:d1:g1",
           "conv:bwd_filter:f32:nchw:n2c8h1w61k8r1s3:p0x1:s1:d1:g1");
}

static void padding_may_differ_before_and_behind(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n1c4h6w7k5r3s3:p0+2x2+0:s1:d1:g1",
           "conv:fwd:f32:nchw:n1c4h6w7k5r2s3:p3+1x0+2:s2x1:d1:g1",
           "conv:bwd_data:f32:nhwc:n1c4h6w7k5r3s3:p0+2x2+0:s1:d1:g1",
           "conv:bwd_filter:f32:nhwc:n1c4h6w7k5r3s3:p0+2x2+0:s1:d1:g1");
}

/* Rows of y whose filter sees nothing but padding are act(beta * y + bias), and gradients of what no output reads are 0. */
static void outputs_wholly_in_padding(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n1c4h2w2k5r3s3:p6:s1:d1:g1:bias:relu", "conv:fwd:f32:nchw:n1c4h1w1k5r1s1:p2:s1:d1:g1",
           "conv:bwd_data:f32:nhwc:n1c4h9w9k5r1s1:p0:s4:d1:g1", "conv:bwd_data:f32:nchw:n1c4h2w2k5r3s3:p6:s1:d1:g1",
           "conv:bwd_filter:f32:nhwc:n1c4h1w1k5r3s3:p5:s4:d1:g1", "conv:fwd:f32:nhwc:n1c2h1w1k3r3s3:p9:s1:d4:g1");
}

/* Then there are fewer phases than the stride has, and some taps reach nothing. */
static void images_narrower_than_the_stride(void **state)
{
    VERIFY("conv:bwd_data:f32:nchw:n2c5h19w1k6r3s3:p1+2x2:s3:d2:g1",
           "conv:bwd_data:f32:nhwc:n1c43h6w1k4r6s4:p0+1x2+5:s2x8:d1x2:g1",
           "conv:bwd_data:f32:nhwc:n1c4h2w9k5r3s3:p2:s5x2:d1:g1");
}

static void groups_do_not_see_each_other(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n2c12h7w6k18r3s3:p1:s1:d1:g3", "conv:fwd:f32:nchw:n1c8h7w6k4r3s3:p1:s2:d1:g4",
           "conv:bwd_data:f32:nhwc:n1c12h7w6k18r3s3:p1:s1:d1:g3",
           "conv:bwd_filter:f32:nhwc:n2c12h7w6k18r3s3:p1:s1:d1:g3");
}

static void depthwise_with_and_without_multiplier(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n2c35h9w8k35r3s3:p1:s1:d1:g35", "conv:fwd:f16:nchw:n1c19h9w8k19r3s3:p1:s2:d1:g19",
           "conv:fwd:f32:nhwc:n1c6h9w8k18r3s3:p1:s1:d1:g6", "conv:bwd_data:f32:nhwc:n1c35h9w8k35r3s3:p1:s2:d1:g35",
           "conv:bwd_filter:f32:nhwc:n1c9h9w8k9r3s3:p1:s1:d1:g9");
}

static void epilogues_are_fused(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n1c8h6w7k20r3s3:p1:s1:d1:g1:bias:residual:relu",
           "conv:fwd:f32:nchw:n1c8h6w7k20r3s3:p1:s1:d1:g1:residual:gelu",
           "conv:fwd:bf16:nchw:n1c8h6w7k20r1s1:p0:s1:d1:g1:bias:silu",
           "conv:fwd:f16:nhwc:n1c20h6w7k20r3s3:p1:s1:d1:g20:bias:residual:relu");
}

static void sums_without_channels_are_zero(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n1c0h4w4k5r3s3:p1:s1:d1:g1:bias", "conv:bwd_data:f32:nchw:n1c5h4w4k0r3s3:p1:s1:d1:g1",
           "conv:bwd_filter:f32:nhwc:n0c5h4w4k3r3s3:p1:s1:d1:g1");
}

static void prepared_filters_give_the_same(void **state)
{
    VERIFY("conv:fwd:f32:nhwc:n1c40h9w8k50r3s3:p1:s1:d1:g1:prepared",
           "conv:fwd:f32:nchw:n1c40h9w8k50r1s1:p0:s1:d1:g1:prepared",
           "conv:bwd_data:f16:nhwc:n1c12h9w8k10r3s3:p1:s2:d1:g2:prepared",
           "conv:fwd:f32:nhwc:n1c35h9w8k35r3s3:p1:s1:d1:g35:prepared");
}

/* ---- through the public API ------------------------------------------------------------------------------------ */

enum { PIXELS = 12, CHANNELS = 24, X_COUNT = PIXELS * PIXELS * CHANNELS, F_COUNT = CHANNELS * 9 * CHANNELS };

struct tensors {
    hpck_buffer x, filter, y;
};

static hpck_conv_desc square(hpck_conv_direction direction)
{
    hpck_conv_desc desc = HPCK_CONV_DESC_INIT;
    desc.direction = direction;
    desc.layout = HPCK_NHWC;
    desc.filter_layout = HPCK_KRSC;
    desc.c = desc.k = CHANNELS;
    desc.h = desc.w = PIXELS;
    desc.r = desc.s = 3;
    desc.pad_top = desc.pad_bottom = desc.pad_left = desc.pad_right = 1;
    return desc;
}

static hpck_buffer device_values(hpck_handle *handle, int count, float step)
{
    hpck_buffer buffer = { NULL, 0 };
    float *values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < count; i++)
        values[i] = (float)((i * 37) % 101 - 50) * step;
    assert_int_equal(hpck_malloc(handle, (size_t)count * sizeof *values, &buffer.memory), HPCK_OK);
    assert_int_equal(hpck_write(handle, buffer.memory, 0, values, (size_t)count * sizeof *values), HPCK_OK);
    free(values);
    return buffer;
}

static struct tensors make_tensors(hpck_handle *handle)
{
    return (struct tensors){ device_values(handle, X_COUNT, 0.01F), device_values(handle, F_COUNT, 0.013F),
                             device_values(handle, X_COUNT, 0.017F) };
}

static void free_tensors(hpck_handle *handle, const struct tensors *t)
{
    assert_int_equal(hpck_free(handle, t->x.memory), HPCK_OK);
    assert_int_equal(hpck_free(handle, t->filter.memory), HPCK_OK);
    assert_int_equal(hpck_free(handle, t->y.memory), HPCK_OK);
}

static void runs_repeat_each_other_to_the_bit(void **state)
{
    hpck_handle *handle = *state;
    for (int direction = 0; direction < 3; direction++) {
        const hpck_conv_desc desc = square((hpck_conv_direction)direction);
        const struct tensors t = make_tensors(handle);
        const hpck_buffer *const written[] = { &t.y, &t.x, &t.filter };
        const size_t bytes = (direction == 2 ? F_COUNT : X_COUNT) * sizeof(float);
        char *first = malloc(bytes), *again = malloc(bytes);
        for (int run = 0; run < 3; run++) {
            assert_int_equal(hpck_conv(handle, &desc, 1.0F, t.x, t.filter, 0.0F, t.y, NULL), HPCK_OK);
            assert_int_equal(hpck_read(handle, run == 0 ? first : again, written[direction]->memory, 0, bytes),
                             HPCK_OK);
            if (run > 0) assert_memory_equal(first, again, bytes);
        }
        free(first);
        free(again);
        free_tensors(handle, &t);
    }
}

static void exact_sums_forbid_transforms(void **state)
{
    hpck_handle *handle = *state;
    static const hpck_conv_direction directions[] = { HPCK_CONV_FORWARD, HPCK_CONV_BACKWARD_DATA,
                                                      HPCK_CONV_BACKWARD_FILTER };
    for (int i = 0; i < 3; i++) {
        hpck_plan *any = NULL, *exact = NULL;
        hpck_conv_desc desc = square(directions[i]);
        assert_int_equal(hpck_conv_plan(handle, &desc, &any), HPCK_OK);
        desc.math = HPCK_CONV_EXACT_SUMS;
        assert_int_equal(hpck_conv_plan(handle, &desc, &exact), HPCK_OK);
        assert_null(strstr(hpck_plan_describe(exact), "winograd"));
    }
}

/* What the caller gives is what is used, and no more is chosen than fits. */
static void selection_respects_the_workspace(void **state)
{
    hpck_handle *handle = *state;
    hpck_plan *plan = NULL;
    const hpck_conv_desc desc = square(HPCK_CONV_FORWARD);
    const struct tensors t = make_tensors(handle);
    void *small = NULL;
    assert_int_equal(hpck_malloc(handle, 256, &small), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, small, 256), HPCK_OK);
    assert_int_equal(hpck_conv_plan(handle, &desc, &plan), HPCK_OK);
    assert_true(hpck_plan_workspace(plan) <= 256);
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, t.x, t.filter, 0.0F, t.y, NULL), HPCK_OK);
    assert_int_equal(hpck_synchronize(handle), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, NULL, 0), HPCK_OK);
    assert_int_equal(hpck_free(handle, small), HPCK_OK);
    free_tensors(handle, &t);
}

static void a_prepared_filter_serves_many_calls(void **state)
{
    hpck_handle *handle = *state;
    hpck_conv_desc desc = square(HPCK_CONV_FORWARD);
    hpck_conv_filter *prepared = NULL;
    const struct tensors t = make_tensors(handle);
    float *plain = malloc(X_COUNT * sizeof *plain), *quick = malloc(X_COUNT * sizeof *quick);
    desc.math = HPCK_CONV_EXACT_SUMS;
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, t.x, t.filter, 0.0F, t.y, NULL), HPCK_OK);
    assert_int_equal(hpck_read(handle, plain, t.y.memory, 0, X_COUNT * sizeof *plain), HPCK_OK);
    assert_int_equal(hpck_conv_prepare(handle, &desc, t.filter, &prepared), HPCK_OK);
    desc.prepared = prepared;
    for (int call = 0; call < 2; call++) {
        assert_int_equal(hpck_conv(handle, &desc, 1.0F, t.x, t.filter, 0.0F, t.y, NULL), HPCK_OK);
        assert_int_equal(hpck_read(handle, quick, t.y.memory, 0, X_COUNT * sizeof *quick), HPCK_OK);
        for (int i = 0; i < X_COUNT; i++)
            assert_float_equal(quick[i], plain[i], 1e-4F);
    }
    desc.h = PIXELS + 1;
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, t.x, t.filter, 0.0F, t.y, NULL), HPCK_INVALID_ARGUMENT);
    hpck_conv_filter_destroy(prepared);
    hpck_conv_filter_destroy(NULL);
    free(plain);
    free(quick);
    free_tensors(handle, &t);
}

/* The plan behind a prepared filter relies on aligned tensors where kernels do; calls whose tensors lie elsewhere are served too. */
static void prepared_filters_serve_tensors_anywhere(void **state)
{
    hpck_handle *handle = *state;
    hpck_conv_desc desc = square(HPCK_CONV_FORWARD);
    hpck_conv_filter *prepared = NULL;
    hpck_plan *plan = NULL;
    const struct tensors t = make_tensors(handle);
    uint16_t *values = malloc(2 * X_COUNT * sizeof *values), *again = values + X_COUNT;
    assert_non_null(values);
    for (int i = 0; i < F_COUNT; i++)
        values[i] = (uint16_t)(0x2000 + i * 37 % 0x800); /* f16 from 0.008 to 0.03 */
    desc.dtype = HPCK_F16;
    desc.math = HPCK_CONV_EXACT_SUMS;
    assert_int_equal(hpck_write(handle, t.x.memory, 0, values, X_COUNT * sizeof *values), HPCK_OK);
    assert_int_equal(hpck_write(handle, t.x.memory, X_COUNT * sizeof *values, values, X_COUNT * sizeof *values),
                     HPCK_OK);
    assert_int_equal(hpck_write(handle, t.filter.memory, 0, values, F_COUNT * sizeof *values), HPCK_OK);
    const hpck_buffer odd = { t.x.memory, 1 };
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, odd, t.filter, 0.0F, t.y, NULL), HPCK_OK);
    assert_int_equal(hpck_read(handle, values, t.y.memory, 0, X_COUNT * sizeof *values), HPCK_OK);
    assert_int_equal(hpck_conv_plan(handle, &desc, &plan), HPCK_OK);
    assert_int_equal(conv_execute(handle, plan, &desc, 1.0F, odd, t.filter, 0.0F, t.y, NULL),
                     strstr(hpck_plan_describe(plan), "_cpu") != NULL ? HPCK_OK : HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_conv_prepare(handle, &desc, t.filter, &prepared), HPCK_OK);
    desc.prepared = prepared;
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, odd, t.filter, 0.0F, t.y, NULL), HPCK_OK);
    assert_int_equal(hpck_read(handle, again, t.y.memory, 0, X_COUNT * sizeof *again), HPCK_OK);
    for (int i = 0; i < X_COUNT; i++)
        assert_in_range(again[i], values[i] - 2,
                        values[i] + 2); /* positive: neighbours in bits are neighbours in value */
    hpck_conv_filter_destroy(prepared);
    free(values);
    free_tensors(handle, &t);
}

static void empty_results_are_left_alone(void **state)
{
    hpck_handle *handle = *state;
    hpck_conv_desc desc = square(HPCK_CONV_FORWARD);
    const hpck_buffer none = { NULL, 0 };
    desc.n = 0;
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, none, none, 0.0F, none, NULL), HPCK_OK);
    desc.direction = HPCK_CONV_BACKWARD_FILTER;
    desc.n = 1;
    desc.k = 0;
    assert_int_equal(hpck_conv(handle, &desc, 1.0F, none, none, 0.0F, none, NULL), HPCK_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_handle, close_handle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forward_in_every_layout_and_dtype),
        TEST(backward_data_in_every_layout_and_dtype),
        TEST(backward_filter_in_every_layout_and_dtype),
        TEST(one_dimension_is_a_row),
        TEST(padding_may_differ_before_and_behind),
        TEST(outputs_wholly_in_padding),
        TEST(images_narrower_than_the_stride),
        TEST(groups_do_not_see_each_other),
        TEST(depthwise_with_and_without_multiplier),
        TEST(epilogues_are_fused),
        TEST(sums_without_channels_are_zero),
        TEST(prepared_filters_give_the_same),
        TEST(runs_repeat_each_other_to_the_bit),
        TEST(exact_sums_forbid_transforms),
        TEST(selection_respects_the_workspace),
        TEST(a_prepared_filter_serves_many_calls),
        TEST(prepared_filters_serve_tensors_anywhere),
        TEST(empty_results_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
