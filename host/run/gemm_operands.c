/* See gemm_check.h: the operands of a checked description in memory. */
#include "gemm_check.h"

#include <inttypes.h>

#include "overlap.h"

/* ---- shapes in memory ------------------------------------------------------------------------------------- */

static struct gemm_operand matrix(const char *name, hpck_buffer buffer, hpck_dtype dtype, const hpck_gemm_desc *d,
                                  int64_t rows, int64_t columns, bool transposed)
{
    bool is_turned = transposed != (d->layout == HPCK_COLUMN_MAJOR);
    return (struct gemm_operand){
        .name = name,
        .memory = buffer.memory,
        .offset = buffer.offset,
        .element_bytes = (int64_t)dtype_bytes(dtype),
        .lines = is_turned ? columns : rows,
        .length = is_turned ? rows : columns,
        .batch = d->batch,
    };
}

static void describe(const hpck_gemm_desc *d, hpck_buffer a, hpck_buffer b, hpck_buffer c,
                     struct gemm_operand *operands)
{
    struct gemm_operand *x = operands;
    x[GEMM_OPERAND_A] = matrix("a", a, d->dtype, d, d->m, d->k, d->trans_a == HPCK_TRANS);
    x[GEMM_OPERAND_A].ld = d->lda;
    x[GEMM_OPERAND_A].stride = d->stride_a;
    x[GEMM_OPERAND_A].list = d->offsets_a;
    x[GEMM_OPERAND_B] = matrix("b", b, d->dtype, d, d->k, d->n, d->trans_b == HPCK_TRANS);
    x[GEMM_OPERAND_B].ld = d->ldb;
    x[GEMM_OPERAND_B].stride = d->stride_b;
    x[GEMM_OPERAND_B].list = d->offsets_b;
    x[GEMM_OPERAND_C] = matrix("c", c, d->dtype_c, d, d->m, d->n, false);
    x[GEMM_OPERAND_C].ld = d->ldc;
    x[GEMM_OPERAND_C].stride = d->stride_c;
    x[GEMM_OPERAND_C].list = d->offsets_c;
    int64_t bias_length = d->bias.memory != NULL ? x[GEMM_OPERAND_C].length : 0;
    x[GEMM_OPERAND_BIAS] = (struct gemm_operand){ .name = "bias",
                                                  .memory = d->bias.memory,
                                                  .offset = d->bias.offset,
                                                  .element_bytes = (int64_t)dtype_bytes(d->dtype_c),
                                                  .lines = 1,
                                                  .length = bias_length,
                                                  .ld = bias_length,
                                                  .batch = 1 };
}

/* ---- large enough ----------------------------------------------------------------------------------------- */

static int64_t last_entry(const struct gemm_operand *x)
{
    int64_t last = 0;
    for (int64_t i = 0; i < x->batch; i++)
        if (x->list[i] > last) last = x->list[i];
    return last;
}

/* offset + last entry + (lines - 1) * ld + length, in elements, and in bytes within int64. */
static hpck_status find_end(struct gemm_operand *x, struct error *err)
{
    int64_t entries = 0;
    int64_t lines = 0;
    int64_t end = x->offset;
    int64_t bytes = 0;
    bool overflows = x->list == NULL && __builtin_mul_overflow(x->batch - 1, x->stride, &entries);
    if (x->list != NULL) entries = last_entry(x);
    overflows = overflows || __builtin_mul_overflow(x->lines - 1, x->ld, &lines) ||
                __builtin_add_overflow(end, entries, &end) || __builtin_add_overflow(end, lines, &end) ||
                __builtin_add_overflow(end, x->length, &end) ||
                __builtin_mul_overflow(end, x->element_bytes, &bytes);
    if (overflows)
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "gemm: %s ends at offset %" PRId64 " + the last entry of %" PRId64 " + %" PRId64
                         " lines of ld = %" PRId64 ", which does not fit in 63 bits",
                         x->name, x->offset, x->batch, x->lines, x->ld);
    x->end = end;
    return HPCK_OK;
}

