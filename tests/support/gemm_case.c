/* Operands, poison and the comparison with the oracle for one call of hpck_gemm. */
#include "gemm_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reference/gemm.h"

enum { GUARD = 67 }; /* elements after the last one of every buffer; in front of it, offsets do the same */

static size_t element_bytes(hpck_dtype dtype)
{
    return dtype == HPCK_F32 ? 4 : 2;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

void gemm_case_init(struct gemm_case *t, hpck_handle *handle)
{
    const struct gemm_case fresh = { .desc = HPCK_GEMM_DESC_INIT, .alpha = 1.0F, .seed = 1 };
    *t = fresh;
    t->handle = handle;
}

int64_t gemm_operand_index(const struct gemm_operand *x, int64_t entry, int64_t row, int64_t column)
{
    const int64_t start = x->offsets != NULL ? x->offsets[entry] : entry * x->stride;
    return x->offset + start + row * x->ld + column;
}

/* One NaN with digits that no arithmetic makes: spreads when read, is missed when overwritten. */
static void poison(struct gemm_operand *x)
{
    const uint32_t nan32 = 0x7fc0dead;
    const uint16_t nan16 = x->dtype == HPCK_F16 ? 0x7eadu : 0x7fedu;
    for (int64_t i = 0; i < x->elements; i++) {
        if (x->dtype == HPCK_F32)
            memcpy((char *)x->host + 4 * i, &nan32, 4);
        else
            memcpy((char *)x->host + 2 * i, &nan16, 2);
    }
}

static void allocate(struct gemm_operand *x)
{
    int64_t last = -1;
    if (x->rows > 0 && x->columns > 0) {
        for (int64_t e = 0; e < x->batch; e++) {
            const int64_t end = gemm_operand_index(x, e, x->rows - 1, x->columns - 1);
            last = end > last ? end : last;
        }
    }
    x->elements = last + 1 + GUARD;
    x->host = malloc((size_t)x->elements * element_bytes(x->dtype));
    assert_non_null(x->host);
    poison(x);
}

/* Uniform in [-1, 1), so that every product counts and none hides the others. */
static void randomize(struct gemm_operand *x, uint64_t *seed)
{
    for (int64_t e = 0; e < x->batch; e++) {
        for (int64_t r = 0; r < x->rows; r++) {
            for (int64_t c = 0; c < x->columns; c++) {
                const double value = (double)next_random(seed) * 0x1p-30 - 1.0;
                reference_store(x->host, (enum reference_dtype)x->dtype, gemm_operand_index(x, e, r, c), value);
            }
        }
    }
}

static struct gemm_operand matrix(const struct gemm_case *t, hpck_dtype dtype, int64_t rows, int64_t columns,
                                  bool is_transposed, int64_t ld)
{
    const bool is_swapped = is_transposed != (t->desc.layout == HPCK_COLUMN_MAJOR);
    struct gemm_operand x = { .dtype = dtype, .rows = rows, .columns = columns, .batch = t->desc.batch };
    if (is_swapped) {
        x.rows = columns;
        x.columns = rows;
    }
    x.ld = ld != 0 ? ld : x.columns;
    return x;
}

void gemm_case_fill(struct gemm_case *t)
{
    const hpck_gemm_desc *d = &t->desc;
    uint64_t seed = t->seed;
    t->a = matrix(t, d->dtype, d->m, d->k, d->trans_a == HPCK_TRANS, d->lda);
    t->a.stride = d->stride_a;
    t->a.offsets = d->offsets_a;
    t->a.offset = t->offset_a;
    t->b = matrix(t, d->dtype, d->k, d->n, d->trans_b == HPCK_TRANS, d->ldb);
    t->b.stride = d->stride_b;
    t->b.offsets = d->offsets_b;
    t->b.offset = t->offset_b;
    t->c = matrix(t, d->dtype_c, d->m, d->n, false, d->ldc);
    t->c.stride = d->stride_c;
    t->c.offsets = d->offsets_c;
    t->c.offset = t->offset_c;
    t->bias = (struct gemm_operand){ .dtype = d->dtype_c, .rows = 1, .columns = t->c.columns, .batch = 1 };
    t->bias.offset = t->offset_bias;
    allocate(&t->a);
    allocate(&t->b);
    allocate(&t->c);
    allocate(&t->bias);
    randomize(&t->a, &seed);
    randomize(&t->b, &seed);
    randomize(&t->bias, &seed);
    if (t->beta != 0.0F) randomize(&t->c, &seed);

    t->is_c = calloc((size_t)t->c.elements, 1);
    assert_non_null(t->is_c);
    for (int64_t e = 0; e < t->c.batch; e++) {
        for (int64_t r = 0; r < t->c.rows; r++) {
            for (int64_t c = 0; c < t->c.columns; c++)
                t->is_c[gemm_operand_index(&t->c, e, r, c)] = 1;
        }
    }
}

static void expect_ok(const struct gemm_case *t, hpck_status status, const char *what)
{
    if (status != HPCK_OK) {
        fail_msg("%s: %s: %s", what, hpck_status_string(status), hpck_error_message(t->handle));
    }
}

static void upload(const struct gemm_case *t, struct gemm_operand *x)
{
    const size_t bytes = (size_t)x->elements * element_bytes(x->dtype);
    if (x->memory == NULL) expect_ok(t, hpck_malloc(t->handle, bytes, &x->memory), "hpck_malloc");
    expect_ok(t, hpck_write(t->handle, x->memory, 0, x->host, bytes), "hpck_write");
}

hpck_status gemm_case_run(struct gemm_case *t, const hpck_sync *sync)
{
    const size_t c_bytes = (size_t)t->c.elements * element_bytes(t->c.dtype);
    upload(t, &t->a);
    upload(t, &t->b);
    upload(t, &t->c);
    free(t->c_before);
    t->c_before = malloc(c_bytes);
    assert_non_null(t->c_before);
    memcpy(t->c_before, t->c.host, c_bytes);
    hpck_gemm_desc desc = t->desc;
    if (t->has_bias) {
        upload(t, &t->bias);
        desc.bias = (hpck_buffer){ t->bias.memory, t->offset_bias };
    }
    return hpck_gemm(t->handle, &desc, t->alpha, (hpck_buffer){ t->a.memory, t->offset_a },
                     (hpck_buffer){ t->b.memory, t->offset_b }, t->beta, (hpck_buffer){ t->c.memory, t->offset_c },
                     sync);
}

/* The oracle speaks row-major: column-major C = op(A) op(B) is row-major C^T = op(B)^T op(A)^T over the same memory. */
static struct reference_gemm reference_of(const struct gemm_case *t, int64_t entry)
{
    const hpck_gemm_desc *d = &t->desc;
    const bool is_column_major = d->layout == HPCK_COLUMN_MAJOR;
    const struct gemm_operand *left = is_column_major ? &t->b : &t->a;
    const struct gemm_operand *right = is_column_major ? &t->a : &t->b;
    const bool left_trans = (is_column_major ? d->trans_b : d->trans_a) == HPCK_TRANS;
    const bool right_trans = (is_column_major ? d->trans_a : d->trans_b) == HPCK_TRANS;
    const struct reference_gemm reference = {
        .m = t->c.rows,
        .n = t->c.columns,
        .k = d->k,
        .alpha = (double)t->alpha,
        .beta = (double)t->beta,
        .dtype_in = (enum reference_dtype)d->dtype,
        .dtype_out = (enum reference_dtype)d->dtype_c,
        .a = left->host,
        .b = right->host,
        .c_in = t->c_before,
        .a_offset = gemm_operand_index(left, entry, 0, 0),
        .a_row = left_trans ? 1 : left->ld,
        .a_col = left_trans ? left->ld : 1,
        .b_offset = gemm_operand_index(right, entry, 0, 0),
        .b_row = right_trans ? 1 : right->ld,
        .b_col = right_trans ? right->ld : 1,
        .c_offset = gemm_operand_index(&t->c, entry, 0, 0),
        .c_row = t->c.ld,
        .c_col = 1,
        .bias = t->has_bias ? t->bias.host : NULL,
        .bias_offset = t->offset_bias,
        .activation = (int)d->activation,
        .tf32 = d->allow_tf32 && d->dtype == HPCK_F32,
    };
    return reference;
}

char *gemm_case_print(const struct gemm_case *t, char *text)
{
    const hpck_gemm_desc *d = &t->desc;
    snprintf(text, GEMM_CASE_TEXT_MAX,
             "dtype %d>%d %s trans %d%d m%lld n%lld k%lld ld %lld,%lld,%lld offset %lld,%lld,%lld batch %lld "
             "alpha %g beta %g bias %d activation %d tf32 %d seed %llu",
             (int)d->dtype, (int)d->dtype_c, d->layout == HPCK_COLUMN_MAJOR ? "column-major" : "row-major",
             (int)d->trans_a, (int)d->trans_b, (long long)d->m, (long long)d->n, (long long)d->k,
             (long long)t->a.ld, (long long)t->b.ld, (long long)t->c.ld, (long long)t->offset_a,
             (long long)t->offset_b, (long long)t->offset_c, (long long)d->batch, (double)t->alpha, (double)t->beta,
             (int)t->has_bias, (int)d->activation, d->allow_tf32, (unsigned long long)t->seed);
    return text;
}

static void check_untouched(const struct gemm_case *t, const char *call)
{
    const size_t bytes = element_bytes(t->c.dtype);
    for (int64_t i = 0; i < t->c.elements; i++) {
        const size_t at = (size_t)i * bytes;
        if (t->is_c[i] || memcmp((char *)t->c.host + at, (char *)t->c_before + at, bytes) == 0) continue;
        fail_msg("%s: element %lld of C's buffer is outside C and was written", call, (long long)i);
    }
}

void gemm_case_call(struct gemm_case *t, const hpck_sync *sync)
{
    char call[GEMM_CASE_TEXT_MAX];
    gemm_case_print(t, call);
    expect_ok(t, gemm_case_run(t, sync), call);
}

void gemm_case_check(struct gemm_case *t)
{
    const enum reference_dtype dtype = (enum reference_dtype)t->c.dtype;
    char call[GEMM_CASE_TEXT_MAX];
    gemm_case_print(t, call);
    expect_ok(t, hpck_read(t->handle, t->c.host, t->c.memory, 0, (size_t)t->c.elements * element_bytes(t->c.dtype)),
              call);
    for (int64_t e = 0; e < t->c.batch; e++) {
        const struct reference_gemm reference = reference_of(t, e);
        for (int64_t r = 0; r < t->c.rows; r++) {
            for (int64_t c = 0; c < t->c.columns; c++) {
                double bound;
                const double expected = reference_gemm_value(&reference, r, c, &bound);
                const double got = reference_load(t->c.host, dtype, gemm_operand_index(&t->c, e, r, c));
                if (reference_matches(got, expected, bound, dtype)) continue;
                fail_msg("%s: entry %lld, stored row %lld, column %lld: got %.9g, expected %.9g within %.3g", call,
                         (long long)e, (long long)r, (long long)c, got, expected, bound);
            }
        }
    }
    check_untouched(t, call);
}

void gemm_case_free(struct gemm_case *t)
{
    struct gemm_operand *const operands[] = { &t->a, &t->b, &t->c, &t->bias };
    for (size_t i = 0; i < sizeof operands / sizeof operands[0]; i++) {
        if (operands[i]->memory != NULL) hpck_free(t->handle, operands[i]->memory);
        free(operands[i]->host);
    }
    free(t->c_before);
    free(t->is_c);
}

void gemm_case_verify(struct gemm_case *t)
{
    gemm_case_fill(t);
    gemm_case_call(t, NULL);
    gemm_case_check(t);
    gemm_case_free(t);
}

int device_setup(void **state)
{
    hpck_handle *handle = NULL;
    const hpck_status status = hpck_create(&handle, NULL);
    if (status != HPCK_OK) {
        print_error("hpck_create: %s: %s\n", hpck_status_string(status), hpck_error_message(handle));
        hpck_destroy(handle);
        return -1;
    }
    *state = handle;
    return 0;
}

int device_teardown(void **state)
{
    hpck_destroy(*state);
    return 0;
}
