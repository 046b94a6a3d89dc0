/* The rules of hpck_reduce's and hpck_normalize's arguments, and what they become: a problem and the values of a call.
 * Everything is checked before anything is launched. */
#ifndef HPCK_RUN_REDUCE_CHECK_H
#define HPCK_RUN_REDUCE_CHECK_H

#include "reduce_layout.h"
#include "step.h"

/* A checked description. */
struct reduce_request {
    const char *api;                    /* "reduce" or "normalize", for messages */
    struct problem problem;             /* canonical */
    struct reduce_layout layout, given; /* merged, and as the caller sees it */
    bool is_empty;                      /* nothing to write */
    float correction, epsilon;
    hpck_buffer x2, variance, indices, scale, shift;
    int64_t columns; /* elements of scale and shift */
};

hpck_status reduce_check_desc(const hpck_reduce_desc *caller, bool with_y, struct reduce_request *request,
                              struct error *err);
hpck_status reduce_check_normalize(const hpck_normalize_desc *caller, struct reduce_request *request,
                                   struct error *err);

/* Buffers large enough, apart, of this device; fills in the call. */
hpck_status reduce_check_operands(const struct backend *backend, struct backend_device *device,
                                  const struct reduce_request *request, hpck_buffer x, hpck_buffer y,
                                  struct call *call, struct error *err);

#endif
