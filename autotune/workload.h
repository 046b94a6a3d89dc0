/* Real operands for a problem: random inputs on host and device, a poisoned output between guard zones, and the
 * check against the double-precision oracle. One workload serves tuner, benchmark and tests alike. */
#ifndef HPCK_AUTOTUNE_WORKLOAD_H
#define HPCK_AUTOTUNE_WORKLOAD_H

#include "plan.h"

struct workload;

struct workload_options {
    uint64_t seed;
    float alpha;           /* 1 for timing; tests vary both */
    float beta;            /* 0 for timing */
    int64_t ld_pad;        /* elements added to every tight leading dimension; 0 for timing */
    int64_t offset;        /* first element of every operand; 0 for timing */
    int64_t ld_multiple;   /* padded leading dimensions are rounded up to a multiple of it; 1 for timing */
    int64_t output_offset; /* more elements before the first one of an output; 0 for timing */
    int copies;     /* operand sets that successive runs rotate through, so that a run does not find its operands
                          in cache: 1 = hot, workload_copies_cold() = cold */
    bool is_finite; /* minimum and maximum get no NaN, of which libraries make different things; false for tests */
};
#define WORKLOAD_OPTIONS_INIT                                                                                      \
    {                                                                                                              \
        1, 1.0F, 0.0F, 0, 0, 1, 0, 1, false                                                                        \
    }

/* Sets the problem's traits to those that a workload with these options has. */
void workload_traits(struct problem *problem, const struct workload_options *options);

/* Copies needed so that together they exceed twice the device's cache: at least 1; at most 4096, and no more than an
 * eighth of the device's memory, so that the tiniest problems stay in cache. */
int workload_copies_cold(const hpck_handle *handle, const struct problem *problem);

/* Fewer than 16 operations per byte: timed cold by tuner and benchmark, since a caller's operands of such a problem
 * mostly come from memory. */
bool workload_is_memory_bound(const struct problem *problem);

hpck_status workload_create(hpck_handle *handle, const struct problem *problem,
                            const struct workload_options *options, struct workload **workload, struct error *err);
void workload_free(struct workload *workload);

/* Enqueues one run on the next set of operands; plan NULL: as hpck_gemm would. Does not wait. */
hpck_status workload_run(struct workload *workload, hpck_plan *plan, struct error *err);

/* Poisons the output, runs once, waits, and compares with the oracle: every element where that is affordable, a
 * stratified random sample otherwise, one element of every 16 x 16 block (of larger blocks where that would take more
 * than 2^28 multiplications). Always: every element was written (beta == 0), and nothing but them (guard zones, gaps
 * between rows). INTERNAL with a message that names the first wrong element, its value, the expected one and the bound. */
hpck_status workload_verify(struct workload *workload, hpck_plan *plan, struct error *err);

/* The parts of workload_verify, which is poison, run, wait, check: for whoever interferes in between (tests). */
hpck_status workload_poison(struct workload *workload, struct error *err);
hpck_status workload_check(struct workload *workload, struct error *err);
hpck_buffer workload_output(const struct workload *workload); /* the first output, of set 0 */

/* Host copies of set 0's operands of a GEMM, for reference libraries: pointers to the first element. */
struct workload_gemm_operands {
    hpck_gemm_desc desc; /* of the problem as written (column-major stays so); buffers in it are unset */
    float alpha, beta;
    const void *a, *b, *bias;
    void *c; /* writable scratch of the output's shape */
};
/* The same of a convolution: dense tensors as the problem stores them. */
struct workload_conv_operands {
    const void *x, *filter, *y;
};
hpck_status workload_conv_operands(const struct workload *workload, struct workload_conv_operands *out,
                                   struct error *err);

/* The same of a reduction: x and x2 (NULL: none) tight, as the problem is written. Where the host can read the device's own
 * memory and every set is too large for the caches, also where that is: how fast memory is depends on which it is, and whoever is
 * compared should read what hpck reads. */
struct workload_reduce_operands {
    const void *x, *x2;
    const void *memory;               /* NULL, or x and all its copies, guards included */
    size_t bytes;                     /* of it */
    const char *in_place, *in_place2; /* NULL, or x and x2 of set 0 on the device; */
    size_t set_bytes;                 /* the next set lies this much further */
};
hpck_status workload_reduce_operands(struct workload *workload, struct workload_reduce_operands *out,
                                     struct error *err);

/* Compares somebody else's result in host memory, dense and of the output's dtype, with what is expected of the first
 * output. INTERNAL names the first wrong element. */
hpck_status workload_check_values(struct workload *workload, const void *values, struct error *err);

/* UNSUPPORTED: the workload is another operation's. */
hpck_status workload_gemm_operands(const struct workload *workload, struct workload_gemm_operands *out,
                                   struct error *err);

#endif
