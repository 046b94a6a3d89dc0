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
    const struct point point = { &device->field, problem, param };
    struct resources resources = { 0 };
    if (family->op != problem->op) return "it computes another operation";
    if (family_text(family, dialect, problem) == NULL) return "it has no text for this dialect and these dtypes";
    for (int i = 0; i < family->param_count; i++)
        if (!family_param_allows(family, i, param[i])) return "a parameter's value is not in the family's list";
    const char *reason = family->valid(&point);
    if (reason != NULL) return reason;
    family->resources(&point, &resources);
    return resources.workspace_bytes > workspace_cap ? "it needs more workspace than there is" : NULL;
}

/* The last rung: over all seeds of all families the smallest estimate, the earlier one of equals. */
static bool best_seed(const struct device_desc *device, enum dialect dialect, const struct problem *problem,
                      int64_t workspace_cap, struct choice *choice, struct strbuf *reasons)
{
    double best = INFINITY;
    bool found = false;
    for (int f = 0; f < family_count; f++) {
        const struct family *family = families[f];
        const char *first = family->op == problem->op ? "it has no seed" : NULL;
        for (int s = 0; s < family->seed_count && family->op == problem->op; s++) {
            const int64_t *seed = family->seeds + (size_t)s * (size_t)family->param_count;
            const char *reason = select_rejection(family, device, dialect, problem, seed, workspace_cap);
            if (s == 0) first = reason;
            if (reason != NULL) continue;
            first = NULL;
            const struct point point = { &device->field, problem, seed };
            double seconds = family->model(&point);
            if (found && !(seconds < best)) continue;
            found = true;
            best = seconds;
            choice->family = family;
            memcpy(choice->param, seed, (size_t)family->param_count * sizeof *seed);
        }
        if (first != NULL) strbuf_addf(reasons, "; %s: %s", family->name, first);
    }
    choice->selected_by = SELECTED_MODEL;
    snprintf(choice->reason, sizeof choice->reason, "model: %.3g s estimated", best);
    return found;
}

hpck_status select_choice(const struct tunedb *db, const struct device_desc *device, enum dialect dialect,
                          const struct problem *problem, int64_t workspace_cap, struct verbose *verbose,
                          struct choice *choice, struct error *err)
{
    (void)db;
    (void)verbose;
    struct choice chosen = { 0 };
    struct strbuf reasons = { 0 };
    hpck_status st = HPCK_OK;
    char text[PROBLEM_TEXT_MAX];
    if (!best_seed(device, dialect, problem, workspace_cap, &chosen, &reasons))
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "%s: no kernel family can compute it on %s%s",
                  problem_print(problem, text), device->name, reasons.text != NULL ? reasons.text : "");
    *choice = chosen;
done:
    strbuf_free(&reasons);
    return st;
}
