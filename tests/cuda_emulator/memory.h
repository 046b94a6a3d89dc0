/* The emulated device memory and its addresses. A device address is no host address: a host access through one faults, as
 * with a real device. Global addresses are generic ones; the other spaces have windows in the generic address range. */
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLOBAL_WINDOW 0x700000000000u
#define LOCAL_WINDOW  0x7c0000000000u
#define PARAM_WINDOW  0x7d0000000000u
#define SHARED_WINDOW 0x7e0000000000u
/* Shared addresses start at 1024: since sm_80 the first KiB of a block's shared memory belongs to the system, and so a null
 * pointer into shared memory is caught. */
enum { SHARED_BASE = 1024 };
enum { MEMORY_POISON = 0xa5 };

struct allocation {
    uint64_t address;
    size_t size;
};

struct memory {
    uint8_t *base;    /* host address of GLOBAL_WINDOW */
    uint8_t *defined; /* a byte for each byte: the bits written since it was allocated; NULL: not tracked */
    size_t capacity, used;
    struct allocation *allocations; /* by address */
    uint32_t count, room;
};

bool memory_open(struct memory *memory, size_t capacity, bool track);
void memory_close(struct memory *memory);
uint64_t memory_alloc(struct memory *memory, size_t size); /* 0: out of memory */
bool memory_free(struct memory *memory, uint64_t address); /* false: not the start of an allocation */
/* The allocation that holds the address, else the last one below it (or NULL): the neighbour, for messages. */
const struct allocation *memory_find(const struct memory *memory, uint64_t address);
/* Host address of [address, address + size), NULL when that is not inside one allocation. */
uint8_t *memory_host(const struct memory *memory, uint64_t address, size_t size);
void memory_define(struct memory *memory, uint64_t address, size_t size); /* it has been written */

#endif
