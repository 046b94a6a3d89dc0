/* Sorting and finding tuning records. */
#include "tunedb_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tunedb_file.h"

/* ---- adding ---------------------------------------------------------------------------------------------------- */

/* Room for one more element of an array that doubles. */
static void *grown(void *array, int count, int *capacity, size_t size)
{
    if (count < *capacity) return array;
    int wanted = *capacity > 0 ? 2 * *capacity : 64;
    void *more = realloc(array, (size_t)wanted * size);
    if (more != NULL) *capacity = wanted;
    return more;
}

/* Index of the device's owner, made if need be; -1: no memory. Consecutive records mostly share a device. */
static int owner_of(struct tunedb_index *index, const struct device_desc *device)
{
    if (index->stored_count > 0) {
        int last = index->stored[index->stored_count - 1].device;
        if (tunedb_same_device(&index->owners[last].device, device)) return last;
    }
    for (int i = 0; i < index->owner_count; i++)
        if (tunedb_same_device(&index->owners[i].device, device)) return i;
    struct owner *owners = realloc(index->owners, ((size_t)index->owner_count + 1) * sizeof *owners);
    if (owners == NULL) return -1;
    index->owners = owners;
    owners[index->owner_count] = (struct owner){ .device = *device };
    return index->owner_count++;
}

hpck_status tunedb_index_add(struct tunedb_index *index, const struct tunedb_record *record, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct stored *stored = grown(index->stored, index->stored_count, &index->stored_capacity, sizeof *stored);
    if (stored != NULL) index->stored = stored;
    const int device = stored != NULL ? owner_of(index, &record->device) : -1;
    if (device < 0) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for %d tuning records", index->stored_count + 1);
    stored[index->stored_count++] = (struct stored){ *record, device };
done:
    return st;
}

/* ---- sorting ------------------------------------------------------------------------------------------------- */

/* Best first, the order in which a ladder tries them: higher layer, provenance, time. */
static int order_quality(const struct tunedb_record *a, const struct tunedb_record *b)
{
    if (a->layer != b->layer) return a->layer < b->layer ? -1 : 1;
    if (a->provenance != b->provenance) return a->provenance > b->provenance ? -1 : 1;
    if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
    return 0;
}

static int order_stored(const void *left, const void *right)
{
    const struct stored *a = *(const struct stored *const *)left;
    const struct stored *b = *(const struct stored *const *)right;
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    int order = problem_order(&a->record.problem, &b->record.problem);
    if (order == 0) order = order_quality(&a->record, &b->record);
    if (order == 0) order = a < b ? -1 : 1; /* as loaded: the order never depends on chance */
    return order;
}

hpck_status tunedb_index_build(struct tunedb_index *index, struct error *err)
{
    size_t count = (size_t)index->stored_count;
    index->sorted = malloc((count + 1) * sizeof(struct stored *));
    index->groups = malloc((count + 1) * sizeof(struct group));
    if (index->sorted == NULL || index->groups == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the index of %zu tuning records", count);
    for (size_t i = 0; i < count; i++)
        index->sorted[i] = &index->stored[i];
    qsort(index->sorted, count, sizeof index->sorted[0], order_stored);
    for (int i = 0; i < index->stored_count; i++) {
        const struct stored *now = index->sorted[i];
        const struct stored *before = i > 0 ? index->sorted[i - 1] : NULL;
        struct owner *owner = &index->owners[now->device];
        if (before == NULL || before->device != now->device ||
            !problem_same(&before->record.problem, &now->record.problem)) {
            if (owner->count++ == 0) owner->first = index->group_count;
            index->groups[index->group_count++] = (struct group){ i, 0 };
        }
        index->groups[index->group_count - 1].count++;
    }
    return HPCK_OK;
}

void tunedb_index_free(struct tunedb_index *index)
{
    free(index->stored);
    free(index->owners);
    free(index->sorted);
    free(index->groups);
    *index = (struct tunedb_index){ 0 };
}

/* ---- looking up ------------------------------------------------------------------------------------------------ */

static const struct problem *group_problem(const struct tunedb_index *index, int group)
{
    return &index->sorted[index->groups[group].first]->record.problem;
}

/* The group of the problem among the owner's; -1: none. */
static int find_group(const struct tunedb_index *index, const struct owner *owner, const struct problem *problem)
{
    int low = owner->first;
    int high = owner->first + owner->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = problem_order(problem, group_problem(index, middle));
        if (order == 0) return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

enum { NEAREST_GROUPS = 8 };

/* The groups of the smallest ranks, in ascending order; of equal ranks the one found first. */
struct nearest {
    double rank[NEAREST_GROUPS];
    int group[NEAREST_GROUPS];
    int count;
};

static void nearest_add(struct nearest *nearest, double rank, int group)
{
    int at = nearest->count;
    while (at > 0 && rank < nearest->rank[at - 1])
        at--;
    if (at == NEAREST_GROUPS || !isfinite(rank)) return;
    int last = nearest->count < NEAREST_GROUPS ? nearest->count++ : NEAREST_GROUPS - 1;
    for (int i = last; i > at; i--) {
        nearest->rank[i] = nearest->rank[i - 1];
        nearest->group[i] = nearest->group[i - 1];
    }
    nearest->rank[at] = rank;
    nearest->group[at] = group;
}

static void nearest_add_owner(const struct tunedb_index *index, struct nearest *nearest, const struct owner *owner,
                              const struct problem *problem, double handicap, bool with_same)
{
    for (int g = owner->first; g < owner->first + owner->count; g++)
        if (with_same || !problem_same(problem, group_problem(index, g)))
            nearest_add(nearest, handicap + problem_distance(problem, group_problem(index, g)), g);
}

static bool is_related(const struct device_desc *a, const struct device_desc *b)
{
    return a->is_emulated == b->is_emulated && strcmp(a->backend, b->backend) == 0 &&
           a->field.is_cpu == b->field.is_cpu && a->field.is_gpu == b->field.is_gpu;
}

static void rank_groups(const struct tunedb_index *index, const struct device_desc *device,
                        const struct problem *problem, enum tunedb_match match, struct nearest *nearest)
{
    const double other_architecture = 1e6; /* behind every distance of the same one */
    for (int i = 0; i < index->owner_count; i++) {
        const struct owner *owner = &index->owners[i];
        bool is_own = tunedb_same_device(&owner->device, device);
        if ((match == TUNEDB_EXACT || match == TUNEDB_STALE) && is_own) {
            int group = find_group(index, owner, problem);
            if (group >= 0) nearest_add(nearest, 0.0, group);
        } else if (match == TUNEDB_NEAREST && is_own) {
            nearest_add_owner(index, nearest, owner, problem, 0.0, false);
        } else if (match == TUNEDB_RELATED && !is_own && is_related(&owner->device, device)) {
            bool same = strcmp(owner->device.architecture, device->architecture) == 0;
            nearest_add_owner(index, nearest, owner, problem, same ? 0.0 : other_architecture, true);
        }
    }
}

int tunedb_index_lookup(const struct tunedb_index *index, const struct device_desc *device,
                        const struct problem *problem, enum tunedb_match match,
                        const struct tunedb_record **records, int capacity)
{
    struct nearest nearest = { .count = 0 };
    int filled = 0;
    rank_groups(index, device, problem, match, &nearest);
    for (int i = 0; i < nearest.count; i++) {
        const struct group *group = &index->groups[nearest.group[i]];
        for (int r = 0; r < group->count && filled < capacity; r++)
            records[filled++] = &index->sorted[group->first + r]->record;
    }
    return filled;
}
