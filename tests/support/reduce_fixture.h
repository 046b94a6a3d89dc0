/* A handle with buffers for CMocka tests of reductions: reduce_setup and reduce_teardown of a group, the fixture is its state.
 * Whatever fails ends the running test. */
#ifndef HPCK_TESTS_REDUCE_FIXTURE_H
#define HPCK_TESTS_REDUCE_FIXTURE_H

#include <hpck/hpck.h>

enum { REDUCE_OUT_MAX = 4096 };

struct reduce_fixture {
    hpck_handle *handle;
    void *x, *y, *extra; /* x_floats floats, REDUCE_OUT_MAX floats, as many int64_t */
    size_t x_floats;
};

int reduce_setup(void **state);
int reduce_teardown(void **state);

/* x from its first element on. */
void reduce_put(const struct reduce_fixture *f, const float *x, size_t count);

/* The reduction of x from x_offset on, and the first `count` floats of its result. */
void reduce_run(const struct reduce_fixture *f, const hpck_reduce_desc *desc, int64_t x_offset, float *y,
                size_t count);

/* The rows of a matrix. */
hpck_reduce_desc reduce_rows(hpck_reduce_op op, const int64_t *extents);

/* All of x, one result. */
float reduce_all(const struct reduce_fixture *f, hpck_reduce_op op, const float *x, int64_t count, int compensated);

#endif
