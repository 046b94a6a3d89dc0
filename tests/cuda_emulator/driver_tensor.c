/* cuTensorMapEncodeTiled (CUDA Driver API 13.0, section 6.28), with the limits that it documents. What is broken is in the report. */
#include <inttypes.h>
#include <string.h>

#include "driver.h"
#include "tensor_map.h"

static const struct {
    uint8_t bytes;
    bool is_float;
} types[TENSOR_TYPES] = {
    [TENSOR_U8] = { 1, false },      [TENSOR_U16] = { 2, false },    [TENSOR_U32] = { 4, false },
    [TENSOR_S32] = { 4, false },     [TENSOR_U64] = { 8, false },    [TENSOR_S64] = { 8, false },
    [TENSOR_F16] = { 2, true },      [TENSOR_F32] = { 4, true },     [TENSOR_F64] = { 8, true },
    [TENSOR_BF16] = { 2, true },     [TENSOR_F32_FTZ] = { 4, true }, [TENSOR_TF32] = { 4, true },
    [TENSOR_TF32_FTZ] = { 4, true },
};
enum { SWIZZLE_NONE, SWIZZLE_32B, SWIZZLE_64B, SWIZZLE_128B, SWIZZLES_OF_SM_90 };

struct tiled { /* the arguments */
    int type;
    uint32_t rank;
    uint64_t address;
    const uint64_t *dims, *strides;
    const uint32_t *box, *steps;
    int interleave, swizzle, promotion, fill;
};

#define REFUSE(...) return driver_report(driver, "cuTensorMapEncodeTiled: " __VA_ARGS__), CUDA_ERROR_INVALID_VALUE

static int check_dimension(struct driver *driver, const struct tiled *tiled, uint32_t d)
{
    if (tiled->dims[d] == 0 || tiled->dims[d] > (uint64_t)1 << 32)
        REFUSE("globalDim[%u] is %" PRIu64 ", 1 to 2^32 are allowed", d, tiled->dims[d]);
    if (tiled->box[d] == 0 || tiled->box[d] > 256)
        REFUSE("boxDim[%u] is %u, 1 to 256 are allowed", d, tiled->box[d]);
    if (tiled->steps[d] == 0 || tiled->steps[d] > 8)
        REFUSE("elementStrides[%u] is %u, 1 to 8 are allowed", d, tiled->steps[d]);
    if (d == 0) return CUDA_SUCCESS;
    uint64_t stride = tiled->strides[d - 1];
    if (stride % 16 != 0 || stride >= (uint64_t)1 << 40)
        REFUSE("globalStrides[%u] is %" PRIu64 " bytes, not a multiple of 16 below 2^40", d - 1, stride);
    return CUDA_SUCCESS;
}

static int check(struct driver *driver, const struct tiled *tiled)
{
    static const uint32_t spans[] = { 0, 32, 64, 128 };
    if (driver->device->sm < 90) {
        driver_report(driver, "cuTensorMapEncodeTiled: needs compute capability 9.0");
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (tiled->rank == 0 || tiled->rank > TENSOR_RANK_MAX)
        REFUSE("tensorRank is %u, 1 to %d are allowed", tiled->rank, TENSOR_RANK_MAX);
    if (tiled->type < 0 || tiled->type > TENSOR_TYPES + 2) REFUSE("tensorDataType %d", tiled->type);
    if (tiled->interleave < 0 || tiled->interleave > 2) REFUSE("interleave %d", tiled->interleave);
    if (tiled->swizzle < 0 || tiled->swizzle > 6) REFUSE("swizzle %d", tiled->swizzle);
    if (tiled->promotion < 0 || tiled->promotion > 3) REFUSE("l2Promotion %d", tiled->promotion);
    if (tiled->fill < 0 || tiled->fill > 1) REFUSE("oobFill %d", tiled->fill);
    if (tiled->type >= TENSOR_TYPES || tiled->interleave != 0 || tiled->swizzle >= SWIZZLES_OF_SM_90) {
        driver_report(driver,
                      "cuTensorMapEncodeTiled: packed types, interleaving and the swizzles of sm_100 are not "
                      "emulated");
        return CUDA_ERROR_NOT_SUPPORTED;
    }
    if (tiled->address % 16 != 0) REFUSE("globalAddress 0x%" PRIx64 " is not a multiple of 16", tiled->address);
    if (tiled->fill != 0 && !types[tiled->type].is_float) REFUSE("oobFill of NaN for a type that is no float");
    if (tiled->rank > 1 && tiled->strides == NULL) REFUSE("globalStrides is NULL");
    for (uint32_t d = 0; d < tiled->rank; d++) {
        int result = check_dimension(driver, tiled, d);
        if (result != CUDA_SUCCESS) return result;
    }
    uint32_t inner = tiled->box[0] * types[tiled->type].bytes;
    if (inner % 16 != 0) REFUSE("boxDim[0] is %u bytes, not a multiple of 16", inner);
    if (tiled->swizzle != SWIZZLE_NONE && inner > spans[tiled->swizzle])
        REFUSE("boxDim[0] is %u bytes, more than the swizzle's %u", inner, spans[tiled->swizzle]);
    return CUDA_SUCCESS;
}

API cuTensorMapEncodeTiled(void *out, int type, uint32_t rank, void *address, const uint64_t *dims,
                           const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                           int swizzle, int promotion, int fill)
{
    static const uint8_t masks[] = { 0, 1, 3, 7 };
    const struct tiled tiled = {
        type, rank, (uint64_t)(uintptr_t)address, dims, strides, box, steps, interleave, swizzle, promotion, fill
    };
    struct driver *driver;
    int result = driver_enter(&driver, NEED_INIT);
    if (result != CUDA_SUCCESS) return driver_leave(result);
    if (out == NULL || dims == NULL || box == NULL || steps == NULL || (uintptr_t)out % TENSOR_MAP_ALIGN != 0) {
        driver_report(driver, "cuTensorMapEncodeTiled: tensorMap has to be a multiple of %d, no array may be NULL",
                      TENSOR_MAP_ALIGN);
        return driver_leave(CUDA_ERROR_INVALID_VALUE);
    }
    result = check(driver, &tiled);
    if (result != CUDA_SUCCESS) return driver_leave(result);
    struct tensor_map map = { .mark = TENSOR_MAP_MARK,
                              .address = tiled.address,
                              .type = (uint8_t)type,
                              .rank = (uint8_t)rank,
                              .element_bytes = types[type].bytes,
                              .swizzle_mask = masks[swizzle],
                              .fill_nan = fill == 1 };
    for (uint32_t d = 0; d < TENSOR_RANK_MAX; d++) {
        bool is_there = d < rank;
        map.stride[d] = d == 0 ? map.element_bytes : is_there ? strides[d - 1] : 0;
        map.last[d] = is_there ? (uint32_t)(dims[d] - 1) : 0;
        map.box[d] = is_there ? (uint16_t)box[d] : 1;
        map.step[d] = is_there && d != 0 ? (uint8_t)steps[d] : 1; /* of dimension 0 it is ignored */
    }
    memset(out, 0, TENSOR_MAP_BYTES);
    memcpy(out, &map, sizeof map);
    return driver_leave(CUDA_SUCCESS);
}
