/* What the CUDA emulator says about wrong kernels: each report names the kernel, the instruction, the block and the thread. And
 * it refuses what a driver refuses: limits, targets, opcodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char faulty_source[] =
    "extern \"C\" __global__ void store(float *x, int i) { if (threadIdx.x == 33 && blockIdx.x == 1) x[i] = 1; }\n"
    "extern \"C\" __global__ void vector(float *x, float *y) { *(float4 *)(y + threadIdx.x * 4) = *(float4 *)(x + "
    "1); }\n"
    "extern \"C\" __global__ void shared_index(float *x, int i) { __shared__ float s[32]; s[threadIdx.x] = "
    "x[threadIdx.x];\n"
    "  __syncthreads(); x[threadIdx.x] = s[i]; }\n"
    "extern \"C\" __global__ void barrier(float *x) { __shared__ float s[64]; s[threadIdx.x] = x[threadIdx.x];\n"
    "  if (threadIdx.x % 32 < 16) { __syncthreads(); x[threadIdx.x] = s[63 - threadIdx.x]; }\n"
    "  else { __syncthreads(); x[threadIdx.x] = 2 * s[63 - threadIdx.x]; } }\n"
    "extern \"C\" __global__ void race(float *x) { __shared__ float s[64]; s[threadIdx.x] = x[threadIdx.x];\n"
    "  x[threadIdx.x] = s[63 - threadIdx.x]; }\n"
    "extern \"C\" __global__ void reuse(float *x) { __shared__ float s[64]; for (int k = 0; k < 2; k++) { "
    "s[threadIdx.x] = x[threadIdx.x];\n"
    "  __syncthreads(); x[threadIdx.x] += s[63 - threadIdx.x]; } }\n"
    /* the first warp has read it before the barrier, the second behind it, the third writes */
    "extern \"C\" __global__ void readers(float *x) { __shared__ float s[32]; int i = threadIdx.x % 32, w = "
    "threadIdx.x / 32;\n"
    "  float y = 0; if (w == 0) s[i] = x[i]; __syncthreads(); if (w == 0) y = s[i]; __syncthreads();\n"
    "  if (w == 1) y = s[i]; if (w == 2) s[i] = 1; x[threadIdx.x] = y; }\n"
    /* n is counted in by the first warp or by both; what follows is a read by all, by volatile, or a write by the second */
    "#define COUNT(threads) __shared__ int n; if (threadIdx.x == 0) n = 0; __syncthreads(); if (threadIdx.x < "
    "threads) "
    "atomicAdd(&n, 1);\n"
    "extern \"C\" __global__ void counted(int *x, int wait) { COUNT(32) if (wait) __syncthreads(); x[threadIdx.x] "
    "= n; }\n"
    "extern \"C\" __global__ void early(int *x) { COUNT(64) x[threadIdx.x] = n; }\n"
    "extern \"C\" __global__ void reset(int *x) { COUNT(32) if (threadIdx.x == 32) n = 0; }\n"
    "extern \"C\" __global__ void polled(int *x) { COUNT(64) x[threadIdx.x] = *(volatile int *)&n; }\n"
    /* a lock, and a flag that the first warp sets for the second; fences: bit 0 before it is given, bit 1 after it is taken */
    "__device__ void fence(int fences, int which) { if (fences & which) __threadfence_block(); }\n"
    "extern \"C\" __global__ void locked(int *x, int fences) { __shared__ int lock, n; if (threadIdx.x == 0) lock "
    "= n = 0; "
    "__syncthreads();\n"
    "  if (threadIdx.x % 32 == 0) { while (atomicCAS(&lock, 0, 1) != 0) { } fence(fences, 2); n += 3; "
    "fence(fences, 1); "
    "atomicExch(&lock, 0); }\n"
    "  __syncthreads(); x[threadIdx.x] = n; }\n"
    "extern \"C\" __global__ void flagged(int *x, int fences) { __shared__ volatile int flag; __shared__ int "
    "n[32]; if "
    "(threadIdx.x == 0) flag = 0; __syncthreads();\n"
    "  if (threadIdx.x < 32) { n[threadIdx.x] = 6; fence(fences, 1); flag = 1; } else { while (flag == 0) { } "
    "fence(fences, 2); x[threadIdx.x] = n[63 - threadIdx.x]; } }\n"
    "extern \"C\" __global__ void released(int *x, int fences) { __shared__ int flag, n[32]; if (threadIdx.x == 0) "
    "flag = 0; "
    "__syncthreads(); unsigned f = __cvta_generic_to_shared(&flag); int seen = 0;\n"
    "  if (threadIdx.x < 32) { n[threadIdx.x] = 6; if (fences & 1) asm volatile(\"st.release.cta.shared.b32 [%0], "
    "1;\" :: "
    "\"r\"(f) : \"memory\"); else asm volatile(\"st.relaxed.cta.shared.b32 [%0], 1;\" :: \"r\"(f) : \"memory\"); "
    "}\n"
    "  else { while (seen == 0) if (fences & 2) asm volatile(\"ld.acquire.cta.shared.b32 %0, [%1];\" : "
    "\"=r\"(seen) : "
    "\"r\"(f) : \"memory\"); else asm volatile(\"ld.relaxed.cta.shared.b32 %0, [%1];\" : \"=r\"(seen) : \"r\"(f) : "
    "\"memory\"); x[threadIdx.x] = n[63 - threadIdx.x]; } }\n"
    "extern \"C\" __global__ void unwritten(float *x) { __shared__ float s[64]; if (threadIdx.x < 32) "
    "s[threadIdx.x] = 1;\n"
    "  __syncthreads(); x[threadIdx.x] = s[threadIdx.x]; }\n"
    "extern \"C\" __global__ void global_unwritten(float *x, float *y) { y[threadIdx.x] = x[threadIdx.x]; }\n"
    "extern \"C\" __global__ void hang(volatile int *x) { if (threadIdx.x == 0) while (*x == 0) { } "
    "__syncthreads(); }\n"
    "extern \"C\" __global__ void stop() { if (threadIdx.x == 5) __trap(); }\n"
    "extern \"C\" __global__ void __launch_bounds__(64) bounded(float *x) { x[threadIdx.x] = 1; }\n"
    "extern \"C\" __global__ void dynamic(float *x) { extern __shared__ float s[]; s[threadIdx.x] = 1; "
    "x[threadIdx.x] = s[threadIdx.x]; }\n";

