/* Comma-separated values: one line per row, one group of columns per reference that was asked for. */
#include "report.h"

#include <stdio.h>

static void csv_begin(const struct session *session)
{
    printf(
        "problem,name,device,outcome,family,params,selected_by,time_us_min,time_us_median,time_us_p90,gflops,gbps,"
        "copies,foreign_cpu");
    if (session->options->with_default)
        printf(",default_time_us,default_ratio,default_ratio_p25,default_ratio_p75");
    for (int i = 0; i < session->contender_count; i++) {
        const char *name = session->contenders[i].reference->name;
        printf(",%s_routine,%s_time_us,%s_ratio,%s_ratio_p25,%s_ratio_p75", name, name, name, name, name);
    }
    printf("\n");
    fflush(stdout);
}

static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_opponent(bool is_measured, const struct measure_times *time, const struct measure_ratio *ratio)
{
    if (is_measured)
        printf(",%.6g,%.6g,%.6g,%.6g", 1e6 * time->median, ratio->median, ratio->p25, ratio->p75);
    else
        printf(",,,,");
}

static void csv_row(const struct session *session, const struct row *row)
{
    static const char *const outcomes[] = { "passed", "failed", "skipped" };
    const struct choice *choice = &row->kernel.choice;
    char params[640] = "";

    if (choice->family) family_params_print(choice->family, choice->param, params, sizeof params);
    printf("%s,", row->text);
    print_quoted(row->name);
    putchar(',');
    print_quoted(session->device->name);
    printf(",%s,%s,%s,", outcomes[row->outcome], choice->family ? choice->family->name : "", params);
    if (row->is_measured)
        printf("%s,%.6g,%.6g,%.6g,%.6g,%.6g,%d,%.3f", selected_by_name(choice->selected_by),
               1e6 * row->kernel.time.min, 1e6 * row->kernel.time.median, 1e6 * row->kernel.time.p90,
               row_gflops(row, &row->kernel.time), row_gbps(row, &row->kernel.time), row->copies, row->foreign_cpu);
    else
        printf(",,,,,,,");
    if (session->options->with_default)
        print_opponent(row->is_measured && row->has_default, &row->fallback.time, &row->fallback_ratio);
    for (int i = 0; i < session->contender_count; i++) {
        const struct row_against *against = &row->against[i];
        bool is_measured = row->is_measured && i < row->against_count && against->is_measured;
        putchar(',');
        print_quoted(i < row->against_count ? against->routine : "");
        print_opponent(is_measured, &against->time, &against->ratio);
    }
    printf("\n");
    fflush(stdout);
}

const struct report report_csv = { csv_begin, csv_row };
