/* What hpck.h promises about hpck_gemm, through the public API alone: every dtype, layout and transpose, sizes around
 * tile edges, leading dimensions, offsets, alpha and beta, batches, epilogues, NaN and Inf, determinism, events. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <hpck/hpck_opencl.h>

#include "gemm_case.h"
#include "reference/numerics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A kernel is compiled for each dtype, transpose and epilogue: where a test is about something else, it goes through
 * these in turn instead of through every combination. test_gemm_variants has those. */
static const struct {
    hpck_dtype in, out;
} dtypes[] = {
    { HPCK_F32, HPCK_F32 }, { HPCK_F16, HPCK_F16 },  { HPCK_BF16, HPCK_BF16 },
    { HPCK_F16, HPCK_F32 }, { HPCK_BF16, HPCK_F32 },
};

/* A case of m x n x k with rows longer than the extent, offsets, and a seed of its own. */
static struct gemm_case ragged(hpck_handle *handle, int64_t m, int64_t n, int64_t k)
{
    struct gemm_case t;
    gemm_case_init(&t, handle);
    t.desc.m = m;
    t.desc.n = n;
    t.desc.k = k;
    t.offset_a = 3;
    t.offset_b = 5;
    t.offset_c = 7;
    t.offset_bias = 2;
    t.seed = (uint64_t)(m * 1000003 + n * 1009 + k);
    return t;
}

static void set_dtype(struct gemm_case *t, size_t turn)
{
    t->desc.dtype = dtypes[turn % COUNT(dtypes)].in;
    t->desc.dtype_c = dtypes[turn % COUNT(dtypes)].out;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Leading dimensions that fit any transpose and layout, and are not what a tight matrix has. */
static void pad_rows(struct gemm_case *t, int64_t pad)
{
    t->desc.lda = larger(t->desc.m, t->desc.k) + pad;
    t->desc.ldb = larger(t->desc.n, t->desc.k) + pad;
    t->desc.ldc = larger(t->desc.m, t->desc.n) + pad;
}

static void every_dtype_layout_and_transpose(void **state)
{
    static const int64_t shapes[][3] = { { 37, 70, 129 }, { 13, 17, 11 }, { 1, 1, 1 } };
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        for (size_t form = 0; form < 8; form++) {
            const int64_t *shape = shapes[form < 4 ? 0 : 1 + (form + d) % 2];
            struct gemm_case t = ragged(*state, shape[0], shape[1], shape[2]);
            set_dtype(&t, d);
            t.desc.trans_a = (form & 1) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
            t.desc.trans_b = (form & 2) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
            t.desc.layout = (form & 4) != 0 ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
            pad_rows(&t, 3);
            gemm_case_verify(&t);
        }
    }
}

/* One size at a time, then all three: 1, primes, and both neighbours of what tiles and vectors divide. */
static void sizes_around_tile_edges(void **state)
{
    static const int64_t sizes[] = { 1,  2,  3,  5,  7,  8,  9,  12, 13, 14, 15, 16, 17,  23,  24, 25,
                                     31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129 };
    for (size_t s = 0; s < COUNT(sizes); s++) {
        const int64_t size = sizes[s];
        const int64_t shapes[][3] = { { size, 19, 21 }, { 19, size, 21 }, { 19, 21, size }, { size, size, size } };
        for (size_t i = 0; i < COUNT(shapes); i++) {
            struct gemm_case t = ragged(*state, shapes[i][0], shapes[i][1], shapes[i][2]);
            t.desc.trans_b = s % 2 == 0 ? HPCK_NO_TRANS : HPCK_TRANS;
            gemm_case_verify(&t);
        }
    }
}

/* Long k crosses every block of k; one row or column takes the routes for skinny shapes. */
static void long_k_and_skinny_shapes(void **state)
{
    static const int64_t shapes[][3] = { { 1, 1, 2053 },  { 5, 7, 2053 },   { 1, 515, 1031 }, { 515, 1, 1031 },
                                         { 2, 67, 769 },  { 67, 2, 769 },   { 8, 129, 257 },  { 129, 8, 257 },
                                         { 1, 2053, 1 },  { 2053, 1, 1 },   { 32, 301, 513 }, { 301, 32, 513 },
                                         { 1, 1, 16384 }, { 259, 261, 263 } };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        for (size_t form = s % 2; form < 4; form += 2) {
            struct gemm_case t = ragged(*state, shapes[s][0], shapes[s][1], shapes[s][2]);
            set_dtype(&t, form);
            t.desc.trans_a = (form & 1) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
            t.desc.trans_b = (form & 2) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
            pad_rows(&t, form == 0 ? 0 : 1);
            gemm_case_verify(&t);
        }
    }
}

