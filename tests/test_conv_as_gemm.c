/* Convolutions that are products of matrices: which ones are taken for one and for which, every family of GEMM computes
 * them, and what was measured for GEMM serves them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "parsed.h"
#include "select.h"
#include "workload.h"

enum { FAMILIES_MAX = 16 };

/* ---- which, and what for -------------------------------------------------------------------------------- */

static void expect_product(const char *conv, const char *gemm)
{
    char text[PROBLEM_TEXT_MAX];
    struct problem room;
    const struct problem own = parsed(conv), problem = problem_canonical(&own);
    const struct problem *stated = problem_as(&problem, OP_GEMM, &room);
    if (gemm == NULL && stated != NULL) fail_msg("%s is taken for %s", conv, problem_print(stated, text));
    if (gemm == NULL) return;
    if (stated == NULL) fail_msg("%s is not taken for %s", conv, gemm);
    assert_string_equal(problem_print(stated, text), gemm);
}

static void a_filter_of_one_pixel_multiplies_matrices(void **state)
{
    (void)state;
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r1s1:bias:relu", "gemm:f32:nt:m70n32k64:bias:relu");
    expect_product("conv:bwd_data:f16:nhwc:n2c64h5w7k32r1s1", "gemm:f16:nn:m70n64k32");
    expect_product("conv:bwd_filter:bf16:nhwc:n2c64h5w7k32r1s1", "gemm:bf16:tn:m32n64k70");
    expect_product("conv:fwd:f32:nchw:n2c64h5w7k32r1s1:gelu", "gemm:f32:nn:m32n35k64:b2:gelu");
    expect_product("conv:bwd_data:f32:nchw:n2c64h5w7k32r1s1", "gemm:f32:tn:m64n35k32:b2");
    expect_product("conv:bwd_filter:f32:nchw:n1c64h5w7k32r1s1", "gemm:f32:nt:m32n64k35");
}

static void a_filter_as_large_as_the_image_multiplies_matrices(void **state)
{
    (void)state;
    expect_product("conv:fwd:f32:nhwc:n8c16h7w5k32r7s5:bias", "gemm:f32:nt:m8n32k560:bias");
    expect_product("conv:fwd:f32:nchw:n8c16h7w5k32r7s5:bias", "gemm:f32:nt:m8n32k560:bias");
    expect_product("conv:bwd_filter:f32:nchw:n8c16h7w5k32r7s5", "gemm:f32:tn:m32n560k8");
    expect_product("conv:fwd:f32:nhwc:n8c16h7w5k32r7s5:kcrs", NULL); /* elements in another order */
}

static void what_is_no_product_is_not_taken_for_one(void **state)
{
    (void)state;
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r3s3", NULL);
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r1s1:p1", NULL);
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r1s1:s2", NULL);
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r1s1:g2", NULL);
    expect_product("conv:fwd:f32:nhwc:n2c64h5w7k32r1s1:residual", NULL);
    expect_product("conv:fwd:f32:nchw:n2c64h5w7k32r1s1:bias", NULL);   /* one for each row */
    expect_product("conv:bwd_filter:f32:nchw:n2c64h5w7k32r1s1", NULL); /* a sum over images */
    expect_product("conv:fwd:f32:nhwc:n2c0h5w7k32r1s1", NULL);         /* nothing to multiply */
    expect_product("gemm:f32:nt:m70n32k64", "gemm:f32:nt:m70n32k64");  /* it is one */
    expect_product("reduce:sum:f32:64x64:axes1", NULL);
}

static void what_is_known_of_addresses_carries_over(void **state)
{
    struct problem room, problem = parsed("conv:fwd:f16:nhwc:n2c20h5w7k32r1s1");
    (void)state;
    problem.field.conv.align = 16;
    assert_non_null(problem_as(&problem, OP_GEMM, &room));
    assert_int_equal(room.field.gemm.align_a, 8); /* lines of 40 bytes */
    problem.field.conv.align = 4;
    assert_non_null(problem_as(&problem, OP_GEMM, &room));
    assert_int_equal(room.field.gemm.align_b, 4);
    problem.field.conv.align = 0;
    assert_non_null(problem_as(&problem, OP_GEMM, &room));
    assert_int_equal(room.field.gemm.align_a, 0);
}

