/* For the emulator's tests: CUDA C++ through NVRTC onto an emulated device. A failure fails the CMocka test that runs. */
#ifndef EMULATOR_TESTING_H
#define EMULATOR_TESTING_H

#include <stddef.h>
#include <stdint.h>

#include "driver_api.h"
#include "emulator.h"

/* Can NVRTC be opened? The tests' main returns 77 when not. */
int emulated_has_nvrtc(void);
/* PTX of the source for "compute_80" and the like; free() it. */
char *emulated_compile(const char *source, const char *target);
/* A fresh device by name, checker on or off, its context current. */
void emulated_open(const char *device, int check);
/* Compiles, loads and finds the kernel. */
void *emulated_kernel(const char *source, const char *target, const char *name);
uint64_t emulated_copy(const void *data, size_t size); /* into new device memory */
uint64_t emulated_zeros(size_t size);
/* Launches on a one-dimensional block and expects success. */
void emulated_launch(void *kernel, unsigned grid_x, unsigned grid_y, unsigned threads, unsigned shared,
                     void **params);
/* Launches and expects the fault: its code from cuCtxSynchronize and each of the words in the report. */
void emulated_expect_fault(void *kernel, unsigned blocks, unsigned threads, void **params, int code,
                           const char *const *words);

#endif
