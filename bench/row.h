/* One row of the output: a problem, the kernel chosen for it, and everybody's time in the same rounds. */
#ifndef HPCK_BENCH_ROW_H
#define HPCK_BENCH_ROW_H

#include "measure.h"
#include "session.h"

enum row_outcome { ROW_PASSED, ROW_FAILED, ROW_SKIPPED };

struct row_kernel {
    struct choice choice;
    struct measure_times time, latency;
};

struct row_against {
    const char *name;
    bool is_measured;
    char routine[192]; /* what was called, or why nothing was */
    struct measure_times time, latency;
    struct measure_ratio ratio; /* its time / hpck's time: above 1 hpck is faster */
};

struct row {
    struct problem problem;
    char name[64]; /* of the row in a CSV of shapes; "" elsewhere */
    char text[PROBLEM_TEXT_MAX];
    enum row_outcome outcome;
    char message[512]; /* why it failed or was skipped */
    bool is_measured;  /* false: nothing below is set */
    struct row_kernel kernel;
    bool has_default; /* --default: what the model alone chooses */
    struct row_kernel fallback;
    struct measure_ratio fallback_ratio; /* default time / hpck's time: what tuning gained */
    struct row_against against[REFERENCES_MAX];
    int against_count;
    double
        bandwidth_share; /* of a reduction: its GB/s over those of plain reading in the same rounds; 0: not measured */
    struct measure_times launch; /* of the same launches where nothing is computed; median 0: not measured */
    bool is_verified;            /* it was asked for, and the result was right */
    int copies;                  /* sets of operands the runs rotated through; 1: hot */
    double foreign_cpu;
    double seconds; /* spent on the row, for reports */
};

/* Never fails as a whole: what went wrong is the row's outcome and message. */
void row_measure(struct session *session, const struct shape *shape, struct row *row);

/* Marks a passed row as failed, with the reason. */
void row_fail(struct row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

double row_gflops(const struct row *row, const struct measure_times *time);
double row_gbps(const struct row *row, const struct measure_times *time);

#endif
