/* Bulk copies and TMA on the CUDA emulator. What lies in shared memory is read and written by ordinary instructions, so that a
 * misreading which loads and stores share is not taken for agreement; the host computes places by the figures of the PTX ISA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulated.h"

#define REPORTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum { U16 = 1, F32 = 7, BF16 = 9 }; /* CUtensorMapDataType */
struct map {
    _Alignas(64) uint64_t words[16];
};

/* FAULT: 1 no wait, 2 bytes expected that never come, 3 no proxy fence before the store, 4 exit without a wait for the store,
 * 5 no expect_tx, 6 misaligned shared memory, 7 no wait before the tile is written again. */
static const char source[] =
    "#ifndef FAULT\n#define FAULT 0\n#endif\n"
    "typedef unsigned long long u64; typedef unsigned u32;\n"
    "struct __align__(64) map { u64 words[16]; };\n"
    "__device__ u32 at(const void *p) { return (u32)__cvta_generic_to_shared(p); }\n"
    "__device__ void init(u32 b) { asm volatile(\"mbarrier.init.shared::cta.b64 [%0], 1; "
    "fence.mbarrier_init.release.cluster;\" :: \"r\"(b) : \"memory\"); }\n"
    "__device__ void expect(u32 b, u32 n) { asm volatile(\"mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], "
    "%1;\" :: "
    "\"r\"(b), \"r\"(n) : \"memory\"); }\n"
    "__device__ void wait(u32 b) { asm volatile(\"{ .reg .pred p; W: mbarrier.try_wait.parity.shared::cta.b64 p, "
    "[%0], "
    "0; @p bra D; bra W; D: }\" :: \"r\"(b) : \"memory\"); }\n"
    "#define TENSOR \"cp.async.bulk.tensor.\" RANK \"d\"\n"
    "#define C5 \"r\"(c[0]), \"r\"(c[1]), \"r\"(c[2]), \"r\"(c[3]), \"r\"(c[4])\n"
    "__device__ void load(u32 to, const map *m, u32 b, const int *c) { asm volatile(TENSOR "
    "\".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {\" XYZ \"}], [%2];\" :: \"r\"(to), "
    "\"l\"(m), \"r\"(b), C5 : \"memory\"); }\n"
    "__device__ void store(const map *m, u32 from, const int *c) { asm volatile(TENSOR "
    "\".global.shared::cta.bulk_group [%0, {\" XYZ \"}], [%1];\" :: \"l\"(m), \"r\"(from), \"r\"(0), C5 : "
    "\"memory\"); }\n"
    /* y receives shared memory as it is after the load */
    "extern \"C\" __global__ void image(const __grid_constant__ map m, u32 *y, int bytes, int c0, int c1, int c2, "
    "int c3, "
    "int c4) {\n"
    "  extern __shared__ __align__(1024) u32 tile[]; __shared__ u64 b; int c[5] = { c0, c1, c2, c3, c4 };\n"
    "  if (threadIdx.x == 0) init(at(&b));\n"
    "  __syncthreads();\n"
    "  if (threadIdx.x == 0) { if (FAULT != 5) expect(at(&b), bytes + (FAULT == 2 ? 16 : 0)); load(at(tile) + "
    "(FAULT == "
    "6 ? 64 : 0), &m, at(&b), c); }\n"
    "  if (FAULT != 1) wait(at(&b));\n"
    "  for (int i = threadIdx.x; i < bytes / 4; i += 32) y[i] = tile[i]; }\n"
    /* x is shared memory as the store finds it */
    "extern \"C\" __global__ void back(const __grid_constant__ map m, const u32 *x, int bytes, int c0, int c1, int "
    "c2, int "
    "c3, int c4) {\n"
    "  extern __shared__ __align__(1024) u32 tile[]; int c[5] = { c0, c1, c2, c3, c4 };\n"
    "  for (int i = threadIdx.x; i < bytes / 4; i += 64) tile[i] = x[i];\n"
    "  if (FAULT != 3) asm volatile(\"fence.proxy.async.shared::cta;\" ::: \"memory\");\n"
    "  __syncthreads();\n"
    "  if (threadIdx.x == 0) { store(&m, at(tile), c); asm volatile(\"cp.async.bulk.commit_group;\" ::: "
    "\"memory\");\n"
    "    if (FAULT < 4) asm volatile(\"cp.async.bulk.wait_group.read 0;\" ::: \"memory\"); }\n"
    "  __syncthreads();\n"
    "  if (FAULT == 4) return;\n"
    "  for (int i = threadIdx.x; i < bytes / 4; i += 64) tile[i] = 0x55555555;\n"
    "  if (FAULT == 7) asm volatile(\"cp.async.bulk.wait_group 0;\" ::: \"memory\"); }\n"
    "extern \"C\" __global__ void plain(const char *x, char *y, int bytes) {\n"
    "  extern __shared__ __align__(1024) char tile2[]; __shared__ u64 b;\n"
    "  if (threadIdx.x == 0) init(at(&b));\n"
    "  __syncthreads();\n"
    "  if (threadIdx.x == 0) { expect(at(&b), bytes); asm "
    "volatile(\"cp.async.bulk.shared::cluster.global.mbarrier::"
    "complete_tx::bytes [%0], [%1], %2, [%3];\" :: \"r\"(at(tile2)), \"l\"(x), \"r\"(bytes), \"r\"(at(&b)) : "
    "\"memory\"); }\n"
    "  wait(at(&b));\n"
    "  if (threadIdx.x == 0) asm volatile(\"cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2; "
    "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%0], [%1], 16; cp.async.bulk.commit_group; "
    "cp.async.bulk.wait_group 0;\" :: \"l\"(y), \"r\"(at(tile2)), \"r\"(bytes) : \"memory\"); }\n"
    /* each of two blocks loads one half of the tile for both */
    "extern \"C\" __global__ void __cluster_dims__(2, 1, 1) halves(const __grid_constant__ map m, u32 *y, int "
    "bytes) {\n"
    "  extern __shared__ __align__(1024) u32 tile[]; __shared__ u64 b; u32 r;\n"
    "  asm(\"mov.u32 %0, %%cluster_ctarank;\" : \"=r\"(r));\n"
    "  if (threadIdx.x == 0) init(at(&b));\n"
    "  if (FAULT != 8) asm volatile(\"barrier.cluster.arrive.release; barrier.cluster.wait.acquire;\" ::: "
    "\"memory\");\n"
    "  if (threadIdx.x == 0) { expect(at(&b), 2 * bytes); asm volatile(TENSOR \".shared::cluster.global.mbarrier::"
    "complete_tx::bytes.multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;\" :: \"r\"(at(tile) + r * bytes), "
    "\"l\"(&m), "
    "\"r\"(at(&b)), \"r\"(0), \"r\"(8 * r), \"h\"((unsigned short)3) : \"memory\"); }\n"
    "  wait(at(&b));\n"
    "  for (int i = threadIdx.x; i < bytes / 2; i += 32) y[blockIdx.x * bytes / 2 + i] = tile[i];\n"
    "  asm volatile(\"barrier.cluster.arrive.release; barrier.cluster.wait.acquire;\" ::: \"memory\"); }\n";

