/* Operands in memory, poison, guard zones and the check of a result; whatever depends on the op is behind struct
 * workload_op. The expected values are computed once per workload, so that checking one more kernel costs little more
 * than reading its output. */
#include "workload_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "reference/numerics.h"

enum {
    GUARD_BYTES = 4096,     /* before and after every set; a page, so that timed operands are page-aligned */
    COPIES_MAX = 4096,      /* sets of a cold workload */
    BLOCK = 16,             /* a sample checks one random element of every BLOCK x BLOCK block of the output */
    CHECK_ALL_MAX = 1 << 20 /* outputs with more elements are sampled */
};
/* Multiplications that computing the expected values may cost: about 0.2 s for a full check, 2 s for a sample. */
static const double CHECK_ALL_TERMS = 1 << 25;
static const double SAMPLE_TERMS = 1 << 28;
static const double MEMORY_BOUND = 16.0; /* operations per byte */

static const struct workload_op *const ops[] = { &workload_gemm };

/* ---- random and poisoned memory --------------------------------------------------------------------------- */

/* Mean 0, variance 1: the sum of four uniform 16-bit numbers is near enough to a normal one. */
static double random_normal(uint64_t *state)
{
    uint64_t bits = random_next(state);
    double sum = (double)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    return (sum / 65536.0 - 2.0) * 1.7320508075688772; /* sqrt(12 / 4) */
}

/* A NaN that no arithmetic produces: found again bit by bit, and spreading where it is read. */
static void poison(void *data, hpck_dtype dtype, int64_t count)
{
    uint32_t word = 0x7fe5beefU;
    uint16_t half = dtype == HPCK_F16 ? 0x7eefU : 0x7fefU;
    if (dtype == HPCK_F32) {
        for (int64_t i = 0; i < count; i++)
            memcpy((uint32_t *)data + i, &word, sizeof word);
    } else {
        for (int64_t i = 0; i < count; i++)
            memcpy((uint16_t *)data + i, &half, sizeof half);
    }
}

static int64_t row_start(const struct workload_operand *x, int64_t matrix, int64_t row)
{
    return x->first + (matrix * x->rows + row) * x->ld;
}

static void fill_random(const struct workload_operand *x, void *data, uint64_t *state)
{
    for (int64_t matrix = 0; matrix < x->count; matrix++) {
        for (int64_t row = 0; row < x->rows; row++) {
            int64_t start = row_start(x, matrix, row);
            for (int64_t column = 0; column < x->columns; column++)
                reference_store(data, (enum reference_dtype)x->dtype, start + column, random_normal(state));
        }
    }
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

static size_t set_bytes(const struct workload_operand *x)
{
    return (size_t)x->elements * dtype_bytes(x->dtype);
}

/* Fixes ld, first and elements; fails where copies of the operand do not fit the address space or one buffer. */
static hpck_status lay_out(struct workload *w, struct workload_operand *x, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t guard = GUARD_BYTES / (int64_t)dtype_bytes(x->dtype);
    int64_t size, bytes, limit = w->handle->backend->describe(w->handle->device)->field.max_alloc_bytes;

    x->first = guard + w->options.offset;
    if (__builtin_add_overflow(x->columns, w->options.ld_pad, &x->ld) ||
        __builtin_mul_overflow(x->count, x->rows, &size) || __builtin_mul_overflow(size, x->ld, &size) ||
        __builtin_add_overflow(size, x->first + guard, &x->elements) ||
        __builtin_mul_overflow(x->elements, (int64_t)dtype_bytes(x->dtype) * w->options.copies, &bytes) ||
        (limit > 0 && bytes > limit))
        HPCK_FAIL(err, HPCK_DEVICE_OUT_OF_MEMORY,
                  "workload: %s of %lld x %lld x %lld elements in %d copies is more than one buffer of the device "
                  "may hold (%lld bytes)",
                  x->name, (long long)x->count, (long long)x->rows, (long long)x->columns, w->options.copies,
                  (long long)limit);
done:
    return st;
}

static hpck_status host_alloc(size_t bytes, void **memory, struct error *err)
{
    size_t pages = (bytes + GUARD_BYTES - 1) / GUARD_BYTES;
    *memory = aligned_alloc(GUARD_BYTES, pages * GUARD_BYTES);
    if (!*memory) return error_set(err, HPCK_OUT_OF_MEMORY, "workload: no host memory for %zu bytes", bytes);
    return HPCK_OK;
}

static hpck_status device_error(const struct workload *w, hpck_status status, struct error *err)
{
    return status == HPCK_OK ? HPCK_OK : error_set(err, status, "%s", hpck_error_message(w->handle));
}

static hpck_status fill_operand(struct workload *w, struct workload_operand *x, uint64_t *random, struct error *err)
{
    hpck_status st = HPCK_OK;
    bool is_output = x == &w->operand[w->output];

    HPCK_TRY(lay_out(w, x, err));
    size_t bytes = set_bytes(x);
    HPCK_TRY(host_alloc(bytes, &x->host, err));
    poison(x->host, x->dtype, x->elements);
    if (!is_output || w->options.beta != 0.0F) fill_random(x, x->host, random);
    if (is_output) {
        HPCK_TRY(host_alloc(bytes, &w->initial, err));
        memcpy(w->initial, x->host, bytes);
    }
    HPCK_TRY(device_error(w, hpck_malloc(w->handle, bytes * (size_t)w->options.copies, &x->memory), err));
    for (int copy = 0; copy < w->options.copies; copy++)
        HPCK_TRY(device_error(w, hpck_write(w->handle, x->memory, bytes * (size_t)copy, x->host, bytes), err));
done:
    return st;
}

int workload_copies_cold(const hpck_handle *handle, const struct problem *problem)
{
    const struct device_fields *device = &handle->backend->describe(handle->device)->field;
    double bytes = fmax(problem_bytes(problem), 1.0);
    double copies = floor(2.0 * (double)device->cache_bytes / bytes) + 1.0;
    double room = device->global_bytes > 0 ? floor((double)device->global_bytes / 8.0 / bytes) : copies;
    return (int)fmax(1.0, fmin(fmin(copies, room), COPIES_MAX));
}

bool workload_is_memory_bound(const struct problem *problem)
{
    return problem_flops(problem) < MEMORY_BOUND * problem_bytes(problem);
}

hpck_status workload_create(hpck_handle *handle, const struct problem *problem,
                            const struct workload_options *options, struct workload **workload, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload *w = calloc(1, sizeof *w);
    uint64_t random = options->seed;

    if (!w) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "workload: no memory");
    w->handle = handle;
    w->problem = *problem;
    w->options = *options;
    if (options->copies < 1 || options->ld_pad < 0 || options->offset < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "workload: copies = %d, ld_pad = %lld, offset = %lld must be at least "
                  "1, 0 and 0",
                  options->copies, (long long)options->ld_pad, (long long)options->offset);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i]->op == problem->op) w->op = ops[i];
    if (!w->op) HPCK_FAIL(err, HPCK_UNSUPPORTED, "workload: no operands are known for this operation");

    HPCK_TRY(w->op->declare(w, err));
    for (int i = 0; i < w->operand_count; i++)
        HPCK_TRY(fill_operand(w, &w->operand[i], &random, err));
    *workload = w;
    w = NULL; /* the caller's now */
