/* A few workers, each at most at one task; the parent waits for all of them at once. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "compilers.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT_DEFAULT_MAX = 16, TICK_MS = 100 };
static const double START_LIMIT = 60.0; /* seconds to open the device */
static const double ANSWER_LIMIT = 5.0; /* for the rest of an answer that has begun */

struct compiler {
    struct worker *worker; /* NULL: not started, or dead */
    bool is_greeted;
    struct compile_task *task; /* at work; NULL: none */
    double begin;
};

struct compilers {
    const char *device, *cache_dir;
    struct compiler *items;
    struct pollfd *waiting; /* parallel to items */
    int count;
    bool is_useless; /* not one could open the device */
};

int compilers_default_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < COUNT_DEFAULT_MAX ? count : COUNT_DEFAULT_MAX;
}

hpck_status compilers_create(const char *device, const char *cache_dir, int count, struct compilers **out,
                             struct error *err)
{
    struct compilers *compilers = calloc(1, sizeof *compilers);
    struct compiler *items = calloc((size_t)count, sizeof *items);
    struct pollfd *waiting = calloc((size_t)count, sizeof *waiting);
    if (!compilers || !items || !waiting) {
        free(compilers);
        free(items);
        free(waiting);
        return error_set(err, HPCK_OUT_OF_MEMORY, "tuner: no memory for %d compilers", count);
    }
    *compilers = (struct compilers){ device, cache_dir, items, waiting, count, false };
    *out = compilers;
    return HPCK_OK;
}

static void dismiss(struct compiler *compiler)
{
    worker_stop(compiler->worker);
    *compiler = (struct compiler){ 0 };
}

void compilers_free(struct compilers *compilers)
{
    if (!compilers) return;
    for (int i = 0; i < compilers->count; i++)
        dismiss(&compilers->items[i]);
    free(compilers->items);
    free(compilers->waiting);
    free(compilers);
}

/* Starts up to `wanted` of them side by side, since opening a device takes a while. False: there is none. */
static bool start(struct compilers *compilers, int wanted)
{
    int ready = 0;
    for (int i = 0; i < compilers->count && i < wanted; i++) {
        struct compiler *compiler = &compilers->items[i];
        if (!compiler->worker) worker_launch(compilers->device, compilers->cache_dir, &compiler->worker, NULL);
    }
    for (int i = 0; i < compilers->count; i++) {
        struct compiler *compiler = &compilers->items[i];
        struct worker_hello hello;
        if (!compiler->worker) continue;
        if (!compiler->is_greeted && worker_greet(compiler->worker, START_LIMIT, &hello, NULL) != HPCK_OK) {
            dismiss(compiler);
            continue;
        }
        compiler->is_greeted = true;
        ready++;
    }
    compilers->is_useless = ready == 0;
    return ready > 0;
}

static void finish(struct compiler *compiler, enum outcome outcome, const char *message)
{
    struct compile_task *task = compiler->task;
    task->is_done = true;
    task->outcome = outcome;
    task->seconds = measure_now() - compiler->begin;
    trial_message(task->message, message);
    compiler->task = NULL;
}

static void take_answer(struct compiler *compiler)
{
    struct worker_reply reply;
    enum worker_end end = worker_answer(compiler->worker, ANSWER_LIMIT, NULL, NULL, &reply);
    if (end == WORKER_ANSWERED) {
        finish(compiler, reply.side[0].outcome, reply.side[0].message);
    } else {
        finish(compiler, OUTCOME_CRASHED, reply.message);
        dismiss(compiler);
    }
}

static void end_late_one(struct compiler *compiler, double seconds)
{
    char message[TRIAL_MESSAGE_MAX];
    if (measure_now() - compiler->begin < seconds) return;
    snprintf(message, sizeof message, "not compiled within %.1f s: its process was killed", seconds);
    finish(compiler, OUTCOME_TIMEOUT, message);
    dismiss(compiler);
}

/* A worker that has died is found out by the answer that does not come. */
static void give_work(struct compilers *compilers, struct compile_task *tasks, int count, int *next)
{
    for (int i = 0; i < compilers->count && *next < count; i++) {
        struct compiler *compiler = &compilers->items[i];
        if (!compiler->worker || compiler->task) continue;
        compiler->task = &tasks[(*next)++];
        compiler->begin = measure_now();
        worker_send(compiler->worker, &compiler->task->request);
    }
}

/* Waits a moment for answers. Returns how many are still at work. */
static int collect(struct compilers *compilers, double task_seconds)
{
    int left = 0;
    for (int i = 0; i < compilers->count; i++) {
        const struct compiler *compiler = &compilers->items[i];
        compilers->waiting[i] =
            (struct pollfd){ .fd = compiler->task ? worker_socket(compiler->worker) : -1, .events = POLLIN };
    }
    poll(compilers->waiting, (nfds_t)compilers->count, TICK_MS);
    for (int i = 0; i < compilers->count; i++) {
        struct compiler *compiler = &compilers->items[i];
        if (!compiler->task) continue;
        if (compilers->waiting[i].revents)
            take_answer(compiler);
        else
            end_late_one(compiler, task_seconds);
        left += compiler->task != NULL;
    }
    return left;
}

static void abandon(struct compilers *compilers)
{
    for (int i = 0; i < compilers->count; i++)
        if (compilers->items[i].task) dismiss(&compilers->items[i]);
}

void compilers_run(struct compilers *compilers, struct compile_task *tasks, int count,
                   const struct compile_limits *limits)
{
    int next = 0;
    int left = 0;
    while (next < count || left > 0) {
        if (*limits->stop || measure_now() > limits->deadline) break;
        if (next < count && (compilers->is_useless || !start(compilers, count - next + left))) break;
        give_work(compilers, tasks, count, &next);
        left = collect(compilers, limits->task_seconds);
        if (limits->tick) limits->tick(limits->tick_context);
    }
    abandon(compilers);
}
