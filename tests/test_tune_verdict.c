/* Who wins a confirmation, from invented measurements: no clock, no device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include "verdict.h"

static const double MIN_GAIN = 0.02;

static struct worker_side side(double seconds, double p25, double median, double p75)
{
    return (struct worker_side){
        .outcome = OUTCOME_OK,
        .time = { .min = seconds, .median = seconds, .p10 = seconds, .p90 = seconds, .samples = 24 },
        .ratio = { .median = median, .p25 = p25, .p75 = p75 },
    };
}

static void the_fastest_that_is_clearly_faster_wins(void **state)
{
    (void)state;
    const struct worker_side sides[] = { side(10.0, 1.0, 1.0, 1.0), side(8.0, 0.7, 0.8, 0.9),
                                         side(7.0, 0.6, 0.7, 0.8), side(7.5, 0.6, 0.75, 0.8) };
    assert_int_equal(verdict(sides, 4, MIN_GAIN), 2);
    assert_int_equal(verdict(sides, 2, MIN_GAIN), 1);
    assert_int_equal(verdict(sides, 1, MIN_GAIN), 0);
}

static void the_old_choice_stays_where_the_gain_is_small_or_unsteady(void **state)
{
    (void)state;
    const struct worker_side sides[] = { side(10.0, 1.0, 1.0, 1.0), side(9.9, 0.985, 0.99, 0.995),
                                         side(8.0, 0.6, 0.8, 1.05), side(12.0, 1.1, 1.2, 1.3) };
    assert_int_equal(verdict(sides, 4, MIN_GAIN), 0);
}

static void an_old_choice_that_does_not_run_yields_to_any(void **state)
{
    (void)state;
    struct worker_side sides[] = { side(10.0, 1.0, 1.0, 1.0), side(20.0, 2.0, 2.0, 2.0), side(0.0, 0.0, 0.0, 0.0) };
    sides[0].outcome = OUTCOME_WRONG;
    sides[2].outcome = OUTCOME_FAILED;
    assert_int_equal(verdict(sides, 3, MIN_GAIN), 1);
    sides[1].time.samples = 0; /* not measured after all */
    assert_int_equal(verdict(sides, 3, MIN_GAIN), -1);
}

/* A problem of microseconds: every time is disturbed by up to a half. Whatever luck a slower leader has in one of many confirmations, and
 * was chosen by it: the next one takes it back. */
static void luck_does_not_last(void **state)
{
    enum { ROUNDS = 24, CONFIRMATIONS = 400 };
    const double slower = 1.02;
    uint64_t random = 1;
    int lucky = 0, twice = 0;
    bool was_lucky = false;
    (void)state;
    for (int c = 0; c < CONFIRMATIONS; c++) {
        double ratios[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            const double one = (double)random_below(&random, 1000), other = (double)random_below(&random, 1000);
            ratios[r] = slower * (1.0 + 0.5e-3 * one) / (1.0 + 0.5e-3 * other);
        }
        struct worker_side sides[] = { side(1.0, 1.0, 1.0, 1.0), side(slower, 0.0, 0.0, 0.0) };
        sides[1].ratio = measure_ratio_of(ratios, ROUNDS);
        const bool is_lucky = verdict(sides, 2, MIN_GAIN) == 1;
        lucky += is_lucky;
        twice += is_lucky && was_lucky;
        was_lucky = is_lucky;
    }
    if (lucky > CONFIRMATIONS / 20 || twice > 0)
        fail_msg("of %d confirmations a slower leader won %d, %d times two in a row", CONFIRMATIONS, lucky, twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_that_is_clearly_faster_wins),
        cmocka_unit_test(the_old_choice_stays_where_the_gain_is_small_or_unsteady),
        cmocka_unit_test(an_old_choice_that_does_not_run_yields_to_any),
        cmocka_unit_test(luck_does_not_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
