/* The tuning database: the format of its lines, its layers, its look-ups, and what it makes of damaged, hostile and
 * newer files. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_records.h"
#include "scratch.h"
#include "strbuf.h"
#include "verbose.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tunedb *opened(const char *path)
{
    struct tunedb *db = NULL;
    struct error err = { 0 };
    if (tunedb_open(path, NULL, &db, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    return db;
}

static void write_text(const char *name, const char *text)
{
    scratch_write(name, text, strlen(text));
}

static void write_records(const char *name, const struct tunedb_record *records, size_t count)
{
    struct strbuf text = { 0 };
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&text, "%s\n", fake_line(&records[i]));
    write_text(name, text.text);
    strbuf_free(&text);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

#define LINE_DEVICE                                                                                                \
    "\"device\":{\"backend\":\"opencl\",\"type\":\"cpu\",\"vendor\":\"ACME\",\"name\":\"cpu one\","                \
    "\"architecture\":\"zen\",\"compute_units\":2,\"driver\":\"1.0\"}"
#define LINE_TIME  "\"time_ns\":1500.5,\"spread\":0.02,\"samples\":24"
#define LINE_HASH  "\"source_hash\":\"" FAKE_HASH "\",\"provenance\":\"searched\""
#define LINE_WHAT  "\"problem\":\"gemm:f32:nn:m64n64k64\",\"family\":\"fake_tile\""
#define LINE_PARAM "\"params\":{\"tile_m\":8,\"tile_n\":64}"
#define LINE_GOOD  "{\"v\":1," LINE_DEVICE "," LINE_WHAT "," LINE_PARAM "," LINE_TIME "," LINE_HASH "}"

static void a_record_is_one_line_that_a_person_can_read(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1500.5);
    (void)state;
    assert_string_equal(fake_line(&record), LINE_GOOD);
}

static void print_and_parse_are_inverse(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nt:m7n5k3:b2:bias:gelu", 1, 8, 0.0000123456789);
    struct tunedb_record again;
    (void)state;
    strcpy(record.device.name, "a \"quoted\" name \\ with \xc3\xa9");
    for (int i = 0; i < 3; i++) {
        char line[4096];
        record.provenance = (enum provenance)i;
        strcpy(line, fake_line(&record));
        assert_int_equal(tunedb_record_parse(line, strlen(line), &again, NULL), HPCK_OK);
        assert_string_equal(fake_line(&again), line);
        assert_true(problem_same(&again.problem, &record.problem));
        assert_string_equal(again.device.name, record.device.name);
        assert_int_equal(again.provenance, i);
    }
}

static void a_column_major_problem_becomes_canonical(void **state)
{
    const char *line =
        "{\"v\":1," LINE_DEVICE ",\"problem\":\"gemm:f32:nt:m3n5k7:col\",\"family\":\"fake_tile\"," LINE_PARAM
        "," LINE_TIME "," LINE_HASH "}";
    struct tunedb_record record;
    struct problem expected = fake_problem("gemm:f32:tn:m5n3k7");
    (void)state;
    assert_int_equal(tunedb_record_parse(line, strlen(line), &record, NULL), HPCK_OK);
    assert_true(problem_same(&record.problem, &expected));
}

static void a_record_that_json_cannot_hold_is_not_printed(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    char *line = NULL;
    (void)state;
    strcpy(record.device.name, "latin-1 \xe9");
    assert_int_equal(tunedb_record_print(&record, &line, NULL), HPCK_INVALID_ARGUMENT);
    record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, -1.0);
    record.time_ns = 1e308 * 10.0;
    assert_int_equal(tunedb_record_print(&record, &line, NULL), HPCK_INVALID_ARGUMENT);
    assert_null(line);
}

/* What replaces which part of LINE_GOOD, and what the parser says. */
static const struct {
    const char *part, *instead;
    hpck_status status;
} damages[] = {
    { "\"v\":1", "\"v\":2", HPCK_UNSUPPORTED },
    { "\"v\":1", "\"v\":0", HPCK_DB_FORMAT },
    { "\"v\":1", "\"v\":\"1\"", HPCK_DB_FORMAT },
    { "\"v\":1", "\"v\":1.0", HPCK_DB_FORMAT },
    { "\"v\":1", "\"w\":1", HPCK_DB_FORMAT },
    { "\"v\":1", "\"v\":1,\"v\":1", HPCK_DB_FORMAT },
    { "\"v\":1", "\"v\":99999999999999999999999", HPCK_DB_FORMAT },
    { "fake_tile", "fake_title", HPCK_UNSUPPORTED },
    { "\"tile_m\"", "\"tile_q\"", HPCK_UNSUPPORTED },
    { "\"tile_m\":8", "\"tile_m\":8,\"tile_q\":1", HPCK_UNSUPPORTED },
    { "\"tile_m\":8,", "", HPCK_UNSUPPORTED },
    { "\"tile_m\":8", "\"tile_m\":9", HPCK_UNSUPPORTED },
    { "\"tile_m\":8", "\"tile_m\":-8", HPCK_UNSUPPORTED },
    { "\"tile_m\":8", "\"tile_m\":8.0", HPCK_DB_FORMAT },
    { "\"tile_m\":8", "\"tile_m\":\"8\"", HPCK_DB_FORMAT },
    { "{\"tile_m\":8,\"tile_n\":64}", "[8,64]", HPCK_DB_FORMAT },
    { "gemm:f32:nn:m64n64k64", "attention:f32:m64", HPCK_UNSUPPORTED },
    { "gemm:f32:nn:m64n64k64", "gemm:f32:nn:m64n64k64:swish", HPCK_UNSUPPORTED },
    { "\"gemm:f32:nn:m64n64k64\"", "64", HPCK_DB_FORMAT },
    { "gemm:f32:nn:m64n64k64", "gemm\\u0000", HPCK_DB_FORMAT },
    { "1500.5", "NaN", HPCK_DB_FORMAT },
    { "1500.5", "Infinity", HPCK_DB_FORMAT },
    { "1500.5", "1e999", HPCK_DB_FORMAT },
    { "1500.5", "-1", HPCK_DB_FORMAT },
    { "1500.5", "0", HPCK_DB_FORMAT },
    { "1500.5", "null", HPCK_DB_FORMAT },
    { "\"samples\":24", "\"samples\":-1", HPCK_DB_FORMAT },
    { "\"samples\":24", "\"samples\":4294967297", HPCK_DB_FORMAT },
    { "\"spread\":0.02", "\"spread\":-0.02", HPCK_DB_FORMAT },
    { FAKE_HASH, "0123456789abcde", HPCK_DB_FORMAT },
    { FAKE_HASH, "0123456789abcdefa", HPCK_DB_FORMAT },
    { FAKE_HASH, "0123456789abcdeg", HPCK_DB_FORMAT },
    { "searched", "guessed", HPCK_DB_FORMAT },
    { "\"backend\":\"opencl\"", "\"backend\":\"opencl and much more\"", HPCK_DB_FORMAT },
    { "\"compute_units\":2", "\"compute_units\":-2", HPCK_DB_FORMAT },
    { "\"driver\":\"1.0\"", "\"driver\":null", HPCK_DB_FORMAT },
    { "\"type\":\"cpu\",", "", HPCK_DB_FORMAT },
    { "\"cpu one\"", "\"\xff\xfe\"", HPCK_DB_FORMAT },
    { LINE_DEVICE, "\"device\":\"cpu one\"", HPCK_DB_FORMAT },
    { LINE_GOOD, "[]", HPCK_DB_FORMAT },
    { LINE_GOOD, "{}", HPCK_DB_FORMAT },
    { LINE_GOOD, "null", HPCK_DB_FORMAT },
    { LINE_GOOD, "{\"v\":1", HPCK_DB_FORMAT },
    { "\"v\":1", "\"v\":1,\"comment\":\"keys that this version does not know are left alone\"", HPCK_OK },
};

