/* The check of a workload's result against the oracle. The expected values are computed once per workload, so that
 * checking one more kernel costs little more than reading its output. */
#include "workload_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum {
    BLOCK = 16,             /* a sample checks one random element of every BLOCK x BLOCK block of an output */
    CHECK_ALL_MAX = 1 << 20 /* outputs with more elements are sampled */
};
/* Multiplications that computing the expected values may cost: about 0.2 s for a full check, 2 s for a sample. */
static const double CHECK_ALL_TERMS = 1 << 25;
static const double SAMPLE_TERMS = 1 << 28;

/* ---- what is expected ------------------------------------------------------------------------------------------ */

/* Side of the blocks of which one element each is checked: 1 where everything is affordable, BLOCK otherwise, and
 * doubled until the sample is affordable too. */
static int64_t block_side(const struct workload *w, const struct workload_operand *c)
{
    double elements = (double)c->count * (double)c->rows * (double)c->columns;
    double terms = fmax((double)w->op->terms(w), 1.0);
    if (elements <= CHECK_ALL_MAX && elements * terms <= CHECK_ALL_TERMS) return 1;
    int64_t side = BLOCK;
    while (elements * terms / ((double)side * (double)side) > SAMPLE_TERMS)
        side *= 2;
    return side;
}

static int64_t blocks(int64_t extent, int64_t side)
{
    return (extent + side - 1) / side;
}

static int64_t pick(int64_t start, int64_t side, int64_t extent, uint64_t *random)
{
    int64_t span = start + side <= extent ? side : extent - start;
    return start + (int64_t)random_below(random, (uint64_t)span);
}

/* Columns outside, rows inside: successive dot products share the lines of the operand that is read with a stride. */
static hpck_status make_expectations(const struct workload *w, struct workload_operand *c, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t side = block_side(w, c);
    int64_t capacity = c->count * blocks(c->rows, side) * blocks(c->columns, side);
    uint64_t random = ~w->options.seed;

    c->expected = calloc((size_t)capacity + 1, sizeof *c->expected);
    if (!c->expected) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "workload: no memory for the expected values");
    struct expectation *e = c->expected;
    for (int64_t matrix = 0; matrix < c->count; matrix++) {
        for (int64_t column0 = 0; column0 < c->columns; column0 += side) {
            for (int64_t row0 = 0; row0 < c->rows; row0 += side, e++) {
                int64_t row = pick(row0, side, c->rows, &random);
                int64_t column = pick(column0, side, c->columns, &random);
                e->index = workload_row(c, matrix, row) + column;
                e->value = w->op->expect(w, c, matrix, row, column, &e->bound);
            }
        }
    }
    c->expected_count = capacity;
done:
    return st;
}

/* "C[2][17, 4]" of an index into the set. */
static void name_element(const struct workload_operand *c, int64_t index, char *text, size_t size)
{
    int64_t line = (index - c->first) / c->ld;
    snprintf(text, size, "%s[%lld][%lld, %lld]", c->name, (long long)(line / c->rows), (long long)(line % c->rows),
             (long long)((index - c->first) % c->ld));
}

static hpck_status check_values(const struct workload_operand *c, struct error *err)
{
    const struct expectation *first = NULL;
    int64_t wrong = 0;
    for (int64_t i = 0; i < c->expected_count; i++) {
        const struct expectation *e = &c->expected[i];
        double got = reference_load(c->host, c->dtype, e->index);
        if (reference_matches(got, e->value, e->bound, c->dtype)) continue;
        if (wrong++ == 0) first = e;
    }
    if (wrong == 0) return HPCK_OK;
    char name[96];
    name_element(c, first->index, name, sizeof name);
    return error_set(err, HPCK_INTERNAL,
                     "wrong result: %s = %.9g, expected %.9g within %.3g (%lld of %lld checked "
                     "elements are wrong)",
                     name, reference_load(c->host, c->dtype, first->index), first->value, first->bound,
                     (long long)wrong, (long long)c->expected_count);
}