static void *kernel_named(const char *name, int rank, int fault)
{
    static const char *const coordinates[] = { "%3", "%3, %4", "%3, %4, %5", "%3, %4, %5, %6",
                                               "%3, %4, %5, %6, %7" };
    char *text = malloc(sizeof source + 256);
    snprintf(text, sizeof source + 256, "#define RANK \"%d\"\n#define XYZ \"%s\"\n#define FAULT %d\n%s", rank,
             coordinates[rank - 1], fault, source);
    if (rank == 1 || strcmp(name, "halves") != 0) { /* its text has two coordinates */
        char *end = strstr(text, "extern \"C\" __global__ void __cluster_dims__");
        *end = '\0';
    }
    void *kernel = emulated_kernel(text, "compute_90", name);
    free(text);
    return kernel;
}

struct tensor { /* of 16-bit elements, packed but for the stride of dimension 1 */
    int rank;
    uint64_t dims[5], strides[4];
    uint32_t box[5], steps[5];
    int swizzle;
};

static int encode(const struct tensor *tensor, int type, uint64_t address, struct map *map)
{
    return cuTensorMapEncodeTiled(map, type, (uint32_t)tensor->rank, (void *)(uintptr_t)address, tensor->dims,
                                  tensor->strides, tensor->box, tensor->steps, 0, tensor->swizzle, 0, 0);
}

