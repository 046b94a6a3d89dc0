/* The CUDA emulator's rule for what nothing has written: it may be loaded, moved about and computed with, but no branch, no address, no
 * atomic operation and nothing that is stored to global memory may depend on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* In each kernel s[0] to s[31] are written and s[32] to s[63] are not; x[0] to x[63] is zero, u[0] to u[63] was never written. */
#define KERNEL(name, body)                                                                                         \
    "extern \"C\" __global__ void " name "(int *x, int *u) { __shared__ volatile int s[64]; const int t = "        \
    "threadIdx.x; s[t] = t; __syncthreads(); int a = s[t], b = s[t + 32]; " body " }\n"

static const char right_source[] = "struct padded { char c; double d; };\n"
    /* what is not chosen */
    KERNEL("selected", "x[t] = x[t + 1] == 0 ? a : b;") KERNEL("masked", "x[t] = (b & 0) | (a & 0xff);") KERNEL(
        "shifted_out",
        "x[t] = (int)(((unsigned)b << 16 | (a & 0xffff)) << 16);") KERNEL("permuted_out",
                                                                          "x[t] = __byte_perm(a, b, 0x3210);")
        KERNEL("field", "x[t] = (int)(((unsigned long long)(unsigned)b << 32 | (unsigned)a) >> 8 & 0xff);") KERNEL(
            "decided_sign",
            "x[t] = (b & 0x7fffffff) >= 0;") KERNEL("shuffled", "x[t] = __shfl_sync(~0u, t < 16 ? a : b, t & 15);")
            KERNEL("computed_in_vain", "float f = b * 2.5f + a; s[t + 32] = (int)f; x[t] = a;")
                KERNEL("copied_in_vain", "u[t] = (u[t] & ~7) | 5; __threadfence(); x[t] = u[t] & 7;") KERNEL(
                    "written_back", "s[t + 32] = u[t]; __syncthreads(); s[t + 32] = 3; x[t] = s[t + 32];")
                    KERNEL("half_of_a_pair",
                           "int h = a << 16 | (b & 0xffff); asm(\"add.f16x2 %0, %0, %0;\" : \"+r\"(h)); x[t] = "
                           "(unsigned)h >> 16;")
                        KERNEL("voted", "x[t] = __ballot_sync(~0u, t < 16 ? a == t : b == 7) & 0xffff;") KERNEL(
                            "exchanged",
                            "atomicExch((int *)&s[t + 32], a); x[t] = s[t + 32];") "extern \"C\" __global__ void "
                                                                                   "padding(padded *x, double *u) "
                                                                                   "{ __shared__ padded s[32]; "
                                                                                   "const int t = threadIdx.x;"
                                                                                   " s[t].c = t; s[t].d = t; "
                                                                                   "__syncthreads(); x[t] = s[31 - "
                                                                                   "t]; }\n";

static const char wrong_source[] = KERNEL("stored", "x[t] = b;") KERNEL("added", "x[t] = a + b;") KERNEL(
    "converted", "((short *)x)[2 * t] = (short)b;")
    KERNEL("accumulated", "float f = a; for (int i = 0; i < 4; i++) f = f * 0.5f + b; x[t] = (int)f;") KERNEL(
        "branched", "if (b > 3) { s[t] = 5; __threadfence(); for (int i = 0; i < b; i++) s[t] += i; } x[t] = a;")
        KERNEL("addressed", "x[t] = x[b & 31];") KERNEL("stored_there", "x[b & 31] = a;") KERNEL(
            "counted", "atomicAdd(&x[t], b);") KERNEL("counted_there", "atomicAdd((int *)&s[t + 32], 1);")
            KERNEL("shuffled_from", "x[t] = __shfl_sync(~0u, b, 5);") KERNEL("voted_for",
                                                                             "x[t] = __any_sync(~0u, b == 7);")
                KERNEL("selected_by", "x[t] = b > 0 ? 5 : 6;") KERNEL("from_global", "x[t] = u[t] / 2;")
                    KERNEL("through_shared", "s[t] = b; __syncthreads(); x[t] = s[31 - t] + 1;") KERNEL(
                        "through_global", "u[t] = (u[t] & 0xffff0000) | 7; __threadfence(); x[t] = u[t] + 1;")
                        KERNEL("through_registers",
                               "int c[4]; for (int i = 0; i < 4; i++) c[i] = i == a % 4 ? b : i; x[t] = c[a % 4];")
                            KERNEL("one_in_a_product", "x[t] = (b & 0xff) * 3;");

static void run(const char *ptx, const char *name, const char *const *words)
{
    void *module, *kernel;
    emulated_open("a100", 1);
    assert_int_equal(cuModuleLoadData(&module, ptx), 0);
    assert_int_equal(cuModuleGetFunction(&kernel, module, name), 0);
    uint64_t x = emulated_zeros(1024), u;
    assert_int_equal(cuMemAlloc_v2(&u, 1024), 0);
    void *params[] = { &x, &u };
    if (words == NULL)
        emulated_launch(kernel, 1, 1, 32, 0, params);
    else
        emulated_expect_fault(kernel, 1, 32, params, 719, words);
}

/* The kernels' names in the source. */
static const char *next_name(const char *source, char name[64])
{
    const char *found = strstr(source, "__global__ void ");
    if (found == NULL) return NULL;
    assert_int_equal(sscanf(found, "__global__ void %63[a-z_]", name), 1);
    return found + 1;
}

static void undefined_bits_that_nothing_depends_on_are_no_fault(void **state)
{
    (void)state;
    char name[64], *ptx = emulated_compile(right_source, "compute_80");
    for (const char *at = right_source; (at = next_name(at, name)) != NULL;)
        run(ptx, name, NULL);
    free(ptx);
}

static void what_depends_on_undefined_bits_is_reported(void **state)
{
    (void)state;
    char name[64], kernel[96], *ptx = emulated_compile(wrong_source, "compute_80");
    for (const char *at = wrong_source; (at = next_name(at, name)) != NULL;) {
        snprintf(kernel, sizeof kernel, "kernel %s, ptx line", name);
        run(ptx, name, REPORTS("uninitialised", kernel, "block (0,0,0)", "thread ("));
    }
    run(ptx, "stored",
        REPORTS("use of uninitialised shared memory as what is stored to global memory", "it was read by line",
                "'ld.volatile.shared.u32", "st.global.u32", "thread (0,0,0)"));
    run(ptx, "addressed", REPORTS("uninitialised shared memory as an address", "ld.global"));
    run(ptx, "branched", REPORTS("uninitialised shared memory as the condition of a branch", "bra"));
    run(ptx, "from_global", REPORTS("uninitialised global memory", "'ld.global"));
    free(ptx);
}

int main(void)
{
    if (!emulated_has_nvrtc()) return 77;
    const struct CMUnitTest tests[] = { cmocka_unit_test(undefined_bits_that_nothing_depends_on_are_no_fault),
                                        cmocka_unit_test(what_depends_on_undefined_bits_is_reported) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
