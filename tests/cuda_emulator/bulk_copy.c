/* What bulk copies do when they happen. Of a tensor's box, rows of the innermost dimension lie one after the other in shared memory, 16
 * bytes at a time, whose places the swizzle exchanges: bits 4 to 6 of the address are xored with bits 7 to 9 as far as the mode
 * goes (PTX ISA 5.5.5, figures of the swizzle modes). Elements outside of the tensor are zero, or NaN, and are not stored. */
#include "bulk.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "mbarrier.h"
#include "undefined.h"

enum { CHUNK = 16 };

static uint32_t swizzle(const struct tensor_map *map, uint32_t address)
{
    return address ^ ((address >> 7 & map->swizzle_mask) << 4);
}

/* Up to 16 bytes of one row: of them [first, first + count) elements are in the tensor, from that global address. */
struct chunk {
    uint32_t shared, first, count;
    uint64_t global;
};
typedef void chunk_function(struct bulk *bulk, const struct chunk *chunk, void *context);

/* Calls the function for each chunk of the box. */
static void walk(struct bulk *bulk, chunk_function *function, void *context)
{
    const struct tensor_map *map = &bulk->map;
    uint32_t moved[TENSOR_RANK_MAX], rows = 1, per_chunk = CHUNK / map->element_bytes;
    for (uint32_t d = 0; d < TENSOR_RANK_MAX; d++) {
        moved[d] = d < map->rank ? tensor_map_moved(map, d) : 1;
        if (d != 0) rows *= moved[d];
    }
    uint32_t row_bytes = moved[0] * map->element_bytes;
    for (uint32_t row = 0; row < rows; row++) {
        uint64_t base = map->address;
        bool inside = true;
        for (uint32_t d = 1, rest = row; d < map->rank; rest /= moved[d], d++) {
            int64_t at = (int64_t)bulk->coordinates[d] + (int64_t)(rest % moved[d]) * map->step[d];
            inside = inside && at >= 0 && at <= (int64_t)map->last[d];
            base += (uint64_t)at * map->stride[d];
        }
        for (uint32_t done = 0; done < row_bytes; done += CHUNK) {
            struct chunk chunk = { .shared = swizzle(map, bulk->shared + row * row_bytes + done) };
            int64_t x = (int64_t)bulk->coordinates[0] + done / map->element_bytes;
            int64_t low = x < 0 ? -x : 0, high = (int64_t)map->last[0] + 1 - x;
            if (high > per_chunk) high = per_chunk;
            if (inside && low < high) {
                chunk.first = (uint32_t)low;
                chunk.count = (uint32_t)(high - low);
                chunk.global = base + (uint64_t)(x + low) * map->element_bytes;
            }
            function(bulk, &chunk, context);
        }
    }
}

static uint8_t *global_bytes(struct bulk *bulk, uint64_t address, uint32_t bytes, enum access access)
{
    uint8_t *host = memory_host(bulk->warp->launch->memory, address, bytes);
    if (host == NULL)
        launch_fault(bulk->warp, bulk->lane, 700,
                     "a bulk copy of the %u bytes at 0x%" PRIx64 ", which are not allocated", bytes, address);
    if (access == ACCESS_WRITE) memory_define(bulk->warp->launch->memory, address, bytes);
    return host;
}

/* What was copied is as defined as what it was copied from. */
static void copy_defined(const struct bulk *bulk, const uint8_t *to, const uint8_t *from, uint32_t bytes)
{
    if (bulk->warp->undefined != NULL)
        memcpy(undefined_memory(bulk->warp, to), undefined_memory(bulk->warp, from), bytes);
}

static void check_bounds(struct bulk *bulk, uint32_t address)
{
    if (address < SHARED_BASE || address > bulk->warp->shared_end || bulk->bytes > bulk->warp->shared_end - address)
        launch_fault(bulk->warp, bulk->lane, 700,
                     "out-of-bounds shared memory of a bulk copy: %u bytes at 0x%x, the block has 0x%x to 0x%x",
                     bulk->bytes, address, SHARED_BASE, bulk->warp->shared_end);
}

