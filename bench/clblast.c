/* CLBlast on the handle's own queue and device: Sgemm, Hgemm (which accumulates in 16 bits) and their strided batches. */
#include <hpck/hpck_opencl.h>

#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
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

struct operand_set {
    void *a, *b, *c; /* device memory */
};

struct clblast_state {
    const struct clblast *blas;
    hpck_handle *handle;
    cl_command_queue queue;
    struct blas_gemm gemm;
    struct operand_set *sets;
    int set_count, next_set;
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

static int call(struct clblast_state *state, const struct operand_set *x)
{
    const struct clblast *blas = state->blas;
    const struct blas_gemm *g = &state->gemm;
    int layout = g->column_major ? COLUMN_MAJOR : ROW_MAJOR;
    int ta = g->trans_a ? TRANS : NO_TRANS;
    int tb = g->trans_b ? TRANS : NO_TRANS;
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k, batch = (size_t)g->batch;
    size_t lda = (size_t)g->lda, ldb = (size_t)g->ldb, ldc = (size_t)g->ldc;
    size_t sa = (size_t)g->stride_a, sb = (size_t)g->stride_b, sc = (size_t)g->stride_c;
    cl_command_queue *queue = &state->queue;

    if (g->dtype == HPCK_F32)
        return batch == 1 ? blas->sgemm(layout, ta, tb, m, n, k, g->alpha, x->a, 0, lda, x->b, 0, ldb, g->beta,
                                        x->c, 0, ldc, queue, NULL)
                          : blas->sgemm_batched(layout, ta, tb, m, n, k, g->alpha, x->a, 0, lda, sa, x->b, 0, ldb,
                                                sb, g->beta, x->c, 0, ldc, sc, batch, queue, NULL);
    cl_half alpha = half_of(g->alpha);
    cl_half beta = half_of(g->beta);
    return batch == 1 ? blas->hgemm(layout, ta, tb, m, n, k, alpha, x->a, 0, lda, x->b, 0, ldb, beta, x->c, 0, ldc,
                                    queue, NULL)
                      : blas->hgemm_batched(layout, ta, tb, m, n, k, alpha, x->a, 0, lda, sa, x->b, 0, ldb, sb,
                                            beta, x->c, 0, ldc, sc, batch, queue, NULL);
}

static hpck_status clblast_run(void *opaque, struct error *err)
{
    struct clblast_state *state = opaque;
    int code = call(state, &state->sets[state->next_set]);
    state->next_set = (state->next_set + 1) % state->set_count;
    if (code == NO_HALF_PRECISION)
        return error_set(err, HPCK_UNSUPPORTED, "the device has no 16-bit arithmetic (cl_khr_fp16)");
    if (code != 0) return error_set(err, HPCK_UNSUPPORTED, "CLBlast returned status %d", code);
    return HPCK_OK;
}

static hpck_status clblast_finish(void *opaque, struct error *err)
{
    struct clblast_state *state = opaque;
    hpck_status st = hpck_synchronize(state->handle);
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(state->handle));
}

static void clblast_close(void *opaque)
{
    struct clblast_state *state = opaque;
    if (!state) return;
    for (int i = 0; state->sets && i < state->set_count; i++) {
        void *const memory[] = { state->sets[i].a, state->sets[i].b, state->sets[i].c };
        for (int j = 0; j < 3; j++)
            if (memory[j]) hpck_free(state->handle, memory[j]);
    }
    free(state->sets);
    free(state);
}

/* Device memory of `elements`, filled from `host`; NULL: with zeros, so that no timed run is the first to touch it. */
static hpck_status operand(hpck_handle *handle, const void *host, int64_t elements, hpck_dtype dtype, void **memory,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    size_t bytes = (size_t)(elements > 0 ? elements : 1) * dtype_bytes(dtype);
    bool is_given = host && elements > 0;
    void *zeros = is_given ? NULL : calloc(1, bytes);
    if (!is_given && !zeros) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    st = hpck_malloc(handle, bytes, memory);
    if (st == HPCK_OK) st = hpck_write(handle, *memory, 0, is_given ? host : zeros, bytes);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(handle));
done:
    free(zeros);
    return st;
}

static hpck_status clblast_open(void *library, hpck_handle *handle, const struct problem *problem,
                                struct workload *workload, int copies, void **out, struct error *err)
{
    (void)problem;
    hpck_status st = HPCK_OK;
    struct clblast_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    struct blas_gemm *g = &state->gemm;
    state->blas = library;
    state->handle = handle;
    HPCK_TRY(blas_gemm_of(workload, g, err));
    if (g->dtype == HPCK_BF16) HPCK_FAIL(err, HPCK_UNSUPPORTED, "CLBlast has no bf16");
    if (g->dtype_c != g->dtype) HPCK_FAIL(err, HPCK_UNSUPPORTED, "CLBlast has no mixed types");
    if (hpck_opencl_get(handle, NULL, NULL, &state->queue) != HPCK_OK)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "not an OpenCL device");

    state->set_count = copies;
    state->sets = calloc((size_t)copies, sizeof *state->sets);
    if (!state->sets) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int i = 0; i < copies; i++) {
        struct operand_set *set = &state->sets[i];
        HPCK_TRY(operand(handle, g->a, g->elements_a, g->dtype, &set->a, err));
        HPCK_TRY(operand(handle, g->b, g->elements_b, g->dtype, &set->b, err));
        HPCK_TRY(operand(handle, NULL, g->elements_c, g->dtype, &set->c, err));
    }
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
    bool is_half = state->gemm.dtype != HPCK_F32;
    if (state->gemm.batch == 1) return is_half ? "Hgemm" : "Sgemm";
    return is_half ? "HgemmStridedBatched" : "SgemmStridedBatched";
}

static hpck_status clblast_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct clblast_state *state = opaque;
    const struct blas_gemm *g = &state->gemm;
    size_t bytes = (size_t)g->elements_c * dtype_bytes(g->dtype_c);
    void *c = malloc(bytes > 0 ? bytes : 1);
    if (!c) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");

    state->next_set = 0;
    for (int64_t i = 0; i < g->elements_c; i++)
        reference_store(c, (enum reference_dtype)g->dtype_c, i, (double)NAN);
    st = hpck_write(state->handle, state->sets[0].c, 0, c, bytes);
    if (st == HPCK_OK) HPCK_TRY(clblast_run(state, err));
    if (st == HPCK_OK) st = hpck_read(state->handle, c, state->sets[0].c, 0, bytes);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", hpck_error_message(state->handle));
    HPCK_TRY(blas_gemm_check(g, c, g->dtype_c, err));
done:
    free(c);
    return st;
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
};
