/* wgmma on the CUDA emulator. The operands are small integers, so that every result is exact; shared memory is written by ordinary
 * instructions from an image that the host lays out by the figures of the canonical layouts, or by TMA. Wrong uses are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum { M = 64, N_MAX = 256, K_MAX = 64, A_BYTES = 16384, B_BYTES = 65536 };

/* TYPES, SHAPE, D (operands), N, REGISTERS of D, STEPS of K, FAULT, A_STEP and B_STEP (added to the descriptors) are defined in front. */
static const char source[] =
    "typedef unsigned long long u64; typedef unsigned u32;\n"
    "__device__ u32 at(const void *p) { return (u32)__cvta_generic_to_shared(p); }\n"
    "extern \"C\" __global__ void __launch_bounds__(128) product(const uint4 *a, const uint4 *b, DTYPE *y, u64 da, "
    "u64 db, "
    "int accumulate) {\n"
    "  extern __shared__ __align__(1024) uint4 tile[]; DTYPE d[REGISTERS];\n"
    "  for (int i = threadIdx.x; i < 16384 / 16; i += 128) tile[i] = a[i];\n"
    "  for (int i = threadIdx.x; i < 65536 / 16; i += 128) tile[16384 / 16 + i] = b[i];\n"
    "  for (int i = 0; i < REGISTERS; i++) d[i] = y[threadIdx.x * REGISTERS + i];\n"
    "  if (FAULT != 1) asm volatile(\"fence.proxy.async.shared::cta;\" ::: \"memory\");\n"
    "  __syncthreads();\n"
    "  da += at(tile) >> 4; db += (at(tile) + 16384) >> 4;\n"
    "  if (FAULT == 6 && threadIdx.x >= 32) db += 2;\n"
    "  if (FAULT != 2) asm volatile(\"wgmma.fence.sync.aligned;\" ::: \"memory\");\n"
    "  for (int k = 0; k < STEPS; k++) {\n"
    "    int p = accumulate | k;\n"
    "    asm volatile(\"{ .reg .pred p; setp.ne.b32 p, %\" P \", 0; wgmma.mma_async.sync.aligned.\" SHAPE \".\" "
    "TYPES \" {\" "
    "OPERANDS \"}, %\" DA \", %\" DB \", p, \" MODIFIERS \"; }\" : D : \"l\"(da), \"l\"(db), \"r\"(p));\n"
    "    da += A_STEP; db += B_STEP;\n"
    "  }\n"
    "  asm volatile(\"wgmma.commit_group.sync.aligned;\" ::: \"memory\");\n"
    "  if (FAULT == 4) { tile[16384 / 16 + threadIdx.x] = make_uint4(0, 0, 0, 0); }\n"
    "  if (FAULT != 3) asm volatile(\"wgmma.wait_group.sync.aligned %0;\" :: \"n\"(FAULT == 5 ? 1 : 0) : "
    "\"memory\");\n"
    "  for (int i = 0; i < REGISTERS; i++) y[threadIdx.x * REGISTERS + i] = d[i];\n"
    "}\n";

enum major { K_MAJOR, MN_MAJOR };
struct operand { /* how one operand lies in shared memory */
    enum major major;
    int swizzle; /* 0, 32, 64, 128 */
};
struct setup {
    const char *types; /* d, a, b */
    int n, k;          /* of one wgmma */
    int steps, bytes;  /* of an element */
    struct operand a, b;
    int accumulate, negate_a, negate_b, fault;
};

static int value_a(int row, int k)
{
    return (row * 7 + k * 3) % 9 - 4;
}
static int value_b(int column, int k)
{
    return (column * 5 + k * 11 + column * k) % 7 - 3;
}
static int value_d(int row, int column)
{
    return (row + 2 * column) % 13 - 6;
}

