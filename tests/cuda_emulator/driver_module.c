/* Modules and functions (CUDA Driver API, sections 6.10 and 6.22): PTX text is parsed and decoded when it is loaded; anything
 * unknown in it is an error then, with opcode and line in the JIT's error log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

enum { JIT_ERROR_LOG_BUFFER = 5, JIT_ERROR_LOG_SIZE = 6 };

static void free_module(struct module *module)
{
    free(module->functions);
    arena_free(&module->ptx.arena);
    free(module);
}

void driver_free_modules(struct driver *driver)
{
    while (driver->modules != NULL) {
        struct module *next = driver->modules->next;
        free_module(driver->modules);
        driver->modules = next;
    }
}

/* .global and .const variables live in device memory, zero unless they are initialised (PTX ISA 5.4.4). */
static int place_variables(struct driver *driver, struct ptx_module *ptx)
{
    for (uint32_t i = 0; i < ptx->variable_count; i++) {
        struct ptx_variable *variable = ptx->variables[i];
        if (variable->space != SPACE_GLOBAL && variable->space != SPACE_CONST) continue;
        variable->address = memory_alloc(&driver->memory, variable->size);
        if (variable->address == 0) return CUDA_ERROR_OUT_OF_MEMORY;
        uint8_t *host = memory_host(&driver->memory, variable->address, variable->size);
        memset(host, 0, variable->size);
        if (variable->init != NULL) memcpy(host, variable->init, variable->size);
        memory_define(&driver->memory, variable->address, variable->size);
    }
    return CUDA_SUCCESS;
}

/* Initial values that are addresses of variables. */
static int relocate(struct driver *driver, struct ptx_module *ptx, const struct ptx_variable *variable)
{
    uint8_t *host = memory_host(&driver->memory, variable->address, variable->size);
    for (uint32_t i = 0; host != NULL && i < variable->relocation_count;
         i++) { /* shared memory has no initial value */
        const struct ptx_relocation *relocation = &variable->relocations[i];
        uint64_t address = 0;
        for (uint32_t v = 0; v < ptx->variable_count; v++)
            if (strcmp(ptx->variables[v]->name, relocation->name) == 0) address = ptx->variables[v]->address;
        if (address == 0) {
            snprintf(ptx->error, sizeof ptx->error,
                     "the initial value of %s is the address of %s, which is no .global or .const variable",
                     variable->name, relocation->name);
            return CUDA_ERROR_INVALID_PTX;
        }
        address =
            ((address + relocation->offset) & relocation->mask) >> __builtin_ctzll(relocation->mask | 1ull << 63);
        memcpy(host + relocation->at, &address, relocation->size);
    }
    return CUDA_SUCCESS;
}

static void release_variables(struct driver *driver, const struct ptx_module *ptx)
{
    for (uint32_t i = 0; i < ptx->variable_count; i++)
        if (ptx->variables[i]->address != 0) memory_free(&driver->memory, ptx->variables[i]->address);
}

/* A plain target runs on every later device, sm_90a only on 9.0, sm_100f on the family 10.x (PTX ISA 11.1.2). */
static int check_target(const struct driver *driver, struct ptx_module *ptx)
{
    int sm = driver->device->sm;
    bool fits = ptx->target_suffix == 'a'   ? ptx->target == sm
                : ptx->target_suffix == 'f' ? ptx->target / 10 == sm / 10 && ptx->target <= sm
                                            : ptx->target <= sm;
    if (ptx->version > PTX_VERSION) {
        snprintf(ptx->error, sizeof ptx->error, "PTX version %d.%d: this driver knows %d.%d", ptx->version / 10,
                 ptx->version % 10, PTX_VERSION / 10, PTX_VERSION % 10);
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    }
    if (fits) return CUDA_SUCCESS;
    snprintf(ptx->error, sizeof ptx->error, ".target sm_%d%.1s does not run on sm_%d", ptx->target,
             &ptx->target_suffix, sm);
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
}

