/* The part of the CBLAS interface that the references call; the numbers of cblas.h. */
#ifndef HPCK_BENCH_CBLAS_H
#define HPCK_BENCH_CBLAS_H

enum { ROW_MAJOR = 101, COLUMN_MAJOR = 102, NO_TRANS = 111, TRANS = 112 };

typedef void sgemm_function(int layout, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void sgemv_function(int layout, int trans, int rows, int columns, float alpha, const float *a, int lda,
                            const float *x, int x_step, float beta, float *y, int y_step);

#endif
