/* The run: a device, a database, and a fair share of the time for each problem. */
#include "tuner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "strbuf.h"

static const double START_LIMIT = 60.0; /* seconds for a worker to open the device */
static const double SLICE_MIN = 1.0;    /* less is not worth starting a worker for */
static const double KEEP_SHARE =
    0.05; /* of the budget, for putting the winners' programs into the user's cache ... */
static const double KEEP_SECONDS = 1.0; /* ... which takes at most about this for each */

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static hpck_status find_device(struct tuner *tuner, struct error *err)
{
    struct worker *worker = NULL;
    struct worker_hello hello;
    hpck_status st = worker_start(tuner->options.device, "", START_LIMIT, &worker, &hello, err);
    if (st == HPCK_OK) {
        tuner->device = hello.device;
        tuner->dialect = hello.dialect;
    }
    worker_stop(worker);
    return st;
}

/* Where to write is known before what to read: a file that the caller names may not be there yet. It is made at once,
 * so that a folder that cannot be written is not discovered after an hour of tuning. */
static hpck_status open_database(struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    const char *named = tuner->options.db;
    if (!named) {
        HPCK_TRY(tunedb_open(NULL, NULL, &tuner->db, err));
        if (!tunedb_user_path(tuner->db))
            HPCK_FAIL(err, HPCK_IO, "there is no place for a tuning database: set --db, HPCK_DB or HOME");
        named = tunedb_user_path(tuner->db);
    }
    tuner->db_path = strdup(named);
    if (!tuner->db_path) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory");
    if (!tuner->options.is_dry_run) HPCK_TRY(tunedb_merge(tuner->db_path, NULL, 0, err));
    HPCK_TRY(tuner_reload(tuner, err));
    HPCK_TRY(journal_load(&tuner->journal, tuner->db_path, err));
done:
    return st;
}

hpck_status tuner_reload(struct tuner *tuner, struct error *err)
{
    struct tunedb *db = NULL;
    bool is_there = access(tuner->db_path, F_OK) == 0; /* a dry run does not make it */
    hpck_status st = tunedb_open(is_there ? tuner->db_path : NULL, NULL, &db, err);
    if (st != HPCK_OK) return st;
    tunedb_close(tuner->db);
    tuner->db = db;
    return HPCK_OK;
}

static void report_passed_over(struct tuner *tuner)
{
    const struct journal_stats *stats = &tuner->journal.stats;
    if (stats->stale + stats->unknown + stats->malformed > 0)
        progress_note(&tuner->progress, "%s: passed over %d damaged, %d stale and %d unknown lines",
                      tuner->journal.path, stats->malformed, stats->stale, stats->unknown);
    for (int layer = 0; layer < tunedb_layer_count(tuner->db); layer++) {
        struct tunedb_stats passed = tunedb_layer_stats(tuner->db, layer);
        if (passed.stale + passed.unknown + passed.malformed > 0)
            progress_note(&tuner->progress, "%s: passed over %d damaged, %d stale and %d unknown lines",
                          tunedb_layer_path(tuner->db, layer), passed.malformed, passed.stale, passed.unknown);
    }
}

