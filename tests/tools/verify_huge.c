/* Multiplies two 2 x 2 matrices that lie in buffers of more than 2^31 elements, with one family on the default device:
 *     verify_huge FAMILY [COUNT]
 * In turn the rows, the batch entries and the first element of A, of B and of C lie more than 2^31 elements apart. The
 * buffers are sparse, but oclgrind clears them: 4.3 GiB at a time, which is why COUNT limits how many layouts are tried. Exit 1 on a wrong result. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm.h"
#include "reference/numerics.h"

enum { BATCH = 2, EXIT_USAGE = 2 };
static const int64_t FAR = ((int64_t)1 << 31) + 64;

struct matrix {
    int64_t offset, ld, stride;
    void *memory;
};

struct layout {
    const char *name;
    struct matrix a, b, c;
};

static int64_t element(const struct matrix *x, int entry, int row, int column)
{
    return x->offset + entry * x->stride + row * x->ld + column;
}

/* f16 throughout; entry e of A is its value of row and column, plus e. */
static hpck_status put(hpck_handle *handle, struct matrix *x, const double *values)
{
    hpck_status st = HPCK_OK;
    const size_t bytes = (size_t)(element(x, BATCH - 1, 1, 1) + 1) * 2;
    HPCK_TRY(hpck_malloc(handle, bytes, &x->memory));
    for (int i = 0; i < 4 * BATCH; i++) {
        uint16_t half;
        reference_store(&half, REFERENCE_F16, 0, values[i % 4] + i / 4);
        HPCK_TRY(hpck_write(handle, x->memory, (size_t)element(x, i / 4, i / 2 % 2, i % 2) * 2, &half, 2));
    }
done:
    return st;
}

static hpck_status check(hpck_handle *handle, const struct layout *layout)
{
    static const double expected[] = { 19, 22, 43, 50, 36, 41, 64, 73 }; /* A B, and (A + 1)(B + 1) */
    hpck_status st = HPCK_OK;
    for (int i = 0; i < 4 * BATCH; i++) {
        uint16_t half = 0;
        HPCK_TRY(hpck_read(handle, &half, layout->c.memory,
                           (size_t)element(&layout->c, i / 4, i / 2 % 2, i % 2) * 2, 2));
        const double got = reference_load(&half, REFERENCE_F16, 0);
        if (got == expected[i]) continue;
        HPCK_FAIL(&handle->err, HPCK_INTERNAL, "%s: element %d is %g, expected %g", layout->name, i, got,
                  expected[i]);
    }
done:
    return st;
}

static hpck_status verify(hpck_handle *handle, const struct family *family, struct layout layout)
{
    static const double a[] = { 1, 2, 3, 4 }, b[] = { 5, 6, 7, 8 }, c[] = { -1, -1, -1, -1 };
    hpck_status st = HPCK_OK;
    hpck_plan *plan = NULL;
    struct problem problem;
    hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    desc.dtype = desc.dtype_c = HPCK_F16;
    desc.m = desc.n = desc.k = 2;
    desc.lda = layout.a.ld;
    desc.ldb = layout.b.ld;
    desc.ldc = layout.c.ld;
    desc.batch = BATCH;
    desc.stride_a = layout.a.stride;
    desc.stride_b = layout.b.stride;
    desc.stride_c = layout.c.stride;
    HPCK_TRY(put(handle, &layout.a, a));
    HPCK_TRY(put(handle, &layout.b, b));
    HPCK_TRY(put(handle, &layout.c, c));
    HPCK_TRY(gemm_problem(&desc, &problem, &handle->err));
    for (int seed = 0; seed < family->seed_count && plan == NULL; seed++)
        st = plan_force(handle, &problem, family, family->seeds + seed * family->param_count, &plan);
    HPCK_TRY(st);
    HPCK_TRY(gemm_execute(handle, plan, &desc, 1.0F, (hpck_buffer){ layout.a.memory, layout.a.offset },
                          (hpck_buffer){ layout.b.memory, layout.b.offset }, 0.0F,
                          (hpck_buffer){ layout.c.memory, layout.c.offset }, NULL));
    HPCK_TRY(check(handle, &layout));
done:
    plan_free(plan);
    if (layout.a.memory != NULL) hpck_free(handle, layout.a.memory);
    if (layout.b.memory != NULL) hpck_free(handle, layout.b.memory);
    if (layout.c.memory != NULL) hpck_free(handle, layout.c.memory);
    return st;
}

int main(int argc, char **argv)
{
    const struct matrix near = { .offset = 0, .ld = 2, .stride = 4 }, far = { .offset = FAR, .ld = 2, .stride = 4 };
    const struct matrix rows = { .offset = 0, .ld = FAR, .stride = 4 },
                        entries = { .offset = 0, .ld = 2, .stride = FAR };
    const struct layout layouts[] = {
        { "rows of A", rows, near, near },
        { "rows of B", near, rows, near },
        { "rows of C", near, near, rows },
        { "batch entries of A", entries, near, near },
        { "batch entries of B", near, entries, near },
        { "batch entries of C", near, near, entries },
        { "first element of A", far, near, near },
        { "first element of B", near, far, near },
        { "first element of C", near, near, far },
    };
    const struct family *family = argc > 1 ? family_find(argv[1]) : NULL;
    if (family == NULL) {
        fprintf(stderr, "usage: verify_huge FAMILY [COUNT]\n");
        return EXIT_USAGE;
    }
    const size_t all = sizeof layouts / sizeof *layouts;
    const size_t asked = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : all;
    hpck_handle *handle = NULL;
    hpck_status status = hpck_create(&handle, NULL);
    for (size_t i = 0; i < all && i < asked && status == HPCK_OK; i++)
        status = verify(handle, family, layouts[i]);
    if (status == HPCK_OK) {
        hpck_device_info info;
        hpck_device(handle, &info);
        printf("%s on %s: right beyond 2^31 elements\n", family->name, info.name);
    } else {
        fprintf(stderr, "%s: %s\n", family->name, hpck_error_message(handle));
    }
    hpck_destroy(handle);
    return status == HPCK_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
