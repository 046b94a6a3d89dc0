/* A row's result has the same bits however many rows there are and however the kernel is tuned: reductions of rows and
 * normalisations, a third of them in one run, types and points drawn by HPCK_TEST_SEED (of the day where it is unset). */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handle.h"
#include "op_reduce.h"
#include "plan.h"
#include "reduce.h"
#include "reduce_check.h"
#include "reference/numerics.h"
#include "scratch.h"
#include "variants.h"

enum { ELEMENTS = 48000, ROWS_MAX = 61, DRAWS = 400, SHARE = 3 };

static const hpck_dtype pairs[][2] = {
    { HPCK_F32, HPCK_F32 },  { HPCK_F16, HPCK_F16 }, { HPCK_BF16, HPCK_BF16 }, { HPCK_F16, HPCK_F32 },
    { HPCK_BF16, HPCK_F32 }, { HPCK_F32, HPCK_F16 }, { HPCK_F32, HPCK_BF16 },
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

struct fixture {
    hpck_handle *handle;
    void *x, *x2, *y, *extra; /* extra: variance or indices */
    uint64_t random;
};

/* One operation on rows of `length` elements that lie one behind the other. */
struct rows {
    int64_t operation; /* = enum reduce_operation */
    hpck_dtype dtype, dtype_y;
    int64_t length;
};

/* What a call wrote, y first. */
struct bits {
    unsigned char y[ELEMENTS * 4], extra[ROWS_MAX * 8];
};

static int open_device(struct fixture *f, const char *db)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    options.db = db;
    f->random = variants_seed();
    if (hpck_create(&f->handle, &options) != HPCK_OK) return -1;
    if (hpck_malloc(f->handle, ELEMENTS * 4, &f->x) != HPCK_OK) return -1;
    if (hpck_malloc(f->handle, ELEMENTS * 4, &f->x2) != HPCK_OK) return -1;
    if (hpck_malloc(f->handle, ELEMENTS * 4, &f->y) != HPCK_OK) return -1;
    return hpck_malloc(f->handle, ROWS_MAX * 8, &f->extra) == HPCK_OK ? 0 : -1;
}

