/* cuBLAS on the handle's own context and stream: cublasGemmEx and its strided batches, fp32 accumulation, the library's own
 * heuristic. */
#include <hpck/hpck_cuda.h>

#include "reference.h"

#include <limits.h>
#include <stdlib.h>

#include "device_gemm.h"
#include "library.h"

/* The numbers of library_types.h and cublas_api.h. */
enum { NO_TRANS = 0, TRANS = 1 };
enum { REAL_32F = 0, REAL_16F = 2, REAL_16BF = 14 };
enum { COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77 };
enum { ALGORITHM_DEFAULT = -1 };

typedef int create_function(void **handle);
typedef int destroy_function(void *handle);
typedef int stream_function(void *handle, CUstream stream);
typedef int version_function(void *handle, int *version);
typedef int gemm_function(void *handle, int trans_a, int trans_b, int m, int n, int k, const void *alpha,
                          const void *a, int type_a, int lda, const void *b, int type_b, int ldb, const void *beta,
                          void *c, int type_c, int ldc, int compute, int algorithm);
typedef int batched_function(void *handle, int trans_a, int trans_b, int m, int n, int k, const void *alpha,
                             const void *a, int type_a, int lda, long long stride_a, const void *b, int type_b,
                             int ldb, long long stride_b, const void *beta, void *c, int type_c, int ldc,
                             long long stride_c, int batch, int compute, int algorithm);

struct cublas {
    struct library driver, library;
    int (*set_context)(CUcontext context);
    create_function *create;
    destroy_function *destroy;
    stream_function *set_stream;
    gemm_function *gemm;
    batched_function *batched;
};

/* A matrix as cuBLAS sees it: by columns. */
struct operand {
    int type, trans, ld;
    long long stride;
};

struct cublas_state {
    const struct cublas *blas;
    void *handle;
    bool is_swapped; /* row-major: the transposed product, whose matrices are the same memory by columns */
    int m, n, k, batch, compute, type_c, ldc;
    long long stride_c;
    struct operand a, b;
    struct device_gemm device;
};

static void cublas_unload(void *library)
{
    struct cublas *blas = library;
    if (!blas) return;
    library_close(&blas->library);
    library_close(&blas->driver);
    free(blas);
}

static hpck_status open_any(struct library *library, struct error *err)
{
    static const char *const names[] = { "libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so" };
    hpck_status st = HPCK_UNSUPPORTED;
    for (size_t i = 0; i < sizeof names / sizeof *names && st != HPCK_OK; i++)
        st = library_open(library, "HPCK_CUBLAS", names[i], err);
    return st;
}

static hpck_status cublas_load(void **library, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct cublas *blas = calloc(1, sizeof *blas);
    if (!blas) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_open(&blas->driver, "HPCK_CUDA_DRIVER", "libcuda.so.1", err));
    HPCK_TRY(library_function(&blas->driver, "cuCtxSetCurrent", &blas->set_context, err));
    HPCK_TRY(open_any(&blas->library, err));
    HPCK_TRY(library_function(&blas->library, "cublasCreate_v2", &blas->create, err));
    HPCK_TRY(library_function(&blas->library, "cublasDestroy_v2", &blas->destroy, err));
    HPCK_TRY(library_function(&blas->library, "cublasSetStream_v2", &blas->set_stream, err));
    HPCK_TRY(library_function(&blas->library, "cublasGemmEx", &blas->gemm, err));
    HPCK_TRY(library_function(&blas->library, "cublasGemmStridedBatchedEx", &blas->batched, err));
    *library = blas;
    blas = NULL;
done:
    cublas_unload(blas);
    return st;
}

static const char *cublas_version(const void *library)
{
    return ((const struct cublas *)library)->library.file;
}

static int type_of(hpck_dtype dtype)
{
    return dtype == HPCK_F32 ? REAL_32F : dtype == HPCK_F16 ? REAL_16F : REAL_16BF;
}

static hpck_status check_sizes(const struct blas_gemm *g, struct error *err)
{
    const int64_t sizes[] = { g->m, g->n, g->k, g->batch, g->lda, g->ldb, g->ldc };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX) return error_set(err, HPCK_UNSUPPORTED, "cublasGemmEx has 32-bit sizes");
    return HPCK_OK;
}

