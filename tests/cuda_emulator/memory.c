/* Device memory: one reserved range of host memory, first-fit allocation with a red zone behind each block, freed and fresh
 * blocks poisoned. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 256, RED_ZONE = 256 };
static const size_t POISONED_AT_MOST = (size_t)64 << 20; /* larger blocks: their start only */

static uint8_t *reserve(size_t size)
{
    void *range = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? NULL : range;
}

bool memory_open(struct memory *memory, size_t capacity, bool track)
{
    *memory = (struct memory){ .capacity = capacity };
    memory->base = reserve(capacity);
    if (track) memory->defined = reserve(capacity);
    if (memory->base != NULL && (!track || memory->defined != NULL)) return true;
    memory_close(memory);
    return false;
}

void memory_close(struct memory *memory)
{
    if (memory->base != NULL) munmap(memory->base, memory->capacity);
    if (memory->defined != NULL) munmap(memory->defined, memory->capacity);
    free(memory->allocations);
    *memory = (struct memory){ 0 };
}

static void poison(struct memory *memory, const struct allocation *block)
{
    uint64_t at = block->address - GLOBAL_WINDOW;
    memset(memory->base + at, MEMORY_POISON, block->size < POISONED_AT_MOST ? block->size : POISONED_AT_MOST);
    if (memory->defined == NULL) return;
    if (block->size < POISONED_AT_MOST)
        memset(memory->defined + at, 0, block->size);
    else
        madvise(memory->defined + at / 4096 * 4096, block->size, MADV_DONTNEED);
}

uint64_t memory_alloc(struct memory *memory, size_t size)
{
    if (size == 0 || size > memory->capacity - memory->used) return 0;
    if (memory->count == memory->room) {
        uint32_t room = memory->room != 0 ? 2 * memory->room : 64;
        struct allocation *larger = realloc(memory->allocations, room * sizeof *larger);
        if (larger == NULL) return 0;
        memory->allocations = larger;
        memory->room = room;
    }
    uint64_t start = GLOBAL_WINDOW + ALIGN;
    uint32_t at = 0;
    for (; at < memory->count; at++) {
        const struct allocation *next = &memory->allocations[at];
        if (start + size + RED_ZONE <= next->address) break;
        start = (next->address + next->size + RED_ZONE + ALIGN - 1) / ALIGN * ALIGN;
    }
    if (start + size + RED_ZONE > GLOBAL_WINDOW + memory->capacity) return 0;
    memmove(&memory->allocations[at + 1], &memory->allocations[at],
            (memory->count - at) * sizeof *memory->allocations);
    memory->allocations[at] = (struct allocation){ .address = start, .size = size };
    memory->count++;
    memory->used += size;
    poison(memory, &memory->allocations[at]);
    return start;
}

const struct allocation *memory_find(const struct memory *memory, uint64_t address)
{
    uint32_t low = 0, high = memory->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (memory->allocations[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 ? &memory->allocations[low - 1] : NULL;
}

bool memory_free(struct memory *memory, uint64_t address)
{
    const struct allocation *found = memory_find(memory, address);
    if (found == NULL || found->address != address) return false;
    uint32_t at = (uint32_t)(found - memory->allocations);
    poison(memory, found);
    memory->used -= found->size;
    memory->count--;
    memmove(&memory->allocations[at], &memory->allocations[at + 1], (memory->count - at) * sizeof *found);
    return true;
}

uint8_t *memory_host(const struct memory *memory, uint64_t address, size_t size)
{
    const struct allocation *found = memory_find(memory, address);
    if (found == NULL || address - found->address > found->size || size > found->size - (address - found->address))
        return NULL;
    return memory->base + (address - GLOBAL_WINDOW);
}

void memory_define(struct memory *memory, uint64_t address, size_t size)
{
    if (memory->defined != NULL) memset(memory->defined + (address - GLOBAL_WINDOW), 0xff, size);
}