static int build(struct driver *driver, struct module *module, const char *text)
{
    struct ptx_module *ptx = &module->ptx;
    if (memcmp(text, "\177ELF", 4) == 0) {
        snprintf(ptx->error, sizeof ptx->error, "a cubin: the emulator takes PTX only");
        return CUDA_ERROR_NO_BINARY_FOR_GPU;
    }
    if (!ptx_parse(ptx, text)) return CUDA_ERROR_INVALID_PTX;
    int result = check_target(driver, ptx);
    if (result == CUDA_SUCCESS) result = place_variables(driver, ptx);
    for (uint32_t i = 0; i < ptx->variable_count && result == CUDA_SUCCESS; i++)
        result = relocate(driver, ptx, ptx->variables[i]);
    if (result != CUDA_SUCCESS) return result;
    module->functions = calloc(ptx->kernel_count + 1u, sizeof *module->functions);
    if (module->functions == NULL) return CUDA_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < ptx->kernel_count; i++) {
        struct function *function = &module->functions[i];
        function->module = module;
        if (!decode_kernel(ptx, &ptx->kernels[i], &function->kernel)) return CUDA_ERROR_INVALID_PTX;
        if (ptx->kernels[i].shared_size > SHARED_WITHOUT_OPT_IN) {
            snprintf(ptx->error, sizeof ptx->error,
                     "kernel %s has %u bytes of static shared memory, %d are allowed", ptx->kernels[i].name,
                     ptx->kernels[i].shared_size, SHARED_WITHOUT_OPT_IN);
            return CUDA_ERROR_INVALID_PTX;
        }
        function->max_dynamic_shared = SHARED_WITHOUT_OPT_IN - ptx->kernels[i].shared_size;
    }
    return CUDA_SUCCESS;
}

static void write_log(const char *error, unsigned count, const int *options, void **values)
{
    char *buffer = NULL;
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == JIT_ERROR_LOG_BUFFER) buffer = values[i];
        if (options[i] == JIT_ERROR_LOG_SIZE) size = (size_t)(uintptr_t)values[i];
    }
    if (buffer != NULL && size != 0) snprintf(buffer, size, "%s", error);
}

API cuModuleLoadDataEx(void **out, const void *image, unsigned count, int *options, void **values)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS &&
        (out == NULL || image == NULL || (count != 0 && (options == NULL || values == NULL))))
        result = CUDA_ERROR_INVALID_VALUE;
    if (result != CUDA_SUCCESS) return driver_leave(result);
    struct module *module = calloc(1, sizeof *module);
    if (module == NULL) return driver_leave(CUDA_ERROR_OUT_OF_MEMORY);
    result = build(driver, module, image);
    if (result == CUDA_SUCCESS) {
        module->next = driver->modules;
        driver->modules = module;
        *out = module;
    } else {
        driver_report(driver, "%s", module->ptx.error);
        write_log(module->ptx.error, count, options, values);
        release_variables(driver, &module->ptx);
        free_module(module);
    }
    return driver_leave(result);
}

API cuModuleLoadData(void **module, const void *image)
{
    return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

static struct module **find_module(struct driver *driver, const void *handle)
{
    struct module **link = &driver->modules;
    while (*link != NULL && *link != handle)
        link = &(*link)->next;
    return link;
}

API cuModuleUnload(void *handle)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    struct module **link = find_module(driver, handle);
    if (result == CUDA_SUCCESS && (handle == NULL || *link == NULL)) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) {
        struct module *module = *link;
        *link = module->next;
        release_variables(driver, &module->ptx);
        free_module(module);
    }
    return driver_leave(result);
}

API cuModuleGetFunction(void **out, void *handle, const char *name)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (out == NULL || name == NULL)) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && (handle == NULL || *find_module(driver, handle) == NULL))
        result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) {
        struct module *module = handle;
        result = CUDA_ERROR_NOT_FOUND;
        for (uint32_t i = 0; i < module->ptx.kernel_count; i++)
            if (strcmp(module->ptx.kernels[i].name, name) == 0) {
                *out = &module->functions[i];
                result = CUDA_SUCCESS;
            }
    }
    return driver_leave(result);
}

