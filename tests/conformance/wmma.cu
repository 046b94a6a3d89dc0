/* The toolkit's mma.h: a product by wmma fragments through shared memory, rows and columns, float and half accumulators. */
#include <mma.h>

#include "harness.h"

using namespace nvcuda;
enum { M = 64, N = 48, K = 80, T = 16 };

template <class LA, class LB>
__global__ void product(const half *a, const half *b, const float *c, float *d, int lda, int ldb, float alpha,
                        float beta)
{
    const bool a_columns = std::is_same<LA, wmma::col_major>::value,
               b_columns = std::is_same<LB, wmma::col_major>::value;
    __shared__ half tile[T * T];
    wmma::fragment<wmma::matrix_a, T, T, T, half, LA> fa;
    wmma::fragment<wmma::matrix_b, T, T, T, half, LB> fb;
    wmma::fragment<wmma::accumulator, T, T, T, float> sum, old;
    const int i = blockIdx.y * T, j = blockIdx.x * T;
    wmma::fill_fragment(sum, 0.0f);
    for (int k = 0; k < K; k += T) {
        for (int e = threadIdx.x; e < T * T; e += 32)
            tile[e] = a_columns ? a[(k + e / T) * lda + i + e % T] : a[(i + e / T) * lda + k + e % T];
        __syncwarp();
        wmma::load_matrix_sync(fa, tile, T);
        wmma::load_matrix_sync(fb, b_columns ? b + j * ldb + k : b + k * ldb + j, ldb);
        wmma::mma_sync(sum, fa, fb, sum);
        __syncwarp();
    }
    wmma::load_matrix_sync(old, c + i * N + j, N, wmma::mem_row_major);
    for (int e = 0; e < sum.num_elements; e++)
        sum.x[e] = alpha * sum.x[e] + beta * old.x[e];
    wmma::store_matrix_sync(d + i * N + j, sum, N, wmma::mem_row_major);
}

template <class LA, class LB> static void run(const char *name)
{
    Product<half, half, float> p(M, N, K, 1.5f, 0.5f, std::is_same<LA, wmma::col_major>::value,
                                 std::is_same<LB, wmma::col_major>::value, false);
    product<LA, LB><<<dim3(N / T, M / T), 32>>>(p.a.device(), p.b.device(), p.c.device(), p.d.device(), p.lda(),
                                                p.ldb(), p.alpha, p.beta);
    p.check(name, 0x1p-24);
}

int main()
{
    run<wmma::row_major, wmma::row_major>("wmma row row");
    run<wmma::row_major, wmma::col_major>("wmma row col");
    run<wmma::col_major, wmma::row_major>("wmma col row");
    return conformance_failures != 0;
}
