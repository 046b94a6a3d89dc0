/* Buffers, and the calls that tests of reductions make again and again. */
#include "reduce_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

int reduce_setup(void **state)
{
    static struct reduce_fixture f;
    f.x_floats = 1 << 20;
    if (hpck_create(&f.handle, NULL) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, f.x_floats * sizeof(float), &f.x) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, REDUCE_OUT_MAX * sizeof(float), &f.y) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, REDUCE_OUT_MAX * sizeof(int64_t), &f.extra) != HPCK_OK) return -1;
    *state = &f;
    return 0;
}

int reduce_teardown(void **state)
{
    const struct reduce_fixture *f = *state;
    hpck_destroy(f->handle);
    return 0;
}

void reduce_put(const struct reduce_fixture *f, const float *x, size_t count)
{
    assert_true(count <= f->x_floats);
    assert_int_equal(hpck_write(f->handle, f->x, 0, x, count * sizeof *x), HPCK_OK);
}

void reduce_run(const struct reduce_fixture *f, const hpck_reduce_desc *desc, int64_t x_offset, float *y,
                size_t count)
{
    hpck_status st =
        hpck_reduce(f->handle, desc, 1.0F, (hpck_buffer){ f->x, x_offset }, 0.0F, (hpck_buffer){ f->y, 0 }, NULL);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, count * sizeof *y), HPCK_OK);
}

hpck_reduce_desc reduce_rows(hpck_reduce_op op, const int64_t *extents)
{
    static const int axis[] = { 1 };
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = op;
    desc.dims = 2;
    desc.extents = extents;
    desc.axes = axis;
    desc.axis_count = 1;
    return desc;
}

float reduce_all(const struct reduce_fixture *f, hpck_reduce_op op, const float *x, int64_t count, int compensated)
{
    float y;
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = op;
    desc.dims = 1;
    desc.extents = &count;
    desc.compensated = compensated;
    reduce_put(f, x, (size_t)count);
    reduce_run(f, &desc, 0, &y, 1);
    return y;
}
