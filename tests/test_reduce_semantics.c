/* What hpck_reduce promises beside accuracy: strides of every sign, axes in any order, empty extents, NaN and ties, results
 * that do not depend on tuning (nor on the number of rows: test_row_stability.c), and sums that survive cancellation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handle.h"
#include "op_reduce.h"
#include "plan.h"
#include "reduce.h"

enum { OUT_MAX = 4096 };

struct fixture {
    hpck_handle *handle;
    void *x, *y, *extra;
    size_t x_floats;
};

static int setup(void **state)
{
    static struct fixture f;
    f.x_floats = 1 << 20;
    if (hpck_create(&f.handle, NULL) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, f.x_floats * sizeof(float), &f.x) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, OUT_MAX * sizeof(float), &f.y) != HPCK_OK) return -1;
    if (hpck_malloc(f.handle, OUT_MAX * sizeof(int64_t), &f.extra) != HPCK_OK) return -1;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    const struct fixture *f = *state;
    hpck_destroy(f->handle);
    return 0;
}

static void put(const struct fixture *f, const float *x, size_t count)
{
    assert_true(count <= f->x_floats);
    assert_int_equal(hpck_write(f->handle, f->x, 0, x, count * sizeof *x), HPCK_OK);
}

static void run(const struct fixture *f, const hpck_reduce_desc *desc, int64_t x_offset, float *y, size_t count)
{
    hpck_status st =
        hpck_reduce(f->handle, desc, 1.0F, (hpck_buffer){ f->x, x_offset }, 0.0F, (hpck_buffer){ f->y, 0 }, NULL);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, count * sizeof *y), HPCK_OK);
}

static hpck_reduce_desc rows_of(hpck_reduce_op op, const int64_t *extents)
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

static float full(const struct fixture *f, hpck_reduce_op op, const float *x, int64_t count, int compensated)
{
    float y;
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = op;
    desc.dims = 1;
    desc.extents = &count;
    desc.compensated = compensated;
    put(f, x, (size_t)count);
    run(f, &desc, 0, &y, 1);
    return y;
}

/* Small integers: every order of addition gives the same float. */
static void any_strides_and_axes(void **state)
{
    const struct fixture *f = *state;
    enum { N = 40000 };
    static float x[N], y[OUT_MAX];
    static const struct {
        int dims;
        int64_t extents[4], strides[4], offset;
        int axis_count, axes[4];
    } cases[] = {
        { 1, { 1000 }, { 3 }, 5, 1, { 0 } },
        { 1, { 1000 }, { -1 }, 999, 1, { 0 } },
        { 1, { 1000 }, { 0 }, 7, 1, { 0 } },
        { 2, { 30, 40 }, { 1, 30 }, 0, 1, { 0 } }, /* column-major */
        { 2, { 30, 40 }, { 1, 30 }, 0, 1, { 1 } },
        { 2, { 30, 40 }, { -50, 1 }, 2000, 1, { 1 } },
        { 2, { 30, 40 }, { 50, -1 }, 60, 1, { 0 } },
        { 2, { 30, 40 }, { 0, 1 }, 3, 1, { 0 } }, /* broadcast rows */
        { 2, { 30, 40 }, { 0, 1 }, 3, 1, { 1 } },
        { 2, { 30, 40 }, { 40, 1 }, 3, 2, { 1, 0 } },
        { 3, { 5, 6, 7 }, { 100, 10, 1 }, 0, 2, { 2, 0 } },
        { 3, { 5, 6, 7 }, { 1, 100, 10 }, 0, 1, { 1 } },
        { 4, { 3, 4, 5, 6 }, { 1000, -200, 7, 40 }, 2000, 2, { 1, 3 } },
        { 4, { 3, 4, 5, 6 }, { 120, 30, 6, 1 }, 0, 2, { 0, 2 } },
        { 3, { 5, 6, 7 }, { 42, 7, 1 }, 0, 0, { 0 } },
    };
    for (int i = 0; i < N; i++)
        x[i] = (float)((i * 37 + i / 11) % 101 - 50);
    put(f, x, N);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
        static double expected[OUT_MAX];
        int64_t index[4] = { 0 }, total = 1, outputs = 1;
        desc.dims = cases[c].dims;
        desc.extents = cases[c].extents;
        desc.strides_x = cases[c].strides;
        desc.axes = cases[c].axes;
        desc.axis_count = cases[c].axis_count;
        memset(expected, 0, sizeof expected);
        for (int d = 0; d < desc.dims; d++)
            total *= cases[c].extents[d];
        for (int64_t i = 0; i < total; i++) {
            int64_t at = cases[c].offset, out = 0, rest = i;
            for (int d = desc.dims; d-- > 0;) {
                index[d] = rest % cases[c].extents[d];
                rest /= cases[c].extents[d];
                at += index[d] * cases[c].strides[d];
            }
            outputs = 1;
            for (int d = 0; d < desc.dims; d++) {
                bool is_reduced = false;
                for (int a = 0; a < desc.axis_count; a++)
                    is_reduced |= desc.axes[a] == d;
                if (is_reduced) continue;
                out = out * cases[c].extents[d] + index[d];
                outputs *= cases[c].extents[d];
            }
            expected[out] += (double)x[at];
        }
        run(f, &desc, cases[c].offset, y, (size_t)outputs);
        for (int64_t i = 0; i < outputs; i++)
            if ((double)y[i] != expected[i])
                fail_msg("case %zu, output %d: %g, expected %g", c, (int)i, (double)y[i], expected[i]);
    }
}

