/* The part of cuDNN that hpck-bench calls, computed on the host in double precision from what lies in device memory. It needs
 * a current context, a stream, and the arithmetic that its search told, which is what it is there to show. The search lists
 * four algorithms: one that is off by more than rounding, one that does not run, one that would round f32 to tf32, a right one. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cudnn_part.h"
#include "fake_device.h"

enum { NOT_INITIALIZED = 1001, BAD_PARAM = 2000, NOT_SUPPORTED = 3000, EXECUTION_FAILED = 5000 };
enum { CRUDE, BROKEN, ROUNDING, RIGHT, ALGORITHMS };

struct cudnnContext {
    struct fake_device device;
    void *stream;
};
struct layout {
    int type, size[4], step[4];
};
struct cudnnTensorStruct {
    struct layout layout;
};
struct cudnnFilterStruct {
    struct layout layout;
};
struct cudnnConvolutionStruct {
    int pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, groups, math;
};
struct cudnnReduceTensorStruct {
    int operation;
};

FAKE_API size_t cudnnGetVersion(void);
#define DECLARE(member, symbol, parameters) FAKE_API int symbol parameters;
CUDNN_FUNCTIONS(DECLARE)

/* ---- descriptions ------------------------------------------------------------------------------------------------- */

static int create(void **object, size_t bytes)
{
    *object = calloc(1, bytes);
    return *object ? CUDNN_OK : NOT_INITIALIZED;
}

#define LIFE(kind, handle)                                                                                         \
    int cudnnCreate##kind(handle *object)                                                                          \
    {                                                                                                              \
        return create((void **)object, sizeof **object);                                                           \
    }                                                                                                              \
    int cudnnDestroy##kind(handle object)                                                                          \
    {                                                                                                              \
        free(object);                                                                                              \
        return CUDNN_OK;                                                                                           \
    }
LIFE(TensorDescriptor, cudnn_tensor)
LIFE(FilterDescriptor, cudnn_filter)
LIFE(ConvolutionDescriptor, cudnn_conv)
LIFE(ReduceTensorDescriptor, cudnn_reduce)

size_t cudnnGetVersion(void)
{
    return 91900;
}

int cudnnCreate(cudnn_handle *handle)
{
    int code = create((void **)handle, sizeof **handle);
    return code != CUDNN_OK ? code : fake_device_open(&(*handle)->device) ? CUDNN_OK : NOT_INITIALIZED;
}

int cudnnDestroy(cudnn_handle handle)
{
    free(handle);
    return CUDNN_OK;
}

int cudnnSetStream(cudnn_handle handle, void *stream)
{
    handle->stream = stream;
    return CUDNN_OK;
}

static int dense(struct layout *layout, int format, int type, int n, int c, int h, int w)
{
    const bool last = format == CUDNN_NHWC;
    if (type != CUDNN_F32 && type != CUDNN_F16 && type != CUDNN_BF16) return BAD_PARAM;
    *layout =
        (struct layout){ type, { n, c, h, w }, { c * h * w, last ? 1 : h * w, last ? w * c : w, last ? c : 1 } };
    return n > 0 && c > 0 && h > 0 && w > 0 ? CUDNN_OK : BAD_PARAM;
}

int cudnnSetTensor4dDescriptor(cudnn_tensor tensor, int format, int type, int n, int c, int h, int w)
{
    return dense(&tensor->layout, format, type, n, c, h, w);
}

int cudnnSetFilter4dDescriptor(cudnn_filter filter, int type, int format, int k, int c, int r, int s)
{
    return dense(&filter->layout, format, type, k, c, r, s);
}

int cudnnSetTensor4dDescriptorEx(cudnn_tensor tensor, int type, int n, int c, int h, int w, int n_step, int c_step,
                                 int h_step, int w_step)
{
    tensor->layout = (struct layout){ type, { n, c, h, w }, { n_step, c_step, h_step, w_step } };
    return CUDNN_OK;
}

int cudnnSetConvolution2dDescriptor(cudnn_conv conv, int pad_h, int pad_w, int stride_h, int stride_w,
                                    int dilation_h, int dilation_w, int mode, int compute_type)
{
    *conv = (struct cudnnConvolutionStruct){ pad_h, pad_w, stride_h, stride_w, dilation_h, dilation_w, 1, 0 };
    return mode == CUDNN_CORRELATION && compute_type == CUDNN_F32 ? CUDNN_OK : NOT_SUPPORTED;
}