/* Elements start .. end-1 of the output's set must still have the bits they had before the run. */
static hpck_status check_untouched(const struct workload_operand *c, int64_t start, int64_t end, struct error *err)
{
    size_t bytes = reference_bytes(c->dtype);
    if (memcmp((char *)c->host + (size_t)start * bytes, (char *)c->initial + (size_t)start * bytes,
               (size_t)(end - start) * bytes) == 0)
        return HPCK_OK;
    int64_t i = start;
    while (memcmp((char *)c->host + (size_t)i * bytes, (char *)c->initial + (size_t)i * bytes, bytes) == 0)
        i++;
    return error_set(err, HPCK_INTERNAL,
                     "write outside the output: element %lld counted from the first of %s (%lld x "
                     "%lld x %lld, ld = %lld)",
                     (long long)(i - c->first), c->name, (long long)c->count, (long long)c->rows,
                     (long long)c->columns, (long long)c->ld);
}

/* Every element of the output must have been written, sampled or not: none may have kept the poison. */
static hpck_status check_written(const struct workload_operand *c, int64_t start, struct error *err)
{
    size_t bytes = reference_bytes(c->dtype);
    for (int64_t i = start; i < start + c->columns; i++) {
        if (memcmp((char *)c->host + (size_t)i * bytes, (char *)c->initial + (size_t)i * bytes, bytes) != 0)
            continue;
        char name[96];
        name_element(c, i, name, sizeof name);
        return error_set(err, HPCK_INTERNAL, "element not written: %s", name);
    }
    return HPCK_OK;
}

static hpck_status check_surroundings(const struct workload *w, const struct workload_operand *c, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(check_untouched(c, 0, c->first, err));
    for (int64_t line = 0; line < c->count * c->rows; line++) {
        int64_t start = workload_row(c, 0, line);
        if (w->options.beta == 0.0F) HPCK_TRY(check_written(c, start, err));
        HPCK_TRY(check_untouched(c, start + c->columns, start + c->ld, err));
    }
    HPCK_TRY(check_untouched(c, workload_row(c, c->count, 0), c->elements, err));
done:
    return st;
}

hpck_status workload_poison(struct workload *workload, struct error *err)
{
    hpck_status st = HPCK_OK;
    workload->next_set = 0;
    for (int i = 0; i < workload->operand_count; i++) {
        const struct workload_operand *c = &workload->operand[i];
        if (!c->is_output) continue;
        HPCK_TRY(workload_device_error(
            workload, hpck_write(workload->handle, c->memory, 0, c->initial, workload_set_bytes(c)), err));
    }
done:
    return st;
}

hpck_status workload_check_values(struct workload *w, const void *values, struct error *err)
{
    hpck_status st = HPCK_OK;
    int output = 0;
    while (!w->operand[output].is_output)
        output++;
    struct workload_operand *c = &w->operand[output];
    if (c->expected == NULL) HPCK_TRY(make_expectations(w, c, err));
    const size_t bytes = (size_t)(c->count * c->rows * c->columns) * reference_bytes(c->dtype);
    if (bytes > 0) memcpy(workload_host(w, output), values, bytes); /* of nothing there may be no address */
    HPCK_TRY(check_values(c, err));
done:
    return st;
}

hpck_status workload_check(struct workload *workload, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < workload->operand_count; i++) {
        struct workload_operand *c = &workload->operand[i];
        if (!c->is_output) continue;
        if (!c->expected) HPCK_TRY(make_expectations(workload, c, err));
        HPCK_TRY(workload_device_error(
            workload, hpck_read(workload->handle, c->host, c->memory, 0, workload_set_bytes(c)), err));
        HPCK_TRY(check_surroundings(workload, c, err));
        HPCK_TRY(check_values(c, err));
    }
done:
    return st;
}

hpck_status workload_verify(struct workload *workload, hpck_plan *plan, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(workload_poison(workload, err));
    HPCK_TRY(workload_run(workload, plan, err));
    HPCK_TRY(workload_device_error(workload, hpck_synchronize(workload->handle), err));
    HPCK_TRY(workload_check(workload, err));
done:
    return st;
}
