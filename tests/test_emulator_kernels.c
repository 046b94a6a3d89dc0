/* The CUDA emulator on what NVRTC makes of SIMT kernels, for both of its front ends: a tiled GEMM, reductions with shuffles,
 * votes and atomics, divergent code and locks. The checker is on: it must stay silent on correct code. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

static const struct {
    const char *target, *device;
} targets[] = { { "compute_75", "t4" },
                { "compute_80", "a100" },
                { "compute_90", "h100" },
                { "compute_100", "rtx5090" },
                { "compute_120", "rtx5090" } };
enum { TARGETS = sizeof targets / sizeof *targets };

static const char gemm_source[] =
    "extern \"C\" __global__ void __launch_bounds__(256) gemm(int m, int n, int k, float alpha, const float *a,\n"
    "    const float *b, float beta, float *c) {\n"
    "  __shared__ __align__(16) float as[2][8][64 + 4], bs[2][8][64];\n"
    "  int t = threadIdx.x, tx = t % 16, ty = t / 16, m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;\n"
    "  float acc[4][4] = {};\n"
    "  auto stage = [&](int buffer, int k0) {\n"
    "    for (int e = t; e < 512; e += 256) {\n"
    "      int i = e / 8, p = e % 8, j = e % 64, q = e / 64;\n"
    "      as[buffer][p][i] = m0 + i < m && k0 + p < k ? a[(size_t)(m0 + i) * k + k0 + p] : 0.f;\n"
    "      bs[buffer][q][j] = k0 + q < k && n0 + j < n ? b[(size_t)(k0 + q) * n + n0 + j] : 0.f;\n"
    "    }\n"
    "  };\n"
    "  stage(0, 0);\n"
    "  __syncthreads();\n"
    "  for (int k0 = 0, buffer = 0; k0 < k; k0 += 8, buffer ^= 1) {\n"
    "    if (k0 + 8 < k) stage(buffer ^ 1, k0 + 8);\n"
    "#pragma unroll\n"
    "    for (int p = 0; p < 8; p++) {\n"
    "      float4 x = *(float4 *)&as[buffer][p][4 * ty], y = *(float4 *)&bs[buffer][p][4 * tx];\n"
    "      float xs[4] = {x.x, x.y, x.z, x.w}, ys[4] = {y.x, y.y, y.z, y.w};\n"
    "      for (int i = 0; i < 4; i++) for (int j = 0; j < 4; j++) acc[i][j] += xs[i] * ys[j];\n"
    "    }\n"
    "    __syncthreads();\n"
    "  }\n"
    "  for (int i = 0; i < 4; i++) for (int j = 0; j < 4; j++) {\n"
    "    int r = m0 + 4 * ty + i, s = n0 + 4 * tx + j;\n"
    "    if (r < m && s < n) c[(size_t)r * n + s] = alpha * acc[i][j] + (beta != 0 ? beta * c[(size_t)r * n + s] : "
    "0.f);\n"
    "  }\n"
    "}\n";

static float uniform(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 16777216.f - 0.5f;
}

static void check_gemm(void *kernel, int m, int n, int k, float beta)
{
    uint32_t seed = 7;
    float alpha = 1.5f, *a = malloc((size_t)m * (size_t)k * 4), *b = malloc((size_t)k * (size_t)n * 4),
          *c = malloc((size_t)m * (size_t)n * 4), *d = malloc((size_t)m * (size_t)n * 4);
    for (int i = 0; i < m * k; i++)
        a[i] = uniform(&seed);
    for (int i = 0; i < k * n; i++)
        b[i] = uniform(&seed);
    for (int i = 0; i < m * n; i++)
        c[i] = beta != 0 ? uniform(&seed) : NAN;
    uint64_t da = emulated_copy(a, (size_t)(m * k) * 4), db = emulated_copy(b, (size_t)(k * n) * 4),
             dc = emulated_copy(c, (size_t)(m * n) * 4);
    void *params[] = { &m, &n, &k, &alpha, &da, &db, &beta, &dc };
    emulated_launch(kernel, (unsigned)(n + 63) / 64, (unsigned)(m + 63) / 64, 256, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(d, dc, (size_t)(m * n) * 4), 0);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0, magnitude = 0;
            for (int p = 0; p < k; p++) {
                double term = (double)a[i * k + p] * b[p * n + j];
                sum += term;
                magnitude += fabs(term);
            }
            double want = alpha * sum + (beta != 0 ? (double)beta * c[i * n + j] : 0);
            double bound = (k + 3) * 0x1p-24 * (alpha * magnitude + fabs(want) + 1); /* one rounding per step */
            if (!(fabs(d[i * n + j] - want) <= bound))
                fail_msg("(%d,%d): %g, %g wanted", i, j, (double)d[i * n + j], want);
        }
    free(a), free(b), free(c), free(d);
}

