/* Running a freshly compiled program once on a small stand-in of its problem. Some drivers compile for real only then
 * (PoCL, for the work-group size): without it a plan would not be ready, and what is saved on disk not complete. */
#ifndef HPCK_RUN_REHEARSE_H
#define HPCK_RUN_REHEARSE_H

#include "step.h"

/* A call on a small problem that runs the same code; each op describes its own (gemm_rehearsal, ...). */
struct rehearsal {
    struct problem problem;
    struct call call;                    /* buffers are filled in by rehearse */
    size_t buffer_bytes[OP_BUFFERS_MAX]; /* 0: the buffer is not bound */
};

/* Waits for the end of the rehearsal, which touches neither the device's queue nor anybody's memory. A problem that the
 * point's family or its options do not treat alike when small is not rehearsed: UNSUPPORTED. */
hpck_status rehearse(const struct backend *backend, struct backend_device *device, const struct family *family,
                     const struct point *point, struct backend_program *program, struct error *err);

#endif
