/* All backends, in order of preference: the one list to extend. */
#include "backend.h"

const struct backend *const backends[] = { &cuda_backend, &opencl_backend };
const int backend_count = sizeof backends / sizeof backends[0];
