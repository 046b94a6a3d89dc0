/* See pool.h. The caller's thread does the first part itself. */
#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS_MAX = 256, SPINS = 20000 }; /* spinning before sleeping: some ten microseconds */

struct member {
    struct pool *pool;
    pthread_t thread;
    int index;
};

struct pool {
    int count;
    struct member member[THREADS_MAX];
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_uint round; /* goes up by one with each piece of work */
    atomic_int busy;
    bool is_closing;
    void (*work)(void *context, int index, int count);
    void *context;
};

static void pin(pthread_t thread, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    pthread_setaffinity_np(thread, sizeof set, &set); /* a wish: without it the thread floats */
}

static void *live(void *argument)
{
    struct member *self = argument;
    struct pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&pool->round) == seen; i++)
            ;
        pthread_mutex_lock(&pool->mutex);
        while (atomic_load(&pool->round) == seen)
            pthread_cond_wait(&pool->wake, &pool->mutex);
        seen = atomic_load(&pool->round);
        bool is_closing = pool->is_closing;
        pthread_mutex_unlock(&pool->mutex);
        if (is_closing) return NULL;
        pool->work(pool->context, self->index, pool->count);
        atomic_fetch_sub(&pool->busy, 1);
    }
}

static void announce(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

hpck_status pool_open(struct pool **out, struct error *err)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for threads");
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->count = 1;
    for (int i = 1; i < cpus && i < THREADS_MAX; i++) {
        pool->member[i] = (struct member){ .pool = pool, .index = i };
        if (pthread_create(&pool->member[i].thread, NULL, live, &pool->member[i]) != 0) break;
        pin(pool->member[i].thread, i);
        pool->count++;
    }
    *out = pool;
    return HPCK_OK;
}

void pool_close(struct pool *pool)
{
    if (!pool) return;
    pool->is_closing = true;
    announce(pool);
    for (int i = 1; i < pool->count; i++)
        pthread_join(pool->member[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int pool_size(const struct pool *pool)
{
    return pool->count;
}

void pool_run(struct pool *pool, void (*work)(void *context, int index, int count), void *context)
{
    pool->work = work;
    pool->context = context;
    atomic_store(&pool->busy, pool->count - 1);
    if (pool->count > 1) announce(pool);
    work(context, 0, pool->count);
    while (atomic_load(&pool->busy) > 0)
        sched_yield();
}
