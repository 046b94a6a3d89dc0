/* The selection ladder: which rung answers, why, and that nothing illegal, far or expected to be slow is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_records.h"
#include "scratch.h"
#include "select.h"
#include "verbose.h"

enum { NO_CAP = 1 << 30 };

static struct tunedb *database(const struct tunedb_record *records, int count)
{
    struct tunedb *db = NULL;
    struct error err = { 0 };
    if (tunedb_merge(scratch_path("db"), records, count, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    if (tunedb_open(scratch_path("db"), NULL, &db, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    return db;
}

static struct choice selected(const struct tunedb *db, const char *problem)
{
    struct device_desc device = fake_device("cpu one", "zen");
    struct problem canonical = fake_problem(problem);
    struct choice choice;
    struct error err = { 0 };
    if (select_choice(db, &device, DIALECT_OPENCL, &canonical, NO_CAP, NULL, &choice, &err) != HPCK_OK)
        fail_msg("%s", error_text(&err));
    return choice;
}

static void expect(const struct choice *choice, enum selected_by by, const struct family *family, int64_t first,
                   const char *reason)
{
    if (choice->selected_by != by || choice->family != family || choice->param[0] != first ||
        strstr(choice->reason, reason) == NULL)
        fail_msg("%s with %d, %s", choice->family->name, (int)choice->param[0], choice->reason);
}

static void without_records_the_model_takes_the_best_seed(void **state)
{
    struct choice large = selected(NULL, "gemm:f32:nn:m4096n64k64");
    struct choice single = selected(NULL, "gemm:f32:nn:m1n64k64");
    (void)state;
    expect(&large, SELECTED_MODEL, &fake_tile, 64, "model");
    expect(&single, SELECTED_MODEL, &fake_tile, 1, "model");
}

static void a_record_of_this_device_and_problem_comes_first(void **state)
{
    struct tunedb_record records[2];
    (void)state;
    records[0] =
        fake_record("gemm:f32:nn:m4096n64k64", 1, 8, 10.0); /* the model finds it bad: measured is measured */
    records[1] = fake_record("gemm:f32:nn:m4096n64k64", 8, 8, 11.0);
    struct tunedb *db = database(records, 2);
    struct choice choice = selected(db, "gemm:f32:nn:m4096n64k64");
    expect(&choice, SELECTED_EXACT, &fake_tile, 1, scratch_path("db"));
    tunedb_close(db);
}

static void an_illegal_record_is_passed_over_and_verbose_says_why(void **state)
{
    struct tunedb_record records[2];
    struct device_desc device = fake_device("cpu one", "zen");
    struct verbose *verbose = NULL;
    struct choice choice;
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m64n64k64", 64, 64, 10.0); /* its tile does not fit the registers */
    records[1] = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 20.0);
    struct tunedb *db = database(records, 2);
    setenv("HPCK_VERBOSE", "check", 1);
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    assert_int_equal(verbose_open(&verbose, NULL), HPCK_OK);
    assert_int_equal(
        select_choice(db, &device, DIALECT_OPENCL, &records[0].problem, NO_CAP, verbose, &choice, NULL), HPCK_OK);
    verbose_close(verbose);
    expect(&choice, SELECTED_EXACT, &fake_tile, 8, "exact");
    char *log = scratch_read("log", NULL);
    assert_non_null(strstr(log, "hpck,v1,check,gemm:f32:nn:m64n64k64,passed over exact record"));
    assert_non_null(strstr(log, "fake_tile tile_m=64 tile_n=64: the tile must fit the registers"));
    free(log);
    tunedb_close(db);
}

static void a_near_problem_lends_its_records(void **state)
{
    struct tunedb_record records[3];
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m4096n64k64", 8, 64, 10.0);
    records[1] = fake_record("gemm:f32:nn:m4096n64k128", 64, 64, 10.0); /* nearer, but never legal */
    records[2] = fake_record("gemm:f32:nn:m1024n64k64", 1, 8, 10.0);
    struct tunedb *db = database(records, 3);
    struct choice choice = selected(db, "gemm:f32:nn:m4096n64k160");
    expect(&choice, SELECTED_NEAREST, &fake_tile, 8, "gemm:f32:nn:m4096n64k64 at distance 1.32");
    assert_non_null(strstr(choice.reason, scratch_path("db")));
    tunedb_close(db);
}

static void a_record_for_one_row_is_not_used_for_thousands(void **state)
{
    struct tunedb_record single = fake_record("gemm:f32:nn:m1n64k64", 1, 64, 10.0);
    struct tunedb *db = database(&single, 1);
    struct choice choice = selected(db, "gemm:f32:nn:m4096n64k64");
    (void)state;
    expect(&choice, SELECTED_MODEL, &fake_tile, 64, "model");
    tunedb_close(db);
}

static void a_far_problem_is_left_to_the_model(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 10.0);
    struct tunedb *db = database(&record, 1);
    struct choice choice = selected(db, "gemm:f32:nn:m64n64k512");
    (void)state;
    expect(&choice, SELECTED_NEAREST, &fake_tile, 8, "at distance 3.00");
    choice = selected(db, "gemm:f32:nn:m64n64k513");
    expect(&choice, SELECTED_MODEL, &fake_tile, 64, "model");
    tunedb_close(db);
}

