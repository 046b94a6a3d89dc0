/* hpck-bench: measures the problems one after the other and prints a row for each. */
#include <stdio.h>
#include <stdlib.h>

#include "judge.h"
#include "options.h"
#include "report.h"
#include "row.h"
#include "tool.h"

static const struct report *report_for(enum bench_format format)
{
    static const struct report *const reports[] = { &report_text, &report_json, &report_csv };
    return reports[format];
}

static int measure(const struct bench_options *options, struct error *err)
{
    int code = EXIT_OK;
    hpck_status st = HPCK_OK;
    struct session session = { 0 };
    struct baseline *baseline = NULL;
    struct row *rows = NULL;
    int count = 0;
    const struct report *report = report_for(options->format);
    const volatile sig_atomic_t *stop = interrupt_flag();

    if (options->compare) HPCK_TRY(baseline_open(options->compare, &baseline, err));
    HPCK_TRY(session_open(options, stop, &session, err));
    if (session.is_asked_for_absent) {
        for (int i = 0; i < session.contender_count; i++)
            if (!session.contenders[i].is_loaded)
                fprintf(stderr, "hpck-bench: skipped: %s is %s\n", session.contenders[i].reference->name,
                        session.contenders[i].note);
        code = EXIT_SKIPPED;
        goto done;
    }
    rows = calloc((size_t)options->shapes.count, sizeof *rows);
    if (!rows) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for %d rows", options->shapes.count);

    report->begin(&session);
    for (int i = 0; i < options->shapes.count && !*stop; i++) {
        struct row *row = &rows[count++];
        row_measure(&session, &options->shapes.items[i], row);
        if (row->is_measured) {
            judge_min_ratio(row, options->min_ratio);
            if (baseline) baseline_judge(baseline, session.device->name, options->threshold, row);
        }
        if (row->outcome == ROW_FAILED) code = EXIT_FAILED;
        report->row(&session, row);
    }
    report_summary(options->format == FORMAT_TEXT ? stdout : stderr, rows, count);
    if (options->junit) HPCK_TRY(report_junit(options->junit, rows, count, err));
    if (*stop) code = EXIT_INTERRUPTED;
done:
    if (st != HPCK_OK) code = tool_exit_code(st);
    free(rows);
    baseline_close(baseline);
    session_close(&session);
    return code;
}

int main(int argc, char **argv)
{
    int code = EXIT_OK;
    struct error err = { 0 };
    struct bench_options options;

    setenv("POCL_AFFINITY", "1", 0); /* before any driver is opened; what the user set wins */
    interrupt_install();
    hpck_status st = options_parse(argc, argv, &options, &err);
    if (st != HPCK_OK) {
        code = EXIT_USAGE;
    } else {
        switch (options.action) {
        case ACTION_HELP:
            options_help();
            break;
        case ACTION_VERSION:
            puts("hpck-bench " HPCK_VERSION_STRING);
            break;
        case ACTION_LIST_SUITES:
            tool_print_suites(stdout, "");
            break;
        case ACTION_LIST_DEVICES:
            code = tool_exit_code(tool_print_devices("hpck-bench", options.format == FORMAT_JSON, &err));
            break;
        case ACTION_MEASURE:
            code = measure(&options, &err);
            break;
        }
    }
    if (error_text(&err)[0]) fprintf(stderr, "hpck-bench: %s\n", error_text(&err));
    options_free(&options);
    error_free(&err);
    return tool_end("hpck-bench", code);
}
