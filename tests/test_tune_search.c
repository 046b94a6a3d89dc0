/* The space of candidates and the strategies, on a family whose best point is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "search.h"

/* hill: width and height are compiled in, chunk is passed at run time and means nothing beyond the 100 rows. The best
 * point is width 4, height 32, chunk 64; the model knows nothing. */
static const int64_t widths[] = { 1, 2, 4, 8, 16 };
static const int64_t heights[] = { 1, 2, 4, 8, 16, 32, 64 };
static const int64_t chunks[] = { 16, 32, 64, 128, 256, 512 };
enum { WIDTH, HEIGHT, CHUNK };
static const struct param_desc params[] = {
    { "width", "columns", "", widths, 5, false },
    { "height", "rows", "", heights, 7, false },
    { "chunk", "rows", "", chunks, 6, true },
};
static const int64_t seeds[] = { 16, 1, 16 };
static const struct family_text texts[] = { { DIALECT_OPENCL, HPCK_F32, HPCK_F32, "", "0123456789abcdef" } };

static const char *hill_valid(const struct point *point)
{
    return point->param[WIDTH] * point->param[HEIGHT] > 256 ? "too many registers" : NULL;
}

static void hill_resources(const struct point *point, struct resources *out)
{
    (void)point;
    *out = (struct resources){ .work_items = 1 };
}

static double hill_model(const struct point *point)
{
    return (double)point->param[WIDTH];
}

static bool always(const struct point *point)
{
    (void)point;
    return true;
}

static void hill_geometry(const struct point *point, struct geometry *out)
{
    (void)point;
    *out = (struct geometry){ { 1, 1, 1 }, { 1, 1, 1 } };
}

static int64_t hill_chunk(const struct point *point)
{
    int64_t rows = point->problem->field.gemm.m;
    return point->param[CHUNK] < rows ? point->param[CHUNK] : rows;
}

static const struct arg_desc args[] = { { "chunk", ARG_VALUE, 0, hill_chunk } };
static const struct step_desc steps[] = { { "hill", args, 1, NULL, always, hill_geometry } };
static const struct family hill = {
    .name = "hill",
    .op = OP_GEMM,
    .params = params,
    .param_count = 3,
    .steps = steps,
    .step_count = 1,
    .texts = texts,
    .text_count = 1,
    .seeds = seeds,
    .seed_count = 1,
    .valid = hill_valid,
    .resources = hill_resources,
    .model = hill_model,
};
const struct family *const families[] = { &hill };
const int family_count = 1;

static double hill_seconds(const struct candidate *c)
{
    double x = log2((double)c->param[WIDTH]) - 2.0;
    double y = log2((double)c->param[HEIGHT]) - 5.0;
    double z = log2((double)c->param[CHUNK]) - 6.0;
    return 1e-3 * (1.0 + 0.3 * fabs(x) + 0.2 * fabs(y) + 0.1 * fabs(z));
}

struct fixture {
    struct device_desc device;
    struct problem problem;
    struct space space;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->device.field.is_cpu = 1;
    assert_int_equal(problem_parse("gemm:f32:nn:m100n100k100", &f->problem, NULL), HPCK_OK);
    assert_int_equal(space_build(&f->space, &f->device, DIALECT_OPENCL, &f->problem, NULL), HPCK_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    space_free(&f->space);
    free(f);
    return 0;
}

static struct candidate at(int64_t width, int64_t height, int64_t chunk)
{
    const int64_t param[] = { width, height, chunk };
    return candidate_of(&hill, param);
}

static void the_space_holds_each_legal_difference_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->space.grid, 5 * 7 * 6);
    assert_int_equal(f->space.legal, (35 - 3) * 6); /* 16 x 32, 16 x 64 and 8 x 64 are too many registers */
    assert_int_equal(f->space.count, (35 - 3) * 4); /* chunks 128 to 512 are all of the 100 rows */
    assert_int_equal(f->space.compilations, 35 - 3);
    for (int i = 1; i < f->space.count; i++)
        assert_true(f->space.points[i - 1].estimate <= f->space.points[i].estimate);
}

