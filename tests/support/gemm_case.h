/* One call of hpck_gemm through the public API alone, with everything it may vary, on operands made for it:
 *     gemm_case_init(&t, handle); t.desc.m = 17; ...   say what to call
 *     gemm_case_fill(&t);         host operands: random where the call reads, poison (NaN) elsewhere
 *     t.a.host ...                (edit them)
 *     gemm_case_run(&t, sync);    upload, call; the status is the call's
 *     gemm_case_check(&t);        every element of C against the oracle, everything else untouched
 *     gemm_case_free(&t);
 * Failures end the running CMocka test with a message that names the call and the element. */
#ifndef HPCK_TESTS_GEMM_CASE_H
#define HPCK_TESTS_GEMM_CASE_H

#include <stdbool.h>

#include <hpck/hpck.h>

struct gemm_operand {
    hpck_dtype dtype;
    int64_t rows, columns, ld; /* as they lie in memory, a row is what is contiguous */
    int64_t batch, stride;
    const int64_t *offsets; /* instead of the stride, or NULL */
    int64_t offset;
    int64_t elements; /* of the whole buffer */
    void *host;
    void *memory;
};

struct gemm_case {
    hpck_handle *handle;
    hpck_gemm_desc desc; /* desc.bias stays unset: has_bias asks for one */
    float alpha, beta;
    bool has_bias;
    int64_t offset_a, offset_b, offset_c, offset_bias;
    uint64_t seed;
    /* made by gemm_case_fill */
    struct gemm_operand a, b, c, bias;
    void *c_before;      /* what C's buffer held before the call */
    unsigned char *is_c; /* per element of C's buffer: 1 where it belongs to an entry of C */
};

/* alpha 1, beta 0, no bias, seed 1, f32, row-major, not transposed, sizes 0, batch 1. */
void gemm_case_init(struct gemm_case *t, hpck_handle *handle);
void gemm_case_fill(struct gemm_case *t);
hpck_status gemm_case_run(struct gemm_case *t, const hpck_sync *sync);
void gemm_case_call(struct gemm_case *t, const hpck_sync *sync); /* a run that must succeed */
void gemm_case_check(struct gemm_case *t);
void gemm_case_free(struct gemm_case *t);

/* The whole life of a case; the call must succeed. */
void gemm_case_verify(struct gemm_case *t);

/* "dtype 0>0 row-major ...": the call, for messages. */
enum { GEMM_CASE_TEXT_MAX = 256 };
char *gemm_case_print(const struct gemm_case *t, char *text);

/* Element (row, column) of entry `entry` of an operand, in its own storage order. */
int64_t gemm_operand_index(const struct gemm_operand *x, int64_t entry, int64_t row, int64_t column);

/* A CMocka group's set-up and tear-down: *state is a handle on the default device. */
int device_setup(void **state);
int device_teardown(void **state);

#endif
