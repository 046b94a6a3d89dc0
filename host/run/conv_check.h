/* The rules of hpck_conv's arguments. Everything is checked before anything is launched. */
#ifndef HPCK_RUN_CONV_CHECK_H
#define HPCK_RUN_CONV_CHECK_H

#include "backend.h"

/* A dense tensor as it lies in memory. */
struct conv_operand {
    const char *name;
    void *memory; /* NULL: the call does not touch it */
    int64_t offset, elements, element_bytes;
    bool is_written;
    struct memory_range range;
};

enum {
    CONV_OPERAND_X,
    CONV_OPERAND_FILTER,
    CONV_OPERAND_Y,
    CONV_OPERAND_BIAS,
    CONV_OPERAND_RESIDUAL,
    CONV_OPERAND_COUNT
};

/* Copies the caller's description over the defaults, whatever version it has, and checks the enumerations. Sizes are
 * checked by problem_check. */
hpck_status conv_check_desc(const hpck_conv_desc *caller, hpck_conv_desc *desc, struct error *err);

/* Memory objects of this device, large enough, the written one apart from the others. problem is canonical. */
hpck_status conv_check_operands(const struct backend *backend, struct backend_device *device,
                                const hpck_conv_desc *desc, const struct problem *problem, hpck_buffer x,
                                hpck_buffer filter, hpck_buffer y, struct conv_operand *operands,
                                struct error *err);

/* The same for the filter alone. */
hpck_status conv_check_filter(const struct backend *backend, struct backend_device *device,
                              const hpck_conv_desc *desc, const struct problem *problem, hpck_buffer filter,
                              struct error *err);

/* Of checked operands: the largest power of two, at most CONV_ALIGN_MAX, that divides the addresses of x, filter and y. */
int64_t conv_operands_alignment(const struct conv_operand *operands);

#endif
