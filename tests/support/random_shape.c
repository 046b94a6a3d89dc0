/* See random_shape.h. */
#include "random_shape.h"

enum {
    MOST = 24000,
    MOST_EMULATED = 3000, /* elements of x */
    SPAN_FACTOR = 6       /* from its first to its last */
};

int64_t draw_most(const struct random_case *c)
{
    return c->handle->backend->describe(c->handle->device)->is_emulated ? MOST_EMULATED : MOST;
}

static void measure(const struct shape *s, struct place *place, bool is_y)
{
    int64_t low = 0, high = 0;
    for (int i = 0; i < s->dims; i++) {
        if (s->extent[i] < 2 || (is_y && s->is_reduced[i])) continue;
        const int64_t reach = (s->extent[i] - 1) * place->stride[i];
        *(reach < 0 ? &low : &high) += reach;
    }
    place->first = SHAPE_MARGIN - low;
    place->elements = high - low + 1 + 2 * SHAPE_MARGIN;
}

static void draw_extents(struct random_case *c, struct shape *s)
{
    const int64_t most = draw_most(c);
    int64_t total = 1;
    s->dims = (int)draw_from(c, 0, REDUCE_RANK_MAX);
    const int64_t large = draw_below(c, REDUCE_RANK_MAX);
    for (int i = 0; i < s->dims; i++) {
        const int64_t room = most / total > 0 ? most / total : 1;
        const int64_t limit = i == large ? room : s->dims <= 3 && draw_chance(c, 2) ? 300 : 9;
        s->extent[i] = draw_chance(c, 6) ? 1 : draw_from(c, 1, limit < room ? limit : room);
        if (draw_chance(c, 60)) s->extent[i] = 0;
        if (s->extent[i] > 0) total *= s->extent[i];
    }
}

static void draw_axes(struct random_case *c, struct shape *s)
{
    s->all = draw_chance(c, 8);
    s->axis_count = s->all ? 0 : (int)draw_from(c, 0, s->dims);
    draw_order(c, s->axes, s->dims);
    for (int i = 0; i < s->dims; i++)
        s->is_reduced[i] = s->all;
    for (int i = 0; i < s->axis_count; i++)
        s->is_reduced[s->axes[i]] = true;
}

/* Dimensions in any order of memory with gaps between them; for inputs also broadcast, overlapping or backwards. */
static void draw_place(struct random_case *c, const struct shape *s, struct place *place, bool is_y, bool is_tight)
{
    int order[REDUCE_RANK_MAX];
    const bool has_order = !is_tight && !draw_chance(c, 3), has_gaps = !is_tight && draw_chance(c, 3);
    const bool is_odd = !is_tight && !is_y && draw_chance(c, 3);
    int64_t step = has_gaps ? draw_from(c, 1, 3) : 1;
    draw_order(c, order, s->dims);
    for (int n = s->dims; n-- > 0;) {
        const int i = has_order ? order[n] : n;
        const bool is_absent = is_y && s->is_reduced[i]; /* its stride is ignored */
        place->stride[i] = is_absent && !is_tight ? draw_from(c, -3, 3) : step;
        if (is_absent || s->extent[i] == 0) continue;
        step *= s->extent[i];
        if (has_gaps && draw_chance(c, 3)) step += draw_from(c, 0, 4);
    }
    for (int i = 0; i < s->dims && !is_tight; i++) {
        if (is_odd && draw_chance(c, 6)) place->stride[i] = 0;
        if (is_odd && draw_chance(c, 8)) place->stride[i] = draw_from(c, -4, 4);
        if (draw_chance(c, 5)) place->stride[i] = -place->stride[i];
    }
    measure(s, place, is_y);
    place->first += draw_below(c, 9); /* any alignment */
    place->elements += 9;
}

void draw_shape(struct random_case *c, struct shape *s)
{
    draw_extents(c, s);
    draw_axes(c, s);
    s->is_tight = draw_chance(c, 3);
    s->is_tight_y = draw_chance(c, 3);
    do {
        draw_place(c, s, &s->x, false, s->is_tight);
        draw_place(c, s, &s->x2, false, s->is_tight);
        draw_place(c, s, &s->y, true, s->is_tight_y);
    } while (s->x.elements > SPAN_FACTOR * MOST || s->x2.elements > SPAN_FACTOR * MOST ||
             s->y.elements > SPAN_FACTOR * MOST);
}

bool shape_next(const struct shape *s, bool is_reduced, int64_t *index)
{
    for (int i = s->dims; i-- > 0;) {
        if (s->is_reduced[i] != is_reduced) continue;
        if (++index[i] < s->extent[i]) return true;
        index[i] = 0;
    }
    return false;
}

int64_t shape_at(const struct shape *s, const struct place *place, const int64_t *index, bool is_y)
{
    int64_t element = place->first;
    for (int i = 0; i < s->dims; i++)
        if (!is_y || !s->is_reduced[i]) element += index[i] * place->stride[i];
    return element;
}

int64_t shape_count(const struct shape *s, bool is_reduced)
{
    int64_t elements = 1;
    for (int i = 0; i < s->dims; i++)
        if (s->is_reduced[i] == is_reduced) elements *= s->extent[i];
    return elements;
}
