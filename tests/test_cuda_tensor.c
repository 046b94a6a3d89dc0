/* Tensor maps: what the driver is asked for, what is refused before it is asked, and that calls with the same operands do not ask
 * again. */
#include "recorded.h"

#include <string.h>

/* ---- what is refused --------------------------------------------------------------------------------------- */

static cuda_result accept(struct cuda_tensor_map *map, int type, uint32_t rank, void *address,
                          const uint64_t *sizes, const uint64_t *strides, const uint32_t *box,
                          const uint32_t *element_strides, int interleave, int swizzle, int l2_promotion, int fill)
{
    (void)type, (void)rank, (void)address, (void)sizes, (void)strides, (void)box, (void)element_strides;
    (void)interleave, (void)swizzle, (void)l2_promotion, (void)fill;
    memset(map, 0, sizeof *map);
    return CUDA_OK;
}

/* 100 x 72 x 3 elements of f16, boxes of 64 x 32. */
static struct tensor good(void)
{
    return (struct tensor){ .memory = (void *)0x10000,
                            .first = 8,
                            .dtype = HPCK_F16,
                            .rank = 3,
                            .distance = { 1, 104, 7488 },
                            .shape = { .size = { 100, 72, 3 }, .box = { 64, 32, 1 }, .swizzle_bytes = 128 } };
}

static void expect_refusal(const struct tensor *tensor, const char *message)
{
    struct backend_device device = { .cu.tensor_encode = accept };
    struct cuda_tensor_slot slot = { 0 };
    struct error err = { 0 };
    assert_int_equal(cuda_tensor_encode(&device, tensor, &slot, &err), HPCK_UNSUPPORTED);
    assert_string_equal(error_text(&err), message);
    assert_false(slot.is_set);
    error_free(&err);
}

static void what_the_driver_would_refuse_is_named(void **state)
{
    (void)state;
    struct tensor t = good();
    t.first = 7;
    expect_refusal(&t, "cuda: tensor map: it begins at address 0x1000e, which is no multiple of 16");
    t = good();
    t.distance[1] = 101;
    expect_refusal(
        &t, "cuda: tensor map: a distance of 101 elements in dimension 1 is no multiple of 16 bytes below 2^40");
    t.distance[1] = (int64_t)1 << 39;
    expect_refusal(
        &t, "cuda: tensor map: a distance of 549755813888 elements in dimension 1 is no multiple of 16 bytes "
            "below 2^40");
    t.distance[1] = INT64_MAX;
    expect_refusal(
        &t, "cuda: tensor map: a distance of 9223372036854775807 elements in dimension 1 is no multiple of 16 "
            "bytes below 2^40");
    t = good();
    t.shape.size[1] = 0;
    expect_refusal(&t, "cuda: tensor map: size 0 of dimension 1 is not between 1 and 2^32");
    t.shape.size[1] = ((int64_t)1 << 32) + 1;
    expect_refusal(&t, "cuda: tensor map: size 4294967297 of dimension 1 is not between 1 and 2^32");
    t = good();
    t.shape.box[1] = 257;
    expect_refusal(&t, "cuda: tensor map: side 257 of the box in dimension 1 is not between 1 and 256");
    t = good();
    t.shape.box[0] = 72;
    expect_refusal(
        &t, "cuda: tensor map: a row of the box has 144 bytes, which must be a multiple of 16 and no more than the "
            "swizzle of 128");
    t.shape.box[0] = 12;
    expect_refusal(
        &t, "cuda: tensor map: a row of the box has 24 bytes, which must be a multiple of 16 and no more than the "
            "swizzle of 128");
    t = good();
    t.shape.swizzle_bytes = 96;
    expect_refusal(&t, "cuda: tensor map: swizzle = 96 bytes; valid is 0, 32, 64 or 128");
}

static void a_driver_without_tensor_maps_is_named(void **state)
{
    (void)state;
    struct backend_device device = { 0 };
    struct cuda_tensor_slot slot = { 0 };
    struct error err = { 0 };
    struct tensor t = good();
    assert_int_equal(cuda_tensor_encode(&device, &t, &slot, &err), HPCK_UNSUPPORTED);
    assert_non_null(strstr(error_text(&err), "no cuTensorMapEncodeTiled"));
    error_free(&err);
}

/* ---- what is asked for -------------------------------------------------------------------------------------- */

static hpck_handle *hopper(void)
{
    recorded_driver->sm = 90;
    recorded_driver->local_bytes = 232448;
    return recorded_handle();
}

