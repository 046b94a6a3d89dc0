/* Operands in memory, poison and guard zones; whatever depends on the op is behind struct workload_op, and the check of
 * a result in workload_check.c. */
#include "workload_op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum {
    GUARD_BYTES = 4096, /* before and after every set; a page, so that timed operands are page-aligned */
    COPIES_MAX = 4096   /* sets of a cold workload */
};
static const double MEMORY_BOUND = 16.0; /* operations per byte */

static const struct workload_op *const ops[] = { &workload_conv, &workload_gemm, &workload_reduce };

static const struct workload_op *find_op(enum op_id op)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i]->op == op) return ops[i];
    return NULL;
}

/* ---- random and poisoned memory --------------------------------------------------------------------------- */

/* Mean 0, variance 1: the sum of four uniform 16-bit numbers is near enough to a normal one. */
double workload_normal(uint64_t *state)
{
    uint64_t bits = random_next(state);
    double sum = (double)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    return (sum / 65536.0 - 2.0) * 1.7320508075688772; /* sqrt(12 / 4) */
}

/* A NaN that no arithmetic produces: found again bit by bit, and spreading where it is read. As an index it is far out. */
static void poison(void *data, enum reference_dtype dtype, int64_t count)
{
    const uint32_t word = 0x7fe5beefU;
    const uint16_t half = dtype == REFERENCE_F16 ? 0x7eefU : 0x7fefU;
    const size_t bytes = reference_bytes(dtype);
    for (size_t i = 0; i < (size_t)count * bytes; i += bytes < sizeof word ? sizeof half : sizeof word)
        memcpy((char *)data + i, bytes < sizeof word ? (const void *)&half : &word,
               bytes < sizeof word ? sizeof half : sizeof word);
}

int64_t workload_row(const struct workload_operand *x, int64_t matrix, int64_t row)
{
    return x->first + (matrix * x->rows + row) * x->ld;
}

static void fill_random(const struct workload *w, const struct workload_operand *x, uint64_t *state)
{
    for (int64_t matrix = 0; matrix < x->count; matrix++) {
        for (int64_t row = 0; row < x->rows; row++) {
            int64_t start = workload_row(x, matrix, row);
            for (int64_t column = 0; column < x->columns; column++)
                reference_store(x->host, x->dtype, start + column,
                                w->op->draw != NULL ? w->op->draw(w, x, state) : workload_normal(state));
        }
    }
}

/* ---- memory ------------------------------------------------------------------------------------------------ */

size_t workload_set_bytes(const struct workload_operand *x)
{
    return (size_t)x->elements * reference_bytes(x->dtype);
}

/* Where operands begin, and the distance of their rows; false: that does not fit in 63 bits. */
static bool place(struct workload_operand *x, const struct workload_options *options)
{
    int64_t multiple = options->ld_multiple > 1 ? options->ld_multiple : 1;
    x->first = GUARD_BYTES / (int64_t)reference_bytes(x->dtype) + options->offset;
    if (x->is_output) x->first += options->output_offset;
    x->ld = x->columns;
    if (x->is_dense) return true;
    if (__builtin_add_overflow(x->columns, options->ld_pad, &x->ld)) return false;
    int64_t missing = (multiple - x->ld % multiple) % multiple;
    return !__builtin_add_overflow(x->ld, missing, &x->ld);
}