int cudnnSetConvolutionGroupCount(cudnn_conv conv, int groups)
{
    conv->groups = groups;
    return CUDNN_OK;
}

int cudnnSetConvolutionMathType(cudnn_conv conv, int math)
{
    conv->math = math;
    return CUDNN_OK;
}

int cudnnSetReduceTensorDescriptor(cudnn_reduce reduce, int operation, int compute_type, int nans, int indices,
                                   int index_type)
{
    reduce->operation = operation;
    return compute_type == CUDNN_F32 && nans == CUDNN_WITH_NANS && indices == CUDNN_WITHOUT_INDICES &&
                   index_type == CUDNN_INDICES_32
               ? CUDNN_OK
               : NOT_SUPPORTED;
}

/* ---- tensors on the host --------------------------------------------------------------------------------------------- */

static enum reference_dtype dtype_of(const struct layout *x)
{
    return x->type == CUDNN_F32 ? REFERENCE_F32 : x->type == CUDNN_F16 ? REFERENCE_F16 : REFERENCE_BF16;
}

static int64_t elements_of(const struct layout *x)
{
    int64_t last = 0;
    for (int i = 0; i < 4; i++)
        last += (int64_t)(x->size[i] - 1) * x->step[i];
    return last + 1;
}

static int64_t at(const struct layout *x, int a, int b, int c, int d)
{
    return (int64_t)a * x->step[0] + (int64_t)b * x->step[1] + (int64_t)c * x->step[2] + (int64_t)d * x->step[3];
}

static void *fetch(cudnn_handle handle, const struct layout *x, const void *from)
{
    return fake_device_read(&handle->device, from, elements_of(x), dtype_of(x));
}

/* Stores the sums, dense or not, where the layout has elements. */
static int put(cudnn_handle handle, const struct layout *y, void *to, const double *values)
{
    int code = EXECUTION_FAILED;
    void *host = fetch(handle, y, to);
    if (!host) return code;
    for (int64_t i = 0; i < elements_of(y); i++)
        reference_store(host, dtype_of(y), i, values[i]);
    if (fake_device_write(&handle->device, to, host, elements_of(y), dtype_of(y))) code = CUDNN_OK;
    free(host);
    return code;
}

/* ---- convolution ------------------------------------------------------------------------------------------------------ */

/* The arithmetic that an algorithm is told to have. */
static int math_of(int algorithm, const struct cudnnConvolutionStruct *conv)
{
    return algorithm == ROUNDING ? CUDNN_WITH_TENSOR_CORES : algorithm == RIGHT ? CUDNN_WITH_DEFAULTS : conv->math;
}

static int search(int wanted, int *found, struct cudnn_choice *choices, const void *workspace,
                  size_t workspace_bytes, cudnn_conv conv)
{
    if (wanted < ALGORITHMS || !workspace || workspace_bytes < 1024) return BAD_PARAM;
    for (int i = 0; i < ALGORITHMS; i++)
        choices[i] = (struct cudnn_choice){
            .algorithm = i,
            .status = i == BROKEN ? NOT_SUPPORTED : CUDNN_OK,
            .milliseconds = (float)(i + 1),
            .workspace_bytes = 1024,
            .math = math_of(i, conv),
        };
    *found = ALGORITHMS;
    return CUDNN_OK;
}

#define SEARCH(symbol)                                                                                             \
    int symbol CUDNN_SEARCH_NAMED                                                                                  \
    {                                                                                                              \
        (void)handle, (void)first_desc, (void)first, (void)second_desc, (void)second, (void)output_desc,           \
            (void)output;                                                                                          \
        return search(wanted, found, choices, workspace, workspace_bytes, conv);                                   \
    }
#define CUDNN_SEARCH_NAMED                                                                                         \
    (cudnn_handle handle, const void *first_desc, const void *first, const void *second_desc, const void *second,  \
     cudnn_conv conv, const void *output_desc, void *output, int wanted, int *found, struct cudnn_choice *choices, \
     void *workspace, size_t workspace_bytes)
SEARCH(cudnnFindConvolutionForwardAlgorithmEx)
SEARCH(cudnnFindConvolutionBackwardDataAlgorithmEx)
SEARCH(cudnnFindConvolutionBackwardFilterAlgorithmEx)

/* Everything that a convolution relates: the output gets the products of the other two. */
struct relation {
    struct layout x, filter, y;
    int output; /* 0: x, 1: filter, 2: y */
    const void *first, *second;
};

