/* Every way to call hpck_reduce and hpck_normalize wrongly gives an error that names the argument and the rule; nothing is
 * launched, and the output is untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <hpck/hpck.h>

#include "handle.h"
#include "opencl.h"

enum { FLOATS = 4096 };
static const int64_t extents[] = { 4, 8 };
static const int last_axis[] = { 1 };

struct fixture {
    hpck_handle *handle;
    void *input, *output;
    hpck_reduce_desc desc;
    hpck_normalize_desc rows;
    float alpha, beta;
    hpck_buffer x, y;
};

static float poison[FLOATS];

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .desc = HPCK_REDUCE_DESC_INIT, .rows = HPCK_NORMALIZE_DESC_INIT, .alpha = 1.0F };
    if (hpck_create(&f.handle, NULL) != HPCK_OK) return -1;
    for (int i = 0; i < FLOATS; i++)
        poison[i] = 12345.0F;
    if (hpck_malloc(f.handle, sizeof poison, &f.input) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, sizeof poison, &f.output) != HPCK_OK) return -1;
    if (hpck_write(f.handle, f.input, 0, poison, sizeof poison) != HPCK_OK) return -1;
    f.desc.dims = 2;
    f.desc.extents = extents;
    f.desc.axes = last_axis;
    f.desc.axis_count = 1;
    f.rows.rows = 4;
    f.rows.columns = 8;
    f.x = (hpck_buffer){ f.input, 0 };
    f.y = (hpck_buffer){ f.output, 0 };
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const struct fixture *f = *state;
    hpck_destroy(f->handle);
    return 0;
}

static hpck_status reduce(const struct fixture *f)
{
    return hpck_reduce(f->handle, &f->desc, f->alpha, f->x, f->beta, f->y, NULL);
}

static hpck_status normalize(const struct fixture *f)
{
    return hpck_normalize(f->handle, &f->rows, f->x, f->y, NULL);
}

static void assert_refused_by(const struct fixture *f, hpck_status (*call)(const struct fixture *),
                              const char *message)
{
    static float back[FLOATS];
    assert_int_equal(hpck_write(f->handle, f->output, 0, poison, sizeof poison), HPCK_OK);
    cl_event last = f->handle->device->last;
    hpck_status st = call(f);
    if (st != HPCK_INVALID_ARGUMENT)
        fail_msg("%s instead of HPCK_INVALID_ARGUMENT for: %s", hpck_status_string(st), message);
    if (strstr(hpck_error_message(f->handle), message) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", hpck_error_message(f->handle), message);
    assert_ptr_equal(f->handle->device->last, last);
    assert_int_equal(hpck_read(f->handle, back, f->output, 0, sizeof back), HPCK_OK);
    assert_memory_equal(back, poison, sizeof back);
}

static void assert_refused(const struct fixture *f, const char *message)
{
    assert_refused_by(f, reduce, message);
}

static void wrong_axes(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.axes = (const int[]){ 2 };
    assert_refused(&f, "reduce: axes[0] = 2 must be from 0 to dims - 1 = 1");
    f.desc.axes = (const int[]){ -1 };
    assert_refused(&f, "reduce: axes[0] = -1 must be from 0 to dims - 1 = 1");
    f.desc.axes = (const int[]){ 1, 1 };
    f.desc.axis_count = 2;
    assert_refused(&f, "reduce: axes[1] = 1 is there twice");
    f.desc.axis_count = 3;
    assert_refused(&f, "reduce: axis_count = 3 must be from 0 to dims = 2");
    f.desc.axes = NULL;
    assert_refused(&f, "reduce: axes is NULL, axis_count is 3");
}

static void wrong_values(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.op = (hpck_reduce_op)15;
    assert_refused(&f, "reduce: op = 15 is none of its values");
    f = *(struct fixture *)*state;
    f.desc.dtype = HPCK_F16;
    f.desc.dtype_y = HPCK_BF16;
    assert_refused(&f, "reduce: dtype_y = bf16 must be dtype = f16 or f32");
    f = *(struct fixture *)*state;
    f.desc.compensated = 1;
    f.desc.op = HPCK_MAX;
    assert_refused(&f, "compensated goes with sum, mean, norm1, sumsq and dot");
    f = *(struct fixture *)*state;
    f.desc.op = HPCK_ARGMAX;
    assert_refused(&f, "reduce: indices has no memory, argmax needs it");
    f.desc.indices = f.y;
    f.y.memory = NULL;
    f.alpha = 2.0F;
    assert_refused(&f, "reduce: alpha = 2 and beta = 0 must be 1 and 0 for argmax");
    f = *(struct fixture *)*state;
    f.desc.variance = f.y;
    assert_refused(&f, "reduce: variance is given, sum has none");
    f = *(struct fixture *)*state;
    f.y.memory = NULL;
    assert_refused(&f, "reduce: y has no memory, sum needs it");
    f = *(struct fixture *)*state;
    f.desc.correction = -1.0;
    assert_refused(&f, "reduce: correction = -1 must be 0 or a positive number");
    f = *(struct fixture *)*state;
    f.desc.size = 8;
    assert_refused(&f, "reduce: desc: size = 8 is not the size of any version");
}

static void wrong_extents(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.dims = 9;
    assert_refused(&f, "reduce: dims = 9 must be from 0 to 8");
    f = *(struct fixture *)*state;
    f.desc.extents = (const int64_t[]){ 4, -8 };
    assert_refused(&f, "reduce: extents[1] = -8 is negative");
    f.desc.extents = (const int64_t[]){ INT64_C(1) << 40, INT64_C(1) << 40 };
    assert_refused(&f, "the number of elements must fit in 63 bits");
    f.desc.op = HPCK_MIN;
    f.desc.extents = (const int64_t[]){ 4, 0 };
    assert_refused(&f, "min, max, argmin and argmax of no elements are not defined");
}

static void wrong_memory(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.extents = (const int64_t[]){ 512, 9 };
    assert_refused(&f,
                   "reduce: x has 16384 bytes, too few for these extents, strides and offset: element 4607 ends at "
                   "byte 18432");
    f = *(struct fixture *)*state;
    f.y.offset = FLOATS - 3;
    assert_refused(&f,
                   "reduce: y has 16384 bytes, too few for these extents, strides and offset: element 4096 ends");
    f = *(struct fixture *)*state;
    f.x.offset = -1;
    assert_refused(&f, "reduce: x.offset = -1 is negative");
    f = *(struct fixture *)*state;
    f.desc.strides_x = (const int64_t[]){ -8, 1 };
    f.x.offset = 20;
    assert_refused(&f, "reduce: x begins 4 elements before its buffer");
    f.desc.strides_x = (const int64_t[]){ INT64_MAX / 4, 1 };
    f.x.offset = 20;
    assert_refused(&f, "the last element of x, by its extents, strides and offset, does not fit in 63 bits");
    static const int64_t far[] = { INT64_MAX, INT64_MIN, INT64_MAX / 3 + 1, -(INT64_MAX / 2) };
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        f = *(struct fixture *)*state;
        f.desc.strides_x = (const int64_t[]){ far[i], 1 };
        assert_refused(&f, "reduce: strides_x[0] = ");
        assert_refused(&f, "reaches too far: the last element does not fit in 63 bits");
        f.desc.strides_x = NULL;
        f.desc.strides_y = (const int64_t[]){ far[i], 1 };
        assert_refused(&f, "reduce: strides_y[0] = ");
    }
    f = *(struct fixture *)*state;
    f.x.memory = NULL;
    assert_refused(&f, "x");
}

static void overlaps(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.strides_y = (const int64_t[]){ 0, 0 };
    assert_refused(&f,
                   "reduce: strides_y[0] = 0 makes elements of y overlap: smaller strides reach 0 elements far");
    f = *(struct fixture *)*state;
    f.desc.dims = 3;
    f.desc.extents = (const int64_t[]){ 3, 4, 5 };
    f.desc.strides_y = (const int64_t[]){ 3, 1, 0 };
    f.desc.axes = (const int[]){ 2 };
    assert_refused(&f,
                   "reduce: strides_y[0] = 3 makes elements of y overlap: smaller strides reach 3 elements far");
    f = *(struct fixture *)*state;
    f.x = (hpck_buffer){ f.output, 0 };
    f.y = (hpck_buffer){ f.output, 31 };
    assert_refused(&f, "reduce: y overlaps x in the same buffer");
    f = *(struct fixture *)*state;
    f.desc.op = HPCK_MEANVAR;
    f.desc.variance = (hpck_buffer){ f.output, 3 };
    assert_refused(&f, "reduce: y overlaps variance in the same buffer");
}

static void wrong_rows(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.rows.ld_x = 7;
    assert_refused_by(&f, normalize, "normalize: ld_x = 7 is less than columns = 8");
    f = *(struct fixture *)*state;
    f.rows.rows = -1;
    assert_refused_by(&f, normalize, "normalize: rows = -1 is negative");
    f = *(struct fixture *)*state;
    f.rows.op = (hpck_normalize_op)4;
    assert_refused_by(&f, normalize, "normalize: op = 4 is none of its values");
    f = *(struct fixture *)*state;
    f.rows.scale = f.x;
    assert_refused_by(&f, normalize, "normalize: scale is given, softmax has none");
    f = *(struct fixture *)*state;
    f.y = (hpck_buffer){ f.x.memory, f.x.offset + 1 };
    assert_refused_by(&f, normalize, "normalize: y overlaps x in the same buffer");
    f.y = f.x;
    f.rows.ld_y = f.rows.columns + 1;
    assert_refused_by(&f, normalize, "normalize: y overlaps x in the same buffer");
    f = *(struct fixture *)*state;
    f.rows.op = HPCK_LAYERNORM;
    f.rows.epsilon = -1.0F;
    assert_refused_by(&f, normalize, "normalize: epsilon = -1 must be 0 or a positive number");
    f.rows.epsilon = 0.0F;
    f.rows.shift = (hpck_buffer){ f.input, FLOATS - 7 };
    assert_refused_by(&f, normalize, "normalize: shift has 16384 bytes, too few");
}

static void nothing_to_write_is_fine(void **state)
{
    struct fixture f = *(struct fixture *)*state;
    f.desc.extents = (const int64_t[]){ 0, 8 };
    assert_int_equal(reduce(&f), HPCK_OK);
    f.rows.rows = 0;
    assert_int_equal(normalize(&f), HPCK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_axes),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(wrong_extents),
        cmocka_unit_test(wrong_memory),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(wrong_rows),
        cmocka_unit_test(nothing_to_write_is_fine),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
