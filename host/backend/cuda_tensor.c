/* Tensor maps: what the TMA unit of sm_90 and later needs to know of an operand, 128 bytes that only the driver can write. They
 * are kernel arguments, made again when an operand has moved or changed its shape. */
#include "cuda_objects.h"

#include <inttypes.h>
#include <string.h>

/* The driver's own limits, which it reports without saying which of them was broken. */
enum { BOX_MAX = 256, UNIT = 16 };
#define SIZE_LIMIT   ((int64_t)1 << 32)
#define STRIDE_LIMIT ((int64_t)1 << 40)

struct encoding {
    int type, swizzle;
    uint64_t address;
    uint64_t size[TENSOR_RANK_MAX];
    uint64_t stride[TENSOR_RANK_MAX]; /* bytes; that of dimension 0 is not passed */
    uint32_t box[TENSOR_RANK_MAX];
};

static hpck_status choose_type(const struct tensor *tensor, struct encoding *out, struct error *err)
{
    static const int types[] = {
        [HPCK_F32] = CUDA_TENSOR_F32, [HPCK_F16] = CUDA_TENSOR_F16, [HPCK_BF16] = CUDA_TENSOR_BF16
    };
    static const int swizzles[] = { [0] = CUDA_TENSOR_SWIZZLE_NONE,
                                    [1] = CUDA_TENSOR_SWIZZLE_32B,
                                    [2] = CUDA_TENSOR_SWIZZLE_64B,
                                    [4] = CUDA_TENSOR_SWIZZLE_128B };
    hpck_status st = HPCK_OK;
    int64_t swizzle = tensor->shape.swizzle_bytes;
    if (tensor->dtype < 0 || tensor->dtype >= (int64_t)(sizeof types / sizeof types[0]) ||
        types[tensor->dtype] == 0)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuda: tensor map: dtype %" PRId64 " has no type of the TMA unit",
                  tensor->dtype);
    if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuda: tensor map: swizzle = %" PRId64 " bytes; valid is 0, 32, 64 or 128",
                  swizzle);
    out->type = types[tensor->dtype];
    out->swizzle = swizzles[swizzle / 32];
done:
    return st;
}

/* A dimension of one element, or of elements that are all the same, has no distance to speak of. */
static hpck_status choose_dimension(const struct tensor *tensor, int i, struct encoding *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t bytes = (int64_t)dtype_bytes((hpck_dtype)tensor->dtype);
    int64_t size = tensor->distance[i] == 0 ? 1 : tensor->shape.size[i];
    int64_t box = tensor->shape.box[i];
    if (size < 1 || size > SIZE_LIMIT)
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: tensor map: size %" PRId64 " of dimension %d is not between 1 and 2^32", size, i);
    if (box < 1 || box > BOX_MAX)
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: tensor map: side %" PRId64 " of the box in dimension %d is not between 1 and %d", box, i,
                  BOX_MAX);
    out->size[i] = (uint64_t)size;
    out->box[i] = (uint32_t)box;
    if (i > 0 && size == 1) {
        out->stride[i] = (out->size[0] * (uint64_t)bytes + UNIT - 1) / UNIT * UNIT;
    } else if (i > 0) {
        int64_t stride = 0;
        if (tensor->distance[i] < 0 || __builtin_mul_overflow(tensor->distance[i], bytes, &stride) ||
            stride >= STRIDE_LIMIT || stride % UNIT != 0)
            HPCK_FAIL(err, HPCK_UNSUPPORTED,
                      "cuda: tensor map: a distance of %" PRId64
                      " elements in dimension %d is no multiple of %d bytes "
                      "below 2^40",
                      tensor->distance[i], i, UNIT);
        out->stride[i] = (uint64_t)stride;
    }
done:
    return st;
}

static hpck_status choose(const struct tensor *tensor, struct encoding *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t bytes = 0;
    int64_t row = 0;
    *out = (struct encoding){ 0 };
    HPCK_TRY(choose_type(tensor, out, err));
    for (int i = 0; i < tensor->rank; i++)
        HPCK_TRY(choose_dimension(tensor, i, out, err));
    bytes = (int64_t)dtype_bytes((hpck_dtype)tensor->dtype);
    row = tensor->shape.box[0] * bytes;
    if (row % UNIT != 0 || (tensor->shape.swizzle_bytes != 0 && row > tensor->shape.swizzle_bytes))
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: tensor map: a row of the box has %" PRId64
                  " bytes, which must be a multiple of %d and no more "
                  "than the swizzle of %" PRId64,
                  row, UNIT, tensor->shape.swizzle_bytes);
    out->address = cuda_address(tensor->memory) + (uint64_t)(tensor->first * bytes);
    if (out->address % UNIT != 0)
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: tensor map: it begins at address 0x%" PRIx64 ", which is no multiple of %d", out->address,
                  UNIT);
done:
    return st;
}

hpck_status cuda_tensor_encode(struct backend_device *device, const struct tensor *tensor,
                               struct cuda_tensor_slot *slot, struct error *err)
{
    static const uint32_t ones[TENSOR_RANK_MAX] = { 1, 1, 1, 1, 1 };
    hpck_status st = HPCK_OK;
    struct cuda_tensor_map map;
    struct encoding encoding;
    if (slot->is_set && memcmp(&slot->tensor, tensor, sizeof *tensor) == 0) goto done;
    if (device->cu.tensor_encode == NULL)
        HPCK_FAIL(err, HPCK_UNSUPPORTED,
                  "cuda: the driver has no cuTensorMapEncodeTiled; tensor maps need one for CUDA 12 or later");
    HPCK_TRY(choose(tensor, &encoding, err));
    CU_TRY(device, err, HPCK_LAUNCH_FAILED,
           device->cu.tensor_encode(&map, encoding.type, (uint32_t)tensor->rank,
                                    (void *)(uintptr_t)encoding.address, encoding.size, encoding.stride + 1,
                                    encoding.box, ones, CUDA_TENSOR_NO_INTERLEAVE, encoding.swizzle,
                                    CUDA_TENSOR_L2_128B, CUDA_TENSOR_FILL_ZEROS),
           "cuTensorMapEncodeTiled");
    memcpy(slot->map, &map, sizeof map);
    slot->tensor = *tensor;
    slot->is_set = true;
done:
    return st;
}