/* The box's element e as the tensor has it: its index in elements from the tensor's start, or -1 outside. */
static long element_index(const struct tensor *tensor, const int *at, long e)
{
    long index = 0;
    for (int d = 0; d < tensor->rank; d++) {
        long moved = (tensor->box[d] + tensor->steps[d] - 1) / tensor->steps[d];
        long x = at[d] + e % moved * (long)tensor->steps[d];
        e /= moved;
        if (x < 0 || x >= (long)tensor->dims[d]) return -1;
        index += x * (long)(d == 0 ? 1 : tensor->strides[d - 1] / 2);
    }
    return index;
}

/* Where byte b of the packed box is: the 16-byte pieces of each line of 128 bytes are exchanged by the line's number. */
static long place(int swizzle, long b)
{
    const long pieces[] = { 1, 2, 4, 8 };
    long line = b / 128, piece = b / 16 % 8, group = piece / pieces[swizzle];
    long exchanged = (piece % pieces[swizzle]) ^ (line % pieces[swizzle]);
    return 128 * line + 16 * (group * pieces[swizzle] + exchanged) + b % 16;
}

static long box_elements(const struct tensor *tensor)
{
    long count = 1;
    for (int d = 0; d < tensor->rank; d++)
        count *= (tensor->box[d] + tensor->steps[d] - 1) / tensor->steps[d];
    return count;
}

static const struct {
    struct tensor tensor;
    int at[5];
} cases[] = {
    { { 1, { 200 }, { 0 }, { 64 }, { 1 }, 0 }, { 8 } },
    { { 1, { 200 }, { 0 }, { 256 }, { 1 }, 0 }, { -56 } },
    { { 2, { 100, 30 }, { 208 }, { 64, 16 }, { 1, 1 }, 3 }, { 0, 0 } },
    { { 2, { 100, 30 }, { 208 }, { 64, 16 }, { 1, 1 }, 3 }, { 64, 20 } },
    { { 2, { 100, 30 }, { 208 }, { 32, 24 }, { 1, 1 }, 2 }, { -3, -5 } },
    { { 2, { 100, 30 }, { 208 }, { 16, 40 }, { 1, 1 }, 1 }, { 90, 1 } },
    { { 2, { 100, 30 }, { 208 }, { 64, 16 }, { 1, 1 }, 3 }, { 128, 64 } }, /* all outside */
    { { 2, { 100, 30 }, { 208 }, { 64, 16 }, { 1, 3 }, 3 }, { 0, 1 } },    /* every third row */
    { { 3, { 24, 10, 5 }, { 48, 512 }, { 8, 4, 3 }, { 1, 1, 1 }, 0 }, { 20, 7, 3 } },
    { { 3, { 64, 9, 4 }, { 128, 1152 }, { 64, 4, 2 }, { 1, 1, 1 }, 3 }, { 0, 6, 1 } },
    { { 4, { 16, 6, 5, 4 }, { 32, 192, 960 }, { 8, 3, 2, 2 }, { 1, 1, 2, 1 }, 0 }, { 4, -1, 2, 1 } },
    { { 5, { 8, 5, 4, 3, 3 }, { 16, 80, 320, 960 }, { 8, 3, 2, 2, 2 }, { 1, 1, 1, 1, 1 }, 0 }, { 0, 3, -1, 1, 2 } },
};
enum { TENSOR_ELEMENTS = 4096, IMAGE_BYTES = 8192 };