static void a_problem_of_other_dtypes_has_no_space(void **state)
{
    (void)state;
    struct device_desc device = { .field.is_cpu = 1 };
    struct problem problem;
    struct space space;
    assert_int_equal(problem_parse("gemm:f16:nn:m1n1k1", &problem, NULL), HPCK_OK);
    assert_int_equal(space_build(&space, &device, DIALECT_OPENCL, &problem, NULL), HPCK_OK);
    assert_int_equal(space.count, 0);
    space_free(&space);
}

static void neighbours_are_one_step_away_run_time_first(void **state)
{
    struct fixture *f = *state;
    struct candidate neighbours[NEIGHBOURS_MAX];
    struct candidate from = at(8, 32, 64);
    assert_int_equal(space_neighbours(&f->space, &from, neighbours), 4);
    const struct candidate expected[] = { at(8, 32, 32), at(8, 32, 128), at(4, 32, 64), at(8, 16, 64) };
    for (int i = 0; i < 4; i++)
        assert_true(candidate_same(&neighbours[i], &expected[i]));

    from = at(1, 1, 512); /* down to the first chunk that makes a difference */
    struct candidate chunk64 = at(1, 1, 64);
    assert_int_equal(space_neighbours(&f->space, &from, neighbours), 3);
    assert_true(candidate_same(&neighbours[0], &chunk64));
}

/* Runs a strategy to its end or to `limit` trials; returns the number of trials, the best in *best. */
static int run(struct fixture *f, enum strategy strategy, uint64_t seed, int limit, struct trial *trials,
               const struct trial **best)
{
    struct search *search = NULL;
    int count = 0;
    assert_int_equal(search_create(&f->space, strategy, seed, &search, NULL), HPCK_OK);
    while (count < limit && search_next(search, trials, count, &trials[count].candidate)) {
        struct trial *trial = &trials[count];
        assert_null(space_rejection(&f->space, &trial->candidate));
        for (int i = 0; i < count; i++)
            assert_true(space_fingerprint(&f->space, &trials[i].candidate) !=
                        space_fingerprint(&f->space, &trial->candidate));
        trial->outcome = count % 10 == 3 ? OUTCOME_CRASHED : OUTCOME_OK;
        trial->seconds = hill_seconds(&trial->candidate);
        assert_int_equal(search_note(search, &trial->candidate, NULL), HPCK_OK);
        count++;
    }
    search_free(search);
    *best = &trials[0];
    for (int i = 0; i < count; i++)
        if (trials[i].outcome == OUTCOME_OK && trials[i].seconds < (*best)->seconds) *best = &trials[i];
    return count;
}

enum { TRIALS_MAX = 256 };

static void exhaustive_and_random_try_everything_once(void **state)
{
    struct fixture *f = *state;
    struct trial *trials = calloc(TRIALS_MAX, sizeof *trials);
    const struct trial *best;
    assert_int_equal(run(f, STRATEGY_EXHAUSTIVE, 1, TRIALS_MAX, trials, &best), f->space.count);
    assert_int_equal(trials[0].candidate.param[WIDTH], 1); /* the model's favourite first */
    assert_int_equal(run(f, STRATEGY_RANDOM, 1, TRIALS_MAX, trials, &best), f->space.count);
    free(trials);
}

static void a_seed_repeats_a_random_search(void **state)
{
    struct fixture *f = *state;
    struct trial *trials = calloc(3 * TRIALS_MAX, sizeof *trials);
    const struct trial *best;
    for (int i = 0; i < 3; i++)
        run(f, STRATEGY_RANDOM, i == 2 ? 8 : 7, 20, trials + i * TRIALS_MAX, &best);
    int same = 0, other = 0;
    for (int i = 0; i < 20; i++) {
        same += candidate_same(&trials[i].candidate, &trials[TRIALS_MAX + i].candidate);
        other += candidate_same(&trials[i].candidate, &trials[2 * TRIALS_MAX + i].candidate);
    }
    assert_int_equal(same, 20);
    assert_in_range(other, 0, 5);
    free(trials);
}

