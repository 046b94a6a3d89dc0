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

/* The smaller shapes, accumulators in half precision, tf32: by the tables of PTX ISA 9.7.14.5.1 to .8. d: [form][16][8]. */
static const char forms_source[] =
    "__device__ float A(int i, int k) { return (i * 7 + k * 5) % 9 - 4; }\n"
    "__device__ float B(int k, int n) { return (k * 3 + n * 11) % 7 - 3; }\n"
    "__device__ unsigned half2(float x, float y) { unsigned r; asm(\"cvt.rn.f16x2.f32 %0, %1, %2;\" : \"=r\"(r) : "
    "\"f\"(y), \"f\"(x)); return r; }\n"
    "__device__ unsigned bfloat2(float x, float y) { unsigned r; asm(\"cvt.rn.bf16x2.f32 %0, %1, %2;\" : \"=r\"(r) "
    ": "
    "\"f\"(y), \"f\"(x)); return r; }\n"
    "__device__ float part(unsigned x, int high) { unsigned short h = x >> 16 * high; float f; asm(\"cvt.f32.f16 "
    "%0, "
    "%1;\" : \"=f\"(f) : \"h\"(h)); return f; }\n"
    "extern \"C\" __global__ void forms(float *d) {\n"
    "  int g = threadIdx.x / 4, t = threadIdx.x % 4, form = 0;\n"
    "  auto put = [&](float p, float q, float r, float s) { float *at = d + 128 * form++ + 8 * g + 2 * t; at[0] = "
    "p; "
    "at[1] = q; at[64] = r; at[65] = s; };\n"
    "#define A2(pair, row, k) \"r\"(pair(A(row, k + 2 * t), A(row, k + 2 * t + 1)))\n"
    "#define B2(pair, k) \"r\"(pair(B(k + 2 * t, g), B(k + 2 * t + 1, g)))\n"
    "#define A1(row, k) \"r\"(__float_as_uint(A(row, k + t)))\n"
    "#define B1(k) \"r\"(__float_as_uint(B(k + t, g)))\n"
    "#define FLOATS(shape, type, ab, ...) { float c[4] = { 1, 1, 1, 1 }; asm(\"mma.sync.aligned.\" shape "
    "\".row.col.f32.\" type \".\" type \".f32 {%0, %1, %2, %3}, \" ab \", {%0, %1, %2, %3};\" : \"+f\"(c[0]), "
    "\"+f\"(c[1]), \"+f\"(c[2]), \"+f\"(c[3]) : __VA_ARGS__); put(c[0], c[1], c[2], c[3]); }\n"
    "#define HALVES(shape, ab, ...) { unsigned c[2] = { 0x3c003c00, 0x3c003c00 }; asm(\"mma.sync.aligned.\" shape "
    "\".row.col.f16.f16.f16.f16 {%0, %1}, \" ab \", {%0, %1};\" : \"+r\"(c[0]), \"+r\"(c[1]) : __VA_ARGS__); "
    "put(part(c[0], 0), part(c[0], 1), part(c[1], 0), part(c[1], 1)); }\n"
    "  FLOATS(\"m16n8k8\", \"f16\", \"{%4, %5}, {%6}\", A2(half2, g, 0), A2(half2, g + 8, 0), B2(half2, 0))\n"
    "  FLOATS(\"m16n8k8\", \"bf16\", \"{%4, %5}, {%6}\", A2(bfloat2, g, 0), A2(bfloat2, g + 8, 0), B2(bfloat2, "
    "0))\n"
    "  HALVES(\"m16n8k8\", \"{%2, %3}, {%4}\", A2(half2, g, 0), A2(half2, g + 8, 0), B2(half2, 0))\n"
    "  HALVES(\"m16n8k16\", \"{%2, %3, %4, %5}, {%6, %7}\", A2(half2, g, 0), A2(half2, g + 8, 0), A2(half2, g, 8), "
    "A2(half2, g + 8, 8), B2(half2, 0), B2(half2, 8))\n"
    "  FLOATS(\"m16n8k8\", \"tf32\", \"{%4, %5, %6, %7}, {%8, %9}\", A1(g, 0), A1(g + 8, 0), A1(g, 4), A1(g + 8, "
    "4), "
    "B1(0), B1(4))\n"
    "  FLOATS(\"m16n8k4\", \"tf32\", \"{%4, %5}, {%6}\", A1(g, 0), A1(g + 8, 0), B1(0))\n"
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

static void every_form_has_its_fragments(void **state)
{
    (void)state;
    static const int depth[] = { 8, 8, 8, 16, 8, 4 };
    enum { FORMS = sizeof depth / sizeof *depth };
    float d[FORMS][16][8];
    emulated_open("a100", 1);
    void *kernel = emulated_kernel(forms_source, "compute_80", "forms");
    uint64_t out = emulated_zeros(sizeof d);
    void *params[] = { &out };
    emulated_launch(kernel, 1, 1, 32, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(d, out, sizeof d), 0);
    for (int form = 0; form < FORMS; form++)
        for (int i = 0; i < 16; i++)
            for (int n = 0; n < 8; n++) {
                int want = 1;
                for (int k = 0; k < depth[form]; k++)
                    want += ((i * 7 + k * 5) % 9 - 4) * ((k * 3 + n * 11) % 7 - 3);
                if (d[form][i][n] != (float)want)
                    fail_msg("form %d, (%d,%d): %g, not %d", form, i, n, (double)d[form][i][n], want);
            }
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
        cmocka_unit_test(every_form_has_its_fragments),
        cmocka_unit_test(a_missing_wait_is_found),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