done:
    workload_free(w);
    return st;
}

void workload_free(struct workload *workload)
{
    if (!workload) return;
    for (int i = 0; i < workload->operand_count; i++) {
        if (workload->operand[i].memory) hpck_free(workload->handle, workload->operand[i].memory);
        free(workload->operand[i].host);
    }
    free(workload->initial);
    free(workload->expected);
    free(workload);
}

void *workload_host(const struct workload *w, int operand)
{
    const struct workload_operand *x = &w->operand[operand];
    return (char *)x->host + (size_t)x->first * dtype_bytes(x->dtype);
}

hpck_buffer workload_buffer(const struct workload *w, int operand, int set)
{
    const struct workload_operand *x = &w->operand[operand];
    return (hpck_buffer){ .memory = x->memory, .offset = set * x->elements + x->first };
}

void workload_operands(struct workload *workload, struct workload_operands *out)
{
    workload->op->operands(workload, out);
}

hpck_buffer workload_output(const struct workload *workload)
{
    return workload_buffer(workload, workload->output, 0);
}

hpck_status workload_run(struct workload *workload, hpck_plan *plan, struct error *err)
{
    int set = workload->next_set;
    workload->next_set = (set + 1) % workload->options.copies;
    return workload->op->run(workload, plan, set, err);
}

/* ---- the check ----------------------------------------------------------------------------------------------- */

/* Side of the blocks of which one element each is checked: 1 where everything is affordable, BLOCK otherwise, and
 * doubled until the sample is affordable too. */
static int64_t block_side(const struct workload *w)
{
    const struct workload_operand *c = &w->operand[w->output];
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
static hpck_status make_expectations(struct workload *w, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct workload_operand *c = &w->operand[w->output];
    int64_t side = block_side(w);
    int64_t capacity = c->count * blocks(c->rows, side) * blocks(c->columns, side);
    uint64_t random = ~w->options.seed;

    w->expected = calloc((size_t)capacity + 1, sizeof *w->expected);
    if (!w->expected) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "workload: no memory for the expected values");
    struct expectation *e = w->expected;
    for (int64_t matrix = 0; matrix < c->count; matrix++) {
        for (int64_t column0 = 0; column0 < c->columns; column0 += side) {
            for (int64_t row0 = 0; row0 < c->rows; row0 += side, e++) {
                int64_t row = pick(row0, side, c->rows, &random);
                int64_t column = pick(column0, side, c->columns, &random);
                e->index = row_start(c, matrix, row) + column;
                e->value = w->op->expect(w, matrix, row, column, &e->bound);
            }
        }
    }
    w->expected_count = capacity;
done:
    return st;
}