static void relate(const struct relation *r, const struct cudnnConvolutionStruct *conv, const void *first,
                   const void *second, double *sums)
{
    const int channels = r->filter.size[1], filters = r->filter.size[0] / conv->groups;
    const struct layout *of_first = r->output == 0 ? &r->filter : &r->x,
                        *of_second = r->output == 2 ? &r->filter : &r->y;
    for (int n = 0; n < r->y.size[0]; n++)
        for (int k = 0; k < r->y.size[1]; k++)
            for (int p = 0; p < r->y.size[2]; p++)
                for (int q = 0; q < r->y.size[3]; q++)
                    for (int c = 0; c < channels; c++)
                        for (int i = 0; i < r->filter.size[2]; i++)
                            for (int j = 0; j < r->filter.size[3]; j++) {
                                const int h = p * conv->stride_h - conv->pad_h + i * conv->dilation_h;
                                const int w = q * conv->stride_w - conv->pad_w + j * conv->dilation_w;
                                if (h < 0 || h >= r->x.size[2] || w < 0 || w >= r->x.size[3]) continue;
                                const int64_t place[] = { at(&r->x, n, k / filters * channels + c, h, w),
                                                          at(&r->filter, k, c, i, j), at(&r->y, n, k, p, q) };
                                sums[place[r->output]] +=
                                    reference_load(first, dtype_of(of_first), place[r->output == 0 ? 1 : 0]) *
                                    reference_load(second, dtype_of(of_second), place[r->output == 2 ? 1 : 2]);
                            }
}

static int convolve(cudnn_handle handle, const struct relation *r, cudnn_conv conv, int algorithm,
                    const void *workspace, const void *alpha, const void *beta, void *output)
{
    int code = EXECUTION_FAILED;
    const struct layout *out = r->output == 0 ? &r->x : r->output == 1 ? &r->filter : &r->y;
    const struct layout *of_first = r->output == 0 ? &r->filter : &r->x,
                        *of_second = r->output == 2 ? &r->filter : &r->y;
    const int64_t count = elements_of(out);
    if (!handle->stream || !workspace || algorithm == BROKEN) return EXECUTION_FAILED;
    const int math = out->type == CUDNN_F32 ? CUDNN_WITH_FMA : math_of(algorithm, conv);
    if (conv->math != math)
        return EXECUTION_FAILED; /* it would round f32 to tf32, or is not what the search told */
    if (*(const float *)alpha != 1.0F || *(const float *)beta != 0.0F) return NOT_SUPPORTED;
    if (r->x.size[1] != r->filter.size[1] * conv->groups || r->filter.size[0] != r->y.size[1]) return BAD_PARAM;
    void *first = fetch(handle, of_first, r->first), *second = fetch(handle, of_second, r->second);
    double *sums = calloc((size_t)count, sizeof *sums);
    if (first && second && sums) {
        relate(r, conv, first, second, sums);
        for (int64_t i = 0; algorithm == CRUDE && i < count; i++)
            sums[i] = sums[i] * 1.25 + 0.25;
        code = put(handle, out, output, sums);
    }
    free(first);
    free(second);
    free(sums);
    return code;
}

static struct layout tensor_of(const void *desc)
{
    return ((const struct cudnnTensorStruct *)desc)->layout;
}

static struct layout filter_of(const void *desc)
{
    return ((const struct cudnnFilterStruct *)desc)->layout;
}

#define CONVOLVE(symbol, x, filter, y, written)                                                                    \
    int symbol(cudnn_handle handle, const void *alpha, const void *first_desc, const void *first,                  \
               const void *second_desc, const void *second, cudnn_conv conv, int algorithm, void *workspace,       \
               size_t workspace_bytes, const void *beta, const void *output_desc, void *output)                    \
    {                                                                                                              \
        const struct relation r = { tensor_of(x), filter_of(filter), tensor_of(y), written, first, second };       \
        if (workspace_bytes < 1024) return BAD_PARAM;                                                              \
        return convolve(handle, &r, conv, algorithm, workspace, alpha, beta, output);                              \
    }
CONVOLVE(cudnnConvolutionForward, first_desc, second_desc, output_desc, 2)
CONVOLVE(cudnnConvolutionBackwardData, output_desc, first_desc, second_desc, 0)
CONVOLVE(cudnnConvolutionBackwardFilter, first_desc, output_desc, second_desc, 1)

/* ---- reductions -------------------------------------------------------------------------------------------------------- */

