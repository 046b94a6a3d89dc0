/* See random_case.h. */
#include "random_case.h"

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

enum { POINT_DRAWS = 600, PATTERN = 0x5a };
enum { EMULATED_MORE = 3 }; /* cases in the same time: its compiler is that much faster */

/* ---- cases ------------------------------------------------------------------------------------------------- */

/* The seed of a case is one number that begins a run of its own: days' seeds are small, cases count above them. */
static uint64_t seed_of_case(int index)
{
    return variants_seed() + ((uint64_t)index << 32);
}

void cases_run(hpck_handle *handle, int count, void (*run)(struct random_case *c))
{
    const char *text = getenv("HPCK_TEST_CASES");
    if (handle->backend->describe(handle->device)->is_emulated) count *= EMULATED_MORE;
    if (text != NULL) count = atoi(text);
    for (int i = 0; i < count; i++) {
        struct random_case c = { .handle = handle, .seed = seed_of_case(i), .random = seed_of_case(i) };
        print_message("HPCK_TEST_SEED=%" PRIu64 "\n", c.seed); /* first: a kernel may crash */
        fflush(NULL);
        run(&c);
    }
}

void case_fail(const struct random_case *c, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    print_error("%s\n    by %s\n    %s\n", c->text, c->kernel, message);
    fail();
    abort(); /* fail() does not return, which its declaration does not say */
}

/* ---- draws ------------------------------------------------------------------------------------------------- */

int64_t draw_below(struct random_case *c, int64_t below)
{
    return (int64_t)random_below(&c->random, (uint64_t)below);
}

int64_t draw_from(struct random_case *c, int64_t low, int64_t high)
{
    return low + draw_below(c, high - low + 1);
}

bool draw_chance(struct random_case *c, int64_t one_in)
{
    return draw_below(c, one_in) == 0;
}

double draw_uniform(struct random_case *c, double low, double high)
{
    return low + (high - low) * (double)draw_below(c, 1 << 30) * 0x1p-30;
}

void draw_order(struct random_case *c, int *order, int count)
{
    for (int i = 0; i < count; i++) {
        const int place = (int)draw_below(c, i + 1);
        order[i] = order[place];
        order[place] = i;
    }
}

void draw_factors(struct random_case *c, float *alpha, float *beta)
{
    *alpha = draw_chance(c, 2) ? 1.0F : draw_chance(c, 10) ? 0.0F : (float)draw_uniform(c, -2.0, 2.0);
    *beta = draw_chance(c, 2) ? 0.0F : (float)draw_uniform(c, -2.0, 2.0);
}

hpck_plan *draw_plan(struct random_case *c, const struct problem *problem)
{
    const struct device_desc *device = c->handle->backend->describe(c->handle->device);
    const enum dialect dialect = c->handle->backend->dialect;
    for (int i = 0; i < POINT_DRAWS; i++) {
        const struct family *family = families[draw_below(c, family_count)];
        int64_t param[FAMILY_PARAMS_MAX];
        hpck_plan *plan = NULL;
        family_space_point(family, random_below(&c->random, family_space_size(family)), param);
        if (select_rejection(family, device, dialect, problem, param, handle_workspace_cap(c->handle)) != NULL)
            continue;
        if (plan_force(c->handle, problem, family, param, &plan) != HPCK_OK)
            case_fail(c, "%s: %s", family->name, hpck_error_message(c->handle));
        case_chosen(c, plan);
        return plan;
    }
    return NULL;
}

void case_chosen(struct random_case *c, const hpck_plan *plan)
{
    snprintf(c->kernel, sizeof c->kernel, "%s", hpck_plan_describe(plan));
}

/* ---- operands ---------------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct random_operand *x)
{
    return (size_t)x->elements * reference_bytes(x->dtype);
}

void operand_make(struct random_case *c, struct random_operand *x, enum reference_dtype dtype, int64_t elements)
{
    *x = (struct random_operand){ .dtype = dtype, .elements = elements };
    x->before = malloc(bytes_of(x));
    x->after = malloc(bytes_of(x));
    assert_true(x->before != NULL && x->after != NULL);
    if (hpck_malloc(c->handle, bytes_of(x), &x->memory) != HPCK_OK)
        case_fail(c, "%s", hpck_error_message(c->handle));
    memset(x->before, PATTERN, bytes_of(x));
    for (int64_t i = 0; i < elements && dtype <= REFERENCE_BF16; i++)
        reference_store(x->before, dtype, i, NAN);
}

void operand_put(struct random_operand *x, int64_t index, double value)
{
    assert_true(index >= 0 && index < x->elements); /* the tester's own mistake */
    reference_store(x->before, x->dtype, index, value);
}

void operand_send(struct random_case *c, const struct random_operand *x)
{
    if (hpck_write(c->handle, x->memory, 0, x->before, bytes_of(x)) != HPCK_OK)
        case_fail(c, "%s", hpck_error_message(c->handle));
}

void operand_fetch(struct random_case *c, struct random_operand *x)
{
    if (hpck_read(c->handle, x->after, x->memory, 0, bytes_of(x)) != HPCK_OK)
        case_fail(c, "%s", hpck_error_message(c->handle));
}

void operand_expect(struct random_case *c, struct random_operand *x, int64_t index, double value, double bound,
                    const char *name)
{
    const size_t size = reference_bytes(x->dtype);
    const double got = reference_load(x->after, x->dtype, index);
    if (!reference_matches(got, value, bound, x->dtype))
        case_fail(c, "%s element %" PRId64 " = %.9g, expected %.9g within %.3g", name, index, got, value, bound);
    memcpy((char *)x->after + (size_t)index * size, (char *)x->before + (size_t)index * size, size);
}

void operand_untouched(struct random_case *c, const struct random_operand *x, const char *name)
{
    const unsigned char *before = x->before, *after = x->after;
    for (size_t i = 0; i < bytes_of(x); i++)
        if (before[i] != after[i]) case_fail(c, "%s element %zu was written", name, i / reference_bytes(x->dtype));
}

void operand_free(struct random_case *c, struct random_operand *x)
{
    hpck_free(c->handle, x->memory);
    free(x->before);
    free(x->after);
    *x = (struct random_operand){ 0 };
}
