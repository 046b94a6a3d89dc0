/* A tensor that is reduced over some of its dimensions, brought to the fewest dimensions: size 1 dropped, ordered by
 * step, neighbours of one role merged; and what families see of it. */
#ifndef HPCK_CORE_REDUCE_LAYOUT_H
#define HPCK_CORE_REDUCE_LAYOUT_H

#include "op_reduce.h"

/* A dimension: its extent, and by how many elements a step along it moves in x, x2 (dot) and y (0 when reduced). */
struct reduce_dim {
    int64_t extent, x, x2, y;
    bool is_reduced;
};

enum reduce_form { REDUCE_ROW = 1, REDUCE_COLUMN = 2, REDUCE_STRIDED = 3 }; /* trait `form` */

struct reduce_layout {
    int count;
    struct reduce_dim dim[REDUCE_RANK_MAX]; /* slowest first */
    int64_t first_x, first_y;               /* to be added to the offsets: dimensions may have been turned round */
};

/* Merges in place. The order in which an arg-reduction counts elements is kept. */
void reduce_layout_merge(struct reduce_layout *layout, int64_t operation);

/* The layout of a problem as written, tight and row-major. */
struct reduce_layout reduce_layout_tight(const struct problem *problem);

/* The dimensions of a merged layout by role; one that is absent has extent 1 and steps 0. */
struct reduce_roles {
    enum reduce_form form;
    struct reduce_dim outer, segments, length, inner; /* forms ROW and COLUMN */
};
struct reduce_roles reduce_layout_roles(const struct reduce_layout *layout, int64_t operation);

/* Rank, extents, axes and the traits that follow from a merged layout. */
void reduce_layout_describe(const struct reduce_layout *layout, struct problem *problem);

#endif
