/* How accurate reductions are where floats run out: long sums, squares that overflow or vanish, means far larger than their deviation,
 * exponentials near the smallest float, infinities. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "handle.h"
#include "reduce_fixture.h"

/* One after the other, a million additions would be far off; large terms that cancel swallow small ones. */
static void sums_are_trees(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x);
    double exact = 0.0, size = 0.0;
    assert_non_null(x);
    srand(3);
    for (int i = 0; i < N; i++) {
        x[i] = 0.1F + (float)rand() / (float)RAND_MAX;
        exact += (double)x[i];
        size += fabs((double)x[i]);
    }
    float sum = reduce_all(f, HPCK_SUM, x, N, 0);
    float compensated = reduce_all(f, HPCK_SUM, x, N, 1);
    assert_true(fabs((double)sum - exact) <= 0x1p-24 * 32.0 * size); /* 18 levels above 8192, and chains of 8 */
    assert_true(fabs((double)compensated - exact) <= 0x1p-24 * 1.5 * size);
    for (int i = 0; i < N; i++)
        x[i] = i % 2 == 0 ? 1e8F : -1e8F;
    x[77] += 0.0F;
    x[N - 2] = 3.0F;
    x[N - 1] = 0.25F;
    assert_true(reduce_all(f, HPCK_SUM, x, N, 1) == 3.25F);
    free(x);
}

/* Many short segments of equal numbers, where every addition rounds the same way: one after the other would be 1500 u off. */
static void columns_in_segments_are_chains_of_chains(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { SEGMENTS = 8192, ROWS = 2, COLUMNS = 16 };
    static const int axes[] = { 0, 2 };
    const int64_t extents[] = { SEGMENTS, 2, ROWS, COLUMNS }, strides[] = { 0, 0, 0, 1 };
    float x[COLUMNS], y[2 * COLUMNS];
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    if (f->handle->backend->describe(f->handle->device)->field.is_gpu) skip(); /* GPUs chain segments one by one */
    for (int i = 0; i < COLUMNS; i++)
        x[i] = 0.3F + 0.4F / 15.0F * (float)i;
    desc.dims = 4;
    desc.extents = extents;
    desc.strides_x = strides;
    desc.axes = axes;
    desc.axis_count = 2;
    reduce_put(f, x, COLUMNS);
    reduce_run(f, &desc, 0, y, 2 * COLUMNS);
    for (int i = 0; i < 2 * COLUMNS; i++) {
        const double exact = (double)SEGMENTS * ROWS * (double)x[i % COLUMNS];
        assert_true(fabs((double)y[i] - exact) <= 0x1p-24 * (3 + 2 * 91 + 2) * exact);
    }
}

static void norm2_neither_overflows_nor_vanishes(void **state)
{
    const struct reduce_fixture *f = *state;
    float x[300];
    static const float sizes[] = { 1e30F, 1e-30F, 1.0F };
    for (int s = 0; s < 3; s++) {
        for (int i = 0; i < 300; i++)
            x[i] = sizes[s];
        double expected = sqrt(300.0) * (double)sizes[s];
        assert_true(fabs((double)reduce_all(f, HPCK_NORM2, x, 300, 0) - expected) < 1e-6 * expected);
    }
}

/* 2^129 is no float; an eighth of it is. */
static void norm2_beyond_floats_comes_back_by_alpha(void **state)
{
    const struct reduce_fixture *f = *state;
    float x[16], y[1];
    const int64_t extents[] = { 16 };
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = HPCK_NORM2;
    desc.dims = 1;
    desc.extents = extents;
    for (int i = 0; i < 16; i++)
        x[i] = 0x1p127F;
    reduce_put(f, x, 16);
    assert_int_equal(
        hpck_reduce(f->handle, &desc, 0.125F, (hpck_buffer){ f->x, 0 }, 0.0F, (hpck_buffer){ f->y, 0 }, NULL),
        HPCK_OK);
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
    assert_true(y[0] == 0x1p126F);
}