static void loads_put_every_element_in_its_place(void **state)
{
    (void)state;
    static uint16_t x[TENSOR_ELEMENTS], y[IMAGE_BYTES / 2];
    for (int i = 0; i < TENSOR_ELEMENTS; i++)
        x[i] = (uint16_t)(i + 1);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct tensor *tensor = &cases[c].tensor;
        emulated_open("h100", 1);
        void *kernel = kernel_named("image", tensor->rank, 0);
        uint64_t from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
        struct map map;
        assert_int_equal(encode(tensor, U16, from, &map), 0);
        int bytes = (int)(2 * box_elements(tensor)), at[5];
        memcpy(at, cases[c].at, sizeof at);
        void *params[] = { &map, &to, &bytes, &at[0], &at[1], &at[2], &at[3], &at[4] };
        emulated_launch(kernel, 1, 1, 32, (unsigned)bytes, params);
        assert_int_equal(cuMemcpyDtoH_v2(y, to, sizeof y), 0);
        for (long e = 0; e < bytes / 2; e++) {
            long index = element_index(tensor, at, e);
            uint16_t expected = index < 0 ? 0 : x[index], is = y[place(tensor->swizzle, 2 * e) / 2];
            if (is != expected) fail_msg("case %zu, element %ld: %u instead of %u", c, e, is, expected);
        }
    }
}

static void stores_clip_and_undo_the_swizzle(void **state)
{
    (void)state;
    static uint16_t x[IMAGE_BYTES / 2], y[TENSOR_ELEMENTS], expected[TENSOR_ELEMENTS];
    for (int i = 0; i < IMAGE_BYTES / 2; i++)
        x[i] = (uint16_t)(i + 1);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const struct tensor *tensor = &cases[c].tensor;
        emulated_open("h100", 1);
        void *kernel = kernel_named("back", tensor->rank, 0);
        uint64_t from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
        struct map map;
        assert_int_equal(encode(tensor, U16, to, &map), 0);
        int bytes = (int)(2 * box_elements(tensor)), at[5];
        memcpy(at, cases[c].at, sizeof at);
        void *params[] = { &map, &from, &bytes, &at[0], &at[1], &at[2], &at[3], &at[4] };
        emulated_launch(kernel, 1, 1, 64, (unsigned)bytes, params);
        assert_int_equal(cuMemcpyDtoH_v2(y, to, sizeof y), 0);
        memset(expected, 0, sizeof expected);
        for (long e = 0; e < bytes / 2; e++)
            if (element_index(tensor, at, e) >= 0)
                expected[element_index(tensor, at, e)] = x[place(tensor->swizzle, 2 * e) / 2];
        assert_memory_equal(y, expected, sizeof y);
    }
}

static void plain_copies_and_reductions_work(void **state)
{
    (void)state;
    unsigned x[64], y[64];
    for (unsigned i = 0; i < 64; i++)
        x[i] = 7 * i + 1;
    emulated_open("h100", 1);
    void *kernel = kernel_named("plain", 2, 0);
    uint64_t from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
    int bytes = 240;
    void *params[] = { &from, &to, &bytes };
    emulated_launch(kernel, 1, 1, 32, 1024, params);
    assert_int_equal(cuMemcpyDtoH_v2(y, to, sizeof y), 0);
    for (unsigned i = 4; i < 64; i++)
        assert_int_equal(y[i], i < 60 ? x[i] : 0);
    /* the store and the addition to the same place are in no order */
    for (unsigned i = 0; i < 4; i++)
        assert_true(y[i] == x[i] || y[i] == 2 * x[i]);
}

static const struct tensor plane = { 2, { 64, 16 }, { 128 }, { 64, 8 }, { 1, 1 }, 3 };

static void multicast_reaches_every_block(void **state)
{
    (void)state;
    static uint16_t x[64 * 16], y[2][64 * 16];
    for (int i = 0; i < 64 * 16; i++)
        x[i] = (uint16_t)(i + 1);
    emulated_open("h100", 1);
    void *kernel = kernel_named("halves", 2, 0);
    uint64_t from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
    struct map map;
    assert_int_equal(encode(&plane, BF16, from, &map), 0);
    int bytes = 1024;
    void *params[] = { &map, &to, &bytes };
    emulated_launch(kernel, 2, 1, 32, 2048, params);
    assert_int_equal(cuMemcpyDtoH_v2(y, to, sizeof y), 0);
    for (int b = 0; b < 2; b++)
        for (int e = 0; e < 64 * 16; e++)
            assert_int_equal(y[b][place(3, 2 * e) / 2], x[e]);
    emulated_open("h100", 1);
    kernel = kernel_named("halves", 2, 8);
    from = emulated_copy(x, sizeof x), to = emulated_zeros(sizeof y);
    assert_int_equal(encode(&plane, BF16, from, &map), 0);
    assert_int_equal(cuLaunchKernel(kernel, 2, 1, 1, 32, 1, 1, 2048, NULL, params, NULL), 0);
    assert_int_equal(cuCtxSynchronize(), 719); /* the other block's mbarrier may not be there yet */
}