/* ---- computed by GEMM's families ------------------------------------------------------------------------ */

/* The first legal seed of the family of GEMM whose turn it is, of those that take the problem. */
static bool find_point(const hpck_handle *handle, const struct problem *problem, int turn, struct choice *point)
{
    const struct device_desc *device = handle->backend->describe(handle->device);
    struct choice legal[FAMILIES_MAX];
    int count = 0;
    for (int f = 0; f < family_count && count < FAMILIES_MAX; f++) {
        const struct family *family = families[f];
        for (int s = 0; family->op == OP_GEMM && s < family->seed_count; s++) {
            const int64_t *seed = family->seeds + (ptrdiff_t)s * family->param_count;
            if (select_rejection(family, device, handle->backend->dialect, problem, seed, INT64_MAX)) continue;
            legal[count].family = family;
            memcpy(legal[count++].param, seed, (size_t)family->param_count * sizeof *seed);
            break;
        }
    }
    if (count > 0) *point = legal[turn % count];
    return count > 0;
}

static void verify(hpck_handle *handle, const char *text, int turn, const struct workload_options *options)
{
    struct error err = { 0 };
    struct workload *workload = NULL;
    hpck_plan *plan = NULL;
    struct choice point;
    const struct problem own = parsed(text);
    struct problem problem = problem_canonical(&own);
    workload_traits(&problem, options);
    if (!find_point(handle, &problem, turn, &point)) fail_msg("%s: no family of GEMM takes it", text);
    if (workload_create(handle, &problem, options, &workload, &err) != HPCK_OK ||
        plan_force(handle, &problem, point.family, point.param, &plan) != HPCK_OK ||
        workload_verify(workload, plan, &err) != HPCK_OK)
        fail_msg("%s by %s, alpha %g beta %g: %s %s", text, point.family->name, (double)options->alpha,
                 (double)options->beta, error_text(&err), hpck_error_message(handle));
    plan_free(plan);
    workload_free(workload);
}

static void every_family_of_gemm_computes_them(void **state)
{
    static const char *const problems[] = {
        "conv:fwd:f32:nhwc:n2c21h5w7k37r1s1:bias:relu", "conv:fwd:f32:nhwc:n2c21h5w7k37r1s1:prepared",
        "conv:bwd_data:f16:nhwc:n2c24h5w7k40r1s1",      "conv:bwd_filter:f32:nhwc:n2c21h5w7k37r1s1",
        "conv:fwd:bf16:nchw:n3c21h5w7k37r1s1:silu",     "conv:bwd_data:f32:nchw:n3c21h5w7k37r1s1",
        "conv:bwd_filter:f16:nchw:n1c21h5w8k37r1s1",    "conv:fwd:f16:nhwc:n9c5h3w7k33r3s7:bias:gelu",
        "conv:bwd_data:f32:nchw:n9c5h3w7k33r3s7",       "conv:bwd_filter:bf16:nchw:n9c5h3w7k33r3s7",
    };
    hpck_handle *handle = NULL;
    (void)state;
    assert_int_equal(hpck_create(&handle, NULL), HPCK_OK);
    for (int i = 0; i < (int)(sizeof problems / sizeof problems[0]); i++) {
        struct workload_options options = WORKLOAD_OPTIONS_INIT;
        verify(handle, problems[i], i, &options);
        options.alpha = 0.5F;
        options.beta = -1.25F;
        options.offset = 5;
        verify(handle, problems[i], i, &options);
    }
    hpck_destroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_of_one_pixel_multiplies_matrices),
        cmocka_unit_test(a_filter_as_large_as_the_image_multiplies_matrices),
        cmocka_unit_test(what_is_no_product_is_not_taken_for_one),
        cmocka_unit_test(what_is_known_of_addresses_carries_over),
        cmocka_unit_test(every_family_of_gemm_computes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