static void the_model_overrules_a_neighbour_that_it_finds_much_slower(void **state)
{
    struct tunedb_record records[2];
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m8n64k64", 64, 8, 10.0); /* 64 rows for 1: 64 times the work */
    struct tunedb *db = database(records, 1);
    struct choice choice = selected(db, "gemm:f32:nn:m1n64k64");
    expect(&choice, SELECTED_MODEL, &fake_tile, 1, "model");
    tunedb_close(db);
    records[1] = fake_record("gemm:f32:nn:m8n64k64", 1, 8, 11.0); /* the second of the neighbour's list will do */
    db = database(records, 2);
    choice = selected(db, "gemm:f32:nn:m1n64k64");
    expect(&choice, SELECTED_NEAREST, &fake_tile, 1, "gemm:f32:nn:m8n64k64");
    tunedb_close(db);
}

static void a_related_device_comes_after_the_own_one(void **state)
{
    struct tunedb_record records[2];
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m4096n64k64", 8, 64, 10.0);
    records[0].device = fake_device("cpu two", "zen");
    struct tunedb *db = database(records, 1);
    struct choice choice = selected(db, "gemm:f32:nn:m4096n64k64");
    expect(&choice, SELECTED_RELATED, &fake_tile, 8, "at distance 0.00 on cpu two");
    tunedb_close(db);
    records[1] = fake_record("gemm:f32:nn:m2048n64k64", 64, 8, 10.0);
    db = database(records, 2);
    choice = selected(db, "gemm:f32:nn:m4096n64k64");
    expect(&choice, SELECTED_NEAREST, &fake_tile, 64, "gemm:f32:nn:m2048n64k64");
    tunedb_close(db);
}

static void a_tuned_gemm_serves_the_convolution_that_is_one(void **state)
{
    struct tunedb_record records[2];
    (void)state;
    records[0] = fake_record("gemm:f32:nt:m4096n64k64", 8, 64, 10.0);
    struct tunedb *db = database(records, 1);
    struct choice choice = selected(db, "conv:fwd:f32:nhwc:n1c64h64w64k64r1s1");
    expect(&choice, SELECTED_NEAREST, &fake_tile, 8, "gemm:f32:nt:m4096n64k64 at distance 0.00");
    tunedb_close(db);
    records[1] = fake_record("conv:fwd:f32:nhwc:n1c64h64w64k64r1s1", 1, 8, 10.0); /* its own */
    db = database(records, 2);
    choice = selected(db, "conv:fwd:f32:nhwc:n1c64h64w64k64r1s1");
    expect(&choice, SELECTED_EXACT, &fake_tile, 1, "exact");
    choice =
        selected(db, "conv:fwd:f32:nhwc:n1c80h64w64k64r1s1"); /* a near one of the other operation is too slow */
    expect(&choice, SELECTED_NEAREST, &fake_tile, 8, "gemm:f32:nt:m4096n64k64 at distance 0.32");
    tunedb_close(db);
}

/* A record of fake_split, which the model never takes. */
static struct tunedb_record split_record(const char *problem, double time_ns, enum provenance provenance)
{
    struct tunedb_record record = fake_record(problem, 0, 0, time_ns);
    record.family = &fake_split;
    record.param[0] = 2;
    record.provenance = provenance;
    return record;
}

static void the_best_loser_yields_where_the_winners_kernel_has_changed(void **state)
{
    const char *const problem = "gemm:f32:nn:m64n64k64";
    struct tunedb_record records[2] = { fake_record(problem, 8, 8, 10.0),
                                        split_record(problem, 20.0, PROVENANCE_MEASURED) };
    (void)state;
    memset(records[0].source_hash, '0', 16);
    struct tunedb *db = database(records, 2);
    struct choice choice = selected(db, problem);
    expect(&choice, SELECTED_MODEL, &fake_tile, 64,
           "fake_split's record lost to this kernel, which has changed since");
    choice = selected(db, "gemm:f32:nn:m64n64k72"); /* nor is it lent to others */
    expect(&choice, SELECTED_MODEL, &fake_tile, 64, "no record is near");
    tunedb_close(db);
    records[1].time_ns = 10.5; /* that is no defeat */
    db = database(records + 1, 1);
    choice = selected(db, problem);
    expect(&choice, SELECTED_EXACT, &fake_split, 2, "exact");
    tunedb_close(db);
}

static void a_confirmed_choice_stays_beside_a_faster_stale_record(void **state)
{
    const char *const problem = "gemm:f32:nn:m64n64k64";
    struct tunedb_record records[2] = { fake_record(problem, 8, 8, 10.0),
                                        split_record(problem, 20.0, PROVENANCE_SEARCHED) };
    (void)state;
    memset(records[0].source_hash, '0', 16);
    struct tunedb *db = database(records, 2);
    struct choice choice = selected(db, problem);
    expect(&choice, SELECTED_EXACT, &fake_split, 2, "exact");
    tunedb_close(db);
}