int cudnnGetReductionWorkspaceSize(cudnn_handle handle, cudnn_reduce reduce, cudnn_tensor x, cudnn_tensor y,
                                   size_t *bytes)
{
    (void)handle, (void)reduce, (void)x, (void)y;
    *bytes = 64;
    return CUDNN_OK;
}

static double join(int operation, double sum, double value)
{
    switch (operation) {
    case CUDNN_PRODUCT:
        return sum * value;
    case CUDNN_MIN:
        return isnan(sum) || isnan(value) ? NAN : fmin(sum, value);
    case CUDNN_MAX:
        return isnan(sum) || isnan(value) ? NAN : fmax(sum, value);
    case CUDNN_NORM1:
        return sum + fabs(value);
    case CUDNN_NORM2:
        return sum + value * value;
    default:
        return sum + value;
    }
}

int cudnnReduceTensor(cudnn_handle handle, cudnn_reduce reduce, void *indices, size_t index_bytes, void *workspace,
                      size_t workspace_bytes, const void *alpha, cudnn_tensor x, const void *from, const void *beta,
                      cudnn_tensor y, void *to)
{
    int code = EXECUTION_FAILED;
    const struct layout *in = &x->layout, *out = &y->layout;
    const int operation = reduce->operation;
    if (indices || index_bytes > 0 || !workspace || workspace_bytes < 64 || !handle->stream) return BAD_PARAM;
    if (*(const float *)alpha != 1.0F || *(const float *)beta != 0.0F) return NOT_SUPPORTED;
    void *values = fetch(handle, in, from);
    double *sums = calloc((size_t)elements_of(out), sizeof *sums);
    if (!values || !sums) goto done;
    for (int64_t i = 0; i < elements_of(out); i++)
        sums[i] = operation == CUDNN_PRODUCT ? 1.0
                  : operation == CUDNN_MIN   ? INFINITY
                  : operation == CUDNN_MAX   ? -INFINITY
                                             : 0.0;
    double share = 1.0; /* elements behind one result */
    for (int i = 0; i < 4; i++)
        share *= out->size[i] == 1 ? in->size[i] : 1;
    for (int a = 0; a < in->size[0]; a++)
        for (int b = 0; b < in->size[1]; b++)
            for (int c = 0; c < in->size[2]; c++)
                for (int d = 0; d < in->size[3]; d++) {
                    double *sum = &sums[at(out, out->size[0] > 1 ? a : 0, out->size[1] > 1 ? b : 0,
                                           out->size[2] > 1 ? c : 0, out->size[3] > 1 ? d : 0)];
                    *sum = join(operation, *sum, reference_load(values, dtype_of(in), at(in, a, b, c, d)));
                }
    for (int64_t i = 0; i < elements_of(out); i++)
        sums[i] = operation == CUDNN_MEAN ? sums[i] / share : operation == CUDNN_NORM2 ? sqrt(sums[i]) : sums[i];
    code = put(handle, out, to, sums);
done:
    free(values);
    free(sums);
    return code;
}

int cudnnSoftmaxForward(cudnn_handle handle, int algorithm, int mode, const void *alpha, cudnn_tensor x,
                        const void *from, const void *beta, cudnn_tensor y, void *to)
{
    int code = EXECUTION_FAILED;
    const struct layout *in = &x->layout;
    const int64_t length = (int64_t)in->size[1] * in->size[2] * in->size[3];
    if (mode != CUDNN_SOFTMAX_OF_IMAGE || *(const float *)alpha != 1.0F || *(const float *)beta != 0.0F)
        return BAD_PARAM;
    void *values = fetch(handle, in, from);
    double *results = calloc((size_t)elements_of(in), sizeof *results);
    for (int64_t n = 0; values && results && n < in->size[0]; n++) {
        double most = -INFINITY, sum = 0.0;
        for (int64_t i = n * length; i < (n + 1) * length; i++)
            most = fmax(most, reference_load(values, dtype_of(in), i));
        for (int64_t i = n * length; i < (n + 1) * length; i++)
            sum += exp(reference_load(values, dtype_of(in), i) - most);
        for (int64_t i = n * length; i < (n + 1) * length; i++) {
            const double rest = reference_load(values, dtype_of(in), i) - most;
            results[i] = algorithm == CUDNN_SOFTMAX_SAFE ? exp(rest) / sum : rest - log(sum);
        }
    }
    if (values && results) code = put(handle, &y->layout, to, results);
    free(values);
    free(results);
    return code;
}
