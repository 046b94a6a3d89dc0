/* Register rows: virtual registers whose lives do not overlap share a row, so that a warp's rows stay in the cache (the
 * 128x128x8 SIMT GEMM has 2400 virtual registers and needs 260 rows). Liveness by backward data flow over basic blocks; a life
 * is the hull of all places where the register is live. A guarded definition does not end a life: lanes keep old values. */
#include <stdlib.h>
#include <string.h>

#include "decode.h"

struct life {
    uint32_t first, last; /* first > last: never used */
};

struct flow {
    const struct kernel *kernel;
    uint32_t values, words; /* bits and 64-bit words per set */
    uint32_t block_count;
    uint32_t *block_of; /* by op */
    uint32_t *start;    /* by block; start[block_count] is the end */
    uint64_t *live_in;  /* by block */
};

static void find_blocks(struct flow *flow)
{
    const struct kernel *kernel = flow->kernel;
    bool boundary = true;
    for (uint32_t i = 0; i < kernel->op_count; i++) {
        const struct op *op = &kernel->ops[i];
        if (boundary || op->is_target) flow->start[flow->block_count++] = i;
        flow->block_of[i] = flow->block_count - 1;
        boundary = op->control == CONTROL_BRANCH || op->control == CONTROL_EXIT;
    }
    flow->start[flow->block_count] = kernel->op_count;
}

/* live: before the op, from what is live after it */
static void step_back(const struct op *op, uint64_t *live)
{
    if (op->guard == PREDICATE_TRUE)
        for (uint32_t k = 0; k < op->defs; k++)
            if (op->rows[k] != PTX_NONE) live[op->rows[k] / 64] &= ~((uint64_t)1 << op->rows[k] % 64);
    for (uint32_t k = op->defs; k < (uint32_t)op->defs + op->uses; k++)
        if (op->rows[k] != PTX_NONE) live[op->rows[k] / 64] |= (uint64_t)1 << op->rows[k] % 64;
}

static void live_at_end(const struct flow *flow, uint32_t block, uint64_t *live)
{
    const struct op *last = &flow->kernel->ops[flow->start[block + 1] - 1];
    memset(live, 0, flow->words * sizeof *live);
    if (last->control == CONTROL_BRANCH) {
        const uint64_t *in = flow->live_in + (size_t)flow->block_of[last->target] * flow->words;
        for (uint32_t w = 0; w < flow->words; w++)
            live[w] |= in[w];
    }
    bool falls_through =
        (last->control != CONTROL_BRANCH && last->control != CONTROL_EXIT) || last->guard != PREDICATE_TRUE;
    if (!falls_through || block + 1 == flow->block_count) return;
    const uint64_t *in = flow->live_in + (size_t)(block + 1) * flow->words;
    for (uint32_t w = 0; w < flow->words; w++)
        live[w] |= in[w];
}

static void solve(struct flow *flow, uint64_t *live)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t block = flow->block_count; block-- > 0;) {
            live_at_end(flow, block, live);
            for (uint32_t i = flow->start[block + 1]; i-- > flow->start[block];)
                step_back(&flow->kernel->ops[i], live);
            uint64_t *in = flow->live_in + (size_t)block * flow->words;
            if (memcmp(in, live, flow->words * sizeof *live) == 0) continue;
            memcpy(in, live, flow->words * sizeof *live);
            changed = true;
        }
    }
}

static void extend(struct life *life, uint32_t at)
{
    if (at < life->first) life->first = at;
    if (at > life->last) life->last = at;
}

static void extend_set(const struct flow *flow, struct life *lives, const uint64_t *live, uint32_t at)
{
    for (uint32_t w = 0; w < flow->words; w++)
        for (uint64_t rest = live[w]; rest != 0; rest &= rest - 1)
            extend(&lives[64 * w + (uint32_t)__builtin_ctzll(rest)], at);
}

static void find_lives(struct flow *flow, struct life *lives, uint64_t *live)
{
    const struct kernel *kernel = flow->kernel;
    for (uint32_t v = 0; v < flow->values; v++)
        lives[v] = (struct life){ .first = UINT32_MAX };
    for (uint32_t block = 0; block < flow->block_count; block++) {
        extend_set(flow, lives, flow->live_in + (size_t)block * flow->words, flow->start[block]);
        live_at_end(flow, block, live);
        extend_set(flow, lives, live, flow->start[block + 1] - 1);
    }
    for (uint32_t i = 0; i < kernel->op_count; i++)
        for (uint32_t k = 0; k < (uint32_t)kernel->ops[i].defs + kernel->ops[i].uses; k++)
            if (kernel->ops[i].rows[k] != PTX_NONE) extend(&lives[kernel->ops[i].rows[k]], i);
}

