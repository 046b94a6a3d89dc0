/* Adopting a caller's OpenCL objects. Needs the OpenCL headers; hpck.h does not. */
#ifndef HPCK_OPENCL_H
#define HPCK_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include <hpck/hpck.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Creates a handle on the caller's context, device and in-order or out-of-order queue. The three are retained until
 * hpck_destroy. queue may be NULL: the handle then makes its own. options->device is ignored.
 * INVALID_ARGUMENT: the device is not in the context, or the queue belongs to another context or device. */
HPCK_API hpck_status hpck_opencl_create(hpck_handle **handle, cl_context context, cl_device_id device,
                                        cl_command_queue queue, const hpck_options *options);

/* Later calls go to this queue of the handle's context and device. O(1): nothing is waited for.
 * Calls of one handle run in the order they are made, on an out-of-order queue and across queues too (by events between
 * them); what shall overlap goes through two handles. */
HPCK_API hpck_status hpck_opencl_set_queue(hpck_handle *handle, cl_command_queue queue);

/* The objects in use, for mixing hpck with the caller's own OpenCL code; not retained for the caller. Any pointer may
 * be NULL. */
HPCK_API hpck_status hpck_opencl_get(const hpck_handle *handle, cl_context *context, cl_device_id *device,
                                     cl_command_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
