/* cuBLASLt on the handle's own context and stream, with fp32 accumulation: what its heuristic chooses, and the fastest of the
 * algorithms that the heuristic lists, tried beforehand. */
#include <hpck/hpck_cuda.h>

#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cublas_part.h"
#include "device_gemm.h"
#include "library.h"
#include "measure.h"

enum { LIST_MAX = 32 };
enum { TRIALS = 3, TRIAL_RUNS = 10 };                /* of each algorithm: the best of so many times so many runs */
static const uint64_t WORKSPACE_BYTES = 32ULL << 20; /* what NVIDIA recommends for Hopper */

struct cublas {
    struct library driver, library;
    int (*set_context)(CUcontext context);
#define MEMBER(member, symbol, parameters) int(*member) parameters;
    CUBLASLT_FUNCTIONS(MEMBER)
};

struct cublas_state {
    const struct cublas *blas;
    cublaslt_handle handle;
    CUstream stream;
    bool is_swapped; /* row-major: the transposed product, whose matrices are the same memory by columns */
    cublaslt_desc desc;
    cublaslt_layout first, second, c;
    struct cublaslt_choice list[LIST_MAX];
    int list_count, chosen;
    void *workspace;
    struct device_gemm device;
    char routine[96];
};

static void cublas_unload(void *library)
{
    struct cublas *blas = library;
    if (!blas) return;
    library_close(&blas->library);
    library_close(&blas->driver);
    free(blas);
}

static hpck_status cublas_load(void **library, struct error *err)
{
    static const char *const names[] = { "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so", NULL };
    hpck_status st = HPCK_OK;
    struct cublas *blas = calloc(1, sizeof *blas);
    if (!blas) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_open(&blas->driver, "HPCK_CUDA_DRIVER", "libcuda.so.1", err));
    HPCK_TRY(library_function(&blas->driver, "cuCtxSetCurrent", &blas->set_context, err));
    HPCK_TRY(library_open_first(&blas->library, "HPCK_CUBLAS", names, err));
#define LOOK_UP(member, symbol, parameters) HPCK_TRY(library_function(&blas->library, #symbol, &blas->member, err));
    CUBLASLT_FUNCTIONS(LOOK_UP)
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

static hpck_status check(int code, const char *what, struct error *err)
{
    return code == CUBLAS_OK ? HPCK_OK : error_set(err, HPCK_UNSUPPORTED, "%s returned status %d", what, code);
}

/* ---- the problem -------------------------------------------------------------------------------------------------- */

static int type_of(hpck_dtype dtype)
{
    return dtype == HPCK_F32 ? CUBLAS_REAL_32F : dtype == HPCK_F16 ? CUBLAS_REAL_16F : CUBLAS_REAL_16BF;
}

/* A matrix as it lies in memory, by columns. */
static hpck_status layout(const struct cublas_state *state, hpck_dtype dtype, int64_t rows, int64_t columns,
                          int64_t ld, int64_t stride, cublaslt_layout *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cublas *blas = state->blas;
    const int32_t batch = (int32_t)state->device.gemm.batch;
    HPCK_TRY(check(blas->layout_create(out, type_of(dtype), (uint64_t)rows, (uint64_t)columns, ld),
                   "cublasLtMatrixLayoutCreate", err));
    HPCK_TRY(
        check(blas->layout_set(*out, CUBLASLT_LAYOUT_BATCH_COUNT, &batch, sizeof batch), "the batch count", err));
    HPCK_TRY(check(blas->layout_set(*out, CUBLASLT_LAYOUT_BATCH_STRIDE, &stride, sizeof stride), "the batch stride",
                   err));
done:
    return st;
}

/* The bias runs along the contiguous dimension of C in both libraries. */
static hpck_status set_epilogue(const struct cublas_state *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cublas *blas = state->blas;
    const struct blas_gemm *g = &state->device.gemm;
    const bool with_relu = g->activation == HPCK_RELU;
    if (g->activation == HPCK_GELU) /* by tanh, which differs beyond rounding */
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuBLASLt's gelu is an approximation");
    if (!with_relu && g->activation != HPCK_IDENTITY)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuBLASLt has no such activation");
    const int32_t epilogue = g->bias ? (with_relu ? CUBLASLT_WITH_RELU_BIAS : CUBLASLT_WITH_BIAS)
                                     : (with_relu ? CUBLASLT_WITH_RELU : CUBLASLT_WITH_NOTHING);
    HPCK_TRY(check(blas->desc_set(state->desc, CUBLASLT_DESC_EPILOGUE, &epilogue, sizeof epilogue), "the epilogue",
                   err));
    if (g->bias) {
        void *const *bias = &state->device.sets.memory[0][OPERAND_BIAS];
        HPCK_TRY(check(blas->desc_set(state->desc, CUBLASLT_DESC_BIAS, bias, sizeof *bias), "the bias", err));
    }
done:
    return st;
}

