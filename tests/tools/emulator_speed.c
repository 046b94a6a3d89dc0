/* What one call costs on the emulated device in CPU time, with the library's own choice and checks off:
 *     emulator_speed [PROBLEM MILLISECONDS]...
 * Prints median, fastest and slowest of RUNS calls; exit 1 where a median is above its milliseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "handle.h"
#include "plan.h"
#include "problem.h"
#include "select.h"
#include "workload.h"

enum { RUNS = 31, EXIT_USAGE = 2 };

static double cpu_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Times of RUNS calls, sorted, after one whose result is verified. */
static hpck_status measure(hpck_handle *handle, struct workload *workload, hpck_plan *plan, double times[RUNS],
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(workload_verify(workload, plan, err));
    for (int i = 0; i < RUNS; i++) {
        const double start = cpu_milliseconds();
        HPCK_TRY(workload_run(workload, plan, err));
        HPCK_TRY(handle->backend->finish(handle->device, err));
        times[i] = cpu_milliseconds() - start;
    }
    qsort(times, RUNS, sizeof *times, by_value);
done:
    return st;
}

static hpck_status report(hpck_handle *handle, const char *line, double limit, struct error *err)
{
    const struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct workload *workload = NULL;
    struct problem problem;
    hpck_plan *plan = NULL;
    double times[RUNS];
    char point[512];
    hpck_status st = HPCK_OK;
    HPCK_TRY(problem_parse(line, &problem, err));
    HPCK_TRY(workload_create(handle, &problem, &options, &workload, err));
    if (plan_get(handle, &problem, &plan) != HPCK_OK)
        HPCK_FAIL(err, HPCK_INTERNAL, "%s", hpck_error_message(handle));
    HPCK_TRY(measure(handle, workload, plan, times, err));
    const struct choice *choice = plan_choice(plan);
    family_params_print(choice->family, choice->param, point, sizeof point);
    printf("%s: %.2f ms [%.2f %.2f] (%s %s)\n", line, times[RUNS / 2], times[0], times[RUNS - 1],
           choice->family->name, point);
    if (times[RUNS / 2] > limit) HPCK_FAIL(err, HPCK_INTERNAL, "more than %g ms", limit);
done:
    workload_free(workload);
    return st;
}

int main(int argc, char **argv)
{
    hpck_handle *handle = NULL;
    struct error err = { 0 };
    bool failed = false;
    if (argc % 2 == 0) {
        fprintf(stderr, "usage: emulator_speed [PROBLEM MILLISECONDS]...\n");
        return EXIT_USAGE;
    }
    if (hpck_create(&handle, NULL) != HPCK_OK) {
        fprintf(stderr, "%s\n", hpck_error_message(handle));
        failed = true;
    }
    for (int i = 1; i < argc && !failed; i += 2)
        if (report(handle, argv[i], strtod(argv[i + 1], NULL), &err) != HPCK_OK) {
            fprintf(stderr, "%s: %s\n", argv[i], error_text(&err));
            failed = true;
        }
    error_free(&err);
    hpck_destroy(handle);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