static void a_stale_winner_that_the_model_does_not_take_changes_nothing(void **state)
{
    const char *const problem = "gemm:f32:nn:m64n64k64";
    struct tunedb_record records[2] = { split_record(problem, 10.0, PROVENANCE_SEARCHED),
                                        fake_record(problem, 8, 8, 20.0) };
    (void)state;
    memset(records[0].source_hash, '0',
           16); /* its family won, and the model does not take it: the other is what is known */
    records[1].provenance = PROVENANCE_MEASURED;
    struct tunedb *db = database(records, 2);
    struct choice choice = selected(db, problem);
    expect(&choice, SELECTED_EXACT, &fake_tile, 8, "exact");
    tunedb_close(db);
}

static void a_choice_fits_the_workspace(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 10.0);
    struct choice choice;
    (void)state;
    record.family = &fake_split;
    memset(record.param, 0, sizeof record.param);
    record.param[0] = 4;
    struct tunedb *db = database(&record, 1);
    int64_t needed = 4 * 4 * 64 * 64;
    assert_int_equal(
        select_choice(db, &record.device, DIALECT_OPENCL, &record.problem, needed, NULL, &choice, NULL), HPCK_OK);
    expect(&choice, SELECTED_EXACT, &fake_split, 4, "exact");
    assert_int_equal(
        select_choice(db, &record.device, DIALECT_OPENCL, &record.problem, needed - 1, NULL, &choice, NULL),
        HPCK_OK);
    expect(&choice, SELECTED_MODEL, &fake_tile, 64, "model");
    tunedb_close(db);
}

static void no_kernel_is_an_error_that_lists_every_familys_reason(void **state)
{
    struct device_desc device = fake_device("gpu", "rdna");
    struct problem problem = fake_problem("gemm:f16:nn:m64n64k0");
    struct choice choice = { .reason = "untouched" };
    struct error err = { 0 };
    (void)state;
    device.field.is_cpu = 0;
    assert_int_equal(select_choice(NULL, &device, DIALECT_OPENCL, &problem, NO_CAP, NULL, &choice, &err),
                     HPCK_UNSUPPORTED);
    assert_string_equal(choice.reason, "untouched");
    assert_non_null(strstr(error_text(&err), "gemm:f16:nn:m64n64k0"));
    assert_non_null(strstr(error_text(&err), "fake_tile: fake_tile is for a CPU"));
    assert_non_null(strstr(error_text(&err), "fake_split: it has no text"));
    error_free(&err);
}

static void a_point_off_the_grid_is_rejected(void **state)
{
    struct device_desc device = fake_device("cpu one", "zen");
    struct problem problem = fake_problem("gemm:f32:nn:m64n64k64");
    (void)state;
    assert_null(select_rejection(&fake_tile, &device, DIALECT_OPENCL, &problem, (int64_t[]){ 8, 8 }, 0));
    assert_non_null(select_rejection(&fake_tile, &device, DIALECT_OPENCL, &problem, (int64_t[]){ 9, 8 }, 0));
    assert_non_null(select_rejection(&fake_tile, &device, DIALECT_CUDA, &problem, (int64_t[]){ 8, 8 }, 0));
}

static void the_grid_of_a_family_is_walked_completely(void **state)
{
    char text[64];
    char seen[6][64];
    (void)state;
    assert_int_equal(family_space_size(&fake_tile), 6);
    for (uint64_t i = 0; i < 6; i++) {
        int64_t param[2];
        family_space_point(&fake_tile, i, param);
        family_params_print(&fake_tile, param, seen[i], sizeof seen[i]);
        for (uint64_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
    assert_string_equal(seen[0], "tile_m=1 tile_n=8");
    assert_string_equal(seen[5], "tile_m=64 tile_n=64");
    assert_string_equal(family_params_print(&fake_tile, (int64_t[]){ 64, 64 }, text, 10), "tile_m=64");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_records_the_model_takes_the_best_seed),
        TEST(a_record_of_this_device_and_problem_comes_first),
        TEST(an_illegal_record_is_passed_over_and_verbose_says_why),
        TEST(a_near_problem_lends_its_records),
        TEST(a_record_for_one_row_is_not_used_for_thousands),
        TEST(a_far_problem_is_left_to_the_model),
        TEST(the_model_overrules_a_neighbour_that_it_finds_much_slower),
        TEST(a_related_device_comes_after_the_own_one),
        TEST(a_tuned_gemm_serves_the_convolution_that_is_one),
        TEST(the_best_loser_yields_where_the_winners_kernel_has_changed),
        TEST(a_confirmed_choice_stays_beside_a_faster_stale_record),
        TEST(a_stale_winner_that_the_model_does_not_take_changes_nothing),
        TEST(a_choice_fits_the_workspace),
        TEST(no_kernel_is_an_error_that_lists_every_familys_reason),
        TEST(a_point_off_the_grid_is_rejected),
        TEST(the_grid_of_a_family_is_walked_completely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
