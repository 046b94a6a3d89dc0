/* CUTLASS 2.x GEMMs for sm_75 (no cp.async: two register-staged buffers): mma.sync m16n8k8 by rows and columns, and SIMT. */
#include <cutlass/gemm/device/gemm.h>

#include "harness.h"

using Row = cutlass::layout::RowMajor;
using Column = cutlass::layout::ColumnMajor;
using Half = cutlass::half_t;
template <int M, int N, int K> using Shape = cutlass::gemm::GemmShape<M, N, K>;

template <class T, class TD, class Gemm>
void run(const char *name, int m, int n, int k, float alpha, float beta, double unit)
{
    Product<T, T, TD> p(m, n, k, alpha, beta, std::is_same<typename Gemm::LayoutA, Column>::value,
                        std::is_same<typename Gemm::LayoutB, Column>::value, false);
    Gemm gemm;
    typename Gemm::Arguments arguments({ m, n, k }, { p.a.device(), p.lda() }, { p.b.device(), p.ldb() },
                                       { p.c.device(), p.ldc() }, { p.d.device(), p.ldc() }, { alpha, beta });
    cutlass::Status status = gemm(arguments);
    if (status != cutlass::Status::kSuccess)
        conformance_verdict(name, false, cutlassGetStatusString(status));
    else
        p.check(name, unit);
}

template <class LA, class LB, class TD, class Tile, class Warp>
using TensorOp = cutlass::gemm::device::Gemm<
    Half, LA, Half, LB, TD, Row, float, cutlass::arch::OpClassTensorOp, cutlass::arch::Sm75, Tile, Warp,
    Shape<16, 8, 8>,
    cutlass::epilogue::thread::LinearCombination<TD, 128 / cutlass::sizeof_bits<TD>::value, float, float>>;

using Simt = cutlass::gemm::device::Gemm<float, Row, float, Row, float, Row, float, cutlass::arch::OpClassSimt,
                                         cutlass::arch::Sm75, Shape<128, 128, 8>, Shape<32, 64, 8>, Shape<1, 1, 1>>;

int main()
{
    using Tn = TensorOp<Row, Column, Half, Shape<128, 128, 32>, Shape<64, 64, 32>>;
    using Nt = TensorOp<Column, Row, float, Shape<128, 64, 32>, Shape<64, 32, 32>>;
    run<Half, Half, Tn>("f16 tn", 128, 128, 128, 1, 0, 0x1p-11);
    run<Half, Half, Tn>("f16 tn", 328, 152, 264, 1.5f, 0.5f, 0x1p-11);
    run<Half, float, Nt>("f16 nt, f32 out", 200, 136, 72, 1, 1, 0x1p-24);
    run<float, float, Simt>("f32 tt simt", 101, 77, 33, 1, 1, 0x1p-24);
    run<float, float, Simt>("f32 tt simt", 256, 128, 64, 1.5f, 0.5f, 0x1p-24);
    return conformance_failures != 0;
}
