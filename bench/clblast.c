/* CLBlast on the handle's own queue and device: Sgemm, Hgemm (which accumulates in 16 bits) and their strided batches. */
#include <hpck/hpck_opencl.h>

#include "reference.h"

#include <stdlib.h>

#include "device_gemm.h"
#include "library.h"
#include "reference/numerics.h"

enum { ROW_MAJOR = 101, COLUMN_MAJOR = 102, NO_TRANS = 111, TRANS = 112 }; /* the numbers of clblast_c.h */
enum { NO_HALF_PRECISION = -2045 };

typedef int sgemm_function(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, float alpha,
                           cl_mem a, size_t offset_a, size_t lda, cl_mem b, size_t offset_b, size_t ldb, float beta,
                           cl_mem c, size_t offset_c, size_t ldc, cl_command_queue *queue, cl_event *event);
typedef int hgemm_function(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, cl_half alpha,
                           cl_mem a, size_t offset_a, size_t lda, cl_mem b, size_t offset_b, size_t ldb,
                           cl_half beta, cl_mem c, size_t offset_c, size_t ldc, cl_command_queue *queue,
                           cl_event *event);
typedef int sgemm_batched_function(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k, float alpha,
                                   cl_mem a, size_t offset_a, size_t lda, size_t stride_a, cl_mem b,
                                   size_t offset_b, size_t ldb, size_t stride_b, float beta, cl_mem c,
                                   size_t offset_c, size_t ldc, size_t stride_c, size_t batch,
                                   cl_command_queue *queue, cl_event *event);
typedef int hgemm_batched_function(int layout, int trans_a, int trans_b, size_t m, size_t n, size_t k,
                                   cl_half alpha, cl_mem a, size_t offset_a, size_t lda, size_t stride_a, cl_mem b,
                                   size_t offset_b, size_t ldb, size_t stride_b, cl_half beta, cl_mem c,
                                   size_t offset_c, size_t ldc, size_t stride_c, size_t batch,
                                   cl_command_queue *queue, cl_event *event);

struct clblast {
    struct library library;
    sgemm_function *sgemm;
    hgemm_function *hgemm;
    sgemm_batched_function *sgemm_batched;
    hgemm_batched_function *hgemm_batched;
};

struct clblast_state {
    const struct clblast *blas;
    cl_command_queue queue;
    struct device_gemm device;
};

static void clblast_unload(void *library)
{
    struct clblast *blas = library;
    if (!blas) return;
    library_close(&blas->library);
    free(blas);
}

static hpck_status clblast_load(void **library, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct clblast *blas = calloc(1, sizeof *blas);
    if (!blas) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_open(&blas->library, "HPCK_CLBLAST", "libclblast.so.1", err));
    HPCK_TRY(library_function(&blas->library, "CLBlastSgemm", &blas->sgemm, err));
    HPCK_TRY(library_function(&blas->library, "CLBlastHgemm", &blas->hgemm, err));
    HPCK_TRY(library_function(&blas->library, "CLBlastSgemmStridedBatched", &blas->sgemm_batched, err));
    HPCK_TRY(library_function(&blas->library, "CLBlastHgemmStridedBatched", &blas->hgemm_batched, err));
    *library = blas;
    blas = NULL;
done:
    clblast_unload(blas);
    return st;
}

static const char *clblast_version(const void *library)
{
    return ((const struct clblast *)library)->library.file;
}

static cl_half half_of(float value)
{
    cl_half half;
    reference_store(&half, REFERENCE_F16, 0, (double)value);
    return half;
}