static int setup(void **state)
{
    static struct fixture f;
    *state = &f;
    if (scratch_setup(NULL) != 0) return -1;
    return open_device(&f, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hpck_destroy(f->handle);
    return scratch_teardown(NULL);
}

/* Factors whose products stay in range in every type, so that no row's product is just 0 or Inf. */
static void fill(struct fixture *f, void *memory, hpck_dtype dtype)
{
    static unsigned char host[ELEMENTS * 4];
    for (int64_t i = 0; i < ELEMENTS; i++)
        reference_store(host, (enum reference_dtype)dtype, i,
                        exp(0.1 * (double)random_below(&f->random, 1 << 20) / (1 << 19) - 0.1));
    assert_int_equal(
        hpck_write(f->handle, memory, 0, host, ELEMENTS * reference_bytes((enum reference_dtype)dtype)), HPCK_OK);
}

static hpck_reduce_desc reduction(const struct fixture *f, const struct rows *r, int64_t first,
                                  const int64_t *extents)
{
    static const int axis[] = { 1 };
    hpck_reduce_desc desc = HPCK_REDUCE_DESC_INIT;
    desc.op = (hpck_reduce_op)r->operation;
    desc.dtype = r->dtype;
    desc.dtype_y = r->dtype_y;
    desc.dims = 2;
    desc.extents = extents;
    desc.axes = axis;
    desc.axis_count = 1;
    if (r->operation == REDUCE_DOT) desc.x2 = (hpck_buffer){ f->x2, first * r->length };
    if (r->operation == REDUCE_MEANVAR) desc.variance = (hpck_buffer){ f->extra, 0 };
    if (reduce_is_arg(r->operation)) desc.indices = (hpck_buffer){ f->extra, 0 };
    return desc;
}

static hpck_normalize_desc normalization(const struct fixture *f, const struct rows *r, int64_t rows)
{
    hpck_normalize_desc desc = HPCK_NORMALIZE_DESC_INIT;
    desc.op = (hpck_normalize_op)(r->operation - REDUCE_SOFTMAX);
    desc.dtype = r->dtype;
    desc.dtype_y = r->dtype_y;
    desc.rows = rows;
    desc.columns = r->length;
    if (desc.op == HPCK_LAYERNORM || desc.op == HPCK_RMSNORM) desc.scale = (hpck_buffer){ f->x2, 3 };
    if (desc.op == HPCK_LAYERNORM) desc.shift = (hpck_buffer){ f->x2, 5 };
    return desc;
}

/* Rows first .. first + count - 1 of x, by the plan (NULL: what the library chooses). */
static void compute(const struct fixture *f, const struct rows *r, hpck_plan *plan, int64_t first, int64_t count,
                    struct bits *out)
{
    const int64_t extents[] = { count, r->length };
    const hpck_buffer x = { f->x, first * r->length }, y = { f->y, 0 };
    hpck_status st;
    memset(out, 0x5a, sizeof *out);
    assert_int_equal(hpck_write(f->handle, f->y, 0, out->y, sizeof out->y), HPCK_OK);
    assert_int_equal(hpck_write(f->handle, f->extra, 0, out->extra, sizeof out->extra), HPCK_OK);
    if (reduce_is_normalization(r->operation)) {
        const hpck_normalize_desc desc = normalization(f, r, count);
        st = normalize_execute(f->handle, plan, &desc, x, y, NULL);
    } else {
        const hpck_reduce_desc desc = reduction(f, r, first, extents);
        st = reduce_execute(f->handle, plan, &desc, 1.0F, x, 0.0F, y, NULL);
    }
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(f->handle));
    assert_int_equal(hpck_read(f->handle, out->y, f->y, 0, sizeof out->y), HPCK_OK);
    assert_int_equal(hpck_read(f->handle, out->extra, f->extra, 0, sizeof out->extra), HPCK_OK);
}

static struct problem problem_of(const struct fixture *f, const struct rows *r, int64_t count)
{
    struct reduce_request request;
    const int64_t extents[] = { count, r->length };
    if (reduce_is_normalization(r->operation)) {
        const hpck_normalize_desc desc = normalization(f, r, count);
        assert_int_equal(reduce_check_normalize(&desc, &request, NULL), HPCK_OK);
    } else {
        const hpck_reduce_desc desc = reduction(f, r, 0, extents);
        assert_int_equal(reduce_check_desc(&desc, true, &request, NULL), HPCK_OK);
    }
    return problem_canonical(&request.problem);
}

/* Rows first .. of all are those of some. */
static void same_rows(const struct rows *r, const struct bits *all, int64_t first, const struct bits *some,
                      int64_t count, const char *what)
{
    const size_t y = reference_bytes((enum reference_dtype)r->dtype_y) *
                     (size_t)(reduce_is_normalization(r->operation) ? r->length : 1);
    const size_t extra = reduce_is_arg(r->operation) ? 8 : reference_bytes((enum reference_dtype)r->dtype_y);
    for (int64_t i = 0; i < count; i++)
        if (memcmp(all->y + (size_t)(first + i) * y, some->y + (size_t)i * y, y) != 0 ||
            (first + i < ROWS_MAX && (r->operation == REDUCE_MEANVAR || reduce_is_arg(r->operation)) &&
             memcmp(all->extra + (size_t)(first + i) * extra, some->extra + (size_t)i * extra, extra) != 0))
            fail_msg("%s %d>%d, rows of %" PRId64 ": row %" PRId64 " differs among %" PRId64
                     " rows, %s (HPCK_TEST_SEED=%" PRIu64 ")",
                     reduce_operation_name(r->operation), (int)r->dtype, (int)r->dtype_y, r->length, first + i,
                     count, what, variants_seed());
}

