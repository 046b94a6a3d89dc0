/* Opens a problem and keeps its trials. job_search.c makes them, job_finish.c decides and saves. */
#include "job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "tuner.h"

enum {
    RELATIVES = 4, /* records of other problems, and of other devices, to start from */
    SEEDS = 6      /* of each family */
};
static const double NEW_BEST = 0.99; /* a smaller gain does not change what others are compared with */

void job_fail(struct job *job, const char *message)
{
    job->state = JOB_FAILED;
    trial_message(job->failure, message);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

hpck_status job_add_trial(struct job *job, const struct trial *trial, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (job->trial_count == job->trial_capacity) {
        int capacity = job->trial_capacity ? 2 * job->trial_capacity : 64;
        struct trial *trials = realloc(job->trials, (size_t)capacity * sizeof *trials);
        if (!trials) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d trials", capacity);
        job->trials = trials;
        job->trial_capacity = capacity;
    }
    HPCK_TRY(search_note(job->search, &trial->candidate, err));
    job->trials[job->trial_count] = *trial;
    if (trial->outcome == OUTCOME_OK &&
        (job->best < 0 || trial->seconds < NEW_BEST * job->trials[job->best].seconds))
        job->best = job->trial_count;
    job->trial_count++;
done:
    return st;
}

int job_find_trial(const struct job *job, const struct candidate *candidate)
{
    for (int i = 0; i < job->trial_count; i++)
        if (candidate_same(&job->trials[i].candidate, candidate)) return i;
    return -1;
}

void job_find_best(struct job *job)
{
    job->best = -1;
    for (int i = 0; i < job->trial_count; i++)
        if (job->trials[i].outcome == OUTCOME_OK &&
            (job->best < 0 || job->trials[i].seconds < job->trials[job->best].seconds))
            job->best = i;
}

/* Later lines of the journal replace earlier ones of the same candidate. */
static hpck_status resume(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < tuner->journal.count; i++) {
        const struct journal_entry *entry = &tuner->journal.entries[i];
        if (!record_is_for(&entry->record, &tuner->device, &job->canonical)) continue;
        struct trial trial = {
            .candidate = candidate_of(entry->record.family, entry->record.param),
            .outcome = entry->outcome,
            .seconds = entry->record.time_ns * 1e-9,
            .spread = entry->record.spread,
            .samples = entry->record.samples,
        };
        trial_message(trial.message, entry->message);
        int known = job_find_trial(job, &trial.candidate);
        if (known >= 0)
            job->trials[known] = trial;
        else
            HPCK_TRY(job_add_trial(job, &trial, err));
    }
    job_find_best(job);
    job->resumed = job->trial_count;
done:
    return st;
}

/* The seeds of a family that the model expects most of: at most SEEDS, and only one where it finds the family hopeless,
 * since a comparison between two families' models is its weakest point. */
static hpck_status add_seeds(struct job *job, const struct family *family, struct error *err)
{
    hpck_status st = HPCK_OK;
    const double hopeless = job->space.count > 0 ? SPACE_VETO * job->space.points[0].estimate : INFINITY;
    double last = -1.0; /* estimate and place of the seed added last */
    int last_place = -1;
    for (int added = 0; added < SEEDS; added++) {
        struct candidate best;
        double estimate = INFINITY;
        int place = -1;
        for (int s = 0; s < family->seed_count; s++) {
            struct candidate seed = candidate_of(family, family->seeds + (size_t)s * (size_t)family->param_count);
            if (space_rejection(&job->space, &seed)) continue;
            double seconds = select_estimate(family, job->space.device, &job->canonical, seed.param);
            bool is_later = seconds > last || (seconds == last && s > last_place);
            if (!is_later || !(seconds < estimate)) continue;
            best = seed;
            estimate = seconds;
            place = s;
        }
        if (place < 0 || (estimate > hopeless && added > 0)) break;
        HPCK_TRY(search_start_at(job->search, &best, err));
        last = estimate;
        last_place = place;
    }
done:
    return st;
}

static int64_t workspace_cap(const struct tuner *tuner)
{
    const int64_t bytes = tuner->device.field.max_alloc_bytes;
    return bytes > 0 ? bytes : INT64_MAX;
}

/* Records are not all that is known. The model may find a family that no record is of, and a kernel that has changed since it won
 * may well win again: its parameters are tried with the present text. */
static hpck_status find_rivals(struct job *job, const struct tuner *tuner, struct error *err)
{
    const struct tunedb_record *stale[TUNEDB_KEEP];
    struct choice expected;
    hpck_status st = select_choice(NULL, &tuner->device, tuner->dialect, &job->canonical, workspace_cap(tuner),
                                   NULL, &expected, err);
    if (st == HPCK_OK) job->rivals[job->rival_count++] = candidate_of(expected.family, expected.param);
    if (st == HPCK_UNSUPPORTED) st = HPCK_OK; /* no seed is legal */
    int count = tunedb_lookup(tuner->db, &tuner->device, &job->canonical, TUNEDB_STALE, stale, TUNEDB_KEEP);
    for (int i = 0; i < count && job->rival_count < JOB_RIVALS; i++) {
        struct candidate rival = candidate_of(stale[i]->family, stale[i]->param);
        if (!space_rejection(&job->space, &rival)) job->rivals[job->rival_count++] = rival;
    }
    return st;
}

static hpck_status add_starts(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct tunedb_record *records[TUNEDB_KEEP];
    HPCK_TRY(search_start_at(job->search, &job->reigning, err));
    for (int i = 0; i < job->rival_count; i++)
        HPCK_TRY(search_start_at(job->search, &job->rivals[i], err));
    for (enum tunedb_match match = TUNEDB_EXACT; match <= TUNEDB_RELATED; match++) {
        int most = match == TUNEDB_EXACT ? TUNEDB_KEEP : RELATIVES;
        int count = tunedb_lookup(tuner->db, &tuner->device, &job->canonical, match, records, most);
        for (int i = 0; i < count; i++) {
            struct candidate candidate = candidate_of(records[i]->family, records[i]->param);
            HPCK_TRY(search_start_at(job->search, &candidate, err));
        }
    }
    for (int f = 0; f < family_count; f++)
        HPCK_TRY(add_seeds(job, families[f], err));
done:
    return st;
}

hpck_status job_open(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct error why = { HPCK_OK, NULL };

    job->best = -1;
    st = select_choice(tuner->db, &tuner->device, tuner->dialect, &job->canonical, workspace_cap(tuner), NULL,
                       &job->old, &why);
    if (st == HPCK_UNSUPPORTED) {
        job_fail(job, error_text(&why));
        st = HPCK_OK;
        goto done;
    }
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", error_text(&why));
    job->reigning = candidate_of(job->old.family, job->old.param);
    HPCK_TRY(space_build(&job->space, &tuner->device, tuner->dialect, &job->canonical, err));
    HPCK_TRY(search_create(&job->space, tuner->options.strategy, tuner->options.seed, &job->search, err));
    HPCK_TRY(resume(job, tuner, err));
    HPCK_TRY(find_rivals(job, tuner, err));
    HPCK_TRY(add_starts(job, tuner, err));
    job->state = JOB_OPEN;
done:
    error_free(&why);
    return st;
}

void job_close(struct job *job)
{
    search_free(job->search);
    space_free(&job->space);
    free(job->trials);
    free(job->pending);
    job->search = NULL;
    job->trials = NULL;
    job->pending = NULL;
    job->pending_count = 0;
}
