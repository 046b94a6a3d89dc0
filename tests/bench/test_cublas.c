/* The cuBLAS references hand over the very problem: a stand-in for the library computes it from the emulated device's memory,
 * and the oracle agrees, for every layout, transpose, dtype, batch and epilogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reference.h"

static const char *const problems[] = {
    "gemm:f32:nn:m13n9k7",      "gemm:f32:nt:m13n9k7",
    "gemm:f32:tn:m13n9k7",      "gemm:f32:tt:m13n9k7",
    "gemm:f32:nn:m13n9k7:col",  "gemm:f32:nt:m13n9k7:col",
    "gemm:f32:tn:m13n9k7:col",  "gemm:f32:tt:m13n9k7:col",
    "gemm:f16:nt:m8n5k3",       "gemm:bf16:tn:m1n17k4",
    "gemm:f16>f32:nn:m9n1k6",   "gemm:f32:nn:m6n7k5:b3",
    "gemm:f16:tt:m6n7k5:b3",    "gemm:f32:nn:m33n17k65:tf32",
    "gemm:f32:nn:m5n7k9:bias",  "gemm:f32:nt:m5n7k9:col:bias:relu",
    "gemm:bf16:nn:m5n7k9:relu", "gemm:f16>f32:tn:m5n7k9:b2:bias:relu",
};

static void check(const struct reference *reference, void *library, hpck_handle *handle, const char *text,
                  const char *routine)
{
    struct error err = { HPCK_OK, NULL };
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct problem problem;
    void *state = NULL;
    options.ld_pad = 3;
    if (problem_parse(text, &problem, &err) != HPCK_OK ||
        workload_create(handle, &problem, &options, &workload, &err) != HPCK_OK ||
        reference->open(library, handle, &problem, workload, 2, &state, &err) != HPCK_OK ||
        reference->verify(state, &err) != HPCK_OK)
        fail_msg("%s: %s", text, error_text(&err));
    if (strncmp(reference->routine(state), routine, strlen(routine)) != 0)
        fail_msg("%s", reference->routine(state));
    reference->close(state);
    workload_free(workload);
    error_free(&err);
}

static void every_problem_reaches_cublas_as_it_is(void **unused)
{
    (void)unused;
    struct error err = { HPCK_OK, NULL };
    void *library = NULL;
    hpck_handle *handle = NULL;
    hpck_options options = HPCK_OPTIONS_INIT;
    options.device = "cuda:0";
    if (reference_cublas.load(&library, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    assert_non_null(strstr(reference_cublas.version(library), "fake_cublas"));
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        check(&reference_cublas, library, handle, problems[i], "cublasLt algorithm 1 of 3");
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i += 5)
        check(&reference_cublas_best, library, handle, problems[i], "cublasLt algorithm 3 of 3");
    hpck_destroy(handle);
    reference_cublas.unload(library);
}

static void what_it_cannot_compute_is_said(void **unused)
{
    (void)unused;
    static const struct {
        const char *problem, *reason;
    } cases[] = {
        { "gemm:f32:nn:m4n4k4:gelu", "gelu is an approximation" },
        { "gemm:f32:nn:m4n4k4:bias:silu", "no such activation" },
        { "conv:fwd:f32:nchw:n1c2h3w4k5r1s1", "not a product of matrices" },
    };
    void *library = NULL;
    hpck_handle *handle = NULL;
    hpck_options device = HPCK_OPTIONS_INIT;
    device.device = "cuda:0";
    assert_int_equal(reference_cublas.load(&library, NULL), HPCK_OK);
    assert_int_equal(hpck_create(&handle, &device), HPCK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { HPCK_OK, NULL };
        struct workload_options options = WORKLOAD_OPTIONS_INIT;
        struct workload *workload = NULL;
        struct problem problem;
        void *state = NULL;
        assert_int_equal(problem_parse(cases[i].problem, &problem, NULL), HPCK_OK);
        assert_int_equal(workload_create(handle, &problem, &options, &workload, NULL), HPCK_OK);
        assert_int_equal(reference_cublas.open(library, handle, &problem, workload, 1, &state, &err),
                         HPCK_UNSUPPORTED);
        if (!strstr(error_text(&err), cases[i].reason)) fail_msg("%s: %s", cases[i].problem, error_text(&err));
        workload_free(workload);
        error_free(&err);
    }
    hpck_destroy(handle);
    reference_cublas.unload(library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_reaches_cublas_as_it_is),
        cmocka_unit_test(what_it_cannot_compute_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
