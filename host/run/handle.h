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
    pid_t pid; /* a child of fork() may not use the handle */
    struct error err;
};

#endif
