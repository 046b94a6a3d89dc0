/* The part of cuDNN 9 that hpck-bench uses, declared here so that no toolkit is needed to build: numbers and layouts of
 * cudnn_graph.h, cudnn_ops.h and cudnn_cnn.h (tests/cuda/vendor_dnn.c compares them). */
#ifndef HPCK_BENCH_CUDNN_PART_H
#define HPCK_BENCH_CUDNN_PART_H

#include <stddef.h>

enum { CUDNN_OK = 0 };
enum { CUDNN_F32 = 0, CUDNN_F16 = 2, CUDNN_BF16 = 9 };
enum { CUDNN_NCHW = 0, CUDNN_NHWC = 1 };
enum { CUDNN_WITH_DEFAULTS = 0, CUDNN_WITH_TENSOR_CORES = 1, CUDNN_WITH_CONVERSION = 2, CUDNN_WITH_FMA = 3 };
enum { CUDNN_CORRELATION = 1 };
enum {
    CUDNN_SUM = 0,
    CUDNN_PRODUCT = 1,
    CUDNN_MIN = 2,
    CUDNN_MAX = 3,
    CUDNN_MEAN = 5,
    CUDNN_NORM1 = 6,
    CUDNN_NORM2 = 7
};
enum { CUDNN_WITH_NANS = 1, CUDNN_WITHOUT_INDICES = 0, CUDNN_INDICES_32 = 0 };
enum { CUDNN_SOFTMAX_SAFE = 1, CUDNN_SOFTMAX_LOGARITHM = 2, CUDNN_SOFTMAX_OF_IMAGE = 0 };

/* What the searches of all three directions tell of an algorithm. */
struct cudnn_choice {
    int algorithm, status;
    float milliseconds;
    size_t workspace_bytes;
    int determinism, math;
    int reserved[3];
};

typedef struct cudnnContext *cudnn_handle;
typedef struct cudnnTensorStruct *cudnn_tensor;
typedef struct cudnnFilterStruct *cudnn_filter;
typedef struct cudnnConvolutionStruct *cudnn_conv;
typedef struct cudnnReduceTensorStruct *cudnn_reduce;

/* Descriptions are handed over as void *: the order of tensors and filter depends on the direction, the rest does not. */
#define CUDNN_SEARCH                                                                                               \
    (cudnn_handle, const void *first_desc, const void *first, const void *second_desc, const void *second,         \
     cudnn_conv, const void *output_desc, void *output, int wanted, int *found, struct cudnn_choice *,             \
     void *workspace, size_t workspace_bytes)
#define CUDNN_CONVOLVE                                                                                             \
    (cudnn_handle, const void *alpha, const void *first_desc, const void *first, const void *second_desc,          \
     const void *second, cudnn_conv, int algorithm, void *workspace, size_t workspace_bytes, const void *beta,     \
     const void *output_desc, void *output)

/* member, symbol, parameters; all return a status */
#define CUDNN_FUNCTIONS(X)                                                                                         \
    X(create, cudnnCreate, (cudnn_handle *))                                                                       \
    X(destroy, cudnnDestroy, (cudnn_handle))                                                                       \
    X(set_stream, cudnnSetStream, (cudnn_handle, void *stream))                                                    \
    X(tensor_create, cudnnCreateTensorDescriptor, (cudnn_tensor *))                                                \
    X(tensor_destroy, cudnnDestroyTensorDescriptor, (cudnn_tensor))                                                \
    X(tensor_set, cudnnSetTensor4dDescriptor, (cudnn_tensor, int format, int type, int n, int c, int h, int w))    \
    X(tensor_set_steps, cudnnSetTensor4dDescriptorEx,                                                              \
      (cudnn_tensor, int type, int n, int c, int h, int w, int n_step, int c_step, int h_step, int w_step))        \
    X(filter_create, cudnnCreateFilterDescriptor, (cudnn_filter *))                                                \
    X(filter_destroy, cudnnDestroyFilterDescriptor, (cudnn_filter))                                                \
    X(filter_set, cudnnSetFilter4dDescriptor, (cudnn_filter, int type, int format, int k, int c, int r, int s))    \
    X(conv_create, cudnnCreateConvolutionDescriptor, (cudnn_conv *))                                               \
    X(conv_destroy, cudnnDestroyConvolutionDescriptor, (cudnn_conv))                                               \
    X(conv_set, cudnnSetConvolution2dDescriptor,                                                                   \
      (cudnn_conv, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int mode,     \
       int compute_type))                                                                                          \
    X(conv_set_groups, cudnnSetConvolutionGroupCount, (cudnn_conv, int groups))                                    \
    X(conv_set_math, cudnnSetConvolutionMathType, (cudnn_conv, int math))                                          \
    X(search_forward, cudnnFindConvolutionForwardAlgorithmEx, CUDNN_SEARCH)                                        \
    X(search_data, cudnnFindConvolutionBackwardDataAlgorithmEx, CUDNN_SEARCH)                                      \
    X(search_filter, cudnnFindConvolutionBackwardFilterAlgorithmEx, CUDNN_SEARCH)                                  \
    X(forward, cudnnConvolutionForward, CUDNN_CONVOLVE)                                                            \
    X(backward_data, cudnnConvolutionBackwardData, CUDNN_CONVOLVE)                                                 \
    X(backward_filter, cudnnConvolutionBackwardFilter, CUDNN_CONVOLVE)                                             \
    X(reduce_create, cudnnCreateReduceTensorDescriptor, (cudnn_reduce *))                                          \
    X(reduce_destroy, cudnnDestroyReduceTensorDescriptor, (cudnn_reduce))                                          \
    X(reduce_set, cudnnSetReduceTensorDescriptor,                                                                  \
      (cudnn_reduce, int operation, int compute_type, int nans, int indices, int index_type))                      \
    X(reduce_workspace, cudnnGetReductionWorkspaceSize,                                                            \
      (cudnn_handle, cudnn_reduce, cudnn_tensor x, cudnn_tensor y, size_t * bytes))                                \
    X(reduce, cudnnReduceTensor,                                                                                   \
      (cudnn_handle, cudnn_reduce, void *indices, size_t index_bytes, void *workspace, size_t workspace_bytes,     \
       const void *alpha, cudnn_tensor, const void *x, const void *beta, cudnn_tensor, void *y))                   \
    X(softmax, cudnnSoftmaxForward,                                                                                \
      (cudnn_handle, int algorithm, int mode, const void *alpha, cudnn_tensor, const void *x, const void *beta,    \
       cudnn_tensor, void *y))

#endif
