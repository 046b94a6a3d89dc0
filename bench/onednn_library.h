/* oneDNN 2 as its references share it: the functions that are used, and the library with an engine and a stream on the CPU.
 * Where the headers of that version are not, HPCK_HAS_ONEDNN is not defined, and nothing else here is. */
#ifndef HPCK_BENCH_ONEDNN_LIBRARY_H
#define HPCK_BENCH_ONEDNN_LIBRARY_H

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl.h>
#endif

#if defined(DNNL_VERSION_MAJOR) && DNNL_VERSION_MAJOR == 2
#define HPCK_HAS_ONEDNN 1

#include <hpck/hpck.h>

#include "library.h"

/* By their names without "dnnl_". */
#define ONEDNN_FUNCTIONS(X)                                                                                        \
    X(version)                                                                                                     \
    X(engine_create)                                                                                               \
    X(engine_destroy)                                                                                              \
    X(stream_create)                                                                                               \
    X(stream_destroy)                                                                                              \
    X(stream_wait)                                                                                                 \
    X(memory_desc_init_by_tag)                                                                                     \
    X(memory_desc_init_by_strides)                                                                                 \
    X(memory_create)                                                                                               \
    X(memory_destroy)                                                                                              \
    X(memory_get_data_handle)                                                                                      \
    X(memory_set_data_handle)                                                                                      \
    X(dilated_convolution_forward_desc_init)                                                                       \
    X(dilated_convolution_backward_data_desc_init)                                                                 \
    X(dilated_convolution_backward_weights_desc_init)                                                              \
    X(reduction_desc_init)                                                                                         \
    X(softmax_forward_desc_init)                                                                                   \
    X(logsoftmax_forward_desc_init)                                                                                \
    X(layer_normalization_forward_desc_init)                                                                       \
    X(reorder_primitive_desc_create)                                                                               \
    X(primitive_desc_create)                                                                                       \
    X(primitive_desc_destroy)                                                                                      \
    X(primitive_desc_query)                                                                                        \
    X(primitive_desc_query_md)                                                                                     \
    X(primitive_create)                                                                                            \
    X(primitive_destroy)                                                                                           \
    X(primitive_execute)

struct onednn {
    struct library library;
    char version_text[160];
    dnnl_engine_t engine;
    dnnl_stream_t stream;
#define ONEDNN_MEMBER(name) __typeof__(&dnnl_##name) name;
    ONEDNN_FUNCTIONS(ONEDNN_MEMBER)
#undef ONEDNN_MEMBER
};

hpck_status onednn_check(dnnl_status_t status, const char *what, struct error *err);
dnnl_data_type_t onednn_type_of(hpck_dtype dtype);

#endif
#endif
