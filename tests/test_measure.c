/* The stopwatch: exact statistics, the alternating order, early ends, and failing sides. Timing itself is only tested
 * by what cannot go wrong on a loaded machine: a sleep lasts at least as long as asked. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "measure.h"

enum { LOG_MAX = 256 };

struct recorder {
    char log[LOG_MAX]; /* one letter per call */
    int length;
};

struct fake {
    struct recorder *recorder;
    char letter;
    long sleep_ns;
    int fail_at; /* the call, counted from 1, that fails; 0: none */
    int runs, finishes;
};

static hpck_status fake_run(void *context, struct error *err)
{
    struct fake *fake = context;
    fake->runs++;
    if (fake->recorder->length < LOG_MAX - 1) fake->recorder->log[fake->recorder->length++] = fake->letter;
    if (fake->runs == fake->fail_at) return error_set(err, HPCK_LAUNCH_FAILED, "side %c broke", fake->letter);
    nanosleep(&(struct timespec){ .tv_nsec = fake->sleep_ns }, NULL);
    return HPCK_OK;
}

static hpck_status fake_finish(void *context, struct error *err)
{
    (void)err;
    ((struct fake *)context)->finishes++;
    return HPCK_OK;
}

static struct measure_side side_of(struct fake *fake)
{
    return (struct measure_side){ fake_run, fake_finish, fake };
}

static void statistics_interpolate_between_ranks(void **state)
{
    (void)state;
    double samples[] = { 5, 1, 4, 2, 3 };
    struct measure_times t = measure_times_of(samples, 5);
    assert_float_equal(t.min, 1.0, 0);
    assert_float_equal(t.median, 3.0, 0);
    assert_float_equal(t.p10, 1.4, 1e-12);
    assert_float_equal(t.p90, 4.6, 1e-12);
    assert_int_equal(t.samples, 5);

    double ratios[] = { 4, 1, 2, 3 };
    struct measure_ratio r = measure_ratio_of(ratios, 4);
    assert_float_equal(r.median, 2.5, 1e-12);
    assert_float_equal(r.p25, 1.75, 1e-12);
    assert_float_equal(r.p75, 3.25, 1e-12);

    double one[] = { 7 };
    t = measure_times_of(one, 1);
    assert_true(t.min == 7 && t.median == 7 && t.p10 == 7 && t.p90 == 7);
}

static void order_alternates_after_one_warm_up_each(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake a = { &recorder, 'a', 0, 0, 0, 0 };
    struct fake b = { &recorder, 'b', 0, 0, 0, 0 };
    struct fake c = { &recorder, 'c', 0, 0, 0, 0 };
    struct measure_side sides[] = { side_of(&a), side_of(&b), side_of(&c) };
    struct measure_options options = { .rounds = 3 };
    struct measure_result result;
    assert_int_equal(measure_run(sides, 3, &options, NULL, &result, NULL), HPCK_OK);
    assert_string_equal(recorder.log, "abc"
                                      "abc"
                                      "cba"
                                      "abc");
    assert_int_equal(a.finishes, a.runs);
    assert_int_equal(result.time[2].samples, 3);
    assert_float_equal(result.ratio[0].median, 1.0, 0);
}

static void a_turn_repeats_until_its_time_has_passed(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake a = { &recorder, 'a', 2000000, 0, 0, 0 };
    struct measure_side side = { fake_run, NULL, &a };
    struct measure_options options = { .rounds = 1, .turn_seconds = 0.02 };
    struct measure_result result;
    assert_int_equal(measure_run(&side, 1, &options, NULL, &result, NULL), HPCK_OK);
    assert_in_range(a.runs, 2, 11); /* the warm-up, and at most 10 sleeps of 2 ms start within 20 ms */
    assert_true(result.time[0].min >= 0.002);
    assert_true(result.foreign_cpu <= 1.0);
}

static void short_calls_share_a_wait_and_long_ones_do_not(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake brief = { &recorder, 's', 10000, 0, 0, 0 };
    struct fake lengthy = { &recorder, 'l', 2000000, 0, 0, 0 };
    struct measure_side sides[] = { side_of(&brief), side_of(&lengthy) };
    struct measure_options options = { .rounds = 2, .turn_seconds = 0.02 };
    struct measure_result result;
    assert_int_equal(measure_run(sides, 2, &options, NULL, &result, NULL), HPCK_OK);
    assert_true(brief.finishes < brief.runs);
    assert_int_equal(lengthy.finishes, lengthy.runs);
    assert_true(result.time[0].median >= 1e-5 && result.time[0].median <= result.latency[0].median);
    assert_float_equal(result.time[1].median, result.latency[1].median, 0);
}

