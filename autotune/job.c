/* Opens a problem and searches its space, trial by trial. job_finish.c decides and saves. */
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
static const double GIVE_UP = 2.0;      /* times the best: not worth more than one run */
static const double BUDGET_GRACE = 5.0; /* seconds by which the trial that is running may pass the deadline */
static const double START_LIMIT = 60.0; /* for a worker to open the device */
static const double NEW_BEST = 0.99;    /* a smaller gain does not change what others are compared with */
static const double LOOK_AGAIN = 1.02;  /* a candidate that seems as good as the best is measured more carefully */
static const struct measure_options FIRST_LOOK = {
    .rounds = 5, .turn_seconds = 0.003, .rest_seconds = 0.0, .limit_seconds = 0.6
};
static const struct measure_options SECOND_LOOK = {
    .rounds = 15, .turn_seconds = 0.004, .rest_seconds = 0.0, .limit_seconds = 1.5
};

static void fail(struct job *job, const char *message)
{
    job->state = JOB_FAILED;
    trial_message(job->failure, message);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static hpck_status add_trial(struct job *job, const struct trial *trial, struct error *err)
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

static int find_trial(const struct job *job, const struct candidate *candidate)
{
    for (int i = 0; i < job->trial_count; i++)
        if (candidate_same(&job->trials[i].candidate, candidate)) return i;
    return -1;
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
        int known = find_trial(job, &trial.candidate);
        if (known >= 0)
            job->trials[known] = trial;
        else
            HPCK_TRY(add_trial(job, &trial, err));
    }
    job->best = -1;
    for (int i = 0; i < job->trial_count; i++)
        if (job->trials[i].outcome == OUTCOME_OK &&
            (job->best < 0 || job->trials[i].seconds < job->trials[job->best].seconds))
            job->best = i;
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
            const struct point point = { &job->space.device->field, &job->canonical, seed.param };
            if (space_rejection(&job->space, &seed)) continue;
            double seconds = family->model(&point);
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

static hpck_status add_starts(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct tunedb_record *records[TUNEDB_KEEP];
    HPCK_TRY(search_start_at(job->search, &job->reigning, err));
    for (enum tunedb_match match = TUNEDB_EXACT; match <= TUNEDB_RELATED; match++) {
        int most = match == TUNEDB_EXACT ? TUNEDB_KEEP : RELATIVES;
        int count = tunedb_lookup(tuner->db, &tuner->device, &job->canonical, match, records, most);
        for (int i = 0; i < count; i++) {
            struct candidate candidate = candidate_of(records[i]->family, records[i]->param);
            HPCK_TRY(search_start_at(job->search, &candidate, err));
        }
    }
    for (int f = 0; f < family_count; f++)
        if (families[f]->op == job->canonical.op) HPCK_TRY(add_seeds(job, families[f], err));
done:
    return st;
}

hpck_status job_open(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct error why = { HPCK_OK, NULL };
    int64_t workspace = tuner->device.field.max_alloc_bytes;

    job->best = -1;
    st = select_choice(tuner->db, &tuner->device, tuner->dialect, &job->canonical,
                       workspace > 0 ? workspace : INT64_MAX, NULL, &job->old, &why);
    if (st == HPCK_UNSUPPORTED) {
        fail(job, error_text(&why));
        st = HPCK_OK;
        goto done;
    }
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", error_text(&why));
    job->reigning = candidate_of(job->old.family, job->old.param);
    HPCK_TRY(space_build(&job->space, &tuner->device, tuner->dialect, &job->canonical, err));
    HPCK_TRY(search_create(&job->space, tuner->options.strategy, tuner->options.seed, &job->search, err));
    HPCK_TRY(resume(job, tuner, err));
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
    job->search = NULL;
    job->trials = NULL;
}

/* ---- one trial ---------------------------------------------------------------------------------------------------- */

static hpck_status write_down(struct job *job, struct tuner *tuner, const struct trial *trial, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct journal_entry entry = {
        .record = record_of(tuner, job, &trial->candidate, trial->seconds, PROVENANCE_MEASURED),
        .outcome = trial->outcome,
    };
    entry.record.spread = trial->spread;
    entry.record.samples = trial->samples;
    trial_message(entry.message, trial->message);
    HPCK_TRY(journal_append(&tuner->journal, &entry, err));
    HPCK_TRY(add_trial(job, trial, err));
    tuner->trials++;
done:
    return st;
}

/* What the others were compared with is not right after all (other operands showed it): the next best takes over. */
static hpck_status depose(struct job *job, struct tuner *tuner, const struct worker_side *side, struct error *err)
{
    struct trial *trial = &job->trials[job->best];
    struct journal_entry entry = {
        .record = record_of(tuner, job, &trial->candidate, trial->seconds, PROVENANCE_MEASURED),
        .outcome = side->outcome,
    };
    trial->outcome = side->outcome;
    trial_message(trial->message, side->message);
    trial_message(entry.message, side->message);
    job->best = -1;
    for (int i = 0; i < job->trial_count; i++)
        if (job->trials[i].outcome == OUTCOME_OK &&
            (job->best < 0 || job->trials[i].seconds < job->trials[job->best].seconds))
            job->best = i;
    return journal_append(&tuner->journal, &entry, err);
}

static void take_measurement(const struct job *job, const struct worker_side *side, struct trial *trial)
{
    trial->outcome = side->outcome;
    trial_message(trial->message, side->message);
    if (outcome_is_bad(side->outcome)) return;
    trial->seconds = side->time.median;
    if (job->best >= 0) trial->seconds = trial_seconds(job->trials[job->best].seconds, &side->ratio);
    trial->spread = side->time.median > 0.0 ? (side->time.p90 - side->time.p10) / side->time.median : 0.0;
    trial->samples = side->time.samples;
}

static void fill_request(const struct job *job, struct tuner *tuner, const struct candidate *candidate,
                         struct worker_request *request)
{
    memset(request, 0, sizeof *request);
    request->trial = tuner->trials;
    request->problem = job->problem;
    request->seed = tuner->options.seed + tuner->workloads;
    if (job->best >= 0)
        request->side[request->side_count++] = worker_candidate_of(&job->trials[job->best].candidate);
    request->side[request->side_count++] = worker_candidate_of(candidate);
    request->measure = FIRST_LOOK;
    request->again = SECOND_LOOK;
    request->again_below = LOOK_AGAIN;
    request->give_up = GIVE_UP;
}

/* *worker is NULL afterwards if it died. *is_cut: the deadline came first, and nothing is known. */
static hpck_status try_candidate(struct job *job, struct tuner *tuner, const struct candidate *candidate,
                                 double deadline, struct worker *worker, bool *is_alive, bool *is_cut,
                                 struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker_request request;
    struct worker_reply reply;
    struct trial trial = { .candidate = *candidate };
    double limit = fmin(tuner->options.time_limit_seconds, deadline - measure_now() + BUDGET_GRACE);

    for (;;) {
        fill_request(job, tuner, candidate, &request);
        double begin = measure_now();
        enum worker_end end = worker_ask(worker, &request, limit, tuner_tick, tuner, &reply);
        *is_alive = end == WORKER_ANSWERED;
        *is_cut = end == WORKER_TIMEOUT && limit < tuner->options.time_limit_seconds;
        if (*is_cut) goto done;
        if (end != WORKER_ANSWERED) {
            trial.outcome = end == WORKER_TIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_CRASHED;
            trial.seconds = measure_now() - begin;
            trial_message(trial.message, reply.message);
            break;
        }
        tuner->compile_seconds += reply.compile_seconds;
        tuner->verify_seconds += reply.verify_seconds;
        tuner->measure_seconds += reply.measure_seconds;
        if (reply.status != HPCK_OK) {
            fail(job, reply.message);
            goto done;
        }
        trial.seconds = measure_now() - begin;
        if (request.side_count == 1 || !outcome_is_bad(reply.side[0].outcome)) {
            take_measurement(job, &reply.side[request.side_count - 1], &trial);
            break;
        }
        HPCK_TRY(depose(job, tuner, &reply.side[0], err)); /* and once more, against another one */
    }
    HPCK_TRY(write_down(job, tuner, &trial, err));
done:
    return st;
}

/* ---- the search ---------------------------------------------------------------------------------------------------- */

static bool may_go_on(const struct job *job, const struct tuner *tuner)
{
    return job->state == JOB_OPEN && (tuner->options.evals == 0 || job->trial_count < tuner->options.evals);
}

/* What is chosen now comes first, so that everything else is compared with it. */
static bool next_candidate(struct job *job, struct candidate *candidate)
{
    *candidate = job->reigning;
    if (find_trial(job, &job->reigning) < 0) return true;
    return search_next(job->search, job->trials, job->trial_count, candidate);
}

hpck_status job_search(struct job *job, struct tuner *tuner, double deadline, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker *worker = NULL;
    struct worker_hello hello;
    struct candidate candidate;

    while (may_go_on(job, tuner) && !*tuner->stop && measure_now() < deadline) {
        bool is_alive, is_cut;
        if (!next_candidate(job, &candidate)) {
            job->state = JOB_CONVERGED;
            break;
        }
        if (!worker) {
            tuner->workloads++;
            HPCK_TRY(worker_start(tuner->options.device, "", START_LIMIT, &worker, &hello, err));
        }
        HPCK_TRY(try_candidate(job, tuner, &candidate, deadline, worker, &is_alive, &is_cut, err));
        if (!is_alive) {
            worker_stop(worker);
            worker = NULL;
        }
        if (is_cut) break;
        tuner_tick(tuner);
    }
    if (job->state == JOB_OPEN && !may_go_on(job, tuner)) job->state = JOB_CONVERGED;
done:
    worker_stop(worker);
    return st;
}
