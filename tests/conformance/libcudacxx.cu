/* What the toolkit's own headers make of barriers and asynchronous copies: cooperative groups, cuda::barrier, cuda::pipeline and
 * memcpy_async of libcu++. Exact. */
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
#include <cuda/barrier>
#include <cuda/pipeline>

#include "harness.h"

namespace cg = cooperative_groups;
enum { THREADS = 128, STAGES = 3, STEPS = 16 };

/* Each step's sum over the block of what the pipeline brought, read in reverse: every thread reads another one's copy. */
__global__ void pipelined(const int *in, int *out)
{
    __shared__ int buffer[STAGES][THREADS];
    __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, STAGES> state;
    auto block = cg::this_thread_block();
    auto pipeline = cuda::make_pipeline(block, &state);
    int sum = 0;
    for (int step = 0, ahead = 0; step < STEPS; step++) {
        for (; ahead < STEPS && ahead < step + STAGES; ahead++) {
            pipeline.producer_acquire();
            cuda::memcpy_async(block, buffer[ahead % STAGES], in + ahead * THREADS,
                               cuda::aligned_size_t<16>(sizeof buffer[0]), pipeline);
            pipeline.producer_commit();
        }
        pipeline.consumer_wait();
        sum += (step + 1) * buffer[step % STAGES][THREADS - 1 - threadIdx.x];
        pipeline.consumer_release();
    }
    out[threadIdx.x] = sum;
}

/* Half of the block produces, half consumes, through a pair of barriers. */
__global__ void handed_over(const int *in, int *out)
{
    using barrier = cuda::barrier<cuda::thread_scope_block>;
    __shared__ int buffer[THREADS / 2];
    __shared__ alignas(8) char place[2 * sizeof(barrier)];
    barrier *full = (barrier *)place, *empty = full + 1;
    if (threadIdx.x == 0) {
        init(full, THREADS);
        init(empty, THREADS);
    }
    __syncthreads();
    const int half = THREADS / 2, i = threadIdx.x % half;
    int sum = 0;
    for (int step = 0; step < STEPS; step++) {
        if (threadIdx.x < half) {
            buffer[i] = in[step * half + i];
            (void)full->arrive();
            empty->arrive_and_wait();
        } else {
            full->arrive_and_wait();
            sum += (step + 1) * buffer[half - 1 - i];
            (void)empty->arrive();
        }
    }
    if (threadIdx.x >= half) out[i] = sum;
}

__global__ void grouped(const int *in, int *out)
{
    __shared__ int buffer[THREADS];
    auto block = cg::this_thread_block();
    cg::memcpy_async(block, buffer, in, sizeof buffer);
    cg::wait(block);
    auto tile = cg::tiled_partition<8>(block);
    int value = buffer[THREADS - 1 - threadIdx.x];
    int sum = cg::reduce(tile, value, cg::plus<int>());
    int before = cg::exclusive_scan(tile, value, cg::plus<int>());
    int odd = 0;
    if (value % 2 != 0) {
        auto here = cg::coalesced_threads();
        odd = here.num_threads() * 100 + here.thread_rank();
    }
    out[threadIdx.x] = sum + 10000 * before + 7 * odd + 3 * tile.shfl_xor(value, 5) + tile.any(value == 13);
}

template <class F> static void check(const char *name, Array<int> &out, int count, F want)
{
    CUDA(cudaDeviceSynchronize());
    out.download();
    int wrong = 0;
    for (int i = 0; i < count; i++)
        wrong += out.host[i] != want(i);
    char details[64];
    std::snprintf(details, sizeof details, "%d of %d wrong", wrong, count);
    conformance_verdict(name, wrong == 0, details);
}

int main()
{
    Array<int> in(THREADS * STEPS), out(THREADS);
    Random random(1);
    for (auto &x : in.host)
        x = (int)(random.bits() % 1000);
    in.upload();
    pipelined<<<1, THREADS>>>(in.device(), out.device());
    check("cuda::pipeline and memcpy_async", out, THREADS, [&](int i) {
        int sum = 0;
        for (int step = 0; step < STEPS; step++)
            sum += (step + 1) * in.host[step * THREADS + THREADS - 1 - i];
        return sum;
    });
    handed_over<<<1, THREADS>>>(in.device(), out.device());
    check("cuda::barrier", out, THREADS / 2, [&](int i) {
        int sum = 0;
        for (int step = 0; step < STEPS; step++)
            sum += (step + 1) * in.host[step * (THREADS / 2) + THREADS / 2 - 1 - i];
        return sum;
    });
    grouped<<<1, THREADS>>>(in.device(), out.device());
    auto value = [&](int i) { return in.host[THREADS - 1 - i]; };
    check("cooperative groups", out, THREADS, [&](int i) {
        int first = i / 8 * 8, sum = 0, before = 0, any = 0, odd = 0, rank = 0;
        for (int j = first; j < first + 8; j++) {
            sum += value(j);
            before += j < i ? value(j) : 0;
            any |= value(j) == 13;
        }
        for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++) {
            odd += value(j) % 2 != 0;
            rank += j < i && value(j) % 2 != 0;
        }
        odd = value(i) % 2 != 0 ? 100 * odd + rank : 0;
        return sum + 10000 * before + 7 * odd + 3 * value(first + (i % 8 ^ 5)) + any;
    });
    return conformance_failures != 0;
}