static void gemm_agrees_with_double_precision_for_every_front_end(void **state)
{
    (void)state;
    for (int t = 0; t < TARGETS; t++) {
        emulated_open(targets[t].device, 1);
        void *kernel = emulated_kernel(gemm_source, targets[t].target, "gemm");
        check_gemm(kernel, 64, 64, 64, 0);
        check_gemm(kernel, 65, 131, 17, 0.5f);
        check_gemm(kernel, 1, 1, 1, 0);
    }
}

static const char reduction_source[] =
    "extern \"C\" __global__ void sum(const float *x, int n, float *partial, unsigned *count, float *out) {\n"
    "  __shared__ float s[32];\n"
    "  __shared__ bool last;\n"
    "  float v = 0;\n"
    "  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) v += x[i];\n"
    "  for (int o = 16; o; o >>= 1) v += __shfl_xor_sync(~0u, v, o);\n"
    "  int lane = threadIdx.x & 31, w = threadIdx.x >> 5, warps = blockDim.x >> 5;\n"
    "  if (lane == 0) s[w] = v;\n"
    "  __syncthreads();\n"
    "  if (w == 0) {\n"
    "    v = lane < warps ? s[lane] : 0.f;\n"
    "    for (int o = 16; o; o >>= 1) v += __shfl_down_sync(~0u, v, o);\n"
    "    if (lane == 0) {\n"
    "      partial[blockIdx.x] = v;\n"
    "      __threadfence();\n"
    "      last = atomicInc(count, gridDim.x - 1) == gridDim.x - 1;\n"
    "    }\n"
    "  }\n"
    "  __syncthreads();\n"
    "  if (last && threadIdx.x == 0) {\n"
    "    v = 0;\n"
    "    for (int i = 0; i < gridDim.x; i++) v += ((volatile float *)partial)[i];\n"
    "    *out = v;\n"
    "  }\n"
    "}\n"
    "extern \"C\" __global__ void counts(const int *x, int n, int *largest, int *positive, long long *total) {\n"
    "  int i = blockIdx.x * blockDim.x + threadIdx.x, v = i < n ? x[i] : -2147483647 - 1;\n"
    "  int m = v;\n"
    "  for (int o = 16; o; o >>= 1) m = max(m, __shfl_xor_sync(~0u, m, o));\n"
    "  unsigned b = __ballot_sync(~0u, i < n && v > 0);\n"
    "  if ((threadIdx.x & 31) == 0) { atomicMax(largest, m); atomicAdd(positive, __popc(b)); }\n"
    "  if (i < n) atomicAdd((unsigned long long *)total, (unsigned long long)(long long)v);\n"
    "}\n";

static void reductions_agree_with_the_host(void **state)
{
    (void)state;
    enum { N = 10007 };
    for (int t = 0; t < TARGETS; t++) {
        emulated_open(targets[t].device, 1);
        float *x = malloc(N * sizeof *x), sum = 0;
        int *y = malloc(N * sizeof *y), n = N, largest = -2147483647 - 1, positive = 0;
        long long total = 0, got_total;
        double want = 0;
        uint32_t seed = 3;
        for (int i = 0; i < N; i++) {
            x[i] = uniform(&seed);
            want += x[i];
            y[i] = (int)(1000 * uniform(&seed));
            total += y[i];
            positive += y[i] > 0;
        }
        uint64_t dx = emulated_copy(x, N * 4), partial = emulated_zeros(64), count = emulated_zeros(4),
                 out = emulated_zeros(4);
        void *params[] = { &dx, &n, &partial, &count, &out };
        emulated_launch(emulated_kernel(reduction_source, targets[t].target, "sum"), 7, 1, 256, 0, params);
        assert_int_equal(cuMemcpyDtoH_v2(&sum, out, 4), 0);
        assert_true(fabs(sum - want) < N * 0x1p-24 * 0.5 * 20);
        uint64_t dy = emulated_copy(y, N * 4), dl = emulated_copy(&largest, 4), dp = emulated_zeros(4),
                 dt = emulated_zeros(8);
        void *more[] = { &dy, &n, &dl, &dp, &dt };
        emulated_launch(emulated_kernel(reduction_source, targets[t].target, "counts"), (N + 127) / 128, 1, 128, 0,
                        more);
        int got_largest, got_positive;
        assert_int_equal(cuMemcpyDtoH_v2(&got_largest, dl, 4), 0);
        assert_int_equal(cuMemcpyDtoH_v2(&got_positive, dp, 4), 0);
        assert_int_equal(cuMemcpyDtoH_v2(&got_total, dt, 8), 0);
        for (int i = 0; i < N; i++)
            if (y[i] > largest) largest = y[i];
        assert_int_equal(got_largest, largest);
        assert_int_equal(got_positive, positive);
        assert_true(got_total == total);
        free(x), free(y);
    }
}

