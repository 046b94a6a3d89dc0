/* What can be tried for one problem on one device: the legal points of every family, best estimate first, and the
 * neighbours of a point. */
#ifndef HPCK_AUTOTUNE_SPACE_H
#define HPCK_AUTOTUNE_SPACE_H

#include "select.h"
#include "trial.h"

struct space_point {
    const struct family *family;
    uint64_t index;       /* into the family's grid */
    uint64_t fingerprint; /* see space_fingerprint */
    double estimate;      /* of the family's model, seconds */
};

struct space {
    const struct device_desc *device;
    enum dialect dialect;
    const struct problem *problem; /* canonical */
    struct space_point *points;    /* legal, no two with the same fingerprint, best estimate first */
    int count;
    int plausible;  /* of these, the first so many: the model expects at most SPACE_VETO times the best's time */
    uint64_t grid;  /* points of all families of the op, legal or not */
    uint64_t legal; /* of those looked at */
    uint64_t compilations; /* distinct programs behind `points` */
};

/* The factor by which the model may be off before a search leaves a point out. */
#define SPACE_VETO 4.0

/* device and problem must outlive the space. Grids of more than SPACE_SCAN_MAX points are sampled, not scanned. */
enum { SPACE_SCAN_MAX = 1 << 22 };
hpck_status space_build(struct space *space, const struct device_desc *device, enum dialect dialect,
                        const struct problem *problem, struct error *err);
void space_free(struct space *space);

struct candidate space_candidate(const struct space *space, int point);

/* NULL: legal; else why not. */
const char *space_rejection(const struct space *space, const struct candidate *candidate);

/* Equal for candidates that compile to the same program and launch it in the same way for this problem, such as two
 * tile sizes that both exceed a small matrix. */
uint64_t space_fingerprint(const struct space *space, const struct candidate *candidate);

/* They differ in run-time parameters at most: one compilation serves both. */
bool space_same_program(const struct candidate *a, const struct candidate *b);

/* Legal candidates one step away: one parameter changed to the next value up or down that is legal and makes a
 * difference. Run-time parameters first, since trying those needs no compilation. Returns how many. */
enum { NEIGHBOURS_MAX = 2 * FAMILY_PARAMS_MAX };
int space_neighbours(const struct space *space, const struct candidate *candidate,
                     struct candidate neighbours[NEIGHBOURS_MAX]);

#endif
