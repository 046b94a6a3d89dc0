/* The one driver of the process, behind its lock: initialisation, and what every API call begins and ends with. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "emulator.h"

static struct driver state; /* a driver has one state per process; the lock guards it */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int driver_enter(struct driver **driver, enum driver_need need)
{
    pthread_mutex_lock(&lock);
    *driver = &state;
    if (need >= NEED_INIT && !state.initialised) return CUDA_ERROR_NOT_INITIALIZED;
    if (need == NEED_CONTEXT && (!driver_has_current() || state.context_references == 0))
        return CUDA_ERROR_INVALID_CONTEXT;
    return need == NEED_CONTEXT ? state.sticky : CUDA_SUCCESS;
}

int driver_leave(int result)
{
    pthread_mutex_unlock(&lock);
    return result;
}

void driver_report(struct driver *driver, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(driver->report, sizeof driver->report, format, arguments);
    va_end(arguments);
    if (driver->verbose) fprintf(stderr, "hpck emulator: %s\n", driver->report);
}

static bool is_on(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && strcmp(value, "0") != 0 && *value != '\0';
}

/* NAME, or NAME:COUNT for a device that is the same but has so many multiprocessors: more tiles than fit at once need no large
 * problem there. */
static bool choose_device(struct driver *driver, const char *text)
{
    const char *colon = strchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    char name[32] = "", *end = NULL;
    if (length < sizeof name) memcpy(name, text, length);
    const struct device_profile *profile = device_profile(name);
    if (profile == NULL) return false;
    driver->chosen = *profile;
    if (colon != NULL) {
        long count = strtol(colon + 1, &end, 10);
        if (end == colon + 1 || *end != '\0' || count < 1 || count > profile->multiprocessors) return false;
        driver->chosen.multiprocessors = (int)count;
    }
    driver->device = &driver->chosen;
    return true;
}

static bool read_seed(struct driver *driver)
{
    const char *text = getenv("HPCK_EMULATOR_SEED");
    char *end = NULL;
    if (text == NULL || *text == '\0') return true;
    driver->seed = strtoull(text, &end, 10);
    if (*end == '\0') return true;
    driver_report(driver, "HPCK_EMULATOR_SEED=%s: not a number", text);
    return false;
}

API cuInit(unsigned flags)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    if (flags != 0) return driver_leave(CUDA_ERROR_INVALID_VALUE);
    if (driver->initialised) return driver_leave(CUDA_SUCCESS);
    const char *name = getenv("HPCK_EMULATOR_DEVICE");
    driver->verbose = !is_on("HPCK_EMULATOR_QUIET");
    if (!choose_device(driver, name != NULL && *name != '\0' ? name : "a100")) {
        driver_report(driver, "HPCK_EMULATOR_DEVICE=%s: there are %s; NAME:COUNT has fewer multiprocessors", name,
                      device_profile_names());
        return driver_leave(CUDA_ERROR_NO_DEVICE);
    }
    if (!read_seed(driver)) return driver_leave(CUDA_ERROR_INVALID_VALUE);
    driver->check = is_on("HPCK_EMULATOR_CHECK");
    driver->count = driver->print = is_on("HPCK_EMULATOR_COUNT");
    if (!memory_open(&driver->memory, driver->device->memory, driver->check))
        return driver_leave(CUDA_ERROR_OUT_OF_MEMORY);
    driver->initialised = true;
    return driver_leave(CUDA_SUCCESS);
}

API cuDriverGetVersion(int *version)
{
    if (version == NULL) return CUDA_ERROR_INVALID_VALUE;
    *version = DRIVER_VERSION;
    return CUDA_SUCCESS;
}

/* NVRTC asks for this when it finds a driver; refusing is fine. */
API cuGetExportTable(const void **table, const void *id)
{
    (void)id;
    if (table != NULL) *table = NULL;
    return CUDA_ERROR_NOT_FOUND;
}

__attribute__((visibility("default"))) const char *hpckemu_report(void)
{
    return state.report;
}

__attribute__((visibility("default"))) void hpckemu_set_check(int on)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver->check = on != 0;
    driver_leave(0);
}

__attribute__((visibility("default"))) void hpckemu_set_count(int on)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver->count = on != 0;
    driver_leave(0);
}

__attribute__((visibility("default"))) uint64_t hpckemu_set_seed(uint64_t seed)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    uint64_t before = driver->seed;
    driver->seed = seed;
    driver_leave(0);
    return before;
}

__attribute__((visibility("default"))) void hpckemu_shutdown(void)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver_free_modules(driver);
    driver_free_queues(driver);
    memory_close(&driver->memory);
    *driver = (struct driver){ .initialised = false };
    driver_leave(0);
}

__attribute__((visibility("default"))) void hpckemu_reset_counters(void)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    driver->counters = (struct counters){ 0 };
    driver_leave(0);
}

__attribute__((visibility("default"))) int64_t hpckemu_counter(const char *name)
{
    struct driver *driver;
    driver_enter(&driver, NEED_NOTHING);
    int64_t value = counters_get(&driver->counters, name);
    driver_leave(0);
    return value;
}
