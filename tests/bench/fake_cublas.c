/* The part of cuBLASLt that hpck-bench calls, computed on the host in double precision from what lies in device memory. It
 * needs a driver whose context is current and attributes of the right sizes, which is what it is there to show. Its heuristic
 * lists four algorithms: a slow one, one that is none, one that does not run, and a fast one. */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cublas_part.h"
#include "fake_device.h"
#include "reference/numerics.h"

enum { NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { SLOW, NONE, BROKEN, FAST, ALGORITHMS };

struct cublaslt {
    struct fake_device device;
};
struct cublaslt_desc {
    int32_t compute, trans_a, trans_b, epilogue;
    uint64_t bias;
};
struct cublaslt_layout {
    int32_t type, batch;
    int64_t rows, columns, ld, stride;
};
struct cublaslt_preference {
    uint64_t workspace_bytes;
};

#define DECLARE(member, symbol, parameters) FAKE_API int symbol parameters;
CUBLASLT_FUNCTIONS(DECLARE)

static int create(void **object, size_t bytes)
{
    *object = calloc(1, bytes);
    return *object ? CUBLAS_OK : NOT_INITIALIZED;
}

/* An attribute whose value has the very size that cublasLt.h states. */
static int set(void *field, size_t field_bytes, const void *value, size_t bytes)
{
    if (bytes != field_bytes) return INVALID_VALUE;
    memcpy(field, value, bytes);
    return CUBLAS_OK;
}

int cublasLtCreate(cublaslt_handle *handle)
{
    int code = create((void **)handle, sizeof **handle);
    return code != CUBLAS_OK ? code : fake_device_open(&(*handle)->device) ? CUBLAS_OK : NOT_INITIALIZED;
}

int cublasLtDestroy(cublaslt_handle handle)
{
    free(handle);
    return CUBLAS_OK;
}

int cublasLtMatmulDescCreate(cublaslt_desc *desc, int compute, int scale_type)
{
    if (compute != CUBLAS_COMPUTE_FP32 && compute != CUBLAS_COMPUTE_TF32) return NOT_SUPPORTED;
    if (scale_type != CUBLAS_REAL_32F) return INVALID_VALUE;
    int code = create((void **)desc, sizeof **desc);
    (*desc)->compute = compute;
    (*desc)->epilogue = CUBLASLT_WITH_NOTHING;
    return code;
}

int cublasLtMatmulDescDestroy(cublaslt_desc desc)
{
    free(desc);
    return CUBLAS_OK;
}

int cublasLtMatmulDescSetAttribute(cublaslt_desc desc, int attribute, const void *value, size_t bytes)
{
    switch (attribute) {
    case CUBLASLT_DESC_TRANS_A:
        return set(&desc->trans_a, sizeof desc->trans_a, value, bytes);
    case CUBLASLT_DESC_TRANS_B:
        return set(&desc->trans_b, sizeof desc->trans_b, value, bytes);
    case CUBLASLT_DESC_EPILOGUE:
        return set(&desc->epilogue, sizeof desc->epilogue, value, bytes);
    case CUBLASLT_DESC_BIAS:
        return set(&desc->bias, sizeof desc->bias, value, bytes);
    default:
        return INVALID_VALUE;
    }
}

int cublasLtMatrixLayoutCreate(cublaslt_layout *layout, int type, uint64_t rows, uint64_t columns, int64_t ld)
{
    int code = create((void **)layout, sizeof **layout);
    **layout = (struct cublaslt_layout){ type, 1, (int64_t)rows, (int64_t)columns, ld, 0 };
    return ld < (int64_t)rows ? INVALID_VALUE : code;
}

int cublasLtMatrixLayoutDestroy(cublaslt_layout layout)
{
    free(layout);
    return CUBLAS_OK;
}

int cublasLtMatrixLayoutSetAttribute(cublaslt_layout layout, int attribute, const void *value, size_t bytes)
{
    if (attribute == CUBLASLT_LAYOUT_BATCH_COUNT) return set(&layout->batch, sizeof layout->batch, value, bytes);
    if (attribute == CUBLASLT_LAYOUT_BATCH_STRIDE) return set(&layout->stride, sizeof layout->stride, value, bytes);
    return INVALID_VALUE;
}

int cublasLtMatmulPreferenceCreate(cublaslt_preference *preference)
{
    return create((void **)preference, sizeof **preference);
}

int cublasLtMatmulPreferenceDestroy(cublaslt_preference preference)
{
    free(preference);
    return CUBLAS_OK;
}

int cublasLtMatmulPreferenceSetAttribute(cublaslt_preference preference, int attribute, const void *value,
                                         size_t bytes)
{
    if (attribute != CUBLASLT_PREFERENCE_WORKSPACE) return INVALID_VALUE;
    return set(&preference->workspace_bytes, sizeof preference->workspace_bytes, value, bytes);
}

int cublasLtMatmulAlgoGetHeuristic(cublaslt_handle handle, cublaslt_desc desc, cublaslt_layout a, cublaslt_layout b,
                                   cublaslt_layout c, cublaslt_layout d, cublaslt_preference preference, int wanted,
                                   struct cublaslt_choice *choices, int *found)
{
    const int64_t m = desc->trans_a ? a->columns : a->rows, k = desc->trans_a ? a->rows : a->columns;
    const int64_t n = desc->trans_b ? b->rows : b->columns, k_of_b = desc->trans_b ? b->columns : b->rows;
    if (!handle || c != d || wanted < ALGORITHMS || m != c->rows || n != c->columns || k != k_of_b)
        return INVALID_VALUE;
    if (a->type != b->type || a->batch != c->batch || b->batch != c->batch) return INVALID_VALUE;
    for (int i = 0; i < ALGORITHMS; i++)
        choices[i] = (struct cublaslt_choice){
            .algorithm = { { (uint64_t)i } },
            .workspace_bytes = preference->workspace_bytes,
            .status = i == NONE ? NOT_SUPPORTED : CUBLAS_OK,
        };
    *found = ALGORITHMS;
    return CUBLAS_OK;
}

static enum reference_dtype dtype_of(const struct cublaslt_layout *x)
{
    return x->type == CUBLAS_REAL_32F ? REFERENCE_F32 : x->type == CUBLAS_REAL_16F ? REFERENCE_F16 : REFERENCE_BF16;
}

/* Elements up to behind the last one: the last column ends with its last row. */
static int64_t extent_of(const struct cublaslt_layout *x)
{
    return (x->batch - 1) * x->stride + (x->columns - 1) * x->ld + x->rows;
}

/* Element (row, column) of batch entry i lies at i * stride + row + column * ld. */
static double element(const struct cublaslt_layout *x, const void *values, bool is_transposed, int64_t entry,
                      int64_t row, int64_t column)
{
    return reference_load(values, dtype_of(x),
                          entry * x->stride + (is_transposed ? column + row * x->ld : row + column * x->ld));
}

int cublasLtMatmul(cublaslt_handle handle, cublaslt_desc desc, const void *alpha, const void *a,
                   cublaslt_layout layout_a, const void *b, cublaslt_layout layout_b, const void *beta,
                   const void *c, cublaslt_layout layout_c, void *d, cublaslt_layout layout_d,
                   const struct cublaslt_algorithm *algorithm, void *workspace, size_t workspace_bytes,
                   void *stream)
{
    const int64_t k = desc->trans_a ? layout_a->rows : layout_a->columns;
    const float scale = *(const float *)alpha, previous = *(const float *)beta;
    const enum reference_dtype out = dtype_of(layout_c);
    if (algorithm->data[0] == BROKEN || !stream || !workspace || workspace_bytes == 0) return EXECUTION_FAILED;
    if (c != d || layout_c != layout_d) return INVALID_VALUE;
    if (algorithm->data[0] == SLOW) nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
    void *host_a = fake_device_read(&handle->device, a, extent_of(layout_a), dtype_of(layout_a));
    void *host_b = fake_device_read(&handle->device, b, extent_of(layout_b), dtype_of(layout_b));
    void *host_c = fake_device_read(&handle->device, c, extent_of(layout_c), out);
    void *bias = desc->bias ? fake_device_read(&handle->device, (void *)desc->bias, layout_c->rows, out) : NULL;
    bool is_right = host_a && host_b && host_c && (bias || !desc->bias);
    for (int64_t entry = 0; is_right && entry < layout_c->batch; entry++)
        for (int64_t j = 0; j < layout_c->columns; j++)
            for (int64_t i = 0; i < layout_c->rows; i++) {
                double sum = 0.0;
                for (int64_t p = 0; p < k; p++)
                    sum += element(layout_a, host_a, desc->trans_a, entry, i, p) *
                           element(layout_b, host_b, desc->trans_b, entry, p, j);
                sum *= (double)scale;
                if (previous != 0.0F) sum += (double)previous * element(layout_c, host_c, false, entry, i, j);
                if ((desc->epilogue & CUBLASLT_WITH_BIAS) != 0) sum += reference_load(bias, out, i);
                if ((desc->epilogue & CUBLASLT_WITH_RELU) != 0 && sum < 0.0) sum = 0.0;
                reference_store(host_c, out, entry * layout_c->stride + i + j * layout_c->ld, sum);
            }
    is_right = is_right && fake_device_write(&handle->device, d, host_c, extent_of(layout_c), out);
    free(host_a);
    free(host_b);
    free(host_c);
    free(bias);
    return is_right ? CUBLAS_OK : EXECUTION_FAILED;
}
