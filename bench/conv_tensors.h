/* A workload's convolution for libraries with a form of their own: its tensors in that order and type, and the check of what
 * they computed. */
#ifndef HPCK_BENCH_CONV_TENSORS_H
#define HPCK_BENCH_CONV_TENSORS_H

#include "device_sets.h"
#include "op_conv.h"
#include "workload.h"

enum { TENSOR_X, TENSOR_FILTER, TENSOR_Y, TENSORS };

struct conv_form {
    bool channels_last;        /* x and y as nhwc, else nchw */
    bool filter_channels_last; /* krsc, else kcrs */
    hpck_dtype dtype;
};

struct conv_tensors {
    struct workload *workload;
    struct problem problem;
    struct conv_form form;
    int output; /* which one the direction computes */
    int64_t elements[TENSORS];
    void *host[TENSORS]; /* NULL: the output */
};

/* UNSUPPORTED: the problem has an epilogue. Closed by the caller, also after a failure. */
hpck_status conv_tensors_open(struct conv_tensors *tensors, struct workload *workload,
                              const struct problem *problem, struct conv_form form, struct error *err);
/* All three in device memory, the output as zeros. */
hpck_status conv_tensors_upload(const struct conv_tensors *tensors, hpck_handle *handle, int copies,
                                struct device_sets *sets, struct error *err);
void conv_tensors_close(struct conv_tensors *tensors);

/* Compares an output in the same form with the oracle. INTERNAL names the first wrong element. */
hpck_status conv_tensors_check(const struct conv_tensors *tensors, const void *output, struct error *err);
/* One call of `run` on the first set, and the check of what it left on the device. */
hpck_status conv_tensors_verify(const struct conv_tensors *tensors, struct device_sets *sets,
                                hpck_status (*run)(void *state, struct error *err), void *state, struct error *err);

#endif