/* A legal point of any family, made a plan. */
static hpck_plan *draw_plan(struct fixture *f, const struct problem *problem, char *text, size_t size)
{
    const struct device_desc *device = f->handle->backend->describe(f->handle->device);
    for (int i = 0; i < DRAWS; i++) {
        const struct family *family = families[random_below(&f->random, (uint64_t)family_count)];
        int64_t param[FAMILY_PARAMS_MAX];
        char params[512];
        hpck_plan *plan = NULL;
        if (family->op != OP_REDUCE) continue;
        family_space_point(family, random_below(&f->random, family_space_size(family)), param);
        if (select_rejection(family, device, f->handle->backend->dialect, problem, param, INT64_MAX) != NULL)
            continue;
        if (plan_force(f->handle, problem, family, param, &plan) != HPCK_OK)
            fail_msg("%s", hpck_error_message(f->handle));
        snprintf(text, size, "%s %s", family->name, family_params_print(family, param, params, sizeof params));
        return plan;
    }
    fail_msg("no legal point");
    return NULL;
}

static void check_rows(struct fixture *f, const struct rows *r, int64_t rows)
{
    static struct bits all, some;
    compute(f, r, NULL, 0, rows, &all);
    const int64_t alone = (int64_t)random_below(&f->random, (uint64_t)rows);
    compute(f, r, NULL, alone, 1, &some);
    same_rows(r, &all, alone, &some, 1, "the library's choice");
    char text[640];
    const int64_t count = 1 + (int64_t)random_below(&f->random, (uint64_t)rows);
    const int64_t first = (int64_t)random_below(&f->random, (uint64_t)(rows - count + 1));
    const struct problem problem = problem_of(f, r, count);
    hpck_plan *plan = draw_plan(f, &problem, text, sizeof text);
    compute(f, r, plan, first, count, &some);
    same_rows(r, &all, first, &some, count, text);
    plan_free(plan);
}

static void rows_depend_neither_on_their_number_nor_on_tuning(void **state)
{
    struct fixture *f = *state;
    for (int64_t operation = (int64_t)(variants_seed() % SHARE); operation < REDUCE_OPERATION_COUNT;
         operation += SHARE) {
        const hpck_dtype *pair = pairs[random_below(&f->random, PAIRS)];
        fill(f, f->x, pair[0]);
        fill(f, f->x2, pair[0]);
        const struct rows brief = { operation, pair[0], pair[1], 1 + (int64_t)random_below(&f->random, 700) };
        const struct rows wide = { operation, pair[0], pair[1], 8193 + (int64_t)random_below(&f->random, 3000) };
        check_rows(f, &brief, ROWS_MAX);
        check_rows(f, &wide, 4);
    }
}

/* Merges a record of the least likely choice for the problem. */
static void record_last_point(const struct fixture *f, const struct problem *problem, const char *path)
{
    const struct device_desc *device = f->handle->backend->describe(f->handle->device);
    const enum dialect dialect = f->handle->backend->dialect;
    for (int i = family_count; i-- > 0;) {
        if (families[i]->op != OP_REDUCE) continue;
        for (uint64_t p = family_space_size(families[i]); p-- > 0;) {
            struct tunedb_record record = { .device = *device,
                                            .problem = *problem,
                                            .family = families[i],
                                            .time_ns = 1.0,
                                            .spread = 0.01,
                                            .samples = 10,
                                            .provenance = PROVENANCE_SEARCHED };
            family_space_point(families[i], p, record.param);
            if (select_rejection(families[i], device, dialect, problem, record.param, INT64_MAX) != NULL) continue;
            snprintf(record.source_hash, sizeof record.source_hash, "%s",
                     family_text(families[i], dialect, problem)->hash);
            assert_int_equal(tunedb_merge(path, &record, 1, NULL), HPCK_OK);
            return;
        }
    }
    fail_msg("no legal point");
}

