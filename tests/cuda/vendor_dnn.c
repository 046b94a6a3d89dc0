/* What bench/cudnn_part.h declares, against cuDNN's headers: numbers, sizes and names, by the compiler. */
#include <stdio.h>

#define NV_CUDNN_DISABLE_DEPRECATED_WARNINGS /* the interface of version 7 is what all versions have */
#include <cudnn.h>

#include "cudnn_part.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours)
SAME(CUDNN_OK, CUDNN_STATUS_SUCCESS);
SAME(CUDNN_F32, CUDNN_DATA_FLOAT);
SAME(CUDNN_F16, CUDNN_DATA_HALF);
SAME(CUDNN_BF16, CUDNN_DATA_BFLOAT16);
SAME(CUDNN_NCHW, CUDNN_TENSOR_NCHW);
SAME(CUDNN_NHWC, CUDNN_TENSOR_NHWC);
SAME(CUDNN_WITH_DEFAULTS, CUDNN_DEFAULT_MATH);
SAME(CUDNN_WITH_CONVERSION, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION);
SAME(CUDNN_WITH_TENSOR_CORES, CUDNN_TENSOR_OP_MATH);
SAME(CUDNN_WITH_FMA, CUDNN_FMA_MATH);
SAME(CUDNN_CORRELATION, CUDNN_CROSS_CORRELATION);
SAME(CUDNN_SUM, CUDNN_REDUCE_TENSOR_ADD);
SAME(CUDNN_PRODUCT, CUDNN_REDUCE_TENSOR_MUL);
SAME(CUDNN_MIN, CUDNN_REDUCE_TENSOR_MIN);
SAME(CUDNN_MAX, CUDNN_REDUCE_TENSOR_MAX);
SAME(CUDNN_MEAN, CUDNN_REDUCE_TENSOR_AVG);
SAME(CUDNN_NORM1, CUDNN_REDUCE_TENSOR_NORM1);
SAME(CUDNN_NORM2, CUDNN_REDUCE_TENSOR_NORM2);
SAME(CUDNN_WITH_NANS, CUDNN_PROPAGATE_NAN);
SAME(CUDNN_WITHOUT_INDICES, CUDNN_REDUCE_TENSOR_NO_INDICES);
SAME(CUDNN_INDICES_32, CUDNN_32BIT_INDICES);
SAME(CUDNN_SOFTMAX_SAFE, CUDNN_SOFTMAX_ACCURATE);
SAME(CUDNN_SOFTMAX_LOGARITHM, CUDNN_SOFTMAX_LOG);
SAME(CUDNN_SOFTMAX_OF_IMAGE, CUDNN_SOFTMAX_MODE_INSTANCE);

#define SAME_CHOICE(theirs)                                                                                        \
    SAME(sizeof(struct cudnn_choice), sizeof(theirs));                                                             \
    SAME(offsetof(struct cudnn_choice, status), offsetof(theirs, status));                                         \
    SAME(offsetof(struct cudnn_choice, milliseconds), offsetof(theirs, time));                                     \
    SAME(offsetof(struct cudnn_choice, workspace_bytes), offsetof(theirs, memory));                                \
    SAME(offsetof(struct cudnn_choice, math), offsetof(theirs, mathType))
SAME_CHOICE(cudnnConvolutionFwdAlgoPerf_t);
SAME_CHOICE(cudnnConvolutionBwdDataAlgoPerf_t);
SAME_CHOICE(cudnnConvolutionBwdFilterAlgoPerf_t);

/* It has to compile: the names exist. */
static void names(void)
{
#define X(member, symbol, parameters) (void)sizeof(&symbol);
    CUDNN_FUNCTIONS(X)
#undef X
}

int main(void)
{
    names();
    printf("names and numbers are those of cuDNN %d.%d\n", CUDNN_MAJOR, CUDNN_MINOR);
    return 0;
}
