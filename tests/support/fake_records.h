/* Devices and tuning records of the fake families, for tests of the tuning database and of selection. */
#ifndef HPCK_TESTS_FAKE_RECORDS_H
#define HPCK_TESTS_FAKE_RECORDS_H

#include <stdio.h>
#include <string.h>

#include "fake_families.h"
#include "tunedb.h"

static inline struct device_desc fake_device(const char *name, const char *architecture)
{
    struct device_desc device = {
        .backend = "opencl", .vendor = "ACME", .driver = "1.0", .selector = "opencl:0:0"
    };
    snprintf(device.name, sizeof device.name, "%s", name);
    snprintf(device.architecture, sizeof device.architecture, "%s", architecture);
    device.field.is_cpu = 1;
    device.field.compute_units = 2;
    return device;
}

static inline struct problem fake_problem(const char *text)
{
    struct problem problem;
    struct error err = { 0 };
    if (problem_parse(text, &problem, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    return problem_canonical(&problem);
}

/* A record of fake_tile on "cpu one". */
static inline struct tunedb_record fake_record(const char *problem, int64_t tile_m, int64_t tile_n, double time_ns)
{
    struct tunedb_record record = {
        .device = fake_device("cpu one", "zen"),
        .problem = fake_problem(problem),
        .family = &fake_tile,
        .param = { tile_m, tile_n },
        .time_ns = time_ns,
        .spread = 0.02,
        .samples = 24,
        .source_hash = FAKE_HASH,
        .provenance = PROVENANCE_SEARCHED,
    };
    return record;
}

/* The record's line, without newline, in a buffer that the next call overwrites. */
static inline const char *fake_line(const struct tunedb_record *record)
{
    static char text[4096];
    char *line = NULL;
    struct error err = { 0 };
    if (tunedb_record_print(record, &line, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
    snprintf(text, sizeof text, "%s", line);
    free(line);
    return text;
}

#endif
