/* The seed configurations of every CUDA family, by the emulator's counters on each device they are legal for: no bank conflicts in the
 * main loop, and no sector of global memory touched for a part of its bytes; of reductions none anywhere. Results are checked, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulated.h"
#include "handle.h"
#include "plan.h"
#include "scratch.h"
#include "select.h"
#include "workload.h"

/* Has it a CUDA text? */
static bool is_for_cuda(const struct family *family)
{
    for (int t = 0; t < family->text_count; t++)
        if (family->texts[t].dialect == DIALECT_CUDA) return true;
    return false;
}

/* Aligned problems, in turn the first, until a seed is legal for one; %s: the dtypes. A family that reports 0 runs needs one more. */
static const char *const problems[] = { "gemm:%s:nn:m128n128k256",
                                        "gemm:%s:nt:m128n128k256",
                                        "gemm:%s:nn:m16n128k1024",
                                        "gemm:%s:nn:m128n16k1024",
                                        "gemm:%s:nt:m4n128k1024",
                                        "gemm:%s:nn:m4n128k1024",
                                        "gemm:%s:nn:m256n256k512",
                                        "reduce:sum:%s:1024x1024:axes1",
                                        "reduce:sum:%s:1024x1024:axes0",
                                        "reduce:sum:%s:64x64x64:axes0,2",
                                        "reduce:sum:%s:8x16x8x16:axes1,3",
                                        "reduce:meanvar:%s:64x2048:axes1",
                                        "reduce:softmax:%s:32x4096:axes1",
                                        "reduce:layernorm:%s:32x4096:axes1",
                                        "reduce:norm2:%s:64x16384:axes1",
                                        "reduce:argmax:%s:2x512x512:axes1",
                                        "reduce:dot:%s:64x2048:axes1",
                                        "reduce:rmsnorm:%s:32x1024:axes1",
                                        "reduce:logsumexp:%s:512x512:axes0",
                                        "reduce:max:%s:512x1024:axes1",
                                        "reduce:logsoftmax:%s:4x16384:axes1",
                                        "reduce:norm2:%s:512x1024:axes0",
                                        "reduce:meanvar:%s:1024x256:axes0",
                                        "conv:fwd:%s:nchw:n2c16h16w16k32r3s3:p1:s1:d1:g1",
                                        "conv:fwd:%s:nhwc:n2c16h16w16k32r3s3:p1:s1:d1:g1",
                                        "conv:fwd:%s:nhwc:n2c64h8w8k64r3s3:p1:s1:d1:g64" };
enum { PROBLEMS = sizeof problems / sizeof *problems };
static const char *const devices[] = { "t4", "a100", "h100" };

/* A problem of the text's dtypes for which the point is legal. */
static bool choose_problem(const struct family *family, const struct family_text *text,
                           const struct device_desc *device, const int64_t *param, int turn,
                           struct problem *problem)
{
    char dtypes[32], line[PROBLEM_TEXT_MAX];
    bool found = false;
    snprintf(dtypes, sizeof dtypes, "%s>%s", dtype_name(text->dtype_in), dtype_name(text->dtype_out));
    if (text->dtype_in == text->dtype_out) *strchr(dtypes, '>') = '\0';
    for (size_t i = 0; i < PROBLEMS && !found; i++) {
        struct error err = { 0 };
        snprintf(line, sizeof line, problems[(i + (size_t)turn) % PROBLEMS], dtypes);
        if (problem_parse(line, problem, &err) == HPCK_OK && problem->op == family->op) {
            *problem = problem_canonical(problem);
            found = select_rejection(family, device, DIALECT_CUDA, problem, param, INT64_MAX) == NULL;
        }
        error_free(&err);
    }
    return found;
}

/* cache NULL: the tests' own, which is kept from run to run. */
static hpck_handle *open_device(const char *device, const char *cache)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    hpckemu_shutdown();
    setenv("HPCK_EMULATOR_DEVICE", device, 1);
    options.device = "cuda:0";
    if (cache != NULL) options.cache_dir = scratch_path(cache);
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    hpckemu_set_count(1);
    return handle;
}

