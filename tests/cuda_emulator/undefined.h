/* Which bits of registers and memory nothing has ever written. As in Valgrind's memcheck (Seward and Nethercote, USENIX 2005) they may
 * be loaded, moved about and computed with; a fault is what depends on them: a branch, an address, a barrier's operand, an atomic
 * operation, and what is stored to global memory. Every register has a shadow row behind the rows of its warp, 1 for an undefined
 * bit, and every byte of memory one of the bits that are defined. All this exists only while checks are on. */
#ifndef EMULATOR_UNDEFINED_H
#define EMULATOR_UNDEFINED_H

#include <string.h>

#include "lanes.h"

struct origin {          /* of undefined bits */
    const struct op *op; /* that read them; NULL: a register that nothing has written */
    const char *memory;  /* "shared", "global", "local" */
    bool partial;        /* not all that was read at once was undefined */
    bool computed;       /* they are a result, no longer just what was read */
};

struct undefined {          /* of a warp */
    uint8_t *some;          /* by row: some lane may have undefined bits */
    struct origin *origins; /* by row, where some is set */
    uint32_t *preds;        /* by predicate: the lanes where it is undefined */
    struct origin *pred_origins;
};

struct undefined *undefined_open(const struct kernel *kernel); /* NULL: out of host memory */
void undefined_close(struct undefined *undefined);
void undefined_start(struct warp *warp); /* a new block: nothing but constants is defined */

/* The instruction runs, and what is undefined moves along. */
void undefined_run(struct warp *warp, const struct op *op, uint32_t mask);
/* The same where the guard, which holds in the lanes `mask`, is undefined in the lanes `unknown`. */
void undefined_guarded(struct warp *warp, const struct op *op, uint32_t mask, uint32_t unknown);
/* How the instruction moves it, by its opcode; for the decoder. */
uint8_t undefined_rule(const struct op *op);

/* The shadow of the k-th row. */
#define SHADOW(type, k)                                                                                            \
    ((type *)__builtin_assume_aligned(warp->rows + warp->launch->kernel->row_bytes + op->rows[k], 128))

static inline bool undefined_in(const struct warp *warp, const struct op *op, uint32_t k)
{
    return warp->undefined != NULL && op->rows[k] != PTX_NONE && warp->undefined->some[op->rows[k] / ROW_BYTES];
}
static inline uint64_t undefined_get(const struct warp *warp, const struct op *op, uint32_t k, int lane)
{
    if (op->wide >> k & 1) return SHADOW(const uint64_t, k)[lane];
    return SHADOW(const uint32_t, k)[lane] & (op->narrow >> k & 1 ? 0xffff : UINT32_MAX);
}
/* Lanes of a row with undefined bits. */
uint32_t undefined_lanes(const struct warp *warp, const struct op *op, uint32_t k);
struct origin *undefined_origin(const struct warp *warp, const struct op *op, uint32_t k);
void undefined_set(struct warp *warp, const struct op *op, uint32_t k, int lane, uint64_t bits,
                   const struct origin *origin);
/* The same of a value that was read there in host memory. */
void undefined_read(struct warp *warp, const struct op *op, uint32_t k, int lane, uint64_t bits,
                    const uint8_t *host, bool partial);
void undefined_settle(struct warp *warp, const struct op *op); /* after the lanes of its results were set */
void undefined_clear(struct warp *warp, const struct op *op, uint32_t mask); /* its results are defined */
/* The instruction on the shadows: its rows, which are put there, are the shadow rows. */
struct op undefined_shadow(const struct warp *warp, const struct op *op, uint32_t rows[]);
/* The operand, in these lanes, has to be defined. */
void undefined_use(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask, const char *as);
_Noreturn void undefined_fault(struct warp *warp, int lane, const struct origin *origin, const char *as);

/* `size` bytes of memory as a value: its undefined bits. defined NULL: none. */
static inline uint64_t undefined_bits(const uint8_t *defined, uint32_t size)
{
    uint64_t bits = UINT64_MAX;
    if (defined == NULL) return 0;
    memcpy(&bits, defined, size);
    return ~bits;
}
/* The memory takes over what is undefined in the lane's value. Global memory takes the padding of a structure, which was read together
 * with the structure, and what was there before, as when a bit-field is set; all else is a fault. */
void undefined_write(struct warp *warp, const struct op *op, uint32_t k, int lane, uint8_t *host, uint32_t size);
/* The bits of memory at that host address that are defined; NULL: always all. */
uint8_t *undefined_memory(const struct warp *warp, const uint8_t *host);

#endif
