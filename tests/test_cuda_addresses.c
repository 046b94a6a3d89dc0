/* Memory that begins at any element: on CUDA a caller's buffer is a pointer, mostly into the middle of an allocation. Results must
 * have the same bits as from aligned memory; the emulator reports misaligned accesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <hpck/hpck.h>

#include "emulated.h"

enum { SIZE = 64, COUNT = SIZE * SIZE, ROOM = COUNT * 4 + 64 };

struct memory {
    hpck_handle *handle;
    char *a, *b, *c;
};

static char *values(hpck_handle *handle, size_t shift, size_t element)
{
    static unsigned char bytes[ROOM];
    void *memory = NULL;
    assert_int_equal(hpck_malloc(handle, ROOM, &memory), HPCK_OK);
    for (size_t i = 0; i < COUNT; i++) {
        const float x = (float)((i * 37 + i / 11) % 9) / 4 - 1;
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        const uint16_t upper = (uint16_t)(bits >> 16); /* bf16, exact for these */
        memcpy(bytes + shift + i * element, element == 4 ? (void *)&bits : (void *)&upper, element);
    }
    assert_int_equal(hpck_write(handle, memory, 0, bytes, ROOM), HPCK_OK);
    return (char *)memory + shift;
}

static hpck_status product(const struct memory *m, hpck_dtype dtype)
{
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.dtype = desc.dtype_c = dtype;
    desc.m = desc.n = desc.k = SIZE;
    return hpck_gemm(m->handle, &desc, 1.0F, (hpck_buffer){ m->a, 0 }, (hpck_buffer){ m->b, 0 }, 0.0F,
                     (hpck_buffer){ m->c, 0 }, NULL);
}

static hpck_status reduction(const struct memory *m, hpck_dtype dtype, int axis, hpck_reduce_op op)
{
    static const int64_t extents[] = { SIZE, SIZE };
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = op;
    desc.dtype = desc.dtype_y = dtype;
    desc.dims = 2;
    desc.extents = extents;
    desc.axes = &axis;
    desc.axis_count = 1;
    if (op == HPCK_DOT) desc.x2 = (hpck_buffer){ m->b, 0 };
    return hpck_reduce(m->handle, &desc, 1.0F, (hpck_buffer){ m->a, 0 }, 0.0F, (hpck_buffer){ m->c, 0 }, NULL);
}

static hpck_status rows_sum(const struct memory *m, hpck_dtype dtype)
{
    return reduction(m, dtype, 1, HPCK_SUM);
}

static hpck_status columns_sum(const struct memory *m, hpck_dtype dtype)
{
    return reduction(m, dtype, 0, HPCK_SUM);
}

static hpck_status rows_dot(const struct memory *m, hpck_dtype dtype)
{
    return reduction(m, dtype, 1, HPCK_DOT);
}

static hpck_status columns_dot(const struct memory *m, hpck_dtype dtype)
{
    return reduction(m, dtype, 0, HPCK_DOT);
}

static hpck_status softmax(const struct memory *m, hpck_dtype dtype)
{
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    desc.dtype = desc.dtype_y = dtype;
    desc.rows = desc.columns = SIZE;
    return hpck_normalize(m->handle, &desc, (hpck_buffer){ m->a, 0 }, (hpck_buffer){ m->c, 0 }, NULL);
}

/* Rows that are aligned while their scale is not: in place, then copied to c. */
static hpck_status scaled(const struct memory *m, hpck_dtype dtype)
{
    const int none[] = { 0 };
    const int64_t count = COUNT;
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    hpck_reduce_desc copy = HPCK_REDUCE_DESC_INIT;
    desc.op = HPCK_LAYERNORM;
    desc.dtype = desc.dtype_y = copy.dtype = copy.dtype_y = dtype;
    desc.rows = desc.columns = SIZE;
    desc.scale = (hpck_buffer){ m->a, 0 };
    copy.dims = 1;
    copy.extents = &count;
    copy.axes = none;
    const hpck_status st =
        hpck_normalize(m->handle, &desc, (hpck_buffer){ m->b, 0 }, (hpck_buffer){ m->b, 0 }, NULL);
    if (st != HPCK_OK) return st;
    return hpck_reduce(m->handle, &copy, 1.0F, (hpck_buffer){ m->b, 0 }, 0.0F, (hpck_buffer){ m->c, 0 }, NULL);
}