/* Runs the point; "" or what the counters say against it. */
static const char *run(hpck_handle *handle, const struct family *family, const struct problem *problem,
                       const int64_t *param, char verdict[1024])
{
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct error err = { 0 };
    hpck_plan *plan = NULL;
    char line[PROBLEM_TEXT_MAX], point[512];
    problem_print(problem, line);
    family_params_print(family, param, point, sizeof point);
    if (workload_create(handle, problem, &options, &workload, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    if (plan_force(handle, problem, family, param, &plan) != HPCK_OK)
        fail_msg("%s, %s %s: %s", line, family->name, point, hpck_error_message(handle));
    hpckemu_reset_counters();
    if (workload_verify(workload, plan, &err) != HPCK_OK)
        fail_msg("%s, %s %s: %s", line, family->name, point, error_text(&err));
    /* Where there is a main loop, it decides, except of reductions, which count from the first load to the last store. A convolution
     * gathers what lies under each tap of its filter unless it is transformed first, and reduce_strided has a work-item for each output. */
    const bool is_whole = problem->op == OP_REDUCE;
    const bool has_loop = !is_whole && hpckemu_counter("loop_shared_requests") > 0;
    const bool is_gathering = (problem->op == OP_CONV && strcmp(family->name, "conv_winograd_simt") != 0) ||
                              strcmp(family->name, "reduce_strided") == 0;
    const long long conflicts = hpckemu_counter(is_whole ? "shared_conflicts" : "loop_shared_conflicts");
    const long long wasted = is_gathering ? 0 : hpckemu_counter(has_loop ? "loop_global_wasted" : "global_wasted");
    verdict[0] = '\0';
    if (conflicts != 0 || wasted != 0)
        snprintf(verdict, 1024,
                 "%s, %s %s: %lld bank conflicts (%lld requests in the main loop), %lld of %lld sectors wasted",
                 line, family->name, point, conflicts, (long long)hpckemu_counter("loop_shared_requests"), wasted,
                 (long long)hpckemu_counter("global_sectors"));
    plan_free(plan);
    workload_free(workload);
    error_free(&err);
    return verdict;
}

/* Every seed once, the family's texts take turns. NVRTC 13.0 does not always give the same code: about one compilation in forty
 * splits a vector access of the main loop. What a second compilation does not show is no property of the text. */
static int check_family(const struct family *family, const char *device, int *turn)
{
    char again[64], verdict[1024];
    int bad = 0, runs = 0;
    hpck_handle *handle = open_device(device, NULL);
    for (int s = 0; s < family->seed_count; s++) {
        const int64_t *param = family->seeds + (ptrdiff_t)s * family->param_count;
        struct problem problem;
        bool found = false;
        for (int t = 0; t < family->text_count && !found; t++) {
            const struct family_text *text = &family->texts[(t + *turn) % family->text_count];
            found = text->dialect == DIALECT_CUDA &&
                    choose_problem(family, text, handle->backend->describe(handle->device), param, *turn, &problem);
        }
        if (!found) continue;
        ++*turn;
        runs++;
        if (*run(handle, family, &problem, param, verdict) == '\0') continue;
        hpck_destroy(handle);
        snprintf(again, sizeof again, "again-%s-%s-%d", device, family->name, s);
        handle = open_device(device, again);
        if (*run(handle, family, &problem, param, verdict) == '\0') continue;
        print_error("%s: %s\n", device, verdict);
        bad++;
    }
    hpck_destroy(handle);
    assert_int_equal(bad, 0);
    return runs;
}

static void main_loops_have_no_bank_conflicts_and_use_whole_sectors(void **state)
{
    (void)state;
    int turn = 0, total = 0;
    for (int f = 0; f < family_count; f++) {
        int runs = 0;
        if (!is_for_cuda(families[f])) continue;
        for (size_t d = 0; d < sizeof devices / sizeof *devices; d++)
            runs += check_family(families[f], devices[d], &turn);
        print_message("%s: %d runs\n", families[f]->name, runs);
        total += runs;
    }
    assert_true(total >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
        main_loops_have_no_bank_conflicts_and_use_whole_sectors, scratch_setup, scratch_teardown) };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
