/* What is known about a device, without a vendor's types: filled by a backend, read by families, selection and the
 * tuning database. */
#ifndef HPCK_CORE_DEVICE_H
#define HPCK_CORE_DEVICE_H

#include <hpck/hpck.h>

#include "fields.h" /* generated: struct device_fields */

/* The four texts, compute_units and is_emulated are the device key of the tuning database. */
struct device_desc {
    char backend[8]; /* "opencl" or "cuda" */
    char vendor[64];
    char name[128];
    char architecture[64]; /* what related devices share; "" when unknown */
    char driver[64];
    char selector[32]; /* "opencl:0:0" */
    bool is_emulated;  /* its times come from an instruction count: no statement about any hardware */
    struct device_fields field;
};

#endif
