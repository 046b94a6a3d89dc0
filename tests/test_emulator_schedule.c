/* Orders of execution: bugs that only a drawn order shows, a bug that the default, as late as is legal, always shows, and right kernels,
 * which are right in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

enum { SEEDS = 40, THREADS = 64 };

static const char source[] =
    "__device__ void copy(int *to, const int *from) { asm volatile(\"cp.async.ca.shared.global [%0], [%1], 4;\\n"
    "cp.async.commit_group;\" :: \"r\"((unsigned)__cvta_generic_to_shared(to)), \"l\"(from)); }\n"
    "__device__ void wait() { asm volatile(\"cp.async.wait_group 0;\" ::: \"memory\"); }\n"
    /* the second warp reads what the first one writes, with no barrier between them */
    "extern \"C\" __global__ void no_barrier(int *out, const int *in) { __shared__ volatile int s[32];\n"
    "  if (threadIdx.x < 32) s[threadIdx.x] = in[threadIdx.x]; else out[threadIdx.x - 32] = s[threadIdx.x - 32]; "
    "}\n"
    /* a copy goes into the buffer that is still read */
    "extern \"C\" __global__ void too_early(int *out, const int *in) { __shared__ int s[64]; int i = threadIdx.x;\n"
    "  s[i] = in[i]; __syncthreads(); copy(s + i, in + 64 + i); __syncthreads(); out[i] = s[63 - i]; "
    "__syncthreads(); wait(); }\n"
    /* nobody waits for the copy */
    "extern \"C\" __global__ void no_wait(int *out, const int *in) { __shared__ int s[64]; int i = threadIdx.x;\n"
    "  copy(s + i, in + i); _Pragma(\"unroll 1\") for (int k = 0; k < 60; k++) __syncthreads();\n"
    "  out[i] = s[63 - i]; }\n"
    /* the second block relies on the first one having run */
    "extern \"C\" __global__ void blocks(int *out, const int *in) { int i = threadIdx.x;\n"
    "  if (blockIdx.x == 0) ((volatile int *)out)[64 + i] = in[i]; else out[i] = ((volatile int *)out)[64 + i]; }\n"
    /* right: a pipeline of copies, and blocks that wait for each other's flags */
    "extern \"C\" __global__ void pipeline(int *out, const int *in) { __shared__ int s[3][64]; int i = "
    "threadIdx.x, sum = 0;\n"
    "  copy(s[0] + i, in + i); copy(s[1] + i, in + 64 + i);\n"
    "  _Pragma(\"unroll 1\") for (int k = 0; k < 16; k++) { asm volatile(\"cp.async.wait_group 1;\" ::: "
    "\"memory\"); __syncthreads();\n"
    "    copy(s[(k + 2) % 3] + i, in + (k + 2) % 16 * 64 + i); sum += (k + 1) * s[k % 3][63 - i]; }\n"
    "  wait(); out[i] = sum; }\n"
    "extern \"C\" __global__ void flags(volatile int *out, const int *in) { int i = threadIdx.x, b = blockIdx.x;\n"
    "  if (i == 0 && b > 0) while (out[1024 + b - 1] == 0) { } __syncthreads();\n"
    "  out[64 * b + i] = in[i] + (b > 0 ? out[64 * (b - 1) + 63 - i] : 0); __threadfence(); __syncthreads();\n"
    "  if (i == 0) out[1024 + b] = 1; }\n";

static void *module;
static int in[16 * THREADS];
static uint64_t device_in;

static int open_device(void **state)
{
    (void)state;
    emulated_open("a100", 0);
    char *ptx = emulated_compile(source, "compute_80");
    if (cuModuleLoadData(&module, ptx) != 0) fail_msg("%s", hpckemu_report());
    free(ptx);
    for (int i = 0; i < 16 * THREADS; i++)
        in[i] = 1 + i * 37 % 1000;
    device_in = emulated_copy(in, sizeof in);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    hpckemu_shutdown();
    return 0;
}

