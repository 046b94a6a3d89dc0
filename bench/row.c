/* Sets up the sides of one problem, verifies them when asked, and measures them together. */
#include "row.h"

#include <stdarg.h>
#include <stdio.h>

#include "bandwidth.h"
#include "device_clock.h"

/* hpck through a plan; NULL: as hpck_gemm would. */
struct hpck_side {
    hpck_handle *handle;
    struct workload *workload;
    hpck_plan *plan;
};

static hpck_status hpck_side_run(void *context, struct error *err)
{
    struct hpck_side *side = context;
    return workload_run(side->workload, side->plan, err);
}

static hpck_status hpck_side_finish(void *context, struct error *err)
{
    struct hpck_side *side = context;
    hpck_status st = hpck_synchronize(side->handle);
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(side->handle));
}

/* Everything that lives while one problem is measured. Sides: hpck, then the default kernel, then the references. */
struct setup {
    struct workload *workload;
    struct hpck_side tuned, fallback;
    void *states[REFERENCES_MAX];                  /* parallel to session->contenders; NULL: not measured */
    const struct reference *parts[REFERENCES_MAX]; /* what opened the state */
    struct measure_side sides[MEASURE_SIDES_MAX];
    int side_count;
    int against_side[REFERENCES_MAX];
    struct bandwidth *bandwidth; /* NULL: not measured */
    int bandwidth_side;
    struct hpck_side idle; /* plan NULL: not measured */
    int idle_side;
};

static void setup_close(const struct session *session, struct setup *setup)
{
    for (int i = 0; i < session->contender_count; i++)
        if (setup->states[i]) setup->parts[i]->close(setup->states[i]);
    bandwidth_close(setup->bandwidth);
    plan_free(setup->fallback.plan);
    plan_free(setup->idle.plan);
    workload_free(setup->workload);
}

static hpck_status open_tuned(struct session *session, struct setup *setup, struct row *row, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_plan *plan = NULL;
    setup->tuned = (struct hpck_side){ session->handle, setup->workload, NULL };
    st = plan_get(session->handle, &row->problem, &plan);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(session->handle));
    row->kernel.choice = *plan_choice(plan);
    if (session->options->verify) {
        HPCK_TRY(workload_verify(setup->workload, NULL, err));
        row->is_verified = true;
    }
    setup->sides[setup->side_count++] = (struct measure_side){ hpck_side_run, hpck_side_finish, &setup->tuned };
done:
    return st;
}

/* What would be computed with, had nobody ever tuned. */
static hpck_status open_default(struct session *session, struct setup *setup, struct row *row, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct choice *choice = &row->fallback.choice;
    hpck_handle *handle = session->handle;
    struct problem canonical = problem_canonical(&row->problem);
    HPCK_TRY(select_choice(NULL, session->device, handle->backend->dialect, &canonical,
                           handle_workspace_cap(handle), NULL, choice, err));
    setup->fallback = (struct hpck_side){ handle, setup->workload, NULL };
    st = plan_force(handle, &canonical, choice->family, choice->param, &setup->fallback.plan);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "default kernel: %s", hpck_error_message(handle));
    if (session->options->verify) HPCK_TRY(workload_verify(setup->workload, setup->fallback.plan, err));
    setup->sides[setup->side_count++] = (struct measure_side){ hpck_side_run, hpck_side_finish, &setup->fallback };
    row->has_default = true;
done:
    return st;
}

/* A library that cannot take part costs its column, not the row. */
static void open_contender(struct session *session, struct setup *setup, int index, struct row *row)
{
    const struct contender *contender = &session->contenders[index];
    const struct reference *reference = contender->reference;
    if (reference->part[row->problem.op]) reference = reference->part[row->problem.op];
    setup->parts[index] = reference;
    struct row_against *against = &row->against[row->against_count++];
    struct error err = { 0 };
    hpck_status st = HPCK_OK;

    *against = (struct row_against){ .name = reference->name };
    if (!contender->is_loaded) {
        snprintf(against->routine, sizeof against->routine, "absent");
        return;
    }
    HPCK_TRY(reference->open(contender->library, session->handle, &row->problem, setup->workload, row->copies,
                             &setup->states[index], &err));
    if (session->options->verify) HPCK_TRY(reference->verify(setup->states[index], &err));
    against->is_measured = true;
    snprintf(against->routine, sizeof against->routine, "%s", reference->routine(setup->states[index]));
    setup->against_side[index] = setup->side_count;
    setup->sides[setup->side_count++] =
        (struct measure_side){ reference->run, reference->finish, setup->states[index] };
done:
    if (st != HPCK_OK)
        snprintf(against->routine, sizeof against->routine, "%s%s", st == HPCK_INTERNAL ? "wrong: " : "",
                 error_text(&err));
    error_free(&err);
}

/* Beside a reduction, how fast this machine reads in the very same rounds. */
static hpck_status open_bandwidth(const struct session *session, struct setup *setup, const struct problem *problem,
                                  struct error *err)
{
    hpck_status st = HPCK_OK;
    if (problem->op != OP_REDUCE || !session->device->field.is_cpu) goto done;
    struct workload_reduce_operands operands;
    HPCK_TRY(workload_reduce_operands(setup->workload, &operands, err));
    HPCK_TRY(bandwidth_open(session->device->field.cache_bytes, operands.memory, operands.bytes, &setup->bandwidth,
                            err));
    setup->bandwidth_side = setup->side_count;
    setup->sides[setup->side_count++] = (struct measure_side){ bandwidth_run, NULL, setup->bandwidth };
done:
    return st;
}

