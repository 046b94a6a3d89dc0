/* What ordinary nvcc-built programs use beyond hpck's own kernels: functions that are called (printf among them), carries, comparisons with a number as result,
 * matrices of 8-bit integers and of doubles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulated.h"

#define MMA_S8                                                                                                     \
    "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "  \
    "%3};"
static const char source[] =
    "typedef unsigned long long u64;\n"
    "struct wide { u64 v[3]; };\n"
    "__device__ __noinline__ int sum_to(int n, int *list) { if (n > 12) return -1; if (n == 0) return 0; int s "
    "= 0; for (int i = 0; i < n; i++) s += list[i] = i * "
    "n; return s + list[n / 2]; }\n"
    "__device__ __noinline__ wide add(wide a, const wide &b) { wide d; asm(\"add.cc.u64 "
    "%0, %3, %6; addc.cc.u64 %1, %4, %7; addc.u64 %2, "
    "%5, %8;\" : \"=l\"(d.v[0]), \"=l\"(d.v[1]), \"=l\"(d.v[2]) : \"l\"(a.v[0]), "
    "\"l\"(a.v[1]), \"l\"(a.v[2]), \"l\"(b.v[0]), \"l\"(b.v[1]), "
    "\"l\"(b.v[2])); return d; }\n"
    "__device__ __noinline__ double twice(double x) { int list[16]; return x * (sum_to(3, "
    "list) + sum_to(4, list)); }\n"
    "extern \"C\" __global__ void calls(int *x, double *y, u64 *z) { int list[16], t = "
    "threadIdx.x; x[t] = sum_to(t, list); if (t % 3 == 0) "
    "y[t] = twice(t); else y[t] = -1;\n"
    "  wide a = { { ~0ull - t, ~0ull, 1 } }, b = { { (u64)t + 1, t & 1, 5 } }, c = add(a, "
    "b); z[4 * t] = c.v[0]; z[4 * t + 1] = c.v[1]; z[4 * "
    "t + 2] = c.v[2];\n"
    "  unsigned r, s = 3, u; asm(\"mad.lo.cc.u32 %0, %2, %3, %4; madc.hi.u32 %1, %2, %3, "
    "0;\" : \"=r\"(r), \"=r\"(u) : \"r\"(0xfffffff0u + t), "
    "\"r\"(s), \"r\"(0x40u)); z[4 * t + 3] = (u64)u << 32 | r; }\n"
    "__device__ char letters[] = \"xxab\"; __device__ char *word = letters + 2;\n"
    "extern \"C\" __global__ void prints(int *x) { if (threadIdx.x < 2) x[threadIdx.x] = printf(\"%d: "
    "%5.2f|%-4s|%c%% "
    "%#llx %*d\\n\", threadIdx.x - 1, threadIdx.x * 1.5, word, 'a' + threadIdx.x, 1ull << 40, 4, 7); }\n"
    "extern \"C\" __global__ void asserts(int n) { if (threadIdx.x == n) __assertfail(\"n < 0\", \"some.cu\", 12, "
    "\"f\", 1); }\n"
    "extern \"C\" __global__ void allocates(int *x) { int *p = (int *)malloc(8); p[1] = threadIdx.x; "
    "x[threadIdx.x] = p[1]; "
    "free(p + (threadIdx.x == x[99])); }\n"
    "extern \"C\" __global__ void sets(unsigned *x) { unsigned t = threadIdx.x, a, b, c; "
    "asm(\"set.lt.u32.s32 %0, %3, 5; set.ge.f32.u32 %1, "
    "%3, 7; set.gtu.u32.f16x2 %2, %3, %4;\" : \"=r\"(a), \"=r\"(b), \"=r\"(c) : \"r\"(t), "
    "\"r\"(0x7e000003u)); x[3 * t] = a; x[3 * t + 1] = b; "
    "x[3 * t + 2] = c; }\n"
    "extern \"C\" __global__ void matrices(const unsigned *a, const unsigned *b, int *d, "
    "double *e) { int l = threadIdx.x, g = l / 4, t = l % "
    "4, D[4] = { l, 2, 3, 4 };\n"
    "  asm(\"" MMA_S8 "\" : \"+r\"(D[0]), \"+r\"(D[1]), \"+r\"(D[2]), \"+r\"(D[3]) : "
    "\"r\"(a[8 * g + t]), \"r\"(a[8 * g + 64 + t]), \"r\"(a[8 * g + "
    "t + 4]), \"r\"(a[8 * g + 68 + t]), \"r\"(b[8 * g + t]), \"r\"(b[8 * g + t + 4]));\n"
    "  for (int i = 0; i < 4; i++) d[4 * l + i] = D[i]; double p = 0.5, q = l;\n"
    "  asm(\"mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, "
    "%1};\" : \"+d\"(p), \"+d\"(q) : \"d\"(l * 0.25), \"d\"(3.0 - "
    "l)); e[2 * l] = p; e[2 * l + 1] = q; }\n";

static void functions_are_called_and_carries_kept(void **state)
{
    (void)state;
    int x[32];
    double y[32];
    uint64_t z[128], device[3];
    emulated_open("a100", 1);
    void *kernel = emulated_kernel(source, "compute_80", "calls");
    device[0] = emulated_zeros(sizeof x), device[1] = emulated_zeros(sizeof y),
    device[2] = emulated_zeros(sizeof z);
    void *params[] = { &device[0], &device[1], &device[2] };
    emulated_launch(kernel, 1, 1, 32, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(x, device[0], sizeof x), 0);
    assert_int_equal(cuMemcpyDtoH_v2(y, device[1], sizeof y), 0);
    assert_int_equal(cuMemcpyDtoH_v2(z, device[2], sizeof z), 0);
    for (int t = 0; t < 32; t++) {
        assert_int_equal(x[t], t > 12 ? -1 : t * t * (t - 1) / 2 + t / 2 * t);
        assert_true(y[t] == (t % 3 == 0 ? t * (9 + 3 + 24 + 8) : -1));
        assert_true(z[4 * t] == 0 && z[4 * t + 1] == (uint64_t)(t & 1) && z[4 * t + 2] == 7);
        assert_true(z[4 * t + 3] == (uint64_t)(0xfffffff0u + (unsigned)t) * 3 + 0x40);
    }
}

/* What the kernel writes to stdout. */
static void launch_and_read(void *kernel, void **params, char *text, size_t room)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    const int terminal = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    emulated_launch(kernel, 1, 1, 32, 0, params);
    fflush(stdout);
    dup2(terminal, STDOUT_FILENO);
    close(terminal);
    rewind(file);
    text[fread(text, 1, room - 1, file)] = '\0';
    fclose(file);
}

