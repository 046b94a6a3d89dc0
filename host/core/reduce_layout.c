/* See reduce_layout.h. */
#include "reduce_layout.h"

#include <string.h>

/* How far apart the neighbours of a dimension lie. One that repeats what lies inside it (step 0) comes before all others: so rows
 * stay rows when one row serves for many. */
static int64_t size_of(int64_t step)
{
    if (step == 0) return INT64_MAX;
    return step < 0 ? -step : step;
}

static void drop(struct reduce_layout *layout, int index)
{
    layout->count--;
    memmove(&layout->dim[index], &layout->dim[index + 1], (size_t)(layout->count - index) * sizeof layout->dim[0]);
}

/* Walks backwards along a dimension whose x runs backwards: the same elements in the other order. The elements of an
 * arg-reduction are counted in the caller's order, and the factors of a dot product stay together. */
static void turn_round(struct reduce_layout *layout, struct reduce_dim *dim, int64_t operation)
{
    if (dim->x >= 0 || operation == REDUCE_DOT || (dim->is_reduced && reduce_is_arg(operation))) return;
    layout->first_x += (dim->extent - 1) * dim->x;
    layout->first_y += (dim->extent - 1) * dim->y;
    dim->x = -dim->x;
    dim->y = -dim->y;
}

/* Does b belong before a? Larger steps come first; for an arg-reduction the reduced dimensions stay in order. */
static bool is_slower(const struct reduce_dim *b, const struct reduce_dim *a, int64_t operation)
{
    if (reduce_is_arg(operation) && a->is_reduced && b->is_reduced) return false;
    return size_of(b->x) > size_of(a->x);
}

static void sort(struct reduce_layout *layout, int64_t operation)
{
    for (int i = 1; i < layout->count; i++) {
        for (int j = i; j > 0 && is_slower(&layout->dim[j], &layout->dim[j - 1], operation); j--) {
            struct reduce_dim slower = layout->dim[j];
            layout->dim[j] = layout->dim[j - 1];
            layout->dim[j - 1] = slower;
        }
    }
}

/* Is a step of `slow` as far as all of `fast`? */
static bool continues(int64_t slow, const struct reduce_dim *dim, int64_t fast)
{
    int64_t whole;
    return !__builtin_mul_overflow(dim->extent, fast, &whole) && slow == whole;
}

static bool may_merge(const struct reduce_dim *slow, const struct reduce_dim *fast)
{
    return slow->is_reduced == fast->is_reduced && continues(slow->x, fast, fast->x) &&
           continues(slow->x2, fast, fast->x2) && continues(slow->y, fast, fast->y);
}

/* Nothing to reduce: one dimension without elements stands for all reduced ones. */
static void join_empty(struct reduce_layout *layout)
{
    bool is_empty = false;
    for (int i = 0; i < layout->count; i++)
        is_empty |= layout->dim[i].is_reduced && layout->dim[i].extent == 0;
    if (!is_empty) return;
    for (int i = layout->count; i-- > 0;) {
        if (layout->dim[i].is_reduced)
            drop(layout, i);
        else
            layout->dim[i].x = layout->dim[i].y; /* x is not read: y alone decides what merges */
    }
    layout->dim[layout->count++] = (struct reduce_dim){ .x = 1, .x2 = 1, .is_reduced = true };
}

void reduce_layout_merge(struct reduce_layout *layout, int64_t operation)
{
    join_empty(layout);
    for (int i = layout->count; i-- > 0;)
        if (layout->dim[i].extent == 1) drop(layout, i);
    for (int i = 0; i < layout->count; i++)
        turn_round(layout, &layout->dim[i], operation);
    sort(layout, operation);
    for (int i = layout->count - 1; i-- > 0;) {
        struct reduce_dim *slow = &layout->dim[i];
        if (!may_merge(slow, slow + 1)) continue;
        slow[1].extent *= slow->extent;
        drop(layout, i);
    }
}

