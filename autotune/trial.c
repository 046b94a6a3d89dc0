/* Names of outcomes and text of candidates. */
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[OUTCOME_COUNT] = {
    [OUTCOME_OK] = "ok",
    [OUTCOME_SLOW] = "slow",
    [OUTCOME_COMPILE_FAILED] = "compile-failed",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_WRONG] = "wrong",
    [OUTCOME_CRASHED] = "crashed",
    [OUTCOME_TIMEOUT] = "timeout",
};

const char *outcome_name(enum outcome outcome)
{
    return names[outcome];
}

bool outcome_parse(const char *name, enum outcome *outcome)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *outcome = (enum outcome)i;
        return true;
    }
    return false;
}

bool outcome_is_bad(enum outcome outcome)
{
    return outcome != OUTCOME_OK && outcome != OUTCOME_SLOW;
}

void trial_message(char message[TRIAL_MESSAGE_MAX], const char *text)
{
    size_t i = 0;
    for (; text[i] && i < TRIAL_MESSAGE_MAX - 1; i++)
        message[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : ' ';
    message[i] = '\0';
}

double trial_seconds(double best_seconds, const struct measure_ratio *ratio)
{
    return best_seconds * (ratio->median < 1.0 ? fmin(ratio->p75, 1.0) : ratio->median);
}

struct candidate candidate_of(const struct family *family, const int64_t *param)
{
    struct candidate candidate = { .family = family };
    memcpy(candidate.param, param, (size_t)family->param_count * sizeof *param);
    return candidate;
}

bool candidate_same(const struct candidate *a, const struct candidate *b)
{
    return a->family == b->family && memcmp(a->param, b->param, sizeof a->param) == 0;
}

char *candidate_print(const struct candidate *candidate, char *buffer, size_t size)
{
    char params[CANDIDATE_TEXT_MAX];
    snprintf(buffer, size, "%s %s", candidate->family->name,
             family_params_print(candidate->family, candidate->param, params, sizeof params));
    return buffer;
}