static void a_side_without_a_wait_has_one_time(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake a = { &recorder, 'a', 10000, 0, 0, 0 };
    struct measure_side side = { fake_run, NULL, &a };
    struct measure_options options = { .rounds = 3, .turn_seconds = 0.005 };
    struct measure_result result;
    assert_int_equal(measure_run(&side, 1, &options, NULL, &result, NULL), HPCK_OK);
    assert_float_equal(result.time[0].median, result.latency[0].median, 0);
}

static void ratio_is_side_over_first_side(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake fast = { &recorder, 'f', 1000000, 0, 0, 0 };
    struct fake slow = { &recorder, 's', 20000000, 0, 0, 0 };
    struct measure_side sides[] = { side_of(&fast), side_of(&slow) };
    struct measure_options options = { .rounds = 5 };
    struct measure_result result;
    assert_int_equal(measure_run(sides, 2, &options, NULL, &result, NULL), HPCK_OK);
    assert_true(result.ratio[1].median > 1.0);
    assert_true(result.ratio[1].p25 <= result.ratio[1].median && result.ratio[1].median <= result.ratio[1].p75);
    assert_true(result.time[0].min < result.time[1].min);
}

static void stops_after_the_round_that_was_asked_to_be_the_last(void **state)
{
    (void)state;
    struct recorder recorder = { .length = 0 };
    struct fake a = { &recorder, 'a', 0, 0, 0, 0 };
    struct measure_side side = side_of(&a);
    struct measure_options options = { .rounds = 50 };
    struct measure_result result;
    volatile sig_atomic_t stop = 1;
    assert_int_equal(measure_run(&side, 1, &options, &stop, &result, NULL), HPCK_OK);
    assert_int_equal(result.time[0].samples, 1);

    options.limit_seconds = 1e-9;
    assert_int_equal(measure_run(&side, 1, &options, NULL, &result, NULL), HPCK_OK);
    assert_int_equal(result.time[0].samples, 1);
}

static void a_failing_side_ends_the_run_with_its_message(void **state)
{
    (void)state;
    for (int fail_at = 1; fail_at <= 3; fail_at++) {
        struct recorder recorder = { .length = 0 };
        struct fake a = { &recorder, 'a', 0, 0, 0, 0 };
        struct fake b = { &recorder, 'b', 0, fail_at, 0, 0 };
        struct measure_side sides[] = { side_of(&a), side_of(&b) };
        struct measure_options options = { .rounds = 10 };
        struct measure_result result;
        struct error err = { HPCK_OK, NULL };
        assert_int_equal(measure_run(sides, 2, &options, NULL, &result, &err), HPCK_LAUNCH_FAILED);
        assert_string_equal(error_text(&err), "side b broke");
        assert_int_equal(b.runs, fail_at);
        error_free(&err);
    }
}

static void refuses_what_it_cannot_measure(void **state)
{
    (void)state;
    struct measure_side side = { fake_run, NULL, NULL };
    struct measure_options options = { .rounds = 0 };
    struct measure_result result;
    struct error err = { HPCK_OK, NULL };
    assert_int_equal(measure_run(&side, 1, &options, NULL, &result, &err), HPCK_INVALID_ARGUMENT);
    assert_non_null(strstr(error_text(&err), "rounds = 0"));
    options.rounds = 1;
    assert_int_equal(measure_run(&side, 0, &options, NULL, &result, &err), HPCK_INVALID_ARGUMENT);
    assert_int_equal(measure_run(&side, MEASURE_SIDES_MAX + 1, &options, NULL, &result, &err),
                     HPCK_INVALID_ARGUMENT);
    error_free(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_interpolate_between_ranks),
        cmocka_unit_test(order_alternates_after_one_warm_up_each),
        cmocka_unit_test(a_turn_repeats_until_its_time_has_passed),
        cmocka_unit_test(short_calls_share_a_wait_and_long_ones_do_not),
        cmocka_unit_test(a_side_without_a_wait_has_one_time),
        cmocka_unit_test(ratio_is_side_over_first_side),
        cmocka_unit_test(stops_after_the_round_that_was_asked_to_be_the_last),
        cmocka_unit_test(a_failing_side_ends_the_run_with_its_message),
        cmocka_unit_test(refuses_what_it_cannot_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
