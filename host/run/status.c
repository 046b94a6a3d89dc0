/* The version, and the names of the statuses. */
#include <hpck/hpck.h>

static const char *const names[] = {
    [HPCK_OK] = "HPCK_OK",
    [HPCK_INVALID_ARGUMENT] = "HPCK_INVALID_ARGUMENT",
    [HPCK_UNSUPPORTED] = "HPCK_UNSUPPORTED",
    [HPCK_NO_DEVICE] = "HPCK_NO_DEVICE",
    [HPCK_OUT_OF_MEMORY] = "HPCK_OUT_OF_MEMORY",
    [HPCK_DEVICE_OUT_OF_MEMORY] = "HPCK_DEVICE_OUT_OF_MEMORY",
    [HPCK_COMPILE_FAILED] = "HPCK_COMPILE_FAILED",
    [HPCK_LAUNCH_FAILED] = "HPCK_LAUNCH_FAILED",
    [HPCK_TIMEOUT] = "HPCK_TIMEOUT",
    [HPCK_DB_FORMAT] = "HPCK_DB_FORMAT",
    [HPCK_IO] = "HPCK_IO",
    [HPCK_INTERNAL] = "HPCK_INTERNAL",
};
enum { NAME_COUNT = sizeof names / sizeof names[0] };

const char *hpck_status_string(hpck_status status)
{
    int index = (int)status;
    return index >= 0 && index < NAME_COUNT ? names[index] : "unknown hpck_status";
}

int hpck_version(void)
{
    return HPCK_VERSION;
}