static void translate(struct cublas_state *state, bool may_use_tf32)
{
    const struct blas_gemm *g = &state->device.gemm;
    const struct operand a = { type_of(g->dtype), g->trans_a ? TRANS : NO_TRANS, (int)g->lda, g->stride_a };
    const struct operand b = { type_of(g->dtype), g->trans_b ? TRANS : NO_TRANS, (int)g->ldb, g->stride_b };
    state->is_swapped = !g->column_major;
    state->a = state->is_swapped ? b : a;
    state->b = state->is_swapped ? a : b;
    state->m = (int)(state->is_swapped ? g->n : g->m);
    state->n = (int)(state->is_swapped ? g->m : g->n);
    state->k = (int)g->k;
    state->batch = (int)g->batch;
    state->type_c = type_of(g->dtype_c);
    state->ldc = (int)g->ldc;
    state->stride_c = g->stride_c;
    state->compute = may_use_tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F;
}

static hpck_status cublas_run(void *opaque, struct error *err)
{
    struct cublas_state *state = opaque;
    const struct cublas *blas = state->blas;
    const struct blas_gemm *g = &state->device.gemm;
    void *const *set = device_sets_next(&state->device.sets);
    const struct operand *a = &state->a, *b = &state->b;
    const void *first = state->is_swapped ? set[OPERAND_B] : set[OPERAND_A];
    const void *second = state->is_swapped ? set[OPERAND_A] : set[OPERAND_B];
    int code = state->batch == 1
                   ? blas->gemm(state->handle, a->trans, b->trans, state->m, state->n, state->k, &g->alpha, first,
                                a->type, a->ld, second, b->type, b->ld, &g->beta, set[OPERAND_C], state->type_c,
                                state->ldc, state->compute, ALGORITHM_DEFAULT)
                   : blas->batched(state->handle, a->trans, b->trans, state->m, state->n, state->k, &g->alpha,
                                   first, a->type, a->ld, a->stride, second, b->type, b->ld, b->stride, &g->beta,
                                   set[OPERAND_C], state->type_c, state->ldc, state->stride_c, state->batch,
                                   state->compute, ALGORITHM_DEFAULT);
    if (code != 0) return error_set(err, HPCK_UNSUPPORTED, "cuBLAS returned status %d", code);
    return HPCK_OK;
}

static hpck_status cublas_finish(void *opaque, struct error *err)
{
    const struct cublas_state *state = opaque;
    return device_sets_finish(&state->device.sets, err);
}

static void cublas_close(void *opaque)
{
    struct cublas_state *state = opaque;
    if (!state) return;
    if (state->handle) state->blas->destroy(state->handle);
    device_gemm_close(&state->device);
    free(state);
}

static hpck_status cublas_open(void *library, hpck_handle *handle, const struct problem *problem,
                               struct workload *workload, int copies, void **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    CUcontext context = NULL;
    CUstream stream = NULL;
    int code;
    struct cublas_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->blas = library;
    if (hpck_cuda_get(handle, &context, &stream) != HPCK_OK) HPCK_FAIL(err, HPCK_UNSUPPORTED, "not a CUDA device");
    HPCK_TRY(device_gemm_open(&state->device, handle, workload, copies, err));
    HPCK_TRY(check_sizes(&state->device.gemm, err));
    translate(state, problem->field.gemm.tf32 != 0);
    /* cuBLAS works in the context that is current in this thread; hpck leaves it as it is */
    code = state->blas->set_context(context);
    if (code != 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuCtxSetCurrent returned %d", code);
    code = state->blas->create(&state->handle);
    if (code != 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cublasCreate returned status %d", code);
    code = state->blas->set_stream(state->handle, stream);
    if (code != 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cublasSetStream returned status %d", code);
    HPCK_TRY(cublas_run(state, err)); /* loads its kernels, and tells whether it can */
    HPCK_TRY(cublas_finish(state, err));
    *out = state;
    state = NULL;
done:
    cublas_close(state);
    return st;
}

static const char *cublas_routine(const void *opaque)
{
    const struct cublas_state *state = opaque;
    if (state->compute == COMPUTE_32F_FAST_TF32) return "tf32";
    return state->batch == 1 ? "GemmEx" : "GemmStridedBatchedEx";
}

static hpck_status cublas_verify(void *opaque, struct error *err)
{
    struct cublas_state *state = opaque;
    return device_gemm_verify(&state->device, cublas_run, state, err);
}

const struct reference reference_cublas = {
    .name = "cublas",
    .doc = "cuBLAS (HPCK_CUBLAS) on the same device and stream",
    .on_request = true,
    .load = cublas_load,
    .unload = cublas_unload,
    .version = cublas_version,
    .open = cublas_open,
    .routine = cublas_routine,
    .run = cublas_run,
    .finish = cublas_finish,
    .verify = cublas_verify,
    .close = cublas_close,
};
