/* See reduce_check.h: the operands of a checked description in memory, and the call. */
#include <inttypes.h>

#include "reduce_check.h"

/* An operand as the span of elements that it touches. */
struct span {
    const char *name;
    hpck_buffer buffer;
    int64_t element_bytes;
    bool is_written;
    int64_t first, last; /* elements */
    struct memory_range range;
};

enum { X, X2, Y, VARIANCE, INDICES, SCALE, SHIFT, SPAN_COUNT };

static int64_t step_of(const struct reduce_dim *dim, int operand)
{
    if (operand == X) return dim->x;
    if (operand == X2) return dim->x2;
    return dim->y;
}

/* Moves first and last as far as the dimensions reach. */
static bool reach(const struct reduce_layout *layout, int operand, struct span *span)
{
    for (int i = 0; i < layout->count; i++) {
        int64_t far;
        if (layout->dim[i].extent < 1) continue; /* it is read by nobody */
        if (__builtin_mul_overflow(layout->dim[i].extent - 1, step_of(&layout->dim[i], operand), &far) ||
            __builtin_add_overflow(far < 0 ? span->first : span->last, far, far < 0 ? &span->first : &span->last))
            return false;
    }
    return true;
}

static bool is_empty_inside(const struct reduce_layout *layout)
{
    for (int i = 0; i < layout->count; i++)
        if (layout->dim[i].extent == 0) return true;
    return false;
}

static hpck_status check_span(const struct reduce_request *r, const struct backend *backend,
                              struct backend_device *device, int operand, struct span *span, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t bytes;
    if (span->buffer.offset < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: %s.offset = %" PRId64 " is negative", r->api, span->name,
                  span->buffer.offset);
    HPCK_TRY(backend_check_memory(backend, device, span->buffer.memory, span->name, (size_t)span->element_bytes,
                                  &span->range, err));
    span->first = span->last = span->buffer.offset;
    bool fits = operand >= SCALE ? !__builtin_add_overflow(span->last, r->columns - 1, &span->last)
                                 : reach(&r->given, operand, span);
    if (!fits || __builtin_add_overflow(span->last, 1, &bytes) ||
        __builtin_mul_overflow(bytes, span->element_bytes, &bytes))
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s: the last element of %s, by its extents, strides and offset, does not fit in 63 bits", r->api,
                  span->name);
    if (span->first < 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s: %s begins %" PRId64 " elements before its buffer: its negative strides need a larger offset",
                  r->api, span->name, -span->first);
    if ((uint64_t)bytes > span->range.bytes)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s: %s has %zu bytes, too few for these extents, strides and offset: element %" PRId64
                  " ends at byte %" PRId64,
                  r->api, span->name, span->range.bytes, span->last, bytes);
done:
    return st;
}

/* The byte of the root buffer where an element begins. */
static int64_t byte_of(const struct span *span, int64_t element)
{
    return (int64_t)span->range.offset + element * span->element_bytes;
}

static bool spans_overlap(const struct span *a, const struct span *b)
{
    return a->range.root == b->range.root && byte_of(a, a->first) < byte_of(b, b->last + 1) &&
           byte_of(b, b->first) < byte_of(a, a->last + 1);
}

/* From the smallest step up, each must be beyond all that the smaller ones reach. */
static hpck_status check_y_apart(const struct reduce_request *r, struct error *err)
{
    bool is_done[REDUCE_RANK_MAX] = { false };
    int64_t reached = 0;
    for (;;) {
        int next = -1;
        int64_t least = INT64_MAX;
        for (int i = 0; i < r->given.count; i++) {
            const struct reduce_dim *dim = &r->given.dim[i];
            int64_t step = dim->y < 0 ? -dim->y : dim->y; /* in range: check_span came before */
            bool is_kept = !dim->is_reduced || reduce_is_normalization(r->problem.field.reduce.operation);
            if (is_done[i] || !is_kept || dim->extent <= 1 || step > least) continue;
            next = i;
            least = step;
        }
        if (next < 0) return HPCK_OK;
        if (least <= reached)
            return error_set(err, HPCK_INVALID_ARGUMENT,
                             "%s: strides_y[%d] = %" PRId64
                             " makes elements of y overlap: smaller strides reach %" PRId64 " elements far",
                             r->api, next, r->given.dim[next].y, reached);
        reached += (r->given.dim[next].extent - 1) * least;
        is_done[next] = true;
    }
}

/* A normalisation may write y where it reads x: the same rows, element for element. */
static bool is_in_place(const struct reduce_request *r, const struct span *x, const struct span *y)
{
    const struct reduce_dim *rows = &r->given.dim[0];
    return reduce_is_normalization(r->problem.field.reduce.operation) && x->range.root == y->range.root &&
           byte_of(x, x->first) == byte_of(y, y->first) && x->element_bytes == y->element_bytes &&
           (rows->x == rows->y || rows->extent == 1);
}

static hpck_status check_apart(const struct reduce_request *r, const struct span *spans, struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(check_y_apart(r, err));
    for (int i = 0; i < SPAN_COUNT; i++) {
        for (int j = 0; j < SPAN_COUNT; j++) {
            bool is_pair = j != i && spans[i].is_written && spans[i].buffer.memory != NULL &&
                           spans[j].buffer.memory != NULL && (j > i || !spans[j].is_written);
            if (i == Y && j == X && is_in_place(r, &spans[X], &spans[Y])) continue;
            if (is_pair && spans_overlap(&spans[i], &spans[j]))
                HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s: %s overlaps %s in the same buffer", r->api,
                          spans[i].name, spans[j].name);
        }
    }
