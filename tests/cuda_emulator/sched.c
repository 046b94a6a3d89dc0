/* One warp: 32 lanes in lockstep, and after a divergent branch several splits {pc, lanes}. The split with the lowest pc
 * runs, and splits merge where they meet at a branch target: that reconverges structured code without looking at its control
 * flow. Operations that need several lanes together wait until those are at the same place; when no split can run, the code
 * synchronises divergent lanes. After many backward branches another split gets its turn, so that lanes may spin on each
 * other (independent thread scheduling, CUDA C++ Programming Guide). */
#include <string.h>

#include "lanes.h"
#include "schedule.h"
#include "undefined.h"
#include "warp.h"

enum {
    TURN = 500,         /* backward branches until another split runs */
    TURN_LENGTH = 2000, /* branch targets it may pass before the lowest pc is looked for again */
    PREEMPTED = 8,      /* one branch in so many lets another warp run, where the schedule is drawn */
    QUANTUM = 20000     /* backward branches until another warp runs */
};

struct progress {
    uint32_t back_branches, in_turn, turn_left;
    uint32_t lowest_other; /* lowest pc of the other splits */
};

static void merge(struct warp *warp)
{
    for (uint32_t i = 0; i < warp->split_count; i++)
        for (uint32_t j = i + 1; j < warp->split_count;) {
            struct split *a = &warp->splits[i], *b = &warp->splits[j];
            if (a->pc != b->pc) {
                j++;
                continue;
            }
            a->mask |= b->mask;
            a->need |= b->need;
            if (b->ran > a->ran) a->ran = b->ran;
            *b = warp->splits[--warp->split_count];
        }
}

static bool may_run(const struct warp *warp, const struct split *split)
{
    return (split->need & warp->live & ~split->mask) == 0;
}

static void report_divergence(struct warp *warp)
{
    const struct op *ops = warp->launch->kernel->ops;
    const struct split *first = &warp->splits[0], *second = &warp->splits[warp->split_count > 1 ? 1 : 0];
    warp->op = &ops[first->pc];
    launch_fault(
        warp, __builtin_ctz(first->mask), 719,
        "divergent synchronisation: lanes 0x%08x wait here for lanes 0x%08x, lanes 0x%08x are at line %d '%s'",
        first->mask, first->need & warp->live & ~first->mask, second->mask, ops[second->pc].source->line,
        ops[second->pc].source->text);
}

/* Makes the next split the running one; false when the warp is done. */
static bool pick(struct warp *warp, struct progress *progress)
{
    merge(warp);
    if (warp->split_count == 0) {
        warp->state = WARP_DONE;
        return false;
    }
    int best = -1, oldest = -1;
    for (uint32_t i = 0; i < warp->split_count; i++) {
        if (!may_run(warp, &warp->splits[i])) continue;
        if (best < 0 || warp->splits[i].pc < warp->splits[best].pc) best = (int)i;
        if (oldest < 0 || warp->splits[i].ran < warp->splits[oldest].ran) oldest = (int)i;
    }
    if (best < 0) report_divergence(warp);
    bool turn_is_over = progress->in_turn >= TURN;
    if (turn_is_over) progress->in_turn = 0;
    progress->turn_left = turn_is_over && warp->split_count > 1 ? TURN_LENGTH : 0;
    if (progress->turn_left != 0) best = oldest;
    warp->turns++;
    warp->pc = warp->splits[best].pc;
    warp->active = warp->splits[best].mask;
    warp->splits[best] = warp->splits[--warp->split_count];
    progress->lowest_other = UINT32_MAX;
    for (uint32_t i = 0; i < warp->split_count; i++)
        if (warp->splits[i].pc < progress->lowest_other) progress->lowest_other = warp->splits[i].pc;
    return true;
}

static void put_back(struct warp *warp, struct progress *progress, uint32_t pc, uint32_t mask, uint32_t need)
{
    warp->splits[warp->split_count++] = (struct split){ .pc = pc, .mask = mask, .need = need, .ran = warp->turns };
    if (pc < progress->lowest_other) progress->lowest_other = pc;
}

/* At a branch target: should another split run, or join? */
static bool leave_at(struct warp *warp, struct progress *progress, uint32_t pc)
{
    if (progress->turn_left != 0) return --progress->turn_left == 0;
    if (progress->lowest_other > pc) return false;
    for (uint32_t i = 0; i < warp->split_count; i++)
        if (warp->splits[i].pc == pc || (warp->splits[i].pc < pc && may_run(warp, &warp->splits[i]))) return true;
    return false;
}

static void branch(struct warp *warp, struct progress *progress, const struct op *op, uint32_t taken)
{
    uint32_t others = warp->active & ~taken;
    bool backward = op->target < warp->pc;
    if (others == 0) {
        warp->pc = op->target;
    } else if (backward) {
        put_back(warp, progress, warp->pc, others, 0);
        warp->active = taken;
        warp->pc = op->target;
    } else {
        put_back(warp, progress, op->target, taken, 0);
        warp->active = others;
    }
    if (!backward) return;
    progress->back_branches++;
    if (warp->split_count != 0) progress->in_turn++;
}

