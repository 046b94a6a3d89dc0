/* OpenCL programs: compiled from text, saved as a binary, loaded from one. */
#include "opencl.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

const char opencl_options[] = "-cl-std=CL1.2";

/* The log that the driver's compiler wrote, "" when there is none; caller frees. */
static char *build_log(struct backend_device *device, cl_program program)
{
    size_t size = 0;
    if (device->cl.clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS)
        return NULL;
    char *log = calloc(size + 1, 1);
    if (log != NULL) device->cl.clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    return log;
}

/* Builds and takes the program over; releases it when that fails. */
static hpck_status build(struct backend_device *device, cl_program raw, const char *options,
                         struct backend_program **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct backend_program *program = NULL;
    cl_int code = device->cl.clBuildProgram(raw, 1, &device->id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        char *log = build_log(device, raw);
        st = opencl_error(err, HPCK_COMPILE_FAILED, code, "the kernel does not build");
        error_append(err, "\noptions: %s\nbuild log:\n%s", options, log != NULL ? log : "(none)");
        free(log);
        goto done;
    }
    program = calloc(1, sizeof *program);
    if (program == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a program");
    program->device = device;
    program->program = raw;
    raw = NULL;
    *out = program;
done:
    if (raw != NULL) device->cl.clReleaseProgram(raw);
    return st;
}

hpck_status opencl_compile(struct backend_device *device, const char *source, const char *options,
                           const char *target, struct backend_program **program, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf all = { 0 };
    cl_int code = CL_SUCCESS;
    (void)target; /* CUDA has them */
    strbuf_addf(&all, "%s %s", opencl_options, options);
    if (all.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for build options");
    cl_program raw = device->cl.clCreateProgramWithSource(device->context, 1, &source, NULL, &code);
    CL_TRY(err, HPCK_COMPILE_FAILED, code, "clCreateProgramWithSource");
    HPCK_TRY(build(device, raw, all.text, program, err));
done:
    strbuf_free(&all);
    return st;
}

hpck_status opencl_load_program(struct backend_device *device, const void *bytes, size_t size,
                                struct backend_program **program, struct error *err)
{
    hpck_status st = HPCK_OK;
    const unsigned char *binary = bytes;
    cl_int code = CL_SUCCESS;
    cl_int binary_status = CL_SUCCESS;
    cl_program raw = device->cl.clCreateProgramWithBinary(device->context, 1, &device->id, &size, &binary,
                                                          &binary_status, &code);
    CL_TRY(err, HPCK_COMPILE_FAILED, code, "clCreateProgramWithBinary");
    HPCK_TRY(build(device, raw, "", program, err));
done:
    return st;
}

/* A caller's context may hold several devices; a program built for one of them has one binary that is not empty. */
hpck_status opencl_save(struct backend_program *program, void **bytes, size_t *size, struct error *err)
{
    struct backend_device *device = program->device;
    const struct opencl_api *cl = &device->cl;
    hpck_status st = HPCK_OK;
    cl_uint count = 0;
    cl_device_id *ids = NULL;
    size_t *sizes = NULL;
    unsigned char **binaries = NULL;
    unsigned char *binary = NULL;

    CL_TRY(err, HPCK_INTERNAL,
           cl->clGetProgramInfo(program->program, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, NULL),
           "clGetProgramInfo");
    ids = calloc(count, sizeof *ids);
    sizes = calloc(count, sizeof *sizes);
    binaries = calloc(count, sizeof *binaries);
    if (ids == NULL || sizes == NULL || binaries == NULL)
        HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a program's binary");
    CL_TRY(err, HPCK_INTERNAL,
           cl->clGetProgramInfo(program->program, CL_PROGRAM_DEVICES, count * sizeof *ids, ids, NULL),
           "clGetProgramInfo");
    CL_TRY(err, HPCK_INTERNAL,
           cl->clGetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, count * sizeof *sizes, sizes, NULL),
           "clGetProgramInfo");
    cl_uint own = 0;
    while (own < count && ids[own] != device->id)
        own++;
    if (own == count || sizes[own] == 0)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "opencl: the driver gives no binary of a program");
    binary = malloc(sizes[own]);
    if (binary == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "opencl: out of memory for a program's binary");
    binaries[own] = binary; /* NULL for the others: not wanted */
    CL_TRY(err, HPCK_INTERNAL,
           cl->clGetProgramInfo(program->program, CL_PROGRAM_BINARIES, count * sizeof *binaries, binaries, NULL),
           "clGetProgramInfo");
    *bytes = binary;
    *size = sizes[own];
    binary = NULL;
done:
    free(binary);
    free(binaries);
    free(sizes);
    free(ids);
    return st;
}

void opencl_unload(struct backend_program *program)
{
    if (program == NULL) return;
    program->device->cl.clReleaseProgram(program->program);
    free(program);
}