static uint32_t bits_of(const char *type, int value)
{
    union {
        float f;
        uint32_t u;
    } x = { .f = (float)value };
    if (strcmp(type, "tf32") == 0) return x.u | 0x1fffu; /* the lower bits do not count */
    if (strcmp(type, "bf16") == 0) return x.u >> 16;
    if (value == 0) return 0;
    uint32_t sign = x.u >> 31, exponent = (x.u >> 23 & 0xff) - 127;
    if (strcmp(type, "f16") == 0) return sign << 15 | (exponent + 15) << 10 | (x.u >> 13 & 0x3ff);
    if (strcmp(type, "e4m3") == 0) return sign << 7 | (exponent + 7) << 3 | (x.u >> 20 & 7);
    return sign << 7 | (exponent + 15) << 2 | (x.u >> 21 & 3);
}

/* Byte offset of element (row of m or n, k) of an operand of `rows` rows and k_count columns of k; its descriptor's distances. */
static long place(struct operand operand, int bytes, int rows, int k_count, int row, int k, uint64_t *descriptor)
{
    long width = operand.swizzle != 0 ? operand.swizzle : 16, atom = 8 * width, leading, stride, at;
    if (operand.major == K_MAJOR) { /* atoms of 8 rows by `width` bytes of k */
        long atoms_of_rows = rows / 8;
        stride = atom;
        leading = atoms_of_rows * atom;
        at = row / 8 * stride + k * bytes / width * leading + row % 8 * width + k * bytes % width;
    } else { /* atoms of 8 k by `width` bytes of rows */
        long atoms_of_k = k_count / 8, next_rows = atoms_of_k * atom, next_k = atom;
        at = row * bytes / width * next_rows + k / 8 * next_k + k % 8 * width + row * bytes % width;
        leading = operand.swizzle != 0 ? next_rows : next_k;
        stride = operand.swizzle != 0 ? next_k : next_rows;
    }
    long pieces = width / 16, line = at / 128, piece = at / 16 % 8;
    at = 128 * line + 16 * (piece / pieces * pieces + ((piece % pieces) ^ (line % pieces))) + at % 16;
    const uint64_t mode = operand.swizzle == 128 ? 1 : operand.swizzle == 64 ? 2 : operand.swizzle == 32 ? 3 : 0;
    *descriptor = (uint64_t)leading / 16 << 16 | (uint64_t)stride / 16 << 32 | mode << 62;
    return at;
}

/* Bytes from one wgmma's k to the next one's. */
static long step_bytes(struct operand operand, const struct setup *setup, int rows)
{
    uint64_t ignored;
    struct operand plain = { operand.major, 0 };
    if (operand.swizzle == 0)
        return place(plain, setup->bytes, rows, setup->k * setup->steps, 0, setup->k, &ignored);
    if (operand.major == MN_MAJOR) return (long)setup->k / 8 * 8 * operand.swizzle;
    long bytes = (long)setup->k * setup->bytes; /* within the atom's row, which has to hold all steps */
    return bytes;
}

static char *text_of(const struct setup *setup)
{
    char *text = malloc(sizeof source + 40000), *end = text;
    int half = strncmp(setup->types, "f16", 3) == 0, registers = setup->n / (half ? 4 : 2);
    end +=
        sprintf(end, "#define TYPES \"%s\"\n#define SHAPE \"m64n%dk%d\"\n#define REGISTERS %d\n#define DTYPE %s\n",
                setup->types, setup->n, setup->k, registers, half ? "unsigned" : "float");
    end +=
        sprintf(end, "#define STEPS %d\n#define FAULT %d\n#define A_STEP %ld\n#define B_STEP %ld\n", setup->steps,
                setup->fault, step_bytes(setup->a, setup, M) / 16, step_bytes(setup->b, setup, setup->n) / 16);
    end += sprintf(end, "#define P \"%d\"\n#define DA \"%d\"\n#define DB \"%d\"\n#define OPERANDS \"",
                   registers + 2, registers, registers + 1);
    for (int i = 0; i < registers; i++)
        end += sprintf(end, "%s%%%d", i != 0 ? ", " : "", i);
    end += sprintf(end, "\"\n#define D ");
    for (int i = 0; i < registers; i++)
        end += sprintf(end, "%s\"+%s\"(d[%d])", i != 0 ? ", " : "", half ? "r" : "f", i);
    end += sprintf(end, "\n#define MODIFIERS \"%d, %d", setup->negate_a ? -1 : 1, setup->negate_b ? -1 : 1);
    if (setup->k == 16) end += sprintf(end, ", %d, %d", setup->a.major == MN_MAJOR, setup->b.major == MN_MAJOR);
    sprintf(end, "\"\n%s", source);
    return text;
}

