/* Plain C: the loop that one would write by hand, on pinned threads, one for each CPU. Compiled for the widest vectors that
 * the CPU has; enough sums side by side for the compiler to use them. */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_reduce.h"
#include "pool.h"
#include "reduce_sets.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

enum { LANES = 64, STRIP = 1024 };

struct cloop_state {
    struct pool *pool;
    struct reduce_sets sets;
    const struct reduce_set *set; /* of this run */
    float *partial;               /* one for each thread */
};

/* y[lane] gets x[lane], x[lane + LANES], ...; then one. */
#define ROW(name, first, step)                                                                                     \
    CLONES static float name(const float *restrict x, const float *restrict x2, int64_t count)                     \
    {                                                                                                              \
        float sum[LANES];                                                                                          \
        int64_t i = 0;                                                                                             \
        (void)x2;                                                                                                  \
        for (int lane = 0; lane < LANES; lane++)                                                                   \
            sum[lane] = first;                                                                                     \
        for (; i + LANES <= count; i += LANES)                                                                     \
            for (int lane = 0; lane < LANES; lane++) {                                                             \
                const float a = x[i + lane], s = sum[lane];                                                        \
                sum[lane] = step(s, a, x2[i + lane]);                                                              \
            }                                                                                                      \
        for (int lane = 0; i < count; i++, lane++) {                                                               \
            const float a = x[i], s = sum[lane];                                                                   \
            sum[lane] = step(s, a, x2[i]);                                                                         \
        }                                                                                                          \
        float all = sum[0];                                                                                        \
        for (int lane = 1; lane < LANES; lane++)                                                                   \
            all = JOIN_##name(all, sum[lane]);                                                                     \
        return all;                                                                                                \
    }

/* y[j] gets column j of `rows` rows, strip by strip. */
#define COLUMN(name, first, step)                                                                                  \
    CLONES static void name##_columns(const float *restrict x, int64_t rows, int64_t inner, int64_t from,          \
                                      int64_t to, float *restrict y)                                               \
    {                                                                                                              \
        for (int64_t strip = from; strip < to; strip += STRIP) {                                                   \
            int64_t end = strip + STRIP < to ? strip + STRIP : to;                                                 \
            for (int64_t j = strip; j < end; j++)                                                                  \
                y[j] = first;                                                                                      \
            for (int64_t r = 0; r < rows; r++)                                                                     \
                for (int64_t j = strip; j < end; j++) {                                                            \
                    const float a = x[r * inner + j], s = y[j];                                                    \
                    y[j] = step(s, a, 0.0F);                                                                       \
                }                                                                                                  \
        }                                                                                                          \
    }

#define PLUS(a, b)           ((a) + (b))
#define MOST(a, b)           ((a) > (b) ? (a) : (b))
#define LEAST(a, b)          ((a) < (b) ? (a) : (b))
#define ADD(s, a, b)         ((s) + (a))
#define ADD_SIZE(s, a, b)    ((s) + fabsf(a))
#define ADD_SQUARE(s, a, b)  ((s) + (a) * (a))
#define ADD_PRODUCT(s, a, b) ((s) + (a) * (b))
#define LARGER(s, a, b)      MOST(s, a)
#define SMALLER(s, a, b)     LEAST(s, a)
#define JOIN_sum             PLUS
#define JOIN_sizes           PLUS
#define JOIN_squares         PLUS
#define JOIN_products        PLUS
#define JOIN_largest         MOST
#define JOIN_smallest        LEAST

ROW(sum, 0.0F, ADD)
ROW(sizes, 0.0F, ADD_SIZE)
ROW(squares, 0.0F, ADD_SQUARE)
ROW(products, 0.0F, ADD_PRODUCT)
ROW(largest, -INFINITY, LARGER)
ROW(smallest, INFINITY, SMALLER)
COLUMN(sum, 0.0F, ADD)
COLUMN(sizes, 0.0F, ADD_SIZE)
COLUMN(squares, 0.0F, ADD_SQUARE)
COLUMN(largest, -INFINITY, LARGER)
COLUMN(smallest, INFINITY, SMALLER)

static const struct loop {
    enum reduce_operation operation;
    float (*row)(const float *x, const float *x2, int64_t count);
    void (*columns)(const float *x, int64_t rows, int64_t inner, int64_t from, int64_t to, float *y);
} loops[] = {
    { REDUCE_SUM, sum, sum_columns },           { REDUCE_MEAN, sum, sum_columns },
    { REDUCE_NORM1, sizes, sizes_columns },     { REDUCE_SUMSQ, squares, squares_columns },
    { REDUCE_NORM2, squares, squares_columns }, { REDUCE_DOT, products, NULL },
    { REDUCE_MAX, largest, largest_columns },   { REDUCE_MIN, smallest, smallest_columns },
};

static const struct loop *find_loop(int64_t operation)
{
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        if ((int64_t)loops[i].operation == operation) return &loops[i];
    return NULL;
}