/* A block whose squares overflow, vanish or are no numbers, alone among blocks of other sizes. */
static void norm2_of_blocks_of_other_sizes(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { BLOCK = 8192, BLOCKS = 5, N = (BLOCKS - 1) * BLOCK + 1100 };
    static float x[N];
    static const struct {
        float others, block, one; /* elements of the other blocks, of the one, and one element of it */
    } cases[] = {
        { 1.0F, 1e30F, 1e30F },    { 1e-30F, 1e30F, 1e30F },   { 1.0F, 1e-30F, 1e-30F },
        { 1e-30F, 1.0F, 1.0F },    { 1e-30F, 1e-30F, 1.0F },   { 1e-30F, 1e-30F, 1e30F },
        { 1e18F, 1e18F, 1e18F },   { 1e-42F, 1e-42F, 1e-42F }, { 1e-42F, 0.0F, 0.0F },
        { 0.0F, 0.0F, 1e-42F },    { 0.0F, 0.0F, 0.0F },       { 3e-10F, 1e-12F, 1e-20F },
        { 1.0F, 0.0F, 1e30F },     { 1e30F, 1e-30F, NAN },     { 1e-30F, 1e-30F, -INFINITY },
        { -1e30F, INFINITY, NAN }, { INFINITY, 1.0F, 1e-30F }, { 1e18F, 9e17F, 3e-40F },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int block = 0; block < BLOCKS; block += 2) {
            double squares = 0.0;
            for (int i = 0; i < N; i++) {
                x[i] = i / BLOCK != block ? cases[c].others : i % BLOCK == 77 ? cases[c].one : cases[c].block;
                squares += (double)x[i] * (double)x[i];
            }
            const double expected = sqrt(squares), got = (double)reduce_all(f, HPCK_NORM2, x, N, 0);
            if (isfinite(expected)) {
                assert_true(fabs(got - expected) <= 2e-6 * expected + 0x1p-149);
            } else {
                assert_int_equal(isnan(got), isnan(expected));
                assert_int_equal(isinf(got), isinf(expected));
            }
        }
    }
}

/* |mean| >> deviation, and a first element that is far from the others. */
static void variance_does_not_cancel(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { N = 20000 };
    static float x[N];
    static const double means[] = { 1e4, -1e6, 0.0 };
    for (size_t m = 0; m < 3; m++) {
        for (int far = 0; far < 2; far++) {
            double mean = 0.0, variance = 0.0;
            float got[2];
            for (int i = 0; i < N; i++)
                x[i] = (float)(means[m] + (double)(i * 7919 % 1000) / 500.0 - 1.0);
            if (far) x[0] = (float)(means[m] + 50.0);
            for (int i = 0; i < N; i++)
                mean += (double)x[i] / N;
            for (int i = 0; i < N; i++)
                variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (N - 1);
            int64_t shapes[2][2] = { { 1, N }, { N, 1 } };
            for (int shape = 0; shape < 2; shape++) {
                hpck_reduce_desc desc = reduce_rows(HPCK_MEANVAR, shapes[shape]);
                const int axis = 1 - shape;
                desc.axes = &axis;
                desc.correction = 1.0;
                desc.variance = (hpck_buffer){ f->extra, 0 };
                reduce_put(f, x, N);
                reduce_run(f, &desc, 0, got, 1);
                assert_int_equal(hpck_read(f->handle, got + 1, f->extra, 0, sizeof *got), HPCK_OK);
                assert_true(fabs((double)got[0] - mean) <= 1e-7 * fabs(mean) + 1e-5);
                assert_true(fabs((double)got[1] - variance) <= 1e-4 * variance);
            }
        }
    }
}

/* Nothing above the smallest normal float vanishes. */
static void softmax_of_a_distant_element(void **state)
{
    const struct reduce_fixture *f = *state;
    const float x[] = { 0.0F, -87.2F };
    float y[2];
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    desc.rows = 1;
    desc.columns = 2;
    reduce_put(f, x, 2);
    assert_int_equal(hpck_normalize(f->handle, &desc, (hpck_buffer){ f->x, 0 }, (hpck_buffer){ f->y, 0 }, NULL),
                     HPCK_OK);
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
    assert_true(fabs((double)y[1] / exp((double)x[1]) - 1.0) < 1e-5);
}

/* Rounding errors of infinite sums are no numbers. */
static void compensated_sums_of_infinities(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { N = 300 };
    static const hpck_reduce_op ops[] = { HPCK_SUM, HPCK_MEAN, HPCK_NORM1, HPCK_SUMSQ };
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1.0F;
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        x[77] = INFINITY;
        assert_true(reduce_all(f, ops[o], x, N, 1) == INFINITY);
        x[76] = NAN;
        assert_true(isnan(reduce_all(f, ops[o], x, N, 1)));
        x[76] = 1.0F;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_trees),
        cmocka_unit_test(columns_in_segments_are_chains_of_chains),
        cmocka_unit_test(norm2_neither_overflows_nor_vanishes),
        cmocka_unit_test(norm2_beyond_floats_comes_back_by_alpha),
        cmocka_unit_test(norm2_of_blocks_of_other_sizes),
        cmocka_unit_test(variance_does_not_cancel),
        cmocka_unit_test(softmax_of_a_distant_element),
        cmocka_unit_test(compensated_sums_of_infinities),
    };
    return cmocka_run_group_tests(tests, reduce_setup, reduce_teardown);
}
