/* Results, as text for people or JSON lines for programs. */
#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* What planning assumes; measured on PoCL 3.1, see docs/tuning.md. */
static const double COMPILE_SECONDS = 0.5;
static const double TRIAL_SECONDS = 0.15;

static void count_job(const struct job *job, int counts[OUTCOME_COUNT])
{
    for (int i = 0; i < job->trial_count; i++)
        counts[job->trials[i].outcome]++;
}

static const struct trial *trial_of(const struct job *job, const struct candidate *candidate)
{
    for (int i = 0; i < job->trial_count; i++)
        if (candidate_same(&job->trials[i].candidate, candidate)) return &job->trials[i];
    return NULL;
}

/* The old choice's trial if that went wrong; NULL: it is fine, or was not tried. */
static const struct trial *broken_old(const struct job *job)
{
    if (!job->old.family) return NULL;
    struct candidate old = candidate_of(job->old.family, job->old.param);
    const struct trial *trial = trial_of(job, &old);
    return trial && outcome_is_bad(trial->outcome) ? trial : NULL;
}

static bool is_changed(const struct job *job)
{
    struct candidate old = candidate_of(job->old.family, job->old.param);
    return !candidate_same(&old, &job->reigning);
}

/* One word for what became of a problem. */
static const char *result_of(const struct job *job)
{
    if (job->state == JOB_FAILED) return "failed";
    if (job->state == JOB_WAITING || job->trial_count == 0) return "not tuned";
    if (!job->is_confirmed) return job->best >= 0 ? "not confirmed" : "failed";
    return is_changed(job) ? "improved" : "kept";
}

/* Problems whose records of this run are in the database: fewer where one has none, or where a merge failed. */
static int count_written(const struct tuner *tuner)
{
    int count = 0;
    for (int i = 0; i < tuner->job_count; i++)
        count += tuner->jobs[i].is_written;
    return count;
}

int results_exit_code(const struct tuner *tuner)
{
    for (int i = 0; i < tuner->job_count; i++)
        if (strcmp(result_of(&tuner->jobs[i]), "failed") == 0 || broken_old(&tuner->jobs[i])) return 1;
    return 0;
}

/* ---- text ---------------------------------------------------------------------------------------------------------- */

static void text_job(const struct tuner *tuner, const struct job *job, FILE *out)
{
    char old[CANDIDATE_TEXT_MAX];
    char new[CANDIDATE_TEXT_MAX];
    fprintf(out, "%s: %s", job->text, result_of(job));
    if (job->is_confirmed && isfinite(job->gain.median))
        fprintf(out, ", %.2fx [%.2f %.2f]", job->gain.median, job->gain.p25, job->gain.p75);
    if (job->is_confirmed)
        fprintf(out, ", %.1f %sGFLOP/s", problem_flops(&job->canonical) / job->new_seconds * 1e-9,
                tuner->device.is_emulated ? "emulated " : "");
    if (job->trial_count > 0) fprintf(out, ", %d evaluations (%d resumed)", job->trial_count, job->resumed);
    if (job->is_confirmed && job->foreign_cpu > 0.12)
        fprintf(out, ", suspect: other processes used %.0f%% of the CPU", 100.0 * job->foreign_cpu);
    fputc('\n', out);
    if (job->failure[0]) fprintf(out, "    %s\n", job->failure);
    if (!job->old.family) return;
    struct candidate candidate = candidate_of(job->old.family, job->old.param);
    candidate_print(&candidate, old, sizeof old);
    fprintf(out, "    old  %s (%s)\n", old, job->old.reason);
    if (broken_old(job))
        fprintf(out, "         %s: %s\n", outcome_name(broken_old(job)->outcome), broken_old(job)->message);
    if (job->is_confirmed && is_changed(job))
        fprintf(out, "    new  %s\n", candidate_print(&job->reigning, new, sizeof new));
    if (job->is_confirmed && isfinite(job->rival.median))
        fprintf(out, "    best rival %.2fx [%.2f %.2f], regret %.1f%%\n", job->rival.median, job->rival.p25,
                job->rival.p75, 100.0 * job->regret);
}