struct candidate {
    struct life life;
    uint32_t value;
};

static int by_first(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    return a->life.first < b->life.first ? -1 : a->life.first > b->life.first;
}

/* Linear scan over the values of one width. Rows of 32- and 64-bit values are kept apart: a row is never half another. */
static uint32_t scan(struct candidate *list, uint32_t count, uint32_t width, uint32_t next_row, uint32_t *row_of)
{
    qsort(list, count, sizeof *list, by_first);
    uint32_t *active = malloc((count + 1) * sizeof *active), *spare = malloc((count + 1) * sizeof *spare);
    uint32_t active_count = 0, spare_count = 0;
    for (uint32_t i = 0; active != NULL && spare != NULL && i < count; i++) {
        uint32_t kept = 0;
        for (uint32_t j = 0; j < active_count; j++) {
            if (list[active[j]].life.last < list[i].life.first)
                spare[spare_count++] = row_of[list[active[j]].value];
            else
                active[kept++] = active[j];
        }
        active_count = kept;
        if (spare_count != 0) {
            row_of[list[i].value] = spare[--spare_count];
        } else {
            row_of[list[i].value] = next_row;
            next_row += width;
        }
        active[active_count++] = i;
    }
    free(active);
    free(spare);
    return next_row;
}

void allocate_rows(const struct ptx_kernel *ptx, struct kernel *kernel)
{
    struct arena scratch = { 0 };
    uint32_t values = ptx->register_count + kernel->constant_count;
    struct flow flow = { .kernel = kernel, .values = values, .words = values / 64 + 1 };
    flow.block_of = arena_alloc(&scratch, kernel->op_count * sizeof *flow.block_of);
    flow.start = arena_alloc(&scratch, (kernel->op_count + 1) * sizeof *flow.start);
    find_blocks(&flow);
    flow.live_in = arena_alloc(&scratch, (size_t)flow.block_count * flow.words * sizeof *flow.live_in);
    uint64_t *live = arena_alloc(&scratch, flow.words * sizeof *live);
    struct life *lives = arena_alloc(&scratch, values * sizeof *lives);
    solve(&flow, live);
    find_lives(&flow, lives, live);
    for (uint32_t c = 0; c < kernel->constant_count; c++) /* written before the kernel starts, once */
        lives[ptx->register_count + c] = (struct life){ .first = 0, .last = kernel->op_count };
    for (uint32_t i = 0; i < kernel->op_count; i++)
        for (uint32_t k = 0; kernel->ops[i].holds_registers && k < kernel->ops[i].uses; k++)
            lives[kernel->ops[i].rows[k]] = (struct life){ .first = 0, .last = kernel->op_count };
    uint32_t *row_of = arena_alloc(&scratch, (values + 1) * sizeof *row_of);
    struct candidate *list = arena_alloc(&scratch, values * sizeof *list);
    uint32_t rows = 0;
    for (uint32_t width = 1; width <= 2; width++) {
        uint32_t count = 0;
        for (uint32_t v = 0; v < values; v++) {
            bool wide = v < ptx->register_count ? ptx->register_bits[v] == 64
                                                : kernel->constants[v - ptx->register_count].wide;
            if (lives[v].first <= lives[v].last && (width == 2) == wide)
                list[count++] = (struct candidate){ .life = lives[v], .value = v };
        }
        rows = scan(list, count, width, rows, row_of);
    }
    kernel->row_bytes = rows * ROW_BYTES;
    for (uint32_t c = 0; c < kernel->constant_count; c++)
        kernel->constants[c].row = row_of[ptx->register_count + c] * ROW_BYTES;
    for (uint32_t i = 0; i < kernel->op_count; i++)
        for (uint32_t k = 0; k < (uint32_t)kernel->ops[i].defs + kernel->ops[i].uses; k++)
            if (kernel->ops[i].rows[k] != PTX_NONE)
                kernel->ops[i].rows[k] = row_of[kernel->ops[i].rows[k]] * ROW_BYTES;
    arena_free(&scratch);
}