static void y_takes_any_strides(void **state)
{
    const struct fixture *f = *state;
    static const float x[] = { 1, 2, 3, 4, 5, 6 };
    float y[8];
    int64_t extents[] = { 3, 2 };
    hpck_reduce_desc desc = rows_of(HPCK_SUM, extents);
    desc.strides_y = (const int64_t[]){ -3, 0 };
    for (int i = 0; i < 8; i++)
        y[i] = -1;
    put(f, x, 6);
    assert_int_equal(hpck_write(f->handle, f->y, 0, y, sizeof y), HPCK_OK);
    assert_int_equal(
        hpck_reduce(f->handle, &desc, 2.0F, (hpck_buffer){ f->x, 0 }, 10.0F, (hpck_buffer){ f->y, 6 }, NULL),
        HPCK_OK);
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
    static const float expected[] = { 12, -1, -1, 4, -1, -1, -4, -1 };
    assert_memory_equal(y, expected, sizeof y);
}

static void empty_extents_give_the_identity(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        hpck_reduce_op op;
        float value;
    } cases[] = {
        { HPCK_SUM, 0 },    { HPCK_PROD, 1 }, { HPCK_NORM1, 0 }, { HPCK_NORM2, 0 },
        { HPCK_SUMSQ, 0 },  { HPCK_ANY, 0 },  { HPCK_ALL, 1 },   { HPCK_LOGSUMEXP, -INFINITY },
        { HPCK_MEAN, NAN },
    };
    int64_t extents[] = { 3, 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float y[3];
        hpck_reduce_desc desc = rows_of(cases[i].op, extents);
        run(f, &desc, 0, y, 3);
        for (int j = 0; j < 3; j++)
            assert_true(isnan(cases[i].value) ? isnan(y[j]) : y[j] == cases[i].value);
    }
    float dots[3];
    hpck_reduce_desc desc = rows_of(HPCK_DOT, extents);
    desc.x2 = (hpck_buffer){ f->x, 0 };
    run(f, &desc, 0, dots, 3);
    assert_true(dots[0] == 0.0F && dots[1] == 0.0F && dots[2] == 0.0F);
}

static int64_t arg(const struct fixture *f, hpck_reduce_op op, const float *x, int64_t rows, int64_t columns,
                   int axis)
{
    int64_t index = -1, extents[] = { rows, columns };
    hpck_reduce_desc desc = rows_of(op, extents);
    desc.axes = &axis;
    desc.indices = (hpck_buffer){ f->extra, 0 };
    put(f, x, (size_t)(rows * columns));
    hpck_status st =
        hpck_reduce(f->handle, &desc, 1.0F, (hpck_buffer){ f->x, 0 }, 0.0F, (hpck_buffer){ NULL, 0 }, NULL);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    assert_int_equal(hpck_read(f->handle, &index, f->extra, 0, sizeof index), HPCK_OK);
    return index;
}

