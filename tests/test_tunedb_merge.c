/* Merging into a tuning database: what stays and what is replaced, that parallel writers lose nothing, that a kill at
 * any instant leaves a readable file, and that nobody else's file is harmed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_records.h"
#include "scratch.h"

static void merge(const char *name, const struct tunedb_record *records, int count)
{
    struct error err = { 0 };
    if (tunedb_merge(scratch_path(name), records, count, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
}

static struct tunedb *opened(const char *name)
{
    struct tunedb *db = NULL;
    struct error err = { 0 };
    if (tunedb_open(scratch_path(name), NULL, &db, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    return db;
}

static int found(const char *name, const struct tunedb_record *like, const struct tunedb_record **records,
                 int capacity, struct tunedb **db)
{
    *db = opened(name);
    return tunedb_lookup(*db, &like->device, &like->problem, TUNEDB_EXACT, records, capacity);
}

static int line_count(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* ---- what the file contains -------------------------------------------------------------------------------------- */

static void a_new_file_is_made_with_its_folders(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    struct stat info;
    mode_t mask = umask(0);
    (void)state;
    umask(mask);
    merge("a/b/c/db", &record, 1);
    char *text = scratch_read("a/b/c/db", NULL);
    assert_int_equal(line_count(text), 1);
    assert_int_equal(strncmp(text, fake_line(&record), strlen(text) - 1), 0);
    assert_int_equal(stat(scratch_path("a/b/c/db"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0666U & ~mask);
    assert_int_equal(access(scratch_path("a/b/c/db.tmp"), F_OK), -1);
    free(text);
}

static void a_record_replaces_its_older_self_and_nothing_else(void **state)
{
    struct tunedb_record first[3];
    const struct tunedb_record *records[16];
    struct tunedb *db;
    (void)state;
    first[0] = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 10.0);
    first[1] = fake_record("gemm:f32:nn:m64n64k64", 8, 8, 20.0);
    first[2] = fake_record("gemm:f32:nn:m64n64k65", 8, 64, 30.0);
    merge("db", first, 3);
    struct tunedb_record again = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 15.0);
    strcpy(again.device.driver, "2.0");
    merge("db", &again, 1);
    assert_int_equal(found("db", &again, records, 16, &db), 2);
    assert_true(records[0]->time_ns == 15.0 && records[1]->time_ns == 20.0);
    tunedb_close(db);
    assert_int_equal(found("db", &first[2], records, 16, &db), 1);
    tunedb_close(db);
}

static void the_best_few_of_each_problem_remain(void **state)
{
    struct tunedb_record all[18];
    const struct tunedb_record *records[16];
    struct tunedb *db;
    int count = 0;
    (void)state;
    for (int m = 0; m < 3; m++)
        for (int n = 0; n < 2; n++) {
            all[count] =
                fake_record("gemm:f32:nn:m64n64k64", fake_tile_m_values[m], fake_tile_n_values[n], 100.0 - count);
            count++;
        }
    for (int i = 0; i < 3; i++) {
        all[count] = fake_record("gemm:f32:nn:m64n64k64", 1, 8, 50.0 + i);
        all[count].family = &fake_split;
        all[count].param[0] = fake_split_values[i];
        all[count].param[1] = 0;
        count++;
    }
    all[0].provenance = PROVENANCE_MEASURED; /* the last of the ranking, and one too many */
    all[0].time_ns = 1.0;
    for (int i = 0; i < count; i++)
        merge("db", &all[i], 1);
    assert_int_equal(count, TUNEDB_KEEP + 1);
    assert_int_equal(found("db", &all[0], records, 16, &db), TUNEDB_KEEP);
    assert_true(records[0]->time_ns == 50.0);
    for (int i = 0; i < TUNEDB_KEEP; i++)
        assert_int_equal(records[i]->provenance, PROVENANCE_SEARCHED);
    tunedb_close(db);
}

