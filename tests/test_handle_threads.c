/* Two threads with a handle each work at the same time: nothing is shared but the driver and the folder of the cache. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <hpck/hpck.h>

#include "handle.h"
#include "scratch.h"

enum { THREADS = 2, ROUNDS = 50, SIZE = 16 };

struct work {
    int number;
    int failures;
    int compilations;
    char message[200];
};

/* C = number * ones(SIZE, SIZE), again and again, by way of a sum over k. */
static void *run(void *argument)
{
    struct work *work = argument;
    float ones[SIZE * SIZE];
    float result[SIZE * SIZE];
    hpck_handle *handle = NULL;
    hpck_buffer a = { NULL, 0 };
    hpck_buffer c = { NULL, 0 };
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.m = desc.n = desc.k = SIZE;
    for (int i = 0; i < SIZE * SIZE; i++)
        ones[i] = 1.0F;
    if (hpck_create(&handle, NULL) != HPCK_OK || hpck_malloc(handle, sizeof ones, &a.memory) != HPCK_OK ||
        hpck_malloc(handle, sizeof ones, &c.memory) != HPCK_OK ||
        hpck_write(handle, a.memory, 0, ones, sizeof ones) != HPCK_OK)
        work->failures++;
    for (int round = 0; round < ROUNDS && work->failures == 0; round++) {
        desc.m = 1 + round % SIZE; /* new plans, too */
        work->failures += hpck_gemm(handle, &desc, (float)work->number, a, a, 0.0F, c, NULL) != HPCK_OK;
        work->failures += hpck_read(handle, result, c.memory, 0, sizeof result) != HPCK_OK;
        for (int i = 0; i < SIZE * (int)desc.m; i++)
            work->failures += result[i] != (float)(SIZE * work->number);
    }
    if (work->failures == 0) work->compilations = cache_compilations(handle->cache);
    snprintf(work->message, sizeof work->message, "%s", hpck_error_message(handle));
    hpck_destroy(handle);
    return NULL;
}

static void two_threads_with_two_handles_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    struct work work[THREADS];
    setenv("HPCK_CACHE_DIR", scratch_path("cache"), 1);
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){ .number = i + 1 };
        assert_int_equal(pthread_create(&thread[i], NULL, run, &work[i]), 0);
    }
    int compilations = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        if (work[i].failures != 0) fail_msg("thread %d: %s", i, work[i].message);
        compilations += work[i].compilations;
    }
    /* What both needed was compiled by one of them: as much as one thread alone would have. */
    struct work alone = { .number = 3 };
    setenv("HPCK_CACHE_DIR", scratch_path("cache of one"), 1);
    run(&alone);
    assert_int_equal(alone.failures, 0);
    assert_int_equal(compilations, alone.compilations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_threads_with_two_handles_do_not_disturb_each_other, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
