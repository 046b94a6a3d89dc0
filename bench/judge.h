/* Whether a row is fast enough: against a bar, and against what an earlier run wrote. */
#ifndef HPCK_BENCH_JUDGE_H
#define HPCK_BENCH_JUDGE_H

#include "row.h"

/* Fails the row where a reference's ratio is below the bar. */
void judge_min_ratio(struct row *row, double min_ratio);

struct baseline;

/* Reads the output of --format json. IO: cannot be read; DB_FORMAT: not such a file, with the line. */
hpck_status baseline_open(const char *path, struct baseline **baseline, struct error *err);
void baseline_close(struct baseline *baseline);

/* Fails the row where it got slower than the baseline's row of the same problem and device by more than the threshold
 * allows (new speed / old speed) and by more than noise: their intervals do not overlap. Speeds are compared through
 * the first reference that both measured, since a ratio survives a machine's good and bad hours: quartiles of the
 * ratios. Without one, through the times: [min, p90]. */
void baseline_judge(const struct baseline *baseline, const char *device, double threshold, struct row *row);

#endif