static float as_value(int half, const uint8_t *y, int thread, int registers, int reg, int parity)
{
    union {
        uint32_t u;
        float f;
    } x;
    memcpy(&x.u, y + 4 * (thread * registers + reg), 4);
    if (!half) return x.f;
    uint32_t h = x.u >> 16 * parity & 0xffff;
    if ((h & 0x7fff) == 0) return 0;
    x.u = (h & 0x8000) << 16 | ((h >> 10 & 31) + 112) << 23 | (h & 0x3ff) << 13;
    return x.f;
}

static uint64_t a_descriptor, b_descriptor; /* of the images that were laid out last */

static void *lay_out(const struct setup *setup, uint64_t *a, uint64_t *b)
{
    static uint8_t image_a[A_BYTES], image_b[B_BYTES];
    const char *type = strchr(setup->types, '.') + 1;
    char a_type[8], b_type[8];
    sscanf(type, "%7[^.].%7s", a_type, b_type);
    memset(image_a, 0xff, sizeof image_a); /* NaN wherever nothing belongs */
    memset(image_b, 0xff, sizeof image_b);
    int k_count = setup->k * setup->steps;
    for (int k = 0; k < k_count; k++) {
        for (int row = 0; row < M; row++) {
            uint32_t bits = bits_of(a_type, value_a(row, k));
            memcpy(image_a + place(setup->a, setup->bytes, M, k_count, row, k, &a_descriptor), &bits,
                   (size_t)setup->bytes);
        }
        for (int column = 0; column < setup->n; column++) {
            uint32_t bits = bits_of(b_type, value_b(column, k));
            memcpy(image_b + place(setup->b, setup->bytes, setup->n, k_count, column, k, &b_descriptor), &bits,
                   (size_t)setup->bytes);
        }
    }
    emulated_open("h100", 1);
    char *text = text_of(setup);
    void *kernel = emulated_kernel(text, "compute_90a", "product");
    free(text);
    assert_int_equal(cuFuncSetAttribute(kernel, 8, A_BYTES + B_BYTES), 0);
    *a = emulated_copy(image_a, sizeof image_a);
    *b = emulated_copy(image_b, sizeof image_b);
    return kernel;
}

static void exact(struct setup setup)
{
    static uint8_t y[M * N_MAX * 4];
    int half = strncmp(setup.types, "f16", 3) == 0, registers = setup.n / (half ? 4 : 2);
    uint64_t a, b;
    void *kernel = lay_out(&setup, &a, &b);
    for (int thread = 0; thread < 128;
         thread++) /* D before: warp w has rows 16 w, lane 4 g + t rows g and g + 8 of them */
        for (int i = 0; i < setup.n / 2; i++) {
            int row = thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8,
                column = i / 4 * 8 + thread % 4 * 2 + i % 2;
            uint32_t bits =
                half ? bits_of("f16", value_d(row, column)) : bits_of("bf16", value_d(row, column)) << 16;
            if (half)
                memcpy(y + 4 * (thread * registers + i / 2) + 2 * (i % 2), &bits, 2);
            else
                memcpy(y + 4 * (thread * registers + i), &bits, 4);
        }
    uint64_t d = emulated_copy(y, sizeof y);
    void *params[] = { &a, &b, &d, &a_descriptor, &b_descriptor, &setup.accumulate };
    emulated_launch(kernel, 1, 1, 128, A_BYTES + B_BYTES, params);
    assert_int_equal(cuMemcpyDtoH_v2(y, d, sizeof y), 0);
    for (int thread = 0; thread < 128; thread++)
        for (int i = 0; i < setup.n / 2; i++) {
            int row = thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8,
                column = i / 4 * 8 + thread % 4 * 2 + i % 2;
            int sum = setup.accumulate ? value_d(row, column) : 0;
            for (int k = 0; k < setup.k * setup.steps; k++)
                sum += value_a(row, k) * value_b(column, k) * (setup.negate_a != setup.negate_b ? -1 : 1);
            float is = as_value(half, y, thread, registers, half ? i / 2 : i, i % 2);
            if (is != (float)sum)
                fail_msg("%s n%d: row %d column %d is %g, not %d", setup.types, setup.n, row, column, (double)is,
                         sum);
        }
}

