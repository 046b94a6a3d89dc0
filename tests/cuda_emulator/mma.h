/* What the files of mma.sync share. */
#ifndef EMULATOR_MMA_H
#define EMULATOR_MMA_H

#include "decode.h"

/* A row of B or C, of which compilers make what the processor has. */
typedef float eight __attribute__((vector_size(32), aligned(4)));

struct mma_registers {
    uint32_t m, a, b, c; /* rows of D; registers of A, B and of the accumulator */
    bool half_c, half_d; /* two halves in each */
};

/* An element of D is undefined when anything is in its row of A, its column of B, or its place in C. */
void mma_shadow(struct warp *warp, const struct op *op, const struct mma_registers *registers);
family_decoder decode_mma_exact; /* exec_mma_exact.c: integers and doubles */

/* The operands of an mma, d, a, b and c, as vectors of so many registers; false: they are not, and decoding has failed. */
bool mma_decode_operands(struct decoder *decoder, const uint32_t counts[4], int width);

#endif
