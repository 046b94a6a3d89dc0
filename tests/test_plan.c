/* Plans: the same description gives the same plan, wrong ones are refused, and the workspace bounds what is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "gemm_case.h"
#include "plan_table.h"
#include "scratch.h"

static hpck_gemm_desc square(int64_t n)
{
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.m = desc.n = desc.k = n;
    return desc;
}

static void the_same_description_gives_the_same_plan(void **state)
{
    hpck_handle *handle = *state;
    hpck_gemm_desc desc = square(24);
    hpck_plan *plan = NULL;
    hpck_plan *again = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &desc, &plan), HPCK_OK);
    desc.lda = 100; /* where operands lie does not matter */
    assert_int_equal(hpck_gemm_plan(handle, &desc, &again), HPCK_OK);
    assert_ptr_equal(plan, again);
    desc.m = 25;
    assert_int_equal(hpck_gemm_plan(handle, &desc, &again), HPCK_OK);
    assert_ptr_not_equal(plan, again);
}

static void a_column_major_product_shares_the_plan_of_its_transpose(void **state)
{
    hpck_handle *handle = *state;
    hpck_gemm_desc row = square(24);
    row.m = 7;
    row.trans_a = HPCK_TRANS;
    hpck_gemm_desc column = square(24);
    column.n = 7;
    column.trans_b = HPCK_TRANS;
    column.layout = HPCK_COLUMN_MAJOR;
    hpck_plan *plan = NULL;
    hpck_plan *other = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &row, &plan), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &column, &other), HPCK_OK);
    assert_ptr_equal(plan, other);
}

static void a_plan_describes_itself(void **state)
{
    hpck_handle *handle = *state;
    hpck_gemm_desc desc = square(24);
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &desc, &plan), HPCK_OK);
    const char *text = hpck_plan_describe(plan);
    assert_memory_equal(text, "gemm:f32:nn:m24n24k24 gemm_", 27);
    assert_non_null(strstr(text, plan_choice(plan)->reason));
    assert_null(strchr(text, '\n'));
    assert_string_equal(hpck_plan_describe(NULL), "");
    assert_int_equal(hpck_plan_workspace(NULL), 0);
}

/* What compiles lazily has been made to compile: asking for a plan early is what takes the time. */
static void a_plan_is_ready_to_run(void **state)
{
    hpck_handle *handle = *state;
    int before = cache_compilations(handle->cache);
    struct gemm_case t;
    gemm_case_init(&t, handle);
    t.desc.m = t.desc.n = t.desc.k = 20;
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &t.desc, &plan), HPCK_OK);
    int planned = cache_compilations(handle->cache);
    gemm_case_verify(&t);
    assert_int_equal(cache_compilations(handle->cache), planned);
    assert_true(planned >= before);
}

static void a_forced_plan_serves_its_problem_only(void **state)
{
    hpck_handle *handle = *state;
    const hpck_gemm_desc desc = square(24);
    struct problem problem;
    hpck_plan *chosen = NULL;
    hpck_plan *forced = NULL;
    const hpck_buffer none = { NULL, 0 };
    assert_int_equal(gemm_problem(&desc, &problem, NULL), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &chosen), HPCK_OK);
    const struct choice *choice = plan_choice(chosen);
    assert_int_equal(plan_force(handle, &problem, choice->family, choice->param, &forced), HPCK_OK);
    assert_ptr_not_equal(forced, chosen);
    assert_int_equal(plan_choice(forced)->selected_by, SELECTED_FORCED);

    struct gemm_case t;
    gemm_case_init(&t, handle);
    t.desc = square(23);
    gemm_case_fill(&t);
    assert_int_equal(gemm_case_run(&t, NULL), HPCK_OK); /* memory is on the device now */
    hpck_buffer a = { t.a.memory, 0 };
    hpck_buffer b = { t.b.memory, 0 };
    hpck_buffer c = { t.c.memory, 0 };
    assert_int_equal(gemm_execute(handle, forced, &t.desc, 1.0F, a, b, 0.0F, c, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle),
                        "gemm: the plan is for gemm:f32:nn:m24n24k24, the call asks for gemm:f32:nn:m23n23k23");
    assert_int_equal(gemm_execute(handle, forced, &desc, 1.0F, none, none, 0.0F, none, NULL),
                     HPCK_INVALID_ARGUMENT);
    gemm_case_free(&t);
    plan_free(forced);
}

