/* The selection ladder. */
#include "select.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "strbuf.h"
#include "verbose.h"

const char *selected_by_name(enum selected_by by)
{
    static const char *const names[] = {
        [SELECTED_EXACT] = "exact", [SELECTED_NEAREST] = "nearest", [SELECTED_RELATED] = "related",
        [SELECTED_MODEL] = "model", [SELECTED_FORCED] = "forced",
    };
    return names[by];
}

const char *select_rejection(const struct family *family, const struct device_desc *device, enum dialect dialect,
                             const struct problem *problem, const int64_t *param, int64_t workspace_cap)
{
    struct problem room;
    const struct point point = { &device->field, problem_as(problem, family->op, &room), param };
    struct resources resources = { 0 };
    if (point.problem == NULL) return "it computes another operation";
    if (family_text(family, dialect, problem) == NULL) return "it has no text for this dialect and these dtypes";
    for (int i = 0; i < family->param_count; i++)
        if (!family_param_allows(family, i, param[i])) return "a parameter's value is not in the family's list";
    const char *reason = family->valid(&point);
    if (reason != NULL) return reason;
    family->resources(&point, &resources);
    return resources.workspace_bytes > workspace_cap ? "it needs more workspace than there is" : NULL;
}

double select_estimate(const struct family *family, const struct device_desc *device, const struct problem *problem,
                       const int64_t *param)
{
    struct problem room;
    const struct point point = { &device->field, problem_as(problem, family->op, &room), param };
    return family->model(&point);
}

/* ---- the rungs ------------------------------------------------------------------------------------------------ */

/* What is being chosen for, and what has been found so far. */
struct ladder {
    const struct tunedb *db;
    const struct device_desc *device;
    enum dialect dialect;
    const struct problem *problem;
    int64_t workspace_cap;
    struct verbose *verbose;
    struct choice model;        /* the best seed; no family: none is legal */
    double seed_seconds;        /* the model's estimate for it; INFINITY: none is legal */
    const struct family *loser; /* of a record of this very problem that has lost to it; NULL: of none */
    struct choice choice;
};

static double estimate(const struct ladder *ladder, const struct family *family, const int64_t *param)
{
    double seconds = select_estimate(family, ladder->device, ladder->problem, param);
    return isnan(seconds) ? INFINITY : seconds;
}

static struct choice choose(enum selected_by by, const struct family *family, const int64_t *param)
{
    struct choice choice = { .family = family, .selected_by = by };
    memcpy(choice.param, param, (size_t)family->param_count * sizeof *param);
    return choice;
}

/* Takes the text over. */
static void set_reason(struct choice *choice, struct strbuf *reason)
{
    snprintf(choice->reason, sizeof choice->reason, "%s", reason->text != NULL ? reason->text : "");
    strbuf_free(reason);
}

/* The last rung: over all seeds of all families the smallest estimate, the earlier one of equals. Collects why each
 * family without a legal seed has none. */
static void climb_model(struct ladder *ladder, struct strbuf *reasons)
{
    ladder->seed_seconds = INFINITY;
    for (int f = 0; f < family_count; f++) {
        const struct family *family = families[f];
        const char *reason = "it has no seed";
        bool is_legal = false;
        for (int s = 0; s < family->seed_count; s++) {
            const int64_t *seed = family->seeds + (ptrdiff_t)s * family->param_count;
            const char *rejection = select_rejection(family, ladder->device, ladder->dialect, ladder->problem, seed,
                                                     ladder->workspace_cap);
            if (rejection != NULL) {
                reason = rejection;
                continue;
            }
            is_legal = true;
            double seconds = estimate(ladder, family, seed);
            if (ladder->model.family != NULL && !(seconds < ladder->seed_seconds)) continue;
            ladder->model = choose(SELECTED_MODEL, family, seed);
            ladder->seed_seconds = seconds;
        }
        struct problem room;
        const bool is_asked = problem_as(ladder->problem, family->op, &room) != NULL;
        if (!is_legal && is_asked) strbuf_addf(reasons, "; %s: %s", family->name, reason);
    }
}

static void take_model(struct ladder *ladder)
{
    struct strbuf reason = { 0 };
    ladder->choice = ladder->model;
    strbuf_addf(&reason, "model: %.3g s expected, ", ladder->seed_seconds);
    if (ladder->loser == NULL)
        strbuf_add(&reason, "no record is near");
    else
        strbuf_addf(&reason, "%s's record lost to this kernel, which has changed since: tune again",
                    ladder->loser->name);
    set_reason(&ladder->choice, &reason);
}

/* A record that was not confirmed against the others of its problem is the best one left where the winner's kernel has changed
 * since: it lost to that family, clearly. Where the model takes the family, too, that is the better guess. */
static bool has_lost(const struct ladder *ladder, const struct tunedb_record *record)
{
    enum { STALE_MAX = 64 };
    const double clearly = 1.1;
    const struct tunedb_record *stale[STALE_MAX];
    const struct family *expected = ladder->model.family;
    if (record->provenance == PROVENANCE_SEARCHED || record->family == expected) return false;
    int count = tunedb_lookup(ladder->db, &record->device, &record->problem, TUNEDB_STALE, stale, STALE_MAX);
    for (int i = 0; i < count; i++)
        if (stale[i]->family == expected && clearly * stale[i]->time_ns < record->time_ns) return true;
    return false;
}

