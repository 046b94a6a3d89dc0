/* Undefined bits: the shadow rows of a warp, the defined bits of memory, and the report of a use. */
#include "undefined.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "shadow.h"

struct undefined *undefined_open(const struct kernel *kernel)
{
    struct undefined *undefined = calloc(1, sizeof *undefined);
    if (undefined == NULL) return NULL;
    uint32_t rows = kernel->row_bytes / ROW_BYTES + 1;
    undefined->some = calloc(rows, sizeof *undefined->some);
    undefined->origins = calloc(rows, sizeof *undefined->origins);
    undefined->preds = calloc(kernel->pred_count, sizeof *undefined->preds);
    undefined->pred_origins = calloc(kernel->pred_count, sizeof *undefined->pred_origins);
    if (undefined->some != NULL && undefined->origins != NULL && undefined->preds != NULL &&
        undefined->pred_origins != NULL)
        return undefined;
    undefined_close(undefined);
    return NULL;
}

void undefined_close(struct undefined *undefined)
{
    if (undefined == NULL) return;
    free(undefined->some);
    free(undefined->origins);
    free(undefined->preds);
    free(undefined->pred_origins);
    free(undefined);
}

void undefined_start(struct warp *warp)
{
    struct undefined *undefined = warp->undefined;
    if (undefined == NULL) return;
    const struct kernel *kernel = warp->launch->kernel;
    const uint32_t rows = kernel->row_bytes / ROW_BYTES;
    uint8_t *shadow = warp->rows + kernel->row_bytes;
    memset(shadow, 0xff, kernel->row_bytes);
    memset(undefined->some, 1, rows);
    memset(undefined->origins, 0, rows * sizeof *undefined->origins);
    memset(undefined->preds, 0xff, kernel->pred_count * sizeof *undefined->preds);
    memset(undefined->pred_origins, 0, kernel->pred_count * sizeof *undefined->pred_origins);
    undefined->preds[PREDICATE_TRUE] = 0;
    for (uint32_t c = 0; c < kernel->constant_count; c++) {
        const struct constant *constant = &kernel->constants[c];
        memset(shadow + constant->row, 0, constant->wide ? 2 * ROW_BYTES : ROW_BYTES);
        undefined->some[constant->row / ROW_BYTES] = 0;
    }
}

uint32_t undefined_lanes(const struct warp *warp, const struct op *op, uint32_t k)
{
    uint32_t lanes = 0;
    if (undefined_in(warp, op, k))
        for (int i = 0; i < LANES; i++)
            lanes |= (uint32_t)(undefined_get(warp, op, k, i) != 0) << i;
    return lanes;
}

struct origin *undefined_origin(const struct warp *warp, const struct op *op, uint32_t k)
{
    return &warp->undefined->origins[op->rows[k] / ROW_BYTES];
}

void undefined_set(struct warp *warp, const struct op *op, uint32_t k, int lane, uint64_t bits,
                   const struct origin *origin)
{
    if (op->rows[k] == PTX_NONE) return;
    if (op->wide >> k & 1)
        SHADOW(uint64_t, k)[lane] = bits;
    else
        SHADOW(uint32_t, k)[lane] = (uint32_t)(bits &= op->narrow >> k & 1 ? 0xffff : UINT32_MAX);
    if (bits == 0) return;
    warp->undefined->some[op->rows[k] / ROW_BYTES] = 1;
    *undefined_origin(warp, op, k) = *origin;
}

static const char *memory_name(const struct warp *warp, const uint8_t *host)
{
    const struct memory *memory = warp->launch->memory;
    if (host >= memory->base && host < memory->base + memory->capacity) return "global";
    const struct block *block = warp->block;
    return host >= block->local && host < block->local + block->local_size ? "local" : "shared";
}

uint8_t *undefined_memory(const struct warp *warp, const uint8_t *host)
{
    const struct memory *memory = warp->launch->memory;
    const struct block *block = warp->block;
    if (host >= memory->base && host < memory->base + memory->capacity)
        return memory->defined != NULL ? memory->defined + (host - memory->base) : NULL;
    if (host >= block->local && host < block->local + block->local_size)
        return block->local + block->local_size + (host - block->local);
    for (uint32_t r = 0; r < block->cluster->count; r++) {
        const struct block *other = block->cluster->blocks[r];
        if (host >= other->shared && host < other->shared + warp->shared_end)
            return shadow_defined(other->checker) + (host - other->shared);
    }
    return NULL;
}

void undefined_read(struct warp *warp, const struct op *op, uint32_t k, int lane, uint64_t bits,
                    const uint8_t *host, bool partial)
{
    const struct origin origin = { .op = op, .memory = memory_name(warp, host), .partial = partial };
    undefined_set(warp, op, k, lane, bits, &origin);
}

void undefined_settle(struct warp *warp, const struct op *op)
{
    for (uint32_t k = 0; k < op->defs; k++) {
        if (!undefined_in(warp, op, k)) continue;
        const uint64_t *row = SHADOW(const uint64_t, k);
        uint64_t bits = 0;
        for (uint32_t i = 0; i < (op->wide >> k & 1 ? LANES : LANES / 2); i++)
            bits |= row[i];
        warp->undefined->some[op->rows[k] / ROW_BYTES] = bits != 0;
    }
}

_Noreturn void undefined_fault(struct warp *warp, int lane, const struct origin *origin, const char *as)
{
    if (origin->op == NULL) launch_fault(warp, lane, 719, "use of a register that nothing has written as %s", as);
    launch_fault(warp, lane, 719, "use of uninitialised %s memory as %s: it was read by line %d '%s'",
                 origin->memory, as, origin->op->source->line, origin->op->source->text);
}

void undefined_use(struct warp *warp, const struct op *op, uint32_t k, uint32_t mask, const char *as)
{
    uint32_t lanes = undefined_lanes(warp, op, k) & mask;
    if (lanes != 0) undefined_fault(warp, __builtin_ctz(lanes), undefined_origin(warp, op, k), as);
}

void undefined_write(struct warp *warp, const struct op *op, uint32_t k, int lane, uint8_t *host, uint32_t size)
{
    const uint64_t whole = size == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * size) - 1;
    const uint64_t bits = undefined_get(warp, op, k, lane) & whole;
    if (bits == 0) return;
    const struct origin *origin = undefined_origin(warp, op, k);
    bool is_global = strcmp(memory_name(warp, host), "global") == 0;
    bool was_there = bits != whole && origin->op != NULL && strcmp(origin->memory, "global") == 0;
    if (is_global && (origin->computed || !(origin->partial || was_there)))
        undefined_fault(warp, lane, origin, "what is stored to global memory");
    const uint64_t defined = ~bits;
    uint8_t *to = undefined_memory(warp, host);
    if (to != NULL) memcpy(to, &defined, size);
}
