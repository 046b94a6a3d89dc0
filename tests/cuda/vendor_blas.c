/* What bench/cublas_part.h declares, against the toolkit's headers: numbers, sizes and names, by the compiler. */
#include <stdio.h>

#include <cublasLt.h>

#include "cublas_part.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours)
SAME(CUBLAS_OK, CUBLAS_STATUS_SUCCESS);
SAME(CUBLAS_NO_TRANS, CUBLAS_OP_N);
SAME(CUBLAS_TRANS, CUBLAS_OP_T);
SAME(CUBLAS_REAL_32F, CUDA_R_32F);
SAME(CUBLAS_REAL_16F, CUDA_R_16F);
SAME(CUBLAS_REAL_16BF, CUDA_R_16BF);
SAME(CUBLAS_COMPUTE_FP32, CUBLAS_COMPUTE_32F);
SAME(CUBLAS_COMPUTE_TF32, CUBLAS_COMPUTE_32F_FAST_TF32);
SAME(CUBLASLT_DESC_TRANS_A, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(CUBLASLT_DESC_TRANS_B, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(CUBLASLT_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(CUBLASLT_DESC_BIAS, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(CUBLASLT_WITH_NOTHING, CUBLASLT_EPILOGUE_DEFAULT);
SAME(CUBLASLT_WITH_RELU, CUBLASLT_EPILOGUE_RELU);
SAME(CUBLASLT_WITH_BIAS, CUBLASLT_EPILOGUE_BIAS);
SAME(CUBLASLT_WITH_RELU_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS);
SAME(CUBLASLT_LAYOUT_BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(CUBLASLT_LAYOUT_BATCH_STRIDE, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(CUBLASLT_PREFERENCE_WORKSPACE, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(sizeof(struct cublaslt_algorithm), sizeof(cublasLtMatmulAlgo_t));
SAME(sizeof(struct cublaslt_choice), sizeof(cublasLtMatmulHeuristicResult_t));
SAME(offsetof(struct cublaslt_choice, workspace_bytes), offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
SAME(offsetof(struct cublaslt_choice, status), offsetof(cublasLtMatmulHeuristicResult_t, state));
SAME(sizeof(int), sizeof(cublasStatus_t));
SAME(sizeof(int), sizeof(cudaDataType));
SAME(sizeof(int), sizeof(cublasComputeType_t));

/* It has to compile: the names exist. */
static void names(void)
{
#define X(member, symbol, parameters) (void)sizeof(&symbol);
    CUBLASLT_FUNCTIONS(X)
#undef X
}

int main(void)
{
    names();
    printf("names and numbers are those of cuBLAS %d.%d\n", CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR);
    return 0;
}
