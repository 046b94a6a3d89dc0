/* The child's half: opens the device, then plans, verifies and times what it is asked to, until the socket closes. */
#include "worker.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_clock.h"
#include "static_check.h"
#include "workload.h"

/* A candidate that is planned and verified; kept from one request to the next, where side 0 mostly stays the same. */
struct prepared {
    struct worker_candidate candidate;
    hpck_plan *plan;
};

struct child {
    int socket;
    hpck_handle *handle;
    struct measure_clock clock_storage;
    const struct measure_clock *clock; /* see device_clock */
    struct workload *workload;
    struct problem problem; /* of the workload */
    uint64_t seed;
    struct prepared prepared[MEASURE_SIDES_MAX];
    int prepared_count;
    struct error err;
};

struct side_context {
    struct child *child;
    hpck_plan *plan;
};

static hpck_status side_run(void *context, struct error *err)
{
    struct side_context *side = context;
    return workload_run(side->child->workload, side->plan, err);
}

static hpck_status side_finish(void *context, struct error *err)
{
    struct side_context *side = context;
    hpck_status st = hpck_synchronize(side->child->handle);
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(side->child->handle));
}

/* ---- faults for tests --------------------------------------------------------------------------------------- */

static bool fault_is(const char *kind, int trial)
{
    const char *fault = getenv(WORKER_FAULT_VARIABLE);
    const char *at = fault ? strchr(fault, '@') : NULL;
    return at && strlen(kind) == (size_t)(at - fault) && strncmp(fault, kind, strlen(kind)) == 0 &&
           atoi(at + 1) == trial;
}

static void fault_in_driver(enum worker_task task, int trial)
{
    if (fault_is(task == WORKER_COMPILE ? "crash-compile" : "crash", trial)) abort();
    while (fault_is(task == WORKER_COMPILE ? "hang-compile" : "hang", trial))
        sleep(1);
}

/* The result of the verified run is changed behind the kernel's back, then looked at again. */
static hpck_status fault_in_result(struct child *child)
{
    const float wrong = 1e30F;
    hpck_buffer output = workload_output(child->workload);
    size_t bytes = dtype_bytes(child->problem.dtype_out);
    hpck_status st = hpck_write(child->handle, output.memory, (size_t)output.offset * bytes, &wrong, bytes);
    return st == HPCK_OK ? workload_check(child->workload, &child->err) : st;
}

/* ---- one request ---------------------------------------------------------------------------------------------- */

static void forget(struct child *child)
{
    for (int i = 0; i < child->prepared_count; i++)
        plan_free(child->prepared[i].plan);
    child->prepared_count = 0;
}

static hpck_status prepare_workload(struct child *child, const struct worker_request *request)
{
    hpck_status st = HPCK_OK;
    if (child->workload && child->seed == request->seed && problem_same(&child->problem, &request->problem))
        goto done;
    forget(child);
    workload_free(child->workload);
    child->workload = NULL;
    child->problem = request->problem;
    child->seed = request->seed;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    options.seed = request->seed;
    if (workload_is_memory_bound(&child->problem))
        options.copies = workload_copies_cold(child->handle, &child->problem);
    HPCK_TRY(workload_create(child->handle, &child->problem, &options, &child->workload, &child->err));
done:
    return st;
}

static hpck_plan *take_prepared(struct child *child, const struct worker_candidate *candidate)
{
    for (int i = 0; i < child->prepared_count; i++) {
        if (!child->prepared[i].plan || memcmp(&child->prepared[i].candidate, candidate, sizeof *candidate) != 0)
            continue;
        hpck_plan *plan = child->prepared[i].plan;
        child->prepared[i].plan = NULL;
        return plan;
    }
    return NULL;
}

static void set_outcome(struct worker_side *side, enum outcome outcome, const char *message)
{
    side->outcome = outcome;
    trial_message(side->message, message);
}

/* False: side->outcome says why there is no plan. */
static bool plan_side(struct child *child, const struct worker_request *request, int index, hpck_plan **plan,
                      struct worker_reply *reply)
{
    const struct worker_candidate *candidate = &request->side[index];
    if (index == request->side_count - 1) fault_in_driver(request->task, request->trial);
    double begin = measure_now();
    hpck_status st =
        plan_force(child->handle, &request->problem, families[candidate->family], candidate->param, plan);
    reply->compile_seconds += measure_now() - begin;
    if (st == HPCK_OK) return true;
    set_outcome(&reply->side[index], st == HPCK_COMPILE_FAILED ? OUTCOME_COMPILE_FAILED : OUTCOME_FAILED,
                hpck_error_message(child->handle));
    *plan = NULL;
    return false;
}