static void *faulty(const char *name)
{
    static char *ptx; /* compiled once, for all tests */
    void *module = NULL, *kernel = NULL;
    if (ptx == NULL) ptx = emulated_compile(faulty_source, "compute_80");
    emulated_open("a100", 1);
    assert_int_equal(cuModuleLoadData(&module, ptx), 0);
    assert_int_equal(cuModuleGetFunction(&kernel, module, name), 0);
    return kernel;
}

static void out_of_bounds_accesses_are_reported(void **state)
{
    (void)state;
    void *kernel = faulty("store");
    uint64_t x = emulated_zeros(400);
    int behind = 100, before = -1;
    void *params[] = { &x, &behind };
    emulated_expect_fault(kernel, 2, 64, params, 700,
                          REPORTS("out-of-bounds global-memory write of 4 bytes",
                                  "400 bytes into the 400 bytes allocated", "kernel store", "st.global.",
                                  "block (1,0,0)", "thread (33,0,0)"));
    kernel = faulty("store");
    x = emulated_zeros(400);
    params[1] = &before;
    emulated_expect_fault(kernel, 2, 64, params, 700, REPORTS("out-of-bounds global-memory write"));
    kernel = faulty("shared_index");
    x = emulated_zeros(128);
    int index = 32;
    void *more[] = { &x, &index };
    emulated_expect_fault(kernel, 1, 32, more, 700,
                          REPORTS("out-of-bounds shared-memory read", "kernel shared_index"));
}

static void misaligned_accesses_are_reported(void **state)
{
    (void)state;
    void *kernel = faulty("vector");
    uint64_t x = emulated_zeros(400), y = emulated_zeros(32 * 16);
    void *params[] = { &x, &y };
    emulated_expect_fault(
        kernel, 1, 32, params, 716,
        REPORTS("misaligned read of 16 bytes", "kernel vector", "ld.global", "v4", "thread (0,0,0)"));
}

