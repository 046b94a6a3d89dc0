/* Bars and baselines. */
#include "judge.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void judge_min_ratio(struct row *row, double min_ratio)
{
    for (int i = 0; row->outcome == ROW_PASSED && i < row->against_count; i++) {
        const struct row_against *against = &row->against[i];
        if (against->is_measured && against->ratio.median < min_ratio)
            row_fail(row, "%s: ratio %.3f is below --min-ratio %g", against->name, against->ratio.median,
                     min_ratio);
    }
}

struct baseline {
    json_t *rows; /* array of objects */
};

void baseline_close(struct baseline *baseline)
{
    if (!baseline) return;
    json_decref(baseline->rows);
    free(baseline);
}

hpck_status baseline_open(const char *path, struct baseline **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    FILE *file = NULL;
    struct baseline *baseline = calloc(1, sizeof *baseline);
    if (!baseline) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    baseline->rows = json_array();
    file = fopen(path, "re");
    if (!file) HPCK_FAIL(err, HPCK_IO, "--compare %s: %s", path, strerror(errno));

    for (int number = 1; (length = getline(&line, &capacity, file)) >= 0; number++) {
        json_error_t problem;
        json_t *row = json_loadb(line, (size_t)length, 0, &problem);
        if (!json_is_object(row)) {
            json_decref(row);
            HPCK_FAIL(err, HPCK_DB_FORMAT, "--compare %s:%d: not a line of `hpck-bench --format json`: %s", path,
                      number, problem.text);
        }
        json_array_append_new(baseline->rows, row);
    }
    if (ferror(file)) HPCK_FAIL(err, HPCK_IO, "--compare %s: %s", path, strerror(errno));
    if (json_array_size(baseline->rows) == 0)
        HPCK_FAIL(err, HPCK_DB_FORMAT, "--compare %s: there is nothing in it to compare with", path);
    *out = baseline;
    baseline = NULL;
done:
    baseline_close(baseline);
    if (file) fclose(file);
    free(line);
    return st;
}

static const json_t *find_row(const struct baseline *baseline, const char *device, const char *problem)
{
    size_t index;
    json_t *row;
    json_array_foreach(baseline->rows, index, row)
    {
        const char *row_problem = json_string_value(json_object_get(row, "problem"));
        const char *row_device = json_string_value(json_object_get(row, "device"));
        if (row_problem && row_device && strcmp(row_problem, problem) == 0 && strcmp(row_device, device) == 0 &&
            json_object_get(row, "time_us"))
            return row;
    }
    return NULL;
}

/* NaN where it is missing: every comparison with it is false, so nothing is judged by it. */
static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

void baseline_judge(const struct baseline *baseline, const char *device, double threshold, struct row *row)
{
    const json_t *old = find_row(baseline, device, row->text);
    if (!old || !row->is_measured || row->outcome != ROW_PASSED) return;

    for (int i = 0; i < row->against_count; i++) {
        const struct row_against *against = &row->against[i];
        const json_t *other = json_object_get(json_object_get(old, "against"), against->name);
        if (!against->is_measured || !json_object_get(other, "ratio")) continue;
        double speed = against->ratio.median / number(other, "ratio");
        if (speed < threshold && against->ratio.p75 < number(other, "ratio_p25"))
            row_fail(row, "%s: ratio %.3f was %.3f before, %.3f of it is below --threshold %g", against->name,
                     against->ratio.median, number(other, "ratio"), speed, threshold);
        return;
    }
    const json_t *time = json_object_get(old, "time_us");
    double speed = number(time, "median") / (1e6 * row->kernel.time.median);
    if (speed < threshold && 1e6 * row->kernel.time.min > number(time, "p90"))
        row_fail(row, "%.4g us were %.4g us before, %.3f of the speed is below --threshold %g",
                 1e6 * row->kernel.time.median, number(time, "median"), speed, threshold);
}
