/* What librecording_driver.so exports beyond the driver API: a driver that runs nothing, notes which of its functions were
 * called, and fails where it is told to. For what a functional driver cannot show: which calls a launch makes, and what
 * hpck does with every kind of failure. */
#ifndef HPCK_TESTS_RECORDING_DRIVER_H
#define HPCK_TESTS_RECORDING_DRIVER_H

#include <stddef.h>
#include <stdint.h>

enum { RECORDER_LOG = 1 << 16, RECORDER_PARAMS = 16, RECORDER_TENSORS = 8 };

/* What a tensor map was made from; strides in bytes, [0] unused. */
struct recorded_tensor {
    int type, swizzle;
    unsigned rank;
    void *address;
    uint64_t size[5], stride[5];
    unsigned box[5];
};

struct recorder {
    /* set by the test */
    int device_count;
    int sm;              /* of every device */
    int local_bytes;     /* what a block may have of shared memory */
    int is_capturing;    /* what every stream says of itself */
    const char *failing; /* the functions that begin so fail with fail_code, ... */
    int fail_after;      /* after so many more successful calls, ... */
    int fail_times;      /* so many times; 0: from then on */
    int fail_code;
    const char *jit_log; /* written where loading fails */
    /* written by the driver */
    char log[RECORDER_LOG]; /* the functions called, each followed by a blank; attributes and errors are left out */
    int pushed;             /* contexts on the stack */
    int alive;              /* allocations, streams, events and modules not given back */
    int retained;           /* primary contexts */
    char image[256];        /* the start of the module loaded last */
    char target[16];        /* of that module, if it is PTX: "sm_80" */
    /* the last launch */
    unsigned grid[3], block[3], shared_bytes;
    const void *stream;
    int64_t param[RECORDER_PARAMS]; /* the first of them, as 8 bytes */
    struct recorded_tensor tensor[RECORDER_TENSORS];
    int tensor_count; /* of maps made so far; the n-th is in tensor[n % RECORDER_TENSORS] */
    int param_count;  /* set by the test: how many the kernel has */
};

/* The one recorder of the process. */
struct recorder *recorder(void);
typedef struct recorder *(*recorder_function)(void);

#endif
