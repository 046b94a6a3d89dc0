/* The emulator's counters of bank conflicts and global sectors, on accesses whose cost is known: good and bad layouts of every access
 * width, ldmatrix and cp.async; what belongs to the main loop; and the report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulated.h"

static const char source[] =
    "template <class T> __device__ void load(int *out, int stride) { extern __shared__ int4 s[]; volatile T *p = "
    "(T *)s;\n"
    "  out[threadIdx.x] = (int)p[threadIdx.x * stride]; }\n"
    "extern \"C\" __global__ void bytes(int *out, int stride) { load<char>(out, stride); }\n"
    "extern \"C\" __global__ void halves(int *out, int stride) { load<short>(out, stride); }\n"
    "extern \"C\" __global__ void words(int *out, int stride) { load<int>(out, stride); }\n"
    "extern \"C\" __global__ void doubles(int *out, int stride) { load<long long>(out, stride); }\n"
    "extern \"C\" __global__ void vectors(int *out, int stride) { extern __shared__ int4 s[];\n"
    "  int4 v = s[threadIdx.x * stride]; out[threadIdx.x] = v.x + v.y + v.z + v.w; }\n"
    "extern \"C\" __global__ void stores(int *out, int stride) { extern __shared__ int4 s[];\n"
    "  ((volatile int *)s)[threadIdx.x * stride] = 1; }\n"
    /* 8 x 8 matrices of halves in rows of 128 bytes; swizzled: 16-byte columns exchanged by the row */
    "extern \"C\" __global__ void matrices(int *out, int swizzled) { extern __shared__ int4 s[]; int r[4];\n"
    "  int row = threadIdx.x % 8, column = threadIdx.x / 8 ^ (swizzled ? row : 0);\n"
    "  unsigned at = (unsigned)__cvta_generic_to_shared(s + 8 * row + column);\n"
    "  asm volatile(\"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\"\n"
    "    : \"=r\"(r[0]), \"=r\"(r[1]), \"=r\"(r[2]), \"=r\"(r[3]) : \"r\"(at)); out[threadIdx.x] = r[0] + r[1] + "
    "r[2] + r[3]; }\n"
    "extern \"C\" __global__ void copies(int *in, int stride) { extern __shared__ int4 s[];\n"
    "  unsigned at = (unsigned)__cvta_generic_to_shared(s + threadIdx.x * stride);\n"
    "  asm volatile(\"cp.async.cg.shared.global [%0], [%1], 16; cp.async.wait_all;\" :: \"r\"(at), \"l\"(in + 4 * "
    "threadIdx.x)); }\n"
    "extern \"C\" __global__ void global_words(int *x, int stride) { x[threadIdx.x * stride] = 1; }\n"
    "extern \"C\" __global__ void global_vectors(int4 *x, int stride) { x[threadIdx.x * stride] = make_int4(1, 2, "
    "3, 4); }\n"
    "extern \"C\" __global__ void generic(int *x, int stride) { extern __shared__ int4 s[];\n"
    "  int *p = stride > 0 ? (int *)s : x; p += threadIdx.x * (stride > 0 ? stride : -stride); *(volatile int *)p "
    "= 1; }\n"
    /* the conflicts are before the loop, the wasted sectors in it */
    "extern \"C\" __global__ void loops(float *x, int steps) { __shared__ float s[1024]; float sum = 0;\n"
    "  s[threadIdx.x * 32] = 1; __syncthreads();\n"
    "  _Pragma(\"unroll 1\") for (int i = 0; i < steps; i++) { sum = sum * x[threadIdx.x * 8 + i] + "
    "s[threadIdx.x]; __syncthreads(); }\n"
    "  x[threadIdx.x] = sum; }\n";

static void *module;
static uint64_t memory;

static int open_device(void **state)
{
    (void)state;
    emulated_open("a100", 0);
    char *ptx = emulated_compile(source, "compute_80");
    if (cuModuleLoadData(&module, ptx) != 0) fail_msg("%s", hpckemu_report());
    free(ptx);
    memory = emulated_zeros(1 << 16);
    hpckemu_set_count(1);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    hpckemu_shutdown();
    return 0;
}

static void run(const char *name, uint64_t address, int argument)
{
    void *kernel = NULL;
    void *params[] = { &address, &argument };
    assert_int_equal(cuModuleGetFunction(&kernel, module, name), 0);
    hpckemu_reset_counters();
    emulated_launch(kernel, 1, 1, 32, 32768, params);
}

static void expect(const char *counter, int64_t value)
{
    if (hpckemu_counter(counter) != value)
        fail_msg("%s is %lld, not %lld", counter, (long long)hpckemu_counter(counter), (long long)value);
}

