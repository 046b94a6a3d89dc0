/* Every way to call hpck_gemm wrongly gives an error that names the argument and the rule; nothing is launched, and the
 * output is untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <hpck/hpck.h>

#include "handle.h"
#include "opencl.h"

/* One buffer for A, B and bias and one for C, both of this many floats, and a valid call on them. */
enum { FLOATS = 4096 };

struct fixture {
    hpck_handle *handle;
    void *inputs, *output;
    hpck_gemm_desc desc;
    hpck_buffer a, b, c;
    hpck_sync sync;
};

static float poison[FLOATS];

static struct fixture valid_call(hpck_handle *handle, void *inputs, void *output)
{
    struct fixture f = { handle,        inputs,           output,        HPCK_GEMM_DESC_INIT,
                         { inputs, 0 }, { inputs, 1024 }, { output, 0 }, { 0, NULL, NULL } };
    f.desc.m = 8;
    f.desc.n = 16;
    f.desc.k = 4;
    return f;
}

static int setup(void **state)
{
    static struct fixture f;
    hpck_handle *handle = NULL;
    void *inputs = NULL;
    void *output = NULL;
    if (hpck_create(&handle, NULL) != HPCK_OK) return -1;
    for (int i = 0; i < FLOATS; i++)
        poison[i] = 12345.0F;
    if (hpck_malloc(handle, sizeof poison, &inputs) != HPCK_OK) return -1;
    if (hpck_malloc(handle, sizeof poison, &output) != HPCK_OK) return -1;
    if (hpck_write(handle, inputs, 0, poison, sizeof poison) != HPCK_OK) return -1;
    f = valid_call(handle, inputs, output);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const struct fixture *f = *state;
    hpck_destroy(f->handle);
    return 0;
}

static hpck_status call(const struct fixture *f)
{
    return hpck_gemm(f->handle, &f->desc, 1.0F, f->a, f->b, 0.0F, f->c, &f->sync);
}

/* The last command of the device tells whether anything was enqueued. */
static void assert_refused(const struct fixture *f, const char *message)
{
    static float back[FLOATS];
    assert_int_equal(hpck_write(f->handle, f->output, 0, poison, sizeof poison), HPCK_OK);
    cl_event last = f->handle->device->last;
    hpck_status st = call(f);
    if (st != HPCK_INVALID_ARGUMENT)
        fail_msg("%s instead of HPCK_INVALID_ARGUMENT for: %s", hpck_status_string(st), message);
    assert_string_equal(hpck_error_message(f->handle), message);
    assert_ptr_equal(f->handle->device->last, last);
    assert_int_equal(hpck_read(f->handle, back, f->output, 0, sizeof back), HPCK_OK);
    assert_memory_equal(back, poison, sizeof back);
}

#define CASE(change, message)                                                                                      \
    do {                                                                                                           \
        struct fixture f = *(const struct fixture *)*state;                                                        \
        change;                                                                                                    \
        assert_refused(&f, message);                                                                               \
    } while (0)

static void the_valid_call_is_valid(void **state)
{
    struct fixture f = *(const struct fixture *)*state;
    cl_event last = f.handle->device->last;
    assert_int_equal(call(&f), HPCK_OK);
    assert_ptr_not_equal(f.handle->device->last, last);
}

static void values_out_of_range(void **state)
{
    CASE(f.desc.size = 8,
         "gemm: desc: size = 8 is not the size of any version of the struct (initialise it with its "
         "HPCK_..._INIT)");
    CASE(f.desc.dtype = (hpck_dtype)7, "gemm: dtype = 7 is none of HPCK_F32, HPCK_F16 or HPCK_BF16");
    CASE(f.desc.dtype_c = (hpck_dtype)-1, "gemm: dtype_c = -1 is none of HPCK_F32, HPCK_F16 or HPCK_BF16");
    CASE(f.desc.dtype_c = HPCK_F16, "gemm: dtype_c = f16 must be dtype = f32 or f32");
    CASE(f.desc.layout = (hpck_layout)2, "gemm: layout = 2 is none of HPCK_ROW_MAJOR or HPCK_COLUMN_MAJOR");
    CASE(f.desc.trans_a = (hpck_trans)5, "gemm: trans_a = 5 is none of HPCK_NO_TRANS or HPCK_TRANS");
    CASE(f.desc.trans_b = (hpck_trans)-5, "gemm: trans_b = -5 is none of HPCK_NO_TRANS or HPCK_TRANS");
    CASE(f.desc.activation = (hpck_activation)4,
         "gemm: activation = 4 is none of HPCK_IDENTITY, HPCK_RELU, HPCK_GELU or HPCK_SILU");
    CASE(f.desc.allow_tf32 = 2, "gemm: allow_tf32 = 2 is none of 0 or 1");
}

