/* What workload.c asks of an operation: which operands a problem has, how one run is issued, and what every element of
 * the outputs should be. One file per op (workload_gemm.c); workload.c and workload_check.c do the rest. Private to them. */
#ifndef HPCK_AUTOTUNE_WORKLOAD_OP_H
#define HPCK_AUTOTUNE_WORKLOAD_OP_H

#include "reference/numerics.h"
#include "workload.h"

enum { WORKLOAD_OPERANDS_MAX = 6 };

/* One element of an output that is checked, and what it should be. */
struct expectation {
    int64_t index; /* into the set */
    double value, bound;
};

/* `count` matrices, one after the other, of rows x columns whose rows lie ld elements apart. Memory of one set:
 *     guard | offset | elements of the matrices, gaps of ld - columns in between | guard
 * Guards, offset and gaps are poisoned: a kernel that uses them in an input spreads NaN, one that writes them in the
 * output is caught. */
struct workload_operand {
    const char *name;
    enum reference_dtype dtype;
    bool is_output;
    bool is_dense; /* the operation knows no ld: options.ld_pad does not apply */
    int64_t count, rows, columns, ld;
    /* filled in by workload.c */
    int64_t first;      /* of a set: where the first matrix begins */
    int64_t elements;   /* of a set, guards included */
    void *host;         /* one set */
    void *memory;       /* options.copies sets, one after the other */
    const void *mapped; /* NULL, or where the host reads `memory` in place */
    void *initial;      /* of an output: its set before a run: poison, and with beta != 0 random elements */
    struct expectation *expected; /* of an output: made by the first check */
    int64_t expected_count;
};

struct workload_op {
    enum op_id op;
    /* Declares w->operand and w->operand_count; sizes are checked for overflow afterwards. */
    hpck_status (*declare)(struct workload *w, struct error *err);
    /* Sets the traits of w->problem from the operands, which are in place; NULL: the operation has none. */
    void (*traits)(struct workload *w);
    hpck_status (*run)(struct workload *w, hpck_plan *plan, int set, struct error *err);
    /* Element (row, column) of matrix `matrix` of an output; *bound: the largest error that correct arithmetic may have. */
    double (*expect)(const struct workload *w, const struct workload_operand *output, int64_t matrix, int64_t row,
                     int64_t column, double *bound);
    /* Multiplications behind one element of an output: the price of `expect`. */
    int64_t (*terms)(const struct workload *w);
    /* A random element; NULL: normally distributed, mean 0, variance 1. */
    double (*draw)(const struct workload *w, const struct workload_operand *operand, uint64_t *random);
    /* Frees w->state; NULL: the operation keeps none. */
    void (*release)(struct workload *w);
};

extern const struct workload_op workload_gemm;
extern const struct workload_op workload_conv;
extern const struct workload_op workload_reduce;

struct workload {
    hpck_handle *handle;
    struct problem problem;
    struct workload_options options;
    const struct workload_op *op;
    struct workload_operand operand[WORKLOAD_OPERANDS_MAX];
    int operand_count;
    int next_set;
    void *state; /* the operation's own, NULL at first */
};

/* What the two files of the workload share. */
double workload_normal(uint64_t *random);
int64_t workload_row(const struct workload_operand *x, int64_t matrix,
                     int64_t row); /* index of its first element */
size_t workload_set_bytes(const struct workload_operand *x);
/* Maps an input, so that others can read the very memory that hpck reads; stays NULL where the device or its size forbids it. */
hpck_status workload_map(struct workload *w, int operand, struct error *err);
hpck_status workload_device_error(const struct workload *w, hpck_status status, struct error *err);

/* The host's or device's first element of an operand. */
void *workload_host(const struct workload *w, int operand);
hpck_buffer workload_buffer(const struct workload *w, int operand, int set);

#endif
