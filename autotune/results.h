/* What hpck-tune writes to stdout. */
#ifndef HPCK_AUTOTUNE_RESULTS_H
#define HPCK_AUTOTUNE_RESULTS_H

#include "tuner.h"

enum results_format { RESULTS_TEXT, RESULTS_JSON };

/* Per problem the old and the new choice, then the summary of the run. JSON: one object a line, the last one with the
 * key "summary". */
void results_print(const struct tuner *tuner, enum results_format format, FILE *out);

/* Opens every job and tells how much there is to try; nothing is tried or written. */
hpck_status results_plan(struct tuner *tuner, enum results_format format, FILE *out, struct error *err);

/* 1 where a problem could not be tuned or its old choice was wrong, else 0. */
int results_exit_code(const struct tuner *tuner);

#endif
