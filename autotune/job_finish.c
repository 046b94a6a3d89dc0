/* The decision: the leaders of a search are hypotheses until a fresh process has measured them against what is chosen
 * now, in the same rounds. */
#include "job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "tuner.h"
#include "verdict.h"

enum { LEADERS = 3, CONFIRM_ROUNDS = 24 };
static const double LEADER_RANGE = 1.10; /* of the best trial: slower ones are not measured again */
static const double FINISH_SHARE = 0.2;  /* of the problem's time */
static const double FINISH_MAX =
    8.0; /* seconds of measuring, which is enough for 24 rounds of all but huge problems */
static const double FINISH_MIN = 1.0;
static const double START_LIMIT = 60.0;

/* The contestants: the old choice first, then what the last confirmation chose where that is another, the rivals, whatever a short look
 * at them said, and the leaders. */
struct final {
    struct candidate side[MEASURE_SIDES_MAX];
    int count;
    int winner;
    struct worker_reply reply;
};

double job_finish_seconds(const struct job *job, double slice)
{
    double one_each = job->best < 0 ? 0.0 : job->trials[job->best].seconds * (LEADERS + 2 + job->rival_count);
    return fmin(fmax(fmax(FINISH_SHARE * slice, FINISH_MIN), 3.0 * one_each), FINISH_MAX);
}

/* ---- who takes part ------------------------------------------------------------------------------------------------ */

