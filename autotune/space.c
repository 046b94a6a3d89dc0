/* Scans the families' grids through the functions that codegen made from their declarations. */
#include "space.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

static const uint64_t HASH_START = 0xcbf29ce484222325U; /* FNV-1a, 64 bit, here over whole words */

static uint64_t hash_add(uint64_t hash, int64_t value)
{
    uint64_t mixed = (hash ^ (uint64_t)value) * 0x100000001b3U;
    return mixed ^ (mixed >> 29);
}

static uint64_t hash_program(const struct candidate *candidate)
{
    const struct family *family = candidate->family;
    uint64_t hash = HASH_START;
    for (const char *c = family->name; *c; c++)
        hash = hash_add(hash, *c);
    for (int i = 0; i < family->param_count; i++)
        if (!family->params[i].run_time) hash = hash_add(hash, candidate->param[i]);
    return hash;
}

bool space_same_program(const struct candidate *a, const struct candidate *b)
{
    for (int i = 0; a->family == b->family && i < a->family->param_count; i++)
        if (!a->family->params[i].run_time && a->param[i] != b->param[i]) return false;
    return a->family == b->family;
}

uint64_t space_fingerprint(const struct space *space, const struct candidate *candidate)
{
    const struct family *family = candidate->family;
    struct problem room;
    const struct point point = { &space->device->field, problem_as(space->problem, family->op, &room),
                                 candidate->param };
    uint64_t hash = hash_program(candidate);
    for (int s = 0; s < family->step_count; s++) {
        const struct step_desc *step = &family->steps[s];
        struct geometry geometry;
        if (!step->enabled(&point)) continue;
        step->geometry(&point, &geometry);
        hash = hash_add(hash, s);
        for (int axis = 0; axis < 3; axis++) {
            hash = hash_add(hash, geometry.global[axis]);
            hash = hash_add(hash, geometry.local[axis]);
        }
        for (int a = 0; a < step->arg_count; a++)
            if (step->args[a].kind == ARG_VALUE || step->args[a].kind == ARG_LOCAL)
                hash = hash_add(hash, step->args[a].value(&point));
    }
    return hash;
}

const char *space_rejection(const struct space *space, const struct candidate *candidate)
{
    int64_t limit = space->device->field.max_alloc_bytes;
    return select_rejection(candidate->family, space->device, space->dialect, space->problem, candidate->param,
                            limit > 0 ? limit : INT64_MAX);
}

struct candidate space_candidate(const struct space *space, int point)
{
    struct candidate candidate = { .family = space->points[point].family };
    family_space_point(candidate.family, space->points[point].index, candidate.param);
    return candidate;
}