static void bank_conflicts_are_counted_by_phases_of_the_access_width(void **state)
{
    (void)state;
    static const struct {
        const char *kernel;
        int stride, conflicts; /* in elements; of the one request */
    } cases[] = {
        { "bytes", 1, 0 },    { "bytes", 4, 0 },   { "bytes", 8, 1 },   { "halves", 1, 0 },  { "halves", 2, 0 },
        { "halves", 4, 1 },   { "words", 1, 0 },   { "words", 2, 1 },   { "words", 32, 31 }, { "words", 33, 0 },
        { "words", 0, 0 },    { "words", 16, 15 }, { "doubles", 1, 0 }, { "doubles", 2, 2 }, { "doubles", 16, 30 },
        { "doubles", 17, 0 }, { "doubles", 0, 0 }, { "vectors", 1, 0 }, { "vectors", 2, 4 }, { "vectors", 8, 28 },
        { "vectors", 9, 0 },  { "stores", 1, 0 },  { "stores", 4, 3 },  { "stores", 5, 0 },  { "matrices", 0, 28 },
        { "matrices", 1, 0 }, { "copies", 1, 0 },  { "copies", 8, 28 }, { "copies", 2, 4 },  { "generic", 32, 31 },
        { "generic", 1, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].kernel, memory, cases[i].stride);
        expect("shared_requests", 1);
        if (hpckemu_counter("shared_conflicts") != cases[i].conflicts)
            fail_msg("%s, stride %d: %lld conflicts, not %d", cases[i].kernel, cases[i].stride,
                     (long long)hpckemu_counter("shared_conflicts"), cases[i].conflicts);
    }
}

static void sectors_are_counted_against_those_needed(void **state)
{
    (void)state;
    static const struct {
        const char *kernel;
        int offset, stride, sectors, wasted; /* offset in bytes */
    } cases[] = {
        { "global_words", 0, 1, 4, 0 },    { "global_words", 4, 1, 5, 1 },     { "global_words", 32, 1, 4, 0 },
        { "global_words", 0, 2, 8, 4 },    { "global_words", 0, 32, 32, 28 },  { "global_words", 0, 0, 1, 0 },
        { "global_vectors", 0, 1, 16, 0 }, { "global_vectors", 0, 2, 32, 16 }, { "global_vectors", 16, 1, 17, 1 },
        { "generic", 0, -8, 32, 28 },      { "copies", 0, 1, 16, 0 },          { "copies", 16, 1, 17, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].kernel, memory + (uint64_t)cases[i].offset, cases[i].stride);
        expect("global_requests", 1);
        if (hpckemu_counter("global_sectors") != cases[i].sectors ||
            hpckemu_counter("global_wasted") != cases[i].wasted)
            fail_msg("%s, offset %d, stride %d: %lld sectors, %lld of them wasted; not %d, %d", cases[i].kernel,
                     cases[i].offset, cases[i].stride, (long long)hpckemu_counter("global_sectors"),
                     (long long)hpckemu_counter("global_wasted"), cases[i].sectors, cases[i].wasted);
    }
}

static void the_main_loop_is_counted_apart(void **state)
{
    (void)state;
    run("loops", memory, 6);
    expect("shared_requests", 1 + 6);
    expect("shared_conflicts", 31);
    expect("loop_shared_requests", 6);
    expect("loop_shared_conflicts", 0);
    expect("global_requests", 6 + 1);
    expect("loop_global_sectors", 6 * 32);
    expect("loop_global_wasted", 6 * 28);
    expect("global_wasted", 6 * 28);
    run("words", memory, 32); /* no loop */
    expect("shared_conflicts", 31);
    expect("loop_shared_requests", 0);
}

static void nothing_is_counted_unless_asked_for(void **state)
{
    (void)state;
    hpckemu_set_count(0);
    run("words", memory, 32);
    expect("shared_requests", 0);
    assert_true(hpckemu_counter("load_shared") == 1);
    assert_int_equal(hpckemu_counter("shared_requets"), -1);
    hpckemu_set_count(1);
}

static void the_report_names_the_instructions_that_cost(void **state)
{
    (void)state;
    char text[8192] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    setenv("HPCK_EMULATOR_COUNT", "1", 1);
    open_device(NULL);
    unsetenv("HPCK_EMULATOR_COUNT");
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    run("loops", memory, 6);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    static const char *const parts[] = {
        "kernel loops, grid (1,1,1), block (32,1,1)",
        "fma 6",
        "all: shared memory 7 requests, 31 bank conflicts; global memory 7 requests",
        "main loop: shared memory 6 requests, 0 bank conflicts",
        "31 conflicts in 1 requests: st.shared",
        "168 of 192 sectors wasted in 6 requests: ld.global"
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]) == NULL) fail_msg("no '%s' in: %s", parts[i], text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bank_conflicts_are_counted_by_phases_of_the_access_width),
        cmocka_unit_test(sectors_are_counted_against_those_needed),
        cmocka_unit_test(the_main_loop_is_counted_apart),
        cmocka_unit_test(nothing_is_counted_unless_asked_for),
        cmocka_unit_test(the_report_names_the_instructions_that_cost),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, open_device, close_device);
}
