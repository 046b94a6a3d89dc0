/* Overlap of blocks against a painted map of every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "overlap.h"

enum { MAP = 512 };

static bool paint(const struct block_series *x, unsigned char *map)
{
    bool was_painted = false;
    for (int64_t e = 0; e < x->count; e++) {
        unsigned char own[MAP] = { 0 };
        for (int64_t i = 0; i < x->first.lines; i++)
            for (int64_t j = 0; j < x->first.width; j++)
                own[x->first.start + e * x->stride + i * x->first.pitch + j] = 1;
        for (int i = 0; i < MAP; i++) {
            was_painted = was_painted || (own[i] && map[i]);
            map[i] |= own[i];
        }
    }
    return was_painted;
}

static uint64_t next(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (*state >> 33) % below;
}

static struct block_series random_series(uint64_t *state)
{
    int64_t width = 1 + (int64_t)next(state, 8);
    return (struct block_series){
        .first = { .start = (int64_t)next(state, 60),
                   .lines = 1 + (int64_t)next(state, 5),
                   .width = width,
                   .pitch = width + (int64_t)next(state, 12) },
        .count = 1 + (int64_t)next(state, 4),
        .stride = (int64_t)next(state, 60),
    };
}

static void overlap_is_what_a_map_shows(void **state)
{
    (void)state;
    uint64_t seed = 1;
    int found[2] = { 0, 0 };
    for (int round = 0; round < 40000; round++) {
        struct block_series x = random_series(&seed);
        struct block_series y = random_series(&seed);
        if (next(&seed, 2)) { /* half the time as in one matrix */
            y.first.pitch = x.first.pitch = y.first.pitch > x.first.pitch ? y.first.pitch : x.first.pitch;
            y.stride = x.stride;
        }
        unsigned char map[MAP] = { 0 };
        bool itself = paint(&x, map);
        if (series_overlaps_itself(&x) != itself)
            fail_msg("itself: start %" PRId64 " lines %" PRId64 " width %" PRId64 " pitch %" PRId64
                     " count %" PRId64 " stride %" PRId64,
                     x.first.start, x.first.lines, x.first.width, x.first.pitch, x.count, x.stride);
        unsigned char other[MAP] = { 0 };
        paint(&y, other);
        bool both = false;
        for (int i = 0; i < MAP; i++)
            both = both || (map[i] && other[i]);
        if (series_overlap(&x, &y) != both || series_overlap(&y, &x) != both)
            fail_msg("round %d: the map says %d", round, both);
        found[both]++;
    }
    assert_true(found[0] > 1000 && found[1] > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(overlap_is_what_a_map_shows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
