/* Arena: a chain of blocks. */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t data[];
};

enum { BLOCK = 1 << 18 };

void *arena_alloc(struct arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        block = calloc(1, sizeof *block + room);
        if (block == NULL) {
            fprintf(stderr, "hpck emulator: out of memory\n");
            exit(EXIT_FAILURE);
        }
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *result = (uint8_t *)block->data + block->used;
    block->used += size;
    return result;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t element)
{
    if (count != 0 && (count < 16 || (count & (count - 1)) != 0)) return array; /* room for 16, 32, 64, ... */
    size_t room = count < 16 ? 16 : 2 * count;
    void *larger = arena_alloc(arena, room * element);
    if (count != 0) memcpy(larger, array, count * element);
    return larger;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
