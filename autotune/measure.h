/* The stopwatch: paired, interleaved rounds in one process, as docs/measuring.md explains. Shared by hpck-tune and
 * hpck-bench, so that one number means one thing. */
#ifndef HPCK_AUTOTUNE_MEASURE_H
#define HPCK_AUTOTUNE_MEASURE_H

#include <signal.h>
#include <stdbool.h>

#include "error.h"

/* One contestant: `run` enqueues or computes once, `finish` waits until it is done (NULL: run is synchronous). */
struct measure_side {
    hpck_status (*run)(void *context, struct error *err);
    hpck_status (*finish)(void *context, struct error *err);
    void *context;
};

/* Another clock than the host's: seconds since its last call. */
struct measure_clock {
    hpck_status (*lap)(void *context, double *seconds, struct error *err);
    void *context;
};

struct measure_options {
    int rounds;           /* rounds, each side once per round, order swapped every round */
    double turn_seconds;  /* each turn repeats `run` until this has passed (at least once); its best counts */
    double rest_seconds;  /* sleep before a turn, so that spinning workers of the other side go to rest (0.035) */
    double limit_seconds; /* stop after the round that passes this; 0: no limit */
    const struct measure_clock *clock; /* what the calls are timed with; NULL: the host's clock */
};
#define MEASURE_OPTIONS_INIT                                                                                       \
    {                                                                                                              \
        24, 0.005, 0.035, 0.0, NULL                                                                                \
    }

struct measure_times {
    double min, median, p10, p90; /* seconds over the rounds */
    int samples;
};
struct measure_ratio {
    double median, p25, p75; /* over the rounds */
};

enum { MEASURE_SIDES_MAX = 14, MEASURE_ROUNDS_MAX = 100000 };

struct measure_result {
    struct measure_times time[MEASURE_SIDES_MAX];    /* of a call among others, with one wait for all */
    struct measure_times latency[MEASURE_SIDES_MAX]; /* of a call that is waited for before the next one */
    struct measure_ratio
        ratio[MEASURE_SIDES_MAX]; /* side i against side 0: time[i] / time[0], above 1: side 0 wins */
    double foreign_cpu; /* share of the machine that other processes used meanwhile: above 0.12 is suspect, negative
                           where the system does not tell */
};

/* Warms every side up once, then measures 1 .. MEASURE_SIDES_MAX sides. `stop` (may be NULL) ends it after the round in
 * which it became true; one round is always finished. A side that fails ends the run with its error. */
hpck_status measure_run(const struct measure_side *sides, int side_count, const struct measure_options *options,
                        const volatile sig_atomic_t *stop, struct measure_result *result, struct error *err);

/* The statistics by themselves, over count >= 1 values, which are sorted in place. */
struct measure_times measure_times_of(double *samples, int count);
struct measure_ratio measure_ratio_of(double *ratios, int count);

double measure_now(void); /* seconds of a clock that never jumps */

#endif