/* Fixes ld, first and elements; fails where copies of the operand do not fit the address space or one buffer. */
static hpck_status lay_out(struct workload *w, struct workload_operand *x, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t guard = GUARD_BYTES / (int64_t)reference_bytes(x->dtype);
    int64_t size = 0, bytes, limit = w->handle->backend->describe(w->handle->device)->field.max_alloc_bytes;

    if (!place(x, &w->options) || __builtin_mul_overflow(x->count, x->rows, &size) ||
        __builtin_mul_overflow(size, x->ld, &size) ||
        __builtin_add_overflow(size, x->first + 2 * guard - 1, &x->elements) ||
        __builtin_mul_overflow(x->elements, (int64_t)reference_bytes(x->dtype) * w->options.copies, &bytes) ||
        (limit > 0 && bytes > limit))
        HPCK_FAIL(err, HPCK_DEVICE_OUT_OF_MEMORY,
                  "workload: %s of %lld x %lld x %lld elements in %d copies is more than one buffer of the device "
                  "may hold (%lld bytes)",
                  x->name, (long long)x->count, (long long)x->rows, (long long)x->columns, w->options.copies,
                  (long long)limit);
    x->elements -= x->elements % guard; /* at least one guard, and every set is aligned like the first */
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

hpck_status workload_device_error(const struct workload *w, hpck_status status, struct error *err)
{
    return status == HPCK_OK ? HPCK_OK : error_set(err, status, "%s", hpck_error_message(w->handle));
}

static hpck_status fill_operand(struct workload *w, struct workload_operand *x, uint64_t *random, struct error *err)
{
    hpck_status st = HPCK_OK;

    HPCK_TRY(lay_out(w, x, err));
    size_t bytes = workload_set_bytes(x);
    HPCK_TRY(host_alloc(bytes, &x->host, err));
    poison(x->host, x->dtype, x->elements);
    if (!x->is_output || w->options.beta != 0.0F) fill_random(w, x, random);
    if (x->is_output) {
        HPCK_TRY(host_alloc(bytes, &x->initial, err));
        memcpy(x->initial, x->host, bytes);
    }
    HPCK_TRY(workload_device_error(w, hpck_malloc(w->handle, bytes * (size_t)w->options.copies, &x->memory), err));
    for (int copy = 0; copy < w->options.copies; copy++)
        HPCK_TRY(
            workload_device_error(w, hpck_write(w->handle, x->memory, bytes * (size_t)copy, x->host, bytes), err));
done:
    return st;
}

int workload_copies_cold(const hpck_handle *handle, const struct problem *problem)
{
    const struct device_fields *device = &handle->backend->describe(handle->device)->field;
    if (handle->backend->describe(handle->device)->is_emulated) return 1; /* its clock knows no cache */
    double bytes = fmax(problem_bytes(problem), 1.0);
    double copies = floor(2.0 * (double)device->cache_bytes / bytes) + 1.0;
    double room = device->global_bytes > 0 ? floor((double)device->global_bytes / 8.0 / bytes) : copies;
    return (int)fmax(1.0, fmin(fmin(copies, room), COPIES_MAX));
}

bool workload_is_memory_bound(const struct problem *problem)
{
    return problem_flops(problem) < MEMORY_BOUND * problem_bytes(problem);
}

void workload_traits(struct problem *problem, const struct workload_options *options)
{
    struct workload w = { .problem = *problem, .options = *options, .op = find_op(problem->op) };
    if (w.op == NULL || w.op->traits == NULL || w.op->declare(&w, NULL) != HPCK_OK) return;
    for (int i = 0; i < w.operand_count; i++)
        if (!place(&w.operand[i], options)) return;
    w.op->traits(&w);
    *problem = w.problem;
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
    if (options->copies < 1 || options->ld_pad < 0 || options->offset < 0 || options->output_offset < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "workload: copies = %d, ld_pad = %lld, offset = %lld, output_offset = %lld must be at least "
                  "1, 0, 0 and 0",
                  options->copies, (long long)options->ld_pad, (long long)options->offset,
                  (long long)options->output_offset);
    w->op = find_op(problem->op);
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
    if (workload->op != NULL && workload->op->release != NULL) workload->op->release(workload);
    for (int i = 0; i < workload->operand_count; i++) {
        struct workload_operand *x = &workload->operand[i];
        if (x->mapped) workload->handle->backend->unmap(workload->handle->device, x->memory, x->mapped);
        if (x->memory) hpck_free(workload->handle, x->memory);
        free(workload->operand[i].host);
        free(workload->operand[i].initial);
        free(workload->operand[i].expected);
    }
    free(workload);
}

void *workload_host(const struct workload *w, int operand)
{
    const struct workload_operand *x = &w->operand[operand];
    return (char *)x->host + (size_t)x->first * reference_bytes(x->dtype);
}

hpck_status workload_map(struct workload *w, int operand, struct error *err)
{
    const struct backend *backend = w->handle->backend;
    struct backend_device *device = w->handle->device;
    struct workload_operand *x = &w->operand[operand];
    const struct device_fields *field = &backend->describe(device)->field;
    size_t bytes = workload_set_bytes(x) * (size_t)w->options.copies;
    /* of a smaller one, the next reader would find in cache what the last has read */
    bool is_large = workload_set_bytes(x) >= 2 * (size_t)field->cache_bytes;
    if (x->mapped || backend->map == NULL || !field->is_cpu || !is_large) return HPCK_OK;
    return backend->map(device, x->memory, bytes, &x->mapped, err);
}

hpck_buffer workload_buffer(const struct workload *w, int operand, int set)
{
    const struct workload_operand *x = &w->operand[operand];
    return (hpck_buffer){ .memory = x->memory, .offset = set * x->elements + x->first };
}

hpck_buffer workload_output(const struct workload *workload)
{
    int i = 0;
    while (!workload->operand[i].is_output)
        i++;
    return workload_buffer(workload, i, 0);
}

hpck_status workload_run(struct workload *workload, hpck_plan *plan, struct error *err)
{
    int set = workload->next_set;
    workload->next_set = (set + 1) % workload->options.copies;
    return workload->op->run(workload, plan, set, err);
}
