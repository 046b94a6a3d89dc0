/* The kernel cache: a second process compiles nothing, damaged files are replaced, parallel processes compile once, and
 * no folder is a reason to fail. Other processes are this program itself, called with the role to play. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hpck/hpck.h>

#include "cache_disk.h"
#include "cache_entry.h"
#include "cache_prune.h"
#include "handle.h"
#include "scratch.h"

extern char **environ;

/* ---- one product -------------------------------------------------------------------------------------------- */

struct outcome {
    int compilations;
    double first_call_ms; /* from hpck_gemm to the end of the work */
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* 0, or a number that tells what went wrong. */
static int multiply(const char *cache_dir, struct outcome *outcome)
{
    const float ones[] = { 1, 1, 1, 1 };
    float result[] = { -1, -1, -1, -1 };
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    hpck_buffer a = { NULL, 0 };
    hpck_buffer c = { NULL, 0 };
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    options.cache_dir = cache_dir;
    desc.m = desc.n = desc.k = 2;
    if (hpck_create(&handle, &options) != HPCK_OK) return 1;
    if (hpck_malloc(handle, sizeof ones, &a.memory) != HPCK_OK) return 2;
    if (hpck_malloc(handle, sizeof ones, &c.memory) != HPCK_OK) return 2;
    if (hpck_write(handle, a.memory, 0, ones, sizeof ones) != HPCK_OK) return 3;
    double start = now_ms();
    if (hpck_gemm(handle, &desc, 1.0F, a, a, 0.0F, c, NULL) != HPCK_OK) return 4;
    if (hpck_synchronize(handle) != HPCK_OK) return 5;
    outcome->first_call_ms = now_ms() - start;
    outcome->compilations = cache_compilations(handle->cache);
    if (hpck_read(handle, result, c.memory, 0, sizeof result) != HPCK_OK) return 6;
    hpck_destroy(handle);
    for (int i = 0; i < 4; i++)
        if (result[i] != 2.0F) return 7;
    return 0;
}

/* The role "multiply OUTPUT": the outcome goes to a file, everything else is in the environment. */
static int play_multiply(const char *output)
{
    struct outcome outcome = { 0, 0.0 };
    int status = multiply(NULL, &outcome);
    FILE *file = fopen(output, "w");
    if (file == NULL) return 9;
    fprintf(file, "%d %d %f\n", status, outcome.compilations, outcome.first_call_ms);
    fclose(file);
    return status;
}

static pid_t start_process(const char *role, const char *argument)
{
    pid_t pid = -1;
    char *argv[] = { "/proc/self/exe", (char *)(uintptr_t)role, (char *)(uintptr_t)argument, NULL };
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
    return pid;
}

static struct outcome end_process(pid_t pid, const char *output)
{
    struct outcome outcome = { -1, 0.0 };
    int status = -1;
    int said = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    FILE *file = fopen(output, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d %d %lf", &said, &outcome.compilations, &outcome.first_call_ms), 3);
    fclose(file);
    assert_int_equal(said, 0);
    return outcome;
}

static struct outcome other_process(void)
{
    const char *output = scratch_path("outcome");
    return end_process(start_process("multiply", output), output);
}

/* ---- the folder --------------------------------------------------------------------------------------------- */

/* The only entry of the cache; its path is valid until the eighth scratch_path after it. */
static const char *only_entry(void)
{
    DIR *folder = opendir(scratch_path("cache"));
    char name[300] = "";
    int count = 0;
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (strstr(e->d_name, CACHE_ENTRY_SUFFIX) == NULL) continue;
        snprintf(name, sizeof name, "cache/%s", e->d_name);
        count++;
    }
    closedir(folder);
    assert_int_equal(count, 1);
    return scratch_path(name);
}

/* No files but entries are left: no temporary files, no locks. */
static void assert_tidy(void)
{
    DIR *folder = opendir(scratch_path("cache"));
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder))
        if (e->d_name[0] != '.' && strstr(e->d_name, CACHE_ENTRY_SUFFIX) == NULL)
            fail_msg("%s was left behind", e->d_name);
    closedir(folder);
}

