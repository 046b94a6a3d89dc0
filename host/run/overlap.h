/* Whether blocks of memory share a byte; exact, so that parts of one matrix beside each other pass. */
#ifndef HPCK_RUN_OVERLAP_H
#define HPCK_RUN_OVERLAP_H

#include <stdbool.h>
#include <stdint.h>

/* `lines` runs of `width` bytes, `pitch` bytes apart. All positive; start + (lines - 1) * pitch + width fits int64. */
struct block {
    int64_t start, lines, width, pitch;
};

/* `count` blocks, `stride` bytes apart. */
struct block_series {
    struct block first;
    int64_t count, stride;
};

bool blocks_overlap(const struct block *x, const struct block *y);
bool series_overlap(const struct block_series *x, const struct block_series *y);
/* Do two different blocks of the series share a byte? */
bool series_overlaps_itself(const struct block_series *x);

#endif
