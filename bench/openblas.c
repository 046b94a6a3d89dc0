/* OpenBLAS, or any library with the CBLAS interface: sgemm, and sgemv where m or n is 1 and it is faster. Batches are
 * loops. 16-bit operands are converted to f32 once, outside timing, and C is f32: the nearest that BLAS offers. */
#include "reference.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "cblas.h"
#include "library.h"
#include "measure.h"
#include "openblas_core.h"
#include "reference/numerics.h"

enum { TRIALS = 9, ALIGNMENT = 64 };

static const char VARIABLE[] = "HPCK_OPENBLAS", SONAME[] = "libopenblas.so.0";

struct openblas {
    struct library library;
    sgemm_function *sgemm;
    sgemv_function *sgemv;
    char version[256];
};

struct operand_set {
    float *a, *b, *c;
};

struct openblas_state;
typedef void compute_function(const struct openblas_state *state, const struct operand_set *set);

struct openblas_state {
    const struct openblas *blas;
    struct blas_gemm gemm;
    compute_function *compute;
    struct operand_set *sets;
    int set_count, next_set;
    char routine[64];
};

static void openblas_unload(void *library)
{
    struct openblas *blas = library;
    if (!blas) return;
    library_close(&blas->library);
    free(blas);
}

static void read_version(struct openblas *blas)
{
    struct error ignored = { 0 };
    char *(*config)(void) = NULL;
    int (*threads)(void) = NULL;
    int used = snprintf(blas->version, sizeof blas->version, "%s", blas->library.file);
    if (library_function(&blas->library, "openblas_get_config", &config, &ignored) == HPCK_OK &&
        library_function(&blas->library, "openblas_get_num_threads", &threads, &ignored) == HPCK_OK)
        snprintf(blas->version + used, sizeof blas->version - (size_t)used, ": %s, %d threads", config(),
                 threads());
    error_free(&ignored);
}

static hpck_status openblas_load(void **library, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct openblas *blas = calloc(1, sizeof *blas);
    if (!blas) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    openblas_name_core(library_file(VARIABLE, SONAME));
    HPCK_TRY(library_open(&blas->library, VARIABLE, SONAME, err));
    HPCK_TRY(library_function(&blas->library, "cblas_sgemm", &blas->sgemm, err));
    HPCK_TRY(library_function(&blas->library, "cblas_sgemv", &blas->sgemv, err));
    read_version(blas);
    *library = blas;
    blas = NULL;
done:
    openblas_unload(blas);
    return st;
}

static const char *openblas_version(const void *library)
{
    return ((const struct openblas *)library)->version;
}

/* Checked by openblas_open: every size fits an int. */
static void compute_sgemm(const struct openblas_state *state, const struct operand_set *set)
{
    const struct blas_gemm *g = &state->gemm;
    for (int64_t i = 0; i < g->batch; i++)
        state->blas->sgemm(g->column_major ? COLUMN_MAJOR : ROW_MAJOR, g->trans_a ? TRANS : NO_TRANS,
                           g->trans_b ? TRANS : NO_TRANS, (int)g->m, (int)g->n, (int)g->k, g->alpha,
                           set->a + i * g->stride_a, (int)g->lda, set->b + i * g->stride_b, (int)g->ldb, g->beta,
                           set->c + i * g->stride_c, (int)g->ldc);
}

static bool has_vector_form(const struct blas_gemm *g)
{
    return g->m == 1 || g->n == 1;
}

/* n == 1: the column c = op(A) b.  m == 1: the row c = a op(B), that is op(B)^T a. */
static void compute_sgemv(const struct openblas_state *state, const struct operand_set *set)
{
    const struct blas_gemm *g = &state->gemm;
    int layout = g->column_major ? COLUMN_MAJOR : ROW_MAJOR;
    for (int64_t i = 0; i < g->batch; i++) {
        const float *a = set->a + i * g->stride_a;
        const float *b = set->b + i * g->stride_b;
        float *c = set->c + i * g->stride_c;
        if (g->n == 1) {
            int b_step = g->column_major == g->trans_b ? (int)g->ldb : 1;
            int c_step = g->column_major ? 1 : (int)g->ldc;
            state->blas->sgemv(layout, g->trans_a ? TRANS : NO_TRANS, (int)(g->trans_a ? g->k : g->m),
                               (int)(g->trans_a ? g->m : g->k), g->alpha, a, (int)g->lda, b, b_step, g->beta, c,
                               c_step);
        } else {
            int a_step = g->column_major == g->trans_a ? 1 : (int)g->lda;
            int c_step = g->column_major ? (int)g->ldc : 1;
            state->blas->sgemv(layout, g->trans_b ? NO_TRANS : TRANS, (int)(g->trans_b ? g->n : g->k),
                               (int)(g->trans_b ? g->k : g->n), g->alpha, b, (int)g->ldb, a, a_step, g->beta, c,
                               c_step);
        }
    }
}

static hpck_status openblas_run(void *opaque, struct error *err)
{
    (void)err;
    struct openblas_state *state = opaque;
    state->compute(state, &state->sets[state->next_set]);
    state->next_set = (state->next_set + 1) % state->set_count;
    return HPCK_OK;
}