API cuModuleGetGlobal_v2(uint64_t *address, size_t *size, void *handle, const char *name)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && name == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && (handle == NULL || *find_module(driver, handle) == NULL))
        result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) {
        struct module *module = handle;
        result = CUDA_ERROR_NOT_FOUND;
        for (uint32_t i = 0; i < module->ptx.variable_count; i++) {
            const struct ptx_variable *variable = module->ptx.variables[i];
            if (variable->address == 0 || strcmp(variable->name, name) != 0) continue;
            if (address != NULL) *address = variable->address;
            if (size != NULL) *size = variable->size;
            result = CUDA_SUCCESS;
        }
    }
    return driver_leave(result);
}

/* CUfunction_attribute. Registers are ptxas's business: what is told here is how many the emulator had to keep, at most 255. */
static int attribute(const struct function *function, const struct device_profile *device, int which)
{
    const struct ptx_kernel *ptx = function->kernel.ptx;
    uint32_t rows = function->kernel.row_bytes / ROW_BYTES;
    switch (which) {
    case 0:
        return ptx->max_threads != 0 && ptx->max_threads < 1024 ? (int)ptx->max_threads
                                                                : 1024; /* MAX_THREADS_PER_BLOCK */
    case 1:
        return (int)ptx->shared_size; /* SHARED_SIZE_BYTES */
    case 3:
        return (int)ptx->local_size; /* LOCAL_SIZE_BYTES */
    case 4:
        return rows < 255 ? (int)rows : 255; /* NUM_REGS */
    case 5:
        return function->module->ptx.target; /* PTX_VERSION */
    case 6:
        return device->sm; /* BINARY_VERSION */
    case 8:
        return (int)function->max_dynamic_shared; /* MAX_DYNAMIC_SHARED_SIZE_BYTES */
    default:
        return 0;
    }
}

API cuFuncGetAttribute(int *value, int which, void *handle)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && value == NULL) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && handle == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) *value = attribute(handle, driver->device, which);
    return driver_leave(result);
}

API cuFuncSetAttribute(void *handle, int which, int value)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    struct function *function = handle;
    if (result == CUDA_SUCCESS && handle == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS && which == 8) { /* MAX_DYNAMIC_SHARED_SIZE_BYTES */
        int most = driver->device->shared_per_block_optin - (int)function->kernel.ptx->shared_size;
        if (value < 0 || value > most)
            result = CUDA_ERROR_INVALID_VALUE;
        else
            function->max_dynamic_shared = (uint32_t)value;
    } else if (result == CUDA_SUCCESS && which == 14) { /* NON_PORTABLE_CLUSTER_SIZE_ALLOWED */
        function->any_cluster_size = value != 0;
    } else if (result == CUDA_SUCCESS && which != 9) { /* 9: PREFERRED_SHARED_MEMORY_CARVEOUT, a hint */
        result = CUDA_ERROR_INVALID_VALUE;
    }
    return driver_leave(result);
}

int driver_occupancy(const struct driver *driver, const struct function *function, int threads, size_t dynamic)
{
    const struct device_profile *device = driver->device;
    int rounded = (threads + LANES - 1) / LANES * LANES, registers = attribute(function, device, 4);
    int by_threads = device->threads_per_multiprocessor / rounded;
    int by_registers = 65536 / (rounded * (registers > 0 ? registers : 1));
    size_t shared = function->kernel.ptx->shared_size + dynamic + (device->sm >= 80 ? 1024 : 0);
    size_t by_shared = shared != 0 ? (size_t)device->shared_per_multiprocessor / shared : 64;
    int most = device->blocks_per_multiprocessor;
    if (by_threads < most) most = by_threads;
    if (by_registers < most) most = by_registers;
    return by_shared < (size_t)most ? (int)by_shared : most;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *handle, int threads, size_t dynamic)
{
    struct driver *driver;
    int result = driver_enter(&driver, NEED_CONTEXT);
    if (result == CUDA_SUCCESS && (blocks == NULL || threads <= 0)) result = CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && handle == NULL) result = CUDA_ERROR_INVALID_HANDLE;
    if (result == CUDA_SUCCESS) *blocks = driver_occupancy(driver, handle, threads, dynamic);
    return driver_leave(result);
}
