/* JSON Lines: every row carries what is needed to trace its numbers. docs/benchmarking.md lists the fields. */
#include "report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static json_t *json_times(const struct measure_times *time)
{
    return json_pack("{s:f, s:f, s:f}", "min", 1e6 * time->min, "median", 1e6 * time->median, "p90",
                     1e6 * time->p90);
}

static json_t *json_params(const struct choice *choice)
{
    json_t *params = json_object();
    for (int i = 0; i < choice->family->param_count; i++)
        json_object_set_new(params, choice->family->params[i].name, json_integer(choice->param[i]));
    return params;
}

static void add_ratio(json_t *object, const struct measure_ratio *ratio)
{
    json_object_set_new(object, "ratio", json_real(ratio->median));
    json_object_set_new(object, "ratio_p25", json_real(ratio->p25));
    json_object_set_new(object, "ratio_p75", json_real(ratio->p75));
}

static void add_kernel(json_t *object, const struct row *row, const struct row_kernel *kernel)
{
    const struct choice *choice = &kernel->choice;
    json_object_set_new(object, "family", json_string(choice->family->name));
    json_object_set_new(object, "params", json_params(choice));
    json_object_set_new(object, "selected_by", json_string(selected_by_name(choice->selected_by)));
    json_object_set_new(object, "time_us", json_times(&kernel->time));
    json_object_set_new(object, "latency_us", json_times(&kernel->latency));
    json_object_set_new(object, "gflops", json_real(row_gflops(row, &kernel->time)));
    json_object_set_new(object, "gbps", json_real(row_gbps(row, &kernel->time)));
}

static json_t *json_against(const struct session *session, const struct row *row)
{
    json_t *all = json_object();
    for (int i = 0; i < row->against_count; i++) {
        const struct row_against *against = &row->against[i];
        json_t *one = json_object();
        json_object_set_new(all, against->name, one);
        if (!against->is_measured) {
            json_object_set_new(one, "absent", json_string(against->routine));
            continue;
        }
        json_object_set_new(one, "version", json_string(session->contenders[i].note));
        json_object_set_new(one, "routine", json_string(against->routine));
        json_object_set_new(one, "time_us", json_times(&against->time));
        json_object_set_new(one, "latency_us", json_times(&against->latency));
        add_ratio(one, &against->ratio);
    }
    return all;
}

static void add_measurements(json_t *object, const struct session *session, const struct row *row)
{
    add_kernel(object, row, &row->kernel);
    if (row->bandwidth_share > 0.0) json_object_set_new(object, "bandwidth_share", json_real(row->bandwidth_share));
    if (row->launch.median > 0.0) json_object_set_new(object, "launch_us", json_times(&row->launch));
    json_object_set_new(object, "rounds", json_integer(row->kernel.time.samples));
    json_object_set_new(object, "copies", json_integer(row->copies));
    json_object_set_new(object, "foreign_cpu", json_real(row->foreign_cpu));
    if (row->has_default) {
        json_t *fallback = json_object();
        add_kernel(fallback, row, &row->fallback);
        add_ratio(fallback, &row->fallback_ratio);
        json_object_set_new(object, "default", fallback);
    }
    json_object_set_new(object, "against", json_against(session, row));
}

static json_t *json_date(void)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

static void json_begin(const struct session *session)
{
    (void)session;
}

static void json_row(const struct session *session, const struct row *row)
{
    static const char *const outcomes[] = { "passed", "failed", "skipped" };
    json_t *object = json_object();
    json_object_set_new(object, "problem", json_string(row->text));
    if (row->name[0]) json_object_set_new(object, "name", json_string(row->name));
    json_object_set_new(object, "outcome", json_string(outcomes[row->outcome]));
    if (row->outcome != ROW_PASSED) json_object_set_new(object, "message", json_string(row->message));
    json_object_set_new(object, "device", json_string(session->device->name));
    if (session->device->is_emulated) json_object_set_new(object, "emulated", json_true());
    json_object_set_new(object, "driver", json_string(session->device->driver));
    json_object_set_new(object, "version", json_string(HPCK_VERSION_STRING));
    json_object_set_new(object, "date", json_date());
    json_object_set_new(object, "seed", json_integer((json_int_t)session->options->seed));
    json_object_set_new(object, "verified",
                        session->options->verify ? json_boolean(row->is_verified) : json_null());
    if (row->is_measured) add_measurements(object, session, row);

    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (line) puts(line);
    fflush(stdout);
    free(line);
    json_decref(object);
}

const struct report report_json = { json_begin, json_row };
