/* Searches a problem's space in batches: the search proposes some candidates, all CPUs compile them, then they are tried
 * one by one while nothing else runs. */
#include "job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "tuner.h"

enum {
    BATCH_PER_COMPILER = 3, /* programs: enough that one slow compilation does not leave the others idle for long */
    BATCH_PER_PROGRAM = 4   /* candidates: some differ in run-time parameters only */
};
static const double GIVE_UP = 2.0;      /* times the best: not worth more than one run */
static const double BUDGET_GRACE = 5.0; /* seconds by which the trial that is running may pass the deadline */
static const double START_LIMIT = 60.0; /* for a worker to open the device */
static const double LOOK_AGAIN = 1.02;  /* a candidate that seems as good as the best is measured more carefully */
static const struct measure_options FIRST_LOOK = {
    .rounds = 5, .turn_seconds = 0.003, .rest_seconds = 0.0, .limit_seconds = 0.6
};
static const struct measure_options SECOND_LOOK = {
    .rounds = 15, .turn_seconds = 0.004, .rest_seconds = 0.0, .limit_seconds = 1.5
};

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
    HPCK_TRY(job_add_trial(job, trial, err));
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
    job_find_best(job);
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
            job_fail(job, reply.message);
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

/* ---- a batch ------------------------------------------------------------------------------------------------------- */

/* What is chosen now comes first, so that everything else is compared with it. */
static bool next_candidate(struct job *job, struct candidate *candidate)
{
    *candidate = job->reigning;
    if (job->pending_count == 0 && job_find_trial(job, &job->reigning) < 0) return true;
    return search_next(job->search, job->trials, job->trial_count, candidate);
}

/* Another candidate of this run has the same program: only run-time parameters differ. */
static bool has_program(const struct job *job, const struct candidate *candidate)
{
    for (int i = job->resumed; i < job->trial_count; i++)
        if (space_same_program(&job->trials[i].candidate, candidate)) return true;
    for (int i = 0; i < job->pending_count; i++)
        if (space_same_program(&job->pending[i].candidate, candidate)) return true;
    return false;
}

/* Fills up the pending attempts until there is enough to compile: one program each in the first batch of a slice, which may
 * be short. None: the search has nothing more to propose. */
static hpck_status propose(struct job *job, const struct tuner *tuner, bool is_first, struct error *err)
{
    hpck_status st = HPCK_OK;
    const int jobs = tuner->compilers ? tuner->options.jobs : 1;
    const int programs_most = is_first || !tuner->compilers ? jobs : BATCH_PER_COMPILER * jobs;
    const int capacity = BATCH_PER_PROGRAM * BATCH_PER_COMPILER * jobs;
    int most = capacity;
    int programs = 0;
    if (!job->pending) job->pending = calloc((size_t)capacity, sizeof *job->pending);
    if (!job->pending) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d candidates", capacity);
    if (tuner->options.evals > 0 && most > tuner->options.evals - job->trial_count)
        most = tuner->options.evals - job->trial_count;
    for (int i = 0; i < job->pending_count; i++)
        programs += job->pending[i].is_to_compile;
    while (job->pending_count < most && programs < programs_most) {
        struct attempt attempt = { .outcome = OUTCOME_OK };
        if (!next_candidate(job, &attempt.candidate)) break;
        HPCK_TRY(search_note(job->search, &attempt.candidate, err));
        attempt.is_to_compile = !has_program(job, &attempt.candidate);
        programs += attempt.is_to_compile;
        job->pending[job->pending_count++] = attempt;
    }
done:
    return st;
}

static void take_compiled(struct attempt *attempt, const struct compile_task *task)
{
    if (!task->is_done) return;
    attempt->is_to_compile = false;
    attempt->outcome = task->outcome;
    attempt->seconds = task->seconds;
    trial_message(attempt->message, task->message);
}