static float finish(const struct reduce_shape *shape, float value)
{
    if (shape->operation == REDUCE_MEAN) return value / (float)(shape->length * shape->segments);
    return shape->operation == REDUCE_NORM2 ? sqrtf(value) : value;
}

static float join(int64_t operation, float a, float b)
{
    return operation == REDUCE_MAX ? MOST(a, b) : operation == REDUCE_MIN ? LEAST(a, b) : a + b;
}

static int64_t share(int64_t all, int index, int count)
{
    return all / count * index + (all % count < index ? all % count : index);
}

static void work(void *context, int index, int count)
{
    struct cloop_state *state = context;
    const struct reduce_shape *shape = &state->sets.shape;
    const float *x = state->set->x, *x2 = state->set->x2 ? state->set->x2 : x;
    float *all = state->set->y;
    const struct loop *loop = find_loop(shape->operation);
    if (shape->inner > 1) {
        int64_t cells = shape->outer * shape->inner;
        int64_t from = share(cells, index, count), to = share(cells, index + 1, count);
        for (int64_t o = from / shape->inner; o * shape->inner < to; o++) {
            int64_t first = from > o * shape->inner ? from - o * shape->inner : 0;
            int64_t last = to < (o + 1) * shape->inner ? to - o * shape->inner : shape->inner;
            float *y = all + o * shape->inner;
            loop->columns(x + o * shape->outer_x, shape->length, shape->inner, first, last, y);
            for (int64_t j = first; j < last; j++)
                y[j] = finish(shape, y[j]);
        }
    } else if (shape->outer * shape->segments == 1) {
        int64_t from = share(shape->length, index, count), to = share(shape->length, index + 1, count);
        state->partial[index * 16] = loop->row(x + from, x2 + from, to - from);
    } else {
        for (int64_t o = share(shape->outer, index, count); o < share(shape->outer, index + 1, count); o++) {
            float value = 0.0F;
            for (int64_t s = 0; s < shape->segments; s++) {
                int64_t at = o * shape->outer_x + s * shape->segment_x;
                float part = loop->row(x + at, x2 + at, shape->length);
                value = s == 0 ? part : join(shape->operation, value, part);
            }
            all[o] = finish(shape, value);
        }
    }
}

static hpck_status cloop_run(void *opaque, struct error *err)
{
    (void)err;
    struct cloop_state *state = opaque;
    struct reduce_sets *sets = &state->sets;
    const struct reduce_shape *shape = &sets->shape;
    state->set = reduce_sets_next(sets);
    float *y = state->set->y;
    pool_run(state->pool, work, state);
    if (shape->inner == 1 && shape->outer * shape->segments == 1) {
        float value = state->partial[0];
        for (int i = 1; i < pool_size(state->pool); i++)
            value = join(shape->operation, value, state->partial[i * 16]);
        y[0] = finish(shape, value);
    }
    return HPCK_OK;
}

static void cloop_close(void *opaque)
{
    struct cloop_state *state = opaque;
    if (!state) return;
    pool_close(state->pool);
    reduce_sets_close(&state->sets);
    free(state->partial);
    free(state);
}

static hpck_status cloop_open(void *library, hpck_handle *handle, const struct problem *problem,
                              struct workload *workload, int copies, void **out, struct error *err)
{
    (void)library;
    (void)handle;
    hpck_status st = HPCK_OK;
    struct reduce_shape shape;
    struct cloop_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(reduce_shape_of(workload, problem, &shape, err));
    HPCK_TRY(reduce_shape_check_f32(&shape, err));
    const struct loop *loop = find_loop(shape.operation);
    bool is_column = shape.inner > 1;
    if (loop == NULL || (is_column && (loop->columns == NULL || shape.segments > 1)))
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "no loop is written for it");
    HPCK_TRY(reduce_sets_open(&shape, copies, &state->sets, err));
    HPCK_TRY(pool_open(&state->pool, err));
    state->partial = calloc((size_t)pool_size(state->pool) * 16, sizeof *state->partial);
    if (!state->partial) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    *out = state;
    state = NULL;
done:
    cloop_close(state);
    return st;
}

static hpck_status cloop_verify(void *opaque, struct error *err)
{
    struct cloop_state *state = opaque;
    reduce_sets_poison(&state->sets);
    cloop_run(state, err);
    return reduce_sets_check(&state->sets, err);
}

static hpck_status cloop_load(void **library, struct error *err)
{
    (void)err;
    *library = NULL;
    return HPCK_OK;
}

static void cloop_unload(void *library)
{
    (void)library;
}

static const char *cloop_version(const void *library)
{
    (void)library;
    return "plain C, a pinned thread for each CPU";
}

static const char *cloop_routine(const void *state)
{
    (void)state;
    return "";
}

const struct reference reference_cloop = {
    .name = "c-loop",
    .doc = "reductions in plain C, a pinned thread for each CPU",
    .on_request = true,
    .load = cloop_load,
    .unload = cloop_unload,
    .version = cloop_version,
    .open = cloop_open,
    .routine = cloop_routine,
    .run = cloop_run,
    .verify = cloop_verify,
    .close = cloop_close,
};