/* The same launches, and the output stays what it was. */
static void an_idle_plan_computes_nothing(void **state)
{
    hpck_handle *handle = *state;
    struct gemm_case t;
    hpck_plan *chosen = NULL;
    hpck_plan *idle = NULL;
    gemm_case_init(&t, handle);
    t.desc = square(24);
    gemm_case_fill(&t);
    assert_int_equal(gemm_case_run(&t, NULL), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &t.desc, &chosen), HPCK_OK);
    if (handle->backend->dialect != DIALECT_OPENCL) {
        assert_int_equal(plan_idle(chosen, &idle), HPCK_UNSUPPORTED);
        gemm_case_free(&t);
        return;
    }
    assert_int_equal(plan_idle(chosen, &idle), HPCK_OK);
    assert_int_equal(plan_step_count(idle), plan_step_count(chosen));
    assert_string_equal(hpck_plan_describe(idle), hpck_plan_describe(chosen));

    static const float old[24 * 24] = { 1.5F, -2.0F, 3.25F };
    float now[24 * 24];
    hpck_buffer a = { t.a.memory, 0 }, b = { t.b.memory, 0 }, c = { t.c.memory, 0 };
    assert_int_equal(hpck_write(handle, c.memory, 0, old, sizeof old), HPCK_OK);
    assert_int_equal(gemm_execute(handle, idle, &t.desc, 1.0F, a, b, 0.0F, c, NULL), HPCK_OK);
    assert_int_equal(hpck_read(handle, now, c.memory, 0, sizeof now), HPCK_OK);
    assert_memory_equal(now, old, sizeof old);
    plan_free(idle);
    gemm_case_free(&t);
}

/* A plan may rely on more alignment than a call has; never the other way round. */
static void a_forced_plan_refuses_operands_that_are_less_aligned(void **state)
{
    hpck_handle *handle = *state;
    struct gemm_case t;
    struct problem problem;
    hpck_plan *chosen = NULL;
    hpck_plan *forced = NULL;
    gemm_case_init(&t, handle);
    t.desc = square(24);
    t.offset_a = 4;
    gemm_case_fill(&t);
    assert_int_equal(gemm_case_run(&t, NULL), HPCK_OK);
    hpck_buffer a = { t.a.memory, 0 };
    hpck_buffer b = { t.b.memory, 0 };
    hpck_buffer c = { t.c.memory, 0 };
    assert_int_equal(gemm_problem(&t.desc, &problem, NULL), HPCK_OK);
    assert_int_equal(problem.field.gemm.align_a, 16);
    assert_int_equal(hpck_gemm_plan(handle, &t.desc, &chosen), HPCK_OK);
    assert_int_equal(plan_force(handle, &problem, plan_choice(chosen)->family, plan_choice(chosen)->param, &forced),
                     HPCK_OK);
    for (a.offset = 0; a.offset <= 4; a.offset++) {
        hpck_status st = gemm_execute(handle, forced, &t.desc, 1.0F, a, b, 0.0F, c, NULL);
        assert_int_equal(st, a.offset % 4 == 0 ? HPCK_OK : HPCK_INVALID_ARGUMENT);
        if (a.offset == 2)
            assert_string_equal(
                hpck_error_message(handle),
                "gemm: the plan is for lines of A and B at multiples of 16 and 16 bytes, in the call "
                "they are at multiples of 8 and 16");
    }
    gemm_case_free(&t);
    plan_free(forced);
}

static void an_illegal_point_is_refused_with_its_reason(void **state)
{
    hpck_handle *handle = *state;
    const hpck_gemm_desc desc = square(24);
    struct problem problem;
    hpck_plan *chosen = NULL;
    hpck_plan *forced = NULL;
    int64_t param[FAMILY_PARAMS_MAX];
    assert_int_equal(gemm_problem(&desc, &problem, NULL), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &chosen), HPCK_OK);
    const struct family *family = plan_choice(chosen)->family;
    memcpy(param, plan_choice(chosen)->param, sizeof param);
    param[0] = -1;
    assert_int_equal(plan_force(handle, &problem, family, param, &forced), HPCK_UNSUPPORTED);
    assert_memory_equal(hpck_error_message(handle), "plan: gemm_", 11);
    assert_null(forced);
}

static void the_callers_workspace_is_used_and_given_back(void **state)
{
    hpck_handle *handle = *state;
    const hpck_gemm_desc desc = square(300);
    hpck_plan *plan = NULL;
    hpck_plan *bound = NULL;
    hpck_plan *again = NULL;
    void *memory = NULL;
    assert_int_equal(hpck_gemm_plan(handle, &desc, &plan), HPCK_OK);
    assert_int_equal(hpck_malloc(handle, 64, &memory), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, memory, 65), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_set_workspace(handle, memory, 64), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &bound), HPCK_OK);
    assert_true(hpck_plan_workspace(bound) <= 64);
    assert_int_equal(hpck_set_workspace(handle, NULL, 0), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &again), HPCK_OK);
    assert_ptr_equal(plan, again);
    assert_true(handle->workspace_bytes >= hpck_plan_workspace(plan));
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
}

/* A product and a convolution that split sums and pack operands where they may. */
static void plans_of_both(hpck_handle *handle, hpck_plan *plans[2])
{
    hpck_gemm_desc gemm = HPCK_GEMM_DESC_INIT;
    hpck_conv_desc conv = HPCK_CONV_DESC_INIT;
    gemm.dtype = gemm.dtype_c = HPCK_F16;
    gemm.m = gemm.n = 64;
    gemm.k = 8192;
    conv.direction = HPCK_CONV_BACKWARD_FILTER;
    conv.layout = HPCK_NHWC;
    conv.filter_layout = HPCK_KRSC;
    conv.dtype = HPCK_F16;
    conv.c = conv.k = 32;
    conv.h = conv.w = 14;
    conv.r = conv.s = 3;
    if (hpck_gemm_plan(handle, &gemm, &plans[0]) != HPCK_OK || hpck_conv_plan(handle, &conv, &plans[1]) != HPCK_OK)
        fail_msg("%s", hpck_error_message(handle));
}