static void functions_of_the_device_are_there(void **state)
{
    (void)state;
    static const int words[100] = { [99] = 3 };
    char text[256];
    int x[2], n = 5;
    emulated_open("a100", 1);
    uint64_t device = emulated_copy(words, sizeof words);
    void *params[] = { &device };
    launch_and_read(emulated_kernel(source, "compute_80", "prints"), params, text, sizeof text);
    assert_string_equal(text, "-1:  0.00|ab  |a% 0x10000000000    7\n0:  1.50|ab  |b% 0x10000000000    7\n");
    assert_int_equal(cuMemcpyDtoH_v2(x, device, sizeof x), 0);
    assert_true(x[0] == x[1] && x[0] == 6);
    params[0] = &n;
    emulated_expect_fault(
        emulated_kernel(source, "compute_80", "asserts"), 1, 32, params, 710,
        (const char *const[]){ "some.cu:12: f: assertion 'n < 0' failed", "thread (5,0,0)", NULL });
    emulated_open("a100", 1);
    device = emulated_copy(words, sizeof words);
    params[0] = &device;
    emulated_expect_fault(emulated_kernel(source, "compute_80", "allocates"), 1, 32, params, 719,
                          (const char *const[]){ "free() of what malloc() did not give", "thread (3,0,0)", NULL });
}

static void comparisons_give_numbers(void **state)
{
    (void)state;
    uint32_t x[96];
    emulated_open("a100", 1);
    void *kernel = emulated_kernel(source, "compute_80", "sets");
    uint64_t device = emulated_zeros(sizeof x);
    void *params[] = { &device };
    emulated_launch(kernel, 1, 1, 32, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(x, device, sizeof x), 0);
    for (uint32_t t = 0; t < 32; t++) {
        assert_int_equal(x[3 * t], t < 5 ? UINT32_MAX : 0);
        assert_int_equal(x[3 * t + 1], t >= 7 ? 0x3f800000 : 0);
        assert_int_equal(x[3 * t + 2], 0xffff0000 | (t > 3 ? 0xffff : 0)); /* the upper half is compared with NaN */
    }
}