static void lines_that_this_version_cannot_read_are_carried_over(void **state)
{
    static const char foreign[] = "{\"v\":2,\"something\":[1,2,3]}\n"
                                  "junk \xff\n"
                                  "\n"
                                  "{\"v\":1,\"cut";
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    struct tunedb_record stale = record;
    char expected[8192];
    (void)state;
    strcpy(stale.source_hash, "ffffffffffffffff");
    int length = snprintf(expected, sizeof expected, "%s\n", fake_line(&stale));
    snprintf(expected + length, sizeof expected - (size_t)length, "%s", foreign);
    scratch_write("db", expected, strlen(expected));
    merge("db", &record, 1);
    length = snprintf(expected, sizeof expected, "%s\n", fake_line(&stale));
    snprintf(expected + length, sizeof expected - (size_t)length,
             "{\"v\":2,\"something\":[1,2,3]}\njunk \xff\n{\"v\":1,\"cut\n%s\n", fake_line(&record));
    char *text = scratch_read("db", NULL);
    assert_string_equal(text, expected);
    free(text);

    int removed = 0;
    assert_int_equal(tunedb_prune(scratch_path("db"), &removed, NULL), HPCK_OK);
    assert_int_equal(removed, 3);
    snprintf(expected, sizeof expected, "{\"v\":2,\"something\":[1,2,3]}\n%s\n", fake_line(&record));
    text = scratch_read("db", NULL);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- whose file it is -------------------------------------------------------------------------------------------------- */

static void another_programs_file_is_left_alone(void **state)
{
    static const char text[] = "export PATH=/bin\nalias ll='ls -l'\n";
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    struct error err = { 0 };
    int removed = 0;
    (void)state;
    scratch_write("bashrc", text, strlen(text));
    assert_int_equal(tunedb_merge(scratch_path("bashrc"), &record, 1, &err), HPCK_DB_FORMAT);
    assert_non_null(strstr(error_text(&err), "bashrc"));
    assert_int_equal(tunedb_prune(scratch_path("bashrc"), &removed, &err), HPCK_DB_FORMAT);
    char *after = scratch_read("bashrc", NULL);
    assert_string_equal(after, text);
    free(after);
    assert_int_equal(tunedb_merge("/dev/null", &record, 1, &err), HPCK_IO);
    assert_int_equal(tunedb_merge(scratch_path(""), &record, 1, &err), HPCK_IO);
    assert_int_equal(tunedb_merge("", &record, 1, &err), HPCK_IO);
    assert_int_equal(tunedb_merge(scratch_path("bashrc/db"), &record, 1, &err), HPCK_IO);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_int_equal(tunedb_merge(scratch_path("fifo"), &record, 1, &err), HPCK_IO);
    error_free(&err);
}

static void permissions_and_symbolic_links_are_kept(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    struct stat info;
    (void)state;
    merge("real/db", &record, 1);
    assert_int_equal(chmod(scratch_path("real/db"), 0640), 0);
    assert_int_equal(symlink("real/db", scratch_path("link")), 0);
    record.param[0] = 1;
    merge("link", &record, 1);
    assert_int_equal(lstat(scratch_path("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(scratch_path("real/db"), &info), 0);
    assert_int_equal(info.st_mode & 07777U, 0640);
    char *text = scratch_read("real/db", NULL);
    assert_int_equal(line_count(text), 2);
    free(text);
    assert_int_equal(symlink("nowhere", scratch_path("dangling")), 0);
    assert_int_equal(tunedb_merge(scratch_path("dangling"), &record, 1, NULL), HPCK_IO);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    (void)state;
    merge("db", &record, 1);
    char *before = scratch_read("db", NULL);
    struct rlimit unlimited;
    getrlimit(RLIMIT_FSIZE, &unlimited);
    const struct rlimit small = { 100, unlimited.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small); /* writing more fails, as on a full disk */
    record.param[0] = 1;
    struct error err = { 0 };
    hpck_status status = tunedb_merge(scratch_path("db"), &record, 1, &err);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, HPCK_IO);
    assert_non_null(strstr(error_text(&err), "db.tmp"));
    char *after = scratch_read("db", NULL);
    assert_string_equal(after, before);
    assert_int_equal(access(scratch_path("db.tmp"), F_OK), -1);
    error_free(&err);
    free(before);
    free(after);
}

/* ---- other writers ------------------------------------------------------------------------------------------------------ */

static void a_held_lock_is_an_error_that_names_it(void **state)
{
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    struct error err = { 0 };
    (void)state;
    merge("db", &record, 1);
    int fd = open(scratch_path("db.lock"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(tunedb_merge(scratch_path("db"), &record, 1, &err), HPCK_TIMEOUT);
    assert_non_null(strstr(error_text(&err), "db.lock"));
    close(fd);
    merge("db", &record, 1);
    error_free(&err);
}

/* Child number `writer` merges problems that are all its own, `count` of them; count < 0: until it is killed. */
static pid_t start_writer(int writer, int count)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) return child;
    struct tunedb_record record = fake_record("gemm:f32:nn:m64n64k64", 8, 64, 1.0);
    record.problem.field.gemm.n = 1 + writer;
    for (int i = 0; count < 0 || i < count; i++) {
        record.problem.field.gemm.m = 1 + i % 500;
        if (tunedb_merge(scratch_path("db"), &record, 1, NULL) != HPCK_OK) _exit(1);
    }
    _exit(0);
}

static void parallel_writers_lose_nothing(void **state)
{
    enum { WRITERS = 6, MERGES = 20 };
    pid_t children[WRITERS];
    (void)state;
    for (int i = 0; i < WRITERS; i++)
        children[i] = start_writer(i, MERGES);
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct tunedb *db = opened("db");
    assert_int_equal(tunedb_layer_stats(db, 0).records, WRITERS * MERGES);
    tunedb_close(db);
}

static void a_kill_at_any_instant_leaves_a_readable_file(void **state)
{
    enum { ROUNDS = 60, WRITERS = 3 };
    struct tunedb_record record = fake_record("gemm:f32:nn:m9999n9999k9999", 8, 64, 1.0);
    int before = 0;
    (void)state;
    srand(20241);
    merge("db", &record, 1);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[WRITERS];
        for (int i = 0; i < WRITERS; i++)
            children[i] = start_writer(round * WRITERS + i, -1);
        const struct timespec pause = { 0, (1 + rand() % 30000) * 1000L };
        nanosleep(&pause, NULL);
        for (int i = 0; i < WRITERS; i++) {
            kill(children[i], SIGKILL);
            assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
        }
        struct tunedb *db = opened("db");
        struct tunedb_stats stats = tunedb_layer_stats(db, 0);
        assert_int_equal(stats.malformed + stats.unknown + stats.stale, 0);
        assert_true(stats.records >= before); /* what was there stays there */
        before = stats.records;
        tunedb_close(db);
    }
    print_message("%d records after %d kills\n", before, ROUNDS * WRITERS);
    assert_true(before > 1);
    scratch_write("db.tmp", "half a rec", 10); /* as a killed writer leaves it */
    merge("db", &record, 1);
    assert_int_equal(access(scratch_path("db.tmp"), F_OK), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_made_with_its_folders), TEST(a_record_replaces_its_older_self_and_nothing_else),
        TEST(the_best_few_of_each_problem_remain), TEST(lines_that_this_version_cannot_read_are_carried_over),
        TEST(another_programs_file_is_left_alone), TEST(permissions_and_symbolic_links_are_kept),
        TEST(a_full_disk_leaves_the_old_file),     TEST(a_held_lock_is_an_error_that_names_it),
        TEST(parallel_writers_lose_nothing),       TEST(a_kill_at_any_instant_leaves_a_readable_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
