/* Every CUDA text compiles with NVRTC alone, without a header, a driver or a device: each family, pair of dtypes and
 * architecture with one seed; transposes, epilogues and the other seeds take turns. And the emulator knows every instruction of what comes
 * out, which it decodes when it is loaded. Skipped where there is no NVRTC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_objects.h"
#include "emulated.h"
#include "family.h"
#include "op_reduce.h"
#include "program_options.h"

static struct backend_device device; /* only what the compiler needs of it */

/* On the newest emulated device; what is for Hopper alone on that one. */
static void load(const char *name, const char *target, const char *ptx)
{
    void *module = NULL;
    emulated_open(strchr(target, 'a') != NULL ? "h100" : "gb10", 0);
    if (cuModuleLoadData(&module, ptx) != 0) fail_msg("%s, sm_%s: %s", name, target, hpckemu_report());
}

/* A problem that is legal for the family and differs with `turn`. */
static struct problem problem_of(const struct family *family, const struct family_text *text, int turn)
{
    struct problem problem = { .op = family->op, .dtype_in = text->dtype_in, .dtype_out = text->dtype_out };
    if (family->op == OP_CONV) {
        static const char *const directions[] = { "fwd", "bwd_data", "bwd_filter" };
        char words[PROBLEM_TEXT_MAX];
        snprintf(words, sizeof words, "conv:%s:%s:nhwc:n2c64h28w28k64r3s3:p1", directions[turn % 3],
                 dtype_name(text->dtype_in));
        assert_int_equal(problem_parse(words, &problem, NULL), HPCK_OK);
        return problem_canonical(&problem);
    }
    if (family->op == OP_REDUCE) {
        problem.field.reduce = (struct reduce_fields){ .operation = turn % 5,
                                                       .form = 1 + turn % 3,
                                                       .rank = 4,
                                                       .axes = 6,
                                                       .outer = 64,
                                                       .segments = 3,
                                                       .length = 4096,
                                                       .inner = 5 };
        return problem;
    }
    problem.field.gemm.trans_a = turn % 2;
    problem.field.gemm.trans_b = turn / 2 % 2;
    problem.field.gemm.bias = turn / 2 % 2;
    problem.field.gemm.activation = turn % 4;
    problem.field.gemm.batch_lists = turn % 3 == 0;
    problem.field.gemm.m = problem.field.gemm.n = problem.field.gemm.k = 4096;
    problem.field.gemm.batch = 2;
    problem.field.gemm.tf32 = text->dtype_in == HPCK_F32;
    problem.field.gemm.align_a = problem.field.gemm.align_b = 16;
    return problem;
}

/* The turn-th legal seed; false: none is. */
static bool choose_seed(const struct family *family, const struct problem *problem, int turn, struct point *point)
{
    point->device = &device.desc.field;
    point->problem = problem;
    for (int i = 0; i < family->seed_count; i++) {
        point->param = family->seeds + (ptrdiff_t)((turn + i) % family->seed_count) * family->param_count;
        if (family->valid(point) == NULL) return true;
    }
    return false;
}

/* True: a seed of the family is legal there, and its text compiled. */
static bool check(const struct family *family, const struct family_text *text, int sm, int turn)
{
    struct error err = { 0 };
    struct strbuf options = { 0 };
    struct point point;
    char *ptx = NULL;
    size_t size = 0;
    char wanted[64];
    struct problem problem = problem_of(family, text, turn);
    char target[16];
    if (!choose_seed(family, &problem, turn, &point)) {
        if (family->op == OP_GEMM) problem.field.gemm.batch_lists = 0; /* not every family takes lists */
        if (family->op == OP_REDUCE) problem.field.reduce.operation = REDUCE_SOFTMAX; /* or sums */
        if (family->op == OP_REDUCE) problem.field.reduce.form = 1;
    }
    if (family->op == OP_GEMM && !choose_seed(family, &problem, turn, &point))
        problem.field.gemm.m = 3; /* or many rows */
    if (family->op == OP_CONV && !choose_seed(family, &problem, turn, &point))
        problem.field.conv.groups = problem.field.conv.c; /* or channels that mix */
    if (!choose_seed(family, &problem, turn, &point)) return false;
    snprintf(target, sizeof target, "%d", sm);
    if (family->cuda_target != NULL) snprintf(target, sizeof target, "%s", family->cuda_target);
    program_options(&options, family, &point);
    if (cuda_translate(&device, text->source, options.text, target, false, &ptx, &size, &err) != HPCK_OK)
        fail_msg("%s, sm_%s: %s", family->name, target, error_text(&err));
    assert_int_equal(strlen(ptx), size);
    snprintf(wanted, sizeof wanted, "\n.target sm_%s\n", target);
    assert_non_null(strstr(ptx, wanted));
    for (int i = 0; i < family->step_count; i++) {
        if (!family->steps[i].enabled(&point)) continue;
        snprintf(wanted, sizeof wanted, ".visible .entry %s(", family->steps[i].kernel);
        assert_non_null(strstr(ptx, wanted));
    }
    assert_null(strstr(ptx, ".extern .func")); /* everything is inside */
    load(family->name, target, ptx);
    free(ptx);
    strbuf_free(&options);
    error_free(&err);
    return true;
}