static void alpha_and_beta(void **state)
{
    static const float factors[][2] = { { 1, 1 }, { 0, 0 }, { 0, 1 }, { -1, 0.5F }, { 0.3F, -2 }, { 1e-20F, 1 } };
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        for (size_t f = 0; f < COUNT(factors); f++) {
            struct gemm_case t = ragged(*state, 23, 34, 300);
            set_dtype(&t, d);
            t.alpha = factors[f][0];
            t.beta = factors[f][1];
            pad_rows(&t, 1);
            gemm_case_verify(&t);
        }
    }
}

/* The old C is poison wherever beta == 0 (gemm_case.h); here also as -0.0F, and with entries of Inf. */
static void beta_of_zero_writes_c_without_reading_it(void **state)
{
    for (int form = 0; form < 4; form++) {
        struct gemm_case t = ragged(*state, 29, 31, form < 2 ? 40 : 600);
        t.beta = (form & 1) != 0 ? -0.0F : 0.0F;
        gemm_case_fill(&t);
        for (int64_t i = 0; i < t.c.elements; i += 2)
            reference_store(t.c.host, REFERENCE_F32, i, (double)INFINITY);
        gemm_case_call(&t, NULL);
        gemm_case_check(&t);
        gemm_case_free(&t);
    }
}

static void k_of_zero_scales_c_and_applies_the_epilogue(void **state)
{
    static const float betas[] = { 0.0F, 1.0F, -0.75F };
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        for (size_t b = 0; b < COUNT(betas); b++) {
            for (int epilogue = 0; epilogue < 2; epilogue++) {
                struct gemm_case t = ragged(*state, 18, 35, 0);
                set_dtype(&t, d);
                t.beta = betas[b];
                t.has_bias = epilogue != 0;
                t.desc.activation = epilogue != 0 ? HPCK_SILU : HPCK_IDENTITY;
                t.desc.layout = d % 2 == 0 ? HPCK_ROW_MAJOR : HPCK_COLUMN_MAJOR;
                pad_rows(&t, 2);
                gemm_case_verify(&t);
            }
        }
    }
}

static void empty_problems_do_nothing_and_succeed(void **state)
{
    static const int64_t sizes[][4] = {
        { 0, 5, 6, 1 }, { 5, 0, 6, 1 }, { 5, 6, 7, 0 }, { 0, 0, 0, 1 }, { 0, 0, 0, 0 }
    };
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct gemm_case t = ragged(*state, sizes[s][0], sizes[s][1], sizes[s][2]);
        t.desc.batch = sizes[s][3];
        t.desc.stride_c = 100;
        gemm_case_verify(&t); /* no element belongs to C, so none may change */
    }
}

static void strided_batches(void **state)
{
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        for (int form = 0; form < 4; form++) {
            struct gemm_case t = ragged(*state, 19, 22, form == 3 ? 0 : 27);
            set_dtype(&t, d);
            t.desc.batch = 5;
            t.beta = form == 1 ? 1.0F : 0.0F;
            pad_rows(&t, 2);
            t.desc.stride_a = 27 * t.desc.lda + 11;
            t.desc.stride_b = 27 * t.desc.ldb + 1;
            t.desc.stride_c = 22 * t.desc.ldc + 9;
            t.desc.layout = form == 2 ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
            t.has_bias = form == 2;
            gemm_case_verify(&t);
        }
    }
}

static void stride_of_zero_broadcasts_a_or_b(void **state)
{
    for (int which = 1; which < 4; which++) {
        struct gemm_case t = ragged(*state, 17, 33, 40);
        t.desc.batch = 3;
        t.desc.stride_a = (which & 1) != 0 ? 0 : 17 * 40;
        t.desc.stride_b = (which & 2) != 0 ? 0 : 40 * 33;
        t.desc.stride_c = 17 * 33;
        gemm_case_verify(&t);
    }
}

