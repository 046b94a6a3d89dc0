/* The oracle itself: formats against their definition, values against numbers worked out by hand, and the error bound
 * against fp32 sums in several orders - which it must cover - and against wrong results - which it must not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "reference/gemm.h"
#include "reference/reduce.h"

enum { IDENTITY, RELU, GELU, SILU };
static const enum reference_dtype narrow_dtypes[] = { REFERENCE_F16, REFERENCE_BF16 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static float uniform(uint64_t *state)
{
    return (float)next_random(state) * 0x1p-30F - 1.0F;
}

static double load16(uint16_t bits, enum reference_dtype dtype)
{
    return reference_load(&bits, dtype, 0);
}

static uint16_t store16(double value, enum reference_dtype dtype)
{
    uint16_t bits = 0;
    reference_store(&bits, dtype, 0, value);
    return bits;
}

static void every_16_bit_value_survives_load_and_store(void **state)
{
    (void)state;
    for (int t = 0; t < 2; t++) {
        const enum reference_dtype dtype = narrow_dtypes[t];
        for (uint32_t bits = 0; bits <= 0xffff; bits++) {
            const double value = load16((uint16_t)bits, dtype);
            if (isnan(value))
                assert_true(isnan(load16(store16(value, dtype), dtype)));
            else
                assert_int_equal(store16(value, dtype), bits);
        }
    }
    assert_true(load16(0x3c00, REFERENCE_F16) == 1.0 && load16(0x0001, REFERENCE_F16) == 0x1p-24);
    assert_true(load16(0x7bff, REFERENCE_F16) == 65504.0 && load16(0xfc00, REFERENCE_F16) == -INFINITY);
    assert_true(load16(0x3f80, REFERENCE_BF16) == 1.0 && load16(0x0001, REFERENCE_BF16) == 0x1p-133);
    assert_true(load16(0xc049, REFERENCE_BF16) == -3.140625);
}

/* Neighbouring positive values of both formats are neighbouring integers: whatever lies between them must go to the
 * nearer one, and a tie to the even one. */
static void storing_rounds_to_nearest_even(void **state)
{
    (void)state;
    const uint16_t last[] = { 0x7bff, 0x7f7f };
    for (int t = 0; t < 2; t++) {
        const enum reference_dtype dtype = narrow_dtypes[t];
        for (uint16_t bits = 0; bits < last[t]; bits++) {
            const double low = load16(bits, dtype), high = load16((uint16_t)(bits + 1), dtype);
            const double half = (low + high) / 2.0, step = (high - low) / 4.0;
            assert_int_equal(store16(half - step, dtype), bits);
            assert_int_equal(store16(half + step, dtype), bits + 1);
            assert_int_equal(store16(half, dtype), bits + (bits & 1));
            assert_int_equal(store16(-half, dtype), 0x8000 + bits + (bits & 1));
            assert_true(reference_rounding(dtype, half) == 2.0 * step);
        }
    }
    assert_int_equal(store16(65519.99, REFERENCE_F16), 0x7bff);
    assert_int_equal(store16(65520.0, REFERENCE_F16), 0x7c00);
    assert_int_equal(store16(FLT_MAX, REFERENCE_BF16), 0x7f80);
    for (int t = 0; t < 2; t++) {
        const enum reference_dtype dtype = narrow_dtypes[t];
        uint32_t one = 0;
        reference_store(&one, dtype, 0, 1.0 + reference_epsilon(dtype) * 1.001);
        assert_true(reference_load(&one, dtype, 0) == 1.0 + 2.0 * reference_epsilon(dtype));
        reference_store(&one, dtype, 0, 1.0 + reference_epsilon(dtype));
        assert_true(reference_load(&one, dtype, 0) == 1.0);
    }
}

/* A 2 x 3 times 3 x 2 product whose values are small integers, so that every format holds them. */
struct sample {
    float a[6], b[6], c[4], bias[2];
    struct reference_gemm gemm;
};

