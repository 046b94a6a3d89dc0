/* The C that codegen writes computes what its Python evaluates: every number and every reason, at the points that
 * tests/codegen/expectations.py prints. Besides the families of the library there is `odd`, a family made for this
 * test whose expressions divide by zero and overflow. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "family.h"

extern const struct family family_odd; /* tests/codegen/odd, compiled into this test */

/* One run of expectations.py: where it is, and what was read so far. */
struct reading {
    const char *line;
    char *at; /* next number of the line */
    const struct family *family;
    struct device_fields device;
    struct problem problem;
    uint64_t points;
    uint64_t legal;
};

static int64_t next_int(struct reading *r)
{
    char *end;
    const int64_t value = strtoll(r->at, &end, 10);
    if (end == r->at) fail_msg("no number where one is expected: \"%s\" in %s", r->at, r->line);
    r->at = end;
    return value;
}

static double next_real(struct reading *r)
{
    char *end;
    const double value = strtod(r->at, &end);
    if (end == r->at) fail_msg("no number where one is expected: \"%s\" in %s", r->at, r->line);
    r->at = end;
    return value;
}

static void expect(struct reading *r, const char *what, const char *name, int64_t actual)
{
    const int64_t expected = next_int(r);
    if (actual != expected) {
        fail_msg("%s: %s %s is %" PRId64 " in C, %" PRId64 " in Python, at %s", r->family->name, what, name, actual,
                 expected, r->line);
    }
}

static void read_device(struct reading *r)
{
    int64_t value[sizeof r->device / sizeof(int64_t)];
    for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
        value[i] = next_int(r);
    }
    memcpy(&r->device, value, sizeof value);
}

static void read_problem(struct reading *r)
{
    memset(&r->problem, 0, sizeof r->problem);
    r->problem.op = r->family->op;
    r->problem.dtype_in = (hpck_dtype)next_int(r);
    r->problem.dtype_out = (hpck_dtype)next_int(r);
    for (int i = 0; i < op_descs[r->family->op].field_count; i++) {
        r->problem.field.value[i] = next_int(r);
    }
}

static void compare_tensor(struct reading *r, const struct step_desc *step, const char *name,
                           const struct tensor_desc *tensor, const struct point *point)
{
    struct tensor_shape shape;
    tensor->shape(point, &shape);
    for (int i = 0; i < tensor->rank; i++)
        expect(r, step->kernel, name, shape.size[i]);
    for (int i = 0; i < tensor->rank; i++)
        expect(r, step->kernel, name, shape.box[i]);
    expect(r, step->kernel, name, shape.swizzle_bytes);
}

static void compare_step(struct reading *r, const struct step_desc *step, const struct point *point)
{
    expect(r, "enabled", step->kernel, step->enabled(point));
    struct geometry geometry;
    step->geometry(point, &geometry);
    for (int i = 0; i < 3; i++) {
        expect(r, "global size", step->kernel, geometry.global[i]);
    }
    for (int i = 0; i < 3; i++) {
        expect(r, "local size", step->kernel, geometry.local[i]);
    }
    for (int i = 0; i < step->arg_count; i++) {
        const struct arg_desc *arg = &step->args[i];
        if (arg->value) expect(r, step->kernel, arg->name, arg->value(point));
        if (arg->kind == ARG_TENSOR_MAP) compare_tensor(r, step, arg->name, &step->tensors[arg->index], point);
    }
}

static void compare_point(struct reading *r)
{
    const struct family *family = r->family;
    int64_t param[FAMILY_PARAMS_MAX];
    for (int i = 0; i < family->param_count; i++) {
        param[i] = next_int(r);
    }
    const struct point point = { &r->device, &r->problem, param };

    struct resources resources;
    family->resources(&point, &resources);
    expect(r, "resource", "local_bytes", resources.local_bytes);
    expect(r, "resource", "work_items", resources.work_items);
    expect(r, "resource", "registers", resources.registers);
    expect(r, "resource", "workspace_bytes", resources.workspace_bytes);

    /* a compiler may fuse a product and a sum: then the last digits differ */
    const double seconds = family->model(&point), expected = next_real(r);
    if (!(fabs(seconds - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("%s: the model is %a in C, %a in Python, at %s", family->name, seconds, expected, r->line);
    }
    for (int i = 0; i < family->define_count; i++) {
        expect(r, "define", family->defines[i].name, family->defines[i].value(&point));
    }
    for (int i = 0; i < family->step_count; i++) {
        compare_step(r, &family->steps[i], &point);
    }

    const char *reason = family->valid(&point);
    assert_true(r->at[0] == ' ' && r->at[1] == '|');
    if (strcmp(reason ? reason : "", r->at + 2) != 0) {
        fail_msg("%s: C says \"%s\" at %s", family->name, reason ? reason : "", r->line);
    }
    r->points++;
    r->legal += reason == NULL;
}

static const struct family *find(const char *name)
{
    const struct family *family = strcmp(name, "odd") == 0 ? &family_odd : family_find(name);
    if (!family) fail_msg("Python knows a family \"%s\", C does not", name);
    return family;
}

/* Reads all that the command prints; returns how many families it spoke of. */
static int compare(const char *command)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    setvbuf(pipe, NULL, _IOFBF, 1 << 16); /* 200 MB come through it */
    struct reading r = { 0 };
    char *line = NULL, word[64], name[64];
    size_t size = 0;
    int seen = 0, length = 0;
    bool ended = false;
    while (getline(&line, &size, pipe) > 0) {
        line[strcspn(line, "\n")] = '\0';
        assert_int_equal(sscanf(line, "%63s%n", word, &length), 1);
        r.line = line;
        r.at = line + length;
        if (strcmp(word, "point") == 0) {
            compare_point(&r);
        } else if (strcmp(word, "problem") == 0) {
            read_problem(&r);
        } else if (strcmp(word, "device") == 0) {
            assert_int_equal(sscanf(r.at, "%63s%n", name, &length), 1);
            r.at += length;
            read_device(&r);
        } else if (strcmp(word, "family") == 0) {
            assert_int_equal(sscanf(r.at, "%63s", name), 1);
            if (seen > 0) assert_true(r.points > 0 && r.legal > 0);
            r.points = r.legal = 0;
            r.family = find(name);
            seen++;
        } else {
            assert_string_equal(word, "end");
            ended = true;
        }
    }
    free(line);
    assert_int_equal(pclose(pipe), 0);
    assert_true(ended && r.points > 0 && r.legal > 0);
    return seen;
}

static void test_families_agree(void **state)
{
    (void)state;
    assert_int_equal(compare(EXPECTATIONS " " SOURCE_FOLDER "/kernels"), family_count);
}

static void test_edges_of_the_arithmetic_agree(void **state)
{
    (void)state;
    assert_int_equal(compare(EXPECTATIONS " " ODD_FOLDER "/kernels odd"), 1);
}

static void test_families_are_sorted_by_name(void **state)
{
    (void)state;
    for (int i = 1; i < family_count; i++) {
        assert_true(strcmp(families[i - 1]->name, families[i]->name) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_agree),
        cmocka_unit_test(test_edges_of_the_arithmetic_agree),
        cmocka_unit_test(test_families_are_sorted_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
