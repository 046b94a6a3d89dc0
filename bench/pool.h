/* Threads that stay alive and pinned, one for each CPU: what a plain C program that cares would compute with. */
#ifndef HPCK_BENCH_POOL_H
#define HPCK_BENCH_POOL_H

#include "error.h"

struct pool;

hpck_status pool_open(struct pool **pool, struct error *err);
void pool_close(struct pool *pool);
int pool_size(const struct pool *pool);

/* Calls work(context, i, count) for i in 0 .. count-1 on the threads, and returns when all have. */
void pool_run(struct pool *pool, void (*work)(void *context, int index, int count), void *context);

#endif