static void divergent_barriers_and_deadlocks_are_reported(void **state)
{
    (void)state;
    void *kernel = faulty("barrier");
    uint64_t x = emulated_zeros(256);
    void *params[] = { &x };
    emulated_expect_fault(
        kernel, 1, 64, params, 719,
        REPORTS("divergent synchronisation", "kernel barrier", "bar.sync", "block (0,0,0)", "thread ("));
    kernel = faulty("hang");
    x = emulated_zeros(4);
    emulated_expect_fault(kernel, 1, 64, params, 702,
                          REPORTS("deadlock", "kernel hang", "warp 0 at line", "bar.sync"));
    kernel = faulty("stop");
    emulated_expect_fault(kernel, 1, 32, params, 719, REPORTS("trap", "kernel stop", "thread (5,0,0)"));
}

static void races_and_uninitialised_reads_are_reported(void **state)
{
    (void)state;
    uint64_t x, y;
    void *params[] = { &x, &y };
    void *kernel = faulty("race");
    x = emulated_zeros(256);
    emulated_expect_fault(kernel, 1, 64, params, 719, REPORTS("shared memory", "kernel race", "ld.shared"));
    kernel = faulty("reuse");
    x = emulated_zeros(256);
    emulated_expect_fault(kernel, 1, 64, params, 719, REPORTS("shared-memory race", "kernel reuse"));
    kernel = faulty("readers");
    x = emulated_zeros(384);
    emulated_expect_fault(kernel, 1, 96, params, 719,
                          REPORTS("shared-memory race, write after read: warp 2 and warp 1", "kernel readers"));
    kernel = faulty("unwritten");
    x = emulated_zeros(256);
    emulated_expect_fault(kernel, 1, 64, params, 719,
                          REPORTS("uninitialised shared memory", "kernel unwritten", "thread (32,0,0)"));
    kernel = faulty("global_unwritten");
    assert_int_equal(cuMemAlloc_v2(&x, 128), 0);
    y = emulated_zeros(128);
    assert_int_equal(cuMemsetD8_v2(x, 1, 64), 0);
    emulated_expect_fault(kernel, 1, 32, params, 719, REPORTS("uninitialised global memory", "thread (16,0,0)"));
}

/* The first warp copies asynchronously over what the second one reads. */
static void races_with_asynchronous_copies_are_reported(void **state)
{
    static const char source[] =
        "extern \"C\" __global__ void copied(float4 *x, int wait) { __shared__ float4 s[32]; int i = threadIdx.x % "
        "32; if (threadIdx.x < 32) s[i] = x[i]; __syncthreads();\n"
        "  if (threadIdx.x < 32) asm volatile(\"cp.async.cg.shared.global [%0], [%1], 16; cp.async.wait_all;\" :: "
        "\"r\"((unsigned)__cvta_generic_to_shared(s + i)), \"l\"(x + 32 + i) : \"memory\");\n"
        "  if (wait) __syncthreads(); if (threadIdx.x >= 32) x[i] = s[i]; }\n";
    (void)state;
    char *ptx = emulated_compile(source, "compute_80");
    for (int wait = 0; wait < 2; wait++) {
        void *module = NULL, *kernel = NULL;
        emulated_open("a100", 1);
        assert_int_equal(cuModuleLoadData(&module, ptx), 0);
        assert_int_equal(cuModuleGetFunction(&kernel, module, "copied"), 0);
        uint64_t x = emulated_zeros(1024);
        void *params[] = { &x, &wait };
        if (wait)
            emulated_launch(kernel, 1, 1, 64, 0, params);
        else
            emulated_expect_fault(kernel, 1, 64, params, 719, REPORTS("shared-memory race", "kernel copied"));
    }
    free(ptx);
}

/* Between an atomic operation and a plain access of another warp there has to be a barrier; a volatile read may go with it. */
static void races_with_atomics_are_reported(void **state)
{
    (void)state;
    uint64_t x;
    int wait = 0;
    void *params[] = { &x, &wait };
    static const char *const wrong[] = { "counted", "early", "reset" }, *const right[] = { "counted", "polled" };
    for (int i = 0; i < 3; i++) {
        void *kernel = faulty(wrong[i]);
        x = emulated_zeros(256);
        emulated_expect_fault(kernel, 1, 64, params, 719, REPORTS("shared-memory race, ", "atomic", wrong[i]));
    }
    wait = 1;
    for (int i = 0; i < 2; i++) {
        void *kernel = faulty(right[i]);
        x = emulated_zeros(256);
        emulated_launch(kernel, 1, 1, 64, 0, params);
    }
}

