/* Launches (CUDA Driver API, section 6.22). A launch runs before the call returns, but a
 * fault in it appears as on a device: the launch succeeds, later calls on the context fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "schedule.h"

static int bad(struct driver *driver, const char *rule)
{
    driver_report(driver, "launch refused: %s", rule);
    return CUDA_ERROR_INVALID_VALUE;
}

enum { PORTABLE_CLUSTER = 8 };

/* The cluster is the kernel's .reqnctapercluster or the launch's attribute; where both are given they agree. */
static int check_cluster(struct driver *driver, const struct function *function, struct launch *launch)
{
    const uint32_t *required = function->kernel.ptx->cluster, *grid = launch->grid;
    uint32_t *cluster = launch->cluster;
    if (required[0] != 0 && cluster[0] != 0 && memcmp(required, cluster, sizeof launch->cluster) != 0)
        return bad(driver, "the cluster is not the .reqnctapercluster of the kernel");
    for (int i = 0; i < 3; i++)
        if (cluster[i] == 0) cluster[i] = required[0] != 0 ? required[i] : 1;
    uint64_t blocks = (uint64_t)cluster[0] * cluster[1] * cluster[2];
    if (blocks == 1) return CUDA_SUCCESS;
    if (driver->device->sm < 90) return bad(driver, "clusters need compute capability 9.0");
    if (grid[0] % cluster[0] != 0 || grid[1] % cluster[1] != 0 || grid[2] % cluster[2] != 0)
        return bad(driver, "the grid is not a multiple of the cluster");
    if (blocks <= (function->any_cluster_size ? CLUSTER_BLOCKS : PORTABLE_CLUSTER)) return CUDA_SUCCESS;
    bad(driver, "a cluster has at most 8 blocks, 16 with CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED");
    return CUDA_ERROR_INVALID_CLUSTER_SIZE;
}

/* All blocks of a cooperative launch are on the device at once. */
static int check_cooperative(struct driver *driver, const struct function *function, const struct launch *launch)
{
    const uint32_t *grid = launch->grid, *threads = launch->threads;
    const int fit =
        driver_occupancy(driver, function, (int)(threads[0] * threads[1] * threads[2]), launch->dynamic_shared);
    if ((uint64_t)grid[0] * grid[1] * grid[2] <= (uint64_t)fit * (uint64_t)driver->device->multiprocessors)
        return CUDA_SUCCESS;
    bad(driver, "more blocks in a cooperative launch than are on the device at once");
    return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
}

static int check_launch(struct driver *driver, const struct function *function, struct launch *launch)
{
    const struct ptx_kernel *ptx = function->kernel.ptx;
    const uint32_t *grid = launch->grid, *threads = launch->threads;
    uint64_t total = (uint64_t)threads[0] * threads[1] * threads[2];
    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || total == 0) return bad(driver, "an empty grid or block");
    if (grid[0] > 2147483647u || grid[1] > 65535 || grid[2] > 65535) return bad(driver, "the grid is too large");
    if (threads[0] > 1024 || threads[1] > 1024 || threads[2] > 64 || total > 1024)
        return bad(driver, "the block is too large");
    if (ptx->required[0] != 0 && memcmp(ptx->required, threads, sizeof ptx->required) != 0)
        return bad(driver, "the block is not the .reqntid of the kernel");
    if (ptx->max_threads != 0 && total > ptx->max_threads)
        return bad(driver, "more threads than the kernel's .maxntid");
    if (launch->dynamic_shared > function->max_dynamic_shared)
        return bad(driver, "more dynamic shared memory than cuFuncSetAttribute allowed");
    int result = check_cluster(driver, function, launch);
    if (result == CUDA_SUCCESS && launch->cooperative) result = check_cooperative(driver, function, launch);
    return result;
}

static int gather_params(const struct ptx_kernel *ptx, uint8_t *bank, void **params)
{
    for (uint32_t i = 0; i < ptx->param_count; i++) {
        if (params == NULL || params[i] == NULL) return CUDA_ERROR_INVALID_VALUE;
        memcpy(bank + ptx->params[i]->offset, params[i], ptx->params[i]->size);
    }
    return CUDA_SUCCESS;
}

/* What cooperative groups find through %envreg1 and %envreg2: zeros. */
static int make_workspace(struct driver *driver, struct launch *launch)
{
    enum { WORKSPACE = 256 };
    launch->workspace = memory_alloc(&driver->memory, WORKSPACE);
    if (launch->workspace == 0) return CUDA_ERROR_OUT_OF_MEMORY;
    memset(memory_host(&driver->memory, launch->workspace, WORKSPACE), 0, WORKSPACE);
    memory_define(&driver->memory, launch->workspace, WORKSPACE);
    return CUDA_SUCCESS;
}