static void negative_numbers(void **state)
{
    CASE(f.desc.m = -1, "gemm: m = -1 is negative");
    CASE(f.desc.n = -2, "gemm: n = -2 is negative");
    CASE(f.desc.k = INT64_MIN, "gemm: k = -9223372036854775808 is negative");
    CASE(f.desc.batch = -1, "gemm: batch = -1 is negative");
    CASE(f.desc.lda = -4, "gemm: lda = -4 is negative");
    CASE(f.desc.stride_a = -1, "gemm: stride_a = -1 is negative");
    CASE(f.desc.stride_c = -1, "gemm: stride_c = -1 is negative");
    CASE(f.a.offset = -1, "gemm: a.offset = -1 is negative");
    CASE(f.c.offset = INT64_MIN, "gemm: c.offset = -9223372036854775808 is negative");
}

static void leading_dimensions_too_small(void **state)
{
    CASE(f.desc.lda = 3, "gemm: lda = 3 is less than k = 4 (row-major A, no transpose)");
    CASE(f.desc.ldb = 15, "gemm: ldb = 15 is less than n = 16 (row-major B, no transpose)");
    CASE(f.desc.ldc = 1, "gemm: ldc = 1 is less than n = 16 (row-major C)");
    CASE((f.desc.trans_a = HPCK_TRANS, f.desc.lda = 7),
         "gemm: lda = 7 is less than m = 8 (row-major A, transposed)");
    CASE((f.desc.trans_b = HPCK_TRANS, f.desc.ldb = 3),
         "gemm: ldb = 3 is less than k = 4 (row-major B, transposed)");
    CASE((f.desc.layout = HPCK_COLUMN_MAJOR, f.desc.lda = 7),
         "gemm: lda = 7 is less than m = 8 (column-major A, no transpose)");
    CASE((f.desc.layout = HPCK_COLUMN_MAJOR, f.desc.trans_b = HPCK_TRANS, f.desc.ldb = 15),
         "gemm: ldb = 15 is less than n = 16 (column-major B, transposed)");
    CASE((f.desc.layout = HPCK_COLUMN_MAJOR, f.desc.ldc = 7), "gemm: ldc = 7 is less than m = 8 (column-major C)");
}

static void buffers_missing_or_too_small(void **state)
{
    CASE(f.a.memory = NULL, "a: memory is NULL");
    CASE(f.b.memory = NULL, "b: memory is NULL");
    CASE(f.c.memory = NULL, "c: memory is NULL");
    CASE(f.b.offset = FLOATS - 4 * 16 + 1,
         "gemm: b has 16384 bytes, too few for this shape, ld, offset and stride: element 4096 ends at byte 16388");
    CASE(f.desc.ldc = FLOATS, "gemm: c has 16384 bytes, too few for this shape, ld, offset and stride: element "
                              "28687 ends at byte 114752");
    CASE((f.desc.batch = 3, f.desc.stride_a = 2048, f.desc.stride_c = 128),
         "gemm: a has 16384 bytes, too few for this shape, ld, offset and stride: element 4127 ends at byte 16512");
    CASE((f.desc.bias.memory = f.inputs, f.desc.bias.offset = FLOATS - 15),
         "gemm: bias has 16384 bytes, too few for this shape, ld, offset and stride: element 4096 ends at byte "
         "16388");
    CASE((f.desc.bias.memory = f.inputs, f.desc.bias.offset = -3), "gemm: bias.offset = -3 is negative");
}

static void sizes_that_overflow(void **state)
{
    CASE(f.desc.lda = INT64_MAX / 2, "gemm: a ends at offset 0 + the last entry of 1 + 8 lines of ld = "
                                     "4611686018427387903, which does not fit in 63 bits");
    CASE((f.desc.batch = 1 << 20, f.desc.stride_b = INT64_MAX / 2, f.desc.stride_c = 128),
         "gemm: b ends at offset 1024 + the last entry of 1048576 + 4 lines of ld = 16, which does not fit in 63 "
         "bits");
    CASE(
        f.c.offset = INT64_MAX,
        "gemm: c ends at offset 9223372036854775807 + the last entry of 1 + 8 lines of ld = 16, which does not fit "
        "in 63 bits");
    CASE(
        f.c.offset = INT64_MAX / 2,
        "gemm: c ends at offset 4611686018427387903 + the last entry of 1 + 8 lines of ld = 16, which does not fit "
        "in 63 bits");

    struct fixture f = *(const struct fixture *)*state;
    f.desc.m = f.desc.n = f.desc.k = INT64_MAX / 2;
    assert_int_equal(call(&f), HPCK_INVALID_ARGUMENT);
}

