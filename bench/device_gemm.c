/* See device_gemm.h. */
#include "device_gemm.h"

#include <stdlib.h>

hpck_status device_gemm_open(struct device_gemm *device, hpck_handle *handle, struct workload *workload, int copies,
                             struct error *err)
{
    hpck_status st = HPCK_OK;
    const struct blas_gemm *g = &device->gemm;
    *device = (struct device_gemm){ .sets.handle = handle };
    HPCK_TRY(blas_gemm_of(workload, &device->gemm, err));
    const struct device_tensor operands[] = {
        [OPERAND_A] = { g->a, g->elements_a, g->dtype },
        [OPERAND_B] = { g->b, g->elements_b, g->dtype },
        [OPERAND_C] = { NULL, g->elements_c, g->dtype_c },
        [OPERAND_BIAS] = { g->bias, g->column_major ? g->m : g->n, g->dtype_c },
    };
    HPCK_TRY(device_sets_open(&device->sets, handle, operands, g->bias ? 4 : 3, copies, err));
done:
    return st;
}

void device_gemm_close(struct device_gemm *device)
{
    device_sets_close(&device->sets);
}

hpck_status device_gemm_verify(struct device_gemm *device, hpck_status (*run)(void *state, struct error *err),
                               void *state, struct error *err)
{
    hpck_status st = HPCK_OK;
    void *c = NULL;
    HPCK_TRY(device_sets_try(&device->sets, OPERAND_C, run, state, &c, err));
    HPCK_TRY(blas_gemm_check(&device->gemm, c, device->gemm.dtype_c, err));
done:
    free(c);
    return st;
}