static int setup(void **state)
{
    if (scratch_setup(state) != 0) return -1;
    setenv("HPCK_CACHE_DIR", scratch_path("cache"), 1);
    return 0;
}

/* ---- what is promised ----------------------------------------------------------------------------------------- */

/* Each process with an empty cache of PoCL's own, so that it is ours that helps. */
static void a_second_process_compiles_nothing(void **state)
{
    (void)state;
    mkdir(scratch_path("pocl1"), 0700);
    mkdir(scratch_path("pocl2"), 0700);
    setenv("POCL_CACHE_DIR", scratch_path("pocl1"), 1);
    struct outcome cold = other_process();
    setenv("POCL_CACHE_DIR", scratch_path("pocl2"), 1);
    struct outcome warm = other_process();
    unsetenv("POCL_CACHE_DIR");
    assert_int_equal(cold.compilations, 1);
    assert_int_equal(warm.compilations, 0);
    print_message("first call: cold %.1f ms, warm %.1f ms\n", cold.first_call_ms, warm.first_call_ms);
    assert_true(warm.first_call_ms < cold.first_call_ms / 4);
    assert_tidy();
}

static void verbose_tells_where_a_program_came_from(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *log = scratch_path(i == 0 ? "cold.log" : "warm.log");
        setenv("HPCK_VERBOSE", "cache,compile", 1);
        setenv("HPCK_VERBOSE_FILE", log, 1);
        other_process();
        unsetenv("HPCK_VERBOSE");
        unsetenv("HPCK_VERBOSE_FILE");
        char *text = scratch_read(i == 0 ? "cold.log" : "warm.log", NULL);
        assert_non_null(text);
        assert_true((strstr(text, "hpck,v1,compile,gemm:f32:nn:m2n2k2,") != NULL) == (i == 0));
        assert_true((strstr(text, "result=saved") != NULL) == (i == 0));
        assert_true((strstr(text, "result=disk") != NULL) == (i == 1));
        free(text);
    }
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    struct outcome outcome;
    assert_int_equal(multiply(NULL, &outcome), 0);
    char path[1024];
    snprintf(path, sizeof path, "%s", only_entry());
    char name[64];
    snprintf(name, sizeof name, "cache/%s", strrchr(path, '/') + 1);
    size_t length = 0;
    char *good = scratch_read(name, &length);
    assert_non_null(good);

    enum { EMPTY, HEADER_ONLY, TRUNCATED, LONGER, MAGIC, VERSION, KEY, CHECKSUM, LAST_BYTE, DAMAGES };
    for (int damage = 0; damage < DAMAGES; damage++) {
        char *bad = malloc(length + 1);
        size_t size = length;
        memcpy(bad, good, length);
        bad[length] = 'x';
        switch (damage) {
        case EMPTY:
            size = 0;
            break;
        case HEADER_ONLY:
            size = 48;
            break;
        case TRUNCATED:
            size = length / 2;
            break;
        case LONGER:
            size = length + 1;
            break;
        case MAGIC:
            bad[0] ^= 1;
            break;
        case VERSION:
            bad[8] = 99;
            break;
        case KEY:
            bad[100] ^= 1;
            break;
        case CHECKSUM:
            bad[40] ^= 1;
            break;
        case LAST_BYTE:
            bad[length - 1] ^= 1;
            break;
        }
        scratch_write(name, bad, size);
        free(bad);
        assert_int_equal(multiply(NULL, &outcome), 0);
        if (outcome.compilations != 1) fail_msg("damage %d was trusted", damage);
        assert_int_equal(multiply(NULL, &outcome), 0); /* and has been replaced */
        assert_int_equal(outcome.compilations, 0);
    }
    free(good);

    assert_int_equal(unlink(path), 0); /* what is no file at all is not followed */
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(multiply(NULL, &outcome), 0);
    assert_int_equal(outcome.compilations, 1);
    assert_tidy();
}

