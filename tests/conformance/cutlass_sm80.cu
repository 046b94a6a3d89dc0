/* CUTLASS 2.x GEMMs for sm_80: cp.async pipelines of several depths, ldmatrix with and without .trans, mma.sync of half, bfloat16
 * and tf32, rows and columns. */
#include <cutlass/gemm/device/gemm.h>

#include "harness.h"

using Row = cutlass::layout::RowMajor;
using Column = cutlass::layout::ColumnMajor;
using Half = cutlass::half_t;
using Bfloat = cutlass::bfloat16_t;

template <class T, class LA, class LB, class TD, class Tile, class Warp, class Instruction, int Stages, int Align>
struct Kernel {
    using Epilogue =
        cutlass::epilogue::thread::LinearCombination<TD, 128 / cutlass::sizeof_bits<TD>::value, float, float>;
    using Gemm = cutlass::gemm::device::Gemm<
        T, LA, T, LB, TD, Row, float, cutlass::arch::OpClassTensorOp, cutlass::arch::Sm80, Tile, Warp, Instruction,
        Epilogue, cutlass::gemm::threadblock::GemmIdentityThreadblockSwizzle<>, Stages, Align, Align>;
    static void run(const char *name, int m, int n, int k, float alpha, float beta, double unit, double inputs = 0)
    {
        Product<T, T, TD> p(m, n, k, alpha, beta, std::is_same<LA, Column>::value, std::is_same<LB, Column>::value,
                            false);
        Gemm gemm;
        typename Gemm::Arguments arguments({ m, n, k }, { p.a.device(), p.lda() }, { p.b.device(), p.ldb() },
                                           { p.c.device(), p.ldc() }, { p.d.device(), p.ldc() }, { alpha, beta });
        cutlass::Status status = gemm(arguments);
        if (status != cutlass::Status::kSuccess)
            conformance_verdict(name, false, cutlassGetStatusString(status));
        else
            p.check(name, unit, inputs);
    }
    static void sizes(const char *name, double unit, double inputs = 0)
    {
        run(name, 128, 128, 128, 1, 0, unit, inputs);
        run(name, 200, 136, 72, 1, 1, unit, inputs);
        run(name, 328, 152, 264, 1.5f, 0.5f, unit, inputs);
    }
};

template <int M, int N, int K> using Shape = cutlass::gemm::GemmShape<M, N, K>;

int main()
{
    Kernel<Half, Row, Column, Half, Shape<128, 128, 32>, Shape<64, 64, 32>, Shape<16, 8, 16>, 3, 8>::sizes("f16 tn",
                                                                                                           0x1p-11);
    Kernel<Bfloat, Row, Row, Bfloat, Shape<64, 64, 64>, Shape<32, 32, 64>, Shape<16, 8, 16>, 5, 8>::sizes("bf16 tt",
                                                                                                          0x1p-8);
    Kernel<float, Column, Row, float, Shape<128, 64, 16>, Shape<64, 32, 16>, Shape<16, 8, 8>, 3, 4>::sizes(
        "tf32 nt", 0x1p-24, 0x1p-10);
    return conformance_failures != 0;
}
