/* See bandwidth.h. */
#include "bandwidth.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "pool.h"

enum { BYTES_LEAST = 128 << 20, BYTES_MOST = 1 << 30, TRIALS = 3, PAGE = 4096 };

typedef uint64_t reader(const char *from, const char *to);

/* Reads 64-byte lines, `unroll` of them side by side, `ahead` bytes of prefetching. Or instead of plus: no latency matters. */
#define READER(name, target, bytes, unroll, ahead)                                                                 \
    target static uint64_t name(const char *from, const char *to)                                                  \
    {                                                                                                              \
        typedef uint64_t vector __attribute__((vector_size(bytes)));                                               \
        vector sum[unroll];                                                                                        \
        memset(sum, 0, sizeof sum);                                                                                \
        for (; from + (bytes) * (unroll) <= to; from += (bytes) * (unroll)) {                                      \
            _Pragma("GCC unroll 16") for (int i = 0; i < (unroll); i++)                                            \
            {                                                                                                      \
                if ((ahead) > 0 && i * (bytes) % 64 == 0) __builtin_prefetch(from + (ahead) + i * (bytes));        \
                sum[i] |= ((const vector *)from)[i];                                                               \
            }                                                                                                      \
        }                                                                                                          \
        uint64_t all = 0;                                                                                          \
        for (int i = 0; i < (unroll); i++)                                                                         \
            for (size_t e = 0; e < (bytes) / 8; e++)                                                               \
                all |= sum[i][e];                                                                                  \
        return all;                                                                                                \
    }

READER(read16_8, , 16, 8, 0)
READER(read16_16, , 16, 16, 2048)
#if defined(__x86_64__)
#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
READER(read32_4, AVX2, 32, 4, 0)
READER(read32_8, AVX2, 32, 8, 0)
READER(read32_8_ahead, AVX2, 32, 8, 2048)
READER(read64_4, AVX512, 64, 4, 0)
READER(read64_8, AVX512, 64, 8, 0)
READER(read64_8_ahead, AVX512, 64, 8, 2048)
READER(read64_16_far, AVX512, 64, 16, 4096)
#endif

struct bandwidth {
    struct pool *pool;
    const char *memory;
    char *own; /* NULL: memory is the caller's */
    size_t bytes;
    reader *read;
    uint64_t seen[256]; /* by thread: keeps the loops from being optimised away */
};

static void read_part(void *context, int index, int count)
{
    struct bandwidth *probe = context;
    size_t part = probe->bytes / (size_t)count / PAGE * PAGE;
    const char *from = probe->memory + part * (size_t)index;
    probe->seen[index] |= probe->read(from, from + part);
}

hpck_status bandwidth_run(void *opaque, struct error *err)
{
    (void)err;
    struct bandwidth *probe = opaque;
    pool_run(probe->pool, read_part, probe);
    return HPCK_OK;
}

size_t bandwidth_bytes(const struct bandwidth *probe)
{
    size_t count = (size_t)pool_size(probe->pool);
    return probe->bytes / count / PAGE * PAGE * count;
}

static int list_readers(reader **readers)
{
    int count = 0;
    readers[count++] = read16_8;
    readers[count++] = read16_16;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        readers[count++] = read32_4;
        readers[count++] = read32_8;
        readers[count++] = read32_8_ahead;
    }
    if (__builtin_cpu_supports("avx512f")) {
        readers[count++] = read64_4;
        readers[count++] = read64_8;
        readers[count++] = read64_8_ahead;
        readers[count++] = read64_16_far;
    }
#endif
    return count;
}

static void choose_reader(struct bandwidth *probe)
{
    reader *readers[16];
    double best = INFINITY;
    reader *chosen = NULL;
    int count = list_readers(readers);
    for (int trial = 0; trial < TRIALS * count; trial++) {
        probe->read = readers[trial % count];
        double begin = measure_now();
        pool_run(probe->pool, read_part, probe);
        double time = measure_now() - begin;
        if (time >= best) continue;
        best = time;
        chosen = probe->read;
    }
    probe->read = chosen;
}

hpck_status bandwidth_open(int64_t cache_bytes, const void *memory, size_t bytes, struct bandwidth **out,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    struct bandwidth *probe = calloc(1, sizeof *probe);
    if (!probe) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(pool_open(&probe->pool, err));
    if (memory != NULL) {
        size_t skipped = (PAGE - (uintptr_t)memory % PAGE) % PAGE;
        probe->memory = (const char *)memory + skipped;
        probe->bytes = bytes - skipped;
    } else {
        probe->bytes = (size_t)fmin(fmax(4.0 * (double)cache_bytes, BYTES_LEAST), BYTES_MOST) / PAGE * PAGE;
        probe->memory = probe->own = aligned_alloc(PAGE, probe->bytes);
        if (!probe->own) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for a probe of %zu bytes", probe->bytes);
        memset(probe->own, 1, probe->bytes);
    }
    choose_reader(probe);
    *out = probe;
    probe = NULL;
done:
    bandwidth_close(probe);
    return st;
}

void bandwidth_close(struct bandwidth *probe)
{
    if (!probe) return;
    pool_close(probe->pool);
    free(probe->own);
    free(probe);
}