static void every_text_compiles_for_every_architecture(void **state)
{
    (void)state;
    /* both of NVRTC's front ends; those that differ in little but their number take turns */
    static const char *const always[] = { "sm_75", "sm_80", "sm_90", "sm_100" };
    static const char *const others[] = { "sm_121", "sm_86", "sm_103", "sm_89", "sm_120", "sm_87", "sm_110" };
    enum { ALWAYS = sizeof always / sizeof *always, OTHERS = sizeof others / sizeof *others };
    struct error err = { 0 };
    char fingerprint[128];
    int turn = 0;
    for (int f = 0; f < family_count; f++) {
        for (int t = 0; t < families[f]->text_count; t++) {
            const struct family_text *text = &families[f]->texts[t];
            int compiled = 0;
            if (text->dialect != DIALECT_CUDA) continue;
            for (int a = 0; a <= ALWAYS; a++) {
                const char *architecture = a < ALWAYS ? always[a] : others[turn / (ALWAYS + 1) % OTHERS];
                assert_int_equal(
                    cuda_describe_absent(architecture, &device.desc, fingerprint, sizeof fingerprint, &err),
                    HPCK_OK);
                compiled += check(families[f], text, (int)device.desc.field.cuda_sm, turn++);
            }
            if (compiled == 0) fail_msg("%s, text %d: no seed is legal on any architecture", families[f]->name, t);
        }
    }
    assert_true(turn >= 25);
}

static void a_wrong_text_gives_the_compilers_log(void **state)
{
    (void)state;
    struct error err = { 0 };
    char *ptx = NULL;
    size_t size = 0;
    hpck_status st = cuda_translate(&device, "extern \"C\" __global__ void f() { int x = nowhere; }", "-DN=3 ",
                                    "80", false, &ptx, &size, &err);
    assert_int_equal(st, HPCK_COMPILE_FAILED);
    assert_non_null(strstr(error_text(&err), "\"nowhere\" is undefined"));
    assert_non_null(strstr(error_text(&err), "options: -DN=3"));
    assert_null(ptx);
    error_free(&err);
}

static void the_target_is_the_newest_that_the_device_runs(void **state)
{
    (void)state;
    struct error err = { 0 };
    static const struct {
        int sm, target;
    } cases[] = { { 75, 75 }, { 86, 86 }, { 90, 90 }, { 99, 90 } };
    int target = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        device.desc.field.cuda_sm = cases[i].sm;
        assert_int_equal(cuda_target(&device, &target, &err), HPCK_OK);
        assert_int_equal(target, cases[i].target);
    }
    device.desc.field.cuda_sm = 30;
    assert_int_equal(cuda_target(&device, &target, &err), HPCK_COMPILE_FAILED);
    assert_non_null(strstr(error_text(&err), "the device is sm_30"));
    error_free(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_compiles_for_every_architecture),
        cmocka_unit_test(a_wrong_text_gives_the_compilers_log),
        cmocka_unit_test(the_target_is_the_newest_that_the_device_runs),
    };
    struct error err = { 0 };
    if (nvrtc_load(&device.nvrtc, &err) != HPCK_OK) {
        print_message("%s\n", error_text(&err));
        error_free(&err);
        return 77;
    }
    device.has_nvrtc = true;
    device.desc.field = (struct device_fields){ .is_gpu = 1,
                                                .compute_units = 58,
                                                .max_work_items = 1024,
                                                .local_bytes = 65536,
                                                .sub_group = 32,
                                                .vector_width = 1,
                                                .max_alloc_bytes = 1L << 34 };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
