/* The words of the tuner: a candidate is a kernel family at a point of its space; a trial is what came of trying it. */
#ifndef HPCK_AUTOTUNE_TRIAL_H
#define HPCK_AUTOTUNE_TRIAL_H

#include "family.h"
#include "measure.h"

struct candidate {
    const struct family *family;
    int64_t param[FAMILY_PARAMS_MAX]; /* values after family->param_count are 0 */
};

enum outcome {
    OUTCOME_OK,
    OUTCOME_SLOW, /* right, but so slow in its first run that it was not measured further */
    OUTCOME_COMPILE_FAILED,
    OUTCOME_REJECTED, /* compiled, but what the compiler made of it is not worth running */
    OUTCOME_FAILED,   /* could not be planned or launched */
    OUTCOME_WRONG,
    OUTCOME_CRASHED, /* the worker process died */
    OUTCOME_TIMEOUT, /* the worker was killed at the time limit */
    OUTCOME_COUNT
};

enum { TRIAL_MESSAGE_MAX = 400 };

struct trial {
    struct candidate candidate;
    enum outcome outcome;
    double seconds; /* of one call, on the scale of the problem's other trials; of the attempt where it failed */
    double spread;  /* (p90 - p10) / median of the samples */
    int samples;
    char message[TRIAL_MESSAGE_MAX]; /* why it failed; "" otherwise */
};

const char *outcome_name(
    enum outcome outcome); /* "ok" "slow" "compile-failed" "rejected" "failed" "wrong" "crashed" "timeout" */
bool outcome_parse(const char *name, enum outcome *outcome);
bool outcome_is_bad(enum outcome outcome); /* neither ok nor slow */

/* Copies a message as far as it fits, as one line of plain ASCII: build logs may hold anything. */
void trial_message(char message[TRIAL_MESSAGE_MAX], const char *text);

/* The time of a candidate on the scale of the problem's other trials, from the rounds that it shared with the best of them.
 * A gain counts as far as three rounds of four show it: whoever seems best is partly the luckiest, and the times of
 * those that come after it are built on its own. */
double trial_seconds(double best_seconds, const struct measure_ratio *ratio);

struct candidate candidate_of(const struct family *family, const int64_t *param);
bool candidate_same(const struct candidate *a, const struct candidate *b);
/* "gemm_cpu thread_m=6 ..."; returns buffer. */
enum { CANDIDATE_TEXT_MAX = 600 };
char *candidate_print(const struct candidate *candidate, char *buffer, size_t size);

#endif