/* Where a call may take less than half a millisecond, what of that its launches are. */
static hpck_status open_idle(const struct session *session, struct setup *setup, const struct problem *problem,
                             struct error *err)
{
    static const double BYTES_MOST = 1.6e7, FLOPS_MOST = 1e8;
    hpck_status st = HPCK_OK;
    hpck_plan *plan = NULL;
    if (problem_bytes(problem) > BYTES_MOST || problem_flops(problem) > FLOPS_MOST) return HPCK_OK;
    setup->idle = (struct hpck_side){ session->handle, setup->workload, NULL };
    st = plan_get(session->handle, problem, &plan);
    if (st == HPCK_OK) st = plan_idle(plan, &setup->idle.plan);
    if (st == HPCK_UNSUPPORTED) return HPCK_OK;
    if (st != HPCK_OK) return error_set(err, st, "launches by themselves: %s", hpck_error_message(session->handle));
    setup->idle_side = setup->side_count;
    setup->sides[setup->side_count++] = (struct measure_side){ hpck_side_run, hpck_side_finish, &setup->idle };
    return HPCK_OK;
}

static int copies_for(const struct session *session, const struct problem *problem)
{
    enum bench_cache cache = session->options->cache;
    bool is_cold = cache == CACHE_COLD || (cache == CACHE_AUTO && workload_is_memory_bound(problem));
    return is_cold ? workload_copies_cold(session->handle, problem) : 1;
}

static hpck_status measure_all(struct session *session, struct setup *setup, struct row *row, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct measure_options options = MEASURE_OPTIONS_INIT;
    struct measure_clock clock;
    struct measure_result result;
    options.rounds = session->options->rounds;
    options.limit_seconds = session->options->limit_seconds;
    options.clock = device_clock(session->handle, &clock);
    HPCK_TRY(measure_run(setup->sides, setup->side_count, &options, session->stop, &result, err));

    row->kernel.time = result.time[0];
    row->kernel.latency = result.latency[0];
    row->foreign_cpu = options.clock ? 0.0 : result.foreign_cpu; /* which does not disturb an emulator's clock */
    if (row->has_default) {
        row->fallback.time = result.time[1];
        row->fallback.latency = result.latency[1];
        row->fallback_ratio = result.ratio[1];
    }
    for (int i = 0; i < row->against_count; i++) {
        if (!row->against[i].is_measured) continue;
        row->against[i].time = result.time[setup->against_side[i]];
        row->against[i].latency = result.latency[setup->against_side[i]];
        row->against[i].ratio = result.ratio[setup->against_side[i]];
    }
    if (setup->bandwidth)
        row->bandwidth_share = result.ratio[setup->bandwidth_side].median * problem_bytes(&row->problem) /
                               (double)bandwidth_bytes(setup->bandwidth);
    if (setup->idle.plan) row->launch = result.time[setup->idle_side];
    row->is_measured = true;
done:
    return st;
}

void row_measure(struct session *session, const struct shape *shape, struct row *row)
{
    hpck_status st = HPCK_OK;
    struct setup setup = { 0 };
    struct error err = { 0 };
    struct workload_options operands = WORKLOAD_OPTIONS_INIT;
    const struct problem *problem = &shape->problem;
    double begin = measure_now();

    *row = (struct row){ .problem = *problem, .outcome = ROW_PASSED };
    snprintf(row->name, sizeof row->name, "%s", shape->name);
    problem_print(problem, row->text);
    row->copies = copies_for(session, problem);
    operands.seed = session->options->seed;
    operands.copies = row->copies;
    operands.is_finite = true;
    HPCK_TRY(workload_create(session->handle, problem, &operands, &setup.workload, &err));
    HPCK_TRY(open_tuned(session, &setup, row, &err));
    if (session->options->with_default) HPCK_TRY(open_default(session, &setup, row, &err));
    for (int i = 0; i < session->contender_count; i++)
        open_contender(session, &setup, i, row);
    HPCK_TRY(open_bandwidth(session, &setup, problem, &err));
    HPCK_TRY(open_idle(session, &setup, problem, &err));
    HPCK_TRY(measure_all(session, &setup, row, &err));
done:
    if (st != HPCK_OK) {
        row->outcome = st == HPCK_UNSUPPORTED ? ROW_SKIPPED : ROW_FAILED;
        snprintf(row->message, sizeof row->message, "%s", error_text(&err));
    }
    row->seconds = measure_now() - begin;
    setup_close(session, &setup);
    error_free(&err);
}

void row_fail(struct row *row, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    row->outcome = ROW_FAILED;
    vsnprintf(row->message, sizeof row->message, format, args);
    va_end(args);
}

double row_gflops(const struct row *row, const struct measure_times *time)
{
    return 1e-9 * problem_flops(&row->problem) / time->median;
}

double row_gbps(const struct row *row, const struct measure_times *time)
{
    return 1e-9 * problem_bytes(&row->problem) / time->median;
}