static void a_workspace_limit_holds(void **state)
{
    enum { SMALL = 100 };
    hpck_handle *handle = *state;
    hpck_plan *free_choice[2], *limited[2], *without[2], *again[2];
    void *memory = NULL;
    plans_of_both(handle, free_choice);
    assert_int_equal(hpck_set_workspace_limit(handle, SMALL), HPCK_OK);
    plans_of_both(handle, limited);
    assert_int_equal(hpck_malloc(handle, 1 << 24, &memory), HPCK_OK);
    assert_int_equal(hpck_set_workspace(handle, memory, 1 << 24), HPCK_OK); /* it holds for lent memory, too */
    plans_of_both(handle, again);
    assert_int_equal(hpck_set_workspace_limit(handle, 0), HPCK_OK);
    plans_of_both(handle, without);
    assert_int_equal(hpck_set_workspace(handle, NULL, 0), HPCK_OK);
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
    size_t most = 0;
    for (int i = 0; i < 2; i++) {
        most = hpck_plan_workspace(free_choice[i]) > most ? hpck_plan_workspace(free_choice[i]) : most;
        assert_true(hpck_plan_workspace(limited[i]) <= SMALL);
        assert_ptr_equal(again[i], limited[i]);
        assert_int_equal(hpck_plan_workspace(without[i]), 0);
    }
    assert_true(most > SMALL);
    assert_int_equal(hpck_set_workspace_limit(handle, SIZE_MAX), HPCK_OK);
    plans_of_both(handle, again);
    assert_memory_equal(again, free_choice, sizeof again);
}

static void traced_problems_are_written_once(void **state)
{
    (void)state;
    void *folder = NULL;
    assert_int_equal(scratch_setup(&folder), 0);
    setenv("HPCK_TRACE", scratch_path("trace"), 1);
    hpck_handle *handle = NULL;
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_create(&handle, NULL), HPCK_OK);
    for (int i = 0; i < 3; i++) {
        const hpck_gemm_desc desc = square(24 + i / 2);
        assert_int_equal(hpck_gemm_plan(handle, &desc, &plan), HPCK_OK);
    }
    hpck_destroy(handle);
    unsetenv("HPCK_TRACE");
    char *text = scratch_read("trace", NULL);
    assert_string_equal(text, "gemm:f32:nn:m24n24k24\ngemm:f32:nn:m25n25k25\n");
    free(text);
    scratch_teardown(&folder);
}

/* ---- the table by itself ------------------------------------------------------------------------------------ */

static void the_table_finds_what_was_put_in(void **state)
{
    hpck_handle *handle = *state;
    enum { PLANS = 300 }; /* it grows several times */
    struct plan_table *table = NULL;
    static hpck_plan *plans[PLANS];
    struct problem problem;
    const hpck_gemm_desc desc = square(24);
    hpck_plan *chosen = NULL;
    assert_int_equal(gemm_problem(&desc, &problem, NULL), HPCK_OK);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &chosen), HPCK_OK);
    assert_int_equal(plan_table_open(&table, NULL), HPCK_OK);
    for (int i = 0; i < PLANS; i++) {
        struct plan_key key = plan_key_make(&problem, i);
        assert_null(plan_table_find(table, &key));
        assert_int_equal(
            plan_force(handle, &problem, plan_choice(chosen)->family, plan_choice(chosen)->param, &plans[i]),
            HPCK_OK);
        assert_int_equal(plan_table_insert(table, &key, plans[i], NULL), HPCK_OK);
    }
    for (int i = 0; i < PLANS; i++) {
        struct plan_key key = plan_key_make(&problem, i);
        assert_ptr_equal(plan_table_find(table, &key), plans[i]);
    }
    plan_table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_description_gives_the_same_plan),
        cmocka_unit_test(a_column_major_product_shares_the_plan_of_its_transpose),
        cmocka_unit_test(a_plan_describes_itself),
        cmocka_unit_test(a_plan_is_ready_to_run),
        cmocka_unit_test(a_forced_plan_serves_its_problem_only),
        cmocka_unit_test(an_idle_plan_computes_nothing),
        cmocka_unit_test(a_forced_plan_refuses_operands_that_are_less_aligned),
        cmocka_unit_test(an_illegal_point_is_refused_with_its_reason),
        cmocka_unit_test(the_callers_workspace_is_used_and_given_back),
        cmocka_unit_test(a_workspace_limit_holds),
        cmocka_unit_test(traced_problems_are_written_once),
        cmocka_unit_test(the_table_finds_what_was_put_in),
    };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
