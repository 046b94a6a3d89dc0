/* What hpck_reduce promises beside accuracy: strides of every sign, axes in any order, empty extents, NaN and ties, results
 * that do not depend on tuning (nor on the number of rows: test_row_stability.c). */
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
#include "reduce_fixture.h"

/* Small integers: every order of addition gives the same float. */
static void any_strides_and_axes(void **state)
{
    const struct reduce_fixture *f = *state;
    enum { N = 40000 };
    static float x[N], y[REDUCE_OUT_MAX];
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
    reduce_put(f, x, N);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
        static double expected[REDUCE_OUT_MAX];
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
        reduce_run(f, &desc, cases[c].offset, y, (size_t)outputs);
        for (int64_t i = 0; i < outputs; i++)
            if ((double)y[i] != expected[i])
                fail_msg("case %zu, output %d: %g, expected %g", c, (int)i, (double)y[i], expected[i]);
    }
}

static void y_takes_any_strides(void **state)
{
    const struct reduce_fixture *f = *state;
    static const float x[] = { 1, 2, 3, 4, 5, 6 };
    float y[8];
    int64_t extents[] = { 3, 2 };
    hpck_reduce_desc desc = reduce_rows(HPCK_SUM, extents);
    desc.strides_y = (const int64_t[]){ -3, 0 };
    for (int i = 0; i < 8; i++)
        y[i] = -1;
    reduce_put(f, x, 6);
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
    const struct reduce_fixture *f = *state;
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
        hpck_reduce_desc desc = reduce_rows(cases[i].op, extents);
        reduce_run(f, &desc, 0, y, 3);
        for (int j = 0; j < 3; j++)
            assert_true(isnan(cases[i].value) ? isnan(y[j]) : y[j] == cases[i].value);
    }
    float dots[3];
    hpck_reduce_desc desc = reduce_rows(HPCK_DOT, extents);
    desc.x2 = (hpck_buffer){ f->x, 0 };
    reduce_run(f, &desc, 0, dots, 3);
    assert_true(dots[0] == 0.0F && dots[1] == 0.0F && dots[2] == 0.0F);
}

static int64_t arg(const struct reduce_fixture *f, hpck_reduce_op op, const float *x, int64_t rows, int64_t columns,
                   int axis)
{
    int64_t index = -1, extents[] = { rows, columns };
    hpck_reduce_desc desc = reduce_rows(op, extents);
    desc.axes = &axis;
    desc.indices = (hpck_buffer){ f->extra, 0 };
    reduce_put(f, x, (size_t)(rows * columns));
    hpck_status st =
        hpck_reduce(f->handle, &desc, 1.0F, (hpck_buffer){ f->x, 0 }, 0.0F, (hpck_buffer){ NULL, 0 }, NULL);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    assert_int_equal(hpck_read(f->handle, &index, f->extra, 0, sizeof index), HPCK_OK);
    return index;
}

/* One row and, where the column-wise kernel is meant, many columns of which the first counts. */
static void ties_and_nan(void **state)
{
    const struct reduce_fixture *f = *state;
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
    const struct reduce_fixture *f = *state;
    enum { N = 1500 };
    static float x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1.0F;
    x[1400] = NAN;
    for (int op = HPCK_SUM; op <= HPCK_LOGSUMEXP; op++)
        assert_true(isnan(reduce_all(f, (hpck_reduce_op)op, x, N, 0)));
    assert_true(reduce_all(f, HPCK_ANY, x, N, 0) == 1.0F && reduce_all(f, HPCK_ALL, x, N, 0) == 1.0F);
    x[1400] = INFINITY;
    assert_true(isinf(reduce_all(f, HPCK_SUM, x, N, 0)) && isinf(reduce_all(f, HPCK_LOGSUMEXP, x, N, 0)));
    x[3] = -INFINITY;
    assert_true(isnan(reduce_all(f, HPCK_SUM, x, N, 0)));
    assert_true(reduce_all(f, HPCK_MIN, x, N, 0) == -INFINITY && reduce_all(f, HPCK_MAX, x, N, 0) == INFINITY);
}

/* Every legal point of reduce_row families on this device: the same bits, the same on every run. */
static void rows_do_not_depend_on_tuning(void **state)
{
    const struct reduce_fixture *f = *state;
    static float x[60000];
    const struct device_desc *device = f->handle->backend->describe(f->handle->device);
    int64_t extents[] = { 3, 20000 };
    hpck_reduce_desc desc = reduce_rows(HPCK_NORM2, extents);
    float first[3], y[3];
    int points = 0;
    srand(2);
    for (int i = 0; i < 60000; i++)
        x[i] = (float)rand() / (float)RAND_MAX;
    reduce_put(f, x, 60000);
    reduce_run(f, &desc, 0, first, 3);
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

static struct choice chosen_by_the_model(const struct reduce_fixture *f, const char *text, struct problem *problem)
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
    const struct reduce_fixture *f = *state;
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

/* Results over x have the bits of results beside it. Rows longer than a block, of whole vectors and not. */
static void normalisations_may_write_over_x(void **state)
{
    const struct reduce_fixture *f = *state;
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
        cmocka_unit_test(normalisations_may_write_over_x),
    };
    return cmocka_run_group_tests(tests, reduce_setup, reduce_teardown);
}