static void every_layout_of_16_bit_operands(void **state)
{
    (void)state;
    static const struct operand layouts[] = {
        { K_MAJOR, 0 },  { K_MAJOR, 32 },  { K_MAJOR, 64 },  { K_MAJOR, 128 },
        { MN_MAJOR, 0 }, { MN_MAJOR, 32 }, { MN_MAJOR, 64 }, { MN_MAJOR, 128 }
    };
    for (int i = 0; i < 8; i++) {
        struct setup setup = { .types = "f32.bf16.bf16", .n = 64, .k = 16, .steps = 1, .bytes = 2 };
        setup.a = layouts[i];
        setup.b = layouts[(i + 3) % 8];
        exact(setup);
    }
    /* more than one step, which moves the descriptor inside the swizzled row or on to the next one */
    exact((struct setup){ "f32.f16.f16", 128, 16, 4, 2, { K_MAJOR, 128 }, { MN_MAJOR, 128 }, 1, 0, 0, 0 });
    exact((struct setup){ "f32.f16.f16", 256, 16, 4, 2, { MN_MAJOR, 128 }, { K_MAJOR, 128 }, 0, 1, 0, 0 });
    exact((struct setup){ "f32.bf16.bf16", 64, 16, 2, 2, { MN_MAJOR, 0 }, { K_MAJOR, 64 }, 1, 1, 1, 0 });
    exact((struct setup){ "f32.bf16.bf16", 8, 16, 2, 2, { K_MAJOR, 0 }, { MN_MAJOR, 0 }, 1, 0, 1, 0 });
}

static void other_types(void **state)
{
    (void)state;
    exact((struct setup){ "f16.f16.f16", 32, 16, 1, 2, { K_MAJOR, 128 }, { K_MAJOR, 32 }, 1, 0, 0, 0 });
    exact((struct setup){ "f16.f16.f16", 24, 16, 1, 2, { K_MAJOR, 0 }, { K_MAJOR, 0 }, 0, 0, 1, 0 });
    exact((struct setup){ "f32.tf32.tf32", 40, 8, 4, 4, { K_MAJOR, 128 }, { K_MAJOR, 128 }, 1, 0, 0, 0 });
    exact((struct setup){ "f32.e4m3.e4m3", 16, 32, 2, 1, { K_MAJOR, 64 }, { K_MAJOR, 128 }, 1, 0, 0, 0 });
    exact((struct setup){ "f32.e5m2.e4m3", 16, 32, 1, 1, { K_MAJOR, 32 }, { K_MAJOR, 0 }, 0, 0, 0, 0 });
}