static int run(struct driver *driver, struct function *function, struct launch *launch, void **params)
{
    const struct ptx_kernel *ptx = function->kernel.ptx;
    char report[8192] = "";
    launch->kernel = &function->kernel;
    launch->memory = &driver->memory;
    launch->device = driver->device;
    launch->check = driver->check;
    launch->count = driver->count;
    schedule_seed(launch, driver->seed);
    launch->print = driver->print;
    launch->report = report;
    launch->report_size = sizeof report;
    uint32_t align = ptx->shared_align;
    launch->shared_end = ((SHARED_BASE + ptx->shared_size + align - 1) & ~(align - 1)) + launch->dynamic_shared;
    launch->params = aligned_alloc(128, (ptx->param_size + 128u) / 128u * 128u);
    if (launch->params == NULL) return CUDA_ERROR_OUT_OF_MEMORY;
    int result = gather_params(ptx, launch->params, params);
    if (result == CUDA_SUCCESS && launch->cooperative) result = make_workspace(driver, launch);
    if (result == CUDA_SUCCESS) {
        driver->sticky = launch_run(launch);
        if (driver->sticky != CUDA_SUCCESS) driver_report(driver, "%s", report);
        driver->now += clock_of_launch(launch);
        counters_add(&driver->counters, &launch->counters);
    }
    if (launch->workspace != 0) memory_free(&driver->memory, launch->workspace);
    free(launch->params);
    return result;
}

struct launch_attribute { /* CUlaunchAttribute */
    int id;
    char pad[4];
    union {
        char size[64];
        uint32_t cluster[3];
        int cooperative;
    } value;
};
struct launch_config { /* CUlaunchConfig */
    uint32_t grid[3], threads[3], shared;
    void *stream;
    const struct launch_attribute *attributes;
    unsigned attribute_count;
};
enum {
    ATTRIBUTE_IGNORE = 0,
    ATTRIBUTE_COOPERATIVE = 2,
    ATTRIBUTE_CLUSTER = 4,
    ATTRIBUTE_CLUSTER_SCHEDULING = 5,
    ATTRIBUTE_STREAM_SERIALIZATION = 6,
    ATTRIBUTE_PRIORITY = 8,
};

static int apply_attribute(struct driver *driver, struct launch *launch, const struct launch_attribute *attribute)
{
    switch (attribute->id) {
    case ATTRIBUTE_CLUSTER:
        memcpy(launch->cluster, attribute->value.cluster, sizeof launch->cluster);
        if (launch->cluster[0] == 0 || launch->cluster[1] == 0 || launch->cluster[2] == 0)
            return bad(driver, "an empty cluster");
        return CUDA_SUCCESS;
    case ATTRIBUTE_COOPERATIVE:
        launch->cooperative = attribute->value.cooperative != 0;
        return CUDA_SUCCESS;
    case ATTRIBUTE_IGNORE:
    case ATTRIBUTE_CLUSTER_SCHEDULING:
    case ATTRIBUTE_STREAM_SERIALIZATION:
    case ATTRIBUTE_PRIORITY:
        return CUDA_SUCCESS;
    default:
        return bad(driver, "an attribute that the emulator does not know");
    }
}

static int launch_kernel(struct function *function, const struct launch_config *config, void **params, void **extra)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && function == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS && extra != NULL) result = CUDA_ERROR_NOT_SUPPORTED;
    struct launch *launch = result == CUDA_SUCCESS ? calloc(1, sizeof *launch) : NULL;
    if (result == CUDA_SUCCESS && launch == NULL) result = CUDA_ERROR_OUT_OF_MEMORY;
    if (launch != NULL) {
        memcpy(launch->grid, config->grid, sizeof launch->grid);
        memcpy(launch->threads, config->threads, sizeof launch->threads);
        launch->dynamic_shared = config->shared;
        for (unsigned i = 0; result == CUDA_SUCCESS && i < config->attribute_count; i++)
            result = apply_attribute(driver, launch, &config->attributes[i]);
        if (result == CUDA_SUCCESS) result = check_launch(driver, function, launch);
        if (result == CUDA_SUCCESS) result = run(driver, function, launch, params);
    }
    free(launch);
    return driver_leave(result);
}

API cuLaunchKernel(void *handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **params, void **extra)
{
    const struct launch_config config = { .grid = { grid_x, grid_y, grid_z },
                                          .threads = { block_x, block_y, block_z },
                                          .shared = shared,
                                          .stream = stream };
    return launch_kernel(handle, &config, params, extra);
}

API cuLaunchKernelEx(const void *config, void *handle, void **params, void **extra)
{
    if (config == NULL) return CUDA_ERROR_INVALID_VALUE;
    return launch_kernel(handle, config, params, extra);
}
