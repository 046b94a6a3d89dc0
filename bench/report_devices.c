/* The devices of this machine, for --list-devices. */
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static hpck_status print_json(const hpck_device_info *device, struct error *err)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "selector", device->selector, "name", device->name,
                  "vendor", device->vendor, "driver", device->driver, "type", device->type, "compute_units",
                  (json_int_t)device->compute_units, "global_bytes", (json_int_t)device->global_bytes);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!line) return error_set(err, HPCK_OUT_OF_MEMORY, "cannot print device %s", device->selector);
    puts(line);
    free(line);
    return HPCK_OK;
}

hpck_status report_devices(enum bench_format format, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_device_info *devices = NULL;
    size_t count = 0;
    st = hpck_devices(NULL, 0, &count);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "the devices cannot be listed: %s", hpck_status_string(st));
    if (count == 0) fputs("hpck-bench: no device: no OpenCL driver is installed, or it offers none\n", stderr);
    devices = calloc(count > 0 ? count : 1, sizeof *devices);
    if (!devices) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for %zu devices", count);
    HPCK_TRY(hpck_devices(devices, count, &count));
    for (size_t i = 0; i < count; i++) {
        const hpck_device_info *device = &devices[i];
        if (format == FORMAT_JSON)
            HPCK_TRY(print_json(device, err));
        else
            printf("%s  %s  (%s, %" PRId64 " compute units, driver %s)\n", device->selector, device->name,
                   device->type, device->compute_units, device->driver);
    }
done:
    free(devices);
    return st;
}