static void faulty(const char *name, int rank, int fault, int code, const char *const *words)
{
    emulated_open("h100", 1);
    void *kernel = kernel_named(name, rank, fault);
    uint64_t tensor = emulated_zeros(2048), other = emulated_zeros(2048);
    struct map map;
    assert_int_equal(encode(&plane, BF16, tensor, &map), 0);
    int bytes = 1024, at = 0;
    void *params[] = { &map, &other, &bytes, &at, &at, &at, &at, &at };
    unsigned threads = strcmp(name, "image") == 0 ? 32 : 64;
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, threads, 1, 1, 2048, NULL, params, NULL), 0);
    if (cuCtxSynchronize() != code)
        fail_msg("fault %d: %d instead of %d: %s", fault, cuCtxSynchronize(), code, hpckemu_report());
    for (; *words != NULL; words++)
        if (strstr(hpckemu_report(), *words) == NULL) fail_msg("no '%s' in: %s", *words, hpckemu_report());
}

static void wrong_kernels_are_found(void **state)
{
    (void)state;
    faulty("image", 2, 1, 719, REPORTS("uninitialised shared memory", "kernel image", "ld.shared"));
    faulty("image", 2, 2, 702, REPORTS("deadlock", "phase parity 0", "16 transaction bytes outstanding"));
    faulty("image", 2, 5, 702, REPORTS("deadlock", "1 of 1 arrivals pending, -1024 transaction bytes"));
    faulty("image", 2, 6, 716, REPORTS("not a multiple of 128", "cp.async.bulk.tensor.2d", "thread (0,0,0)"));
    faulty("image", 3, 0, 719, REPORTS("3 dimensions through a tensor map of 2"));
    faulty("back", 2, 3, 719,
           REPORTS("missing fence.proxy.async", "cp.async.bulk.tensor.2d.global", "kernel back"));
    faulty("back", 2, 4, 719, REPORTS("exits while this copy from its shared memory is under way"));
    faulty("back", 2, 7, 719, REPORTS("shared-memory race", "kernel back"));
}

static void memory_behind_the_tensor_is_checked(void **state)
{
    (void)state;
    emulated_open("h100", 1);
    void *kernel = kernel_named("image", 2, 0);
    uint64_t tensor = emulated_zeros(1500), other = emulated_zeros(2048);
    struct map map;
    assert_int_equal(encode(&plane, BF16, tensor, &map), 0); /* says 2048 bytes */
    int bytes = 1024, zero = 0, row = 8;
    void *params[] = { &map, &other, &bytes, &zero, &row, &zero, &zero, &zero };
    assert_int_equal(cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 2048, NULL, params, NULL), 0);
    assert_int_equal(cuCtxSynchronize(), 700);
    assert_non_null(strstr(hpckemu_report(), "not allocated"));
}

static void refuse(struct tensor tensor, int type, uint64_t address, const char *why)
{
    struct map map;
    assert_int_equal(encode(&tensor, type, address, &map), 1);
    if (strstr(hpckemu_report(), why) == NULL) fail_msg("no '%s' in: %s", why, hpckemu_report());
}