/* Entries in any order, with holes, sharing A and B. */
static void offset_lists_place_every_entry(void **state)
{
    static const int64_t a[] = { 5000, 0, 1200, 5000 }, b[] = { 40, 3000, 40, 0 }, c[] = { 2700, 1800, 0, 900 };
    for (size_t form = 0; form < 8; form++) {
        struct gemm_case t = ragged(*state, form == 3 ? 1 : 21, form < 4 ? 25 : 39, 39);
        set_dtype(&t, form);
        t.desc.batch = 4;
        t.desc.offsets_a = a;
        t.desc.offsets_b = b;
        t.desc.offsets_c = c;
        t.beta = (form & 1) != 0 ? -1.5F : 0.0F;
        t.desc.trans_a = (form & 1) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
        t.desc.layout = (form & 2) != 0 ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
        gemm_case_verify(&t);
    }
}

static void offset_lists_are_read_before_the_call_returns(void **state)
{
    const int64_t strides[] = { 21 * 39, 39 * 25, 21 * 25 };
    int64_t lists[3][40];
    struct gemm_case t = ragged(*state, 21, 25, 39);
    t.desc.batch = (int64_t)COUNT(lists[0]);
    for (size_t x = 0; x < COUNT(lists); x++) {
        for (size_t i = 0; i < COUNT(lists[0]); i++)
            lists[x][i] = strides[x] * (int64_t)i;
    }
    t.desc.offsets_a = lists[0];
    t.desc.offsets_b = lists[1];
    t.desc.offsets_c = lists[2];
    gemm_case_fill(&t);
    gemm_case_call(&t, NULL);
    memset(lists, 0x55, sizeof lists);
    t.a.offsets = t.b.offsets = t.c.offsets = NULL; /* the check uses the strides that the lists spelt out */
    t.a.stride = strides[0];
    t.b.stride = strides[1];
    t.c.stride = strides[2];
    gemm_case_check(&t);
    gemm_case_free(&t);
}

static void every_epilogue(void **state)
{
    for (size_t epilogue = 0; epilogue < 8; epilogue++) {
        for (size_t form = 0; form < 3; form++) {
            struct gemm_case t = ragged(*state, form == 2 ? 1 : 47, 41, form == 1 ? 700 : 50);
            set_dtype(&t, epilogue + form);
            t.has_bias = (epilogue & 1) != 0;
            t.desc.activation = (hpck_activation)(epilogue >> 1);
            t.beta = form == 0 ? 0.5F : 0.0F;
            t.desc.layout = form == 1 ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
            gemm_case_verify(&t);
        }
    }
}

/* NaN, Inf and 0 * Inf in each operand reach exactly the elements of C that depend on them; epilogues keep them. */
static void nan_and_inf_propagate(void **state)
{
    static const double specials[] = { (double)NAN, (double)INFINITY, (double)-INFINITY };
    for (size_t activation = HPCK_IDENTITY; activation <= HPCK_SILU; activation++) {
        for (size_t s = 0; s < COUNT(specials); s++) {
            struct gemm_case t = ragged(*state, s == 1 ? 38 : 18, 37, s == 0 ? 20 : 530);
            set_dtype(&t, activation + s);
            t.desc.activation = (hpck_activation)activation;
            t.beta = 2.0F;
            t.has_bias = true;
            gemm_case_fill(&t);
            const enum reference_dtype in = (enum reference_dtype)t.a.dtype;
            const enum reference_dtype out = (enum reference_dtype)t.c.dtype;
            reference_store(t.a.host, in, gemm_operand_index(&t.a, 0, 4, t.desc.k - 1), specials[s]);
            reference_store(t.b.host, in, gemm_operand_index(&t.b, 0, 3, 36), specials[s]);
            reference_store(t.b.host, in, gemm_operand_index(&t.b, 0, t.desc.k - 1, 9), 0.0);
            reference_store(t.c.host, out, gemm_operand_index(&t.c, 0, 17, 0), specials[s]);
            reference_store(t.bias.host, out, gemm_operand_index(&t.bias, 0, 0, 20), specials[s]);
            gemm_case_call(&t, NULL);
            gemm_case_check(&t);
            gemm_case_free(&t);
        }
    }
}

