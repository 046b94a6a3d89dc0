/* A library that hpck is compared with. Each lives in a file of its own, is opened at run time, and gets the very
 * operands that hpck computes with; reference.c lists them. */
#ifndef HPCK_BENCH_REFERENCE_H
#define HPCK_BENCH_REFERENCE_H

#include "workload.h"

struct reference {
    const char *name; /* for --against */
    const char *doc;
    bool is_hpck;    /* it goes through the handle, and is timed by the handle's device where that is emulated */
    bool on_request; /* measured only when --against names it */

    /* Opens the library. UNSUPPORTED: this machine does not have it. */
    hpck_status (*load)(void **library, struct error *err);
    void (*unload)(void *library);
    const char *(*version)(const void *library);

    /* Prepares the problem with the workload's operands, `copies` sets of them that successive runs rotate through.
     * UNSUPPORTED: the library does not compute such a problem. */
    hpck_status (*open)(void *library, hpck_handle *handle, const struct problem *problem,
                        struct workload *workload, int copies, void **state, struct error *err);
    const char *(*routine)(const void *state); /* what `run` calls, for people; "" when there is nothing to tell */
    hpck_status (*run)(void *state, struct error *err);
    hpck_status (*finish)(void *state, struct error *err); /* NULL: run is synchronous */
    /* Runs once and compares with the oracle; INTERNAL names the first wrong element. */
    hpck_status (*verify)(void *state, struct error *err);
    void (*close)(void *state);

    const struct reference
        *part[OP_COUNT]; /* `open` to `close` for operations that are a matter of their own; NULL: these */
};

extern const struct reference reference_openblas;
extern const struct reference reference_clblast;
extern const struct reference reference_cublas, reference_cublas_best;
extern const struct reference reference_cudnn;
extern const struct reference reference_onednn;
extern const struct reference reference_onednn_plain;
extern const struct reference reference_self_f32;
extern const struct reference reference_cloop;
extern const struct reference reference_openblas_conv, reference_openblas_reduce;
extern const struct reference reference_clblast_conv;
extern const struct reference reference_onednn_reduce;
extern const struct reference reference_cudnn_conv, reference_cudnn_reduce;

enum {
    REFERENCES_MAX = 10
}; /* with hpck, its default kernel, the bandwidth probe and the idle kernels they are MEASURE_SIDES_MAX sides */
extern const struct reference *const references[];
extern const int reference_count;

#endif