/* A in registers, B brought by TMA: 64 x 16 times 16 x 64. AFTER: what happens to A's registers before the wait. */
static const char mixed[] =
    "typedef unsigned long long u64; typedef unsigned u32;\n"
    "struct __align__(64) map { u64 words[16]; };\n"
    "__device__ u32 at(const void *p) { return (u32)__cvta_generic_to_shared(p); }\n"
    "extern \"C\" __global__ void __launch_bounds__(128) mixed(const __grid_constant__ map m, const u32 *x, float "
    "*y) {\n"
    "  __shared__ __align__(1024) char tile[64 * 32]; __shared__ u64 b; float d[32]; u32 a[4]; int t = "
    "threadIdx.x;\n"
    "  if (t == 0) asm volatile(\"mbarrier.init.shared::cta.b64 [%0], 1; fence.mbarrier_init.release.cluster;\" :: "
    "\"r\"(at(&b)));\n"
    "  __syncthreads();\n"
    "  if (t == 0) asm volatile(\"mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 2048; "
    "cp.async.bulk.tensor.2d.shared::"
    "cluster.global.mbarrier::complete_tx::bytes [%1], [%2, {%3, %3}], [%0];\" :: \"r\"(at(&b)), \"r\"(at(tile)), "
    "\"l\"(&m), \"r\"(0) : \"memory\");\n"
    "  asm volatile(\"{ .reg .pred p; W: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @p bra D; bra W; D: "
    "}\" :: "
    "\"r\"(at(&b)) : \"memory\");\n"
    "  int row = t / 32 * 16 + t % 32 / 4, pair = t % 4;\n"
    "  for (int i = 0; i < 4; i++) a[i] = x[(row + i % 2 * 8) * 8 + pair + i / 2 * 4];\n"
    "  u64 desc = (u64)at(tile) >> 4 | (u64)1 << 16 | (u64)16 << 32 | (u64)3 << 62;\n"
    "  asm volatile(\"wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {\" OPERANDS "
    "\"}, {%32, "
    "%33, %34, %35}, %36, 0, 1, 1, 0; wgmma.commit_group.sync.aligned; \" AFTER \" wgmma.wait_group.sync.aligned "
    "0;\" : D, "
    "\"+r\"(a[0]), \"+r\"(a[1]), \"+r\"(a[2]), \"+r\"(a[3]) : \"l\"(desc) : \"memory\");\n"
    "  for (int i = 0; i < 32; i++) y[(row + i / 2 % 2 * 8) * 64 + i / 4 * 8 + 2 * pair + i % 2] = d[i];\n"
    "  y[threadIdx.x] += 0 * a[0]; }\n";

static int launch_mixed(const char *after, float *y)
{
    static uint16_t x[M * 16], b[64 * 16];
    char *text = malloc(sizeof mixed + 4096), *end = text;
    end += sprintf(end, "#define AFTER \"%s\"\n#define OPERANDS \"", after);
    for (int i = 0; i < 32; i++)
        end += sprintf(end, "%s%%%d", i != 0 ? ", " : "", i);
    end += sprintf(end, "\"\n#define D ");
    for (int i = 0; i < 32; i++)
        end += sprintf(end, "%s\"=f\"(d[%d])", i != 0 ? ", " : "", i);
    sprintf(end, "\n%s", mixed);
    for (int k = 0; k < 16; k++)
        for (int i = 0; i < 64; i++) {
            x[i * 16 + k] = (uint16_t)bits_of("bf16", value_a(i, k));
            b[i * 16 + k] = (uint16_t)bits_of("bf16", value_b(i, k));
        }
    emulated_open("h100", 1);
    void *kernel = emulated_kernel(text, "compute_90a", "mixed");
    free(text);
    struct {
        _Alignas(64) uint64_t words[16];
    } map;
    uint64_t dx = emulated_copy(x, sizeof x), db = emulated_copy(b, sizeof b), dy = emulated_zeros(M * 64 * 4);
    const uint64_t dims[] = { 16, 64 }, strides[] = { 32 };
    const uint32_t box[] = { 16, 64 }, steps[] = { 1, 1 };
    assert_int_equal(
        cuTensorMapEncodeTiled(&map, 9, 2, (void *)(uintptr_t)db, dims, strides, box, steps, 0, 1, 0, 0), 0);
    void *params[] = { &map, &dx, &dy };
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 128, 1, 1, 0, NULL, params, NULL), 0);
    int result = cuCtxSynchronize();
    if (result == 0) assert_int_equal(cuMemcpyDtoH_v2(y, dy, M * 64 * 4), 0);
    return result;
}