static void batches(void **state)
{
    const int64_t list[] = { 0, 128 };
    const int64_t negative[] = { 0, -1 };
    const int64_t far[] = { 0, FLOATS };
    CASE(f.desc.batch = 2,
         "gemm: stride_c = 0 makes the 2 entries of C overlap (8 lines of 16 elements, ldc = 16)");
    CASE((f.desc.batch = 2, f.desc.stride_c = 127),
         "gemm: stride_c = 127 makes the 2 entries of C overlap (8 lines of 16 elements, ldc = 16)");
    CASE((f.desc.batch = 3, f.desc.ldc = 40, f.desc.stride_c = 16),
         "gemm: stride_c = 16 makes the 3 entries of C overlap (8 lines of 16 elements, ldc = 40)");
    CASE((f.desc.batch = 2, f.desc.offsets_a = list, f.desc.offsets_c = list),
         "gemm: offsets_b is NULL: the three offset lists are given together or not at all");
    CASE((f.desc.batch = 2, f.desc.offsets_a = list, f.desc.offsets_b = negative, f.desc.offsets_c = list),
         "gemm: offsets_b[1] = -1 is negative");
    CASE((f.desc.batch = 2, f.desc.offsets_a = list, f.desc.offsets_b = list, f.desc.offsets_c = far),
         "gemm: c has 16384 bytes, too few for this shape, ld, offset and stride: element 4223 ends at byte 16896");
}

static void overlapping_operands(void **state)
{
    const int64_t list[] = { 0, 128 };
    CASE(f.a.memory = f.output, "gemm: c overlaps a in the same buffer");
    CASE((f.b.memory = f.output, f.b.offset = 127), "gemm: c overlaps b in the same buffer");
    CASE(f.desc.bias.memory = f.output, "gemm: c overlaps bias in the same buffer");
    CASE((f.desc.batch = 2, f.desc.offsets_a = list, f.desc.offsets_b = list, f.desc.offsets_c = list,
          f.b.memory = f.output, f.b.offset = 100),
         "gemm: c overlaps b in the same buffer");
}

/* What lies beside each other in one buffer is no overlap: blocks of one matrix, heads of one tensor. */
static void neighbours_in_one_buffer_are_fine(void **state)
{
    struct fixture f = *(const struct fixture *)*state;
    f.desc.lda = f.desc.ldb = f.desc.ldc = 64; /* A | C in the rows of one 64-column matrix, B below them */
    f.a = (hpck_buffer){ f.output, 0 };
    f.c = (hpck_buffer){ f.output, 4 };
    f.b = (hpck_buffer){ f.output, 8 * 64 };
    assert_int_equal(call(&f), HPCK_OK);

    f = *(const struct fixture *)*state;
    f.desc.batch = 3; /* three blocks of columns of one C */
    f.desc.ldc = 48;
    f.desc.stride_c = 16;
    assert_int_equal(call(&f), HPCK_OK);
}

/* The ld of a single line and the stride of a single entry lead nowhere: any value is fine, and compared with care. */
static void distances_that_nothing_is_reached_by(void **state)
{
    struct fixture f = *(const struct fixture *)*state;
    f.desc.m = 1;
    f.c = (hpck_buffer){ f.output, 0 };
    f.a = (hpck_buffer){ f.output, 1024 };
    f.desc.lda = f.desc.ldc = INT64_C(1) << 62; /* in bytes a multiple of 2^64 */
    f.desc.stride_a = f.desc.stride_c = INT64_MAX;
    assert_int_equal(call(&f), HPCK_OK);
    f.a.offset = 2;
    assert_refused(&f, "gemm: c overlaps a in the same buffer");
}

static void events(void **state)
{
    const hpck_event list[] = { NULL, NULL };
    CASE(f.sync.wait_count = 2, "sync: wait_list is NULL, wait_count is 2");
    CASE((f.sync.wait_count = 2, f.sync.wait_list = list), "sync: wait_list[0] is NULL");

    struct fixture f = *(const struct fixture *)*state;
    hpck_event event = &f;
    f.desc.lda = 1;
    f.sync.event = &event;
    assert_int_equal(call(&f), HPCK_INVALID_ARGUMENT);
    assert_ptr_equal(event, &f); /* untouched on failure */
}

static void nothing_at_all(void **state)
{
    const struct fixture *f = *state;
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm(f->handle, NULL, 1.0F, f->a, f->b, 0.0F, f->c, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(f->handle), "gemm: desc is NULL");
    assert_int_equal(hpck_gemm_plan(f->handle, NULL, &plan), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_gemm_plan(f->handle, &f->desc, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(f->handle), "gemm: plan is NULL");
    hpck_gemm_desc empty = f->desc;
    empty.m = 0;
    assert_int_equal(hpck_gemm_plan(f->handle, &empty, &plan), HPCK_INVALID_ARGUMENT);
    assert_null(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_valid_call_is_valid),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(negative_numbers),
        cmocka_unit_test(leading_dimensions_too_small),
        cmocka_unit_test(buffers_missing_or_too_small),
        cmocka_unit_test(sizes_that_overflow),
        cmocka_unit_test(batches),
        cmocka_unit_test(overlapping_operands),
        cmocka_unit_test(neighbours_in_one_buffer_are_fine),
        cmocka_unit_test(distances_that_nothing_is_reached_by),
        cmocka_unit_test(events),
        cmocka_unit_test(nothing_at_all),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