/* The best of a few calls each, taken in turns. */
static void choose_routine(struct openblas_state *state)
{
    double best[2] = { INFINITY, INFINITY };
    struct error ignored = { 0 };
    for (int trial = 0; trial < 2 * TRIALS; trial++) {
        state->compute = trial % 2 == 0 ? compute_sgemm : compute_sgemv;
        double begin = measure_now();
        openblas_run(state, &ignored);
        best[trial % 2] = fmin(best[trial % 2], measure_now() - begin);
    }
    state->compute = best[1] < best[0] ? compute_sgemv : compute_sgemm;
}

static hpck_status copy_as_f32(const void *from, hpck_dtype dtype, int64_t elements, float **out, struct error *err)
{
    size_t bytes = (size_t)elements * sizeof(float);
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGNMENT, bytes > 0 ? bytes : ALIGNMENT) != 0)
        return error_set(err, HPCK_OUT_OF_MEMORY, "openblas: no memory for an operand of %zu bytes", bytes);
    *out = memory;
    if (!from) {
        memset(memory, 0, bytes);
    } else if (dtype == HPCK_F32) {
        memcpy(memory, from, bytes);
    } else {
        for (int64_t i = 0; i < elements; i++)
            (*out)[i] = (float)reference_load(from, (enum reference_dtype)dtype, i);
    }
    return HPCK_OK;
}

static void openblas_close(void *opaque)
{
    struct openblas_state *state = opaque;
    if (!state) return;
    for (int i = 0; state->sets && i < state->set_count; i++) {
        free(state->sets[i].a);
        free(state->sets[i].b);
        free(state->sets[i].c);
    }
    free(state->sets);
    free(state);
}

static bool sizes_fit_int(const struct blas_gemm *g)
{
    const int64_t sizes[] = { g->m, g->n, g->k, g->lda, g->ldb, g->ldc };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] > INT_MAX) return false;
    return true;
}

static hpck_status openblas_open(void *library, hpck_handle *handle, const struct problem *problem,
                                 struct workload *workload, int copies, void **out, struct error *err)
{
    (void)handle;
    (void)problem;
    hpck_status st = HPCK_OK;
    struct openblas_state *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    struct blas_gemm *g = &state->gemm;
    state->blas = library;
    HPCK_TRY(blas_gemm_of(workload, g, err));
    HPCK_TRY(blas_gemm_check_plain(g, err));
    if (!sizes_fit_int(g)) HPCK_FAIL(err, HPCK_UNSUPPORTED, "a size is beyond the 32 bits of this BLAS");

    state->set_count = copies;
    state->sets = calloc((size_t)copies, sizeof *state->sets);
    if (!state->sets) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    for (int i = 0; i < copies; i++) {
        struct operand_set *set = &state->sets[i];
        HPCK_TRY(copy_as_f32(g->a, g->dtype, g->elements_a, &set->a, err));
        HPCK_TRY(copy_as_f32(g->b, g->dtype, g->elements_b, &set->b, err));
        HPCK_TRY(copy_as_f32(NULL, HPCK_F32, g->elements_c, &set->c, err));
    }
    state->compute = compute_sgemm;
    if (has_vector_form(g)) choose_routine(state);
    snprintf(state->routine, sizeof state->routine, "%s%s%s", state->compute == compute_sgemv ? "sgemv" : "sgemm",
             g->batch > 1 ? " in a loop" : "", g->dtype == HPCK_F32 ? "" : " on operands converted to f32");
    *out = state;
    state = NULL;
done:
    openblas_close(state);
    return st;
}

static const char *openblas_routine(const void *state)
{
    return ((const struct openblas_state *)state)->routine;
}

static hpck_status verify_routine(struct openblas_state *state, struct error *err)
{
    state->next_set = 0;
    float *c = state->sets[0].c;
    for (int64_t i = 0; i < state->gemm.elements_c; i++)
        c[i] = NAN; /* beta is 0: a library that leaves an element alone is caught */
    hpck_status st = openblas_run(state, err);
    return st == HPCK_OK ? blas_gemm_check(&state->gemm, c, HPCK_F32, err) : st;
}

/* Both routines where there was a choice, since the next run may choose the other. */
static hpck_status openblas_verify(void *opaque, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct openblas_state *state = opaque;
    compute_function *chosen = state->compute;
    compute_function *const routines[] = { compute_sgemm, compute_sgemv };
    int count = has_vector_form(&state->gemm) ? 2 : 1;
    for (int i = 0; i < count; i++) {
        state->compute = routines[i];
        HPCK_TRY(verify_routine(state, err));
    }
done:
    state->compute = chosen;
    return st;
}

const struct reference reference_openblas = {
    .name = "openblas",
    .doc = "OpenBLAS or another CBLAS (HPCK_OPENBLAS) with its own default of threads",
    .load = openblas_load,
    .unload = openblas_unload,
    .version = openblas_version,
    .open = openblas_open,
    .routine = openblas_routine,
    .run = openblas_run,
    .finish = NULL,
    .verify = openblas_verify,
    .close = openblas_close,
    .part[OP_CONV] = &reference_openblas_conv,
    .part[OP_REDUCE] = &reference_openblas_reduce,
};