/* Plans and verifies one side; *plan stays NULL where that fails, and side->outcome says why. */
static void prepare_side(struct child *child, const struct worker_request *request, int index, hpck_plan **plan,
                         struct worker_reply *reply)
{
    const struct worker_candidate *candidate = &request->side[index];
    struct worker_side *side = &reply->side[index];
    *plan = take_prepared(child, candidate);
    if (*plan) return;

    if (!plan_side(child, request, index, plan, reply)) return;
    double begin = measure_now();
    hpck_status st = workload_verify(child->workload, *plan, &child->err);
    if (st == HPCK_OK && index == request->side_count - 1 && fault_is("wrong", request->trial))
        st = fault_in_result(child);
    reply->verify_seconds += measure_now() - begin;
    if (st != HPCK_OK) {
        set_outcome(side, st == HPCK_INTERNAL ? OUTCOME_WRONG : OUTCOME_FAILED, error_text(&child->err));
        plan_free(*plan);
        *plan = NULL;
    }
}

/* The best of two runs and of a millisecond, which is enough to tell that a side is several times too slow; single calls of a few
 * microseconds differ by as much among themselves. */
static hpck_status first_runs(struct child *child, hpck_plan *plan, double *seconds)
{
    struct side_context context = { child, plan };
    const struct measure_side side = { side_run, side_finish, &context };
    const struct measure_options once = { .rounds = 1, .turn_seconds = 0.001 };
    struct measure_result result;
    hpck_status st = measure_run(&side, 1, &once, NULL, &result, &child->err);
    *seconds = result.time[0].min;
    return st;
}

/* Marks the sides that are not worth measuring; by an emulator's clock one run is all there is to save. */
static hpck_status give_up_slow(struct child *child, const struct worker_request *request, hpck_plan **plans,
                                struct worker_reply *reply)
{
    hpck_status st = HPCK_OK;
    double base;
    double seconds;
    if (request->give_up <= 0.0 || request->side_count < 2 || !plans[0] || child->clock) goto done;
    HPCK_TRY(first_runs(child, plans[0], &base));
    for (int i = 1; i < request->side_count; i++) {
        if (!plans[i]) continue;
        HPCK_TRY(first_runs(child, plans[i], &seconds));
        if (seconds <= request->give_up * base) continue;
        double ratio = seconds / base;
        reply->side[i].time = (struct measure_times){ seconds, seconds, seconds, seconds, 1 };
        reply->side[i].ratio = (struct measure_ratio){ ratio, ratio, ratio };
        set_outcome(&reply->side[i], OUTCOME_SLOW, "");
    }
done:
    return st;
}

static bool is_promising(const struct measure_result *result, int count, double below)
{
    for (int i = 1; i < count; i++)
        if (result->ratio[i].median < below) return true;
    return false;
}

/* One round says it all where the clock is an emulator's: it is not disturbed by anything. */
static hpck_status run_rounds(struct child *child, const struct measure_side *sides, int count,
                              const struct measure_options *wanted, struct measure_result *result)
{
    const struct measure_options once = { .rounds = 1, .clock = child->clock };
    hpck_status st = measure_run(sides, count, child->clock ? &once : wanted, NULL, result, &child->err);
    if (child->clock) result->foreign_cpu = 0.0;
    return st;
}

static hpck_status measure_sides(struct child *child, const struct worker_request *request, hpck_plan **plans,
                                 struct worker_reply *reply)
{
    hpck_status st = HPCK_OK;
    struct measure_side sides[MEASURE_SIDES_MAX];
    struct side_context contexts[MEASURE_SIDES_MAX];
    int origin[MEASURE_SIDES_MAX];
    struct measure_result result;
    int count = 0;