enum { M = 2000, N = 2040, K = 1992, LDA = 2000, LDB = 2048, BATCH = 2 };

/* Two products of which A is the same, large enough for tensor cores fed by TMA, all in one allocation: A at 0, B at 16 MiB, C at
 * 48 MiB. */
static struct product product_of(hpck_handle *handle)
{
    struct product p = { .handle = handle, .desc = HPCK_GEMM_DESC_INIT };
    p.desc.dtype = p.desc.dtype_c = HPCK_BF16;
    p.desc.m = M;
    p.desc.n = N;
    p.desc.k = K;
    p.desc.lda = LDA;
    p.desc.ldb = LDB;
    p.desc.batch = BATCH;
    p.desc.stride_a = 0;
    p.desc.stride_b = (int64_t)K * LDB;
    p.desc.stride_c = (int64_t)M * N;
    assert_int_equal(hpck_malloc(handle, 72 << 20, &p.a.memory), HPCK_OK);
    p.b = (hpck_buffer){ p.a.memory, 8 << 20 };
    p.c = (hpck_buffer){ p.a.memory, 24 << 20 };
    return p;
}

static void free_product(struct product *p)
{
    hpck_free(p->handle, p->a.memory);
    hpck_destroy(p->handle);
}

static bool uses(const struct product *p, const char *family)
{
    hpck_plan *plan = NULL;
    assert_int_equal(hpck_gemm_plan(p->handle, &p->desc, &plan), HPCK_OK);
    return strstr(hpck_plan_describe(plan), family) != NULL;
}

static void maps_describe_the_operands(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct product p = product_of(hopper());
    if (!uses(&p, "gemm_wgmma")) fail_msg("another family was chosen");
    p.a.offset = 8;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 2);
    const struct recorded_tensor *a = &recorded_driver->tensor[0], *b = &recorded_driver->tensor[1];
    assert_int_equal(a->type, CUDA_TENSOR_BF16);
    assert_int_equal(a->swizzle, CUDA_TENSOR_SWIZZLE_128B);
    assert_int_equal(a->rank, 3);
    assert_ptr_equal(a->address, (char *)p.a.memory + 16);
    assert_int_equal(a->size[0], K);
    assert_int_equal(a->size[1], M);
    assert_int_equal(a->size[2], 1); /* the same A for all entries */
    assert_int_equal(a->stride[1], LDA * 2);
    assert_int_equal(a->box[0], 64);
    assert_ptr_equal(b->address, (char *)p.a.memory + (16 << 20));
    assert_int_equal(b->size[0], N); /* B lies k x n */
    assert_int_equal(b->size[1], K);
    assert_int_equal(b->size[2], BATCH);
    assert_int_equal(b->stride[1], LDB * 2);
    assert_int_equal(b->stride[2], K * LDB * 2);
    free_product(&p);
}

static void only_operands_that_moved_are_described_again(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct product p = product_of(hopper());
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 2);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 2);
    p.b.offset += 64;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 3);
    p.desc.lda = LDA + 8;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 4);
    recorded_driver->param_count = 6; /* m, n, k, alpha, the maps of A */
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 4);
    assert_int_equal(recorded_driver->param[4], 4); /* the map made last */
    free_product(&p);
}

static void operands_that_tma_cannot_read_get_another_family(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct product p = product_of(hopper());
    p.b.offset += 4; /* 8 bytes */
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    p.b.offset -= 4;
    p.desc.lda = LDA + 1;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 0);
    assert_false(uses(&p, "gemm_wgmma"));
    free_product(&p);
}

static void a_refusal_of_the_driver_is_an_error_of_the_call(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    struct product p = product_of(hopper());
    recorded_fail_from("cuTensorMapEncodeTiled", 0, CUDA_INVALID_VALUE);
    recorded_assert_fails(p.handle, recorded_run(&p, NULL), HPCK_LAUNCH_FAILED, "cuTensorMapEncodeTiled");
    recorded_driver->failing = NULL;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    assert_int_equal(recorded_driver->tensor_count, 2);
    free_product(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_driver_would_refuse_is_named),
        cmocka_unit_test(a_driver_without_tensor_maps_is_named),
        RECORDED_TEST(maps_describe_the_operands),
        RECORDED_TEST(only_operands_that_moved_are_described_again),
        RECORDED_TEST(operands_that_tma_cannot_read_get_another_family),
        RECORDED_TEST(a_refusal_of_the_driver_is_an_error_of_the_call),
    };
    return recorded_run_tests("cuda_tensor", tests, sizeof tests / sizeof tests[0]);
}
