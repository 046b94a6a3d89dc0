/* CUTLASS 3.x GEMMs for sm_90a: TMA, mbarriers, wgmma, warp specialisation, clusters with multicast, swizzled epilogues by
 * stmatrix and TMA stores. */
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <cutlass/gemm/device/gemm_universal_adapter.h>
#include <cutlass/gemm/kernel/gemm_universal.hpp>
#include <cutlass/util/packed_stride.hpp>

#include "harness.h"

using Row = cutlass::layout::RowMajor;
using Column = cutlass::layout::ColumnMajor;
using cute::_1;
using cute::_2;

template <class T, class LA, class LB, class TD, class LD, class Tile, class Cluster, class Schedule,
          class EpilogueSchedule>
struct Kernel {
    static constexpr int align = 128 / cutlass::sizeof_bits<T>::value;
    static constexpr int align_d = 128 / cutlass::sizeof_bits<TD>::value;
    using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
        cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, Tile, Cluster,
        cutlass::epilogue::collective::EpilogueTileAuto, float, float, TD, LD, align_d, TD, LD, align_d,
        EpilogueSchedule>::CollectiveOp;
    using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
        cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, T, LA, align, T, LB, align, float, Tile, Cluster,
        cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(
            sizeof(typename Epilogue::SharedStorage))>,
        Schedule>::CollectiveOp;
    using Gemm = cutlass::gemm::device::GemmUniversalAdapter<
        cutlass::gemm::kernel::GemmUniversal<cute::Shape<int, int, int, int>, Mainloop, Epilogue>>;
    using GemmKernel = typename Gemm::GemmKernel;

    static void run(const char *name, int m, int n, int k, float alpha, float beta, double unit)
    {
        Product<T, T, TD> p(m, n, k, alpha, beta, std::is_same<LA, Column>::value, std::is_same<LB, Column>::value,
                            std::is_same<LD, Column>::value);
        auto stride_a = cutlass::make_cute_packed_stride(typename GemmKernel::StrideA{}, cute::make_shape(m, k, 1));
        auto stride_b = cutlass::make_cute_packed_stride(typename GemmKernel::StrideB{}, cute::make_shape(n, k, 1));
        auto stride_c = cutlass::make_cute_packed_stride(typename GemmKernel::StrideC{}, cute::make_shape(m, n, 1));
        cutlass::KernelHardwareInfo hardware;
        hardware.sm_count = 4; /* fewer than there are tiles: the kernels are persistent */
        typename Gemm::Arguments arguments{ cutlass::gemm::GemmUniversalMode::kGemm,
                                            { m, n, k, 1 },
                                            { p.a.device(), stride_a, p.b.device(), stride_b },
                                            { {}, p.c.device(), stride_c, p.d.device(), stride_c },
                                            hardware };
        arguments.epilogue.thread.alpha = alpha;
        arguments.epilogue.thread.beta = beta;
        Gemm gemm;
        cutlass::Status status = gemm(arguments);
        if (status != cutlass::Status::kSuccess)
            conformance_verdict(name, false, cutlassGetStatusString(status));
        else
            p.check(name, unit);
    }
    static void sizes(const char *name, double unit)
    {
        run(name, 128, 128, 128, 1, 0, unit);
        run(name, 200, 136, 72, 1, 1, unit);
        run(name, 328, 152, 264, 1.5f, 0.5f, unit);
        run(name, 512, 384, 136, 1, 0, unit);
    }
};

template <int M, int N, int K> using Shape = cute::Shape<cute::Int<M>, cute::Int<N>, cute::Int<K>>;
using Bfloat = cutlass::bfloat16_t;
using Half = cutlass::half_t;

int main()
{
#ifdef PINGPONG
    Kernel<Bfloat, Row, Column, Bfloat, Row, Shape<64, 128, 64>, Shape<1, 1, 1>,
           cutlass::gemm::KernelTmaWarpSpecializedPingpong,
           cutlass::epilogue::TmaWarpSpecialized>::sizes("bf16 tn pingpong", 0x1p-8);
#else
    Kernel<Half, Column, Row, Half, Column, Shape<128, 128, 64>, Shape<2, 1, 1>,
           cutlass::gemm::KernelTmaWarpSpecializedCooperative,
           cutlass::epilogue::TmaWarpSpecializedCooperative>::sizes("f16 nt cooperative, cluster 2x1", 0x1p-11);
#endif
    return conformance_failures != 0;
}