static void sample_init(struct sample *s)
{
    static const float a[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 7, 8, 9, 10, 11, 12 }, c[] = { 1, 10, 100, 1000 };
    static const float bias[] = { 0.5F, -0.25F };
    memcpy(s->a, a, sizeof a);
    memcpy(s->b, b, sizeof b);
    memcpy(s->c, c, sizeof c);
    memcpy(s->bias, bias, sizeof bias);
    s->gemm = (struct reference_gemm){ .m = 2, .n = 2, .k = 3, .alpha = 1, .a = s->a, .b = s->b, .c_in = s->c };
    s->gemm.a_row = 3;
    s->gemm.b_row = s->gemm.c_row = 2;
    s->gemm.a_col = s->gemm.b_col = s->gemm.c_col = 1;
}

static void expect_values(const struct reference_gemm *gemm, double c00, double c01, double c10, double c11)
{
    const double expected[] = { c00, c01, c10, c11 };
    for (int e = 0; e < 4; e++) {
        double bound = -1.0;
        const double value = reference_gemm_value(gemm, e / 2, e % 2, &bound);
        assert_true(fabs(value - expected[e]) <= 1e-9 * fabs(expected[e]));
        assert_true(bound >= 0.0 && bound < 2e-3);
    }
}

static void values_match_numbers_worked_out_by_hand(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    expect_values(&s.gemm, 58, 64, 139, 154);
    s.gemm.alpha = 2.0;
    s.gemm.beta = -1.0;
    expect_values(&s.gemm, 115, 118, 178, -692);
    s.gemm.bias = s.bias;
    expect_values(&s.gemm, 115.5, 117.75, 178.5, -692.25);
    s.gemm.bias_offset = -1;
    s.gemm.bias = s.bias + 1;
    expect_values(&s.gemm, 115.5, 117.75, 178.5, -692.25);
    s.gemm.activation = RELU;
    expect_values(&s.gemm, 115.5, 117.75, 178.5, 0);
}

static void strides_express_transposes_and_offsets(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.gemm.a_row = 1; /* A stored 3 x 2: op(A) = 1 3 5 / 2 4 6 */
    s.gemm.a_col = 2;
    expect_values(&s.gemm, 89, 98, 116, 128);
    s.gemm.b_row = 1; /* and B stored 2 x 3: op(B) = 7 10 / 8 11 / 9 12 */
    s.gemm.b_col = 3;
    expect_values(&s.gemm, 76, 103, 100, 136);
    s.gemm.k = 2; /* the same without the first element of A and B */
    s.gemm.a_offset = s.gemm.b_offset = 1;
    expect_values(&s.gemm, 2 * 8 + 4 * 9, 2 * 11 + 4 * 12, 3 * 8 + 5 * 9, 3 * 11 + 5 * 12);
}

static void k_of_zero_leaves_beta_and_epilogue(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.gemm.k = 0;
    s.gemm.alpha = NAN;
    s.gemm.a = s.gemm.b = NULL;
    expect_values(&s.gemm, 0, 0, 0, 0);
    s.gemm.beta = 2.0;
    s.gemm.bias = s.bias;
    expect_values(&s.gemm, 2.5, 19.75, 200.5, 1999.75);
}

static void beta_of_zero_does_not_read_c(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.gemm.c_in = NULL;
    expect_values(&s.gemm, 58, 64, 139, 154);
}

static void activations_have_their_exact_form(void **state)
{
    (void)state;
    double bound;
    assert_true(fabs(reference_activation(GELU, 1.0, 0.0, &bound) - 0.8413447460685429) < 1e-14);
    assert_true(fabs(reference_activation(GELU, -1.0, 0.0, &bound) + 0.1586552539314571) < 1e-14);
    assert_true(fabs(reference_activation(SILU, 1.0, 0.0, &bound) - 0.7310585786300049) < 1e-14);
    assert_true(fabs(reference_activation(SILU, -1.0, 0.0, &bound) + 0.2689414213699951) < 1e-14);
    assert_true(reference_activation(RELU, -3.0, 0.0, &bound) == 0.0);
    for (int activation = IDENTITY; activation <= SILU; activation++) {
        assert_true(isnan(reference_activation(activation, NAN, 0.0, &bound)));
        assert_true(reference_activation(activation, INFINITY, 0.0, &bound) == INFINITY && isfinite(bound));
    }
}