/* What a lock or a flag protects is ordered by the fences or the release and acquire that go with it, and by nothing less. */
static void locks_and_flags_order_memory(void **state)
{
    (void)state;
    static const char *const names[] = { "locked", "flagged", "released" };
    enum { BOTH = 3 };
    for (int i = 0; i < 3; i++)
        for (int fences = 0; fences <= BOTH; fences++) {
            void *kernel = faulty(names[i]);
            uint64_t x = emulated_zeros(256);
            void *params[] = { &x, &fences };
            int last = 0;
            if (fences != BOTH) {
                emulated_expect_fault(kernel, 1, 64, params, 719, REPORTS("shared-memory race", names[i]));
                continue;
            }
            emulated_launch(kernel, 1, 1, 64, 0, params);
            assert_int_equal(cuMemcpyDtoH_v2(&last, x + 252, 4), 0);
            assert_int_equal(last, 6);
        }
}

static void the_checker_can_be_switched_off(void **state)
{
    (void)state;
    void *kernel = faulty("reuse");
    uint64_t x = emulated_zeros(256);
    void *params[] = { &x };
    hpckemu_set_check(0);
    emulated_launch(kernel, 1, 1, 64, 0, params);
}

static int load_result(const char *ptx, char *log, size_t room)
{
    void *module = NULL;
    int options[] = { 5, 6 };
    void *values[] = { log, (void *)(uintptr_t)room };
    return cuModuleLoadDataEx(&module, ptx, 2, options, values);
}

static void loading_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    emulated_open("a100", 0);
    char log[512] = "";
    const char head[] = ".version 9.0\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n.reg .b32 %r<3>;\n";
    static const struct {
        const char *body, *words;
    } wrong[] = { { "foo.s32 %r1, %r2;\nret;\n}\n", "line 7, kernel k: unknown opcode foo.s32" },
                  { "add.q32 %r1, %r2, %r2;\nret;\n}\n", "unknown opcode add.q32" },
                  { "ld.global.shiny.b32 %r1, [%r2];\n}\n", ".shiny" },
                  { "mov.u32 %r1, %nosuch;\n}\n", "unknown register %nosuch" },
                  { "mov.u32 %r7, 1;\n}\n", "unknown register %r7" },
                  { "bra NOWHERE;\n}\n", "NOWHERE" },
                  { "add.s64 %r1, %r2, %r2;\n}\n", "32 bits where 64 are expected" },
                  { "add.s32 %r1, %r2;\n}\n", "missing" },
                  { "ret;\n", "ends without }" } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", head, wrong[i].body);
        assert_int_equal(load_result(text, log, sizeof log), 218);
        if (strstr(log, wrong[i].words) == NULL) fail_msg("no '%s' in: %s", wrong[i].words, log);
    }
    assert_int_equal(load_result("\177ELF", log, sizeof log), 209);
    assert_int_equal(load_result(".version 9.0\n.target sm_90\n.address_size 64\n", log, sizeof log), 209);
    assert_int_equal(load_result(".version 9.0\n.target sm_75\n.address_size 64\n", log, sizeof log), 0);
    assert_int_equal(load_result(".version 9.9\n.target sm_75\n.address_size 64\n", log, sizeof log), 222);
    assert_int_equal(load_result("hello", log, sizeof log), 218);
    /* a: only there, f: there and in its family, plain: there and later */
    static const struct {
        const char *device, *target;
        int result;
    } targets[] = { { "h100", "sm_90a", 0 },       { "rtx5090", "sm_90a", 209 },  { "gb10", "sm_120f", 0 },
                    { "rtx5090", "sm_100f", 209 }, { "rtx5090", "sm_121f", 209 }, { "gb10", "sm_90", 0 } };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char text[128];
        emulated_open(targets[i].device, 0);
        snprintf(text, sizeof text, ".version 9.0\n.target %s\n.address_size 64\n", targets[i].target);
        if (load_result(text, log, sizeof log) != targets[i].result)
            fail_msg("%s on %s", targets[i].target, targets[i].device);
    }
}