/* A record for 8 rows, none for one row or for many: the choice changes, the bits do not. */
static void a_record_for_one_batch_size_changes_no_bits(void **state)
{
    struct fixture *f = *state;
    static struct bits untuned, tuned;
    static const struct rows cases[] = {
        { REDUCE_SUM, HPCK_F32, HPCK_F32, 9000 },
        { REDUCE_SOFTMAX, HPCK_F32, HPCK_F32, 1000 },
        { REDUCE_LAYERNORM, HPCK_F16, HPCK_F16, 777 },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct rows *r = &cases[c];
        const int64_t most = r->length > 5000 ? 5 : 40, recorded = r->length > 5000 ? 3 : 8;
        const int64_t counts[] = { 1, recorded, most };
        const char *path = scratch_path("tuned.jsonl");
        struct fixture other = { 0 };
        const struct problem problem = problem_of(f, r, recorded);
        record_last_point(f, &problem, path);
        assert_int_equal(open_device(&other, path), 0);
        other.random = f->random; /* the same elements */
        fill(f, f->x, r->dtype);
        fill(f, f->x2, r->dtype);
        fill(&other, other.x, r->dtype);
        fill(&other, other.x2, r->dtype);
        compute(f, r, NULL, 0, most, &untuned);
        for (int i = 0; i < 3; i++) {
            compute(&other, r, NULL, 0, counts[i], &tuned);
            same_rows(r, &untuned, 0, &tuned, counts[i], "with a record for another number");
        }
        hpck_plan *plan = NULL;
        assert_int_equal(plan_get(other.handle, &problem, &plan), HPCK_OK);
        assert_int_equal(plan_choice(plan)->selected_by, SELECTED_EXACT);
        hpck_destroy(other.handle);
    }
}

/* One row that serves for all, rows that overlap, and rows a stride apart: the bits of a row by itself. */
static void rows_may_lie_anywhere(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 7, LENGTH = 1111 };
    static const int64_t steps[] = { 0, 1, 5, LENGTH, 3 * LENGTH + 1, -LENGTH };
    float all[ROWS], alone;
    const struct rows r = { REDUCE_SUM, HPCK_F32, HPCK_F32, LENGTH };
    fill(f, f->x, HPCK_F32);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        const int64_t extents[] = { ROWS, LENGTH }, one[] = { 1, LENGTH }, strides[] = { steps[s], 1 };
        const int64_t first = steps[s] < 0 ? -steps[s] * (ROWS - 1) : 0;
        hpck_reduce_desc desc = reduction(f, &r, 0, extents);
        desc.strides_x = strides;
        assert_int_equal(
            hpck_reduce(f->handle, &desc, 1.0F, (hpck_buffer){ f->x, first }, 0.0F, (hpck_buffer){ f->y, 0 }, NULL),
            HPCK_OK);
        assert_int_equal(hpck_read(f->handle, all, f->y, 0, sizeof all), HPCK_OK);
        for (int64_t row = 0; row < ROWS; row++) {
            desc.extents = one;
            assert_int_equal(hpck_reduce(f->handle, &desc, 1.0F, (hpck_buffer){ f->x, first + row * steps[s] },
                                         0.0F, (hpck_buffer){ f->y, 0 }, NULL),
                             HPCK_OK);
            assert_int_equal(hpck_read(f->handle, &alone, f->y, 0, sizeof alone), HPCK_OK);
            if (memcmp(&alone, &all[row], sizeof alone) != 0)
                fail_msg("row %d of rows %d apart: %.9g, alone %.9g", (int)row, (int)steps[s], (double)all[row],
                         (double)alone);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_depend_neither_on_their_number_nor_on_tuning),
        cmocka_unit_test(a_record_for_one_batch_size_changes_no_bits),
        cmocka_unit_test(rows_may_lie_anywhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
