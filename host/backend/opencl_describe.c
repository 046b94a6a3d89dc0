/* Which OpenCL devices there are and what is known about them. */
#include "opencl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

enum { PLATFORMS_MAX = 16, DEVICES_MAX = 64, INFO_MAX = 512 };
#define PLATFORM_NOT_FOUND (-1001) /* CL_PLATFORM_NOT_FOUND_KHR, of cl_ext.h */

/* ---- single facts: "" or 0 when the driver does not tell ---- */

static void device_text(const struct opencl_api *cl, cl_device_id id, cl_device_info what, char *text, size_t size)
{
    char full[INFO_MAX] = "";
    if (cl->clGetDeviceInfo(id, what, sizeof full, full, NULL) != CL_SUCCESS) full[0] = '\0';
    snprintf(text, size, "%.*s", (int)size - 1, full + strspn(full, " "));
}

static void platform_text(const struct opencl_api *cl, cl_device_id id, cl_platform_info what, char *text,
                          size_t size)
{
    cl_platform_id platform = NULL;
    text[0] = '\0';
    if (cl->clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL) != CL_SUCCESS ||
        cl->clGetPlatformInfo(platform, what, size, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
}

/* Integers come as 4 bytes (cl_uint) or 8 (size_t, cl_ulong), little end first on every host that OpenCL serves. */
static int64_t device_integer(const struct opencl_api *cl, cl_device_id id, cl_device_info what)
{
    uint64_t value = 0;
    if (cl->clGetDeviceInfo(id, what, sizeof value, &value, NULL) != CL_SUCCESS) return 0;
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* PoCL names a CPU "pthread-skylake-avx512-AMD EPYC" and ends its version with the LLVM target,
 * "...x86_64-pc-linux-gnu-skylake-avx512": what both share is the instruction set that code is generated for. */
static void pocl_architecture(const struct opencl_api *cl, cl_device_id id, const char *name, char *text,
                              size_t size)
{
    char version[INFO_MAX];
    device_text(cl, id, CL_DEVICE_VERSION, version, sizeof version);
    const char *start = strchr(name, '-');
    if (start == NULL || strstr(version, "PoCL") == NULL) return;
    start++;
    for (const char *end = strchr(start, '-'); end != NULL; end = strchr(end + 1, '-')) {
        size_t length = (size_t)(end - start);
        size_t total = strlen(version);
        if (total > length && version[total - length - 1] == '-' &&
            strncmp(version + total - length, start, length) == 0)
            snprintf(text, size, "%.*s", (int)length, start);
    }
}

void opencl_describe(const struct opencl_api *cl, cl_device_id id, const char *selector, struct device_desc *desc)
{
    *desc = (struct device_desc){ .backend = "opencl" };
    device_text(cl, id, CL_DEVICE_VENDOR, desc->vendor, sizeof desc->vendor);
    device_text(cl, id, CL_DEVICE_NAME, desc->name, sizeof desc->name);
    device_text(cl, id, CL_DRIVER_VERSION, desc->driver, sizeof desc->driver);
    pocl_architecture(cl, id, desc->name, desc->architecture, sizeof desc->architecture);
    snprintf(desc->selector, sizeof desc->selector, "%s", selector);

    int64_t type = device_integer(cl, id, CL_DEVICE_TYPE);
    bool is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    desc->field = (struct device_fields){
        .is_cpu = is_cpu,
        .is_gpu = (type & CL_DEVICE_TYPE_GPU) != 0,
        .compute_units = device_integer(cl, id, CL_DEVICE_MAX_COMPUTE_UNITS),
        .max_work_items = device_integer(cl, id, CL_DEVICE_MAX_WORK_GROUP_SIZE),
        .local_bytes = device_integer(cl, id, CL_DEVICE_LOCAL_MEM_SIZE),
        .cache_bytes = device_integer(cl, id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE),
        .global_bytes = device_integer(cl, id, CL_DEVICE_GLOBAL_MEM_SIZE),
        .max_alloc_bytes = device_integer(cl, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
        .vector_width = device_integer(cl, id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT),
        .sub_group = is_cpu ? 1 : 0,
    };
}

hpck_status opencl_fingerprint(const struct opencl_api *cl, cl_device_id id, char **text, struct error *err)
{
    static const cl_platform_info platform_facts[] = { CL_PLATFORM_NAME, CL_PLATFORM_VERSION };
    static const cl_device_info device_facts[] = { CL_DEVICE_VENDOR, CL_DEVICE_NAME, CL_DEVICE_VERSION,
                                                   CL_DRIVER_VERSION };
    struct strbuf buf = { 0 };
    char fact[INFO_MAX];
    hpck_status st = HPCK_OK;
    strbuf_add(&buf, opencl_options);
    for (size_t i = 0; i < sizeof platform_facts / sizeof platform_facts[0]; i++) {
        platform_text(cl, id, platform_facts[i], fact, sizeof fact);
        strbuf_addf(&buf, "|%s", fact);
    }
    for (size_t i = 0; i < sizeof device_facts / sizeof device_facts[0]; i++) {
        device_text(cl, id, device_facts[i], fact, sizeof fact);
        strbuf_addf(&buf, "|%s", fact);
    }
    if (buf.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for the device's fingerprint");
    *text = buf.text;
    buf.text = NULL;
done:
    strbuf_free(&buf);
    return st;
}

/* ---- all devices ---- */

struct device_list {
    int count;
    struct {
        cl_device_id id;
        int platform, device;
    } entry[DEVICES_MAX];
};

/* Drivers set themselves up at the first listing, and not all do it for one thread at a time (ocl-icd with PoCL shows
 * the second thread no platforms, or crashes). The only thing that handles share. */
static pthread_mutex_t listing = PTHREAD_MUTEX_INITIALIZER;

static hpck_status list_devices(const struct opencl_api *cl, struct device_list *list, struct error *err)
{
    hpck_status st = HPCK_OK;
    pthread_mutex_lock(&listing);
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint platform_count = 0;
    list->count = 0;
    cl_int code = cl->clGetPlatformIDs(PLATFORMS_MAX, platforms, &platform_count);
    if (code == PLATFORM_NOT_FOUND) goto done;
    CL_TRY(err, HPCK_NO_DEVICE, code, "clGetPlatformIDs");
    if (platform_count > PLATFORMS_MAX) platform_count = PLATFORMS_MAX;

    for (int p = 0; p < (int)platform_count; p++) {
        cl_device_id ids[DEVICES_MAX];
        cl_uint count = 0;
        /* A platform without devices, or a broken one, does not hide the others. */
        if (cl->clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &count) != CL_SUCCESS) continue;
        for (int d = 0; d < (int)count && d < DEVICES_MAX && list->count < DEVICES_MAX; d++) {
            list->entry[list->count].id = ids[d];
            list->entry[list->count].platform = p;
            list->entry[list->count].device = d;
            list->count++;
        }
    }
done:
    pthread_mutex_unlock(&listing);
    return st;
}

static void print_selector(const struct device_list *list, int i, char *selector, size_t size)
{
    snprintf(selector, size, "opencl:%d:%d", list->entry[i].platform, list->entry[i].device);
}

hpck_status opencl_enumerate(struct device_desc *devices, int capacity, int *count, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct opencl_api cl;
    struct device_list list = { 0 };
    *count = 0;
    HPCK_TRY(opencl_load(&cl, err));
    HPCK_TRY(list_devices(&cl, &list, err));
    for (int i = 0; i < list.count && i < capacity; i++) {
        char selector[sizeof devices[i].selector];
        print_selector(&list, i, selector, sizeof selector);
        opencl_describe(&cl, list.entry[i].id, selector, &devices[i]);
    }
    *count = list.count;
done:
    return st;
}

hpck_status opencl_find(const struct opencl_api *cl, const char *selector, cl_device_id *id, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct device_list list = { 0 };
    HPCK_TRY(list_devices(cl, &list, err));
    for (int i = 0; i < list.count; i++) {
        char text[32];
        print_selector(&list, i, text, sizeof text);
        if (strcmp(text, selector) != 0) continue;
        *id = list.entry[i].id;
        goto done;
    }
    HPCK_FAIL(err, HPCK_NO_DEVICE, "device = \"%s\": there is no such OpenCL device", selector);
done:
    return st;
}

hpck_status opencl_selector(const struct opencl_api *cl, cl_device_id id, char *selector, size_t size,
                            struct error *err)
{
    hpck_status st = HPCK_OK;
    struct device_list list = { 0 };
    selector[0] = '\0';
    HPCK_TRY(list_devices(cl, &list, err));
    for (int i = 0; i < list.count; i++)
        if (list.entry[i].id == id) print_selector(&list, i, selector, size);
done:
    return st;
}