/* f16 overflows from 65520 on, and has subnormals below 2^-14: rounded, not flushed. */
static void narrow_outputs_overflow_to_inf_and_keep_subnormals(void **state)
{
    static const double scales[] = { 300.0, 4096.0, 0x1p-10, 0x1p-12 };
    for (size_t s = 0; s < COUNT(scales); s++) {
        struct gemm_case t = ragged(*state, 22, 38, 3);
        t.desc.dtype = t.desc.dtype_c = HPCK_F16;
        gemm_case_fill(&t);
        for (int64_t i = 0; i < t.a.elements; i++)
            reference_store(t.a.host, REFERENCE_F16, i, reference_load(t.a.host, REFERENCE_F16, i) * scales[s]);
        for (int64_t i = 0; i < t.b.elements; i++)
            reference_store(t.b.host, REFERENCE_F16, i, reference_load(t.b.host, REFERENCE_F16, i) * scales[s]);
        gemm_case_call(&t, NULL);
        gemm_case_check(&t);
        gemm_case_free(&t);
    }
}

/* A permission: whoever uses it stays inside the bound of operands that are rounded to tf32, and 16-bit types ignore it. */
static void tf32_may_be_allowed(void **state)
{
    static const int64_t shapes[][3] = { { 37, 70, 129 }, { 64, 128, 96 }, { 1, 17, 300 } };
    for (size_t form = 0; form < 8; form++) {
        const int64_t *shape = shapes[form % COUNT(shapes)];
        struct gemm_case t = ragged(*state, shape[0], shape[1], shape[2]);
        set_dtype(&t, form == 7 ? 1 : 0);
        t.desc.allow_tf32 = 1;
        t.desc.trans_a = (form & 1) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
        t.desc.trans_b = (form & 2) != 0 ? HPCK_TRANS : HPCK_NO_TRANS;
        t.desc.layout = (form & 4) != 0 ? HPCK_COLUMN_MAJOR : HPCK_ROW_MAJOR;
        t.has_bias = form % 2 == 0;
        t.beta = form == 3 ? 0.5F : 0.0F;
        pad_rows(&t, (int64_t)(form % 3));
        gemm_case_verify(&t);
    }
}

static void alpha_of_zero_still_propagates_nan(void **state)
{
    struct gemm_case t = ragged(*state, 16, 16, 16);
    t.alpha = 0.0F;
    gemm_case_fill(&t);
    reference_store(t.a.host, REFERENCE_F32, gemm_operand_index(&t.a, 0, 2, 2), (double)NAN);
    gemm_case_call(&t, NULL);
    gemm_case_check(&t);
    gemm_case_free(&t);
}

static void results_are_the_same_bits_on_every_run(void **state)
{
    static const int64_t shapes[][3] = { { 150, 170, 600 }, { 1, 513, 4001 }, { 7, 5, 20000 } };
    for (size_t s = 0; s < COUNT(shapes); s++) {
        struct gemm_case t = ragged(*state, shapes[s][0], shapes[s][1], shapes[s][2]);
        gemm_case_fill(&t);
        void *first = NULL;
        for (int run = 0; run < 5; run++) {
            gemm_case_call(&t, NULL);
            if (run == 0) gemm_case_check(&t);
            const size_t bytes = (size_t)t.c.elements * sizeof(float);
            void *result = malloc(bytes);
            assert_non_null(result);
            assert_int_equal(hpck_read(t.handle, result, t.c.memory, 0, bytes), HPCK_OK);
            if (first != NULL) assert_memory_equal(result, first, bytes);
            free(first);
            first = result;
        }
        free(first);
        gemm_case_free(&t);
    }
}

/* The buffers end with the last element that the call may touch: nothing more may be asked for. */
static void buffers_need_no_slack(void **state)
{
    struct gemm_case t = ragged(*state, 33, 17, 35);
    pad_rows(&t, 9);
    gemm_case_fill(&t);
    struct gemm_operand *const operands[] = { &t.a, &t.b, &t.c };
    for (size_t i = 0; i < COUNT(operands); i++)
        operands[i]->elements =
            gemm_operand_index(operands[i], 0, operands[i]->rows - 1, operands[i]->columns - 1) + 1;
    gemm_case_call(&t, NULL);
    gemm_case_check(&t);
    gemm_case_free(&t);
}