static void launches_are_held_to_the_limits(void **state)
{
    (void)state;
    void *kernel = faulty("bounded");
    uint64_t x = emulated_zeros(4096);
    void *params[] = { &x };
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 65, 1, 1, 0, NULL, params, NULL), 1);
    assert_int_equal(cuLaunchKernel(kernel, 0, 1, 1, 64, 1, 1, 0, NULL, params, NULL), 1);
    assert_int_equal(cuLaunchKernel(kernel, 1, 65536, 1, 64, 1, 1, 0, NULL, params, NULL), 1);
    kernel = emulated_kernel(faulty_source, "compute_80", "dynamic");
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 1025, 1, 1, 4100, NULL, params, NULL), 1);
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 64, 1, 1, 49153, NULL, params, NULL), 1);
    assert_int_equal(cuFuncSetAttribute(kernel, 8, 166913), 1);
    assert_int_equal(cuFuncSetAttribute(kernel, 8, 166912), 0);
    emulated_launch(kernel, 1, 1, 64, 166912, params);
}

static void the_virtual_clock_is_deterministic(void **state)
{
    (void)state;
    float times[2];
    for (int run = 0; run < 2; run++) {
        void *kernel = faulty("bounded"), *start = NULL, *end = NULL;
        uint64_t x = emulated_zeros(256);
        void *params[] = { &x };
        assert_int_equal(cuEventCreate(&start, 0), 0);
        assert_int_equal(cuEventCreate(&end, 0), 0);
        assert_int_equal(cuEventRecord(start, NULL), 0);
        hpckemu_reset_counters();
        emulated_launch(kernel, 200, 1, 64, 0, params);
        assert_int_equal(cuEventRecord(end, NULL), 0);
        assert_int_equal(cuEventElapsedTime(&times[run], start, end), 0);
        assert_int_equal(hpckemu_counter("store_global"), 200 * 2);
        assert_int_equal(hpckemu_counter("no such thing"), -1);
    }
    assert_true(times[0] > 0.002f);
    assert_true(times[0] == times[1]);
}

static void a_device_may_have_fewer_multiprocessors(void **state)
{
    (void)state;
    static const char *const wrong[] = { "h100:0", "h100:133", "h100:", "h100:3x", "h100:-1", "k80:3", ":3" };
    enum { MULTIPROCESSOR_COUNT = 16 };
    int count = 0;
    emulated_open("h100:3", 0);
    assert_int_equal(cuDeviceGetAttribute(&count, MULTIPROCESSOR_COUNT, 0), 0);
    assert_int_equal(count, 3);
    emulated_open("h100", 0);
    assert_int_equal(cuDeviceGetAttribute(&count, MULTIPROCESSOR_COUNT, 0), 0);
    assert_int_equal(count, 132);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        hpckemu_shutdown();
        setenv("HPCK_EMULATOR_DEVICE", wrong[i], 1);
        assert_int_equal(cuInit(0), 100); /* CUDA_ERROR_NO_DEVICE */
        assert_non_null(strstr(hpckemu_report(), "NAME:COUNT has fewer multiprocessors"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_bounds_accesses_are_reported),
        cmocka_unit_test(misaligned_accesses_are_reported),
        cmocka_unit_test(divergent_barriers_and_deadlocks_are_reported),
        cmocka_unit_test(races_and_uninitialised_reads_are_reported),
        cmocka_unit_test(races_with_asynchronous_copies_are_reported),
        cmocka_unit_test(races_with_atomics_are_reported),
        cmocka_unit_test(locks_and_flags_order_memory),
        cmocka_unit_test(the_checker_can_be_switched_off),
        cmocka_unit_test(loading_refuses_what_it_does_not_know),
        cmocka_unit_test(launches_are_held_to_the_limits),
        cmocka_unit_test(the_virtual_clock_is_deterministic),
        cmocka_unit_test(a_device_may_have_fewer_multiprocessors),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
