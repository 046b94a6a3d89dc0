/* wgmma (PTX ISA 9.7.15): what the warps of a warpgroup have issued and not yet waited for. It is one operation of all four, done when
 * the first of them waits for its group, which is as late as is legal; until a warp has waited, it may not touch the registers. */
#ifndef EMULATOR_WGMMA_H
#define EMULATOR_WGMMA_H

#include "shadow.h"

enum { WGMMA_M = 64, WGMMA_N_MAX = 256, WGMMA_K_MAX = 32, WGMMA_WARP_ROWS = 16 };

struct wgmma_form {      /* op->detail; rows: D, then A's fragment or descriptor, then B's descriptor */
    char a_kind, b_kind; /* 'f' half, 'h' bfloat16, 't' tf32, '4' e4m3, '5' e5m2 */
    bool half_d, a_in_registers, negate_a, negate_b, transpose_a, transpose_b;
    uint32_t n, k;
    uint32_t d_rows, a_rows;
};

struct wgmma_issue {
    const struct op *op;
    uint64_t a, b;   /* descriptors */
    bool accumulate; /* scale-d: D = A B + D, otherwise D = A B */
    bool done;
    uint32_t group;
    struct async_view view;
};

enum { WARPGROUP = 4 };
/* wgmma_matrix.c: does it for the warpgroup, 16 rows of D in each warp; issues: theirs. */
void wgmma_multiply(struct warp *warps, struct wgmma_issue *const issues[WARPGROUP]);

/* wgmma.c */
void wgmma_issue(struct warp *warp, const struct wgmma_issue *issue);
void wgmma_fence(struct warp *warp);
void wgmma_commit(struct warp *warp);
/* For all committed groups but the last `keep`; false: a warp of the warpgroup has yet to issue what this one waits for. */
bool wgmma_wait(struct warp *warp, uint32_t keep);
/* Another instruction is about to access registers that wgmma also uses. */
void wgmma_touch(struct warp *warp, const struct op *op);
void wgmma_block_done(struct block *block); /* all its warps have exited */
void wgmma_forget(struct block *block);
uint64_t wgmma_products(const struct op *op); /* multiply-adds of one warp */

#endif