static void parallel_processes_compile_once(void **state)
{
    (void)state;
    enum { PROCESSES = 4 };
    pid_t pid[PROCESSES];
    char output[PROCESSES][1024];
    int compilations = 0;
    for (int i = 0; i < PROCESSES; i++) {
        char name[32];
        snprintf(name, sizeof name, "outcome%d", i);
        snprintf(output[i], sizeof output[i], "%s", scratch_path(name));
        pid[i] = start_process("multiply", output[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        compilations += end_process(pid[i], output[i]).compilations;
    assert_int_equal(compilations, 1);
    assert_tidy();
}

/* The role "lock FOLDER": holds a lock until it is killed. */
static int play_lock(const char *folder)
{
    int lock = cache_disk_lock(folder, "00000000000000000000000000000000");
    if (lock < 0 || write(STDOUT_FILENO, "", 1) != 1) return 1;
    pause();
    return 1;
}

static void a_dead_owner_does_not_keep_its_lock(void **state)
{
    (void)state;
    const char *folder = scratch_path("cache");
    const char *name = "00000000000000000000000000000000";
    struct error err = { 0 };
    int pipes[2];
    char byte;
    assert_int_equal(cache_disk_make(folder, &err), HPCK_OK);
    assert_int_equal(pipe(pipes), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    char *argv[] = { "/proc/self/exe", "lock", (char *)(uintptr_t)folder, NULL };
    pid_t owner = -1;
    assert_int_equal(posix_spawn(&owner, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(read(pipes[0], &byte, 1), 1); /* it holds the lock */
    kill(owner, SIGKILL);
    assert_int_equal(waitpid(owner, NULL, 0), owner);
    close(pipes[0]);
    close(pipes[1]);
    double start = now_ms();
    int lock = cache_disk_lock(folder, name);
    assert_true(lock >= 0);
    assert_true(now_ms() - start < 5000);
    cache_disk_unlock(folder, name, lock);
    assert_tidy();
}

static void no_folder_is_no_reason_to_fail(void **state)
{
    (void)state;
    struct outcome outcome;
    scratch_write("file", "x", 1);
    char below_a_file[1024];
    snprintf(below_a_file, sizeof below_a_file, "%s/cache", scratch_path("file"));
    setenv("HPCK_VERBOSE", "cache", 1);
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    assert_int_equal(multiply(below_a_file, &outcome), 0);
    unsetenv("HPCK_VERBOSE");
    unsetenv("HPCK_VERBOSE_FILE");
    char *log = scratch_read("log", NULL);
    assert_non_null(log);
    assert_non_null(strstr(log, "result=off"));
    free(log);
    assert_int_equal(outcome.compilations, 1);

    assert_int_equal(multiply("", &outcome), 0); /* off, by the caller */
    assert_int_equal(outcome.compilations, 1);
    setenv("HPCK_CACHE_DIR", "", 1); /* or by the environment */
    assert_int_equal(multiply(NULL, &outcome), 0);
    assert_int_equal(outcome.compilations, 1);
}

static void the_folder_is_found_by_the_rules(void **state)
{
    (void)state;
    const struct {
        const char *argument, *hpck, *xdg, *home, *path;
    } cases[] = {
        { "/given", "/env", "/xdg", "/home", "/given" },
        { NULL, "/env", "/xdg", "/home", "/env" },
        { NULL, NULL, "/xdg", "/home", "/xdg/hpck" },
        { NULL, NULL, "relative", "/home", "/home/.cache/hpck" },
        { NULL, NULL, NULL, "/home", "/home/.cache/hpck" },
        { NULL, NULL, NULL, NULL, NULL },
        { "", "/env", "/xdg", "/home", NULL },
        { NULL, "", "/xdg", "/home", NULL },
    };
    char *home = strdup(getenv("HOME") != NULL ? getenv("HOME") : "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *names[] = { "HPCK_CACHE_DIR", "XDG_CACHE_HOME", "HOME" };
        const char *values[] = { cases[i].hpck, cases[i].xdg, cases[i].home };
        for (int v = 0; v < 3; v++)
            values[v] != NULL ? setenv(names[v], values[v], 1) : unsetenv(names[v]);
        char *path = NULL;
        assert_int_equal(cache_disk_path(cases[i].argument, &path, NULL), HPCK_OK);
        if (cases[i].path == NULL)
            assert_null(path);
        else
            assert_string_equal(path, cases[i].path);
        free(path);
    }
    setenv("HOME", home, 1);
    free(home);
}

static void the_oldest_entries_go_first(void **state)
{
    (void)state;
    const char *folder = scratch_path("cache");
    struct error err = { 0 };
    char name[4][64];
    char data[1000] = "";
    void *back = NULL;
    size_t size = 0;
    assert_int_equal(cache_disk_make(folder, &err), HPCK_OK);
    scratch_write("cache/a user's own.bin", "x", 1);
    for (int i = 0; i < 4; i++) {
        struct timespec times[2] = { { .tv_sec = 1000 + i }, { .tv_sec = 1000 + i } };
        char path[128];
        snprintf(name[i], sizeof name[i], "%032d", i);
        assert_int_equal(cache_disk_write(folder, name[i], data, sizeof data, UINT64_MAX, &err), HPCK_OK);
        snprintf(path, sizeof path, "cache/%s.bin", name[i]);
        assert_int_equal(utimensat(AT_FDCWD, scratch_path(path), times, 0), 0);
    }
    /* Reading is using: the oldest becomes the youngest. */
    assert_int_equal(cache_disk_read(folder, name[0], &back, &size, &err), HPCK_OK);
    assert_int_equal(size, sizeof data);
    free(back);
    cache_prune(folder, 2500);
    const bool expected[4] = { true, false, false, true };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cache_disk_read(folder, name[i], &back, &size, &err), HPCK_OK);
        assert_int_equal(back != NULL, expected[i]);
        free(back);
    }
    char *own = scratch_read("cache/a user's own.bin", NULL);
    assert_non_null(own);
    free(own);
}

static void an_entry_survives_printing(void **state)
{
    (void)state;
    const struct bytes key = { "key", 3 };
    const struct bytes program = { "program", 7 };
    struct bytes back;
    void *data = NULL;
    size_t size = 0;
    assert_int_equal(cache_entry_print(key, program, &data, &size, NULL), HPCK_OK);
    assert_null(cache_entry_parse((struct bytes){ data, size }, key, &back));
    assert_int_equal(back.size, 7);
    assert_memory_equal(back.data, "program", 7);
    assert_non_null(cache_entry_parse((struct bytes){ data, size }, (struct bytes){ "kez", 3 }, &back));
    for (size_t i = 0; i < size; i++) { /* no byte may change unnoticed */
        ((char *)data)[i] ^= 4;
        assert_non_null(cache_entry_parse((struct bytes){ data, size }, key, &back));
        ((char *)data)[i] ^= 4;
        assert_non_null(cache_entry_parse((struct bytes){ data, i }, key, &back));
    }
    free(data);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "multiply") == 0) return play_multiply(argv[2]);
    if (argc == 3 && strcmp(argv[1], "lock") == 0) return play_lock(argv[2]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_second_process_compiles_nothing),   TEST(verbose_tells_where_a_program_came_from),
        TEST(a_damaged_file_is_replaced),          TEST(parallel_processes_compile_once),
        TEST(a_dead_owner_does_not_keep_its_lock), TEST(no_folder_is_no_reason_to_fail),
        TEST(the_folder_is_found_by_the_rules),    TEST(the_oldest_entries_go_first),
        TEST(an_entry_survives_printing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
