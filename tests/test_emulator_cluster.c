/* Clusters on the CUDA emulator: blocks that run together, distributed shared memory, the cluster's barrier, arrivals at another
 * block's mbarrier, and the launch attribute with the limits of a driver; cooperative launches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char source[] =
    "typedef unsigned long long u64;\n"
    "__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }\n"
    "__device__ unsigned map(unsigned a, unsigned r) { unsigned b; asm volatile(\"mapa.shared::cluster.u32 %0, %1, "
    "%2;\" : \"=r\"(b) : \"r\"(a), \"r\"(r)); return b; }\n"
    "__device__ void sync() { asm volatile(\"barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\" ::: "
    "\"memory\"); }\n"
    "extern \"C\" __global__ void where(unsigned *y) {\n"
    "  unsigned *at = y + 6 * (blockIdx.y * gridDim.x + blockIdx.x);\n"
    "  unsigned r, n, x, cy, c, d;\n"
    "  asm(\"mov.u32 %0, %%cluster_ctarank;\" : \"=r\"(r)); asm(\"mov.u32 %0, %%cluster_nctarank;\" : \"=r\"(n));\n"
    "  asm(\"mov.u32 %0, %%cluster_ctaid.x;\" : \"=r\"(x)); asm(\"mov.u32 %0, %%cluster_ctaid.y;\" : \"=r\"(cy));\n"
    "  asm(\"mov.u32 %0, %%clusterid.x;\" : \"=r\"(c)); asm(\"mov.u32 %0, %%clusterid.y;\" : \"=r\"(d));\n"
    "  at[0] = r; at[1] = n; at[2] = x; at[3] = cy; at[4] = c; at[5] = d; }\n"
    /* every block writes its own shared memory and reads its neighbour's */
    "extern \"C\" __global__ void neighbours(int *y, int faults) {\n"
    "  __shared__ int s[32]; unsigned r, n; int v;\n"
    "  asm(\"mov.u32 %0, %%cluster_ctarank;\" : \"=r\"(r)); asm(\"mov.u32 %0, %%cluster_nctarank;\" : \"=r\"(n));\n"
    "  s[threadIdx.x] = 100 * blockIdx.x + threadIdx.x;\n"
    "  if (faults != 1) sync();\n"
    "  asm volatile(\"ld.shared::cluster.s32 %0, [%1];\" : \"=r\"(v) : \"r\"(map(at(s + threadIdx.x), (r + 1) % "
    "n)));\n"
    "  y[32 * blockIdx.x + threadIdx.x] = v;\n"
    "  if (faults == 2) { if (r == 0) return; for (int i = 0; i < 100; i++) __nanosleep(100); \n"
    "    asm volatile(\"st.shared::cluster.s32 [%0], %1;\" :: \"r\"(map(at(s), 0)), \"r\"(v)); }\n"
    "  if (faults == 0) sync(); }\n"
    /* block 0 waits at its mbarrier for one arrival and four bytes of data from every block */
    "extern \"C\" __global__ void gather(int *y) {\n"
    "  __shared__ u64 b; __shared__ int s[16]; unsigned r, n;\n"
    "  asm(\"mov.u32 %0, %%cluster_ctarank;\" : \"=r\"(r)); asm(\"mov.u32 %0, %%cluster_nctarank;\" : \"=r\"(n));\n"
    "  if (threadIdx.x == 0) asm volatile(\"mbarrier.init.shared::cta.b64 [%0], %1;\" :: \"r\"(at(&b)), "
    "\"r\"(n));\n"
    "  sync();\n"
    "  if (threadIdx.x == 0) {\n"
    "    asm volatile(\"st.shared::cluster.s32 [%0], %1;\" :: \"r\"(map(at(s + r), 0)), \"r\"(10 + r * r));\n"
    "    asm volatile(\"mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];\" :: \"r\"(map(at(&b), 0)) : "
    "\"memory\");\n"
    "  }\n"
    "  if (r == 0) { asm volatile(\"{ .reg .pred p; W: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, "
    "[%0], 0; @p bra D; bra W; D: }\" :: \"r\"(at(&b)) : \"memory\");\n"
    "    if (threadIdx.x < n) y[threadIdx.x] = s[threadIdx.x]; }\n"
    "  sync(); }\n"
    "extern \"C\" __global__ void chain(volatile int *flag) { if (threadIdx.x == 0) { int n = 0;\n"
    "  if (blockIdx.x + 1 < gridDim.x) while ((n = flag[blockIdx.x + 1]) == 0) { } flag[blockIdx.x] = n + 1; } }\n"
    "extern \"C\" __global__ void __cluster_dims__(2, 1, 1) pair(int *y) { sync(); y[blockIdx.x] = 1; }\n"
    "extern \"C\" __global__ void half(int *y) { if (blockIdx.x == 0) sync(); else asm volatile("
    "\"barrier.cluster.wait;\"); }\n";

