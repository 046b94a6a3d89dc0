/* The cuDNN references hand over the very problem: a stand-in for the library computes it from the emulated device's memory, and
 * the oracle agrees, for every direction, layout and dtype of convolutions and every reduction that cuDNN has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"

static const char *const convolutions[] = {
    "conv:fwd:f32:nchw:n2c3h6w5k4r3s3:p1",         "conv:fwd:f16:nhwc:n1c4h6w5k6r3s2:p2x1:s2x1:d1x2:g2",
    "conv:fwd:f32:nchw:n1c4h5w5k4r2s2:krsc",       "conv:bwd_data:f32:nhwc:n2c4h7w5k6r3s3:p1:s2:g2",
    "conv:bwd_data:bf16:nchw:n1c3h5w5k2r2s3:kcrs", "conv:bwd_filter:f32:nchw:n2c4h7w5k6r3s3:p1:s2",
    "conv:bwd_filter:f16:nhwc:n1c4h5w5k4r3s3:g4",
};

static const char *const reductions[] = {
    "reduce:sum:f32:7x9x5:axes0,2", "reduce:mean:f32:6x7x8:axes1",   "reduce:prod:f32:33:axes0",
    "reduce:min:f32:5x17:axes1",    "reduce:max:f16:5x17:axes0",     "reduce:norm1:bf16>f32:4x9x3:axes1",
    "reduce:norm2:f32:3x50:axes1",  "reduce:softmax:f32:5x33:axes1", "reduce:logsoftmax:f16:5x33:axes1",
};

struct opened {
    void *library;
    hpck_handle *handle;
};

static int set_up(void **state)
{
    static struct opened all;
    struct error err = { HPCK_OK, NULL };
    hpck_options options = HPCK_OPTIONS_INIT;
    options.device = "cuda:0";
    if (reference_cudnn.load(&all.library, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    if (hpck_create(&all.handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(all.handle));
    *state = &all;
    return 0;
}

static int tear_down(void **state)
{
    struct opened *all = *state;
    hpck_destroy(all->handle);
    reference_cudnn.unload(all->library);
    return 0;
}

static hpck_status attempt(const struct opened *all, const char *text, const char *before, const char *after,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct problem problem;
    void *state = NULL;
    HPCK_TRY(problem_parse(text, &problem, err));
    const struct reference *part =
        reference_cudnn.part[problem.op] ? reference_cudnn.part[problem.op] : &reference_cudnn;
    HPCK_TRY(workload_create(all->handle, &problem, &options, &workload, err));
    HPCK_TRY(part->open(all->library, all->handle, &problem, workload, 2, &state, err));
    if (!strstr(part->routine(state), before)) fail_msg("%s: %s", text, part->routine(state));
    st = part->verify(state, err);
    if (!strstr(part->routine(state), after)) fail_msg("%s: %s", text, part->routine(state));
    part->close(state);
done:
    workload_free(workload);
    return st;
}

static void convolutions_are_right_with_the_fastest_algorithm_that_is_exact_enough(void **state)
{
    struct error err = { HPCK_OK, NULL };
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++)
        if (attempt(*state, convolutions[i], "algorithm 0, the fastest of", "the fastest exact enough of", &err) !=
            HPCK_OK)
            fail_msg("%s: %s", convolutions[i], error_text(&err));
    error_free(&err); /* what was said of the crude one */
}

static void f32_is_not_rounded_to_tf32(void **state)
{
    assert_int_equal(attempt(*state, convolutions[0], "of 2", "algorithm 3", NULL), HPCK_OK);
    assert_int_equal(attempt(*state, convolutions[1], "of 3", "algorithm 2", NULL), HPCK_OK);
}

static void reductions_are_right(void **state)
{
    struct error err = { HPCK_OK, NULL };
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (attempt(*state, reductions[i], "", strstr(reductions[i], "softmax") ? "SoftmaxForward" : "ReduceTensor",
                    &err) != HPCK_OK)
            fail_msg("%s: %s", reductions[i], error_text(&err));
}

static void what_it_cannot_compute_is_said(void **state)
{
    static const struct {
        const char *problem, *reason;
    } cases[] = {
        { "gemm:f32:nn:m4n4k4", "convolutions and reductions" },
        { "conv:fwd:f32:nchw:n1c2h5w5k3r3s3:p0+1", "pads both ends alike" },
        { "conv:fwd:f32:nchw:n1c2h5w5k3r3s3:bias", "without bias" },
        { "reduce:layernorm:f32:4x8:axes1", "no such reduction" },
        { "reduce:argmax:f32:4x8:axes1", "no such reduction" },
        { "reduce:sum:f32:4x8:axes1:compensated", "no compensated sum" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { HPCK_OK, NULL };
        assert_int_equal(attempt(*state, cases[i].problem, "", "", &err), HPCK_UNSUPPORTED);
        if (!strstr(error_text(&err), cases[i].reason)) fail_msg("%s: %s", cases[i].problem, error_text(&err));
        error_free(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_are_right_with_the_fastest_algorithm_that_is_exact_enough),
        cmocka_unit_test(f32_is_not_rounded_to_tf32),
        cmocka_unit_test(reductions_are_right),
        cmocka_unit_test(what_it_cannot_compute_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
