/* See gemm_check.h: the description by itself. What concerns memory is in gemm_operands.c. */
#include "gemm_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "versioned.h"

static bool is_one_of(int value, int count)
{
    return value >= 0 && value < count;
}

static hpck_status check_enums(const hpck_gemm_desc *d, struct error *err)
{
    const struct {
        const char *name;
        int value, count;
        const char *rule;
    } rules[] = {
        { "dtype", (int)d->dtype, 3, "HPCK_F32, HPCK_F16 or HPCK_BF16" },
        { "dtype_c", (int)d->dtype_c, 3, "HPCK_F32, HPCK_F16 or HPCK_BF16" },
        { "layout", (int)d->layout, 2, "HPCK_ROW_MAJOR or HPCK_COLUMN_MAJOR" },
        { "trans_a", (int)d->trans_a, 2, "HPCK_NO_TRANS or HPCK_TRANS" },
        { "trans_b", (int)d->trans_b, 2, "HPCK_NO_TRANS or HPCK_TRANS" },
        { "activation", (int)d->activation, 4, "HPCK_IDENTITY, HPCK_RELU, HPCK_GELU or HPCK_SILU" },
        { "allow_tf32", d->allow_tf32, 2, "0 or 1" },
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!is_one_of(rules[i].value, rules[i].count))
            return error_set(err, HPCK_INVALID_ARGUMENT, "gemm: %s = %d is none of %s", rules[i].name,
                             rules[i].value, rules[i].rule);
    if (d->dtype_c != d->dtype && d->dtype_c != HPCK_F32)
        return error_set(err, HPCK_INVALID_ARGUMENT, "gemm: dtype_c = %s must be dtype = %s or f32",
                         dtype_name(d->dtype_c), dtype_name(d->dtype));
    return HPCK_OK;
}

static hpck_status check_signs(const hpck_gemm_desc *d, struct error *err)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        { "m", d->m },
        { "n", d->n },
        { "k", d->k },
        { "batch", d->batch },
        { "lda", d->lda },
        { "ldb", d->ldb },
        { "ldc", d->ldc },
        { "stride_a", d->stride_a },
        { "stride_b", d->stride_b },
        { "stride_c", d->stride_c },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].value < 0)
            return error_set(err, HPCK_INVALID_ARGUMENT, "gemm: %s = %" PRId64 " is negative", numbers[i].name,
                             numbers[i].value);
    return HPCK_OK;
}

/* `extent` is the length of a line in memory: row-major rows, column-major columns. */
static hpck_status check_ld(int64_t *ld, char matrix, const char *extent_name, int64_t extent,
                            const hpck_gemm_desc *d, const char *transpose, struct error *err)
{
    if (*ld == 0) *ld = extent;
    if (*ld >= extent) return HPCK_OK;
    return error_set(err, HPCK_INVALID_ARGUMENT,
                     "gemm: ld%c = %" PRId64 " is less than %s = %" PRId64 " (%s-major %c%s)", matrix - 'A' + 'a',
                     *ld, extent_name, extent, d->layout == HPCK_ROW_MAJOR ? "row" : "column", matrix, transpose);
}

static hpck_status check_lds(hpck_gemm_desc *d, struct error *err)
{
    hpck_status st = HPCK_OK;
    bool is_column = d->layout == HPCK_COLUMN_MAJOR;
    bool a_runs_along_k = (d->trans_a == HPCK_TRANS) == is_column;
    bool b_runs_along_n = (d->trans_b == HPCK_TRANS) == is_column;
    HPCK_TRY(check_ld(&d->lda, 'A', a_runs_along_k ? "k" : "m", a_runs_along_k ? d->k : d->m, d,
                      d->trans_a == HPCK_TRANS ? ", transposed" : ", no transpose", err));
    HPCK_TRY(check_ld(&d->ldb, 'B', b_runs_along_n ? "n" : "k", b_runs_along_n ? d->n : d->k, d,
                      d->trans_b == HPCK_TRANS ? ", transposed" : ", no transpose", err));
    HPCK_TRY(check_ld(&d->ldc, 'C', is_column ? "m" : "n", is_column ? d->m : d->n, d, "", err));
done:
    return st;
}

static hpck_status check_lists(const hpck_gemm_desc *d, struct error *err)
{
    const struct {
        const char *name;
        const int64_t *list;
    } lists[] = { { "offsets_a", d->offsets_a }, { "offsets_b", d->offsets_b }, { "offsets_c", d->offsets_c } };
    int given = 0;
    for (int i = 0; i < 3; i++)
        given += lists[i].list != NULL;
    if (given == 0) return HPCK_OK;
    for (int i = 0; i < 3; i++) {
        if (lists[i].list == NULL)
            return error_set(err, HPCK_INVALID_ARGUMENT,
                             "gemm: %s is NULL: the three offset lists are given together or not at all",
                             lists[i].name);
        for (int64_t entry = 0; entry < d->batch; entry++)
            if (lists[i].list[entry] < 0)
                return error_set(err, HPCK_INVALID_ARGUMENT, "gemm: %s[%" PRId64 "] = %" PRId64 " is negative",
                                 lists[i].name, entry, lists[i].list[entry]);
    }
    return HPCK_OK;
}

hpck_status gemm_check_desc(const hpck_gemm_desc *caller, hpck_gemm_desc *desc, struct error *err)
{
    hpck_status st = HPCK_OK;
    *desc = (hpck_gemm_desc)HPCK_GEMM_DESC_INIT;
    if (caller == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "gemm: desc is NULL");
    HPCK_TRY(versioned_copy(desc, sizeof *desc, sizeof *desc, caller, caller->size, "gemm: desc", err));
    HPCK_TRY(check_enums(desc, err));
    HPCK_TRY(check_signs(desc, err));
    HPCK_TRY(check_lds(desc, err));
    HPCK_TRY(check_lists(desc, err));
done:
    return st;
}

hpck_status sync_check(const hpck_sync *sync, struct error *err)
{
    if (sync == NULL || sync->wait_count == 0) return HPCK_OK;
    if (sync->wait_list == NULL)
        return error_set(err, HPCK_INVALID_ARGUMENT, "sync: wait_list is NULL, wait_count is %zu",
                         sync->wait_count);
    for (size_t i = 0; i < sync->wait_count; i++)
        if (sync->wait_list[i] == NULL)
            return error_set(err, HPCK_INVALID_ARGUMENT, "sync: wait_list[%zu] is NULL", i);
    return HPCK_OK;
}
