/* CUB, as the toolkit has it: reductions, scans and sorts of a block, and of a device with CUB's own host code. All but the float
 * sum is exact. */
#include <algorithm>
#include <numeric>

#include <cub/cub.cuh>

#include "harness.h"

enum { THREADS = 128, ITEMS = 9, TILE = THREADS * ITEMS };

template <int Algorithm> __global__ void block_reduce(const int *in, int *out, int count)
{
    using Reduce = cub::BlockReduce<int, THREADS, (cub::BlockReduceAlgorithm)Algorithm>;
    __shared__ typename Reduce::TempStorage storage;
    int value = threadIdx.x < count ? in[threadIdx.x] : 0;
    int sum = Reduce(storage).Sum(value, count);
    __syncthreads();
    int largest = Reduce(storage).Reduce(value, [](int a, int b) { return a > b ? a : b; });
    if (threadIdx.x == 0) out[0] = sum, out[1] = largest;
}

template <int Algorithm> __global__ void block_scan(const int *in, int *inclusive, int *exclusive)
{
    using Scan = cub::BlockScan<int, THREADS, (cub::BlockScanAlgorithm)Algorithm>;
    __shared__ typename Scan::TempStorage storage;
    int items[ITEMS], result[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        items[i] = in[threadIdx.x * ITEMS + i];
    Scan(storage).InclusiveSum(items, result);
    for (int i = 0; i < ITEMS; i++)
        inclusive[threadIdx.x * ITEMS + i] = result[i];
    __syncthreads();
    Scan(storage).ExclusiveSum(items, result);
    for (int i = 0; i < ITEMS; i++)
        exclusive[threadIdx.x * ITEMS + i] = result[i];
}

__global__ void block_radix_sort(unsigned *keys, int *values)
{
    using Sort = cub::BlockRadixSort<unsigned, THREADS, ITEMS, int>;
    using Load = cub::BlockLoad<unsigned, THREADS, ITEMS, cub::BLOCK_LOAD_TRANSPOSE>;
    __shared__ union {
        typename Sort::TempStorage sort;
        typename Load::TempStorage load;
    } storage;
    unsigned key[ITEMS];
    int value[ITEMS];
    Load(storage.load).Load(keys, key);
    for (int i = 0; i < ITEMS; i++)
        value[i] = threadIdx.x * ITEMS + i;
    __syncthreads();
    Sort(storage.sort).Sort(key, value);
    for (int i = 0; i < ITEMS; i++)
        keys[threadIdx.x * ITEMS + i] = key[i], values[threadIdx.x * ITEMS + i] = value[i];
}

__global__ void block_merge_sort(int *keys)
{
    using Sort = cub::BlockMergeSort<int, THREADS, ITEMS>;
    __shared__ typename Sort::TempStorage storage;
    int key[ITEMS];
    for (int i = 0; i < ITEMS; i++)
        key[i] = keys[threadIdx.x * ITEMS + i];
    Sort(storage).StableSort(key, [](int a, int b) { return a < b; });
    for (int i = 0; i < ITEMS; i++)
        keys[threadIdx.x * ITEMS + i] = key[i];
}

static Array<int> &tile(Array<int> &a, unsigned seed)
{
    Random random(seed);
    for (auto &x : a.host)
        x = (int)(random.bits() % 2001) - 1000;
    a.upload();
    return a;
}

template <class T> static void expect(const char *name, const std::vector<T> &got, const std::vector<T> &want)
{
    size_t wrong = 0, first = want.size();
    for (size_t i = want.size(); i-- > 0;)
        if (got[i] != want[i]) wrong++, first = i;
    char details[96];
    std::snprintf(details, sizeof details, "%zu of %zu wrong, the first at %zu", wrong, want.size(), first);
    conformance_verdict(name, wrong == 0, details);
}

static void reductions_of_a_block()
{
    for (int count : { 128, 100, 33, 1 }) {
        Array<int> in(THREADS), out(2);
        tile(in, count);
        std::vector<int> want = { std::accumulate(in.host.begin(), in.host.begin() + count, 0),
                                  std::max(*std::max_element(in.host.begin(), in.host.begin() + count),
                                           count < THREADS ? 0 : -1000) };
        auto check = [&](const char *name) {
            CUDA(cudaDeviceSynchronize());
            out.download();
            expect(name, out.host, want);
        };
        block_reduce<cub::BLOCK_REDUCE_WARP_REDUCTIONS><<<1, THREADS>>>(in.device(), out.device(), count);
        check("BlockReduce warp_reductions");
        block_reduce<cub::BLOCK_REDUCE_RAKING><<<1, THREADS>>>(in.device(), out.device(), count);
        check("BlockReduce raking");
    }
}

static void scans_of_a_block()
{
    Array<int> in(TILE), inclusive(TILE), exclusive(TILE);
    tile(in, 5);
    std::vector<int> sums(TILE), before(TILE, 0);
    std::partial_sum(in.host.begin(), in.host.end(), sums.begin());
    std::copy(sums.begin(), sums.end() - 1, before.begin() + 1);
    auto check = [&](const char *name) {
        CUDA(cudaDeviceSynchronize());
        inclusive.download(), exclusive.download();
        expect(name, inclusive.host, sums);
        expect(name, exclusive.host, before);
    };
    block_scan<cub::BLOCK_SCAN_WARP_SCANS><<<1, THREADS>>>(in.device(), inclusive.device(), exclusive.device());
    check("BlockScan warp_scans");
    block_scan<cub::BLOCK_SCAN_RAKING><<<1, THREADS>>>(in.device(), inclusive.device(), exclusive.device());
    check("BlockScan raking");
}

static void sorts_of_a_block()
{
    Array<unsigned> keys(TILE);
    Array<int> order(TILE), merged(TILE);
    Random random(11);
    for (auto &x : keys.host)
        x = random.bits() % 500; /* equal keys: the sort is stable */
    keys.upload();
    std::vector<int> want(TILE);
    std::iota(want.begin(), want.end(), 0);
    std::stable_sort(want.begin(), want.end(), [&](int a, int b) { return keys.host[a] < keys.host[b]; });
    block_radix_sort<<<1, THREADS>>>(keys.device(), order.device());
    CUDA(cudaDeviceSynchronize());
    order.download();
    expect("BlockRadixSort", order.host, want);
    tile(merged, 3);
    std::vector<int> sorted = merged.host;
    std::sort(sorted.begin(), sorted.end());
    block_merge_sort<<<1, THREADS>>>(merged.device());
    CUDA(cudaDeviceSynchronize());
    merged.download();
    expect("BlockMergeSort", merged.host, sorted);
}

/* CUB's host code asks twice: for the size of its storage, then to run. */
template <class Call> static void with_storage(Call call)
{
    size_t bytes = 0;
    CUDA(call(nullptr, bytes));
    Array<char> storage(bytes);
    CUDA(call(storage.device(), bytes));
    CUDA(cudaDeviceSynchronize());
}

static void device_wide()
{
    const int count = 50021;
    Array<float> values(count), sum(1);
    Array<int> in(count), out(count);
    Random random(17);
    double want = 0, magnitude = 0;
    for (auto &x : values.host) {
        x = random.uniform();
        want += x;
        magnitude += std::fabs(x);
    }
    values.upload();
    with_storage([&](void *storage, size_t &bytes) {
        return cub::DeviceReduce::Sum(storage, bytes, values.device(), sum.device(), count);
    });
    sum.download();
    conformance_verdict("DeviceReduce::Sum", std::fabs(sum.host[0] - want) <= 32 * 0x1p-24 * magnitude, "");
    tile(in, 23);
    std::vector<int> sums(count);
    std::partial_sum(in.host.begin(), in.host.end(), sums.begin());
    with_storage([&](void *storage, size_t &bytes) {
        return cub::DeviceScan::InclusiveSum(storage, bytes, in.device(), out.device(), count);
    });
    out.download();
    expect("DeviceScan::InclusiveSum", out.host, sums);
}

int main()
{
    reductions_of_a_block();
    scans_of_a_block();
    sorts_of_a_block();
    device_wide();
    return conformance_failures != 0;
}