static void damaged_lines_are_told_apart_from_newer_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(damages); i++) {
        struct tunedb_record record = { .samples = 42 };
        struct error err = { 0 };
        struct strbuf line = { 0 };
        const char *at = strstr(LINE_GOOD, damages[i].part);
        assert_non_null(at);
        strbuf_addn(&line, LINE_GOOD, (size_t)(at - LINE_GOOD));
        strbuf_add(&line, damages[i].instead);
        strbuf_add(&line, at + strlen(damages[i].part));
        hpck_status status = tunedb_record_parse(line.text, line.length, &record, &err);
        if (status != damages[i].status)
            fail_msg("%s: status %d instead of %d: %s", line.text, status, damages[i].status, error_text(&err));
        assert_int_equal(record.samples, status == HPCK_OK ? 24 : 42);
        assert_true((status == HPCK_OK) == (error_text(&err)[0] == '\0'));
        strbuf_free(&line);
        error_free(&err);
    }
}

static void every_cut_of_a_line_is_refused(void **state)
{
    struct tunedb_record record;
    (void)state;
    for (size_t length = 0; length < strlen(LINE_GOOD); length++) {
        char *cut = malloc(length + 1); /* exactly so long: the address sanitizer sees a read beyond it */
        assert_non_null(cut);
        memcpy(cut, LINE_GOOD, length);
        assert_int_equal(tunedb_record_parse(cut, length, &record, NULL), HPCK_DB_FORMAT);
        free(cut);
    }
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

static void damage_costs_the_damaged_lines_and_nothing_else(void **state)
{
    struct strbuf text = { 0 };
    struct tunedb_record stale = fake_record("gemm:f32:nn:m1n1k1", 8, 64, 1.0);
    (void)state;
    strcpy(stale.source_hash, "ffffffffffffffff");
    strbuf_add(&text, "\n  \r\n" LINE_GOOD "\r\n{\"v\":7}\n");
    strbuf_addf(&text, "%s\n", fake_line(&stale));
    strbuf_addn(&text, "\0\xff\x80 junk\n", 9);
    for (int i = 0; i < 100000; i++)
        strbuf_add(&text, "[");
    strbuf_add(&text, "\n" LINE_GOOD "\n{\"v\":1,\"device\":{\"back");
    scratch_write("db", text.text, text.length);
    strbuf_free(&text);
    struct tunedb *db = opened(scratch_path("db"));
    struct tunedb_stats stats = tunedb_layer_stats(db, 0);
    assert_int_equal(stats.records, 2);
    assert_int_equal(stats.stale, 1);
    assert_int_equal(stats.unknown, 1);
    assert_int_equal(stats.malformed, 3);
    assert_int_equal(tunedb_layer_stats(db, 0).records + tunedb_layer_stats(db, tunedb_layer_count(db) - 1).records,
                     tunedb_count(db));
    tunedb_close(db);
}

static void what_is_passed_over_is_told_to_verbose(void **state)
{
    (void)state;
    write_text("db", LINE_GOOD "\nnonsense\n");
    setenv("HPCK_VERBOSE", "error", 1);
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    struct verbose *verbose = NULL;
    assert_int_equal(verbose_open(&verbose, NULL), HPCK_OK);
    struct tunedb *db = NULL;
    assert_int_equal(tunedb_open(scratch_path("db"), verbose, &db, NULL), HPCK_OK);
    tunedb_close(db);
    verbose_close(verbose);
    char *log = scratch_read("log", NULL);
    assert_non_null(strstr(log, scratch_path("db")));
    assert_non_null(strstr(log, "records=1 stale=0 unknown=0 malformed=1"));
    assert_non_null(strstr(log, "line 2"));
    free(log);
}

static void expect_refusal(const char *path, hpck_status status, const char *part)
{
    struct tunedb *db = NULL;
    struct error err = { 0 };
    assert_int_equal(tunedb_open(path, NULL, &db, &err), status);
    assert_null(db);
    if (strstr(error_text(&err), part) == NULL) fail_msg("the message lacks \"%s\": %s", part, error_text(&err));
    error_free(&err);
    setenv("HPCK_DB", path, 1); /* not by the caller's hand: passed over */
    tunedb_close(opened(NULL));
    unsetenv("HPCK_DB");
}

static void files_that_are_no_database_are_refused_by_name(void **state)
{
    static const char binary[] = "\x7f"
                                 "ELF\0\0\n\n\1\2\3";
    (void)state;
    expect_refusal(scratch_path("missing"), HPCK_IO, "missing");
    expect_refusal(scratch_path(""), HPCK_IO, "not a regular file");
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    expect_refusal(scratch_path("fifo"), HPCK_IO, "not a regular file");
    expect_refusal("/dev/zero", HPCK_IO, "not a regular file");
    scratch_write("binary", binary, sizeof binary);
    expect_refusal(scratch_path("binary"), HPCK_DB_FORMAT, "line 1");
    write_text("text", "alias ll='ls -l'\n");
    expect_refusal(scratch_path("text"), HPCK_DB_FORMAT, "not a tuning database");
    if (geteuid() != 0) {
        write_text("secret", LINE_GOOD "\n");
        assert_int_equal(chmod(scratch_path("secret"), 0), 0);
        expect_refusal(scratch_path("secret"), HPCK_IO, "secret");
    }
}

static void a_file_beyond_the_limit_is_refused_without_reading_it(void **state)
{
    (void)state;
    write_text("huge", LINE_GOOD "\n");
    assert_int_equal(truncate(scratch_path("huge"), (off_t)1 << 33), 0); /* sparse: one line of 8 GB */
    expect_refusal(scratch_path("huge"), HPCK_DB_FORMAT, "larger than");
}

static void an_empty_file_is_an_empty_database(void **state)
{
    (void)state;
    write_text("db", "");
    struct tunedb *db = opened(scratch_path("db"));
    assert_int_equal(tunedb_layer_stats(db, 0).records, 0);
    tunedb_close(db);
}

/* ---- layers ---------------------------------------------------------------------------------------------------------- */

static void layers_answer_in_their_order(void **state)
{
    struct tunedb_record system = fake_record("gemm:f32:nn:m64n64k64", 1, 8, 1.0);
    struct tunedb_record user = fake_record("gemm:f32:nn:m64n64k64", 1, 64, 2.0);
    struct tunedb_record named = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 3.0);
    const struct tunedb_record *found[8];
    (void)state;
    write_records("system/hpck/tuning.jsonl", &system, 1);
    write_records("user/hpck/tuning.jsonl", &user, 1);
    write_records("named", &named, 1);
    setenv("HPCK_DB", scratch_path("named"), 1);
    setenv("XDG_DATA_DIRS", "relative:", 1);
    char dirs[1024];
    snprintf(dirs, sizeof dirs, "relative::%s:%s", scratch_path("nowhere"), scratch_path("system"));
    setenv("XDG_DATA_DIRS", dirs, 1);
    struct tunedb *db = opened(NULL);
    assert_int_equal(tunedb_layer_count(db), 4);
    assert_string_equal(tunedb_layer_path(db, 0), scratch_path("named"));
    assert_string_equal(tunedb_layer_path(db, 1), scratch_path("user/hpck/tuning.jsonl"));
    assert_string_equal(tunedb_layer_path(db, 2), scratch_path("system/hpck/tuning.jsonl"));
    assert_string_equal(tunedb_layer_path(db, 3), "(built in)");
    assert_string_equal(tunedb_user_path(db), scratch_path("named"));
    assert_int_equal(tunedb_lookup(db, &named.device, &named.problem, TUNEDB_EXACT, found, 8), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(found[i]->layer, i);
    assert_true(found[0]->time_ns == 3.0);
    tunedb_close(db);
    setenv("HPCK_DB", scratch_path("user/hpck/tuning.jsonl"), 1); /* one file is one layer */
    db = opened(NULL);
    assert_int_equal(tunedb_layer_count(db), 3);
    tunedb_close(db);
}

static void without_files_and_home_there_is_the_built_in_layer(void **state)
{
    (void)state;
    unsetenv("XDG_DATA_HOME");
    char *home = strdup(getenv("HOME") != NULL ? getenv("HOME") : "/");
    unsetenv("HOME");
    struct tunedb *db = opened(NULL);
    assert_int_equal(tunedb_layer_count(db), 1);
    assert_null(tunedb_user_path(db));
    tunedb_close(db);
    setenv("HOME", scratch_path("home"), 1);
    setenv("XDG_DATA_HOME", "relative", 1);
    db = opened(NULL);
    assert_string_equal(tunedb_user_path(db), scratch_path("home/.local/share/hpck/tuning.jsonl"));
    tunedb_close(db);
    setenv("HOME", home, 1);
    free(home);
}

/* ---- look-ups --------------------------------------------------------------------------------------------------------- */

static void exact_ranks_by_provenance_then_time(void **state)
{
    struct tunedb_record records[4];
    const struct tunedb_record *found[8];
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m64n64k64", 1, 8, 1.0);
    records[0].provenance = PROVENANCE_MEASURED;
    records[1] = fake_record("gemm:f32:nn:m64n64k64", 8, 8, 30.0);
    records[2] = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 20.0);
    records[3] = fake_record("gemm:f32:nn:m64n64k65", 8, 64, 5.0);
    write_records("db", records, 4);
    struct tunedb *db = opened(scratch_path("db"));
    struct device_desc device = records[0].device;
    strcpy(device.driver, "2.0"); /* not part of what identifies a device */
    strcpy(device.selector, "opencl:7:7");
    assert_int_equal(tunedb_lookup(db, &device, &records[0].problem, TUNEDB_EXACT, found, 8), 3);
    assert_true(found[0]->time_ns == 20.0 && found[1]->time_ns == 30.0 && found[2]->time_ns == 1.0);
    assert_int_equal(tunedb_lookup(db, &device, &records[0].problem, TUNEDB_EXACT, found, 2), 2);
    device.field.compute_units = 3;
    assert_int_equal(tunedb_lookup(db, &device, &records[0].problem, TUNEDB_EXACT, found, 8), 0);
    tunedb_close(db);
}

