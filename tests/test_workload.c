/* The workload on a real device: right results pass whatever the layout, and every way of being wrong is caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload.h"

struct fixture {
    hpck_handle *handle;
    struct workload *workload;
    struct error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    if (hpck_create(&f->handle, NULL) != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    workload_free(f->workload);
    hpck_destroy(f->handle);
    error_free(&f->err);
    free(f);
    return 0;
}

static struct problem problem_of(const char *text)
{
    struct problem problem;
    assert_int_equal(problem_parse(text, &problem, NULL), HPCK_OK);
    return problem;
}

static void make(struct fixture *f, const char *text, const struct workload_options *options)
{
    struct problem problem = problem_of(text);
    workload_free(f->workload);
    f->workload = NULL;
    if (workload_create(f->handle, &problem, options, &f->workload, &f->err) != HPCK_OK)
        fail_msg("%s: %s", text, error_text(&f->err));
}

static void right_results_pass(void **state)
{
    struct fixture *f = *state;
    static const char *const problems[] = {
        "gemm:f32:nn:m33n65k17",      "gemm:f32:tn:m33n65k17:col",       "gemm:f32:nt:m1n70k31:b3:bias:relu",
        "gemm:f16:tt:m20n30k40:gelu", "gemm:bf16>f32:nt:m20n30k40:silu", "gemm:f32:tt:m40n9k8:b2:col:bias",
    };
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        for (int variant = 0; variant < 3; variant++) {
            struct workload_options options = WORKLOAD_OPTIONS_INIT;
            options.seed = i + 1;
            options.alpha = variant == 1 ? -0.5F : 1.0F;
            options.beta = variant == 1 ? 2.0F : 0.0F;
            options.ld_pad = variant == 2 ? 5 : 0;
            options.offset = variant == 2 ? 7 : 0;
            make(f, problems[i], &options);
            if (workload_verify(f->workload, NULL, &f->err) != HPCK_OK)
                fail_msg("%s, variant %d: %s", problems[i], variant, error_text(&f->err));
        }
    }
}

static void empty_problems_pass(void **state)
{
    struct fixture *f = *state;
    static const char *const problems[] = { "gemm:f32:nn:m0n5k5", "gemm:f32:nn:m5n0k5", "gemm:f32:nn:m5n5k0",
                                            "gemm:f32:nn:m5n5k5:b0" };
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        make(f, problems[i], &options);
        if (workload_verify(f->workload, NULL, &f->err) != HPCK_OK)
            fail_msg("%s: %s", problems[i], error_text(&f->err));
    }
}

/* Runs, overwrites one element `distance` elements from the first of C, and checks. */
static hpck_status check_after_writing(struct fixture *f, int64_t distance, float value)
{
    hpck_buffer c = workload_output(f->workload);
    assert_int_equal(workload_poison(f->workload, &f->err), HPCK_OK);
    assert_int_equal(workload_run(f->workload, NULL, &f->err), HPCK_OK);
    assert_int_equal(hpck_synchronize(f->handle), HPCK_OK);
    size_t place = (size_t)(c.offset + distance) * sizeof value;
    assert_int_equal(hpck_write(f->handle, c.memory, place, &value, sizeof value), HPCK_OK);
    return workload_check(f->workload, &f->err);
}

static void expect_message(struct fixture *f, const char *part)
{
    if (!strstr(error_text(&f->err), part)) fail_msg("\"%s\" lacks \"%s\"", error_text(&f->err), part);
}

enum { M = 20, N = 30, PAD = 3, LD = N + PAD };

static void make_padded(struct fixture *f)
{
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    options.ld_pad = PAD;
    options.offset = 2;
    make(f, "gemm:f32:nn:m20n30k10", &options);
    assert_int_equal(workload_verify(f->workload, NULL, &f->err), HPCK_OK);
}

