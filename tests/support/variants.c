/* Choosing variants: first, greedily, few that cover all pairs of values, then as many more as are wanted. A point is tried
 * for legality only where it would be chosen: for an illegal one that takes many draws. */
#include "variants.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t variants_seed(void)
{
    const char *text = getenv("HPCK_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) / 86400;
}

/* ---- the grid ---------------------------------------------------------------------------------------------- */

enum point_state { UNTRIED, LEGAL, ILLEGAL, CHOSEN };

/* The compile-time grid in the order of the seed, and what is known of each point. */
struct grid {
    const struct family *family;
    const struct device_desc *device;
    int64_t size_max;
    uint64_t *seed;
    size_t size;
    uint32_t *order;      /* a permutation of the points' numbers */
    unsigned char *state; /* of the point of that number */
};

static size_t grid_size(const struct family *family)
{
    size_t size = 1;
    for (int i = 0; i < family->param_count; i++)
        size *= family->params[i].run_time ? 1 : (size_t)family->params[i].value_count;
    return size;
}

static hpck_status grid_init(struct grid *grid, struct error *err)
{
    grid->size = grid_size(grid->family);
    grid->order = malloc(grid->size * sizeof *grid->order);
    grid->state = calloc(grid->size, 1);
    if (grid->order == NULL || grid->state == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "variants: no memory for %zu points", grid->size);
    for (size_t i = 0; i < grid->size; i++) {
        const size_t other = (size_t)random_below(grid->seed, i + 1);
        grid->order[i] = grid->order[other];
        grid->order[other] = (uint32_t)i;
    }
    return HPCK_OK;
}

/* Run-time parameters get their first value. */
static void grid_point(const struct family *family, size_t number, int64_t *param)
{
    for (int i = 0; i < family->param_count; i++) {
        const struct param_desc *desc = &family->params[i];
        const size_t count = desc->run_time ? 1 : (size_t)desc->value_count;
        param[i] = desc->values[number % count];
        number /= count;
    }
}

static bool is_legal(struct grid *grid, size_t number)
{
    int64_t param[FAMILY_PARAMS_MAX];
    struct trial trial;
    if (grid->state[number] == UNTRIED) {
        grid_point(grid->family, number, param);
        const bool is_drawn =
            trial_draw(grid->family, grid->device, param, NULL, grid->size_max, grid->seed, &trial);
        grid->state[number] = is_drawn ? LEGAL : ILLEGAL;
    }
    return grid->state[number] == LEGAL;
}

/* ---- pairs ------------------------------------------------------------------------------------------------- */

enum { VALUES_MAX = 256 }; /* of all parameters of one family together */

struct pairs {
    unsigned char covered[VALUES_MAX][VALUES_MAX];
};

/* How many pairs of the point's values are not covered yet; these are, from now on, where `cover` says so. */
static int new_pairs(const struct family *family, size_t number, struct pairs *pairs, bool cover)
{
    size_t id[FAMILY_PARAMS_MAX], start = 0;
    int found = 0;
    for (int i = 0; i < family->param_count; i++) {
        const struct param_desc *desc = &family->params[i];
        const size_t count = desc->run_time ? 1 : (size_t)desc->value_count;
        id[i] = (start + number % count) % VALUES_MAX;
        start += count;
        number /= count;
        for (int j = 0; j <= i; j++) {
            found += !pairs->covered[id[i]][id[j]];
            if (cover) pairs->covered[id[i]][id[j]] = 1;
        }
    }
    return found;
}

/* ---- the choice -------------------------------------------------------------------------------------------- */

static hpck_status choose(struct grid *grid, size_t number, struct variants *chosen, struct error *err)
{
    const size_t width = (size_t)grid->family->param_count;
    int64_t *grown = realloc(chosen->param, ((size_t)chosen->count + 1) * width * sizeof *grown);
    if (grown == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "variants: no memory for another");
    chosen->param = grown;
    grid_point(grid->family, number, grown + (size_t)chosen->count++ * width);
    grid->state[number] = CHOSEN;
    return HPCK_OK;
}

/* The next points of the order that bring a new pair wait in a pool, from which the one that brings most is taken. */
static hpck_status cover_pairs(struct grid *grid, struct variants *chosen, struct error *err)
{
    enum { POOL = 256 };
    hpck_status st = HPCK_OK;
    struct pairs pairs = { { { 0 } } };
    size_t pool[POOL], next = 0;
    int pooled = 0;
    do {
        for (; pooled < POOL && next < grid->size; next++) {
            const size_t number = grid->order[next];
            if (new_pairs(grid->family, number, &pairs, false) > 0 && is_legal(grid, number))
                pool[pooled++] = number;
        }
        int kept = 0, most = 0;
        size_t best = 0;
        for (int i = 0; i < pooled; i++) {
            const int found = new_pairs(grid->family, pool[i], &pairs, false);
            if (found > most) {
                most = found;
                best = pool[i];
            }
            if (found > 0) pool[kept++] = pool[i];
        }
        pooled = kept;
        if (most == 0) continue;
        new_pairs(grid->family, best, &pairs, true);
        HPCK_TRY(choose(grid, best, chosen, err));
    } while (pooled > 0 || next < grid->size);
done:
    return st;
}

hpck_status variants_list(const struct family *family, const struct device_desc *device, int limit,
                          int64_t size_max, uint64_t *seed, struct variants *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct variants chosen = { 0 };
    struct grid grid = { .family = family, .device = device, .size_max = size_max, .seed = seed };
    HPCK_TRY(grid_init(&grid, err));
    HPCK_TRY(cover_pairs(&grid, &chosen, err));
    for (size_t i = 0; i < grid.size && (limit == 0 || chosen.count < limit); i++) {
        if (is_legal(&grid, grid.order[i])) HPCK_TRY(choose(&grid, grid.order[i], &chosen, err));
    }
    *out = chosen;
    chosen.param = NULL;
done:
    variants_free(&chosen);
    free(grid.order);
    free(grid.state);
    return st;
}

void variants_free(struct variants *variants)
{
    free(variants->param);
}