/* "C[2][17, 4]" of an index into the set. */
static void name_element(const struct workload *w, int64_t index, char *text, size_t size)
{
    const struct workload_operand *c = &w->operand[w->output];
    int64_t line = (index - c->first) / c->ld;
    snprintf(text, size, "%s[%lld][%lld, %lld]", c->name, (long long)(line / c->rows), (long long)(line % c->rows),
             (long long)((index - c->first) % c->ld));
}

static hpck_status check_values(const struct workload *w, struct error *err)
{
    const struct workload_operand *c = &w->operand[w->output];
    const struct expectation *first = NULL;
    int64_t wrong = 0;
    for (int64_t i = 0; i < w->expected_count; i++) {
        const struct expectation *e = &w->expected[i];
        double got = reference_load(c->host, (enum reference_dtype)c->dtype, e->index);
        if (reference_matches(got, e->value, e->bound, (enum reference_dtype)c->dtype)) continue;
        if (wrong++ == 0) first = e;
    }
    if (wrong == 0) return HPCK_OK;
    char name[96];
    name_element(w, first->index, name, sizeof name);
    return error_set(err, HPCK_INTERNAL,
                     "wrong result: %s = %.9g, expected %.9g within %.3g (%lld of %lld checked "
                     "elements are wrong)",
                     name, reference_load(c->host, (enum reference_dtype)c->dtype, first->index), first->value,
                     first->bound, (long long)wrong, (long long)w->expected_count);
}

/* Elements start .. end-1 of the output's set must still have the bits they had before the run. */
static hpck_status check_untouched(const struct workload *w, int64_t start, int64_t end, struct error *err)
{
    const struct workload_operand *c = &w->operand[w->output];
    size_t bytes = dtype_bytes(c->dtype);
    if (memcmp((char *)c->host + (size_t)start * bytes, (char *)w->initial + (size_t)start * bytes,
               (size_t)(end - start) * bytes) == 0)
        return HPCK_OK;
    int64_t i = start;
    while (memcmp((char *)c->host + (size_t)i * bytes, (char *)w->initial + (size_t)i * bytes, bytes) == 0)
        i++;
    return error_set(err, HPCK_INTERNAL,
                     "write outside the output: element %lld counted from the first of %s (%lld x "
                     "%lld x %lld, ld = %lld)",
                     (long long)(i - c->first), c->name, (long long)c->count, (long long)c->rows,
                     (long long)c->columns, (long long)c->ld);
}

/* Every element of the output must have been written, sampled or not: none may have kept the poison. */
static hpck_status check_written(const struct workload *w, int64_t start, struct error *err)
{
    const struct workload_operand *c = &w->operand[w->output];
    size_t bytes = dtype_bytes(c->dtype);
    for (int64_t i = start; i < start + c->columns; i++) {
        if (memcmp((char *)c->host + (size_t)i * bytes, (char *)w->initial + (size_t)i * bytes, bytes) != 0)
            continue;
        char name[96];
        name_element(w, i, name, sizeof name);
        return error_set(err, HPCK_INTERNAL, "element not written: %s", name);
    }
    return HPCK_OK;
}

static hpck_status check_surroundings(const struct workload *w, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct workload_operand *c = &w->operand[w->output];
    HPCK_TRY(check_untouched(w, 0, c->first, err));
    for (int64_t line = 0; line < c->count * c->rows; line++) {
        int64_t start = row_start(c, 0, line);
        if (w->options.beta == 0.0F) HPCK_TRY(check_written(w, start, err));
        HPCK_TRY(check_untouched(w, start + c->columns, start + c->ld, err));
    }
    HPCK_TRY(check_untouched(w, row_start(c, c->count, 0), c->elements, err));
done:
    return st;
}

hpck_status workload_poison(struct workload *workload, struct error *err)
{
    const struct workload_operand *c = &workload->operand[workload->output];
    workload->next_set = 0;
    return device_error(workload, hpck_write(workload->handle, c->memory, 0, workload->initial, set_bytes(c)), err);
}

hpck_status workload_check(struct workload *workload, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct workload_operand *c = &workload->operand[workload->output];
    if (!workload->expected) HPCK_TRY(make_expectations(workload, err));
    HPCK_TRY(device_error(workload, hpck_read(workload->handle, c->host, c->memory, 0, set_bytes(c)), err));
    HPCK_TRY(check_surroundings(workload, err));
    HPCK_TRY(check_values(workload, err));
done:
    return st;
}

hpck_status workload_verify(struct workload *workload, hpck_plan *plan, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(workload_poison(workload, err));
    HPCK_TRY(workload_run(workload, plan, err));
    HPCK_TRY(device_error(workload, hpck_synchronize(workload->handle), err));
    HPCK_TRY(workload_check(workload, err));
done:
    return st;
}