struct attribute {
    int id;
    char pad[4];
    unsigned cluster[3];
    char rest[52];
};
struct config {
    unsigned grid[3], threads[3], shared;
    void *stream;
    const struct attribute *attributes;
    unsigned count;
};

static int launch_cluster(void *kernel, unsigned grid_x, unsigned grid_y, unsigned cluster_x, unsigned cluster_y,
                          void **params)
{
    const struct attribute attribute = { .id = 4, .cluster = { cluster_x, cluster_y, 1 } };
    const struct config config = {
        .grid = { grid_x, grid_y, 1 }, .threads = { 32, 1, 1 }, .attributes = &attribute, .count = 1
    };
    return cuLaunchKernelEx(&config, kernel, params, NULL);
}

static void *kernel_named(const char *name)
{
    emulated_open("h100", 1);
    return emulated_kernel(source, "compute_90", name);
}

static void blocks_know_their_place(void **state)
{
    (void)state;
    unsigned y[8 * 4 * 6];
    void *kernel = kernel_named("where");
    uint64_t out = emulated_zeros(sizeof y);
    void *params[] = { &out };
    assert_int_equal(launch_cluster(kernel, 8, 4, 2, 2, params), 0);
    assert_int_equal(cuMemcpyDtoH_v2(y, out, sizeof y), 0);
    for (unsigned b = 0; b < 32; b++) {
        unsigned bx = b % 8, by = b / 8;
        const unsigned expected[] = { bx % 2 + 2 * (by % 2), 4, bx % 2, by % 2, bx / 2, by / 2 };
        assert_memory_equal(&y[6 * b], expected, sizeof expected);
    }
}

static void blocks_read_each_others_shared_memory(void **state)
{
    (void)state;
    int y[32 * 8], faults = 0;
    void *kernel = kernel_named("neighbours");
    uint64_t out = emulated_zeros(sizeof y);
    void *params[] = { &out, &faults };
    assert_int_equal(launch_cluster(kernel, 8, 1, 4, 1, params), 0);
    assert_int_equal(cuMemcpyDtoH_v2(y, out, sizeof y), 0);
    for (int b = 0; b < 8; b++)
        for (int t = 0; t < 32; t++)
            assert_int_equal(y[32 * b + t], 100 * (b / 4 * 4 + (b + 1) % 4) + t);
}

static void expect_report(int code, const char *const *words)
{
    assert_int_equal(cuCtxSynchronize(), code);
    for (; *words != NULL; words++)
        if (strstr(hpckemu_report(), *words) == NULL) fail_msg("no '%s' in: %s", *words, hpckemu_report());
}

static void accesses_that_the_cluster_does_not_order_are_reported(void **state)
{
    (void)state;
    int faults = 1;
    uint64_t out;
    void *params[] = { &out, &faults };
    void *kernel = kernel_named("neighbours");
    out = emulated_zeros(32 * 8 * 4);
    assert_int_equal(launch_cluster(kernel, 2, 1, 2, 1, params), 0);
    expect_report(719, REPORTS("shared memory", "ld.shared::cluster", "kernel neighbours"));
    faults = 2;
    kernel = kernel_named("neighbours");
    out = emulated_zeros(32 * 8 * 4);
    assert_int_equal(launch_cluster(kernel, 2, 1, 2, 1, params), 0);
    expect_report(700, REPORTS("block 0 of the cluster, which has already exited", "st.shared::cluster"));
    kernel = kernel_named("half");
    out = emulated_zeros(32);
    assert_int_equal(launch_cluster(kernel, 2, 1, 2, 1, params), 0);
    expect_report(719, REPORTS("barrier.cluster.wait without an arrive", "kernel half", "block (1,0,0)"));
}