static hpck_status check_size(const struct backend *backend, struct backend_device *device, struct gemm_operand *x,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    if (x->offset < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "gemm: %s.offset = %" PRId64 " is negative", x->name, x->offset);
    if (x->lines == 0 || x->length == 0) {
        x->memory = NULL;
        goto done;
    }
    HPCK_TRY(backend_check_memory(backend, device, x->memory, x->name, (size_t)x->element_bytes, &x->range, err));
    HPCK_TRY(find_end(x, err));
    if ((uint64_t)(x->end * x->element_bytes) > x->range.bytes)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "gemm: %s has %zu bytes, too few for this shape, ld, offset and stride: element %" PRId64
                  " ends at byte %" PRId64,
                  x->name, x->range.bytes, x->end - 1, x->end * x->element_bytes);
done:
    return st;
}

/* ---- aligned ---------------------------------------------------------------------------------------------- */

void gemm_packed_operands(const hpck_gemm_desc *desc, struct gemm_operand *operands)
{
    const hpck_buffer nowhere = { NULL, 0 };
    describe(desc, nowhere, nowhere, nowhere, operands);
}

/* Only the lowest bits count, so no product can be too large. */
int64_t gemm_operand_alignment(const struct gemm_operand *x)
{
    uint64_t size = (uint64_t)x->element_bytes;
    uint64_t bits = 16 | (uint64_t)x->range.alignment | (uint64_t)x->offset * size;
    if (x->lines > 1) bits |= (uint64_t)x->ld * size;
    if (x->batch > 1 && x->list == NULL) bits |= (uint64_t)x->stride * size;
    for (int64_t i = 0; x->list != NULL && i < x->batch; i++)
        bits |= (uint64_t)x->list[i] * size;
    return (int64_t)(bits & (~bits + 1));
}

/* ---- apart ------------------------------------------------------------------------------------------------ */

/* Distances that nothing is reached by (the ld of a single line, the stride of a single entry) may be of any size. */
static struct block block_at(const struct gemm_operand *x, int64_t entry_offset)
{
    int64_t width = x->length * x->element_bytes;
    return (struct block){ .start = (int64_t)x->range.offset + (x->offset + entry_offset) * x->element_bytes,
                           .lines = x->lines,
                           .width = width,
                           .pitch = x->lines > 1 ? x->ld * x->element_bytes : width };
}

static struct block_series series_of(const struct gemm_operand *x)
{
    int64_t stride = x->batch > 1 ? x->stride * x->element_bytes : 0;
    return (struct block_series){ block_at(x, 0), x->batch, stride };
}

/* Listed entries are compared one by one with their own C only: all pairs would cost more than many a product. */
static bool operands_overlap(const struct gemm_operand *c, const struct gemm_operand *x)
{
    if (x->memory == NULL || x->range.root != c->range.root) return false;
    if (c->list == NULL) {
        struct block_series c_series = series_of(c);
        struct block_series x_series = series_of(x);
        return series_overlap(&c_series, &x_series);
    }
    for (int64_t i = 0; i < c->batch; i++) {
        struct block c_block = block_at(c, c->list[i]);
        struct block x_block = block_at(x, x->list != NULL ? x->list[i] : 0);
        if (blocks_overlap(&c_block, &x_block)) return true;
    }
    return false;
}

static hpck_status check_apart(const struct gemm_operand *operands, struct error *err)
{
    const struct gemm_operand *c = &operands[GEMM_OPERAND_C];
    struct block_series c_series = series_of(c);
    if (c->list == NULL && series_overlaps_itself(&c_series))
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "gemm: stride_c = %" PRId64 " makes the %" PRId64 " entries of C overlap (%" PRId64
                         " lines of %" PRId64 " elements, ldc = %" PRId64 ")",
                         c->stride, c->batch, c->lines, c->length, c->ld);
    for (int i = 0; i < GEMM_OPERAND_COUNT; i++)
        if (i != GEMM_OPERAND_C && operands_overlap(c, &operands[i]))
            return error_set(err, HPCK_INVALID_ARGUMENT, "gemm: c overlaps %s in the same buffer",
                             operands[i].name);
    return HPCK_OK;
}

/* ---- together --------------------------------------------------------------------------------------------- */

hpck_status gemm_check_operands(const struct backend *backend, struct backend_device *device,
                                const hpck_gemm_desc *desc, hpck_buffer a, hpck_buffer b, hpck_buffer c,
                                struct gemm_operand *operands, struct error *err)
{
    hpck_status st = HPCK_OK;
    describe(desc, a, b, c, operands);
    for (int i = 0; i < GEMM_OPERAND_COUNT; i++)
        HPCK_TRY(check_size(backend, device, &operands[i], err));
    HPCK_TRY(check_apart(operands, err));
done:
    return st;
}