static void matrices_of_integers_and_doubles_are_multiplied(void **state)
{
    (void)state;
    uint8_t a[16 * 32];
    int8_t b[8 * 32];
    int d[128];
    double e[64];
    for (int i = 0; i < 512; i++)
        a[i] = (uint8_t)(i * 37 + i / 5);
    for (int i = 0; i < 256; i++)
        b[i] = (int8_t)(i * 91 + i / 3);
    emulated_open("a100", 1);
    void *kernel = emulated_kernel(source, "compute_80", "matrices");
    uint64_t device[] = { emulated_copy(a, sizeof a), emulated_copy(b, sizeof b), emulated_zeros(sizeof d),
                          emulated_zeros(sizeof e) };
    void *params[] = { &device[0], &device[1], &device[2], &device[3] };
    emulated_launch(kernel, 1, 1, 32, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(d, device[2], sizeof d), 0);
    assert_int_equal(cuMemcpyDtoH_v2(e, device[3], sizeof e), 0);
    for (int lane = 0; lane < 32; lane++) {
        for (int i = 0; i < 4; i++) {
            int row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + i % 2, want = i == 0 ? lane : i + 1;
            for (int k = 0; k < 32; k++)
                want += a[32 * row + k] * b[32 * column + k];
            assert_int_equal(d[4 * lane + i], want);
        }
        for (int i = 0; i < 2; i++) {
            double want = i == 0 ? 0.5 : lane;
            for (int k = 0; k < 4; k++) /* A's row g is lanes 4 g on, B's column c lanes 4 c on */
                want += (lane / 4 * 4 + k) * 0.25 * (3.0 - ((lane % 4 * 2 + i) * 4 + k));
            assert_true(e[2 * lane + i] == want);
        }
    }
}

static void calls_that_cannot_be_expanded_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } wrong[] = {
        { ".func f() { call.uni f; ret; }\n.entry k() { call.uni f; ret; }\n",
          "unknown opcode call of f: it is recursive, kernel k" },
        { ".extern .func g();\n.entry k() { call.uni g; ret; }\n",
          "unknown opcode call of g: it has no body here, kernel k" },
        { ".entry k() { .reg .b64 %rd<2>; call %rd1; ret; }\n",
          "unknown opcode call of %rd1: through a register, kernel k" },
        { ".entry k() { .param .b32 p; call malloc, (p); ret; }\n", "a call of malloc with other parameters" },
        { ".entry k() { call.free; ret; }\n", "a call of free with other parameters" },
        { ".func f(.param .b32 a) { ret; }\n.entry k() { call.uni f; ret; }\n",
          "0 arguments of a call, 1 are expected" },
        { ".func f(.param .b64 a) { ret; }\n.entry k() { .param .b32 p; call.uni f, (p); ret; }\n",
          "the argument for a has 4 bytes of 8" },
    };
    emulated_open("a100", 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[512], log[512] = "";
        void *module = NULL, *values[] = { log, (void *)(uintptr_t)sizeof log };
        int options[] = { 5, 6 };
        snprintf(text, sizeof text, ".version 9.0\n.target sm_80\n.address_size 64\n%s", wrong[i].text);
        assert_int_equal(cuModuleLoadDataEx(&module, text, 2, options, values), 218);
        if (strstr(log, wrong[i].words) == NULL || strstr(log, "ptx line") == NULL)
            fail_msg("no '%s' in: %s", wrong[i].words, log);
    }
}

int main(void)
{
    if (!emulated_has_nvrtc()) return 77;
    const struct CMUnitTest tests[] = { cmocka_unit_test(functions_are_called_and_carries_kept),
                                        cmocka_unit_test(functions_of_the_device_are_there),
                                        cmocka_unit_test(comparisons_give_numbers),
                                        cmocka_unit_test(matrices_of_integers_and_doubles_are_multiplied),
                                        cmocka_unit_test(calls_that_cannot_be_expanded_are_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