static void activation_bound_covers_fp32_evaluation(void **state)
{
    (void)state;
    for (float x = -120.0F; x < 120.0F; x += 0.0009765F) {
        double bound;
        const double gelu = reference_activation(GELU, x, 0.0, &bound);
        assert_true(fabs(gelu - x * (1.0F + erff(x * 0.70710678F)) * 0.5F) <= bound);
        const double silu = reference_activation(SILU, x, 0.0, &bound);
        assert_true(fabs(silu - x / (1.0F + expf(-x))) <= bound);
        const float moved = x + 1e-3F; /* the slope: an argument off by 1e-3 stays inside, too */
        reference_activation(GELU, x, 1.1e-3, &bound);
        assert_true(fabs(gelu - moved * (1.0F + erff(moved * 0.70710678F)) * 0.5F) <= bound);
        reference_activation(SILU, x, 1.1e-3, &bound);
        assert_true(fabs(silu - moved / (1.0F + expf(-moved))) <= bound);
    }
}

/* One dot product of length k with beta and bias, in fp32. */
struct dot {
    float *a, *b, *terms;
    float c, bias, alpha, beta;
    struct reference_gemm gemm;
};

static void dot_init(struct dot *d, int k, uint64_t *seed)
{
    d->a = malloc((size_t)k * 3 * sizeof(float));
    assert_non_null(d->a);
    d->b = d->a + k;
    d->terms = d->b + k;
    for (int p = 0; p < k; p++) {
        d->a[p] = uniform(seed);
        d->b[p] = uniform(seed);
        d->terms[p] = d->a[p] * d->b[p];
    }
    d->c = uniform(seed);
    d->bias = uniform(seed);
    d->alpha = 0.7F;
    d->beta = 1.3F;
    d->gemm = (struct reference_gemm){ .m = 1, .n = 1, .k = k, .alpha = d->alpha, .beta = d->beta };
    d->gemm.a = d->a;
    d->gemm.b = d->b;
    d->gemm.c_in = &d->c;
    d->gemm.bias = &d->bias;
    d->gemm.a_col = d->gemm.b_row = 1;
}

static float finish(const struct dot *d, float sum)
{
    return d->alpha * sum + d->beta * d->c + d->bias;
}

static float pairwise(const float *terms, int count)
{
    if (count == 1) return terms[0];
    return pairwise(terms, count / 2) + pairwise(terms + count / 2, count - count / 2);
}

static void bound_covers_every_order_of_fp32_addition(void **state)
{
    (void)state;
    uint64_t seed = 1;
    const int lengths[] = { 1, 2, 3, 17, 256, 1023, 4096, 20000 };
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        struct dot d;
        dot_init(&d, lengths[l], &seed);
        double bound;
        const double value = reference_gemm_value(&d.gemm, 0, 0, &bound);
        float forward = 0, backward = 0, fused = 0, chunk = 0, blocked = d.beta * d.c + d.bias;
        for (int p = 0; p < lengths[l]; p++) {
            forward += d.terms[p];
            backward += d.terms[lengths[l] - 1 - p];
            fused = fmaf(d.a[p], d.b[p], fused);
            chunk += d.terms[p];
            if (p % 64 == 63 || p == lengths[l] - 1) { /* C is added to once per block of k */
                blocked += d.alpha * chunk;
                chunk = 0;
            }
        }
        assert_true(reference_matches(finish(&d, forward), value, bound, REFERENCE_F32));
        assert_true(reference_matches(finish(&d, backward), value, bound, REFERENCE_F32));
        assert_true(reference_matches(finish(&d, fused), value, bound, REFERENCE_F32));
        assert_true(reference_matches(finish(&d, pairwise(d.terms, lengths[l])), value, bound, REFERENCE_F32));
        assert_true(reference_matches(blocked, value, bound, REFERENCE_F32));
        free(d.a);
    }
}