/* A problem that was given twice, or in row- and column-major words, is tuned once. */
static hpck_status make_jobs(struct tuner *tuner, const struct shapes *shapes, struct error *err)
{
    tuner->jobs = calloc((size_t)shapes->count + 1, sizeof *tuner->jobs);
    if (!tuner->jobs) return error_set(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d problems", shapes->count);
    for (int i = 0; i < shapes->count; i++) {
        struct problem canonical = problem_canonical(&shapes->items[i].problem);
        bool is_known = false;
        for (int j = 0; j < tuner->job_count; j++)
            is_known = is_known || problem_same(&tuner->jobs[j].canonical, &canonical);
        if (is_known) continue;
        struct job *job = &tuner->jobs[tuner->job_count++];
        job->problem = shapes->items[i].problem;
        job->canonical = canonical;
        problem_print(&job->problem, job->text);
    }
    return HPCK_OK;
}

/* Compilers and measuring worker are different processes. NVRTC keeps nothing, so that they share a folder of PTX; OpenCL
 * drivers keep what they compile themselves, and asking PoCL for a binary takes as long again as compiling. */
static hpck_status open_compilers(struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (tuner->options.jobs == 0) goto done;
    if (tuner->dialect == DIALECT_CUDA) HPCK_TRY(kernels_folder_open(&tuner->kernels, tuner->db_path, err));
    HPCK_TRY(
        compilers_create(tuner->options.device, tuner_kernels(tuner), tuner->options.jobs, &tuner->compilers, err));
done:
    return st;
}

const char *tuner_kernels(const struct tuner *tuner)
{
    return tuner->kernels.path ? tuner->kernels.path : "";
}

hpck_status tuner_open(struct tuner *tuner, const struct tuner_options *options, const struct shapes *shapes,
                       const volatile sig_atomic_t *stop, struct error *err)
{
    hpck_status st = HPCK_OK;
    *tuner = (struct tuner){
        .options = *options, .stop = stop, .begin = measure_now(), .journal.fd = -1, .kernels.lock = -1
    };
    if (tuner->options.jobs < 0) tuner->options.jobs = compilers_default_count();
    progress_open(&tuner->progress, stderr);
    HPCK_TRY(find_device(tuner, err));
    if (tuner->device.is_emulated && !options->db && !options->is_dry_run)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "%s is emulated, and its times do not belong in your tuning database: name a file with --db",
                  tuner->device.name);
    HPCK_TRY(open_database(tuner, err));
    report_passed_over(tuner);
    HPCK_TRY(make_jobs(tuner, shapes, err));
    tuner->keep_seconds = fmin(KEEP_SHARE * options->budget_seconds, KEEP_SECONDS * tuner->job_count);
    tuner->deadline = INFINITY;
    if (options->budget_seconds > 0.0)
        tuner->deadline = tuner->begin + options->budget_seconds - tuner->keep_seconds;
    if (!options->is_dry_run) HPCK_TRY(open_compilers(tuner, err));
done:
    if (st != HPCK_OK) tuner_close(tuner);
    return st;
}

void tuner_close(struct tuner *tuner)
{
    progress_close(&tuner->progress);
    for (int i = 0; i < tuner->job_count; i++)
        job_close(&tuner->jobs[i]);
    free(tuner->jobs);
    tuner->jobs = NULL;
    tuner->job_count = 0;
    journal_close(&tuner->journal);
    compilers_free(tuner->compilers);
    tuner->compilers = NULL;
    kernels_folder_close(&tuner->kernels);
    tunedb_close(tuner->db);
    tuner->db = NULL;
    free(tuner->db_path);
    tuner->db_path = NULL;
}

/* ---- progress ------------------------------------------------------------------------------------------------------- */

static int count_outcomes(const struct job *job, enum outcome outcome)
{
    int count = 0;
    for (int i = 0; i < job->trial_count; i++)
        count += job->trials[i].outcome == outcome;
    return count;
}

static double old_seconds(const struct job *job)
{
    struct candidate old = candidate_of(job->old.family, job->old.param);
    for (int i = 0; i < job->trial_count; i++)
        if (job->trials[i].outcome == OUTCOME_OK && candidate_same(&job->trials[i].candidate, &old))
            return job->trials[i].seconds;
    return NAN;
}

/* Until the budget or the allowed trials end, whichever is first; negative: nobody knows. */
static double time_left(const struct tuner *tuner)
{
    double now = measure_now();
    double left = isinf(tuner->deadline) ? INFINITY : fmax(tuner->deadline - now, 0.0);
    if (tuner->options.evals > 0 && tuner->trials > 0) {
        double trials = 0.0;
        for (int i = 0; i < tuner->job_count; i++) {
            const struct job *job = &tuner->jobs[i];
            if (job->state == JOB_WAITING || job->state == JOB_OPEN)
                trials += fmax(0.0, (double)(tuner->options.evals - job->trial_count));
        }
        left = fmin(left, trials * (now - tuner->begin) / (double)tuner->trials);
    }
    return isinf(left) ? -1.0 : left;
}

