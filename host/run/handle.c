/* Making, using and destroying handles. */
#include "handle.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices.h"
#include "plan_table.h"
#include "versioned.h"

/* ---- entering and leaving public calls ------------------------------------------------------------------- */

hpck_status handle_enter(hpck_handle *handle)
{
    /* A dead handle keeps the message of its creation. */
    if (handle == NULL || handle->backend == NULL) return HPCK_INVALID_ARGUMENT;
    if (handle->pid != getpid())
        return error_set(
            &handle->err, HPCK_INVALID_ARGUMENT,
            "handle: it was created by process %ld, and this is process %ld: drivers do not survive fork(), "
            "create a new handle here",
            (long)handle->pid, (long)getpid());
    return HPCK_OK;
}

hpck_status handle_leave(hpck_handle *handle, hpck_status status)
{
    if (status == HPCK_OK || handle == NULL || handle->backend == NULL) return status;
    enum verbose_event event = status == HPCK_INVALID_ARGUMENT ? VERBOSE_CHECK : VERBOSE_ERROR;
    if (verbose_wants(handle->verbose, event))
        verbose_print(handle->verbose, event, NULL, "status=%s,message=%s", hpck_status_string(status),
                      error_text(&handle->err));
    return status;
}

hpck_handle *handle_mutable(const hpck_handle *handle)
{
    return (hpck_handle *)(uintptr_t)handle;
}

const char *hpck_error_message(const hpck_handle *handle)
{
    return handle == NULL ? "" : error_text(&handle->err);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static hpck_status options_read(const hpck_options *caller, hpck_options *options, struct error *err)
{
    *options = (hpck_options)HPCK_OPTIONS_INIT;
    if (caller == NULL) return HPCK_OK;
    return versioned_copy(options, sizeof *options, sizeof *options, caller, caller->size, "options", err);
}

/* What a handle has beside its device. */
static hpck_status furnish(hpck_handle *handle, const hpck_options *options)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(tunedb_open(options->db, handle->verbose, &handle->db, &handle->err));
    HPCK_TRY(cache_open(handle->backend, handle->device, options->bundle, options->cache_dir, handle->verbose,
                        &handle->cache, &handle->err));
    HPCK_TRY(plan_table_open(&handle->plans, &handle->err));
done:
    return st;
}

static void strip(hpck_handle *handle)
{
    if (handle->backend == NULL) return;
    handle->backend->drain(handle->device);
    plan_table_close(handle->plans);
    cache_close(handle->cache);
    tunedb_close(handle->db);
    for (size_t i = 0; i < handle->allocation_count; i++)
        handle->backend->release(handle->device, handle->allocations[i]);
    free(handle->allocations);
    if (!handle->workspace_is_callers) handle->backend->release(handle->device, handle->workspace);
    handle->backend->close(handle->device);
    handle->backend = NULL;
}

/* The caller's objects; all NULL: a device of our own choosing. */
struct adopted {
    void *context, *device, *queue;
};

static hpck_status create(hpck_handle **out, const hpck_options *caller_options, const struct backend *backend,
                          const struct adopted *adopted)
{
    hpck_status st = HPCK_OK;
    hpck_options options;
    struct device_desc desc;
    if (out == NULL) return HPCK_INVALID_ARGUMENT;
    *out = NULL;
    hpck_handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL) return HPCK_OUT_OF_MEMORY;
    *out = handle;
    handle->pid = getpid();
    handle->workspace_limit = SIZE_MAX;
    HPCK_TRY(verbose_open(&handle->verbose, &handle->err));
    HPCK_TRY(options_read(caller_options, &options, &handle->err));
    if (adopted != NULL) {
        HPCK_TRY(backend->adopt(adopted->context, adopted->device, adopted->queue, &handle->device, &handle->err));
    } else {
        HPCK_TRY(devices_choose(options.device, &backend, &desc, &handle->err));
        HPCK_TRY(backend->open(desc.selector, &handle->device, &handle->err));
    }
    handle->backend = backend;
    HPCK_TRY(furnish(handle, &options));
done:
    handle_leave(handle, st);
    if (st != HPCK_OK) strip(handle);
    return st;
}

hpck_status hpck_create(hpck_handle **handle, const hpck_options *options)
{
    return create(handle, options, NULL, NULL);
}

hpck_status handle_adopt(hpck_handle **handle, const hpck_options *options, const struct backend *backend,
                         void *context, void *device, void *queue)
{
    return create(handle, options, backend, &(struct adopted){ context, device, queue });
}

void hpck_destroy(hpck_handle *handle)
{
    if (handle == NULL) return;
    /* In a child of fork() the driver's objects are the parent's: leave everything alone. */
    if (handle->pid != getpid()) return;
    strip(handle);
    verbose_close(handle->verbose);
    error_free(&handle->err);
    free(handle);
}

/* ---- small calls ------------------------------------------------------------------------------------------ */

hpck_status hpck_device(const hpck_handle *const_handle, hpck_device_info *info)
{
    hpck_handle *handle = handle_mutable(const_handle);
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    if (info == NULL) HPCK_FAIL(&handle->err, HPCK_INVALID_ARGUMENT, "device: info is NULL");
    device_info_fill(handle->backend->describe(handle->device), info);
done:
    return handle_leave(handle, st);
}

hpck_status hpck_synchronize(hpck_handle *handle)
{
    hpck_status st = HPCK_OK;
    HPCK_TRY(handle_enter(handle));
    HPCK_TRY(handle->backend->finish(handle->device, &handle->err));
done:
    return handle_leave(handle, st);
}