/* What the bound is for: a lost product, bias or C, or 16-bit accumulation, must fall outside it. */
static void bound_rejects_wrong_results(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int k = 1; k <= 512; k += k < 16 ? 1 : 31) {
        struct dot d;
        dot_init(&d, k, &seed);
        d.a[k - 1] = 0.5F;
        d.b[k - 1] = -0.5F;
        double bound;
        const double value = reference_gemm_value(&d.gemm, 0, 0, &bound);
        assert_false(reference_matches(value + 0.7 * 0.25, value, bound, REFERENCE_F32));
        assert_false(reference_matches(value - 1.3 * d.c, value, bound, REFERENCE_F32));
        assert_false(reference_matches(value - d.bias, value, bound, REFERENCE_F32));
        assert_false(reference_matches(NAN, value, bound, REFERENCE_F32));
        assert_false(reference_matches(INFINITY, value, bound, REFERENCE_F32));
        uint16_t half = 0;
        double narrow = 0.0; /* accumulated in f16 */
        for (int p = 0; p < k; p++) {
            reference_store(&half, REFERENCE_F16, 0, narrow + (double)d.a[p] * (double)d.b[p]);
            narrow = reference_load(&half, REFERENCE_F16, 0);
        }
        if (k > 16 && k < 128)
            assert_false(reference_matches(0.7 * narrow + 1.3 * d.c + d.bias, value, bound, REFERENCE_F32));
        free(d.a);
    }
}

static void sixteen_bit_outputs_are_rounded_once(void **state)
{
    (void)state;
    uint16_t a = store16(1.0, REFERENCE_F16), b = store16(0x1p-14 * 1.0009765625, REFERENCE_F16);
    struct reference_gemm gemm = { .m = 1, .n = 1, .k = 1, .alpha = 0.125, .a = &a, .b = &b };
    gemm.dtype_in = gemm.dtype_out = REFERENCE_F16;
    double bound;
    const double value = reference_gemm_value(&gemm, 0, 0, &bound); /* between two subnormals of f16 */
    assert_true(value == 0x1p-17 * 1.0009765625);
    assert_true(reference_matches(0x80p-24, value, bound, REFERENCE_F16));
    assert_false(reference_matches(0x81p-24, value, bound, REFERENCE_F16));
    assert_false(reference_matches(0.0, value, bound, REFERENCE_F16)); /* flushing subnormal outputs is wrong */
}

/* tf32 keeps 10 bits of fraction: rounding both operands to them is allowed, cutting off or bf16's 7 bits are not. */
static void tf32_operands_may_be_rounded_to_nearest(void **state)
{
    (void)state;
    const float a = 1.0F + 0x1.fp-12F, b = 1.0F + 0x1.fp-12F; /* almost half of the last digit of tf32 */
    const float cut = 1.0F + 0x1.fp-11F, coarse = 1.0F + 0x1.fp-9F;
    struct reference_gemm gemm = { .m = 1, .n = 1, .k = 1, .alpha = 1, .a = &a, .b = &b, .tf32 = true };
    double bound;
    double value = reference_gemm_value(&gemm, 0, 0, &bound);
    assert_true(reference_matches(1.0, value, bound, REFERENCE_F32));
    gemm.tf32 = false;
    value = reference_gemm_value(&gemm, 0, 0, &bound);
    assert_false(reference_matches(1.0, value, bound, REFERENCE_F32));
    gemm.tf32 = true;
    gemm.a = gemm.b = &cut;
    value = reference_gemm_value(&gemm, 0, 0, &bound);
    assert_false(reference_matches(1.0, value, bound, REFERENCE_F32));
    gemm.a = gemm.b = &coarse;
    value = reference_gemm_value(&gemm, 0, 0, &bound);
    assert_false(reference_matches(1.0, value, bound, REFERENCE_F32));
    const float huge = FLT_MAX, one = 1.0F; /* beyond the largest tf32 number */
    gemm.a = &huge;
    gemm.b = &one;
    value = reference_gemm_value(&gemm, 0, 0, &bound);
    assert_true(reference_matches(INFINITY, value, bound, REFERENCE_F32));
}

