/* Finding devices over all backends. */
#ifndef HPCK_RUN_DEVICES_H
#define HPCK_RUN_DEVICES_H

#include "backend.h"

/* The device that `request` names (see hpck_options.device); NULL: HPCK_DEVICE, else the best there is.
 * NO_DEVICE: the message lists what there is. INVALID_ARGUMENT: the request fits several; the message lists them. */
hpck_status devices_choose(const char *request, const struct backend **backend, struct device_desc *desc,
                           struct error *err);

void device_info_fill(const struct device_desc *desc, hpck_device_info *info);

#endif
