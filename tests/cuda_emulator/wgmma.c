/* The order that wgmma wants (PTX ISA 9.7.15.6 and 9.7.15.7): registers that other instructions have touched need a wgmma.fence before a
 * wgmma uses them, and are out of bounds from then until its group is waited for; all four warps of a warpgroup do the same. */
#include "wgmma.h"

#include <stdlib.h>
#include <string.h>

enum { LOG = 64 };

struct wgmma_register {  /* a row that wgmma uses */
    uint32_t touched;    /* epoch (number of fences) in which another instruction last touched it */
    uint16_t as_d, as_a; /* of how many that are under way */
};

struct wgmma_state { /* of a warp */
    struct wgmma_issue *queue;
    uint32_t count, room;
    uint32_t epoch, committed;
    uint64_t issued, waited;          /* the queue has those between */
    struct wgmma_register *registers; /* by row */
};

struct wgmma_log { /* what the first warp of a warpgroup issued, for the others to agree with */
    uint64_t number;
    const struct op *op;
    uint64_t a, b;
};

static struct wgmma_state *state_of(struct warp *warp)
{
    if (warp->wgmma != NULL) return warp->wgmma;
    struct wgmma_state *state = calloc(1, sizeof *state);
    if (state == NULL) launch_fault(warp, -1, 2, "out of host memory");
    warp->wgmma = state;
    state->registers = calloc(warp->launch->kernel->row_bytes / ROW_BYTES + 1, sizeof *state->registers);
    if (state->registers == NULL) launch_fault(warp, -1, 2, "out of host memory");
    return state;
}

static struct wgmma_register *register_of(struct wgmma_state *state, const struct op *op, uint32_t k)
{
    return &state->registers[op->rows[k] / ROW_BYTES];
}

static void check_registers(struct warp *warp, struct wgmma_state *state, const struct wgmma_issue *issue)
{
    const struct op *op = issue->op;
    const struct wgmma_form *form = op->detail;
    for (uint32_t k = 0; k < form->d_rows + form->a_rows; k++) {
        const struct wgmma_register *reg = register_of(state, op, k);
        if (reg->touched == state->epoch)
            launch_fault(warp, -1, 719, "no wgmma.fence since register %u of this wgmma was accessed", k);
        if (k >= form->d_rows && reg->as_d != 0)
            launch_fault(warp, -1, 719, "A is the accumulator of a wgmma that was not waited for");
        if (k < form->d_rows && reg->as_a != 0)
            launch_fault(warp, -1, 719, "the accumulator is A of a wgmma that was not waited for");
    }
    for (uint32_t i = 0; i < state->count; i++) { /* the same accumulator only in the same shape */
        const struct wgmma_form *other = state->queue[i].op->detail;
        bool same = other->n == form->n && other->half_d == form->half_d;
        if (!same && state->queue[i].op->rows[0] == op->rows[0])
            launch_fault(warp, -1, 719,
                         "the accumulator belongs to a wgmma of another shape that was not waited for");
    }
}

static void agree(struct warp *warp, const struct wgmma_state *state, const struct wgmma_issue *issue)
{
    struct block *block = warp->block;
    uint32_t group = warp->index / WARPGROUP;
    if (WARPGROUP * (group + 1) > block->warp_count)
        launch_fault(warp, -1, 719, "wgmma in a warpgroup of less than four warps");
    if (block->wgmma_log == NULL) {
        block->wgmma_log = calloc((size_t)block->warp_count / WARPGROUP * LOG, sizeof *block->wgmma_log);
        if (block->wgmma_log == NULL) launch_fault(warp, -1, 2, "out of host memory");
    }
    struct wgmma_log *entry = &block->wgmma_log[group * LOG + state->issued % LOG];
    if (entry->number < state->issued)
        *entry = (struct wgmma_log){ .number = state->issued, .op = issue->op, .a = issue->a, .b = issue->b };
    else if (entry->number == state->issued &&
             (entry->op != issue->op || entry->a != issue->a || entry->b != issue->b))
        launch_fault(warp, -1, 719,
                     "the warps of a warpgroup disagree: another one issued line %d with descriptors %llx, %llx, "
                     "this one %llx, "
                     "%llx",
                     entry->op->source->line, (unsigned long long)entry->a, (unsigned long long)entry->b,
                     (unsigned long long)issue->a, (unsigned long long)issue->b);
}

void wgmma_issue(struct warp *warp, const struct wgmma_issue *issue)
{
    struct wgmma_state *state = state_of(warp);
    const struct wgmma_form *form = issue->op->detail;
    check_registers(warp, state, issue);
    state->issued++;
    agree(warp, state, issue);
    if (state->count == state->room) {
        uint32_t room = state->room != 0 ? 2 * state->room : 16;
        struct wgmma_issue *larger = realloc(state->queue, room * sizeof *larger);
        if (larger == NULL) launch_fault(warp, -1, 2, "out of host memory");
        state->queue = larger;
        state->room = room;
    }
    struct wgmma_issue *queued = &state->queue[state->count];
    *queued = *issue;
    queued->group = state->committed;
    shadow_issue(&queued->view, warp, -1);
    state->count++;
    for (uint32_t k = 0; k < form->d_rows; k++)
        register_of(state, issue->op, k)->as_d++;
    for (uint32_t k = form->d_rows; k < form->d_rows + form->a_rows; k++)
        register_of(state, issue->op, k)->as_a++;
}