/* A row distance beyond 2^31 elements where there is only one row: 64-bit in every check and on the device. */
static void huge_leading_dimensions_and_strides_are_64_bit(void **state)
{
    struct gemm_case t = ragged(*state, 1, 37, 1);
    t.desc.lda = t.desc.ldb = t.desc.ldc = (int64_t)1 << 33;
    t.desc.stride_a = t.desc.stride_b = t.desc.stride_c = ((int64_t)1 << 40) + 1;
    gemm_case_verify(&t);
}

static void call_waits_for_its_events_and_returns_one(void **state)
{
    cl_context context = NULL;
    if (hpck_opencl_get(*state, &context, NULL, NULL) != HPCK_OK) skip(); /* CUDA's events: test_cuda_backend.c */
    cl_int error = CL_SUCCESS;
    cl_event gate = clCreateUserEvent(context, &error);
    assert_int_equal(error, CL_SUCCESS);

    struct gemm_case t = ragged(*state, 40, 41, 42);
    gemm_case_fill(&t);
    hpck_event wait_list[] = { gate }, done = NULL;
    const hpck_sync sync = { .wait_count = 1, .wait_list = wait_list, .event = &done };
    gemm_case_call(&t, &sync);
    assert_non_null(done);
    cl_event finished = done;
    cl_int execution = -1;
    assert_int_equal(
        clGetEventInfo(finished, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof execution, &execution, NULL),
        CL_SUCCESS);
    assert_int_not_equal(execution, CL_COMPLETE);
    assert_int_equal(clSetUserEventStatus(gate, CL_COMPLETE), CL_SUCCESS);
    assert_int_equal(clWaitForEvents(1, &finished), CL_SUCCESS);
    gemm_case_check(&t);
    clReleaseEvent(finished);
    clReleaseEvent(gate);
    gemm_case_free(&t);
}

static void an_empty_problem_still_returns_its_event(void **state)
{
    if (hpck_opencl_get(*state, NULL, NULL, NULL) != HPCK_OK) skip();
    struct gemm_case t = ragged(*state, 0, 4, 4);
    gemm_case_fill(&t);
    hpck_event done = NULL;
    const hpck_sync sync = { .event = &done };
    gemm_case_call(&t, &sync);
    assert_non_null(done);
    cl_event finished = done;
    assert_int_equal(clWaitForEvents(1, &finished), CL_SUCCESS);
    clReleaseEvent(finished);
    gemm_case_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dtype_layout_and_transpose),
        cmocka_unit_test(sizes_around_tile_edges),
        cmocka_unit_test(long_k_and_skinny_shapes),
        cmocka_unit_test(alpha_and_beta),
        cmocka_unit_test(beta_of_zero_writes_c_without_reading_it),
        cmocka_unit_test(k_of_zero_scales_c_and_applies_the_epilogue),
        cmocka_unit_test(empty_problems_do_nothing_and_succeed),
        cmocka_unit_test(strided_batches),
        cmocka_unit_test(stride_of_zero_broadcasts_a_or_b),
        cmocka_unit_test(offset_lists_place_every_entry),
        cmocka_unit_test(offset_lists_are_read_before_the_call_returns),
        cmocka_unit_test(every_epilogue),
        cmocka_unit_test(nan_and_inf_propagate),
        cmocka_unit_test(narrow_outputs_overflow_to_inf_and_keep_subnormals),
        cmocka_unit_test(tf32_may_be_allowed),
        cmocka_unit_test(alpha_of_zero_still_propagates_nan),
        cmocka_unit_test(results_are_the_same_bits_on_every_run),
        cmocka_unit_test(buffers_need_no_slack),
        cmocka_unit_test(huge_leading_dimensions_and_strides_are_64_bit),
        cmocka_unit_test(call_waits_for_its_events_and_returns_one),
        cmocka_unit_test(an_empty_problem_still_returns_its_event),
    };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
