/* Compiles candidates ahead of their trials, in one worker process per CPU, into the folder of compiled kernels that the
 * measuring worker reads. All of them rest while something is measured. */
#ifndef HPCK_AUTOTUNE_COMPILERS_H
#define HPCK_AUTOTUNE_COMPILERS_H

#include <signal.h>

#include "worker.h"

struct compile_task {
    struct worker_request request; /* of WORKER_COMPILE */
    bool is_done;                  /* false: it was not finished, and what follows is not set */
    enum outcome outcome;
    char message[TRIAL_MESSAGE_MAX];
    double seconds;
};

struct compilers;

struct compile_limits {
    double task_seconds;               /* after which the process at a task is killed: TIMEOUT */
    double deadline;                   /* measure_now(): what is not finished then is left undone */
    const volatile sig_atomic_t *stop; /* likewise once this is set */
    worker_tick *tick;
    void *tick_context;
};

/* Starts nothing yet. device, cache_dir: as for worker_launch, and must outlive the compilers. */
hpck_status compilers_create(const char *device, const char *cache_dir, int count, struct compilers **compilers,
                             struct error *err);

/* Runs the tasks, as many at a time as there are processes. Never fails: where no process can open the device a second
 * time (an exclusive GPU), every task stays undone, and whoever measures a candidate compiles it. */
void compilers_run(struct compilers *compilers, struct compile_task *tasks, int count,
                   const struct compile_limits *limits);

void compilers_free(struct compilers *compilers); /* NULL is allowed */

/* One for each CPU that this process may use, at most 16. */
int compilers_default_count(void);

#endif