void wgmma_fence(struct warp *warp)
{
    state_of(warp)->epoch++;
}

void wgmma_commit(struct warp *warp)
{
    state_of(warp)->committed++;
}

/* One wgmma of the warpgroup, which `warp` waits for: number it is of each warp. */
static void perform(struct warp *warp, uint64_t number)
{
    struct warp *warps = &warp->block->warps[warp->index / WARPGROUP * WARPGROUP];
    struct wgmma_issue *issues[WARPGROUP];
    struct async_view *views[WARPGROUP];
    for (uint32_t w = 0; w < WARPGROUP; w++) {
        const struct wgmma_state *state = warps[w].wgmma;
        issues[w] = &state->queue[number - state->waited];
        warps[w].op = issues[w]->op; /* for reports */
        views[w] = &issues[w]->view;
    }
    shadow_perform_wgmma(views, WARPGROUP);
    wgmma_multiply(warps, issues);
    for (uint32_t w = 0; w < WARPGROUP; w++) {
        issues[w]->done = true;
        shadow_forget(&issues[w]->view);
    }
}

static void release_registers(struct wgmma_state *state, const struct wgmma_issue *issue)
{
    const struct wgmma_form *form = issue->op->detail;
    for (uint32_t k = 0; k < form->d_rows; k++)
        register_of(state, issue->op, k)->as_d--;
    for (uint32_t k = form->d_rows; k < form->d_rows + form->a_rows; k++)
        register_of(state, issue->op, k)->as_a--;
}

bool wgmma_wait(struct warp *warp, uint32_t keep)
{
    struct wgmma_state *state = state_of(warp);
    struct warp *warps = &warp->block->warps[warp->index / WARPGROUP * WARPGROUP];
    uint32_t count = 0;
    while (count < state->count && state->queue[count].group + keep < state->committed)
        count++;
    for (uint32_t w = 0; count != 0 && w < WARPGROUP; w++)
        if (warps[w].wgmma == NULL || warps[w].wgmma->issued < state->waited + count) return false;
    const struct op *running[WARPGROUP];
    for (uint32_t w = 0; count != 0 && w < WARPGROUP; w++)
        running[w] = warps[w].op;
    for (uint32_t i = 0; i < count; i++) {
        if (!state->queue[i].done) perform(warp, state->waited + i);
        release_registers(state, &state->queue[i]);
        shadow_waited(&state->queue[i].view);
    }
    for (uint32_t w = 0; count != 0 && w < WARPGROUP; w++)
        warps[w].op = running[w];
    state->waited += count;
    state->count -= count;
    memmove(state->queue, state->queue + count, state->count * sizeof *state->queue);
    return true;
}

void wgmma_touch(struct warp *warp, const struct op *op)
{
    struct wgmma_state *state = state_of(warp);
    const uint8_t *held = warp->launch->kernel->held;
    for (uint32_t k = 0; k < (uint32_t)op->defs + op->uses; k++) {
        if (op->rows[k] == PTX_NONE || held[op->rows[k] / ROW_BYTES] == 0) continue;
        bool writes = k < op->defs;
        struct wgmma_register *reg = register_of(state, op, k);
        if (reg->as_d != 0 || (writes && reg->as_a != 0))
            launch_fault(warp, -1, 719,
                         "%s a register of a wgmma before wgmma.wait_group: its group is still under way",
                         writes ? "writes" : "reads");
        if (writes || (held[op->rows[k] / ROW_BYTES] & HELD_AS_D)) reg->touched = state->epoch;
    }
}

void wgmma_block_done(struct block *block)
{
    for (uint32_t w = 0; w < block->warp_count; w++) {
        struct warp *warp = &block->warps[w], *first = &block->warps[w / WARPGROUP * WARPGROUP];
        if (warp->wgmma != NULL && warp->wgmma->count != 0)
            launch_fault(warp, -1, 719, "the warp exits with %u wgmma that it did not wait for",
                         warp->wgmma->count);
        uint64_t mine = warp->wgmma != NULL ? warp->wgmma->issued : 0,
                 others = first->wgmma != NULL ? first->wgmma->issued : 0;
        if (mine != others)
            launch_fault(warp, -1, 719, "this warp issued %llu wgmma, another one of its warpgroup %llu",
                         (unsigned long long)mine, (unsigned long long)others);
    }
}

void wgmma_forget(struct block *block)
{
    for (uint32_t w = 0; block->warps != NULL && w < block->warp_count; w++) {
        struct wgmma_state *state = block->warps[w].wgmma;
        if (state == NULL) continue;
        for (uint32_t i = 0; i < state->count; i++)
            shadow_forget(&state->queue[i].view);
        free(state->queue);
        free(state->registers);
        free(state);
        block->warps[w].wgmma = NULL;
    }
    free(block->wgmma_log);
    block->wgmma_log = NULL;
}

uint64_t wgmma_products(const struct op *op)
{
    const struct wgmma_form *form = op->detail;
    return op->class == CLASS_WGMMA && form != NULL ? (uint64_t)WGMMA_WARP_ROWS * form->n * form->k : 0;
}