static void nan_and_inf_must_be_themselves(void **state)
{
    (void)state;
    assert_true(reference_matches(NAN, NAN, 1.0, REFERENCE_F32));
    assert_false(reference_matches(0.0, NAN, 1.0, REFERENCE_F32));
    assert_false(reference_matches(NAN, 1.0, 1.0, REFERENCE_F32));
    assert_true(reference_matches(-INFINITY, -INFINITY, 1.0, REFERENCE_F32));
    assert_false(reference_matches(INFINITY, -INFINITY, 1.0, REFERENCE_F32));
    assert_false(reference_matches(FLT_MAX, INFINITY, 1.0, REFERENCE_F32));
    assert_true(reference_matches(INFINITY, 70000.0, 32.0, REFERENCE_F16));
    assert_false(reference_matches(INFINITY, 70000.0, 32.0, REFERENCE_F32));
    assert_false(reference_matches(INFINITY, 65400.0, 32.0, REFERENCE_F16));

    struct sample s;
    sample_init(&s);
    double bound;
    s.b[0] = NAN;
    assert_true(isnan(reference_gemm_value(&s.gemm, 0, 0, &bound)) && isfinite(bound));
    assert_true(reference_gemm_value(&s.gemm, 0, 1, &bound) == 64.0);
    s.b[0] = -INFINITY;
    assert_true(reference_gemm_value(&s.gemm, 1, 0, &bound) == -INFINITY && isfinite(bound));
    s.a[0] = 0.0F; /* 0 * Inf */
    assert_true(isnan(reference_gemm_value(&s.gemm, 0, 0, &bound)) && isfinite(bound));
}

static void fp32_overflow_is_inf_where_every_order_overflows(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    double bound;
    s.a[0] = s.a[1] = 3e38F; /* 3e38 * (7 + 9) */
    assert_true(reference_gemm_value(&s.gemm, 0, 0, &bound) == INFINITY && isfinite(bound));
    s.b[2] = -7.0F; /* +Inf, NaN or 33, depending on the order */
    reference_gemm_value(&s.gemm, 0, 0, &bound);
    assert_true(isinf(bound));
}

static void bound_of_rows_covers_a_tree_and_no_chain(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20 };
    float *x = malloc(COUNT * sizeof *x);
    assert_non_null(x);
    float chain = 0.0F;
    for (int i = 0; i < COUNT; i++)
        chain += x[i] = 0.1F;
    const struct reference_reduce row = {
        .is_row = 1, .alpha = 1.0, .x = x, .dims = 1, .extent = { COUNT }, .x_step = { 1 }
    };
    double bound;
    double sum = reference_reduce_value(&row, REFERENCE_REDUCE_Y, &bound);
    assert_false(fabs((double)chain - sum) <= bound);
    for (int span = COUNT / 2; span > 0; span /= 2)
        for (int i = 0; i < span; i++)
            x[i] += x[i + span];
    assert_true(fabs((double)x[0] - sum) <= bound);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_16_bit_value_survives_load_and_store),
        cmocka_unit_test(storing_rounds_to_nearest_even),
        cmocka_unit_test(values_match_numbers_worked_out_by_hand),
        cmocka_unit_test(strides_express_transposes_and_offsets),
        cmocka_unit_test(k_of_zero_leaves_beta_and_epilogue),
        cmocka_unit_test(beta_of_zero_does_not_read_c),
        cmocka_unit_test(activations_have_their_exact_form),
        cmocka_unit_test(activation_bound_covers_fp32_evaluation),
        cmocka_unit_test(bound_covers_every_order_of_fp32_addition),
        cmocka_unit_test(bound_rejects_wrong_results),
        cmocka_unit_test(sixteen_bit_outputs_are_rounded_once),
        cmocka_unit_test(tf32_operands_may_be_rounded_to_nearest),
        cmocka_unit_test(nan_and_inf_must_be_themselves),
        cmocka_unit_test(fp32_overflow_is_inf_where_every_order_overflows),
        cmocka_unit_test(bound_of_rows_covers_a_tree_and_no_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