static void nearest_ranks_by_distance_and_leaves_the_problem_itself_to_exact(void **state)
{
    struct tunedb_record records[5];
    const struct tunedb_record *found[8];
    (void)state;
    records[0] = fake_record("gemm:f32:nn:m1024n64k64", 8, 64, 1.0);
    records[1] = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 2.0);
    records[2] = fake_record("gemm:f32:nn:m64n64k128", 8, 8, 3.0);
    records[3] = fake_record("gemm:f32:nn:m64n96k64", 8, 64, 4.0);
    records[4] = fake_record("gemm:f16:nn:m64n64k64", 8, 64, 5.0);
    strcpy(records[4].source_hash, "fedcba9876543210");
    write_records("db", records, 5);
    struct tunedb *db = opened(scratch_path("db"));
    assert_int_equal(tunedb_lookup(db, &records[0].device, &records[1].problem, TUNEDB_NEAREST, found, 8), 3);
    assert_true(found[0]->time_ns == 4.0 && found[1]->time_ns == 3.0 && found[2]->time_ns == 1.0);
    tunedb_close(db);
}

static void related_ranks_the_same_architecture_first(void **state)
{
    struct tunedb_record records[4];
    const struct tunedb_record *found[8];
    (void)state;
    for (int i = 0; i < 4; i++)
        records[i] = fake_record(i == 2 ? "gemm:f32:nn:m64n128k64" : "gemm:f32:nn:m64n64k64", 8, 64, i + 1.0);
    records[1].device = fake_device("cpu two", "lake");
    records[2].device = fake_device("cpu three", "zen");
    records[3].device = fake_device("gpu", "zen");
    records[3].device.field.is_cpu = 0;
    records[3].device.field.is_gpu = 1;
    write_records("db", records, 4);
    struct tunedb *db = opened(scratch_path("db"));
    assert_int_equal(tunedb_lookup(db, &records[0].device, &records[0].problem, TUNEDB_RELATED, found, 8), 2);
    assert_string_equal(found[0]->device.name, "cpu three");
    assert_string_equal(found[1]->device.name, "cpu two");
    assert_int_equal(tunedb_lookup(db, &records[3].device, &records[0].problem, TUNEDB_RELATED, found, 8), 0);
    tunedb_close(db);
}

