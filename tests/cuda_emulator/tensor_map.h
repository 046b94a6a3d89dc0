/* What a CUtensorMap holds here: the tensor and the box that TMA moves (CUDA Driver API, cuTensorMapEncodeTiled). */
#ifndef EMULATOR_TENSOR_MAP_H
#define EMULATOR_TENSOR_MAP_H

#include <stdint.h>

enum { TENSOR_RANK_MAX = 5, TENSOR_MAP_BYTES = 128, TENSOR_MAP_ALIGN = 64 };
#define TENSOR_MAP_MARK 0x70616d726f736e74u

enum tensor_type { /* CUtensorMapDataType */
                   TENSOR_U8,
                   TENSOR_U16,
                   TENSOR_U32,
                   TENSOR_S32,
                   TENSOR_U64,
                   TENSOR_S64,
                   TENSOR_F16,
                   TENSOR_F32,
                   TENSOR_F64,
                   TENSOR_BF16,
                   TENSOR_F32_FTZ,
                   TENSOR_TF32,
                   TENSOR_TF32_FTZ,
                   TENSOR_TYPES
};

struct tensor_map {
    uint64_t mark;
    uint64_t unused; /* CUTLASS clears a bit of this word for small tensors (copy_traits_sm90_tma.hpp) */
    uint64_t address;
    uint64_t stride[TENSOR_RANK_MAX]; /* bytes; [0]: of an element */
    uint32_t last[TENSOR_RANK_MAX];   /* largest coordinate: the size less one */
    uint16_t box[TENSOR_RANK_MAX];    /* elements that it spans */
    uint8_t step[TENSOR_RANK_MAX];    /* every how many of them is moved */
    uint8_t type, rank, element_bytes;
    uint8_t swizzle_mask; /* of address bits 7 and up that are xored to bits 4 and up: 0, 1, 3, 7 */
    uint8_t fill_nan;
};
_Static_assert(sizeof(struct tensor_map) <= TENSOR_MAP_BYTES, "it has to fit into a CUtensorMap");

/* How many elements are moved along a dimension. */
static inline uint32_t tensor_map_moved(const struct tensor_map *map, uint32_t dimension)
{
    return (map->box[dimension] + map->step[dimension] - 1u) / map->step[dimension];
}

static inline uint32_t tensor_map_box_bytes(const struct tensor_map *map)
{
    uint32_t bytes = map->element_bytes;
    for (uint32_t d = 0; d < map->rank; d++)
        bytes *= tensor_map_moved(map, d);
    return bytes;
}

#endif
