/* The part of cuBLASLt that hpck-bench uses, declared here so that no toolkit is needed to build: numbers and layouts of
 * cublasLt.h, cublas_api.h and library_types.h (tests/cuda/vendor_blas.c compares them). */
#ifndef HPCK_BENCH_CUBLAS_PART_H
#define HPCK_BENCH_CUBLAS_PART_H

#include <stddef.h>
#include <stdint.h>

enum { CUBLAS_OK = 0 };
enum { CUBLAS_NO_TRANS = 0, CUBLAS_TRANS = 1 };
enum { CUBLAS_REAL_32F = 0, CUBLAS_REAL_16F = 2, CUBLAS_REAL_16BF = 14 };
enum { CUBLAS_COMPUTE_FP32 = 68, CUBLAS_COMPUTE_TF32 = 77 };
enum { CUBLASLT_DESC_TRANS_A = 3, CUBLASLT_DESC_TRANS_B = 4, CUBLASLT_DESC_EPILOGUE = 7, CUBLASLT_DESC_BIAS = 8 };
enum { CUBLASLT_WITH_NOTHING = 1, CUBLASLT_WITH_RELU = 2, CUBLASLT_WITH_BIAS = 4, CUBLASLT_WITH_RELU_BIAS = 6 };
enum { CUBLASLT_LAYOUT_BATCH_COUNT = 5, CUBLASLT_LAYOUT_BATCH_STRIDE = 6 };
enum { CUBLASLT_PREFERENCE_WORKSPACE = 1 };

struct cublaslt_algorithm {
    uint64_t data[8];
};

struct cublaslt_choice {
    struct cublaslt_algorithm algorithm;
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
};

typedef struct cublaslt *cublaslt_handle;
typedef struct cublaslt_desc *cublaslt_desc;
typedef struct cublaslt_layout *cublaslt_layout;
typedef struct cublaslt_preference *cublaslt_preference;

/* member, symbol, parameters; all return a status */
#define CUBLASLT_FUNCTIONS(X)                                                                                      \
    X(create, cublasLtCreate, (cublaslt_handle *))                                                                 \
    X(destroy, cublasLtDestroy, (cublaslt_handle))                                                                 \
    X(desc_create, cublasLtMatmulDescCreate, (cublaslt_desc *, int compute, int scale_type))                       \
    X(desc_destroy, cublasLtMatmulDescDestroy, (cublaslt_desc))                                                    \
    X(desc_set, cublasLtMatmulDescSetAttribute, (cublaslt_desc, int attribute, const void *, size_t))              \
    X(layout_create, cublasLtMatrixLayoutCreate,                                                                   \
      (cublaslt_layout *, int type, uint64_t rows, uint64_t columns, int64_t ld))                                  \
    X(layout_destroy, cublasLtMatrixLayoutDestroy, (cublaslt_layout))                                              \
    X(layout_set, cublasLtMatrixLayoutSetAttribute, (cublaslt_layout, int attribute, const void *, size_t))        \
    X(preference_create, cublasLtMatmulPreferenceCreate, (cublaslt_preference *))                                  \
    X(preference_destroy, cublasLtMatmulPreferenceDestroy, (cublaslt_preference))                                  \
    X(preference_set, cublasLtMatmulPreferenceSetAttribute,                                                        \
      (cublaslt_preference, int attribute, const void *, size_t))                                                  \
    X(heuristic, cublasLtMatmulAlgoGetHeuristic,                                                                   \
      (cublaslt_handle, cublaslt_desc, cublaslt_layout a, cublaslt_layout b, cublaslt_layout c, cublaslt_layout d, \
       cublaslt_preference, int wanted, struct cublaslt_choice *, int *found))                                     \
    X(matmul, cublasLtMatmul,                                                                                      \
      (cublaslt_handle, cublaslt_desc, const void *alpha, const void *a, cublaslt_layout, const void *b,           \
       cublaslt_layout, const void *beta, const void *c, cublaslt_layout, void *d, cublaslt_layout,                \
       const struct cublaslt_algorithm *, void *workspace, size_t workspace_bytes, void *stream))

#endif
