/* One record after the other through a worker, which is started again where one kills it. */
#include "verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "records.h"
#include "tunedb_file.h"

static const double START_LIMIT = 60.0;   /* seconds for a worker to open the device */
static const double TOLERANCE_MIN = 0.05; /* of a time, where the spread is smaller */
static const struct measure_options ROUNDS = {
    .rounds = 15, .turn_seconds = 0.004, .rest_seconds = 0.0, .limit_seconds = 3.0
};

enum finding { FINE, SLOWER, ILLEGAL, BAD, FINDING_COUNT };
static const char *const finding_names[] = {
    [FINE] = "fine", [SLOWER] = "slower", [ILLEGAL] = "illegal", [BAD] = "bad"
};

struct verification {
    const struct tuner_options *options;
    enum results_format format;
    FILE *out;
    struct worker *worker; /* NULL: to be started */
    struct device_desc device;
    enum dialect dialect;
    int counts[FINDING_COUNT];
    int elsewhere; /* records of other devices */
};

static hpck_status start(struct verification *v, struct error *err)
{
    struct worker_hello hello;
    hpck_status st = worker_start(v->options->device, "", START_LIMIT, &v->worker, &hello, err);
    if (st != HPCK_OK) return st;
    v->device = hello.device;
    v->dialect = hello.dialect;
    return HPCK_OK;
}

static hpck_status measure(struct verification *v, const struct tunedb_record *record, struct worker_side *side,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct candidate candidate = candidate_of(record->family, record->param);
    struct worker_request request = worker_compile(&record->problem, &candidate, -1);
    struct worker_reply reply;
    request.task = WORKER_MEASURE;
    request.seed = v->options->seed;
    request.measure = ROUNDS;
    if (!v->worker) HPCK_TRY(start(v, err));
    enum worker_end end = worker_ask(v->worker, &request, v->options->time_limit_seconds, NULL, NULL, &reply);
    *side = reply.side[0];
    if (end == WORKER_ANSWERED && reply.status == HPCK_OK) goto done;
    side->outcome = end == WORKER_TIMEOUT   ? OUTCOME_TIMEOUT
                    : end == WORKER_CRASHED ? OUTCOME_CRASHED
                                            : OUTCOME_FAILED;
    trial_message(side->message, reply.message);
    if (end == WORKER_ANSWERED) goto done;
    worker_stop(v->worker);
    v->worker = NULL;
done:
    return st;
}

static void print(const struct verification *v, const struct tunedb_record *record, enum finding finding,
                  const char *message, double seconds)
{
    char problem[PROBLEM_TEXT_MAX];
    char choice[CANDIDATE_TEXT_MAX];
    const struct candidate candidate = candidate_of(record->family, record->param);
    const char *emulated = v->device.is_emulated ? "emulated " : "";
    problem_print(&record->problem, problem);
    candidate_print(&candidate, choice, sizeof choice);
    if (v->format == RESULTS_TEXT) {
        fprintf(v->out, "%s: %s", problem, finding_names[finding]);
        if (isfinite(seconds))
            fprintf(v->out, ", %.2f %sus, recorded %.2f +-%.1f%%", 1e6 * seconds, emulated, 1e-3 * record->time_ns,
                    50.0 * record->spread);
        fprintf(v->out, "%s%s\n    %s\n", message[0] ? ": " : "", message, choice);
        return;
    }
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:f}", "problem", problem, "finding",
                               finding_names[finding], "message", message, "choice", choice, "time_us",
                               isfinite(seconds) ? json_real(1e6 * seconds) : json_null(), "recorded_us",
                               1e-3 * record->time_ns);
    if (object && v->device.is_emulated) json_object_set_new(object, "emulated", json_true());
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (line) fprintf(v->out, "%s\n", line);
    free(line);
    json_decref(object);
}

static hpck_status check(struct verification *v, const struct tunedb_record *record, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct worker_side side = { .outcome = OUTCOME_OK };
    const int64_t limit = v->device.field.max_alloc_bytes;
    enum finding finding = FINE;
    double seconds = NAN;
    const char *message = select_rejection(record->family, &v->device, v->dialect, &record->problem, record->param,
                                           limit > 0 ? limit : INT64_MAX);
    if (message) {
        finding = ILLEGAL;
    } else {
        HPCK_TRY(measure(v, record, &side, err));
        message = side.message;
        if (outcome_is_bad(side.outcome)) {
            finding = BAD;
        } else {
            seconds = side.time.median;
            double spread = seconds > 0.0 ? (side.time.p90 - side.time.p10) / seconds : 0.0;
            double tolerance = fmax(fmax(record->spread, spread), TOLERANCE_MIN);
            if (1e9 * seconds > record->time_ns * (1.0 + tolerance)) finding = SLOWER;
        }
    }
    v->counts[finding]++;
    print(v, record, finding, message, seconds);
done:
    return st;
}

static void print_summary(const struct verification *v)
{
    const int *n = v->counts;
    if (v->format == RESULTS_TEXT) {
        fprintf(v->out, "records:%d fine:%d slower:%d illegal:%d bad:%d; of other devices:%d\n",
                n[FINE] + n[SLOWER] + n[ILLEGAL] + n[BAD], n[FINE], n[SLOWER], n[ILLEGAL], n[BAD], v->elsewhere);
        return;
    }
    fprintf(v->out, "{\"summary\":{\"fine\":%d,\"slower\":%d,\"illegal\":%d,\"bad\":%d,\"other_devices\":%d}}\n",
            n[FINE], n[SLOWER], n[ILLEGAL], n[BAD], v->elsewhere);
}

hpck_status verify_database(const struct tuner_options *options, const struct shapes *problems,
                            const volatile sig_atomic_t *stop, enum results_format format, FILE *out, bool *is_fine,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    struct tunedb *db = NULL;
    struct verification v = { .options = options, .format = format, .out = out };
    HPCK_TRY(tunedb_open(options->db, NULL, &db, err));
    HPCK_TRY(start(&v, err));
    for (int i = 0; i < tunedb_count(db) && !*stop; i++) {
        const struct tunedb_record *record = tunedb_get(db, i);
        if (!record_is_wanted(record, problems)) continue;
        if (tunedb_same_device(&record->device, &v.device))
            HPCK_TRY(check(&v, record, err));
        else
            v.elsewhere++;
        fflush(out);
    }
    print_summary(&v);
    *is_fine = v.counts[SLOWER] + v.counts[ILLEGAL] + v.counts[BAD] == 0;
done:
    worker_stop(v.worker);
    tunedb_close(db);
    return st;
}