static int call(struct clblast_state *state)
{
    void *const *x = device_sets_next(&state->device.sets);
    cl_mem a = x[OPERAND_A], b = x[OPERAND_B], c = x[OPERAND_C];
    const struct clblast *blas = state->blas;
    const struct blas_gemm *g = &state->device.gemm;
    int layout = g->column_major ? COLUMN_MAJOR : ROW_MAJOR;
    int ta = g->trans_a ? TRANS : NO_TRANS;
    int tb = g->trans_b ? TRANS : NO_TRANS;
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k, batch = (size_t)g->batch;
    size_t lda = (size_t)g->lda, ldb = (size_t)g->ldb, ldc = (size_t)g->ldc;
    size_t sa = (size_t)g->stride_a, sb = (size_t)g->stride_b, sc = (size_t)g->stride_c;
    cl_command_queue *queue = &state->queue;

    if (g->dtype == HPCK_F32)
        return batch == 1 ? blas->sgemm(layout, ta, tb, m, n, k, g->alpha, a, 0, lda, b, 0, ldb, g->beta, c, 0, ldc,
                                        queue, NULL)
                          : blas->sgemm_batched(layout, ta, tb, m, n, k, g->alpha, a, 0, lda, sa, b, 0, ldb, sb,
                                                g->beta, c, 0, ldc, sc, batch, queue, NULL);
    cl_half alpha = half_of(g->alpha);
    cl_half beta = half_of(g->beta);
    return batch == 1
               ? blas->hgemm(layout, ta, tb, m, n, k, alpha, a, 0, lda, b, 0, ldb, beta, c, 0, ldc, queue, NULL)
               : blas->hgemm_batched(layout, ta, tb, m, n, k, alpha, a, 0, lda, sa, b, 0, ldb, sb, beta, c, 0, ldc,
                                     sc, batch, queue, NULL);
}

static hpck_status clblast_run(void *opaque, struct error *err)
{
    struct clblast_state *state = opaque;
    int code = call(state);
    if (code == NO_HALF_PRECISION)
        return error_set(err, HPCK_UNSUPPORTED, "the device has no 16-bit arithmetic (cl_khr_fp16)");
    if (code != 0) return error_set(err, HPCK_UNSUPPORTED, "CLBlast returned status %d", code);
    return HPCK_OK;
}

static hpck_status clblast_finish(void *opaque, struct error *err)
{
    const struct clblast_state *state = opaque;
    return device_sets_finish(&state->device.sets, err);
}

static void clblast_close(void *opaque)
{
    struct clblast_state *state = opaque;
    if (!state) return;
    device_gemm_close(&state->device);
    free(state);
}

static hpck_status clblast_open(void *library, hpck_handle *handle, const struct problem *problem,
                                struct workload *workload, int copies, void **out, struct error *err)
{
    (void)problem;
    hpck_status st = HPCK_OK;
    struct clblast_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    const struct blas_gemm *g = &state->device.gemm;
    state->blas = library;
    HPCK_TRY(device_gemm_open(&state->device, handle, workload, copies, err));
    HPCK_TRY(blas_gemm_check_plain(g, err));
    if (g->dtype == HPCK_BF16) HPCK_FAIL(err, HPCK_UNSUPPORTED, "CLBlast has no bf16");
    if (g->dtype_c != g->dtype) HPCK_FAIL(err, HPCK_UNSUPPORTED, "CLBlast has no mixed types");
    if (hpck_opencl_get(handle, NULL, NULL, &state->queue) != HPCK_OK)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "not an OpenCL device");
    HPCK_TRY(clblast_run(state, err)); /* compiles its kernels, and tells whether it can */
    HPCK_TRY(clblast_finish(state, err));
    *out = state;
    state = NULL;
done:
    clblast_close(state);
    return st;
}

static const char *clblast_routine(const void *opaque)
{
    const struct clblast_state *state = opaque;
    bool is_half = state->device.gemm.dtype != HPCK_F32;
    if (state->device.gemm.batch == 1) return is_half ? "Hgemm" : "Sgemm";
    return is_half ? "HgemmStridedBatched" : "SgemmStridedBatched";
}

static hpck_status clblast_verify(void *opaque, struct error *err)
{
    struct clblast_state *state = opaque;
    return device_gemm_verify(&state->device, clblast_run, state, err);
}

const struct reference reference_clblast = {
    .name = "clblast",
    .doc = "CLBlast (HPCK_CLBLAST) on the same device and queue",
    .load = clblast_load,
    .unload = clblast_unload,
    .version = clblast_version,
    .open = clblast_open,
    .routine = clblast_routine,
    .run = clblast_run,
    .finish = clblast_finish,
    .verify = clblast_verify,
    .close = clblast_close,
    .part[OP_CONV] = &reference_clblast_conv,
};
