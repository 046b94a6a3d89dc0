/* Bundles: what is in one is not compiled; what is damaged, missing or not readable is said, and costs itself only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hpck/hpck.h>

#include "cache_disk.h"
#include "handle.h"
#include "scratch.h"

/* ---- one kernel in f32 and one in bf16 ----------------------------------------------------------------------- */

static void make_plans(hpck_handle *handle)
{
    const hpck_dtype dtypes[] = { HPCK_F32, HPCK_BF16 };
    for (int i = 0; i < 2; i++) {
        hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
        hpck_plan *plan = NULL;
        desc.m = desc.n = desc.k = 2;
        desc.dtype = desc.dtype_c = dtypes[i];
        if (hpck_gemm_plan(handle, &desc, &plan) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    }
}

/* How many of the two are compiled with this bundle and no disk cache. */
static int compilations_with(const char *bundle)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.cache_dir = "";
    options.bundle = bundle;
    hpck_status st = hpck_create(&handle, &options);
    if (st != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    make_plans(handle);
    int count = cache_compilations(handle->cache);
    hpck_destroy(handle);
    return count;
}

/* The entries of a cache that holds both, one after the other; caller frees. *second is where the later one begins. */
static char *bundle_bytes(size_t *size, size_t *second)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    char *all = NULL;
    options.cache_dir = scratch_path("cache");
    options.bundle = "";
    assert_int_equal(hpck_create(&handle, &options), HPCK_OK);
    make_plans(handle);
    hpck_destroy(handle);
    *size = 0;
    DIR *folder = opendir(scratch_path("cache"));
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        char name[300];
        size_t length = 0;
        if (e->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "cache/%s", e->d_name);
        char *entry = scratch_read(name, &length);
        assert_non_null(entry);
        all = realloc(all, *size + length);
        assert_non_null(all);
        memcpy(all + *size, entry, length);
        free(entry);
        *second = *size;
        *size += length;
    }
    closedir(folder);
    assert_true(*second > 0);
    return all;
}

static const char *written(const char *bytes, size_t size)
{
    scratch_write("kernels.hpck", bytes, size);
    return scratch_path("kernels.hpck");
}

static char *log_of(const char *bundle, int expected)
{
    unlink(scratch_path("log"));
    setenv("HPCK_VERBOSE", "cache", 1);
    setenv("HPCK_VERBOSE_FILE", scratch_path("log"), 1);
    assert_int_equal(compilations_with(bundle), expected);
    unsetenv("HPCK_VERBOSE");
    unsetenv("HPCK_VERBOSE_FILE");
    char *log = scratch_read("log", NULL);
    assert_non_null(log);
    return log;
}

static void assert_refused(const char *bundle, const char *message)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.bundle = bundle;
    assert_int_equal(hpck_create(&handle, &options), HPCK_IO);
    if (strstr(hpck_error_message(handle), message) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", hpck_error_message(handle), message);
    if (strstr(hpck_error_message(handle), bundle) == NULL) fail_msg("%s", hpck_error_message(handle));
    hpck_destroy(handle);
}

/* ---- what is promised ----------------------------------------------------------------------------------------- */

static void what_is_in_the_bundle_is_not_compiled(void **state)
{
    (void)state;
    size_t size = 0;
    size_t second = 0;
    char *bytes = bundle_bytes(&size, &second);
    const char *path = written(bytes, size);
    char *log = log_of(path, 0);
    assert_non_null(strstr(log, "result=bundle,family=gemm"));
    free(log);
    assert_int_equal(compilations_with(written(bytes, second)), 1);
    assert_int_equal(compilations_with(written(bytes + second, size - second)), 1);
    assert_int_equal(compilations_with(written("", 0)), 2);

    path = written(bytes, size);
    setenv("HPCK_BUNDLE", path, 1);
    assert_int_equal(compilations_with(NULL), 0);
    assert_int_equal(compilations_with(""), 2);
    unsetenv("HPCK_BUNDLE");
    size_t now = 0;
    char *after = scratch_read("kernels.hpck", &now); /* it is only read */
    assert_int_equal(now, size);
    assert_memory_equal(after, bytes, size);
    free(after);
    free(bytes);
}

static void damage_costs_what_is_damaged(void **state)
{
    (void)state;
    size_t size = 0;
    size_t second = 0;
    char *bytes = bundle_bytes(&size, &second);
    bytes[second - 1] ^= 1; /* the first program */
    char *log = log_of(written(bytes, size), 1);
    assert_non_null(strstr(log, "result=damaged,family=gemm"));
    assert_non_null(strstr(log, "reason=its checksum does not match"));
    free(log);
    bytes[second - 1] ^= 1;

    char place[64];
    snprintf(place, sizeof place, ",byte=%zu,reason=", second);
    const size_t ends[] = { second + 1, second + 47, second + 48, size - 1 };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        log = log_of(written(bytes, ends[i]), 1);
        assert_non_null(strstr(log, "result=damaged,bundle="));
        assert_non_null(strstr(log, place));
        free(log);
    }
    memset(bytes + second + 16, 0xff, 16); /* lengths whose sum wraps around */
    assert_int_equal(compilations_with(written(bytes, size)), 1);
    free(bytes);
}

static void a_bundle_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    assert_refused(scratch_path("absent"), "No such file");
    assert_refused(scratch_path("."), "is not a file");
    assert_refused("/dev/null", "is not a file");
    assert_refused(written("not a bundle, though longer than a header of forty-eight bytes", 62),
                   "holds no kernel");
    assert_refused(written("short", 5), "it is shorter than a header");
    assert_int_equal(chmod(written("", 0), 0666), 0);
    assert_refused(scratch_path("kernels.hpck"), "may be written by everybody");
}

static void a_bundle_that_shrinks_later_is_noticed(void **state)
{
    (void)state;
    size_t size = 0;
    size_t second = 0;
    char *bytes = bundle_bytes(&size, &second);
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.cache_dir = "";
    options.bundle = written(bytes, size);
    assert_int_equal(hpck_create(&handle, &options), HPCK_OK);
    assert_int_equal(truncate(options.bundle, 60), 0);
    make_plans(handle);
    assert_int_equal(cache_compilations(handle->cache), 2);
    hpck_destroy(handle);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_in_the_bundle_is_not_compiled),
        TEST(damage_costs_what_is_damaged),
        TEST(a_bundle_that_cannot_be_read_is_an_error),
        TEST(a_bundle_that_shrinks_later_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
