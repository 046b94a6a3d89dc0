/* Tensor-core code of sm_80 on the CUDA emulator: cp.async into a ring, ldmatrix with and without .trans, mma.sync. The operands are
 * small integers, so that every result is exact. A wait that comes too late is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

enum { M = 32, N = 24, K = 64 };

static const char source[] =
    "typedef unsigned short half_bits;\n"
    "__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }\n"
    "__device__ void copy(void *to, const void *from) {\n"
    "  asm volatile(\"cp.async.cg.shared.global [%0], [%1], 16;\" :: \"r\"(at(to)), \"l\"(from));\n"
    "}\n"
    "extern \"C\" __global__ void tile(const half_bits *a, const half_bits *b, float *d, int n, int k) {\n"
    "  __shared__ __align__(16) half_bits as[2][16][16], bs[2][16][8];\n"
    "  int t = threadIdx.x, m0 = blockIdx.y * 16, n0 = blockIdx.x * 8;\n"
    "  float c[4] = {};\n"
    "  auto stage = [&](int s, int k0) {\n"
    "    copy(&as[s][t / 2][t % 2 * 8], a + (m0 + t / 2) * k + k0 + t % 2 * 8);\n"
    "    if (t < 16) copy(&bs[s][t][0], b + (k0 + t) * n + n0);\n"
    "  };\n"
    "  stage(0, 0);\n"
    "  asm volatile(\"cp.async.commit_group;\");\n"
    "  for (int k0 = 0, s = 0; k0 < k; k0 += 16, s ^= 1) {\n"
    "    if (k0 + 16 < k) stage(s ^ 1, k0 + 16);\n"
    "    asm volatile(\"cp.async.commit_group;\");\n"
    "    asm volatile(\"cp.async.wait_group %0;\" :: \"n\"(PENDING));\n"
    "    __syncthreads();\n"
    "    unsigned x[4], y[2];\n"
    "    asm volatile(\"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\"\n"
    "                 : \"=r\"(x[0]), \"=r\"(x[1]), \"=r\"(x[2]), \"=r\"(x[3]) : \"r\"(at(&as[s][t % 16][t / 16 * "
    "8])));\n"
    "    asm volatile(\"ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];\"\n"
    "                 : \"=r\"(y[0]), \"=r\"(y[1]) : \"r\"(at(&bs[s][t % 16][0])));\n"
    "    asm volatile(\"mma.sync.aligned.m16n8k16.row.col.f32.\" TYPE \".\" TYPE \".f32 {%0, %1, %2, %3}, {%4, %5, "
    "%6, %7}, {%8, %9}, \"\n"
    "                 \"{%0, %1, %2, %3};\" : \"+f\"(c[0]), \"+f\"(c[1]), \"+f\"(c[2]), \"+f\"(c[3])\n"
    "                 : \"r\"(x[0]), \"r\"(x[1]), \"r\"(x[2]), \"r\"(x[3]), \"r\"(y[0]), \"r\"(y[1]));\n"
    "    __syncthreads();\n"
    "  }\n"
    "  for (int i = 0; i < 4; i++) d[(m0 + t / 4 + i / 2 * 8) * n + n0 + t % 4 * 2 + i % 2] = c[i];\n"
    "}\n";

/* No two of the 8 x 8 quarters of a tile are the same. */
static int value_of_a(int i)
{
    return (i * 7 + i / K % 16 * 5) % 9 - 4;
}

static uint16_t half_of(int value, int bfloat)
{
    union {
        float f;
        uint32_t u;
    } x = { .f = (float)value };
    if (bfloat || value == 0) return (uint16_t)(x.u >> 16);
    return (uint16_t)((x.u >> 16 & 0x8000) | (((x.u >> 23 & 0xff) - 112) << 10) | (x.u >> 13 & 0x3ff));
}

static void *tile_kernel(const char *target, const char *type, int pending)
{
    char text[sizeof source + 128];
    snprintf(text, sizeof text, "#define TYPE \"%s\"\n#define PENDING %d\n%s", type, pending, source);
    return emulated_kernel(text, target, "tile");
}

static void exact_products(const char *device, const char *target, int bfloat)
{
    static uint16_t a[M * K], b[K * N];
    static float d[M * N];
    emulated_open(device, 1);
    for (int i = 0; i < M * K; i++)
        a[i] = half_of(value_of_a(i), bfloat);
    for (int i = 0; i < K * N; i++)
        b[i] = half_of(i * 5 % 11 - 5, bfloat);
    uint64_t da = emulated_copy(a, sizeof a), db = emulated_copy(b, sizeof b), dd = emulated_zeros(sizeof d);
    int n = N, k = K;
    void *params[] = { &da, &db, &dd, &n, &k };
    emulated_launch(tile_kernel(target, bfloat ? "bf16" : "f16", 1), N / 8, M / 16, 32, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(d, dd, sizeof d), 0);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            int sum = 0;
            for (int p = 0; p < K; p++)
                sum += value_of_a(i * K + p) * ((p * N + j) * 5 % 11 - 5);
            assert_true(d[i * N + j] == (float)sum);
        }
    assert_int_equal(hpckemu_counter("mma"), M / 16 * (N / 8) * (K / 16));
}

static void products_of_small_integers_are_exact(void **state)
{
    (void)state;
    exact_products("a100", "compute_80", 0);
    exact_products("a100", "compute_80", 1);
    exact_products("h100", "compute_90", 0);
    exact_products("rtx5090", "compute_100", 1);
}

static void a_missing_wait_is_found(void **state)
{
    (void)state;
    emulated_open("a100", 1);
    uint64_t a = emulated_zeros(M * K * 2), b = emulated_zeros(K * N * 2), d = emulated_zeros(M * N * 4);
    int n = N, k = K;
    void *params[] = { &a, &b, &d, &n, &k };
    emulated_expect_fault(tile_kernel("compute_80", "f16", 2), 1, 32, params, 719,
                          (const char *const[]){ "uninitialised shared memory", "kernel tile", "ldmatrix", NULL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_small_integers_are_exact),
        cmocka_unit_test(a_missing_wait_is_found),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