static void text_summary(const struct tuner *tuner, const int counts[OUTCOME_COUNT], FILE *out)
{
    int improved = 0, kept = 0, failed = 0, open = 0;
    char time[32];
    for (int i = 0; i < tuner->job_count; i++) {
        const char *result = result_of(&tuner->jobs[i]);
        improved += strcmp(result, "improved") == 0;
        kept += strcmp(result, "kept") == 0;
        failed += strcmp(result, "failed") == 0;
        open += strncmp(result, "not", 3) == 0;
    }
    fprintf(out, "\nproblems:%d improved:%d kept:%d failed:%d unfinished:%d in %s\n", tuner->job_count, improved,
            kept, failed, open, progress_duration(measure_now() - tuner->begin, time, sizeof time));
    fprintf(out, "evaluations now:%d", tuner->trials);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        fprintf(out, " %s:%d", outcome_name((enum outcome)i), counts[i]);
    fprintf(out, "\nseconds compiling:%.1f verifying:%.1f measuring:%.1f\n", tuner->compile_seconds,
            tuner->verify_seconds, tuner->measure_seconds);
    fprintf(out, "written:%d to %s\n", count_written(tuner), tuner->db_path);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static void print_object(json_t *object, FILE *out)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (text) fprintf(out, "%s\n", text);
    free(text);
    json_decref(object);
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *ratio_json(const struct measure_ratio *ratio)
{
    return json_pack("{s:o, s:o, s:o}", "median", number_or_null(ratio->median), "p25", number_or_null(ratio->p25),
                     "p75", number_or_null(ratio->p75));
}

static json_t *choice_json(const struct candidate *candidate, double seconds)
{
    json_t *params = json_object();
    for (int i = 0; i < candidate->family->param_count; i++)
        json_object_set_new(params, candidate->family->params[i].name, json_integer(candidate->param[i]));
    return json_pack("{s:s, s:o, s:o}", "family", candidate->family->name, "params", params, "time_us",
                     number_or_null(1e6 * seconds));
}

static json_t *counts_json(const int counts[OUTCOME_COUNT])
{
    json_t *object = json_object();
    for (int i = 0; i < OUTCOME_COUNT; i++)
        json_object_set_new(object, outcome_name((enum outcome)i), json_integer(counts[i]));
    return object;
}

static json_t *job_json(const struct tuner *tuner, const struct job *job)
{
    int counts[OUTCOME_COUNT] = { 0 };
    count_job(job, counts);
    json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:i, s:o}", "problem", job->text, "device", tuner->device.name,
                               "result", result_of(job), "evaluations", job->trial_count, "resumed", job->resumed,
                               "outcomes", counts_json(counts));
    if (tuner->device.is_emulated) json_object_set_new(object, "emulated", json_true());
    if (job->failure[0]) json_object_set_new(object, "message", json_string(job->failure));
    if (!job->old.family) return object;
    struct candidate candidate = candidate_of(job->old.family, job->old.param);
    json_t *old = choice_json(&candidate, job->is_confirmed ? job->old_seconds : NAN);
    json_object_set_new(old, "selected_by", json_string(selected_by_name(job->old.selected_by)));
    json_object_set_new(object, "old", old);
    if (!job->is_confirmed) return object;
    json_object_set_new(object, "new", choice_json(&job->reigning, job->new_seconds));
    json_object_set_new(object, "gflops", json_real(problem_flops(&job->canonical) / job->new_seconds * 1e-9));
    json_object_set_new(object, "gain", ratio_json(&job->gain));
    json_object_set_new(object, "rival", ratio_json(&job->rival));
    json_object_set_new(object, "regret", number_or_null(job->regret));
    json_object_set_new(object, "foreign_cpu", json_real(job->foreign_cpu));
    return object;
}

static json_t *summary_json(const struct tuner *tuner, const int counts[OUTCOME_COUNT])
{
    return json_pack("{s:{s:i, s:i, s:i, s:o, s:{s:f, s:f, s:f, s:f}, s:s, s:s, s:I, s:s, s:s}}", "summary",
                     "problems", tuner->job_count, "written", count_written(tuner), "evaluations_now",
                     tuner->trials, "outcomes", counts_json(counts), "seconds", "total",
                     measure_now() - tuner->begin, "compile", tuner->compile_seconds, "verify",
                     tuner->verify_seconds, "measure", tuner->measure_seconds, "strategy",
                     strategy_names[tuner->options.strategy], "driver", tuner->device.driver, "seed",
                     (json_int_t)tuner->options.seed, "version", HPCK_VERSION_STRING, "db", tuner->db_path);
}

void results_print(const struct tuner *tuner, enum results_format format, FILE *out)
{
    int counts[OUTCOME_COUNT] = { 0 };
    for (int i = 0; i < tuner->job_count; i++) {
        count_job(&tuner->jobs[i], counts);
        if (format == RESULTS_JSON)
            print_object(job_json(tuner, &tuner->jobs[i]), out);
        else
            text_job(tuner, &tuner->jobs[i], out);
    }
    if (format == RESULTS_JSON)
        print_object(summary_json(tuner, counts), out);
    else
        text_summary(tuner, counts, out);
}

/* ---- the dry run --------------------------------------------------------------------------------------------------- */

hpck_status results_plan(struct tuner *tuner, enum results_format format, FILE *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < tuner->job_count; i++) {
        struct job *job = &tuner->jobs[i];
        char time[32];
        char choice[CANDIDATE_TEXT_MAX];
        HPCK_TRY(job_open(job, tuner, err));
        double seconds = (double)job->space.compilations * COMPILE_SECONDS + job->space.count * TRIAL_SECONDS;
        if (job->state == JOB_FAILED) {
            fprintf(out, "%s: cannot be tuned: %s\n", job->text, job->failure);
        } else if (format == RESULTS_JSON) {
            print_object(json_pack("{s:s, s:s, s:I, s:I, s:i, s:I, s:i, s:f, s:s}", "problem", job->text, "device",
                                   tuner->device.name, "grid", (json_int_t)job->space.grid, "legal",
                                   (json_int_t)job->space.legal, "candidates", job->space.count, "compilations",
                                   (json_int_t)job->space.compilations, "tried", job->resumed, "exhaustive_seconds",
                                   seconds, "chosen_now", candidate_print(&job->reigning, choice, sizeof choice)),
                         out);
        } else {
            fprintf(out,
                    "%s: %llu points, %llu legal, %d different here, %llu compilations, %d tried before; all of "
                    "them would take about %s\n    now  %s (%s)\n",
                    job->text, (unsigned long long)job->space.grid, (unsigned long long)job->space.legal,
                    job->space.count, (unsigned long long)job->space.compilations, job->resumed,
                    progress_duration(seconds, time, sizeof time),
                    candidate_print(&job->reigning, choice, sizeof choice), job->old.reason);
        }
        job_close(job);
    }
done:
    return st;
}