static hpck_status describe(struct cublas_state *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cublas *blas = state->blas;
    const struct blas_gemm *g = &state->device.gemm;
    const bool swap = !g->column_major;
    const int64_t m = swap ? g->n : g->m, n = swap ? g->m : g->n, k = g->k;
    const int32_t trans_a = (swap ? g->trans_b : g->trans_a) ? CUBLAS_TRANS : CUBLAS_NO_TRANS;
    const int32_t trans_b = (swap ? g->trans_a : g->trans_b) ? CUBLAS_TRANS : CUBLAS_NO_TRANS;
    state->is_swapped = swap;
    if (g->batch > INT32_MAX) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuBLASLt has 32-bit batch counts");
    HPCK_TRY(
        check(blas->desc_create(&state->desc, g->tf32 ? CUBLAS_COMPUTE_TF32 : CUBLAS_COMPUTE_FP32, CUBLAS_REAL_32F),
              "cublasLtMatmulDescCreate", err));
    HPCK_TRY(
        check(blas->desc_set(state->desc, CUBLASLT_DESC_TRANS_A, &trans_a, sizeof trans_a), "a transpose", err));
    HPCK_TRY(
        check(blas->desc_set(state->desc, CUBLASLT_DESC_TRANS_B, &trans_b, sizeof trans_b), "a transpose", err));
    HPCK_TRY(set_epilogue(state, err));
    HPCK_TRY(layout(state, g->dtype, trans_a ? k : m, trans_a ? m : k, swap ? g->ldb : g->lda,
                    swap ? g->stride_b : g->stride_a, &state->first, err));
    HPCK_TRY(layout(state, g->dtype, trans_b ? n : k, trans_b ? k : n, swap ? g->lda : g->ldb,
                    swap ? g->stride_a : g->stride_b, &state->second, err));
    HPCK_TRY(layout(state, g->dtype_c, m, n, g->ldc, g->stride_c, &state->c, err));
done:
    return st;
}

/* ---- the algorithm ------------------------------------------------------------------------------------------------- */

/* The heuristic's list, its best guess first. */
static hpck_status ask_heuristic(struct cublas_state *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct cublas *blas = state->blas;
    cublaslt_preference preference = NULL;
    int found = 0;
    HPCK_TRY(check(blas->preference_create(&preference), "cublasLtMatmulPreferenceCreate", err));
    HPCK_TRY(check(
        blas->preference_set(preference, CUBLASLT_PREFERENCE_WORKSPACE, &WORKSPACE_BYTES, sizeof WORKSPACE_BYTES),
        "the workspace", err));
    HPCK_TRY(check(blas->heuristic(state->handle, state->desc, state->first, state->second, state->c, state->c,
                                   preference, LIST_MAX, state->list, &found),
                   "cublasLtMatmulAlgoGetHeuristic", err));
    for (int i = 0; i < found; i++)
        if (state->list[i].status == CUBLAS_OK) state->list[state->list_count++] = state->list[i];
    if (state->list_count == 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "cuBLASLt has no algorithm for it");
done:
    if (preference) blas->preference_destroy(preference);
    return st;
}

static hpck_status cublas_run(void *opaque, struct error *err)
{
    struct cublas_state *state = opaque;
    const struct blas_gemm *g = &state->device.gemm;
    const struct cublaslt_choice *choice = &state->list[state->chosen];
    void *const *set = device_sets_next(&state->device.sets);
    const void *first = set[state->is_swapped ? OPERAND_B : OPERAND_A];
    const void *second = set[state->is_swapped ? OPERAND_A : OPERAND_B];
    void *c = set[OPERAND_C];
    return check(state->blas->matmul(state->handle, state->desc, &g->alpha, first, state->first, second,
                                     state->second, &g->beta, c, state->c, c, state->c, &choice->algorithm,
                                     state->workspace, choice->workspace_bytes, state->stream),
                 "cublasLtMatmul", err);
}

static hpck_status cublas_finish(void *opaque, struct error *err)
{
    const struct cublas_state *state = opaque;
    return device_sets_finish(&state->device.sets, err);
}