done:
    return st;
}

/* ---- the call ------------------------------------------------------------------------------------------------- */

/* Kept ones first, reduced ones last. */
static void fill_dims(const struct reduce_layout *layout, struct call *call)
{
    int at = 0;
    int reduced = 0;
    for (int i = 0; i < layout->count; i++)
        reduced += layout->dim[i].is_reduced;
    for (int i = 0; i < REDUCE_RANK_MAX; i++) {
        call->value[REDUCE_DIM0_EXTENT + i] = 1;
        call->value[REDUCE_DIM0_X + i] = call->value[REDUCE_DIM0_X2 + i] = call->value[REDUCE_DIM0_Y + i] = 0;
    }
    for (int role = 0; role < 2; role++) {
        for (int i = 0; i < layout->count; i++) {
            if (layout->dim[i].is_reduced != (role == 1)) continue;
            call->value[REDUCE_DIM0_EXTENT + at] = layout->dim[i].extent;
            call->value[REDUCE_DIM0_X + at] = layout->dim[i].x;
            call->value[REDUCE_DIM0_X2 + at] = layout->dim[i].x2;
            call->value[REDUCE_DIM0_Y + at] = layout->dim[i].y;
            at++;
        }
        if (role == 0) {
            call->value[REDUCE_KEPT_COUNT] = at;
            at = REDUCE_RANK_MAX - reduced;
        }
    }
}

static void fill_call(const struct reduce_request *r, const struct span *spans, struct call *call)
{
    struct reduce_roles roles = reduce_layout_roles(&r->layout, r->problem.field.reduce.operation);
    int64_t *value = call->value;
    value[REDUCE_OFFSET_X] = spans[X].buffer.offset + r->layout.first_x;
    value[REDUCE_OFFSET_X2] = spans[X2].buffer.offset;
    value[REDUCE_OFFSET_Y] = spans[Y].buffer.offset + r->layout.first_y;
    value[REDUCE_OFFSET_VARIANCE] = spans[VARIANCE].buffer.offset + r->layout.first_y;
    value[REDUCE_OFFSET_INDICES] = spans[INDICES].buffer.offset + r->layout.first_y;
    value[REDUCE_OFFSET_SCALE] = spans[SCALE].buffer.offset;
    value[REDUCE_OFFSET_SHIFT] = spans[SHIFT].buffer.offset;
    value[REDUCE_OUTER_X] = roles.outer.x;
    value[REDUCE_SEGMENT_X] = roles.segments.x;
    value[REDUCE_LENGTH_X] = roles.length.x;
    value[REDUCE_OUTER_X2] = roles.outer.x2;
    value[REDUCE_SEGMENT_X2] = roles.segments.x2;
    value[REDUCE_LENGTH_X2] = roles.length.x2;
    value[REDUCE_OUTER_Y] = roles.outer.y;
    value[REDUCE_INNER_Y] = roles.inner.y;
    fill_dims(&r->layout, call);
    call->scalar[REDUCE_CORRECTION] = r->correction;
    call->scalar[REDUCE_EPSILON] = r->epsilon;
    static const int buffers[SPAN_COUNT] = {
        [X] = REDUCE_X,
        [X2] = REDUCE_X2,
        [Y] = REDUCE_Y,
        [VARIANCE] = REDUCE_VARIANCE,
        [INDICES] = REDUCE_INDICES,
        [SCALE] = REDUCE_SCALE,
        [SHIFT] = REDUCE_SHIFT,
    };
    for (int i = 0; i < SPAN_COUNT; i++)
        call->buffer[buffers[i]] = spans[i].buffer.memory;
}

hpck_status reduce_check_operands(const struct backend *backend, struct backend_device *device,
                                  const struct reduce_request *r, hpck_buffer x, hpck_buffer y, struct call *call,
                                  struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t in = (int64_t)dtype_bytes(r->problem.dtype_in);
    int64_t out = (int64_t)dtype_bytes(r->problem.dtype_out);
    struct span spans[SPAN_COUNT] = {
        [X] = { .name = "x", .buffer = x, .element_bytes = in },
        [X2] = { .name = "x2", .buffer = r->x2, .element_bytes = in },
        [Y] = { .name = "y", .buffer = y, .element_bytes = out, .is_written = true },
        [VARIANCE] = { .name = "variance", .buffer = r->variance, .element_bytes = out, .is_written = true },
        [INDICES] = { .name = "indices",
                      .buffer = r->indices,
                      .element_bytes = r->problem.field.reduce.index64 ? 8 : 4,
                      .is_written = true },
        [SCALE] = { .name = "scale", .buffer = r->scale, .element_bytes = in },
        [SHIFT] = { .name = "shift", .buffer = r->shift, .element_bytes = in },
    };
    bool is_read = !is_empty_inside(&r->given);
    for (int i = 0; i < SPAN_COUNT; i++) {
        bool is_wanted = spans[i].buffer.memory != NULL || (i == X && is_read);
        if ((i == X || i == X2) && !is_read) spans[i].buffer.memory = NULL;
        if (is_wanted && (is_read || (i != X && i != X2)))
            HPCK_TRY(check_span(r, backend, device, i, &spans[i], err));
        if (spans[i].buffer.memory == NULL) spans[i].buffer.offset = 0;
    }
    HPCK_TRY(check_apart(r, spans, err));
    fill_call(r, spans, call);
done:
    return st;
}