/* One row and, where the column-wise kernel is meant, many columns of which the first counts. */
static void ties_and_nan(void **state)
{
    const struct fixture *f = *state;
    enum { N = 30000 };
    static float x[N];
    static const struct {
        int64_t first, second; /* places of the extreme */
    } cases[] = { { 0, 1 }, { 5, 133 }, { 300, 301 }, { 8191, 8192 }, { 9000, 29999 }, { 127, 128 } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int kind = 0; kind < 4; kind++) {
            float extreme = kind == 0 ? 7.0F : kind == 1 ? -7.0F : NAN;
            for (int i = 0; i < N; i++)
                x[i] = (float)(i % 3);
            x[cases[c].first] = x[cases[c].second] = extreme;
            if (kind == 3) x[cases[c].first > 0 ? cases[c].first - 1 : 2] = INFINITY; /* NaN wins over it */
            hpck_reduce_op op = kind == 1 ? HPCK_ARGMIN : HPCK_ARGMAX;
            assert_int_equal(arg(f, op, x, 1, N, 1), cases[c].first);
        }
    }
    for (int i = 0; i < N; i++)
        x[i] = -INFINITY;
    assert_int_equal(arg(f, HPCK_ARGMAX, x, 1, N, 1), 0);
    assert_int_equal(arg(f, HPCK_ARGMAX, x, N / 3, 3, 0), 0);
    for (int i = 0; i < N; i++)
        x[i] = (float)-(i / 3 % 5);
    assert_int_equal(arg(f, HPCK_ARGMIN, x, N / 3, 3, 0), 4);
    x[3 * 7001] = NAN;
    x[3 * 7002] = NAN;
    assert_int_equal(arg(f, HPCK_ARGMIN, x, N / 3, 3, 0), 7001);
}

static void nan_and_inf_propagate(void **state)
{
    const struct fixture *f = *state;
    enum { N = 1500 };
    static float x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1.0F;
    x[1400] = NAN;
    for (int op = HPCK_SUM; op <= HPCK_LOGSUMEXP; op++)
        assert_true(isnan(full(f, (hpck_reduce_op)op, x, N, 0)));
    assert_true(full(f, HPCK_ANY, x, N, 0) == 1.0F && full(f, HPCK_ALL, x, N, 0) == 1.0F);
    x[1400] = INFINITY;
    assert_true(isinf(full(f, HPCK_SUM, x, N, 0)) && isinf(full(f, HPCK_LOGSUMEXP, x, N, 0)));
    x[3] = -INFINITY;
    assert_true(isnan(full(f, HPCK_SUM, x, N, 0)));
    assert_true(full(f, HPCK_MIN, x, N, 0) == -INFINITY && full(f, HPCK_MAX, x, N, 0) == INFINITY);
}

/* Every legal point of reduce_row families on this device: the same bits, the same on every run. */
static void rows_do_not_depend_on_tuning(void **state)
{
    const struct fixture *f = *state;
    static float x[60000];
    const struct device_desc *device = f->handle->backend->describe(f->handle->device);
    int64_t extents[] = { 3, 20000 };
    hpck_reduce_desc desc = rows_of(HPCK_NORM2, extents);
    float first[3], y[3];
    int points = 0;
    srand(2);
    for (int i = 0; i < 60000; i++)
        x[i] = (float)rand() / (float)RAND_MAX;
    put(f, x, 60000);
    run(f, &desc, 0, first, 3);
    struct problem problem;
    assert_int_equal(problem_parse("reduce:norm2:f32:3x20000:axes1", &problem, NULL), HPCK_OK);
    problem = problem_canonical(&problem);
    for (int i = 0; i < family_count; i++) {
        if (families[i]->op != OP_REDUCE) continue;
        for (uint64_t p = 0; p < family_space_size(families[i]); p += 5) {
            int64_t param[FAMILY_PARAMS_MAX];
            hpck_plan *plan = NULL;
            family_space_point(families[i], p, param);
            if (select_rejection(families[i], device, f->handle->backend->dialect, &problem, param, INT64_MAX) !=
                NULL)
                continue;
            assert_int_equal(plan_force(f->handle, &problem, families[i], param, &plan), HPCK_OK);
            assert_int_equal(reduce_execute(f->handle, plan, &desc, 1.0F, (hpck_buffer){ f->x, 0 }, 0.0F,
                                            (hpck_buffer){ f->y, 0 }, NULL),
                             HPCK_OK);
            assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
            assert_memory_equal(y, first, sizeof y);
            plan_free(plan);
            points++;
        }
    }
    assert_true(points > 1);
}

static struct choice chosen_by_the_model(const struct fixture *f, const char *text, struct problem *problem)
{
    struct choice choice;
    assert_int_equal(problem_parse(text, problem, NULL), HPCK_OK);
    *problem = problem_canonical(problem);
    assert_int_equal(select_choice(NULL, f->handle->backend->describe(f->handle->device),
                                   f->handle->backend->dialect, problem, INT64_MAX, NULL, &choice, NULL),
                     HPCK_OK);
    return choice;
}

