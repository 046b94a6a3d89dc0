/* The handle: a device, its kernel cache, its plans, and the tuning database it selects from. */
#ifndef HPCK_RUN_HANDLE_H
#define HPCK_RUN_HANDLE_H

#include <sys/types.h>

#include "backend.h"
#include "select.h"
#include "verbose.h"
#include "cache.h"

struct plan_table;

struct hpck_handle {
    const struct backend *backend; /* NULL: a dead handle, creation failed */
    struct backend_device *device;
    struct tunedb *db;
    struct kernel_cache *cache;
    struct plan_table *plans;
    struct verbose *verbose;
    void *workspace; /* the caller's or the handle's own */
    size_t workspace_bytes;
    bool workspace_is_callers;
    size_t workspace_limit;
    size_t workspace_needed; /* by plans so far: allocated again when the caller takes its own back */
    void **allocations;      /* what hpck_malloc gave and hpck_free has not taken back */
    size_t allocation_count, allocation_capacity;
    pid_t pid; /* a child of fork() may not use the handle */
    struct error err;
};

/* First thing in every public call: INVALID_ARGUMENT for a NULL handle, a dead one, one of a parent process. */
hpck_status handle_enter(hpck_handle *handle);

/* Last thing in every public call: a failure goes to verbose; returns `status`. */
hpck_status handle_leave(hpck_handle *handle, hpck_status status);

/* The handle behind a const one: reading calls keep their message in it, too. */
hpck_handle *handle_mutable(const hpck_handle *handle);

/* hpck_create on objects of the caller: the way for each backend's own header. */
hpck_status handle_adopt(hpck_handle **handle, const hpck_options *options, const struct backend *backend,
                         void *context, void *device, void *queue);

/* Bytes of workspace that a plan may need: what the caller set, or what the device can allocate, within the caller's limit. */
int64_t handle_workspace_cap(const hpck_handle *handle);
/* Grows the handle's own workspace; DEVICE_OUT_OF_MEMORY when the caller's is too small. */
hpck_status handle_need_workspace(hpck_handle *handle, size_t bytes);

#endif
