/* See overlap.h. */
#include "overlap.h"

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Rounds towards minus infinity; b > 0. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Bytes from the first to behind the last one. */
static int64_t extent(const struct block *x)
{
    return (x->lines - 1) * x->pitch + x->width;
}

/* Line i of x and line j of y lie distance + (j - i) * pitch apart and touch when that is between -y.width and x.width:
 * is there such a j - i? */
static bool same_pitch_overlap(const struct block *x, const struct block *y, int64_t pitch)
{
    int64_t distance = y->start - x->start;
    int64_t least = -floor_div(y->width - 1 + distance, pitch); /* least t with distance + t * pitch > -y.width */
    int64_t most = floor_div(x->width - 1 - distance, pitch);
    return max(least, -(x->lines - 1)) <= min(most, y->lines - 1);
}

bool blocks_overlap(const struct block *x, const struct block *y)
{
    if (x->start + extent(x) <= y->start || y->start + extent(y) <= x->start) return false;
    if (x->pitch == y->pitch || y->lines == 1) return same_pitch_overlap(x, y, x->pitch);
    if (x->lines == 1) return same_pitch_overlap(x, y, y->pitch);
    for (int64_t i = 0; i < x->lines; i++) {
        struct block line = { x->start + i * x->pitch, 1, x->width, y->pitch };
        if (same_pitch_overlap(&line, y, y->pitch)) return true;
    }
    return false;
}

static int64_t series_end(const struct block_series *x)
{
    return x->first.start + (x->count - 1) * x->stride + extent(&x->first);
}

bool series_overlap(const struct block_series *x, const struct block_series *y)
{
    if (series_end(x) <= y->first.start || series_end(y) <= x->first.start) return false;
    for (int64_t i = 0; i < x->count; i++) {
        struct block entry = x->first;
        entry.start += i * x->stride;
        /* The entries of y that may reach into this one. */
        int64_t least = 0;
        int64_t most = y->stride > 0 ? y->count - 1 : 0;
        if (y->stride > 0) {
            least = max(0, floor_div(entry.start - extent(&y->first) - y->first.start, y->stride));
            most = min(most, floor_div(entry.start + extent(&entry) - y->first.start, y->stride));
        }
        for (int64_t j = least; j <= most; j++) {
            struct block other = y->first;
            other.start += j * y->stride;
            if (blocks_overlap(&entry, &other)) return true;
        }
        if (x->stride == 0) break;
    }
    return false;
}

bool series_overlaps_itself(const struct block_series *x)
{
    if (x->count > 1 && x->stride == 0) return true;
    int64_t reach = min(x->count - 1, (extent(&x->first) - 1) / max(x->stride, 1));
    for (int64_t i = 1; i <= reach; i++) {
        struct block other = x->first;
        other.start += i * x->stride;
        if (blocks_overlap(&x->first, &other)) return true;
    }
    return false;
}