static void maps_have_the_limits_of_the_driver(void **state)
{
    (void)state;
    const uint64_t a = 0x700000001000u;
    struct map map;
    emulated_open("h100", 0);
    struct tensor t = plane;
    assert_int_equal(encode(&t, BF16, a, &map), 0);
    refuse(t, BF16, a + 8, "globalAddress");
    t = plane, t.rank = 6, refuse(t, BF16, a, "tensorRank");
    t = plane, t.rank = 0, refuse(t, BF16, a, "tensorRank");
    t = plane, t.dims[1] = 0, refuse(t, BF16, a, "globalDim[1]");
    t = plane, t.dims[0] = ((uint64_t)1 << 32) + 1, refuse(t, BF16, a, "globalDim[0]");
    t = plane, t.strides[0] = 120, refuse(t, BF16, a, "globalStrides[0]");
    t = plane, t.strides[0] = (uint64_t)1 << 40, refuse(t, BF16, a, "globalStrides[0]");
    t = plane, t.box[1] = 257, refuse(t, BF16, a, "boxDim[1]");
    t = plane, t.box[1] = 0, refuse(t, BF16, a, "boxDim[1]");
    t = plane, t.box[0] = 60, refuse(t, BF16, a, "not a multiple of 16");
    t = plane, t.box[0] = 72, refuse(t, BF16, a, "more than the swizzle's 128");
    t = plane, t.swizzle = 2, refuse(t, BF16, a, "more than the swizzle's 64");
    t = plane, refuse(t, F32, a, "more than the swizzle's 128");
    t = plane, t.steps[1] = 9, refuse(t, BF16, a, "elementStrides[1]");
    t = plane, t.steps[1] = 0, refuse(t, BF16, a, "elementStrides[1]");
    assert_int_equal(cuTensorMapEncodeTiled((char *)&map + 32, BF16, 2, (void *)(uintptr_t)a, plane.dims,
                                            plane.strides, plane.box, plane.steps, 0, 3, 0, 0),
                     1);
    assert_int_equal(cuTensorMapEncodeTiled(&map, U16, 2, (void *)(uintptr_t)a, plane.dims, plane.strides,
                                            plane.box, plane.steps, 0, 3, 0, 1),
                     1); /* NaN is for floats */
    t = plane, t.dims[1] = ((uint64_t)1 << 32) + 1, refuse(t, BF16, a, "globalDim[1]");
    t = plane, t.strides[0] += 8, refuse(t, BF16, a, "globalStrides[0]");
    t = plane, t.box[0] = 0, refuse(t, BF16, a, "boxDim[0]");
    t = plane, t.steps[0] = 9, refuse(t, BF16, a, "elementStrides[0]");
    t = plane, t.swizzle = 1, refuse(t, BF16, a, "more than the swizzle's 32");
    t = plane, t.swizzle = 7, refuse(t, BF16, a, "swizzle 7");
    refuse(plane, -1, a, "tensorDataType");
    refuse(plane, 16, a, "tensorDataType");
    /* interleave, l2Promotion and oobFill: 1 is refused as wrong, 801 as right for a driver but not emulated */
    static const int modes[][4] = { { 3, 0, 0, 1 }, { -1, 0, 0, 1 }, { 0, 4, 0, 1 },   { 0, 0, 2, 1 },
                                    { 0, 0, 1, 0 }, { 0, 3, 0, 0 },  { 1, 0, 0, 801 }, { 2, 0, 0, 801 } };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        assert_int_equal(cuTensorMapEncodeTiled(&map, BF16, 2, (void *)(uintptr_t)a, plane.dims, plane.strides,
                                                plane.box, plane.steps, modes[i][0], 3, modes[i][1], modes[i][2]),
                         modes[i][3]);
    const uint64_t *const no_dims[] = { NULL, plane.dims, plane.dims, plane.dims };
    const uint64_t *const no_strides[] = { plane.strides, NULL, plane.strides, plane.strides };
    const uint32_t *const no_box[] = { plane.box, plane.box, NULL, plane.box }, *const no_steps[] = {
        plane.steps, plane.steps, plane.steps, NULL
    };
    for (int i = 0; i < 4; i++)
        assert_int_equal(cuTensorMapEncodeTiled(&map, BF16, 2, (void *)(uintptr_t)a, no_dims[i], no_strides[i],
                                                no_box[i], no_steps[i], 0, 3, 0, 0),
                         1);
    emulated_open("a100", 0);
    assert_int_equal(encode(&plane, BF16, a, &map), 801);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_put_every_element_in_its_place),
        cmocka_unit_test(stores_clip_and_undo_the_swizzle),
        cmocka_unit_test(plain_copies_and_reductions_work),
        cmocka_unit_test(multicast_reaches_every_block),
        cmocka_unit_test(wrong_kernels_are_found),
        cmocka_unit_test(memory_behind_the_tensor_is_checked),
        cmocka_unit_test(maps_have_the_limits_of_the_driver),
    };
    if (!emulated_has_nvrtc()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