static hpck_status convolution(const struct memory *m, hpck_dtype dtype)
{
    hpck_conv_desc desc = HPCK_CONV_DESC_INIT;
    desc.dtype = dtype;
    desc.layout = HPCK_NHWC;
    desc.filter_layout = HPCK_KRSC;
    desc.c = desc.k = desc.h = 16;
    desc.w = 8;
    desc.r = desc.s = 3;
    desc.pad_top = desc.pad_bottom = desc.pad_left = desc.pad_right = 1;
    return hpck_conv(m->handle, &desc, 1.0F, (hpck_buffer){ m->a, 0 }, (hpck_buffer){ m->b, 0 }, 0.0F,
                     (hpck_buffer){ m->c, 0 }, NULL);
}

typedef hpck_status (*call_function)(const struct memory *m, hpck_dtype dtype);

/* The call on memory that begins `shift` elements behind an aligned address. */
static void run(hpck_handle *handle, call_function call, hpck_dtype dtype, size_t shift, unsigned char *result)
{
    const size_t element = dtype == HPCK_F32 ? 4 : 2;
    const struct memory m = { handle, values(handle, shift * element, element), values(handle, 0, element),
                              values(handle, shift * element, element) };
    if (call(&m, dtype) != HPCK_OK || hpck_synchronize(handle) != HPCK_OK)
        fail_msg("shifted by %zu elements: %s", shift, hpck_error_message(handle));
    assert_int_equal(hpck_read(handle, result, m.c, 0, COUNT * element), HPCK_OK);
    assert_int_equal(hpck_free(handle, m.a - shift * element), HPCK_OK);
    assert_int_equal(hpck_free(handle, m.b), HPCK_OK);
    assert_int_equal(hpck_free(handle, m.c - shift * element), HPCK_OK);
}

static void memory_may_begin_at_any_element(void **state)
{
    static const call_function calls[] = { product,     rows_sum, columns_sum, rows_dot,
                                           columns_dot, softmax,  scaled,      convolution };
    static unsigned char aligned[ROOM], shifted[ROOM];
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    (void)state;
    options.device = "cuda:0";
    options.cache_dir = "";
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            const hpck_dtype dtype = bf16 ? HPCK_BF16 : HPCK_F32;
            run(handle, calls[c], dtype, 0, aligned);
            for (size_t shift = 1; shift < 3; shift++) {
                run(handle, calls[c], dtype, shift, shifted);
                assert_memory_equal(aligned, shifted, COUNT * (bf16 ? 2 : 4));
            }
        }
    hpck_destroy(handle);
}

static void no_operand_begins_between_elements(void **state)
{
    static const call_function calls[] = { product, rows_sum, softmax, convolution };
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    (void)state;
    options.device = "cuda:0";
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    char *a = values(handle, 0, 4), *c = values(handle, 0, 4);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        assert_int_equal(calls[i](&(struct memory){ handle, a + 1, a, c }, HPCK_BF16), HPCK_INVALID_ARGUMENT);
        assert_non_null(strstr(hpck_error_message(handle), "must begin at a multiple of 2 bytes"));
        assert_int_equal(calls[i](&(struct memory){ handle, a, a, c + 2 }, HPCK_F32), HPCK_INVALID_ARGUMENT);
        assert_non_null(strstr(hpck_error_message(handle), "must begin at a multiple of 4 bytes"));
    }
    hpck_destroy(handle);
}

static void a_workspace_may_not(void **state)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    void *memory = NULL;
    (void)state;
    options.device = "cuda:0";
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    assert_int_equal(hpck_malloc(handle, 256, &memory), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, (char *)memory + 4, 128), HPCK_INVALID_ARGUMENT);
    assert_non_null(strstr(hpck_error_message(handle), "16 bytes"));
    assert_int_equal(hpck_set_workspace(handle, (char *)memory + 16, 128), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, NULL, 0), HPCK_OK);
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
    hpck_destroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_begin_at_any_element),
        cmocka_unit_test(a_workspace_may_not),
        cmocka_unit_test(no_operand_begins_between_elements),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
