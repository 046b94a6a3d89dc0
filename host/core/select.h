/* Which family with which parameters computes a problem on a device, and why. The ladder, first rung that holds:
 * database exact -> database nearest problem -> a related device's records -> model over the seeds.
 * A rung's candidate counts only if `valid` accepts it for this very problem and device. */
#ifndef HPCK_CORE_SELECT_H
#define HPCK_CORE_SELECT_H

#include "tunedb.h"

enum selected_by { SELECTED_EXACT, SELECTED_NEAREST, SELECTED_RELATED, SELECTED_MODEL, SELECTED_FORCED };

struct choice {
    const struct family *family;
    int64_t param[FAMILY_PARAMS_MAX];
    enum selected_by selected_by;
    char reason[PROBLEM_TEXT_MAX + 160]; /* for people: "nearest: gemm:... at distance 1.2 (~/.local/...)" */
};

const char *selected_by_name(enum selected_by by); /* "exact" "nearest" "related" "model" "forced" */

/* problem must be canonical. db and verbose may be NULL; candidates passed over go to verbose ("check"). workspace_cap: bytes that resources().workspace_bytes may not exceed.
 * UNSUPPORTED: no family has a legal point; the message lists the reason of every family. */
hpck_status select_choice(const struct tunedb *db, const struct device_desc *device, enum dialect dialect,
                          const struct problem *problem, int64_t workspace_cap, struct verbose *verbose,
                          struct choice *choice, struct error *err);

/* NULL: the point is legal on the device for the problem, and a text exists; else why not. */
const char *select_rejection(const struct family *family, const struct device_desc *device, enum dialect dialect,
                             const struct problem *problem, const int64_t *param, int64_t workspace_cap);

#endif
