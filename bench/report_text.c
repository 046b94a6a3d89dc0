/* A table for people: one line per problem, remarks at its end. */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int problem_width(const struct session *session)
{
    const struct shapes *shapes = &session->options->shapes;
    char text[PROBLEM_TEXT_MAX];
    int width = (int)strlen("problem");
    for (int i = 0; i < shapes->count; i++) {
        int length = (int)strlen(problem_print(&shapes->items[i].problem, text));
        if (length > width) width = length;
    }
    return width;
}

/* A column of an opponent: its speed, and the ratio with its quartiles. */
enum { RATIO_WIDTH = 33 };

static void text_begin(const struct session *session)
{
    printf("device: %s (%s, driver %s)\n", session->device->name, session->device->selector,
           session->device->driver);
    for (int i = 0; i < session->contender_count; i++) {
        const struct contender *contender = &session->contenders[i];
        printf("%s: %s%s\n", contender->reference->name, contender->is_loaded ? "" : "absent: ", contender->note);
    }
    printf("speeds in %sGFLOP/s (median); ratios are time / hpck's time with quartiles, above 1 hpck is faster\n\n",
           session->device->is_emulated ? "emulated " : "");
    printf("%-*s %8s %8s", problem_width(session), "problem", "hpck", "chosen");
    if (session->options->with_default) printf(" %*s", RATIO_WIDTH, "default");
    for (int i = 0; i < session->contender_count; i++)
        printf(" %*s", RATIO_WIDTH, session->contenders[i].reference->name);
    printf("\n");
    fflush(stdout);
}

static void print_opponent(const struct row *row, const struct measure_times *time,
                           const struct measure_ratio *ratio)
{
    char text[64];
    snprintf(text, sizeof text, "%8.1f %#7.3g [%#.3g %#.3g]", row_gflops(row, time), ratio->median, ratio->p25,
             ratio->p75);
    printf(" %*s", RATIO_WIDTH, text);
}

/* A call that is waited for at once takes at least this many times as long as one among others. */
static const double LATENCY_REMARKED = 1.2;

/* Launches that are at least this share of a call. */
static const double LAUNCH_REMARKED = 0.25;

static void print_remarks(const struct row *row)
{
    if (row->bandwidth_share > 0.0)
        printf("  %.1f GB/s, %.2f of reading", row_gbps(row, &row->kernel.time), row->bandwidth_share);
    if (row->copies > 1) printf("  cold");
    if (row->kernel.latency.median > LATENCY_REMARKED * row->kernel.time.median)
        printf("  alone: %.3g us", 1e6 * row->kernel.latency.median);
    if (row->launch.median > LAUNCH_REMARKED * row->kernel.time.median)
        printf("  launching: %.3g us", 1e6 * row->launch.median);
    for (int i = 0; i < row->against_count; i++) {
        const struct row_against *against = &row->against[i];
        if (!against->is_measured || strcasecmp(against->routine, "sgemm") != 0)
            if (against->routine[0]) printf("  %s: %s", against->name, against->routine);
    }
    if (row->foreign_cpu > 0.12) printf("  other processes used %.0f %% of the machine", 100.0 * row->foreign_cpu);
}

static void text_row(const struct session *session, const struct row *row)
{
    printf("%-*s", problem_width(session), row->text);
    if (row->is_measured) {
        printf(" %8.1f %8s", row_gflops(row, &row->kernel.time), selected_by_name(row->kernel.choice.selected_by));
        if (row->has_default) print_opponent(row, &row->fallback.time, &row->fallback_ratio);
        for (int i = 0; i < row->against_count; i++) {
            const struct row_against *against = &row->against[i];
            if (against->is_measured)
                print_opponent(row, &against->time, &against->ratio);
            else
                printf(" %*s", RATIO_WIDTH, "-");
        }
        print_remarks(row);
    }
    if (row->outcome != ROW_PASSED)
        printf("  %s: %s", row->outcome == ROW_FAILED ? "failed" : "skipped", row->message);
    printf("\n");
    fflush(stdout);
}

const struct report report_text = { text_begin, text_row };