static void a_wrong_element_is_named(void **state)
{
    struct fixture *f = *state;
    make_padded(f);
    assert_int_equal(check_after_writing(f, 4 * LD + 7, 123.0F), HPCK_INTERNAL);
    expect_message(f, "C[0][4, 7] = 123");
    expect_message(f, "1 of 600 checked");
}

static void an_element_that_is_nearly_right_is_caught(void **state)
{
    struct fixture *f = *state;
    float value;
    make_padded(f);
    hpck_buffer c = workload_output(f->workload);
    assert_int_equal(hpck_read(f->handle, &value, c.memory, (size_t)c.offset * sizeof value, sizeof value),
                     HPCK_OK);
    assert_int_equal(check_after_writing(f, 0, value + 1e-3F), HPCK_INTERNAL);
    expect_message(f, "C[0][0, 0]");
}

static void a_write_outside_is_caught(void **state)
{
    struct fixture *f = *state;
    static const int64_t places[] = { -1, -900, N, 3 * LD + N + PAD - 1, (int64_t)M * LD, (int64_t)M * LD + 900 };
    make_padded(f);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(check_after_writing(f, places[i], 0.0F), HPCK_INTERNAL);
        expect_message(f, "write outside the output");
    }
}

static void an_unwritten_element_is_caught(void **state)
{
    struct fixture *f = *state;
    make_padded(f);
    assert_int_equal(workload_poison(f->workload, &f->err), HPCK_OK);
    assert_int_equal(workload_check(f->workload, &f->err), HPCK_INTERNAL);
    expect_message(f, "element not written: C[0][0, 0]");
}

/* 1200 x 1100 outputs are more than are checked one by one. */
static void a_sample_covers_every_block(void **state)
{
    struct fixture *f = *state;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    enum { COLUMNS = 1100, BLOCK = 16 };
    float block[BLOCK] = { 0.0F };
    make(f, "gemm:f32:nn:m1200n1100k3", &options);
    assert_int_equal(workload_verify(f->workload, NULL, &f->err), HPCK_OK);

    hpck_buffer c = workload_output(f->workload);
    for (int line = 0; line < BLOCK;
         line++) { /* the last whole block of a row of blocks, wherever in it the sample is */
        size_t first = (size_t)(c.offset + (1184 + line) * COLUMNS + 1072);
        assert_int_equal(hpck_write(f->handle, c.memory, first * sizeof(float), block, sizeof block), HPCK_OK);
    }
    assert_int_equal(workload_check(f->workload, &f->err), HPCK_INTERNAL);
    expect_message(f, "1 of 5175 checked"); /* 75 x 69 blocks */
}

static void runs_rotate_through_the_copies(void **state)
{
    struct fixture *f = *state;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    options.copies = 3;
    make(f, "gemm:f32:nn:m8n8k8", &options);
    for (int i = 0; i < 5; i++)
        assert_int_equal(workload_run(f->workload, NULL, &f->err), HPCK_OK);
    assert_int_equal(workload_verify(f->workload, NULL, &f->err), HPCK_OK);
    struct problem problem = problem_of("gemm:f32:nn:m8n8k8");
    assert_true(workload_copies_cold(f->handle, &problem) > 1);
    problem = problem_of("gemm:f32:nn:m100000n100000k100000");
    assert_int_equal(workload_copies_cold(f->handle, &problem), 1);
}

static void host_operands_are_what_the_device_got(void **state)
{
    struct fixture *f = *state;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload_gemm_operands operands;
    make(f, "gemm:f32:nt:m5n6k7:b2:col:bias", &options);
    assert_int_equal(workload_gemm_operands(f->workload, &operands, &f->err), HPCK_OK);
    assert_int_equal(operands.desc.layout, HPCK_COLUMN_MAJOR);
    assert_int_equal(operands.desc.lda, 5);
    assert_int_equal(operands.desc.ldb, 6);
    assert_int_equal(operands.desc.ldc, 5);
    assert_int_equal(operands.desc.stride_c, 30);
    assert_non_null(operands.bias);

    assert_int_equal(workload_verify(f->workload, NULL, &f->err), HPCK_OK);
    const float *a = operands.a;
    const float *b = operands.b;
    const float *c = operands.c; /* holds what verification read back */
    float sum = ((const float *)operands.bias)[2];
    for (int p = 0; p < 7; p++)
        sum += a[2 + 5 * p] * b[3 + 6 * p];
    assert_float_equal(c[2 + 5 * 3], sum, 1e-4);
}

