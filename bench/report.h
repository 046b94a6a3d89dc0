/* The ways to print rows: one table of functions per --format. Rows are printed as soon as they are measured. */
#ifndef HPCK_BENCH_REPORT_H
#define HPCK_BENCH_REPORT_H

#include <stdio.h>

#include "row.h"

struct report {
    void (*begin)(const struct session *session);
    void (*row)(const struct session *session, const struct row *row);
};

extern const struct report report_text;
extern const struct report report_json;
extern const struct report report_csv;

/* The closing lines: per reference the geometric mean and the worst ratio, then the counts. */
void report_summary(FILE *out, const struct row *rows, int count);

/* IO: the file cannot be written. */
hpck_status report_junit(const char *path, const struct row *rows, int count, struct error *err);

#endif
