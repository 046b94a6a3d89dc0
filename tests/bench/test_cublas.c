/* The cuBLAS reference hands over the very problem: a stand-in for the library computes it from the emulated device's memory,
 * and the oracle agrees, for every layout, transpose, dtype and batch. */
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
    "gemm:f32:nn:m13n9k7",     "gemm:f32:nt:m13n9k7",        "gemm:f32:tn:m13n9k7",     "gemm:f32:tt:m13n9k7",
    "gemm:f32:nn:m13n9k7:col", "gemm:f32:nt:m13n9k7:col",    "gemm:f32:tn:m13n9k7:col", "gemm:f32:tt:m13n9k7:col",
    "gemm:f16:nt:m8n5k3",      "gemm:bf16:tn:m1n17k4",       "gemm:f16>f32:nn:m9n1k6",  "gemm:f32:nn:m6n7k5:b3",
    "gemm:f16:tt:m6n7k5:b3",   "gemm:f32:nn:m33n17k65:tf32",
};

static void check(void *library, hpck_handle *handle, const char *text)
{
    struct error err = { HPCK_OK, NULL };
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct problem problem;
    void *state = NULL;
    options.ld_pad = 3;
    if (problem_parse(text, &problem, &err) != HPCK_OK ||
        workload_create(handle, &problem, &options, &workload, &err) != HPCK_OK ||
        reference_cublas.open(library, handle, &problem, workload, 2, &state, &err) != HPCK_OK ||
        reference_cublas.verify(state, &err) != HPCK_OK)
        fail_msg("%s: %s", text, error_text(&err));
    reference_cublas.close(state);
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
        check(library, handle, problems[i]);
    hpck_destroy(handle);
    reference_cublas.unload(library);
}

static void what_it_cannot_compute_is_said(void **unused)
{
    (void)unused;
    struct error err = { HPCK_OK, NULL };
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct problem problem;
    void *library = NULL;
    void *state = NULL;
    hpck_handle *handle = NULL;
    hpck_options device = HPCK_OPTIONS_INIT;
    device.device = "cuda:0";
    assert_int_equal(reference_cublas.load(&library, NULL), HPCK_OK);
    assert_int_equal(hpck_create(&handle, &device), HPCK_OK);
    assert_int_equal(problem_parse("gemm:f32:nn:m4n4k4:relu", &problem, NULL), HPCK_OK);
    assert_int_equal(workload_create(handle, &problem, &options, &workload, NULL), HPCK_OK);
    assert_int_equal(reference_cublas.open(library, handle, &problem, workload, 1, &state, &err), HPCK_UNSUPPORTED);
    assert_non_null(strstr(error_text(&err), "no activation"));
    workload_free(workload);
    hpck_destroy(handle);
    reference_cublas.unload(library);
    error_free(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_reaches_cublas_as_it_is),
        cmocka_unit_test(what_it_cannot_compute_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
