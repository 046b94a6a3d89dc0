/* Which family with which parameters computes a problem on a device, and why. The ladder, first rung that holds:
 *
 *   exact    the database's records of this device and this problem, best first
 *   nearest  its records of this device and the nearest other problems, nearest first
 *   related  records of other devices of the same backend and type, same architecture first, nearest first
 *   model    of all families' seeds the one with the smallest estimated time
 *
 * A problem that is also one of another operation (problem_as) has that one's families beside its own; where the model takes one of
 * them, that operation's records count on the middle rungs.
 *
 * A record counts only if it is legal for this very problem and device (select_rejection). Records of another problem
 * or device must also be near (problem_distance at most SELECT_DISTANCE_MAX), and the model must not expect them to be
 * much worse than the best seed (SELECT_VETO): a kernel tuned for one row is no choice for thousands.
 *
 * Stale records are never used, and still say something: a record that is not confirmed (provenance below searched) and is more than
 * a tenth slower than a stale one of another family for its problem is the best loser left. It is passed over where the model takes the
 * family that won. */
#ifndef HPCK_CORE_SELECT_H
#define HPCK_CORE_SELECT_H

#include "tunedb.h"

/* One size eight times as large, or three sizes twice as large. */
#define SELECT_DISTANCE_MAX 3.0
/* The model may be off by this factor before it overrules a measurement made elsewhere. Below two, since a block size tuned
 * for a slightly longer matrix may leave every core but one without work. */
#define SELECT_VETO 1.6

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

/* Seconds that the family's model expects of a point that is legal. */
double select_estimate(const struct family *family, const struct device_desc *device, const struct problem *problem,
                       const int64_t *param);

#endif
