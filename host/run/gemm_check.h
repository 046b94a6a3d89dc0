/* The rules of hpck_gemm's arguments. Everything is checked before anything is launched. */
#ifndef HPCK_RUN_GEMM_CHECK_H
#define HPCK_RUN_GEMM_CHECK_H

#include "backend.h"

/* A stack of matrices as it lies in memory: `lines` rows (row-major) or columns of `length` elements, ld apart; `batch`
 * of them, stride apart or at listed offsets. */
struct gemm_operand {
    const char *name;
    void *memory;
    int64_t element_bytes;
    int64_t offset, lines, length, ld;
    int64_t batch, stride;
    const int64_t *list; /* NULL: stride counts */
    int64_t end;         /* elements from the start of memory to behind the last one; 0: none is touched */
    struct memory_range range;
};

enum { GEMM_OPERAND_A, GEMM_OPERAND_B, GEMM_OPERAND_C, GEMM_OPERAND_BIAS, GEMM_OPERAND_COUNT };

/* Copies the caller's description over the defaults, whatever version it has, and checks all that needs no memory: values,
 * sizes, leading dimensions, strides. Tight leading dimensions are filled in. */
hpck_status gemm_check_desc(const hpck_gemm_desc *caller, hpck_gemm_desc *desc, struct error *err);

/* What a checked description and its buffers touch: memory objects of this device, large enough, C apart from the
 * others and from itself. Operands that the call does not read (k == 0, no bias) get memory NULL. */
hpck_status gemm_check_operands(const struct backend *backend, struct backend_device *device,
                                const hpck_gemm_desc *desc, hpck_buffer a, hpck_buffer b, hpck_buffer c,
                                struct gemm_operand *operands, struct error *err);

/* The operands as they would lie in buffers of their own, without looking at any memory. */
void gemm_packed_operands(const hpck_gemm_desc *desc, struct gemm_operand *operands);

/* The largest power of two, at most 16, that divides the address of every line, in bytes. */
int64_t gemm_operand_alignment(const struct gemm_operand *operand);

hpck_status sync_check(const hpck_sync *sync, struct error *err);

#endif