static int by_fingerprint(const void *a, const void *b)
{
    const struct space_point *x = a;
    const struct space_point *y = b;
    if (x->fingerprint != y->fingerprint) return x->fingerprint < y->fingerprint ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_estimate(const void *a, const void *b)
{
    const struct space_point *x = a;
    const struct space_point *y = b;
    if (x->estimate < y->estimate) return -1;
    if (x->estimate > y->estimate) return 1;
    return by_fingerprint(a, b);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void keep_one_of_each_fingerprint(struct space *space)
{
    int kept = 0;
    qsort(space->points, (size_t)space->count, sizeof *space->points, by_fingerprint);
    for (int i = 0; i < space->count; i++)
        if (kept == 0 || space->points[i].fingerprint != space->points[kept - 1].fingerprint)
            space->points[kept++] = space->points[i];
    space->count = kept;
}

static hpck_status count_programs(struct space *space, struct error *err)
{
    uint64_t *programs = malloc(((size_t)space->count + 1) * sizeof *programs);
    if (!programs) return error_set(err, HPCK_OUT_OF_MEMORY, "space: no memory for %d points", space->count);
    for (int i = 0; i < space->count; i++) {
        struct candidate candidate = space_candidate(space, i);
        programs[i] = hash_program(&candidate);
    }
    qsort(programs, (size_t)space->count, sizeof *programs, by_value);
    space->compilations = 0;
    for (int i = 0; i < space->count; i++)
        if (i == 0 || programs[i] != programs[i - 1]) space->compilations++;
    free(programs);
    return HPCK_OK;
}

static hpck_status scan_family(struct space *space, const struct family *family, int *capacity, struct error *err)
{
    const uint64_t size = family_space_size(family);
    const bool sampled = size > SPACE_SCAN_MAX;
    const uint64_t looks = sampled ? SPACE_SCAN_MAX : size;
    uint64_t random = 1; /* the same sample every time: a resumed run sees the same space */

    for (uint64_t i = 0; i < looks; i++) {
        uint64_t index = sampled ? random_below(&random, size) : i;
        struct candidate candidate = { .family = family };
        family_space_point(family, index, candidate.param);
        if (space_rejection(space, &candidate)) continue;
        if (space->count == *capacity) {
            int larger = *capacity ? 2 * *capacity : 1024;
            struct space_point *points = realloc(space->points, (size_t)larger * sizeof *points);
            if (!points) return error_set(err, HPCK_OUT_OF_MEMORY, "space: no memory for %d points", larger);
            space->points = points;
            *capacity = larger;
        }
        space->points[space->count++] =
            (struct space_point){ family, index, space_fingerprint(space, &candidate),
                                  select_estimate(family, space->device, space->problem, candidate.param) };
    }
    return HPCK_OK;
}

hpck_status space_build(struct space *space, const struct device_desc *device, enum dialect dialect,
                        const struct problem *problem, struct error *err)
{
    hpck_status st = HPCK_OK;
    int capacity = 0;
    struct problem room;

    *space = (struct space){ .device = device, .dialect = dialect, .problem = problem };
    for (int f = 0; f < family_count; f++) {
        const struct family *family = families[f];
        if (!problem_as(problem, family->op, &room) || !family_text(family, dialect, problem)) continue;
        space->grid += family_space_size(family);
        HPCK_TRY(scan_family(space, family, &capacity, err));
    }
    space->legal = (uint64_t)space->count;
    if (space->count == 0) goto done;
    keep_one_of_each_fingerprint(space);
    qsort(space->points, (size_t)space->count, sizeof *space->points, by_estimate);
    while (space->plausible < space->count &&
           space->points[space->plausible].estimate <= SPACE_VETO * space->points[0].estimate)
        space->plausible++;
    HPCK_TRY(count_programs(space, err));
done:
    if (st != HPCK_OK) space_free(space);
    return st;
}

void space_free(struct space *space)
{
    free(space->points);
    space->points = NULL;
    space->count = 0;
}

static int value_index(const struct param_desc *param, int64_t value)
{
    for (int i = 0; i < param->value_count; i++)
        if (param->values[i] == value) return i;
    return -1;
}

static bool step_along(const struct space *space, const struct candidate *from, int index, int direction,
                       struct candidate *to)
{
    const struct param_desc *param = &from->family->params[index];
    const uint64_t here = space_fingerprint(space, from);
    *to = *from;
    int start = value_index(param, from->param[index]);
    for (int i = start + direction; start >= 0 && i >= 0 && i < param->value_count; i += direction) {
        to->param[index] = param->values[i];
        if (!space_rejection(space, to) && space_fingerprint(space, to) != here) return true;
    }
    return false;
}

int space_neighbours(const struct space *space, const struct candidate *candidate,
                     struct candidate neighbours[NEIGHBOURS_MAX])
{
    int count = 0;
    for (int run_time = 1; run_time >= 0; run_time--) {
        for (int i = 0; i < candidate->family->param_count; i++) {
            if (candidate->family->params[i].run_time != (run_time == 1)) continue;
            if (step_along(space, candidate, i, -1, &neighbours[count])) count++;
            if (step_along(space, candidate, i, +1, &neighbours[count])) count++;
        }
    }
    return count;
}