static void load_chunk(struct bulk *bulk, const struct chunk *chunk, void *context)
{
    struct block *to = context;
    const struct tensor_map *map = &bulk->map;
    uint8_t bytes[CHUNK] = { 0 };
    const uint32_t first = chunk->first * map->element_bytes;
    const uint8_t *from = NULL;
    if (map->fill_nan && chunk->count * map->element_bytes != CHUNK) memset(bytes, 0xff, sizeof bytes);
    if (chunk->count != 0) {
        uint32_t size = chunk->count * map->element_bytes;
        from = global_bytes(bulk, chunk->global, size, ACCESS_READ);
        memcpy(bytes + first, from, size);
    }
    shadow_async(&bulk->view, to, chunk->shared, CHUNK, ACCESS_WRITE);
    memcpy(to->shared + chunk->shared, bytes, CHUNK);
    if (from != NULL)
        copy_defined(bulk, to->shared + chunk->shared + first, from, chunk->count * map->element_bytes);
}

static void signal_barrier(struct bulk *bulk, struct block *block)
{
    uint32_t rank = (block->rank + 1) << 24;
    struct mbarrier *barrier = mbarrier_at(bulk->warp, bulk->lane, true, rank | bulk->barrier);
    shadow_signal(&bulk->view, &barrier->arrived);
    mbarrier_transact(bulk->warp, bulk->lane, barrier, -(int64_t)bulk->bytes);
}

void bulk_load(struct bulk *bulk)
{
    const struct cluster *cluster = bulk->warp->block->cluster;
    shadow_perform(&bulk->view);
    check_bounds(bulk, bulk->shared);
    for (uint32_t r = 0; r < cluster->count; r++) {
        struct block *block = cluster->blocks[r];
        if (!(bulk->destinations >> r & 1)) continue;
        if (bulk->is_tensor) {
            walk(bulk, load_chunk, block);
        } else {
            const uint8_t *from = global_bytes(bulk, bulk->global, bulk->bytes, ACCESS_READ);
            shadow_async(&bulk->view, block, bulk->shared, bulk->bytes, ACCESS_WRITE);
            memcpy(block->shared + bulk->shared, from, bulk->bytes);
            copy_defined(bulk, block->shared + bulk->shared, from, bulk->bytes);
        }
        signal_barrier(bulk, block);
    }
}

void bulk_send(struct bulk *bulk)
{
    struct block *from = bulk->warp->block;
    struct block *to = from->cluster->blocks[__builtin_ctz(bulk->destinations)];
    shadow_perform(&bulk->view);
    check_bounds(bulk, bulk->source);
    check_bounds(bulk, bulk->shared);
    shadow_async(&bulk->view, from, bulk->source, bulk->bytes, ACCESS_READ);
    shadow_async(&bulk->view, to, bulk->shared, bulk->bytes, ACCESS_WRITE);
    memcpy(to->shared + bulk->shared, from->shared + bulk->source, bulk->bytes);
    copy_defined(bulk, to->shared + bulk->shared, from->shared + bulk->source, bulk->bytes);
    signal_barrier(bulk, to);
}

/* Into the buffer, whose second half is the defined bits of the first. */
static void take(const struct bulk *bulk, uint8_t *to, uint32_t address, uint32_t bytes)
{
    const uint8_t *from = bulk->warp->block->shared + address;
    memcpy(to, from, bytes);
    if (bulk->warp->undefined != NULL) memcpy(to + bulk->bytes, undefined_memory(bulk->warp, from), bytes);
}

static void read_chunk(struct bulk *bulk, const struct chunk *chunk, void *context)
{
    uint8_t **to = context;
    shadow_async(&bulk->view, bulk->warp->block, chunk->shared, CHUNK, ACCESS_READ);
    take(bulk, *to, chunk->shared, CHUNK);
    *to += CHUNK;
}

void bulk_read(struct bulk *bulk)
{
    shadow_perform(&bulk->view);
    check_bounds(bulk, bulk->shared);
    bulk->buffer = malloc((size_t)2 * bulk->bytes);
    if (bulk->buffer == NULL) launch_fault(bulk->warp, bulk->lane, 2, "out of host memory");
    uint8_t *to = bulk->buffer;
    if (bulk->is_tensor) {
        walk(bulk, read_chunk, &to);
        return;
    }
    shadow_async(&bulk->view, bulk->warp->block, bulk->shared, bulk->bytes, ACCESS_READ);
    take(bulk, to, bulk->shared, bulk->bytes);
}

