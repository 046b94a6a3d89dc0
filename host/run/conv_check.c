/* See conv_check.h. */
#include "conv_check.h"

#include <inttypes.h>

#include "op_conv.h"
#include "versioned.h"

static hpck_status check_enums(const hpck_conv_desc *d, struct error *err)
{
    const struct {
        const char *name;
        int value, count;
        const char *rule;
    } rules[] = {
        { "direction", (int)d->direction, 3,
          "HPCK_CONV_FORWARD, HPCK_CONV_BACKWARD_DATA or HPCK_CONV_BACKWARD_FILTER" },
        { "dtype", (int)d->dtype, 3, "HPCK_F32, HPCK_F16 or HPCK_BF16" },
        { "layout", (int)d->layout, 2, "HPCK_NCHW or HPCK_NHWC" },
        { "filter_layout", (int)d->filter_layout, 2, "HPCK_KCRS or HPCK_KRSC" },
        { "activation", (int)d->activation, 4, "HPCK_IDENTITY, HPCK_RELU, HPCK_GELU or HPCK_SILU" },
        { "math", (int)d->math, 2, "HPCK_CONV_ANY or HPCK_CONV_EXACT_SUMS" },
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].value < 0 || rules[i].value >= rules[i].count)
            return error_set(err, HPCK_INVALID_ARGUMENT, "conv: %s = %d is none of %s", rules[i].name,
                             rules[i].value, rules[i].rule);
    return HPCK_OK;
}

hpck_status conv_check_desc(const hpck_conv_desc *caller, hpck_conv_desc *desc, struct error *err)
{
    hpck_status st = HPCK_OK;
    *desc = (hpck_conv_desc)HPCK_CONV_DESC_INIT;
    if (caller == NULL) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "conv: desc is NULL");
    HPCK_TRY(versioned_copy(desc, sizeof *desc, sizeof *desc, caller, caller->size, "conv: desc", err));
    HPCK_TRY(check_enums(desc, err));
done:
    return st;
}

/* ---- operands --------------------------------------------------------------------------------------------- */

static struct conv_operand tensor(const char *name, hpck_buffer buffer, hpck_dtype dtype, int64_t elements)
{
    return (struct conv_operand){ .name = name,
                                  .memory = buffer.memory,
                                  .offset = buffer.offset,
                                  .elements = elements,
                                  .element_bytes = (int64_t)dtype_bytes(dtype) };
}

/* problem_check has made sure that no product overflows. */
static void describe(const hpck_conv_desc *d, const struct problem *problem, hpck_buffer x, hpck_buffer filter,
                     hpck_buffer y, struct conv_operand *operands)
{
    static const int written[] = {
        [CONV_FORWARD] = CONV_OPERAND_Y,
        [CONV_BACKWARD_DATA] = CONV_OPERAND_X,
        [CONV_BACKWARD_FILTER] = CONV_OPERAND_FILTER,
    };
    const struct conv_fields *f = &problem->field.conv;
    const int64_t y_elements = f->n * f->k * conv_rows(f) * conv_columns(f);
    operands[CONV_OPERAND_X] = tensor("x", x, d->dtype, f->n * f->c * f->h * f->w);
    operands[CONV_OPERAND_FILTER] = tensor("filter", filter, d->dtype, f->k * (f->c / f->groups) * f->r * f->s);
    operands[CONV_OPERAND_Y] = tensor("y", y, d->dtype, y_elements);
    operands[CONV_OPERAND_BIAS] = tensor("bias", d->bias, d->dtype, f->bias ? f->k : 0);
    operands[CONV_OPERAND_RESIDUAL] = tensor("residual", d->residual, d->dtype, f->residual ? y_elements : 0);
    operands[written[f->direction]].is_written = true;
}

static hpck_status check_size(const struct backend *backend, struct backend_device *device, struct conv_operand *x,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t end, bytes;
    if (x->offset < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "conv: %s.offset = %" PRId64 " is negative", x->name, x->offset);
    if (x->elements == 0) {
        x->memory = NULL;
        goto done;
    }
    HPCK_TRY(backend_check_memory(backend, device, x->memory, x->name, (size_t)x->element_bytes, &x->range, err));
    if (__builtin_add_overflow(x->offset, x->elements, &end) ||
        __builtin_mul_overflow(end, x->element_bytes, &bytes))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "conv: %s ends at offset %" PRId64 " + %" PRId64 " elements, which does not fit in 63 bits",
                  x->name, x->offset, x->elements);
    if ((uint64_t)bytes > x->range.bytes)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "conv: %s has %zu bytes, too few for this shape and offset: element %" PRId64
                  " ends at byte %" PRId64,
                  x->name, x->range.bytes, end - 1, bytes);
done:
    return st;
}

static int64_t first_byte(const struct conv_operand *x)
{
    return (int64_t)x->range.offset + x->offset * x->element_bytes;
}

static bool overlap(const struct conv_operand *x, const struct conv_operand *y)
{
    return x->memory != NULL && y->memory != NULL && x->range.root == y->range.root &&
           first_byte(x) < first_byte(y) + y->elements * y->element_bytes &&
           first_byte(y) < first_byte(x) + x->elements * x->element_bytes;
}

hpck_status conv_check_operands(const struct backend *backend, struct backend_device *device,
                                const hpck_conv_desc *desc, const struct problem *problem, hpck_buffer x,
                                hpck_buffer filter, hpck_buffer y, struct conv_operand *operands, struct error *err)
{
    hpck_status st = HPCK_OK;
    describe(desc, problem, x, filter, y, operands);
    for (int i = 0; i < CONV_OPERAND_COUNT; i++)
        HPCK_TRY(check_size(backend, device, &operands[i], err));
    for (int i = 0; i < CONV_OPERAND_COUNT; i++)
        for (int j = 0; j < CONV_OPERAND_COUNT; j++)
            if (operands[i].is_written && i != j && overlap(&operands[i], &operands[j]))
                HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "conv: %s, which is written, overlaps %s in the same buffer",
                          operands[i].name, operands[j].name);
done:
    return st;
}

hpck_status conv_check_filter(const struct backend *backend, struct backend_device *device,
                              const hpck_conv_desc *desc, const struct problem *problem, hpck_buffer filter,
                              struct error *err)
{
    struct conv_operand operands[CONV_OPERAND_COUNT];
    const hpck_buffer none = { NULL, 0 };
    describe(desc, problem, none, filter, none, operands);
    return check_size(backend, device, &operands[CONV_OPERAND_FILTER], err);
}

int64_t conv_operands_alignment(const struct conv_operand *operands)
{
    static const int counted[] = { CONV_OPERAND_X, CONV_OPERAND_FILTER, CONV_OPERAND_Y };
    uint64_t bits = CONV_ALIGN_MAX;
    for (int i = 0; i < 3; i++) {
        const struct conv_operand *x = &operands[counted[i]];
        if (x->memory != NULL) bits |= (uint64_t)x->range.alignment | (uint64_t)(x->offset * x->element_bytes);
    }
    return (int64_t)(bits & (~bits + 1));
}
