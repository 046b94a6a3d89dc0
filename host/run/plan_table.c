/* See plan_table.h. */
#include "plan_table.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "plan.h"

struct entry {
    struct plan_key key;
    hpck_plan *plan; /* NULL: free */
};

struct plan_table {
    struct entry *entries;
    size_t capacity; /* a power of two, at least twice the count */
    size_t count;
};

enum { CAPACITY_AT_FIRST = 64 };

struct plan_key plan_key_make(const struct problem *problem, int64_t workspace_cap)
{
    struct plan_key key = {
        .problem = { (int64_t)problem->op, (int64_t)problem->dtype_in, (int64_t)problem->dtype_out },
        .workspace_cap = workspace_cap,
    };
    memcpy(key.problem + 3, problem->field.value, sizeof problem->field.value);
    return key;
}

/* The entry that holds the key, or the free one where it belongs. */
static struct entry *slot_of(struct entry *entries, size_t capacity, const struct plan_key *key)
{
    size_t i = (size_t)XXH3_64bits(key, sizeof *key) & (capacity - 1);
    while (entries[i].plan != NULL && memcmp(&entries[i].key, key, sizeof *key) != 0)
        i = (i + 1) & (capacity - 1);
    return &entries[i];
}

hpck_status plan_table_open(struct plan_table **table, struct error *err)
{
    struct plan_table *made = calloc(1, sizeof *made);
    struct entry *entries = calloc(CAPACITY_AT_FIRST, sizeof *entries);
    if (made == NULL || entries == NULL) {
        free(made);
        free(entries);
        return error_set(err, HPCK_OUT_OF_MEMORY, "plan: out of memory for the table of plans");
    }
    made->entries = entries;
    made->capacity = CAPACITY_AT_FIRST;
    *table = made;
    return HPCK_OK;
}

void plan_table_close(struct plan_table *table)
{
    if (table == NULL) return;
    for (size_t i = 0; i < table->capacity; i++)
        plan_free(table->entries[i].plan);
    free(table->entries);
    free(table);
}

hpck_plan *plan_table_find(const struct plan_table *table, const struct plan_key *key)
{
    return slot_of(table->entries, table->capacity, key)->plan;
}

static hpck_status grow(struct plan_table *table, struct error *err)
{
    size_t capacity = 2 * table->capacity;
    struct entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "plan: out of memory for the table of plans");
    for (size_t i = 0; i < table->capacity; i++)
        if (table->entries[i].plan != NULL) *slot_of(entries, capacity, &table->entries[i].key) = table->entries[i];
    free(table->entries);
    table->entries = entries;
    table->capacity = capacity;
    return HPCK_OK;
}

hpck_status plan_table_insert(struct plan_table *table, const struct plan_key *key, hpck_plan *plan,
                              struct error *err)
{
    hpck_status st = HPCK_OK;
    if (2 * (table->count + 1) > table->capacity) HPCK_TRY(grow(table, err));
    *slot_of(table->entries, table->capacity, key) = (struct entry){ *key, plan };
    table->count++;
done:
    return st;
}