static void stale_records_are_found_apart_from_the_others(void **state)
{
    struct tunedb_record records[3];
    const struct tunedb_record *found[8];
    (void)state;
    for (int i = 0; i < 3; i++) {
        records[i] = fake_record("gemm:f32:nn:m64n64k64", i == 0 ? 1 : 8, 64, 3.0 - i);
        if (i > 0) memset(records[i].source_hash, '0', 16);
    }
    records[2].device = fake_device("cpu two", "zen");
    write_records("db", records, 3);
    struct tunedb *db = opened(scratch_path("db"));
    assert_int_equal(tunedb_count(db), 1);
    assert_int_equal(tunedb_lookup(db, &records[0].device, &records[0].problem, TUNEDB_EXACT, found, 8), 1);
    assert_int_equal(tunedb_lookup(db, &records[0].device, &records[0].problem, TUNEDB_STALE, found, 8), 1);
    assert_true(found[0]->time_ns == 2.0);
    tunedb_close(db);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Bounds with room for sanitizers and busy machines; the figures are printed. */
static void a_hundred_thousand_records_load_and_answer_fast(void **state)
{
    enum { RECORDS = 100000, LOOKUPS = 1000 };
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    const struct tunedb_record *found[8];
    struct strbuf text = { 0 };
    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        record.problem.field.gemm.m = 1 + i / 4;
        record.param[0] = i % 2 ? 1 : 8;
        record.param[1] = i % 4 < 2 ? 8 : 64;
        strbuf_addf(&text, "%s\n", fake_line(&record));
    }
    scratch_write("db", text.text, text.length);
    strbuf_free(&text);
    double start = seconds();
    struct tunedb *db = opened(scratch_path("db"));
    double load = seconds() - start;
    assert_int_equal(tunedb_layer_stats(db, 0).records, RECORDS);
    start = seconds();
    for (int i = 0; i < LOOKUPS; i++) {
        record.problem.field.gemm.m = 1 + i * 7919 % (RECORDS / 4);
        assert_int_equal(tunedb_lookup(db, &record.device, &record.problem, TUNEDB_EXACT, found, 8), 4);
        assert_true(problem_same(&found[0]->problem, &record.problem));
    }
    double exact = (seconds() - start) / LOOKUPS;
    start = seconds();
    for (int i = 0; i < 10; i++)
        assert_int_equal(tunedb_lookup(db, &record.device, &record.problem, TUNEDB_NEAREST, found, 8), 8);
    double nearest = (seconds() - start) / 10;
    print_message("load %.3f s, exact %.2f us, nearest %.0f us\n", load, 1e6 * exact, 1e6 * nearest);
    assert_true(load < 20.0);
    assert_true(exact < 100e-6);
    assert_true(nearest < 0.1);
    tunedb_close(db);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_one_line_that_a_person_can_read),
        TEST(print_and_parse_are_inverse),
        TEST(a_column_major_problem_becomes_canonical),
        TEST(a_record_that_json_cannot_hold_is_not_printed),
        TEST(damaged_lines_are_told_apart_from_newer_ones),
        TEST(every_cut_of_a_line_is_refused),
        TEST(damage_costs_the_damaged_lines_and_nothing_else),
        TEST(what_is_passed_over_is_told_to_verbose),
        TEST(files_that_are_no_database_are_refused_by_name),
        TEST(a_file_beyond_the_limit_is_refused_without_reading_it),
        TEST(an_empty_file_is_an_empty_database),
        TEST(layers_answer_in_their_order),
        TEST(without_files_and_home_there_is_the_built_in_layer),
        TEST(exact_ranks_by_provenance_then_time),
        TEST(nearest_ranks_by_distance_and_leaves_the_problem_itself_to_exact),
        TEST(related_ranks_the_same_architecture_first),
        TEST(stale_records_are_found_apart_from_the_others),
        TEST(a_hundred_thousand_records_load_and_answer_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
