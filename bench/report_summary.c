/* What many rows say together. */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct mean {
    double log_sum, worst;
    int count;
    const char *worst_problem;
};

static void mean_add(struct mean *mean, double ratio, const char *problem)
{
    if (mean->count == 0 || ratio < mean->worst) {
        mean->worst = ratio;
        mean->worst_problem = problem;
    }
    mean->log_sum += log(ratio);
    mean->count++;
}

static void mean_print(FILE *out, const char *name, const struct mean *mean)
{
    if (mean->count == 0) return;
    fprintf(out, "%s: geometric mean %#.3g of %d, worst %#.3g (%s)\n", name, exp(mean->log_sum / mean->count),
            mean->count, mean->worst, mean->worst_problem);
}

void report_summary(FILE *out, const struct row *rows, int count)
{
    int outcomes[3] = { 0 };
    struct mean fallback = { 0 };
    for (int i = 0; i < count; i++) {
        outcomes[rows[i].outcome]++;
        if (rows[i].is_measured && rows[i].has_default)
            mean_add(&fallback, rows[i].fallback_ratio.median, rows[i].text);
    }
    fputc('\n', out);
    mean_print(out, "default", &fallback);
    for (int r = 0; r < reference_count; r++) {
        struct mean mean = { 0 };
        for (int i = 0; i < count; i++)
            for (int j = 0; j < rows[i].against_count; j++)
                if (rows[i].is_measured && rows[i].against[j].is_measured &&
                    strcmp(rows[i].against[j].name, references[r]->name) == 0)
                    mean_add(&mean, rows[i].against[j].ratio.median, rows[i].text);
        mean_print(out, references[r]->name, &mean);
    }
    fprintf(out, "tests:%d passed:%d failed:%d skipped:%d\n", count, outcomes[ROW_PASSED], outcomes[ROW_FAILED],
            outcomes[ROW_SKIPPED]);
}
