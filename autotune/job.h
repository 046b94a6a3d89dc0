/* One problem's way through the tuner: what is chosen now, the trials, the confirmation, the records that come of it. */
#ifndef HPCK_AUTOTUNE_JOB_H
#define HPCK_AUTOTUNE_JOB_H

#include "measure.h"
#include "search.h"
#include "select.h"
#include "worker.h"

struct tuner;

enum { JOB_RIVALS = 3 };

enum job_state {
    JOB_WAITING,   /* nothing done yet */
    JOB_OPEN,      /* there is more to try */
    JOB_CONVERGED, /* the strategy has nothing more to propose, or the allowed trials are used up */
    JOB_FAILED     /* cannot be tuned at all: see failure */
};

/* A candidate that the search has proposed and that is not tried yet. */
struct attempt {
    struct candidate candidate;
    bool is_to_compile;   /* its program is new, and the compilers are not done with it */
    enum outcome outcome; /* of compiling: OK, or a bad one, which ends the attempt */
    double seconds;
    char message[TRIAL_MESSAGE_MAX];
};

struct job {
    struct problem problem; /* as written */
    struct problem canonical;
    char text[PROBLEM_TEXT_MAX];
    enum job_state state;
    char failure[TRIAL_MESSAGE_MAX];

    struct space space;
    struct search *search;
    struct choice old;                   /* what selection gave when the job was opened */
    struct candidate reigning;           /* what the last confirmation chose: at first the old one */
    struct candidate rivals[JOB_RIVALS]; /* nothing is confirmed without them: the model's choice, stale records' */
    int rival_count;

    struct trial *trials;
    int trial_count;
    int trial_capacity;
    int resumed; /* of which from the journal */
    int best;    /* the trial that others are compared with; -1: none is right yet */

    struct attempt
        *pending; /* oldest first; what one slice of the budget does not reach, the next one begins with */
    int pending_count;

    bool is_written; /* its records are in the database */

    /* of the last confirmation */
    bool is_confirmed;
    int confirmed_trials; /* how many there were then */
    double old_seconds, new_seconds;
    struct measure_ratio gain;  /* old time / new time */
    struct measure_ratio rival; /* old time / time of the best leader that was not chosen; NAN: there was none */
    double regret; /* what the choice loses against the fastest contestant: its time / that one's - 1 */
    double foreign_cpu;
};

/* Looks up the old choice, scans the space, takes over the journal's trials. A failure is the job's, not the run's:
 * only HPCK_OUT_OF_MEMORY is returned. */
hpck_status job_open(struct job *job, struct tuner *tuner, struct error *err);
void job_close(struct job *job);

/* Tries candidates until the deadline (measure_now() seconds), the allowed number of trials, convergence or an
 * interruption. */
hpck_status job_search(struct job *job, struct tuner *tuner, double deadline, struct error *err);

/* What job_search.c needs of the trials. */
void job_fail(struct job *job, const char *message);
hpck_status job_add_trial(struct job *job, const struct trial *trial, struct error *err);
int job_find_trial(const struct job *job, const struct candidate *candidate); /* -1: not tried */
void job_find_best(struct job *job);                                          /* sets job->best */

/* Measures old choice and leaders against each other in a fresh process, decides, and merges the ranked best into the
 * database. An interrupted run merges without confirming: such records rank below confirmed ones. */
hpck_status job_finish(struct job *job, struct tuner *tuner, struct error *err);

/* Seconds that job_finish may take. */
double job_finish_seconds(const struct job *job, double slice);

#endif