/* What is best for a sum reads without prefetching: half the speed where a tile's elements are needed twice. */
static void a_record_of_a_sum_does_not_slow_its_neighbours(void **state)
{
    const struct fixture *f = *state;
    const struct device_desc *device = f->handle->backend->describe(f->handle->device);
    static const char *const neighbours[] = { "reduce:meanvar:f32:4096x4096:axes1",
                                              "reduce:logsumexp:f32:4096x4096:axes1" };
    struct problem problem;
    const struct choice sum = chosen_by_the_model(f, "reduce:sum:f32:4096x4096:axes1", &problem);
    if (strcmp(sum.family->name, "reduce_row_cpu") != 0) return; /* of GPUs no such thing is known */
    for (int i = 0; i < 2; i++) {
        const struct choice own = chosen_by_the_model(f, neighbours[i], &problem);
        assert_true(select_estimate(sum.family, device, &problem, sum.param) >
                    SELECT_VETO * select_estimate(own.family, device, &problem, own.param));
    }
}

/* 2^24 + 1 ones would stop at 2^24 one by one. */
static void sums_are_trees(void **state)
{
    const struct fixture *f = *state;
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
    float sum = full(f, HPCK_SUM, x, N, 0);
    float compensated = full(f, HPCK_SUM, x, N, 1);
    assert_true(fabs((double)sum - exact) <= 0x1p-24 * 32.0 * size); /* 18 levels above 8192, and chains of 8 */
    assert_true(fabs((double)compensated - exact) <= 0x1p-24 * 1.5 * size);
    for (int i = 0; i < N; i++)
        x[i] = i % 2 == 0 ? 1e8F : -1e8F;
    x[77] += 0.0F;
    x[N - 2] = 3.0F;
    x[N - 1] = 0.25F;
    assert_true(full(f, HPCK_SUM, x, N, 1) == 3.25F);
    free(x);
}

/* Many short segments of equal numbers, where every addition rounds the same way: one after the other would be 1500 u off. */
static void columns_in_segments_are_chains_of_chains(void **state)
{
    const struct fixture *f = *state;
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
    put(f, x, COLUMNS);
    run(f, &desc, 0, y, 2 * COLUMNS);
    for (int i = 0; i < 2 * COLUMNS; i++) {
        const double exact = (double)SEGMENTS * ROWS * (double)x[i % COLUMNS];
        assert_true(fabs((double)y[i] - exact) <= 0x1p-24 * (3 + 2 * 91 + 2) * exact);
    }
}

static void norm2_neither_overflows_nor_vanishes(void **state)
{
    const struct fixture *f = *state;
    float x[300];
    static const float sizes[] = { 1e30F, 1e-30F, 1.0F };
    for (int s = 0; s < 3; s++) {
        for (int i = 0; i < 300; i++)
            x[i] = sizes[s];
        double expected = sqrt(300.0) * (double)sizes[s];
        assert_true(fabs((double)full(f, HPCK_NORM2, x, 300, 0) - expected) < 1e-6 * expected);
    }
}

/* 2^129 is no float; an eighth of it is. */
static void norm2_beyond_floats_comes_back_by_alpha(void **state)
{
    const struct fixture *f = *state;
    float x[16], y[1];
    const int64_t extents[] = { 16 };
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = HPCK_NORM2;
    desc.dims = 1;
    desc.extents = extents;
    for (int i = 0; i < 16; i++)
        x[i] = 0x1p127F;
    put(f, x, 16);
    assert_int_equal(
        hpck_reduce(f->handle, &desc, 0.125F, (hpck_buffer){ f->x, 0 }, 0.0F, (hpck_buffer){ f->y, 0 }, NULL),
        HPCK_OK);
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
    assert_true(y[0] == 0x1p126F);
}

/* A block whose squares overflow, vanish or are no numbers, alone among blocks of other sizes. */
static void norm2_of_blocks_of_other_sizes(void **state)
{
    const struct fixture *f = *state;
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
            const double expected = sqrt(squares), got = (double)full(f, HPCK_NORM2, x, N, 0);
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
    const struct fixture *f = *state;
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
                hpck_reduce_desc desc = rows_of(HPCK_MEANVAR, shapes[shape]);
                const int axis = 1 - shape;
                desc.axes = &axis;
                desc.correction = 1.0;
                desc.variance = (hpck_buffer){ f->extra, 0 };
                put(f, x, N);
                run(f, &desc, 0, got, 1);
                assert_int_equal(hpck_read(f->handle, got + 1, f->extra, 0, sizeof *got), HPCK_OK);
                assert_true(fabs((double)got[0] - mean) <= 1e-7 * fabs(mean) + 1e-5);
                assert_true(fabs((double)got[1] - variance) <= 1e-4 * variance);
            }
        }
    }
}

