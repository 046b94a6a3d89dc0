/* A run of the tuner over a list of problems. */
#ifndef HPCK_AUTOTUNE_TUNER_H
#define HPCK_AUTOTUNE_TUNER_H

#include <signal.h>

#include "compilers.h"
#include "job.h"
#include "journal.h"
#include "kernels_folder.h"
#include "progress.h"
#include "shapes.h"

struct tuner_options {
    const char *device;    /* as hpck_options.device */
    const char *db;        /* NULL: HPCK_DB, else the user's file */
    double budget_seconds; /* wall clock for the whole list; 0: none */
    int evals;             /* trials per problem, those in the journal included; 0: no limit */
    enum strategy strategy;
    uint64_t seed;
    double time_limit_seconds; /* for one trial */
    double min_gain;           /* a new choice must be this much faster, 0.02 = 2 % */
    bool is_dry_run;
    int jobs; /* processes that compile; 0: none, the measuring one does; negative: compilers_default_count() */
};
#define TUNER_OPTIONS_INIT                                                                                         \
    {                                                                                                              \
        NULL, NULL, 0.0, 0, STRATEGY_LOCAL, 1, 30.0, 0.02, false, -1                                               \
    }

struct tuner {
    struct tuner_options options;
    const volatile sig_atomic_t *stop;
    struct device_desc device;
    enum dialect dialect;
    char *db_path; /* written to */
    struct tunedb *db;
    struct journal journal;
    struct kernels_folder kernels;
    struct compilers *compilers; /* NULL: none */
    struct progress progress;
    struct job *jobs;
    int job_count;
    int current;          /* job at work */
    double begin;         /* measure_now() */
    double deadline;      /* of the search and its records; INFINITY: none */
    double keep_seconds;  /* left after it to put the winners' programs into the user's cache */
    double slice_seconds; /* that the current job was given */
    int trials;           /* of this run */
    uint64_t workloads;   /* made so far: each gets operands of its own */
    /* on the clock, several compiling at once */
    double compile_seconds, verify_seconds, measure_seconds;
};

/* Finds the device through a worker, opens database and journal, and makes a job of each distinct problem.
 * Errors: NO_DEVICE, DB_FORMAT, IO, TIMEOUT (the database is locked), OUT_OF_MEMORY. */
hpck_status tuner_open(struct tuner *tuner, const struct tuner_options *options, const struct shapes *shapes,
                       const volatile sig_atomic_t *stop, struct error *err);
void tuner_close(struct tuner *tuner);

/* Tunes until the budget ends, every problem has converged, or *stop is set. */
hpck_status tuner_run(struct tuner *tuner, struct error *err);

/* The database is read again, since a merge has changed it. */
hpck_status tuner_reload(struct tuner *tuner, struct error *err);

/* The folder of compiled kernels for workers, as hpck_options.cache_dir: "" where the driver needs none. */
const char *tuner_kernels(const struct tuner *tuner);

/* Draws the progress of the current job when it is due; a worker_tick. */
void tuner_tick(void *tuner);

#endif
