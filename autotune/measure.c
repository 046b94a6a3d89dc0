/* Alternating rounds, the best of every turn, medians over the rounds. Knows nothing about problems or devices:
 * a side is two functions. */
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0.0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double measure_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static void rest(double seconds)
{
    if (seconds <= 0.0) return;
    struct timespec t = { .tv_sec = (time_t)seconds };
    t.tv_nsec = (long)(1e9 * (seconds - (double)t.tv_sec));
    nanosleep(&t, NULL);
}

/* CPU seconds that all processes of the machine have used since boot; negative where /proc/stat is absent. */
static double machine_cpu_seconds(void)
{
    unsigned long long user, nice, system, idle, wait, irq, soft_irq, steal;
    double seconds = -1.0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file) return seconds;
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq,
               &soft_irq, &steal) == 8)
        seconds = (double)(user + nice + system + irq + soft_irq + steal) / (double)sysconf(_SC_CLK_TCK);
    fclose(file);
    return seconds;
}

struct cpu_meter {
    double wall, own, machine;
};

static struct cpu_meter cpu_meter_read(void)
{
    return (struct cpu_meter){ measure_now(), seconds_of(CLOCK_PROCESS_CPUTIME_ID), machine_cpu_seconds() };
}

static double foreign_share(const struct cpu_meter *before, const struct cpu_meter *after)
{
    double wall = after->wall - before->wall;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (before->machine < 0.0 || after->machine < 0.0 || cpus < 1 || wall <= 0.0) return -1.0;
    double foreign = (after->machine - before->machine) - (after->own - before->own);
    return fmin(fmax(foreign / (wall * (double)cpus), 0.0), 1.0);
}

/* What one side took in one round: seconds of a call by itself, and of a call among others. */
struct turn {
    double latency, time;
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear interpolation between the two nearest ranks. */
static double quantile(const double *sorted, int count, double q)
{
    double rank = q * (double)(count - 1);
    int low = (int)rank;
    int high = low + 1 < count ? low + 1 : low;
    return sorted[low] + (rank - (double)low) * (sorted[high] - sorted[low]);
}

struct measure_times measure_times_of(double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, compare_doubles);
    return (struct measure_times){
        .min = samples[0],
        .median = quantile(samples, count, 0.50),
        .p10 = quantile(samples, count, 0.10),
        .p90 = quantile(samples, count, 0.90),
        .samples = count,
    };
}

struct measure_ratio measure_ratio_of(double *ratios, int count)
{
    qsort(ratios, (size_t)count, sizeof *ratios, compare_doubles);
    return (struct measure_ratio){
        .median = quantile(ratios, count, 0.50),
        .p25 = quantile(ratios, count, 0.25),
        .p75 = quantile(ratios, count, 0.75),
    };
}

/* `calls` runs and one wait for all of them; seconds of one call. */
static hpck_status time_burst(const struct measure_side *side, int calls, const struct measure_clock *clock,
                              double *seconds, struct error *err)
{
    hpck_status st = HPCK_OK;
    double begin = measure_now();
    if (clock) HPCK_TRY(clock->lap(clock->context, seconds, err));
    for (int i = 0; i < calls; i++)
        HPCK_TRY(side->run(side->context, err));
    if (side->finish) HPCK_TRY(side->finish(side->context, err));
    *seconds = measure_now() - begin;
    if (clock) HPCK_TRY(clock->lap(clock->context, seconds, err));
    *seconds /= calls;
done:
    return st;
}

/* How many calls share a wait. A side that computes before it returns has nothing to share. */
static int burst_calls(const struct measure_side *side, double latency)
{
    static const double BURST_SECONDS = 0.001;
    enum { CALLS_MAX = 64 };
    return side->finish ? (int)fmin(fmax(BURST_SECONDS / latency, 1.0), CALLS_MAX) : 1;
}

/* One turn: single calls for a quarter of its time, then bursts. The best of each counts, since a disturbance only ever
 * adds time. */
static hpck_status take_turn(const struct measure_side *side, const struct measure_options *options,
                             struct turn *turn, struct error *err)
{
    static const double SINGLE_SHARE = 0.25;
    hpck_status st = HPCK_OK;
    double seconds;
    rest(options->rest_seconds);
    double begin = measure_now();
    turn->latency = INFINITY;
    do {
        HPCK_TRY(time_burst(side, 1, options->clock, &seconds, err));
        turn->latency = fmin(turn->latency, seconds);
    } while (measure_now() < begin + SINGLE_SHARE * options->turn_seconds);
    turn->time = turn->latency;
    int calls = burst_calls(side, turn->latency);
    while (measure_now() < begin + options->turn_seconds) {
        HPCK_TRY(time_burst(side, calls, options->clock, &seconds, err));
        turn->time = fmin(turn->time, seconds);
        if (calls == 1) turn->latency = turn->time;
    }
done:
    return st;
}

static void summarise(const struct turn *turns, int side_count, int rounds, double *scratch,
                      struct measure_result *result)
{
    for (int side = 0; side < side_count; side++) {
        for (int round = 0; round < rounds; round++)
            scratch[round] = turns[round * side_count + side].time;
        result->time[side] = measure_times_of(scratch, rounds);
        for (int round = 0; round < rounds; round++)
            scratch[round] = turns[round * side_count + side].latency;
        result->latency[side] = measure_times_of(scratch, rounds);
        for (int round = 0; round < rounds; round++)
            scratch[round] = turns[round * side_count + side].time / turns[round * side_count].time;
        result->ratio[side] = measure_ratio_of(scratch, rounds);
    }
}

hpck_status measure_run(const struct measure_side *sides, int side_count, const struct measure_options *options,
                        const volatile sig_atomic_t *stop, struct measure_result *result, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct turn *turns = NULL; /* [round][side] */
    double *scratch = NULL;
    double ignored;

    if (side_count < 1 || side_count > MEASURE_SIDES_MAX)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "measure: %d sides; 1 to %d can be compared", side_count,
                  MEASURE_SIDES_MAX);
    if (options->rounds < 1 || options->rounds > MEASURE_ROUNDS_MAX)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "measure: rounds = %d is not in 1 .. %d", options->rounds,
                  MEASURE_ROUNDS_MAX);
    turns = calloc((size_t)options->rounds * (size_t)side_count, sizeof *turns);
    scratch = calloc((size_t)options->rounds, sizeof *scratch);
    if (!turns || !scratch) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "measure: no memory for %d rounds", options->rounds);

    for (int side = 0; side < side_count && !options->clock; side++) /* a virtual clock knows no cold start */
        HPCK_TRY(time_burst(&sides[side], 1, NULL, &ignored, err));

    struct cpu_meter before = cpu_meter_read();
    int round = 0;
    do {
        for (int turn = 0; turn < side_count; turn++) {
            int side = round % 2 == 0 ? turn : side_count - 1 - turn;
            HPCK_TRY(take_turn(&sides[side], options, &turns[round * side_count + side], err));
        }
        round++;
        if (stop && *stop) break;
        if (options->limit_seconds > 0.0 && measure_now() - before.wall > options->limit_seconds) break;
    } while (round < options->rounds);
    struct cpu_meter after = cpu_meter_read();

    *result = (struct measure_result){ .foreign_cpu = foreign_share(&before, &after) };
    summarise(turns, side_count, round, scratch, result);
done:
    free(turns);
    free(scratch);
    return st;
}