static void arrivals_from_the_whole_cluster_complete_a_phase(void **state)
{
    (void)state;
    int y[8];
    void *kernel = kernel_named("gather");
    uint64_t out = emulated_zeros(sizeof y);
    void *params[] = { &out };
    assert_int_equal(launch_cluster(kernel, 8, 1, 8, 1, params), 0);
    assert_int_equal(cuMemcpyDtoH_v2(y, out, sizeof y), 0);
    for (int r = 0; r < 8; r++)
        assert_int_equal(y[r], 10 + r * r);
}

static void launches_have_the_limits_of_a_driver(void **state)
{
    (void)state;
    void *kernel = kernel_named("where");
    uint64_t out = emulated_zeros(32 * 6 * 4);
    void *params[] = { &out };
    assert_int_equal(launch_cluster(kernel, 6, 1, 4, 1, params), 1);
    assert_non_null(strstr(hpckemu_report(), "not a multiple of the cluster"));
    assert_int_equal(launch_cluster(kernel, 16, 1, 16, 1, params), 912);
    assert_int_equal(cuFuncSetAttribute(kernel, 14, 1), 0);
    assert_int_equal(launch_cluster(kernel, 16, 1, 16, 1, params), 0);
    assert_int_equal(launch_cluster(kernel, 32, 1, 32, 1, params), 912);
    kernel = kernel_named("pair");
    out = emulated_zeros(16);
    assert_int_equal(launch_cluster(kernel, 4, 1, 4, 1, params), 1);
    assert_non_null(strstr(hpckemu_report(), ".reqnctapercluster"));
    emulated_launch(kernel, 4, 1, 32, 0, params); /* the kernel's own cluster */
    emulated_open("a100", 1);
    kernel = emulated_kernel("extern \"C\" __global__ void plain() { }", "compute_80", "plain");
    assert_int_equal(launch_cluster(kernel, 2, 1, 2, 1, params), 1);
    assert_non_null(strstr(hpckemu_report(), "compute capability 9.0"));
}

/* Block i waits for block i + 1: an ordinary launch of more blocks than are on the device never ends, a cooperative one has them all there. */
static void cooperative_blocks_are_all_there(void **state)
{
    (void)state;
    static const struct attribute attribute = { .id = 2, .cluster = { 1 } }; /* cooperative */
    struct config config = { .grid = { 9, 1, 1 }, .threads = { 32, 1, 1 }, .attributes = &attribute };
    emulated_open("h100:3", 0);
    void *kernel = emulated_kernel(source, "compute_90", "chain");
    uint64_t flags = emulated_zeros(4096);
    void *params[] = { &flags };
    int most = 0, last = 0;
    assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&most, kernel, 32, 0), 0);
    config.count = 1;
    assert_int_equal(cuLaunchKernelEx(&config, kernel, params, NULL), 0);
    assert_int_equal(cuCtxSynchronize(), 0);
    assert_int_equal(cuMemcpyDtoH_v2(&last, flags, 4), 0);
    assert_int_equal(last, 9);
    config.grid[0] = (unsigned)(3 * most + 1);
    assert_int_equal(cuLaunchKernelEx(&config, kernel, params, NULL), 720);
    assert_int_equal(cuMemsetD8_v2(flags, 0, 4096), 0);
    config.grid[0] = 9, config.count = 0;
    assert_int_equal(cuLaunchKernelEx(&config, kernel, params, NULL), 0);
    assert_int_equal(cuCtxSynchronize(), 702);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_know_their_place),
        cmocka_unit_test(blocks_read_each_others_shared_memory),
        cmocka_unit_test(accesses_that_the_cluster_does_not_order_are_reported),
        cmocka_unit_test(arrivals_from_the_whole_cluster_complete_a_phase),
        cmocka_unit_test(launches_have_the_limits_of_a_driver),
        cmocka_unit_test(cooperative_blocks_are_all_there),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