static double as_number(char type, uint32_t bytes, const uint8_t *from)
{
    uint64_t bits = 0;
    memcpy(&bits, from, bytes);
    if (type == 'h') return (double)bfloat_to_float((uint16_t)bits);
    if (type == 'f')
        return bytes == 2   ? (double)half_to_float((uint16_t)bits)
               : bytes == 4 ? (double)as_float((uint32_t)bits)
                            : as_double(bits);
    return 0;
}

static uint64_t as_bits(char type, uint32_t bytes, double value)
{
    if (type == 'h') return float_to_bfloat((float)value, ROUND_NEAREST);
    if (bytes == 2) return float_to_half((float)value, ROUND_NEAREST);
    return bytes == 4 ? float_bits((float)value) : double_bits(value);
}

static uint64_t reduce_integers(enum bulk_reduction reduction, bool is_signed, uint64_t old, uint64_t value)
{
    bool less = is_signed ? (int64_t)value < (int64_t)old : value < old;
    switch (reduction) {
    case BULK_ADD:
        return old + value;
    case BULK_MIN:
        return less ? value : old;
    case BULK_MAX:
        return less ? old : value;
    case BULK_INC:
        return old >= value ? 0 : old + 1;
    case BULK_DEC:
        return old == 0 || old > value ? value : old - 1;
    case BULK_AND:
        return old & value;
    case BULK_OR:
        return old | value;
    default:
        return old ^ value;
    }
}

static void reduce_element(const struct bulk *bulk, uint8_t *to, const uint8_t *from)
{
    const uint32_t bytes = bulk->type_bytes, shift = 64 - 8 * bytes;
    uint64_t old = 0, value = 0;
    memcpy(&old, to, bytes);
    memcpy(&value, from, bytes);
    if (bulk->type == 'f' || bulk->type == 'h') {
        double x = as_number(bulk->type, bytes, to), y = as_number(bulk->type, bytes, from);
        double result = bulk->reduction == BULK_ADD ? x + y : bulk->reduction == BULK_MIN ? fmin(x, y) : fmax(x, y);
        old = as_bits(bulk->type, bytes, result);
    } else {
        if (bulk->type == 's') {
            old = (uint64_t)((int64_t)(old << shift) >> shift);
            value = (uint64_t)((int64_t)(value << shift) >> shift);
        }
        old = reduce_integers(bulk->reduction, bulk->type == 's', old, value);
    }
    memcpy(to, &old, bytes);
}

/* No element of what is stored may be undefined as a whole, and of what is reduced by part. */
static void check_defined(const struct bulk *bulk, uint64_t address, const uint8_t *from, uint32_t bytes)
{
    bool is_plain = bulk->reduction == BULK_PLAIN;
    const uint32_t size = bulk->is_tensor ? bulk->map.element_bytes : is_plain ? 4 : bulk->type_bytes;
    const uint64_t whole = size == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * size) - 1;
    for (uint32_t at = 0; at < bytes; at += size) {
        uint64_t bits = undefined_bits(from + bulk->bytes + at, size) & whole;
        if (bits == whole || (bits != 0 && !is_plain))
            launch_fault(bulk->warp, bulk->lane, 719,
                         "a bulk copy stores uninitialised shared memory to global memory at 0x%" PRIx64,
                         address + at);
    }
}

static void store_bytes(struct bulk *bulk, uint64_t address, const uint8_t *from, uint32_t bytes)
{
    bool is_plain = bulk->reduction == BULK_PLAIN;
    if (bulk->warp->undefined != NULL) check_defined(bulk, address, from, bytes);
    uint8_t *to = global_bytes(bulk, address, bytes, is_plain ? ACCESS_WRITE : ACCESS_ATOMIC);
    if (is_plain)
        memcpy(to, from, bytes);
    else
        for (uint32_t at = 0; at < bytes; at += bulk->type_bytes)
            reduce_element(bulk, to + at, from + at);
}

static void write_chunk(struct bulk *bulk, const struct chunk *chunk, void *context)
{
    const uint8_t **from = context;
    uint32_t element = bulk->map.element_bytes;
    if (chunk->count != 0) store_bytes(bulk, chunk->global, *from + chunk->first * element, chunk->count * element);
    *from += CHUNK;
}

void bulk_write(struct bulk *bulk)
{
    const uint8_t *from = bulk->buffer;
    if (bulk->is_tensor)
        walk(bulk, write_chunk, &from);
    else
        store_bytes(bulk, bulk->global, from, bulk->bytes);
}
