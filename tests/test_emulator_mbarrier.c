/* mbarriers on the CUDA emulator: phases, counts and states as PTX has them; and what is said when a kernel uses them wrongly:
 * a wait that nothing ends names kernel, block, thread, barrier and phase. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum { STEPS = 7 };

/* Warp 0 fills a ring of two slots, warp 1 reads it. The macros are the faults. */
static const char ring[] =
    "#ifndef FULL\n#define FULL p\n#endif\n#ifndef FREED\n#define FREED 32\n#endif\n"
    "typedef unsigned long long u64;\n"
    "__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }\n"
    "__device__ void init(u64 *b, unsigned n) { asm volatile(\"mbarrier.init.shared::cta.b64 [%0], %1;\" :: "
    "\"r\"(at(b)), \"r\"(n) : \"memory\"); }\n"
    "__device__ void arrive(u64 *b) { asm volatile(\"mbarrier.arrive.shared::cta.b64 _, [%0];\" :: \"r\"(at(b)) : "
    "\"memory\"); }\n"
    "__device__ void wait(u64 *b, unsigned p) { asm volatile(\"{ .reg .pred p; W: mbarrier.try_wait.parity"
    ".shared::cta.b64 p, [%0], %1; @p bra D; bra W; D: }\" :: \"r\"(at(b)), \"r\"(p) : \"memory\"); }\n"
    "extern \"C\" __global__ void ring(const int *x, int *y, int steps) {\n"
    "  __shared__ u64 full[2], freed[2]; __shared__ int slot[2][32];\n"
    "  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;\n"
    "  if (threadIdx.x == 0) for (int i = 0; i < 2; i++) { init(&full[i], 32); init(&freed[i], FREED); }\n"
    "  __syncthreads();\n"
    "  for (int i = 0; i < steps; i++) { unsigned s = i % 2, p = i / 2 % 2;\n"
    "    if (warp == 0) { \n"
    "#ifndef NO_EMPTY_WAIT\n      wait(&freed[s], p ^ 1);\n#endif\n"
    "      slot[s][lane] = x[32 * i + lane]; arrive(&full[s]); }\n"
    "    else { \n"
    "#ifndef NO_FULL_WAIT\n      wait(&full[s], FULL);\n#endif\n"
    "      y[32 * i + lane] = slot[s][31 - lane]; arrive(&freed[s]); } } }\n";

static void *ring_kernel(const char *defines)
{
    char text[4096];
    snprintf(text, sizeof text, "%s\n%s", defines, ring);
    emulated_open("a100", 1);
    return emulated_kernel(text, "compute_80", "ring");
}

static void a_ring_keeps_its_order(void **state)
{
    (void)state;
    int x[32 * STEPS], y[32 * STEPS], steps = STEPS;
    void *kernel = ring_kernel("");
    for (int i = 0; i < 32 * STEPS; i++)
        x[i] = 3 * i + 1;
    uint64_t from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
    void *params[] = { &from, &to, &steps };
    emulated_launch(kernel, 1, 1, 64, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(y, to, sizeof y), 0);
    for (int i = 0; i < STEPS; i++)
        for (int lane = 0; lane < 32; lane++)
            assert_int_equal(y[32 * i + lane], x[32 * i + 31 - lane]);
}

static void faulty_ring(const char *defines, int code, const char *const *words)
{
    int steps = STEPS;
    void *kernel = ring_kernel(defines);
    uint64_t from = emulated_zeros(128 * STEPS), to = emulated_zeros(128 * STEPS);
    void *params[] = { &from, &to, &steps };
    emulated_expect_fault(kernel, 1, 64, params, code, words);
}

static void missing_waits_are_races(void **state)
{
    (void)state;
    faulty_ring("#define NO_FULL_WAIT", 719, REPORTS("shared memory", "kernel ring", "ld.shared"));
    faulty_ring("#define FULL p ^ 1", 719, REPORTS("shared memory", "kernel ring"));
}

static void a_wait_that_nothing_ends_names_barrier_and_phase(void **state)
{
    (void)state;
    faulty_ring("#define FREED 33", 702,
                REPORTS("deadlock", "warp 0 at line", "waits for phase parity 0 of the mbarrier at 0x",
                        "phase 0 runs: 1 of 33 arrivals pending", "kernel ring", "mbarrier.try_wait",
                        "block (0,0,0)", "thread (0,0,0)"));
    /* the producer overtakes the reader by two rounds, and the phase that the reader waits for never comes again */
    faulty_ring("#define NO_EMPTY_WAIT", 702,
                REPORTS("deadlock", "warp 1 at line", "phase parity 0 of the mbarrier at 0x", "phase 4 runs"));
}

/* Counts, states and misuse. Each case is a statement with the barrier's shared address in %0. */
static const char single[] =
    "extern \"C\" __global__ void single(unsigned *out) { __shared__ unsigned long long b; \n"
    "  unsigned at = (unsigned)__cvta_generic_to_shared(&b); b = 0; unsigned r = 0;\n"
    "  asm volatile(\"{ .reg .pred p, q; .reg .b64 s, t; \" TEXT \" }\" : \"+r\"(r) : \"r\"(at) : \"memory\");\n"
    "  if (threadIdx.x == 0) out[0] = r; }\n";

static void *single_kernel(const char *text)
{
    char source[2048];
    snprintf(source, sizeof source, "#define TEXT \"%s\"\n%s", text, single);
    emulated_open("h100", 1);
    return emulated_kernel(source, "compute_90", "single");
}