/* The best of a few trials of the chosen algorithm, after a run that loads its kernel; INFINITY: it fails. */
static double try_chosen(struct cublas_state *state)
{
    struct error ignored = { 0 };
    double best = INFINITY;
    bool works = cublas_run(state, &ignored) == HPCK_OK && cublas_finish(state, &ignored) == HPCK_OK;
    for (int trial = 0; works && trial < TRIALS; trial++) {
        double begin = measure_now();
        for (int i = 0; works && i < TRIAL_RUNS; i++)
            works = cublas_run(state, &ignored) == HPCK_OK;
        works = works && cublas_finish(state, &ignored) == HPCK_OK;
        best = fmin(best, measure_now() - begin);
    }
    error_free(&ignored);
    return works ? best : INFINITY;
}

static void choose_fastest(struct cublas_state *state)
{
    double best = INFINITY;
    int fastest = 0;
    for (state->chosen = 0; state->chosen < state->list_count; state->chosen++) {
        double seconds = try_chosen(state);
        if (seconds < best) fastest = state->chosen;
        best = fmin(best, seconds);
    }
    state->chosen = fastest;
}

/* ---- the reference -------------------------------------------------------------------------------------------------- */

static void cublas_close(void *opaque)
{
    struct cublas_state *state = opaque;
    if (!state) return;
    const struct cublas *blas = state->blas;
    if (state->first) blas->layout_destroy(state->first);
    if (state->second) blas->layout_destroy(state->second);
    if (state->c) blas->layout_destroy(state->c);
    if (state->desc) blas->desc_destroy(state->desc);
    if (state->handle) blas->destroy(state->handle);
    if (state->workspace) hpck_free(state->device.sets.handle, state->workspace);
    device_gemm_close(&state->device);
    free(state);
}

static hpck_status open_with(void *library, hpck_handle *handle, struct workload *workload, int copies,
                             bool wants_fastest, void **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    CUcontext context = NULL;
    struct cublas_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    state->blas = library;
    if (hpck_cuda_get(handle, &context, &state->stream) != HPCK_OK)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "not a CUDA device");
    HPCK_TRY(device_gemm_open(&state->device, handle, workload, copies, err));
    st = hpck_malloc(handle, WORKSPACE_BYTES, &state->workspace);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
    /* cuBLAS works in the context that is current in this thread; hpck leaves it as it is */
    HPCK_TRY(check(state->blas->set_context(context), "cuCtxSetCurrent", err));
    HPCK_TRY(check(state->blas->create(&state->handle), "cublasLtCreate", err));
    HPCK_TRY(describe(state, err));
    HPCK_TRY(ask_heuristic(state, err));
    if (wants_fastest) choose_fastest(state);
    HPCK_TRY(cublas_run(state, err)); /* loads its kernels, and tells whether it can */
    HPCK_TRY(cublas_finish(state, err));
    snprintf(state->routine, sizeof state->routine, "cublasLt algorithm %d of %d%s", state->chosen + 1,
             state->list_count, state->device.gemm.tf32 ? ", tf32" : "");
    *out = state;
    state = NULL;
done:
    cublas_close(state);
    return st;
}

static hpck_status open_first(void *library, hpck_handle *handle, const struct problem *problem,
                              struct workload *workload, int copies, void **out, struct error *err)
{
    (void)problem;
    return open_with(library, handle, workload, copies, false, out, err);
}

static hpck_status open_fastest(void *library, hpck_handle *handle, const struct problem *problem,
                                struct workload *workload, int copies, void **out, struct error *err)
{
    (void)problem;
    return open_with(library, handle, workload, copies, true, out, err);
}

static const char *cublas_routine(const void *state)
{
    return ((const struct cublas_state *)state)->routine;
}

static hpck_status cublas_verify(void *opaque, struct error *err)
{
    struct cublas_state *state = opaque;
    return device_gemm_verify(&state->device, cublas_run, state, err);
}

#define FUNCTIONS_OF(open_function)                                                                                \
    .on_request = true, .load = cublas_load, .unload = cublas_unload, .version = cublas_version,                   \
    .open = open_function, .routine = cublas_routine, .run = cublas_run, .finish = cublas_finish,                  \
    .verify = cublas_verify, .close = cublas_close

const struct reference reference_cublas = {
    .name = "cublas",
    .doc = "cuBLASLt (HPCK_CUBLAS) on the same device and stream, its heuristic's choice",
    FUNCTIONS_OF(open_first),
};

const struct reference reference_cublas_best = {
    .name = "cublas-best",
    .doc = "cuBLASLt, the fastest of its heuristic's list",
    FUNCTIONS_OF(open_fastest),
};