static void run(const char *name, unsigned blocks, uint64_t seed, int out[2048])
{
    void *kernel = NULL;
    uint64_t to = emulated_zeros(2048 * sizeof *out);
    void *params[] = { &to, &device_in };
    assert_int_equal(cuModuleGetFunction(&kernel, module, name), 0);
    hpckemu_set_seed(seed);
    emulated_launch(kernel, blocks, 1, THREADS, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(out, to, 2048 * sizeof *out), 0);
    cuMemFree_v2(to);
}

typedef int expected(int i);
static int same(int i)
{
    return in[i];
}
static int reversed(int i)
{
    return in[THREADS - 1 - i];
}
static int summed(int i)
{
    int sum = 0;
    for (int k = 0; k < 16; k++)
        sum += (k + 1) * in[k * THREADS + THREADS - 1 - i];
    return sum;
}

static int is_right(const char *name, unsigned blocks, int count, expected *want, uint64_t seed)
{
    int out[2048];
    run(name, blocks, seed, out);
    for (int i = 0; i < count; i++)
        if (out[i] != want(i)) return 0;
    return 1;
}

static int right_seeds(const char *name, unsigned blocks, int count, expected *want)
{
    int right = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        right += is_right(name, blocks, count, want, seed);
    return right;
}

static void a_drawn_order_shows_what_the_default_hides(void **state)
{
    (void)state;
    static const struct {
        const char *kernel;
        unsigned blocks;
        int count;
        expected *want;
    } cases[] = { { "no_barrier", 1, 32, same },
                  { "too_early", 1, THREADS, reversed },
                  { "blocks", 2, THREADS, same } };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        assert_true(is_right(cases[c].kernel, cases[c].blocks, cases[c].count, cases[c].want, 0));
        const int right = right_seeds(cases[c].kernel, cases[c].blocks, cases[c].count, cases[c].want);
        if (right == SEEDS) fail_msg("%s is right with every seed", cases[c].kernel);
    }
}

static void the_default_shows_a_missing_wait_that_a_drawn_order_may_hide(void **state)
{
    (void)state;
    assert_false(is_right("no_wait", 1, THREADS, reversed, 0));
    assert_true(right_seeds("no_wait", 1, THREADS, reversed) > 0);
}

static void right_kernels_are_right_in_every_order(void **state)
{
    (void)state;
    assert_true(is_right("pipeline", 1, THREADS, summed, 0));
    assert_int_equal(right_seeds("pipeline", 1, THREADS, summed), SEEDS);
    int first[2048], out[2048];
    run("flags", 16, 0, first);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run("flags", 16, seed, out);
        assert_memory_equal(out, first, sizeof out);
    }
}

static void a_seed_repeats_its_order(void **state)
{
    (void)state;
    int first[2048], again[2048], differ = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        run("no_barrier", 1, seed, first);
        for (int repeat = 0; repeat < 3; repeat++) {
            run("no_barrier", 1, seed, again);
            assert_memory_equal(first, again, sizeof first);
        }
        run("no_barrier", 1, seed + 1, again);
        differ |= memcmp(first, again, sizeof first) != 0;
    }
    assert_true(differ);
}

static void the_seed_comes_from_the_environment(void **state)
{
    (void)state;
    setenv("HPCK_EMULATOR_SEED", "not a number", 1);
    hpckemu_shutdown();
    assert_int_not_equal(cuInit(0), 0);
    assert_non_null(strstr(hpckemu_report(), "HPCK_EMULATOR_SEED=not a number"));
    setenv("HPCK_EMULATOR_SEED", "7", 1);
    open_device(state);
    unsetenv("HPCK_EMULATOR_SEED");
    assert_int_equal(hpckemu_set_seed(3), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drawn_order_shows_what_the_default_hides),
        cmocka_unit_test(the_default_shows_a_missing_wait_that_a_drawn_order_may_hide),
        cmocka_unit_test(right_kernels_are_right_in_every_order),
        cmocka_unit_test(a_seed_repeats_its_order),
        cmocka_unit_test(the_seed_comes_from_the_environment),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, open_device, close_device);
}
