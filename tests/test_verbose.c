/* HPCK_VERBOSE, HPCK_VERBOSE_FILE and HPCK_TRACE: which lines appear where, and that a hostile value costs nothing but
 * a complaint. Errors and growing texts, which every message is made of, are tested here too. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "strbuf.h"
#include "verbose.h"

static struct problem problem_of(const char *text)
{
    struct problem problem;
    assert_int_equal(problem_parse(text, &problem, NULL), HPCK_OK);
    return problem;
}

static struct verbose *opened(const char *words)
{
    struct verbose *verbose = NULL;
    if (words != NULL) setenv("HPCK_VERBOSE", words, 1);
    assert_int_equal(verbose_open(&verbose, NULL), HPCK_OK);
    return verbose;
}

static void expect_file(const char *name, const char *expected)
{
    char *text = scratch_read(name, NULL);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void without_the_variable_nothing_is_wanted_or_written(void **state)
{
    (void)state;
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    struct verbose *verbose = opened(NULL);
    for (int event = 0; event < VERBOSE_EVENT_COUNT; event++)
        assert_false(verbose_wants(verbose, (enum verbose_event)event));
    verbose_print(verbose, VERBOSE_ERROR, NULL, "never seen");
    verbose_close(verbose);
    assert_null(scratch_read("log", NULL));
    assert_false(verbose_wants(NULL, VERBOSE_ERROR));
    verbose_close(NULL);
}

static void each_word_wants_its_event(void **state)
{
    (void)state;
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    struct verbose *verbose = opened("dispatch,cache");
    for (int event = 0; event < VERBOSE_EVENT_COUNT; event++)
        assert_int_equal(verbose_wants(verbose, (enum verbose_event)event),
                         event == VERBOSE_DISPATCH || event == VERBOSE_CACHE);
    verbose_close(verbose);
    verbose = opened("all");
    for (int event = 0; event < VERBOSE_EVENT_COUNT; event++)
        assert_true(verbose_wants(verbose, (enum verbose_event)event));
    verbose_close(verbose);
}

static void an_event_is_one_line_with_its_problem(void **state)
{
    struct problem problem = problem_of("gemm:f32:nn:m1n2k3:relu");
    (void)state;
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    struct verbose *verbose = opened("dispatch,compile");
    verbose_print(verbose, VERBOSE_DISPATCH, &problem, "family=%s", "gemm_cpu");
    verbose_print(verbose, VERBOSE_CHECK, &problem, "not asked for");
    verbose_print(verbose, VERBOSE_COMPILE, NULL, "log=%s", "line 1\nline 2\t\x1b[31m");
    verbose_close(verbose);
    expect_file("log", "hpck,v1,event,problem,details\n"
                       "hpck,v1,dispatch,gemm:f32:nn:m1n2k3:relu,family=gemm_cpu\n"
                       "hpck,v1,compile,-,log=line 1\\nline 2??[31m\n");
}

static void lines_go_to_stderr_by_default(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO);
    int file = open(scratch_path("stderr"), O_WRONLY | O_CREAT, 0600);
    assert_true(saved >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    struct verbose *verbose = opened("error");
    verbose_print(verbose, VERBOSE_ERROR, NULL, "to stderr");
    verbose_close(verbose);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    expect_file("stderr", "hpck,v1,event,problem,details\nhpck,v1,error,-,to stderr\n");
}

static void the_files_name_may_hold_the_process_id(void **state)
{
    char name[64];
    (void)state;
    setenv("HPCK_VERBOSE_FILE", scratch_path("log-%p-%p-%s%n"), 1);
    verbose_close(opened("error"));
    snprintf(name, sizeof name, "log-%ld-%ld-%%s%%n", (long)getpid(), (long)getpid());
    expect_file(name, "hpck,v1,event,problem,details\n");
}

static void unknown_words_are_reported_and_the_others_hold(void **state)
{
    static const char *const hostile[] = { "1", "errors", "%s%n%s", ",,,", "all,\x1b[2J\n", "error,error,ERROR" };
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
        verbose_close(opened(hostile[i]));
    }
    char *log = scratch_read("log", NULL);
    assert_non_null(strstr(log, "error,-,HPCK_VERBOSE: \"1\" is not one of error, check,"));
    assert_non_null(strstr(log, "\"errors\""));
    assert_non_null(strstr(log, "\"%s%n%s\""));
    assert_non_null(strstr(log, "\"?[2J\\n\""));
    assert_non_null(strstr(log, "\"ERROR\""));
    free(log);
}

/* Runs verbose_open with both files at `path` and returns what came out on stderr. */
static char *complaints(const char *path)
{
    int saved = dup(STDERR_FILENO);
    int file = open(scratch_path("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct problem problem = problem_of("gemm:f32:nn:m1n2k3");
    dup2(file, STDERR_FILENO);
    setenv("HPCK_VERBOSE_FILE", path, 1);
    setenv("HPCK_TRACE", path, 1);
    struct verbose *verbose = opened("error");
    verbose_trace(verbose, &problem);
    verbose_close(verbose);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    return scratch_read("stderr", NULL);
}

static void files_that_cannot_be_written_are_reported_on_stderr(void **state)
{
    char *huge = malloc(100001);
    (void)state;
    assert_non_null(huge);
    memset(huge, 'x', 100000);
    huge[100000] = '\0';
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    const char *const paths[] = { scratch_path("no/such/folder"), scratch_path(""), scratch_path("fifo"), huge };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *text = complaints(paths[i]);
        assert_non_null(strstr(text, "hpck,v1,error,-,HPCK_VERBOSE_FILE: cannot"));
        assert_non_null(strstr(text, "hpck,v1,error,-,HPCK_TRACE: cannot"));
        free(text);
    }
    free(huge);
}

static void a_trace_has_each_problem_once_and_parses(void **state)
{
    struct verbose *verbose;
    (void)state;
    setenv("HPCK_TRACE", scratch_path("trace"), 1);
    verbose = opened(NULL);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 200; i++) {
            struct problem problem = problem_of("gemm:f32:nn:m1n2k3:col");
            problem.field.gemm.k = i * 37 % 200;
            verbose_trace(verbose, &problem);
        }
    verbose_close(verbose);
    char *trace = scratch_read("trace", NULL);
    bool seen[200] = { false };
    int lines = 0;
    for (char *line = strtok(trace, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct problem problem = problem_of(line);
        assert_int_equal(problem.field.gemm.column_major, 1);
        seen[problem.field.gemm.k] = true;
        lines++;
    }
    assert_int_equal(lines, 200);
    for (int i = 0; i < 200; i++)
        assert_true(seen[i]);
    free(trace);
}

static void processes_that_share_a_trace_do_not_mix_lines(void **state)
{
    enum { PROCESSES = 4, PROBLEMS = 300 };
    pid_t children[PROCESSES];
    (void)state;
    setenv("HPCK_TRACE", scratch_path("trace"), 1);
    for (int p = 0; p < PROCESSES; p++) {
        children[p] = fork();
        assert_true(children[p] >= 0);
        if (children[p] != 0) continue;
        struct verbose *verbose = NULL;
        struct problem problem = problem_of("gemm:f32:nn:m1n2k3");
        if (verbose_open(&verbose, NULL) != HPCK_OK) _exit(1);
        for (int i = 0; i < PROBLEMS; i++) {
            problem.field.gemm.m = p;
            problem.field.gemm.n = i;
            verbose_trace(verbose, &problem);
        }
        verbose_close(verbose);
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status = -1;
        assert_int_equal(waitpid(children[p], &status, 0), children[p]);
        assert_int_equal(status, 0);
    }
    char *trace = scratch_read("trace", NULL);
    int lines = 0;
    for (char *line = strtok(trace, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        problem_of(line);
        lines++;
    }
    assert_int_equal(lines, PROCESSES * PROBLEMS);
    free(trace);
}

/* ---- error and strbuf ----------------------------------------------------------------------------------------------- */

static void an_error_keeps_its_status_while_its_message_grows(void **state)
{
    struct error err = { 0 };
    (void)state;
    assert_string_equal(error_text(&err), "");
    assert_string_equal(error_text(NULL), "");
    assert_int_equal(error_set(&err, HPCK_COMPILE_FAILED, "compile of %s failed", "gemm_cpu"), HPCK_COMPILE_FAILED);
    error_append(&err, "\n%d errors", 3);
    assert_string_equal(error_text(&err), "compile of gemm_cpu failed\n3 errors");
    assert_int_equal(err.status, HPCK_COMPILE_FAILED);
    error_set(&err, HPCK_IO, "while loading: %s", error_text(&err)); /* of itself */
    assert_string_equal(error_text(&err), "while loading: compile of gemm_cpu failed\n3 errors");
    assert_int_equal(error_set(NULL, HPCK_IO, "nobody listens"), HPCK_IO);
    error_append(NULL, "nobody listens");
    error_free(&err);
    error_free(NULL);
}

static void a_text_grows_and_a_failed_one_stays_failed(void **state)
{
    struct strbuf buf = { 0 };
    (void)state;
    for (int i = 0; i < 10000; i++)
        strbuf_addf(&buf, "%04d", i);
    assert_int_equal(buf.length, 40000);
    assert_int_equal(strlen(buf.text), 40000);
    assert_memory_equal(buf.text + 4 * 1234, "12341235", 8);
    strbuf_addn(&buf, "", SIZE_MAX / 2);
    assert_true(buf.failed);
    strbuf_add(&buf, "ignored");
    assert_int_equal(buf.length, 40000);
    strbuf_free(&buf);
    assert_null(buf.text);
}

/* Programs read verbose lines, in which a decimal comma would be one more column. */
static void numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s >%s 2>&1", scratch_path("de_DE.UTF-8"),
             scratch_path("localedef.log"));
    setenv("LOCPATH", scratch_path(""), 1);
    if (system(command) != 0 || setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
        skip(); /* no sources of locales here */
    struct strbuf buf = { 0 };
    char callers[8];
    strbuf_addf(&buf, "%.2f", 1.25);
    snprintf(callers, sizeof callers, "%.2f", 1.25);
    setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
    assert_string_equal(buf.text, "1.25");
    assert_string_equal(callers, "1,25"); /* the application's own numbers are left alone */
    strbuf_free(&buf);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_the_variable_nothing_is_wanted_or_written),
        TEST(each_word_wants_its_event),
        TEST(an_event_is_one_line_with_its_problem),
        TEST(lines_go_to_stderr_by_default),
        TEST(the_files_name_may_hold_the_process_id),
        TEST(unknown_words_are_reported_and_the_others_hold),
        TEST(files_that_cannot_be_written_are_reported_on_stderr),
        TEST(a_trace_has_each_problem_once_and_parses),
        TEST(processes_that_share_a_trace_do_not_mix_lines),
        cmocka_unit_test(an_error_keeps_its_status_while_its_message_grows),
        cmocka_unit_test(a_text_grows_and_a_failed_one_stays_failed),
        TEST(numbers_have_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
