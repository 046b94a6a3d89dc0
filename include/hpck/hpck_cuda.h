/* Adopting a caller's CUDA context and stream. Needs no CUDA header: the four types are declared exactly as <cuda.h> declares
 * them, so both may be included, in any order. A cudaStream_t of the runtime API is a CUstream. */
#ifndef HPCK_CUDA_H
#define HPCK_CUDA_H

#include <hpck/hpck.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef unsigned long long CUdeviceptr;

/* Creates a handle on the caller's context and one of its streams. context NULL: the one that is current in the calling
 * thread, which programs on the runtime API have after their first call. stream NULL: CUDA's default stream. Neither can
 * be retained: both must outlive the handle, or for a stream the next hpck_cuda_set_stream. options->device is ignored.
 * No call of the handle changes which context is current.
 * INVALID_ARGUMENT: no context is current, or the stream belongs to another one. */
HPCK_API hpck_status hpck_cuda_create(hpck_handle **handle, CUcontext context, CUstream stream,
                                      const hpck_options *options);

/* Later calls go to this stream of the handle's context. O(1): nothing is waited for. Calls of one handle run in the order
 * they are made, across streams too (by an event between them); what shall overlap goes through two handles.
 * Capture: executing a plan that exists (hpck_gemm_plan) may be captured into a graph, with strides but not with lists of
 * offsets. Calls that would allocate, compile or wait return UNSUPPORTED instead and leave the capture intact. Captured
 * calls are ordered among themselves only. */
HPCK_API hpck_status hpck_cuda_set_stream(hpck_handle *handle, CUstream stream);

/* The objects in use, for mixing hpck with the caller's own CUDA code. Either pointer may be NULL. */
HPCK_API hpck_status hpck_cuda_get(const hpck_handle *handle, CUcontext *context, CUstream *stream);

/* An operand that starts `offset` elements behind a device address, which may lie anywhere in an allocation. */
static inline hpck_buffer hpck_cuda_buffer(CUdeviceptr address, int64_t offset)
{
    hpck_buffer buffer;
    buffer.memory = (void *)(uintptr_t)address;
    buffer.offset = offset;
    return buffer;
}

#ifdef __cplusplus
}
#endif
#endif
