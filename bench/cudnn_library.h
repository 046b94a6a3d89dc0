/* cuDNN as its references share it: the library, and a handle of it on the context and stream of an hpck handle. */
#ifndef HPCK_BENCH_CUDNN_LIBRARY_H
#define HPCK_BENCH_CUDNN_LIBRARY_H

#include <hpck/hpck.h>

#include "cudnn_part.h"
#include "library.h"

struct cudnn {
    struct library driver, library;
    int (*set_context)(void *context);
    char version_text[160];
#define CUDNN_MEMBER(member, symbol, parameters) int(*member) parameters;
    CUDNN_FUNCTIONS(CUDNN_MEMBER)
#undef CUDNN_MEMBER
};

/* UNSUPPORTED: not a CUDA device. The caller destroys *out. */
hpck_status cudnn_open(const struct cudnn *dnn, hpck_handle *handle, cudnn_handle *out, struct error *err);

/* UNSUPPORTED, with the name of what failed and its status, unless the code is 0. */
hpck_status cudnn_check(int code, const char *what, struct error *err);

int cudnn_type_of(hpck_dtype dtype);

#endif