static void local_finds_the_top_without_trying_everything(void **state)
{
    struct fixture *f = *state;
    struct trial *trials = calloc(TRIALS_MAX, sizeof *trials);
    const struct trial *best;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        int count = run(f, STRATEGY_LOCAL, seed, TRIALS_MAX, trials, &best);
        assert_in_range(count, 10, f->space.count * 3 / 4);
        if (best->seconds > 1.1e-3 + 1e-9) /* the top may be the trial that crashed: then a neighbour of it */
            fail_msg("seed %d: %g s after %d trials", (int)seed, best->seconds, count);
    }
    free(trials);
}

static void local_starts_where_it_is_told_to(void **state)
{
    struct fixture *f = *state;
    struct search *search = NULL;
    struct candidate next, start = at(4, 32, 64), tried = at(2, 2, 16), illegal = at(16, 64, 16);
    assert_int_equal(search_create(&f->space, STRATEGY_LOCAL, 1, &search, NULL), HPCK_OK);
    assert_int_equal(search_note(search, &tried, NULL), HPCK_OK);
    assert_int_equal(search_start_at(search, &illegal, NULL), HPCK_OK);
    assert_int_equal(search_start_at(search, &tried, NULL), HPCK_OK);
    assert_int_equal(search_start_at(search, &start, NULL), HPCK_OK);
    assert_true(search_next(search, NULL, 0, &next));
    assert_true(candidate_same(&next, &start));
    search_free(search);
}

/* Equal candidates on a busy machine: whatever luck makes of each comparison, times must not wander off. */
static void a_chain_of_lucky_bests_stays_near_the_truth(void **state)
{
    enum { ROUNDS = 15, COMPARISONS = 300 };
    (void)state;
    double best = 1.0;
    uint64_t random = 1;
    for (int i = 0; i < COMPARISONS; i++) {
        double ratios[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) { /* two equal times, each disturbed by up to 2x */
            double one = (double)random_below(&random, 1000), other = (double)random_below(&random, 1000);
            ratios[r] = (1.0 + one * 1e-3) / (1.0 + other * 1e-3);
        }
        struct measure_ratio ratio = measure_ratio_of(ratios, ROUNDS);
        best = fmin(best, trial_seconds(best, &ratio));
    }
    if (best < 0.5) fail_msg("after %d comparisons of equals the best takes %g of its time", COMPARISONS, best);
}

static void a_steady_gain_counts(void **state)
{
    (void)state;
    const struct measure_ratio faster = { .p25 = 0.78, .median = 0.80, .p75 = 0.82 };
    const struct measure_ratio doubtful = { .p25 = 0.80, .median = 0.95, .p75 = 1.20 };
    const struct measure_ratio slower = { .p25 = 1.10, .median = 1.20, .p75 = 1.30 };
    assert_float_equal(trial_seconds(2.0, &faster), 1.64, 1e-12);
    assert_float_equal(trial_seconds(2.0, &doubtful), 2.0, 1e-12);
    assert_float_equal(trial_seconds(2.0, &slower), 2.4, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_space_holds_each_legal_difference_once),
        cmocka_unit_test(a_problem_of_other_dtypes_has_no_space),
        cmocka_unit_test(neighbours_are_one_step_away_run_time_first),
        cmocka_unit_test(exhaustive_and_random_try_everything_once),
        cmocka_unit_test(a_seed_repeats_a_random_search),
        cmocka_unit_test(local_finds_the_top_without_trying_everything),
        cmocka_unit_test(local_starts_where_it_is_told_to),
        cmocka_unit_test(a_chain_of_lucky_bests_stays_near_the_truth),
        cmocka_unit_test(a_steady_gain_counts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