/* On all CPUs. What is not finished at the deadline stays pending as it is. */
static hpck_status compile_batch(struct job *job, struct tuner *tuner, double deadline, struct error *err)
{
    hpck_status st = HPCK_OK;
    const double begin = measure_now();
    const struct compile_limits limits = { tuner->options.time_limit_seconds, deadline, tuner->stop, tuner_tick,
                                           tuner };
    struct compile_task *tasks = calloc((size_t)job->pending_count + 1, sizeof *tasks);
    int count = 0;
    if (!tasks) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d tasks", job->pending_count);
    for (int i = 0; i < job->pending_count; i++)
        if (job->pending[i].is_to_compile)
            tasks[count++].request = worker_compile(&job->problem, &job->pending[i].candidate, tuner->trials + i);
    compilers_run(tuner->compilers, tasks, count, &limits);
    for (int i = job->pending_count - 1; i >= 0; i--)
        if (job->pending[i].is_to_compile) take_compiled(&job->pending[i], &tasks[--count]);
    tuner->compile_seconds += measure_now() - begin;
done:
    free(tasks);
    return st;
}

/* ---- the search ---------------------------------------------------------------------------------------------------- */

static bool may_go_on(const struct job *job, const struct tuner *tuner)
{
    return job->state == JOB_OPEN && (tuner->options.evals == 0 || job->trial_count < tuner->options.evals);
}

static void drop_first(struct job *job)
{
    job->pending_count--;
    memmove(job->pending, job->pending + 1, (size_t)job->pending_count * sizeof *job->pending);
}

/* A candidate that did not survive its compilation is not run. */
static hpck_status write_down_uncompiled(struct job *job, struct tuner *tuner, const struct attempt *attempt,
                                         struct error *err)
{
    struct trial trial = { .candidate = attempt->candidate, .outcome = attempt->outcome };
    trial.seconds = attempt->seconds;
    trial_message(trial.message, attempt->message);
    return write_down(job, tuner, &trial, err);
}

/* The process that measures: with operands of its own. */
static hpck_status need_worker(struct tuner *tuner, struct worker **worker, struct error *err)
{
    struct worker_hello hello;
    if (*worker) return HPCK_OK;
    tuner->workloads++;
    return worker_start(tuner->options.device, tuner_kernels(tuner), START_LIMIT, worker, &hello, err);
}

/* Tries the pending attempts in order until the deadline; the first of a slice comes before any deadline, so that every
 * slice gets on. */
static hpck_status try_batch(struct job *job, struct tuner *tuner, double deadline, struct worker **worker,
                             int *tried, struct error *err)
{
    hpck_status st = HPCK_OK;
    while (job->pending_count > 0 && may_go_on(job, tuner) && !*tuner->stop) {
        const struct attempt attempt = job->pending[0];
        bool is_alive = true, is_cut = false;
        if (measure_now() >= deadline && *tried > 0) break;
        bool is_over = outcome_is_bad(attempt.outcome);
        if (attempt.outcome == OUTCOME_REJECTED && job->best < 0) is_over = false; /* better than nothing */
        if (is_over) {
            HPCK_TRY(write_down_uncompiled(job, tuner, &attempt, err));
        } else {
            HPCK_TRY(need_worker(tuner, worker, err));
            HPCK_TRY(try_candidate(job, tuner, &attempt.candidate, deadline, *worker, &is_alive, &is_cut, err));
        }
        if (!is_alive) {
            worker_stop(*worker);
            *worker = NULL;
        }
        if (is_cut || job->state != JOB_OPEN) break;
        drop_first(job);
        ++*tried;
        tuner_tick(tuner);
    }
done:
    return st;
}

hpck_status job_search(struct job *job, struct tuner *tuner, double deadline, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker *worker = NULL;
    int tried = 0;

    while (may_go_on(job, tuner) && !*tuner->stop && measure_now() < deadline) {
        HPCK_TRY(propose(job, tuner, tried == 0, err));
        if (job->pending_count == 0) {
            job->state = JOB_CONVERGED;
            break;
        }
        /* before the compilers: where only one process may use the device, it is this one */
        HPCK_TRY(need_worker(tuner, &worker, err));
        if (tuner->compilers) HPCK_TRY(compile_batch(job, tuner, deadline, err));
        HPCK_TRY(try_batch(job, tuner, deadline, &worker, &tried, err));
    }
    if (job->state == JOB_OPEN && !may_go_on(job, tuner)) job->state = JOB_CONVERGED;
done:
    worker_stop(worker);
    return st;
}
