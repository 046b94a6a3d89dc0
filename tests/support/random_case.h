/* What the random testers of the operations share: cases with a seed each, operands that lie in poison, and plans of any legal
 * kernel. A test_OP_random.c draws problems that a stranger might pass and compares every element with the oracle.
 *     HPCK_TEST_SEED=N    the first case's seed; each prints its own; the day's where it is unset
 *     HPCK_TEST_CASES=N   how many cases, instead of a few seconds' */
#ifndef HPCK_TESTS_RANDOM_CASE_H
#define HPCK_TESTS_RANDOM_CASE_H

#include "handle.h"
#include "plan.h"
#include "reference/numerics.h"
#include "variants.h"

struct random_case {
    hpck_handle *handle;
    uint64_t seed;    /* as HPCK_TEST_SEED takes it */
    uint64_t random;  /* the generator */
    char kernel[640]; /* what was forced, or chosen by the library */
    char text[1024];  /* the call, for messages */
};

/* Runs each case; one that finds a fault ends the CMocka test with case_fail. */
void cases_run(hpck_handle *handle, int count, void (*run)(struct random_case *c));
void case_fail(const struct random_case *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

int64_t draw_below(struct random_case *c, int64_t below);            /* 0 .. below - 1 */
int64_t draw_from(struct random_case *c, int64_t low, int64_t high); /* low .. high */
bool draw_chance(struct random_case *c, int64_t one_in);
double draw_uniform(struct random_case *c, double low, double high);
void draw_order(struct random_case *c, int *order, int count); /* of 0 .. count - 1 */
void draw_factors(struct random_case *c, float *alpha, float *beta);

/* A plan of any family's legal point for the problem; NULL where none of some hundred draws is legal. */
hpck_plan *draw_plan(struct random_case *c, const struct problem *problem);
void case_chosen(struct random_case *c, const hpck_plan *plan); /* for the message */

/* Elements on the device and as they were before the call. NaN (integers: a pattern) where nothing is put. */
struct random_operand {
    enum reference_dtype dtype;
    int64_t elements;
    void *before, *after, *memory;
};
void operand_make(struct random_case *c, struct random_operand *x, enum reference_dtype dtype, int64_t elements);
void operand_put(struct random_operand *x, int64_t index, double value);
void operand_send(struct random_case *c, const struct random_operand *x);
void operand_fetch(struct random_case *c, struct random_operand *x);
/* Compares an element, which then counts as checked. */
void operand_expect(struct random_case *c, struct random_operand *x, int64_t index, double value, double bound,
                    const char *name);
/* All that was not expected is as it was. */
void operand_untouched(struct random_case *c, const struct random_operand *x, const char *name);
void operand_free(struct random_case *c, struct random_operand *x);

#endif
