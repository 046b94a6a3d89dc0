/* The plans of a handle, found by problem: open addressing, no deletion. */
#ifndef HPCK_RUN_PLAN_TABLE_H
#define HPCK_RUN_PLAN_TABLE_H

#include "problem.h"

struct plan_table;

/* What decides a plan, as whole words: no padding, so that keys hash and compare as memory. */
struct plan_key {
    int64_t problem[3 + PROBLEM_FIELDS_MAX]; /* op, dtypes, fields */
    int64_t workspace_cap;
};

struct plan_key plan_key_make(const struct problem *problem, int64_t workspace_cap);

hpck_status plan_table_open(struct plan_table **table, struct error *err);
void plan_table_close(struct plan_table *table); /* frees the plans, too */

hpck_plan *plan_table_find(const struct plan_table *table, const struct plan_key *key); /* NULL: none */
/* Takes the plan over; on failure it stays the caller's. The key must not be there yet. */
hpck_status plan_table_insert(struct plan_table *table, const struct plan_key *key, hpck_plan *plan,
                              struct error *err);

#endif
