/* The part of cuBLAS that hpck-bench calls, computed on the host in double precision from what lies in device memory. It needs
 * a driver whose context is current, which is what it is there to show. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#include "reference/numerics.h"

#define API __attribute__((visibility("default")))
enum {
    OK = 0,
    NOT_INITIALIZED = 1,
    ALLOC_FAILED = 3,
    INVALID_VALUE = 7,
    EXECUTION_FAILED = 13,
    NOT_SUPPORTED = 15
};

typedef int copy_function(void *to, uint64_t from, size_t bytes);
typedef int write_function(uint64_t to, const void *from, size_t bytes);

struct fake {
    void *stream;
    copy_function *read;
    write_function *write;
};

API int cublasCreate_v2(void **handle);
API int cublasDestroy_v2(void *handle);
API int cublasSetStream_v2(void *handle, void *stream);
API int cublasGemmEx(void *handle, int trans_a, int trans_b, int m, int n, int k, const float *alpha, uint64_t a,
                     int type_a, int lda, uint64_t b, int type_b, int ldb, const float *beta, uint64_t c,
                     int type_c, int ldc, int compute, int algorithm);
API int cublasGemmStridedBatchedEx(void *handle, int trans_a, int trans_b, int m, int n, int k, const float *alpha,
                                   uint64_t a, int type_a, int lda, long long stride_a, uint64_t b, int type_b,
                                   int ldb, long long stride_b, const float *beta, uint64_t c, int type_c, int ldc,
                                   long long stride_c, int batch, int compute, int algorithm);

int cublasCreate_v2(void **handle)
{
    int (*current)(void **context);
    void *context = NULL;
    void *driver = dlopen(getenv("HPCK_CUDA_DRIVER"), RTLD_NOW);
    struct fake *fake = calloc(1, sizeof *fake);
    if (!driver || !fake) return NOT_INITIALIZED;
    *(void **)&current = dlsym(driver, "cuCtxGetCurrent");
    *(void **)&fake->read = dlsym(driver, "cuMemcpyDtoH_v2");
    *(void **)&fake->write = dlsym(driver, "cuMemcpyHtoD_v2");
    if (current(&context) != 0 || !context) return NOT_INITIALIZED;
    *handle = fake;
    return OK;
}

int cublasDestroy_v2(void *handle)
{
    free(handle);
    return OK;
}

int cublasSetStream_v2(void *handle, void *stream)
{
    ((struct fake *)handle)->stream = stream;
    return OK;
}

/* library_types.h */
static int dtype_of(int type)
{
    return type == 0 ? REFERENCE_F32 : type == 2 ? REFERENCE_F16 : type == 14 ? REFERENCE_BF16 : -1;
}

static size_t bytes_of(int type, int ld, int columns)
{
    return (type == 0 ? 4U : 2U) * (size_t)ld * (size_t)columns;
}

/* Column-major, as cuBLAS is: element (row, column) lies at row + column * ld. */
int cublasGemmEx(void *handle, int trans_a, int trans_b, int m, int n, int k, const float *alpha, uint64_t a,
                 int type_a, int lda, uint64_t b, int type_b, int ldb, const float *beta, uint64_t c, int type_c,
                 int ldc, int compute, int algorithm)
{
    const struct fake *fake = handle;
    int columns_a = trans_a ? m : k, columns_b = trans_b ? k : n;
    int rows_a = trans_a ? k : m, rows_b = trans_b ? n : k;
    if (compute != 68 && compute != 77) return NOT_SUPPORTED;
    if (algorithm != -1 || lda < rows_a || ldb < rows_b || ldc < m || dtype_of(type_a) < 0) return INVALID_VALUE;
    if (!fake->stream) return EXECUTION_FAILED; /* not the stream that hpck waits for */

    /* the last column of a matrix may end with its last row */
    size_t size_a = bytes_of(type_a, lda, columns_a - 1) + bytes_of(type_a, rows_a, 1);
    size_t size_b = bytes_of(type_b, ldb, columns_b - 1) + bytes_of(type_b, rows_b, 1);
    size_t size_c = bytes_of(type_c, ldc, n - 1) + bytes_of(type_c, m, 1);
    size_t place_b = (size_a + 3) / 4 * 4,
           place_c = (place_b + size_b + 3) / 4 * 4; /* floats lie at multiples of 4 */
    char *all = malloc(place_c + size_c);
    if (!all) return ALLOC_FAILED;
    char *host_b = all + place_b, *host_c = all + place_c;
    int code = fake->read(all, a, size_a) | fake->read(host_b, b, size_b) | fake->read(host_c, c, size_c);
    for (int j = 0; j < n && code == 0; j++) {
        for (int i = 0; i < m; i++) {
            double sum = 0.0;
            for (int l = 0; l < k; l++)
                sum += reference_load(all, (enum reference_dtype)dtype_of(type_a),
                                      trans_a ? l + (int64_t)i * lda : i + (int64_t)l * lda) *
                       reference_load(host_b, (enum reference_dtype)dtype_of(type_b),
                                      trans_b ? j + (int64_t)l * ldb : l + (int64_t)j * ldb);
            if (*beta != 0.0F)
                sum += *beta * reference_load(host_c, (enum reference_dtype)dtype_of(type_c), i + (int64_t)j * ldc);
            reference_store(host_c, (enum reference_dtype)dtype_of(type_c), i + (int64_t)j * ldc, *alpha * sum);
        }
    }
    if (code == 0) code = fake->write(c, host_c, size_c);
    free(all);
    return code == 0 ? OK : EXECUTION_FAILED;
}

int cublasGemmStridedBatchedEx(void *handle, int trans_a, int trans_b, int m, int n, int k, const float *alpha,
                               uint64_t a, int type_a, int lda, long long stride_a, uint64_t b, int type_b, int ldb,
                               long long stride_b, const float *beta, uint64_t c, int type_c, int ldc,
                               long long stride_c, int batch, int compute, int algorithm)
{
    int code = OK;
    for (int i = 0; i < batch && code == OK; i++) {
        uint64_t entry = (uint64_t)i;
        code = cublasGemmEx(
            handle, trans_a, trans_b, m, n, k, alpha, a + entry * bytes_of(type_a, 1, 1) * (uint64_t)stride_a,
            type_a, lda, b + entry * bytes_of(type_b, 1, 1) * (uint64_t)stride_b, type_b, ldb, beta,
            c + entry * bytes_of(type_c, 1, 1) * (uint64_t)stride_c, type_c, ldc, compute, algorithm);
    }
    return code;
}
