/* What the conformance programs share: device memory with contents, a product in double precision, and the verdict. A program
 * is ordinary CUDA C++ of nvcc's; cuda_runtime.c stands in for the CUDA runtime. */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <cuda_runtime.h>

static int conformance_failures;

static inline void conformance_cuda(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return;
    std::printf("%s: %s\n", what, cudaGetErrorString(error));
    std::exit(1); /* a fault stays with the context */
}
#define CUDA(call) conformance_cuda((call), #call)

static inline void conformance_verdict(const char *name, bool right, const char *details)
{
    std::printf("%s %s %s\n", right ? "ok  " : "FAIL", name, details);
    conformance_failures += !right;
}

/* Uniform in [-1, 1), the same in every run. */
class Random
{
    unsigned long long state;

  public:
    explicit Random(unsigned long long seed) : state(seed)
    {
    }
    unsigned bits()
    {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return (unsigned)(state >> 33);
    }
    float uniform()
    {
        return (float)(bits() % (1u << 24)) / (float)(1 << 23) - 1;
    }
};

/* An array on the host and on the device. */
template <class T> class Array
{
    T *device_ = nullptr;

  public:
    std::vector<T> host;
    explicit Array(size_t count) : host(count)
    {
        CUDA(cudaMalloc((void **)&device_, (count + 1) * sizeof(T)));
    }
    Array(const Array &) = delete;
    ~Array()
    {
        cudaFree(device_);
    }
    T *device()
    {
        return device_;
    }
    void upload()
    {
        CUDA(cudaMemcpy(device_, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice));
    }
    void download()
    {
        CUDA(cudaMemcpy(host.data(), device_, host.size() * sizeof(T), cudaMemcpyDeviceToHost));
    }
};

/* D = alpha A B + beta C: operands drawn in their types, the reference in double precision. A is m x k, B k x n, C and D m x n; a
 * matrix is stored by rows, or by columns where its flag says so. */
template <class TA, class TB, class TC> struct Product {
    int m, n, k;
    float alpha, beta;
    bool a_columns, b_columns, c_columns;
    Array<TA> a;
    Array<TB> b;
    Array<TC> c, d;

    Product(int m, int n, int k, float alpha, float beta, bool a_columns, bool b_columns, bool c_columns)
        : m(m), n(n), k(k), alpha(alpha), beta(beta), a_columns(a_columns), b_columns(b_columns),
          c_columns(c_columns), a((size_t)m * k), b((size_t)k * n), c((size_t)m * n), d((size_t)m * n)
    {
        Random random(m * 7919 + n * 104729 + k);
        for (auto &x : a.host)
            x = TA(random.uniform());
        for (auto &x : b.host)
            x = TB(random.uniform());
        for (auto &x : c.host)
            x = TC(random.uniform());
        for (auto &x : d.host)
            x = TC(NAN); /* every element has to be written */
        a.upload(), b.upload(), c.upload(), d.upload();
    }
    int lda() const
    {
        return a_columns ? m : k;
    }
    int ldb() const
    {
        return b_columns ? k : n;
    }
    int ldc() const
    {
        return c_columns ? m : n;
    }

    /* Within the rounding of the output type, and of k float sums in any order. unit: 2^-11 for half, 2^-8 for bfloat ... of
     * inputs: the rounding that the multiplier applies to its operands (tf32), else 0. */
    void check(const char *name, double unit, double inputs = 0)
    {
        conformance_cuda(cudaDeviceSynchronize(), name);
        d.download();
        double worst = 0;
        int wrong = 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0, magnitude = 0;
                for (int p = 0; p < k; p++) {
                    double x = (float)a.host[a_columns ? i + (size_t)p * m : (size_t)i * k + p];
                    double y = (float)b.host[b_columns ? p + (size_t)j * k : (size_t)p * n + j];
                    sum += x * y;
                    magnitude += std::fabs(x * y);
                }
                size_t at = c_columns ? i + (size_t)j * m : (size_t)i * n + j;
                double old = (float)c.host[at], want = alpha * sum + beta * old;
                magnitude = std::fabs(alpha) * magnitude + std::fabs(beta * old);
                double bound = unit * std::fabs(want) + ((k + 2) * 0x1p-23 * (1 + unit) + 2 * inputs) * magnitude;
                double error = std::fabs((double)(float)d.host[at] - want);
                if (!(error <= bound)) wrong++;
                if (!(error / bound <= worst)) worst = error / bound;
            }
        char details[160];
        std::snprintf(details, sizeof details,
                      "%dx%dx%d alpha %g beta %g: %d of %d wrong, largest error %.3g of the bound", m, n, k, alpha,
                      beta, wrong, m * n, worst);
        conformance_verdict(name, wrong == 0, details);
    }
};

#endif