void tuner_tick(void *context)
{
    struct tuner *tuner = context;
    const struct job *job = &tuner->jobs[tuner->current];
    struct strbuf line = { 0 };
    char eta[32];

    if (!progress_is_due(&tuner->progress)) return;
    strbuf_addf(&line, "%s [%d/%d]  %d", job->text, tuner->current + 1, tuner->job_count, job->trial_count);
    if (tuner->options.evals > 0) strbuf_addf(&line, "/%d", tuner->options.evals);
    strbuf_add(&line, " evals");
    if (job->best >= 0) {
        double best = job->trials[job->best].seconds;
        if (!isnan(old_seconds(job))) strbuf_addf(&line, "  best %.2fx default", old_seconds(job) / best);
        strbuf_addf(&line, " (%.1f %sGFLOP/s)", problem_flops(&job->canonical) / best * 1e-9,
                    tuner->device.is_emulated ? "emulated " : "");
    }
    strbuf_addf(&line, "  compile-failed %d  wrong %d", count_outcomes(job, OUTCOME_COMPILE_FAILED),
                count_outcomes(job, OUTCOME_WRONG));
    int lost = count_outcomes(job, OUTCOME_CRASHED) + count_outcomes(job, OUTCOME_TIMEOUT);
    if (lost > 0) strbuf_addf(&line, "  crashed %d", lost);
    if (time_left(tuner) >= 0.0)
        strbuf_addf(&line, "  ETA %s", progress_duration(time_left(tuner), eta, sizeof eta));
    if (!line.failed) progress_show(&tuner->progress, line.text);
    strbuf_free(&line);
}

/* ---- the run --------------------------------------------------------------------------------------------------------- */

static bool is_unfinished(const struct job *job)
{
    return job->state == JOB_WAITING || job->state == JOB_OPEN;
}

static int count_unfinished(const struct tuner *tuner, int from)
{
    int count = 0;
    for (int i = from; i < tuner->job_count; i++)
        count += is_unfinished(&tuner->jobs[i]);
    return count;
}

static bool is_over(const struct tuner *tuner)
{
    return *tuner->stop || measure_now() + SLICE_MIN > tuner->deadline;
}

static hpck_status run_slice(struct tuner *tuner, struct job *job, double seconds, struct error *err)
{
    hpck_status st = HPCK_OK;
    double begin = measure_now();
    tuner->slice_seconds = isinf(seconds) ? 120.0 : seconds;
    if (job->state == JOB_WAITING) {
        HPCK_TRY(job_open(job, tuner, err));
        if (job->resumed > 0)
            progress_note(&tuner->progress, "%s: going on after %d trials of the journal", job->text, job->resumed);
    }
    double reserve = isinf(seconds) ? 0.0 : fmin(job_finish_seconds(job, seconds) + 1.0, 0.5 * seconds);
    HPCK_TRY(job_search(job, tuner, begin + seconds - reserve, err));
    HPCK_TRY(job_finish(job, tuner, err));
done:
    return st;
}

/* Leaves the winners' programs in the user's cache of compiled kernels, so that they are ready for the first call. One that
 * is not done in time costs that call a compilation, nothing else. */
static hpck_status keep_programs(struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct compilers *compilers = NULL;
    struct compile_task *tasks = calloc((size_t)tuner->job_count + 1, sizeof *tasks);
    const struct compile_limits limits = { tuner->options.time_limit_seconds, tuner->deadline + tuner->keep_seconds,
                                           tuner->stop, NULL, NULL };
    const int jobs = tuner->options.jobs > 0 ? tuner->options.jobs : 1;
    int count = 0;
    if (!tasks) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d tasks", tuner->job_count);
    for (int i = 0; i < tuner->job_count; i++)
        if (tuner->jobs[i].is_confirmed)
            tasks[count++].request = worker_compile(&tuner->jobs[i].problem, &tuner->jobs[i].reigning, -1);
    HPCK_TRY(compilers_create(tuner->options.device, NULL, jobs, &compilers, err));
    compilers_run(compilers, tasks, count, &limits);
done:
    compilers_free(compilers);
    free(tasks);
    return st;
}

/* Passes over the list, each problem given an equal share of what is left; what a problem leaves over is shared by
 * those that come after it, and in the next pass by those that have not converged. */
hpck_status tuner_run(struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    while (count_unfinished(tuner, 0) > 0 && !is_over(tuner)) {
        for (int i = 0; i < tuner->job_count && !is_over(tuner); i++) {
            if (!is_unfinished(&tuner->jobs[i])) continue;
            tuner->current = i;
            double share = (tuner->deadline - measure_now()) / count_unfinished(tuner, i);
            HPCK_TRY(run_slice(tuner, &tuner->jobs[i], share, err));
        }
    }
    HPCK_TRY(keep_programs(tuner, err));
done:
    progress_close(&tuner->progress);
    return st;
}