static unsigned value_of(const char *text)
{
    void *kernel = single_kernel(text);
    uint64_t out = emulated_zeros(4);
    void *params[] = { &out };
    unsigned value = 0;
    emulated_launch(kernel, 1, 1, 1, 0, params);
    assert_int_equal(cuMemcpyDtoH_v2(&value, out, 4), 0);
    return value;
}

static void counts_and_states_are_those_of_ptx(void **state)
{
    (void)state;
    /* the state is that before the arrival */
    assert_int_equal(value_of("mbarrier.init.shared.b64 [%1], 3; mbarrier.arrive.shared.b64 s, [%1]; "
                              "mbarrier.arrive.shared.b64 t, [%1]; mbarrier.pending_count.b64 %0, t;"),
                     2);
    /* a fresh barrier: parity 1 has passed, parity 0 has not */
    assert_int_equal(value_of("mbarrier.init.shared.b64 [%1], 1; mbarrier.test_wait.parity.shared.b64 p, [%1], 1; "
                              "mbarrier.test_wait.parity.shared.b64 q, [%1], 0; selp.b32 %0, 1, 0, p; "
                              "@q add.u32 %0, %0, 2;"),
                     1);
    /* the phase of a state is complete after the last arrival */
    assert_int_equal(
        value_of("mbarrier.init.shared.b64 [%1], 2; mbarrier.arrive.shared.b64 s, [%1]; "
                 "mbarrier.test_wait.shared.b64 p, [%1], s; mbarrier.arrive.shared.b64 t, [%1]; "
                 "mbarrier.test_wait.shared.b64 q, [%1], s; selp.b32 %0, 1, 0, p; @q add.u32 %0, %0, 2;"),
        2);
    /* a count, and arrive_drop lowers what the next phase expects */
    assert_int_equal(
        value_of(
            "mbarrier.init.shared.b64 [%1], 4; mbarrier.arrive.shared.b64 s, [%1], 3; "
            "mbarrier.arrive_drop.shared.b64 s, [%1]; mbarrier.arrive.shared.b64 t, [%1], 2; "
            "mbarrier.arrive.shared.b64 t, [%1]; mbarrier.test_wait.shared.b64 p, [%1], t; selp.b32 %0, 1, 0, p;"),
        1);
    /* transaction bytes hold the phase back, and may come before they are expected */
    assert_int_equal(
        value_of("mbarrier.init.shared.b64 [%1], 1; "
                 "mbarrier.complete_tx.relaxed.cluster.shared::cta.b64 [%1], 16; "
                 "mbarrier.arrive.expect_tx.shared.b64 s, [%1], 48; "
                 "mbarrier.test_wait.shared.b64 p, [%1], s; "
                 "mbarrier.complete_tx.relaxed.cluster.shared::cta.b64 [%1], 32; "
                 "mbarrier.test_wait.shared.b64 q, [%1], s; selp.b32 %0, 1, 0, p; @q add.u32 %0, %0, 2;"),
        2);
    /* memory of an invalidated barrier may become another */
    assert_int_equal(value_of("mbarrier.init.shared.b64 [%1], 1; mbarrier.inval.shared.b64 [%1]; "
                              "mbarrier.init.shared.b64 [%1], 5; mbarrier.arrive.shared.b64 s, [%1]; "
                              "mbarrier.pending_count.b64 %0, s;"),
                     5);
}

static void misuse(const char *text, const char *what)
{
    void *kernel = single_kernel(text);
    uint64_t out = emulated_zeros(4);
    void *params[] = { &out };
    emulated_expect_fault(kernel, 1, 1, params, 719, REPORTS(what, "kernel single", "mbarrier."));
}

static void misuse_is_reported(void **state)
{
    (void)state;
    misuse("mbarrier.arrive.shared.b64 s, [%1];", "no mbarrier at 0x");
    misuse("mbarrier.init.shared.b64 [%1], 0;", "an mbarrier of 0 arrivals");
    misuse("mbarrier.init.shared.b64 [%1], 1; mbarrier.init.shared.b64 [%1], 1;", "init of the valid mbarrier");
    misuse("mbarrier.init.shared.b64 [%1], 1; st.shared.b32 [%1], 7; mbarrier.arrive.shared.b64 s, [%1];",
           "overwritten by an ordinary store");
    misuse("mbarrier.init.shared.b64 [%1], 2; mbarrier.arrive.shared.b64 s, [%1], 3;",
           "3 arrivals at the mbarrier");
    misuse("mbarrier.init.shared.b64 [%1], 1; mbarrier.arrive.noComplete.shared.b64 s, [%1], 1;", ".noComplete");
    misuse("mbarrier.init.shared.b64 [%1], 1; mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%1], 1048576;",
           "outstanding transaction bytes");
    misuse("mbarrier.init.shared.b64 [%1], 1; mbarrier.arrive.shared.b64 s, [%1]; mbarrier.arrive.shared.b64 t, "
           "[%1]; mbarrier.test_wait.shared.b64 p, [%1], s;",
           "a wait for phase 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_keeps_its_order),
        cmocka_unit_test(missing_waits_are_races),
        cmocka_unit_test(a_wait_that_nothing_ends_names_barrier_and_phase),
        cmocka_unit_test(counts_and_states_are_those_of_ptx),
        cmocka_unit_test(misuse_is_reported),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