static inline void run(struct warp *warp, const struct op *op, uint32_t mask)
{
    if (warp->undefined != NULL)
        undefined_run(warp, op, mask);
    else
        op->run(warp, op, mask);
}

static inline uint32_t unknown_guard(const struct warp *warp, const struct op *op)
{
    return warp->undefined != NULL ? warp->undefined->preds[op->guard & ~PREDICATE_NEGATED] : 0;
}

/* Lanes that have to be at this op together. */
static uint32_t needed(const struct warp *warp, const struct op *op)
{
    return op->control == CONTROL_CONVERGE || op->control == CONTROL_BARRIER ? warp->live : 0;
}

/* Lanes with the same member mask are one group; a warp may hold several. A group runs when all its members are here. */
static void run_members(struct warp *warp, struct progress *progress, const struct op *op, uint32_t mask)
{
    const uint32_t *row = ROW(const uint32_t, op->defs + op->uses - 1u), here = warp->active;
    uint32_t members[LANES]; /* the row may be the one that is written */
    if (warp->undefined != NULL) undefined_use(warp, op, op->defs + op->uses - 1u, mask, "a member mask");
    memcpy(members, row, sizeof members);
    for (uint32_t rest = mask; rest != 0;) {
        const uint32_t wanted = members[__builtin_ctz(rest)], need = wanted & warp->live;
        uint32_t group = 0;
        for (uint32_t i = 0; i < LANES; i++)
            group |= (uint32_t)(members[i] == wanted) << i;
        group &= rest;
        rest &= ~group;
        if ((need & ~here) != 0) {
            put_back(warp, progress, warp->pc - 1, group, need);
            warp->active &= ~group;
            continue;
        }
        if ((need & ~group) != 0)
            launch_fault(
                warp, __builtin_ctz(need & ~group), 719,
                "divergent synchronisation: lanes 0x%08x are here with member mask 0x%08x, its other lanes are not "
                "or have another mask",
                group, wanted);
        if ((group & need) != 0) run(warp, op, group & need);
    }
}

void warp_run(struct warp *warp)
{
    const struct op *ops = warp->launch->kernel->ops;
    uint64_t *executed = warp->launch->executed;
    struct progress progress = { .in_turn =
                                     warp->yield ? TURN : 0 }; /* who waited lets the warp's others run first */
    warp->yield = false;
again:
    if (!pick(warp, &progress)) {
        warp->launch->progress++;
        return;
    }
    for (;;) {
        const struct op *op = &ops[warp->pc];
        if (op->is_target && warp->split_count != 0 && leave_at(warp, &progress, warp->pc)) {
            put_back(warp, &progress, warp->pc, warp->active, 0);
            goto again;
        }
        warp->pc++;
        executed[op - ops]++;
        uint32_t mask = warp->active;
        if (op->guard != PREDICATE_TRUE) {
            const uint32_t unknown = unknown_guard(warp, op) & mask;
            mask &= pred_read(warp, op->guard);
            if (unknown != 0) {
                warp->op = op;
                undefined_guarded(warp, op, mask, unknown);
                continue;
            }
            if (mask == 0) continue;
        }
        warp->op = op;
        if (op->control == CONTROL_NONE) {
            run(warp, op, mask);
            continue;
        }
        if (op->control == CONTROL_BRANCH) {
            branch(warp, &progress, op, mask);
            bool quantum_is_over = progress.back_branches >= QUANTUM;
            bool others_first = schedule_chance(warp->launch, PREEMPTED);
            if (!quantum_is_over && !others_first && progress.in_turn < TURN) continue;
            put_back(warp, &progress, warp->pc, warp->active, 0);
            if (others_first) {
                warp->launch->progress++;
                return;
            }
            if (quantum_is_over) {
                warp->launch->spun = true;
                return;
            }
            goto again;
        }
        if (op->control == CONTROL_EXIT) {
            warp->live &= ~mask;
            warp->active &= ~mask;
            if (warp->active == 0) goto again;
            continue;
        }
        if (op->control == CONTROL_MEMBERS) {
            run_members(warp, &progress, op, mask);
            if (warp->active == 0) goto again;
            continue;
        }
        uint32_t need = needed(warp, op);
        if ((need & warp->active & ~mask) != 0)
            launch_fault(
                warp, __builtin_ctz(need & ~mask), 719,
                "divergent synchronisation: the guard holds for lanes 0x%08x, lanes 0x%08x have to take part", mask,
                need);
        if ((need & ~warp->active) != 0) {
            put_back(warp, &progress, warp->pc - 1, warp->active, need);
            goto again;
        }
        run(warp, op, mask);
        if (warp->yield || warp->state != WARP_READY) {
            put_back(warp, &progress, warp->again ? warp->pc - 1 : warp->pc, warp->active, 0);
            if (warp->again) executed[op - ops]--;
            warp->again = false;
            return;
        }
    }
}
