/* The micro-costs that hpck-microbench measures, one file per topic. Each function adds its benchmarks. */
#ifndef HPCK_BENCH_MICRO_H
#define HPCK_BENCH_MICRO_H

#include "gbench_shim.h"
#include "handle.h"

struct micro {
    hpck_handle *handle;
    const char *program; /* path of hpck-microbench itself */
    char folder[64];     /* scratch, removed at the end */
};

void micro_problem_add(struct micro *micro); /* parse and print */
void micro_plan_add(struct micro *micro);    /* a call whose plan is there, beyond the bare enqueue */
void micro_select_add(struct micro *micro);  /* the selection ladder, loading a database */
void micro_start_add(struct micro *micro);   /* the first call of a process, caches cold and warm */

/* What a process that micro_start spawns does: one call, its microseconds on standard output. Returns the exit code. */
int micro_start_child(void);

void micro_remove(const char *folder); /* and everything in it */

#endif