/* Of a device that computes on the host's memory, and only where no cache holds what another reader has left there. */
static void large_operands_are_read_in_place(void **state)
{
    struct fixture *f = *state;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload_reduce_operands operands;
    const struct device_fields *device = &f->handle->backend->describe(f->handle->device)->field;
    long long large = (long long)device->cache_bytes, copies = 2; /* bytes: halves of it are 16-bit elements */
    char text[64];
    if (!device->is_cpu) skip();
    snprintf(text, sizeof text, "reduce:max:bf16:%lld:axes0", large);
    options.copies = (int)copies;
    make(f, text, &options);
    assert_int_equal(workload_reduce_operands(f->workload, &operands, &f->err), HPCK_OK);
    assert_non_null(operands.in_place);
    for (int set = 0; set < copies; set++)
        assert_memory_equal(operands.in_place + operands.set_bytes * (size_t)set, operands.x, 1000);
    assert_true(operands.bytes >= 2 * 2 * (size_t)large);
    assert_int_equal(workload_verify(f->workload, NULL, &f->err), HPCK_OK); /* while it is mapped */

    make(f, "reduce:max:bf16:1000:axes0", &options);
    assert_int_equal(workload_reduce_operands(f->workload, &operands, &f->err), HPCK_OK);
    assert_null(operands.in_place);
    assert_null(operands.memory);
}

static void the_same_seed_gives_the_same_operands(void **state)
{
    struct fixture *f = *state;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload_gemm_operands operands;
    float first[3];
    for (uint64_t seed = 1; seed <= 3; seed++) {
        options.seed = seed == 3 ? 1 : seed;
        make(f, "gemm:f32:nn:m4n4k4", &options);
        assert_int_equal(workload_gemm_operands(f->workload, &operands, &f->err), HPCK_OK);
        first[seed - 1] = *(const float *)operands.a;
    }
    assert_true(first[0] == first[2]);
    assert_true(first[0] != first[1]);
}

static void refuses_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    static const char *const problems[] = { "gemm:f32:nn:m100000000n2k1000000",
                                            "gemm:f32:nn:m1n1k1:b1000000000000" };
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    workload_free(f->workload);
    f->workload = NULL;
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        struct problem problem = problem_of(problems[i]);
        assert_int_equal(workload_create(f->handle, &problem, &options, &f->workload, &f->err),
                         HPCK_DEVICE_OUT_OF_MEMORY);
        expect_message(f, "workload: A of");
        assert_null(f->workload);
    }
    options.copies = 0;
    struct problem problem = problem_of("gemm:f32:nn:m2n2k2");
    assert_int_equal(workload_create(f->handle, &problem, &options, &f->workload, &f->err), HPCK_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_results_pass),
        cmocka_unit_test(empty_problems_pass),
        cmocka_unit_test(a_wrong_element_is_named),
        cmocka_unit_test(an_element_that_is_nearly_right_is_caught),
        cmocka_unit_test(a_write_outside_is_caught),
        cmocka_unit_test(an_unwritten_element_is_caught),
        cmocka_unit_test(a_sample_covers_every_block),
        cmocka_unit_test(runs_rotate_through_the_copies),
        cmocka_unit_test(host_operands_are_what_the_device_got),
        cmocka_unit_test(large_operands_are_read_in_place),
        cmocka_unit_test(the_same_seed_gives_the_same_operands),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