struct reduce_layout reduce_layout_tight(const struct problem *problem)
{
    const struct reduce_fields *f = &problem->field.reduce;
    struct reduce_layout layout = { .count = (int)f->rank };
    int64_t step_x = 1;
    int64_t step_y = 1;
    for (int i = layout.count; i-- > 0;) {
        int64_t extent = reduce_extents_of(problem)[i];
        bool is_reduced = (f->axes >> i & 1) != 0;
        bool is_repeated = is_reduced && !reduce_is_normalization(f->operation);
        layout.dim[i] = (struct reduce_dim){ extent, step_x, 0, is_repeated ? 0 : step_y, is_reduced };
        if (f->operation == REDUCE_DOT) layout.dim[i].x2 = step_x;
        step_x *= extent > 0 ? extent : 1; /* checked: the product fits */
        step_y *= is_repeated || extent == 0 ? 1 : extent;
    }
    return layout;
}

/* Takes the dimension at *index, counting down, when it has the role. */
static struct reduce_dim take(const struct reduce_layout *layout, int *index, bool is_reduced)
{
    if (*index >= 0 && layout->dim[*index].is_reduced == is_reduced) return layout->dim[(*index)--];
    return (struct reduce_dim){ .extent = 1, .is_reduced = is_reduced };
}

struct reduce_roles reduce_layout_roles(const struct reduce_layout *layout, int64_t operation)
{
    struct reduce_roles roles = { .form = REDUCE_ROW };
    int last = layout->count - 1;
    const struct reduce_dim none = { .extent = 1 };
    bool is_column = last >= 0 && !layout->dim[last].is_reduced;
    roles.inner = is_column ? take(layout, &last, false) : none;
    roles.length = take(layout, &last, true);
    roles.outer = take(layout, &last, false);
    roles.segments = take(layout, &last, true);
    bool is_whole = last < 0;
    /* the other order of the last two: kept dimension slowest, only where no kept one lies between them */
    if (!is_whole && last == 0 && roles.outer.extent == 1) {
        roles.outer = take(layout, &last, false);
        is_whole = last < 0;
    }
    if (is_column && roles.length.extent == 1) { /* steps along both are free: one of them is enough */
        struct reduce_dim swapped = roles.length;
        roles.length = roles.segments;
        roles.segments = swapped;
    }
    const struct reduce_dim *fastest = is_column ? &roles.inner : &roles.length;
    bool is_contiguous = fastest->extent <= 1 || (fastest->x == 1 && (operation != REDUCE_DOT || fastest->x2 == 1));
    if (is_column) roles.form = REDUCE_COLUMN;
    if (!is_whole || !is_contiguous) roles.form = REDUCE_STRIDED;
    return roles;
}

static int64_t product(const struct reduce_layout *layout, bool is_reduced)
{
    int64_t count = 1;
    for (int i = 0; i < layout->count; i++)
        if (layout->dim[i].is_reduced == is_reduced) count *= layout->dim[i].extent;
    return count;
}

void reduce_layout_describe(const struct reduce_layout *layout, struct problem *problem)
{
    struct reduce_fields *f = &problem->field.reduce;
    struct reduce_roles roles = reduce_layout_roles(layout, f->operation);
    int64_t *extents = reduce_extents(problem);
    f->rank = layout->count > 0 ? layout->count : 1;
    f->axes = 0;
    memset(extents, 0, REDUCE_RANK_MAX * sizeof *extents);
    extents[0] = 1;
    for (int i = 0; i < layout->count; i++) {
        extents[i] = layout->dim[i].extent;
        f->axes |= (int64_t)layout->dim[i].is_reduced << i;
    }
    f->form = roles.form;
    if (roles.form == REDUCE_STRIDED) {
        f->outer = product(layout, false);
        f->segments = 1;
        f->length = product(layout, true);
        f->inner = 1;
        return;
    }
    f->outer = roles.outer.extent;
    f->segments = roles.segments.extent;
    f->length = roles.length.extent;
    f->inner = roles.inner.extent;
    f->packed = roles.form == REDUCE_COLUMN && (f->length == 1 || roles.length.x == f->inner);
}