/* NULL: the record, near `problem`, may be used; else why not. */
static const char *objection(struct ladder *ladder, const struct problem *problem,
                             const struct tunedb_record *record, enum selected_by by)
{
    const char *reason = select_rejection(record->family, ladder->device, ladder->dialect, ladder->problem,
                                          record->param, ladder->workspace_cap);
    if (reason != NULL) return reason;
    if (has_lost(ladder, record)) {
        if (by == SELECTED_EXACT && ladder->loser == NULL) ladder->loser = record->family;
        return "it lost to a kernel that has changed since and that the model takes";
    }
    if (by == SELECTED_EXACT) return NULL;
    if (problem_distance(problem, &record->problem) > SELECT_DISTANCE_MAX) return "it is too far";
    if (estimate(ladder, record->family, record->param) > SELECT_VETO * ladder->seed_seconds)
        return "the model expects it to be much slower than the best seed";
    return NULL;
}

static void explain(struct ladder *ladder, const struct problem *problem, enum selected_by by,
                    const struct tunedb_record *record)
{
    char text[PROBLEM_TEXT_MAX];
    struct strbuf reason = { 0 };
    strbuf_addf(&reason, "%s", selected_by_name(by));
    if (by != SELECTED_EXACT)
        strbuf_addf(&reason, ": %s at distance %.2f", problem_print(&record->problem, text),
                    problem_distance(problem, &record->problem));
    if (by == SELECTED_RELATED) strbuf_addf(&reason, " on %s", record->device.name);
    strbuf_addf(&reason, " (%s)", tunedb_layer_path(ladder->db, record->layer));
    set_reason(&ladder->choice, &reason);
}

/* problem: the one to choose for, as the operation of the records sees it. */
static bool climb_records(struct ladder *ladder, const struct problem *problem, enum selected_by by,
                          enum tunedb_match match)
{
    enum { TRIED_MAX = 64 };
    const struct tunedb_record *records[TRIED_MAX];
    int count = tunedb_lookup(ladder->db, ladder->device, problem, match, records, TRIED_MAX);
    for (int i = 0; i < count; i++) {
        const struct tunedb_record *record = records[i];
        const char *reason = objection(ladder, problem, record, by);
        if (reason == NULL) {
            ladder->choice = choose(by, record->family, record->param);
            explain(ladder, problem, by, record);
            return true;
        }
        if (verbose_wants(ladder->verbose, VERBOSE_CHECK)) {
            char text[PROBLEM_TEXT_MAX];
            char params[1024];
            verbose_print(ladder->verbose, VERBOSE_CHECK, ladder->problem,
                          "passed over %s record of %s on %s: %s %s: %s", selected_by_name(by),
                          problem_print(&record->problem, text), record->device.name, record->family->name,
                          family_params_print(record->family, record->param, params, sizeof params), reason);
        }
    }
    return false;
}

/* Records of other problems and devices. Where the model takes a family of another operation, what was measured for that
 * operation counts, too: a tuned GEMM serves the convolution that is one. */
static bool climb_relatives(struct ladder *ladder)
{
    struct problem room;
    const struct problem *own = ladder->problem, *stated = own;
    if (ladder->model.family != NULL) stated = problem_as(own, ladder->model.family->op, &room);
    if (stated == own)
        return climb_records(ladder, own, SELECTED_NEAREST, TUNEDB_NEAREST) ||
               climb_records(ladder, own, SELECTED_RELATED, TUNEDB_RELATED);
    return climb_records(ladder, stated, SELECTED_NEAREST, TUNEDB_EXACT) ||
           climb_records(ladder, own, SELECTED_NEAREST, TUNEDB_NEAREST) ||
           climb_records(ladder, stated, SELECTED_NEAREST, TUNEDB_NEAREST) ||
           climb_records(ladder, own, SELECTED_RELATED, TUNEDB_RELATED) ||
           climb_records(ladder, stated, SELECTED_RELATED, TUNEDB_RELATED);
}

hpck_status select_choice(const struct tunedb *db, const struct device_desc *device, enum dialect dialect,
                          const struct problem *problem, int64_t workspace_cap, struct verbose *verbose,
                          struct choice *choice, struct error *err)
{
    struct ladder ladder = { .db = db,
                             .device = device,
                             .dialect = dialect,
                             .problem = problem,
                             .workspace_cap = workspace_cap,
                             .verbose = verbose };
    struct strbuf reasons = { 0 };
    char text[PROBLEM_TEXT_MAX];
    climb_model(&ladder, &reasons); /* first: records are judged by it */
    if (!climb_records(&ladder, problem, SELECTED_EXACT, TUNEDB_EXACT) && !climb_relatives(&ladder))
        take_model(&ladder);
    const bool found = ladder.choice.family != NULL;
    if (found)
        *choice = ladder.choice;
    else
        error_set(err, HPCK_UNSUPPORTED, "%s: no kernel family can compute it on %s%s",
                  problem_print(problem, text), device->name, reasons.text != NULL ? reasons.text : "");
    strbuf_free(&reasons);
    return found ? HPCK_OK : HPCK_UNSUPPORTED;
}
