/* The clock that times calls on a handle's device. */
#ifndef HPCK_AUTOTUNE_DEVICE_CLOCK_H
#define HPCK_AUTOTUNE_DEVICE_CLOCK_H

#include "handle.h"
#include "measure.h"

/* NULL: the host's clock, as a caller has it. Only an emulated device has another one, which gives the same time for the
 * same call: then *clock is set and returned. It lives as long as the handle. */
const struct measure_clock *device_clock(hpck_handle *handle, struct measure_clock *clock);

#endif
