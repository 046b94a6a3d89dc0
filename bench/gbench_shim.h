/* Google Benchmark for C. A benchmark is a function that runs its loop as long as gbench_next says:
 *     static void parse(struct gbench *bench, void *context) { while (gbench_next(bench)) ... ; }
 * Options of the program are Google Benchmark's own (--benchmark_filter=, --benchmark_format=json ...). */
#ifndef HPCK_BENCH_GBENCH_SHIM_H
#define HPCK_BENCH_GBENCH_SHIM_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gbench; /* one running benchmark */
typedef void gbench_function(struct gbench *bench, void *context);

/* Times are those that the loop takes. name and context must outlive gbench_run. */
void gbench_add(const char *name, gbench_function *function, void *context);
/* Times are those that the loop reports by gbench_seconds; `iterations` of them are made. */
void gbench_add_manual(const char *name, gbench_function *function, void *context, int iterations);

bool gbench_next(struct gbench *bench);
void gbench_seconds(struct gbench *bench, double seconds);
void gbench_counter(struct gbench *bench, const char *name, double value); /* a column of its own */
/* The benchmark has no result; its loop ends. */
void gbench_fail(struct gbench *bench, const char *message);

/* Runs what was added. False: the arguments were not understood. */
bool gbench_run(int *argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