/* Results over x have the bits of results beside it. Rows longer than a block, of whole vectors and not. */
static void normalisations_may_write_over_x(void **state)
{
    const struct fixture *f = *state;
    static const int64_t lengths[] = { 1, 37, 1000, 9001 };
    enum { ROWS = 3, MOST = ROWS * 9001 };
    static float x[MOST], beside[MOST], over[MOST];
    void *y = NULL;
    assert_int_equal(hpck_malloc(f->handle, sizeof beside, &y), HPCK_OK);
    for (int i = 0; i < MOST; i++)
        x[i] = (float)(i * 7919 % 1000) / 250.0F - 2.0F;
    for (int op = HPCK_SOFTMAX; op <= HPCK_RMSNORM; op++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            const size_t count = ROWS * (size_t)lengths[l];
            hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
            desc.op = (hpck_normalize_op)op;
            desc.rows = ROWS;
            desc.columns = lengths[l];
            const hpck_buffer from = { f->x, 5 };
            for (int is_over = 0; is_over < 2; is_over++) {
                const hpck_buffer to = is_over ? from : (hpck_buffer){ y, 0 };
                assert_int_equal(hpck_write(f->handle, f->x, 5 * sizeof *x, x, count * sizeof *x), HPCK_OK);
                if (hpck_normalize(f->handle, &desc, from, to, NULL) != HPCK_OK)
                    fail_msg("%s", hpck_error_message(f->handle));
                assert_int_equal(hpck_read(f->handle, is_over ? over : beside, to.memory,
                                           (size_t)to.offset * sizeof *x, count * sizeof *x),
                                 HPCK_OK);
            }
            assert_memory_equal(over, beside, count * sizeof *over);
        }
    assert_int_equal(hpck_free(f->handle, y), HPCK_OK);
}

/* Nothing above the smallest normal float vanishes. */
static void softmax_of_a_distant_element(void **state)
{
    const struct fixture *f = *state;
    const float x[] = { 0.0F, -87.2F };
    float y[2];
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    desc.rows = 1;
    desc.columns = 2;
    put(f, x, 2);
    assert_int_equal(hpck_normalize(f->handle, &desc, (hpck_buffer){ f->x, 0 }, (hpck_buffer){ f->y, 0 }, NULL),
                     HPCK_OK);
    assert_int_equal(hpck_read(f->handle, y, f->y, 0, sizeof y), HPCK_OK);
    assert_true(fabs((double)y[1] / exp((double)x[1]) - 1.0) < 1e-5);
}

/* Rounding errors of infinite sums are no numbers. */
static void compensated_sums_of_infinities(void **state)
{
    const struct fixture *f = *state;
    enum { N = 300 };
    static const hpck_reduce_op ops[] = { HPCK_SUM, HPCK_MEAN, HPCK_NORM1, HPCK_SUMSQ };
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1.0F;
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++) {
        x[77] = INFINITY;
        assert_true(full(f, ops[o], x, N, 1) == INFINITY);
        x[76] = NAN;
        assert_true(isnan(full(f, ops[o], x, N, 1)));
        x[76] = 1.0F;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_strides_and_axes),
        cmocka_unit_test(y_takes_any_strides),
        cmocka_unit_test(empty_extents_give_the_identity),
        cmocka_unit_test(ties_and_nan),
        cmocka_unit_test(nan_and_inf_propagate),
        cmocka_unit_test(rows_do_not_depend_on_tuning),
        cmocka_unit_test(a_record_of_a_sum_does_not_slow_its_neighbours),
        cmocka_unit_test(sums_are_trees),
        cmocka_unit_test(columns_in_segments_are_chains_of_chains),
        cmocka_unit_test(norm2_neither_overflows_nor_vanishes),
        cmocka_unit_test(norm2_beyond_floats_comes_back_by_alpha),
        cmocka_unit_test(norm2_of_blocks_of_other_sizes),
        cmocka_unit_test(variance_does_not_cancel),
        cmocka_unit_test(normalisations_may_write_over_x),
        cmocka_unit_test(softmax_of_a_distant_element),
        cmocka_unit_test(compensated_sums_of_infinities),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