    HPCK_TRY(give_up_slow(child, request, plans, reply));
    for (int i = 0; i < request->side_count; i++) {
        if (!plans[i] || reply->side[i].outcome != OUTCOME_OK) continue;
        contexts[count] = (struct side_context){ child, plans[i] };
        sides[count] = (struct measure_side){ side_run, side_finish, &contexts[count] };
        origin[count++] = i;
    }
    if (count == 0 || (count == 1 && request->side_count > 1 && origin[0] == 0)) goto done; /* nothing to compare */
    HPCK_TRY(run_rounds(child, sides, count, &request->measure, &result));
    if (!child->clock && is_promising(&result, count, request->again_below))
        HPCK_TRY(run_rounds(child, sides, count, &request->again, &result));
    for (int i = 0; i < count; i++) {
        reply->side[origin[i]].time = result.time[i];
        reply->side[origin[i]].ratio = result.ratio[i];
    }
    reply->foreign_cpu = result.foreign_cpu;
done:
    return st;
}

static void compile(struct child *child, const struct worker_request *request, struct worker_reply *reply)
{
    hpck_plan *plan = NULL;
    const struct device_desc *device = child->handle->backend->describe(child->handle->device);
    char reason[WORKER_MESSAGE_MAX];
    if (!plan_side(child, request, 0, &plan, reply)) return;
    if (!static_check(plan, device->field.local_bytes, reason, sizeof reason))
        set_outcome(&reply->side[0], OUTCOME_REJECTED, reason);
    plan_free(plan);
}

static void measure(struct child *child, const struct worker_request *request, struct worker_reply *reply)
{
    hpck_plan *plans[MEASURE_SIDES_MAX] = { NULL };
    hpck_status st = prepare_workload(child, request);
    if (st == HPCK_OK) {
        for (int i = 0; i < request->side_count; i++)
            prepare_side(child, request, i, &plans[i], reply);
        double begin = measure_now();
        st = measure_sides(child, request, plans, reply);
        reply->measure_seconds = measure_now() - begin;
        forget(child);
        for (int i = 0; i < request->side_count; i++)
            child->prepared[i] = (struct prepared){ request->side[i], plans[i] };
        child->prepared_count = request->side_count;
    }
    reply->status = st;
    if (st != HPCK_OK) snprintf(reply->message, sizeof reply->message, "%s", error_text(&child->err));
}

/* ---- the socket ------------------------------------------------------------------------------------------------- */

static bool read_all(int fd, void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)buffer + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, (const char *)buffer + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

static hpck_status open_device(struct child *child, const char *device, const char *cache_dir,
                               struct worker_hello *hello)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    if (device[0]) options.device = device;
    if (strcmp(cache_dir, "-") != 0) options.cache_dir = cache_dir;
    hello->status = hpck_create(&child->handle, &options);
    if (hello->status != HPCK_OK) {
        snprintf(hello->message, sizeof hello->message, "%s",
                 child->handle ? hpck_error_message(child->handle) : hpck_status_string(hello->status));
        return hello->status;
    }
    child->clock = device_clock(child->handle, &child->clock_storage);
    hello->device = *child->handle->backend->describe(child->handle->device);
    hello->dialect = child->handle->backend->dialect;
    return HPCK_OK;
}

int worker_main(int argc, char **argv)
{
    struct child child = { .socket = argc == 3 ? atoi(argv[0]) : -1 };
    struct worker_hello hello = { .status = HPCK_OK };
    struct worker_request request;

    if (argc != 3) return 2;
    signal(SIGINT, SIG_IGN); /* the parent decides when to stop */
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* a driver that prints must not spoil the tuner's results */
    unsetenv("HPCK_DB");                /* the parent selects; forced plans need no database ... */
    unsetenv("HPCK_TRACE");             /* ... and are nobody's calls */

    hpck_status st = open_device(&child, argv[1], argv[2], &hello);
    if (!write_all(child.socket, &hello, sizeof hello)) st = HPCK_IO;
    while (st == HPCK_OK && read_all(child.socket, &request, sizeof request)) {
        struct worker_reply reply = { .status = HPCK_OK };
        if (request.task == WORKER_COMPILE)
            compile(&child, &request, &reply);
        else
            measure(&child, &request, &reply);
        if (!write_all(child.socket, &reply, sizeof reply)) break;
    }
    forget(&child);
    workload_free(child.workload);
    hpck_destroy(child.handle);
    error_free(&child.err);
    return 0;
}