static void a_in_registers_and_b_by_tma(void **state)
{
    (void)state;
    static float y[M * 64];
    if (launch_mixed("", y) != 0) fail_msg("%s", hpckemu_report());
    for (int row = 0; row < M; row++)
        for (int column = 0; column < 64; column++) {
            int sum = 0;
            for (int k = 0; k < 16; k++)
                sum += value_a(row, k) * value_b(column, k);
            if (y[row * 64 + column] != (float)sum)
                fail_msg("row %d column %d is %g, not %d", row, column, (double)y[row * 64 + column], sum);
        }
    assert_int_equal(launch_mixed("mov.b32 %33, 0;", y), 719);
    assert_non_null(strstr(hpckemu_report(), "writes a register of a wgmma before wgmma.wait_group"));
}

/* One whose text has the fault, on zeros; result of the synchronisation. */
static int launch_wrong(int fault, int check, uint64_t *d)
{
    const struct setup setup = {
        "f32.bf16.bf16", 64, 16, 2, 2, { K_MAJOR, 128 }, { K_MAJOR, 128 }, 1, 0, 0, fault
    };
    uint64_t a, b;
    void *kernel = lay_out(&setup, &a, &b);
    *d = emulated_zeros(M * N_MAX * 4);
    hpckemu_set_check(check);
    int accumulate = 1;
    void *params[] = { &a, &b, d, &a_descriptor, &b_descriptor, &accumulate };
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 128, 1, 1, A_BYTES + B_BYTES, NULL, params, NULL), 0);
    return cuCtxSynchronize();
}

static void wrong(int fault, const char *const *words)
{
    uint64_t d;
    if (launch_wrong(fault, 1, &d) != 719) fail_msg("fault %d is not found: %s", fault, hpckemu_report());
    for (; *words != NULL; words++)
        if (strstr(hpckemu_report(), *words) == NULL) fail_msg("no '%s' in: %s", *words, hpckemu_report());
}

/* Columns 0 to 15 of B are overwritten by zeros behind the commit: without the checker the result shows it. */
static void the_product_is_made_at_the_wait(void **state)
{
    (void)state;
    static float y[128][32];
    uint64_t d;
    int zeros_elsewhere = 0;
    assert_int_equal(launch_wrong(4, 0, &d), 0);
    assert_int_equal(cuMemcpyDtoH_v2(y, d, sizeof y), 0);
    for (int thread = 0; thread < 128; thread++)
        for (int i = 0; i < 32; i++) { /* of columns 8 (i / 4) and on */
            if (i < 8 && y[thread][i] != 0)
                fail_msg("thread %d, register %d is %g", thread, i, (double)y[thread][i]);
            zeros_elsewhere += i >= 8 && y[thread][i] == 0;
        }
    assert_true(zeros_elsewhere < 128 * 24 / 2);
}

static void wrong_uses_are_found(void **state)
{
    (void)state;
    wrong(1, REPORTS("missing fence.proxy.async", "wgmma.mma_async", "kernel product"));
    wrong(2, REPORTS("no wgmma.fence since register 0", "wgmma.mma_async"));
    wrong(3, REPORTS("reads a register of a wgmma before wgmma.wait_group", "st.global"));
    wrong(4, REPORTS("shared-memory race", "read after write", "wgmma.mma_async"));
    wrong(5, REPORTS("reads a register of a wgmma before wgmma.wait_group", "st.global"));
    wrong(6, REPORTS("the warps of a warpgroup disagree", "wgmma.mma_async"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_of_16_bit_operands),
        cmocka_unit_test(other_types),
        cmocka_unit_test(a_in_registers_and_b_by_tma),
        cmocka_unit_test(the_product_is_made_at_the_wait),
        cmocka_unit_test(wrong_uses_are_found),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
