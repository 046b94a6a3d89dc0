/* Convolutions that are products of matrices: a filter of one pixel that visits every pixel, or one that covers the whole
 * image. They are computed where their tensors lie. */
#ifndef HPCK_CORE_CONV_GEMM_H
#define HPCK_CORE_CONV_GEMM_H

#include "problem.h"

enum conv_tensor { CONV_TENSOR_X, CONV_TENSOR_FILTER, CONV_TENSOR_Y };

/* A tensor read as a row-major matrix, or as one for each entry of a batch, `stride` elements apart. */
struct conv_matrix {
    enum conv_tensor tensor;
    int64_t ld, stride;
};

struct conv_gemm {
    struct gemm_fields fields;
    struct conv_matrix a, b, c;
};

/* False: it is no product, or one with an epilogue that GEMM has not. problem is canonical and passes problem_check. */
bool conv_as_gemm(const struct problem *problem, struct conv_gemm *gemm);

#endif