static int by_seconds(const void *a, const void *b)
{
    const struct trial *x = *(const struct trial *const *)a;
    const struct trial *y = *(const struct trial *const *)b;
    return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

/* Pointers to the trials that are right and were measured, fastest first; caller frees. */
static hpck_status ranking(const struct job *job, const struct trial ***ranked, int *count, struct error *err)
{
    *count = 0;
    *ranked = malloc(((size_t)job->trial_count + 1) * sizeof **ranked);
    if (!*ranked) return error_set(err, HPCK_OUT_OF_MEMORY, "tuner: no memory to rank %d trials", job->trial_count);
    for (int i = 0; i < job->trial_count; i++)
        if (job->trials[i].outcome == OUTCOME_OK) (*ranked)[(*count)++] = &job->trials[i];
    qsort(*ranked, (size_t)*count, sizeof **ranked, by_seconds);
    return HPCK_OK;
}

static int find_side(const struct final *final, const struct candidate *candidate)
{
    for (int i = 0; i < final->count; i++)
        if (candidate_same(&final->side[i], candidate)) return i;
    return -1;
}

static void add_side(struct final *final, const struct candidate *candidate)
{
    if (find_side(final, candidate) < 0) final->side[final->count++] = *candidate;
}

static void choose_sides(const struct job *job, const struct trial *const *ranked, int count, struct final *final)
{
    const struct candidate old = candidate_of(job->old.family, job->old.param);
    add_side(final, &old);
    add_side(final, &job->reigning);
    for (int i = 0; i < job->rival_count; i++)
        add_side(final, &job->rivals[i]);
    for (int i = 0, leaders = 0; i < count && leaders < LEADERS; i++) {
        if (ranked[i]->seconds > LEADER_RANGE * ranked[0]->seconds) break;
        if (find_side(final, &ranked[i]->candidate) >= 0) continue;
        final->side[final->count++] = ranked[i]->candidate;
        leaders++;
    }
}

/* ---- the measurement ------------------------------------------------------------------------------------------------ */

static hpck_status measure(struct job *job, struct tuner *tuner, double seconds, struct final *final,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker *worker = NULL;
    struct worker_hello hello;
    struct worker_request request;
    double limit = tuner->options.time_limit_seconds * final->count + seconds;

    memset(&request, 0, sizeof request);
    request.trial = -1;
    request.problem = job->problem;
    request.seed = tuner->options.seed + ++tuner->workloads;
    request.side_count = final->count;
    for (int i = 0; i < final->count; i++)
        request.side[i] = worker_candidate_of(&final->side[i]);
    request.measure = (struct measure_options){
        .rounds = CONFIRM_ROUNDS, .turn_seconds = 0.005, .rest_seconds = 0.0, .limit_seconds = seconds
    };
    HPCK_TRY(worker_start(tuner->options.device, tuner_kernels(tuner), START_LIMIT, &worker, &hello, err));
    if (worker_ask(worker, &request, limit, tuner_tick, tuner, &final->reply) != WORKER_ANSWERED)
        final->reply.status = HPCK_INTERNAL; /* its message says how the worker ended */
    tuner->compile_seconds += final->reply.compile_seconds;
    tuner->verify_seconds += final->reply.verify_seconds;
    tuner->measure_seconds += final->reply.measure_seconds;
done:
    worker_stop(worker);
    return st;
}

static bool is_measured(const struct final *final, int side)
{
    return verdict_counts(&final->reply.side[side]);
}

/* old / side: median and quartiles over the rounds. */
static struct measure_ratio gain_of(const struct final *final, int side)
{
    const struct measure_ratio *ratio = &final->reply.side[side].ratio;
    if (!is_measured(final, 0)) return (struct measure_ratio){ NAN, NAN, NAN };
    return (struct measure_ratio){ 1.0 / ratio->median, 1.0 / ratio->p75, 1.0 / ratio->p25 };
}

/* In the medians of the rounds that all shared; 0 where the winner was the fastest. */
static double regret_of(const struct final *final)
{
    const double chosen = final->reply.side[final->winner].ratio.median;
    double regret = 0.0;
    for (int i = 0; i < final->count; i++)
        if (is_measured(final, i)) regret = fmax(regret, chosen / final->reply.side[i].ratio.median - 1.0);
    return regret;
}

static void take_result(struct job *job, const struct final *final)
{
    int rival = -1;
    for (int i = 0; i < final->count; i++) {
        if (i == final->winner || i == 0 || !is_measured(final, i)) continue;
        if (rival < 0 || final->reply.side[i].time.median < final->reply.side[rival].time.median) rival = i;
    }
    job->reigning = final->side[final->winner];
    job->is_confirmed = true;
    job->confirmed_trials = job->trial_count;
    job->foreign_cpu = final->reply.foreign_cpu;
    job->new_seconds = final->reply.side[final->winner].time.median;
    job->old_seconds = is_measured(final, 0) ? final->reply.side[0].time.median : NAN;
    job->gain = gain_of(final, final->winner);
    job->regret = regret_of(final);
    job->rival = rival < 0 ? (struct measure_ratio){ NAN, NAN, NAN } : gain_of(final, rival);
}

/* ---- the records ----------------------------------------------------------------------------------------------------- */

/* The contestants with their new times, then the best other trials brought to the same scale. final == NULL: trials
 * only. Nothing but the confirmed winner is SEARCHED, which ranks it first. */
static int make_records(const struct job *job, const struct tuner *tuner, const struct final *final,
                        const struct trial *const *ranked, int ranked_count,
                        struct tunedb_record records[TUNEDB_KEEP])
{
    int count = 0;
    double scale = 1.0;
    for (int i = 0; final && i < final->count; i++) {
        if (!is_measured(final, i)) continue;
        const struct measure_times *time = &final->reply.side[i].time;
        records[count] = record_of(tuner, job, &final->side[i], time->median,
                                   i == final->winner ? PROVENANCE_SEARCHED : PROVENANCE_MEASURED);
        records[count].spread = time->median > 0.0 ? (time->p90 - time->p10) / time->median : 0.0;
        records[count++].samples = time->samples;
    }
    if (final && final->winner >= 0 && job->best >= 0) {
        for (int i = 0; i < ranked_count; i++)
            if (candidate_same(&ranked[i]->candidate, &final->side[final->winner]))
                scale = final->reply.side[final->winner].time.median / ranked[i]->seconds;
    }
    for (int i = 0; i < ranked_count && count < TUNEDB_KEEP; i++) {
        if (final && find_side(final, &ranked[i]->candidate) >= 0) continue;
        records[count] =
            record_of(tuner, job, &ranked[i]->candidate, scale * ranked[i]->seconds, PROVENANCE_MEASURED);
        records[count].spread = ranked[i]->spread;
        records[count++].samples = ranked[i]->samples;
    }
    return count;
}

hpck_status job_finish(struct job *job, struct tuner *tuner, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb_record records[TUNEDB_KEEP];
    struct final final = { .winner = -1 };
    const struct trial **ranked = NULL;
    int count = 0;

    if (job->state == JOB_FAILED || job->state == JOB_WAITING || job->best < 0) goto done;
    if (job->is_confirmed && job->confirmed_trials == job->trial_count) goto done; /* nothing new since */
    HPCK_TRY(ranking(job, &ranked, &count, err));
    bool is_final = !*tuner->stop;
    if (is_final) {
        choose_sides(job, ranked, count, &final);
        HPCK_TRY(measure(job, tuner, job_finish_seconds(job, tuner->slice_seconds), &final, err));
        is_final = final.reply.status == HPCK_OK;
        if (!is_final) progress_note(&tuner->progress, "%s: not confirmed: %s", job->text, final.reply.message);
    }
    if (is_final) {
        final.winner = verdict(final.reply.side, final.count, tuner->options.min_gain);
        if (final.winner >= 0) take_result(job, &final);
    }
    int records_count = make_records(job, tuner, is_final ? &final : NULL, ranked, count, records);
    HPCK_TRY(tunedb_merge(tuner->db_path, records, records_count, err));
    job->is_written = records_count > 0;
    HPCK_TRY(tuner_reload(tuner, err));
done:
    free(ranked);
    return st;
}
