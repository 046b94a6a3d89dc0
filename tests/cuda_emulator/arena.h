/* Memory which is freed all at once: what belongs to one loaded module. Memory that
 * runs out ends the test program: this is test code. */
#ifndef EMULATOR_ARENA_H
#define EMULATOR_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena,
                  size_t size); /* zeroed, aligned for anything; exits the process when out of memory */
char *arena_copy(struct arena *arena, const char *text, size_t length);
/* Makes room for one more element in a growing array. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t element);
void arena_free(struct arena *arena);

#endif