static const char divergent_source[] =
    "extern \"C\" __global__ void collatz(int *out) {\n" /* nested divergent loops */
    "  int i = blockIdx.x * blockDim.x + threadIdx.x, steps = 0;\n"
    "  for (unsigned v = i + 1; v != 1; steps++) { if (v & 1) v = 3 * v + 1; else while (!(v & 1) && v > 1) { v "
    ">>= 1; steps++; } }\n"
    "  out[i] = steps;\n"
    "}\n"
    "extern \"C\" __global__ void lock(int *mutex, int *count) {\n" /* lanes of one warp wait for each other */
    "  bool done = false;\n"
    "  while (!done) if (atomicCAS(mutex, 0, 1) == 0) { *(volatile int *)count += 1; __threadfence(); "
    "atomicExch(mutex, 0); done = true; }\n"
    "}\n"
    "extern \"C\" __global__ void chain(volatile int *flag, int *out) {\n" /* block i waits for block i + 1 */
    "  if (threadIdx.x == 0) {\n"
    "    if (blockIdx.x + 1 < gridDim.x) while (flag[blockIdx.x + 1] == 0) { }\n"
    "    out[blockIdx.x] = blockIdx.x + 1 < gridDim.x ? out[blockIdx.x + 1] + 1 : 1;\n"
    "    __threadfence();\n"
    "    flag[blockIdx.x] = 1;\n"
    "  }\n"
    "}\n";

static void diverged_lanes_and_spinning_blocks_make_progress(void **state)
{
    (void)state;
    for (int t = 1; t < TARGETS; t += 2) {
        emulated_open(targets[t].device, 1);
        uint64_t out = emulated_zeros(4 * 256), mutex = emulated_zeros(4), count = emulated_zeros(4),
                 flags = emulated_zeros(64);
        void *one[] = { &out }, *two[] = { &mutex, &count }, *three[] = { &flags, &out };
        int steps[256], counted, last;
        emulated_launch(emulated_kernel(divergent_source, targets[t].target, "collatz"), 2, 1, 128, 0, one);
        assert_int_equal(cuMemcpyDtoH_v2(steps, out, sizeof steps), 0);
        for (int i = 0; i < 256; i++) {
            int want = 0;
            for (unsigned v = (unsigned)i + 1; v != 1; want++) {
                if (v & 1)
                    v = 3 * v + 1;
                else
                    for (; !(v & 1) && v > 1; want++)
                        v >>= 1;
            }
            assert_int_equal(steps[i], want);
        }
        emulated_launch(emulated_kernel(divergent_source, targets[t].target, "lock"), 3, 1, 64, 0, two);
        assert_int_equal(cuMemcpyDtoH_v2(&counted, count, 4), 0);
        assert_int_equal(counted, 192);
        emulated_launch(emulated_kernel(divergent_source, targets[t].target, "chain"), 9, 1, 32, 0, three);
        assert_int_equal(cuMemcpyDtoH_v2(&last, out, 4), 0);
        assert_int_equal(last, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_agrees_with_double_precision_for_every_front_end),
        cmocka_unit_test(reductions_agree_with_the_host),
        cmocka_unit_test(diverged_lanes_and_spinning_blocks_make_progress),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
