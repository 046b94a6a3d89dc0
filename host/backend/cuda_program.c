/* CUDA programs: compiled from text, saved as PTX or cubin, loaded from them. */
#include "cuda_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES = 8192 };

/* Takes the image over, whether or not it loads; *code says why it does not. */
static hpck_status load_image(struct backend_device *device, char *image, size_t size, cuda_result *code,
                              struct backend_program **out, struct error *err)
{
    hpck_status st = HPCK_OK;
    char log[LOG_BYTES] = "";
    int options[] = { CUDA_JIT_ERROR_LOG_BUFFER, CUDA_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
    void *values[] = { log, (void *)(uintptr_t)sizeof log };
    struct backend_program *program = calloc(1, sizeof *program);
    *code = CUDA_OK;
    if (program == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for a program");
    *code = device->cu.module_load(&program->module, image, 2, options, values);
    log[sizeof log - 1] = '\0';
    if (*code != CUDA_OK) {
        st = cuda_error(device, err, HPCK_COMPILE_FAILED, *code, "the driver does not take the kernel");
        if (log[0] != '\0') error_append(err, "\n%s", log);
        goto done;
    }
    program->device = device;
    program->image = image;
    program->image_size = size;
    *out = program;
    program = NULL;
    image = NULL;
done:
    free(program);
    free(image);
    return st;
}

/* ---- compiling ---- */

/* What another form of the same kernel may get past. */
static bool is_refusal(cuda_result code)
{
    return code == CUDA_UNSUPPORTED_PTX_VERSION || code == CUDA_JIT_COMPILER_NOT_FOUND ||
           code == CUDA_JIT_COMPILATION_DISABLED || code == CUDA_NO_BINARY_FOR_GPU || code == CUDA_INVALID_PTX;
}

/* PTX of the newest target first. A driver older than NVRTC knows no PTX of its version, but takes machine code; one that
 * refuses both may take the PTX of an older target, unless the text is for one target only. The message is about the first
 * refusal. */
hpck_status cuda_compile(struct backend_device *device, const char *source, const char *options, const char *target,
                         struct backend_program **program, struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "compiling a kernel", err);
    struct error later = { 0 };
    char newest[16] = "";
    int sm = 0;
    if (st != HPCK_OK) return st;
    if (target == NULL) HPCK_TRY(cuda_target(device, &sm, err));
    snprintf(newest, sizeof newest, "%d", sm);
    const char *first = target != NULL ? target : newest;
    const struct {
        const char *target;
        bool is_cubin;
        int sm; /* of a fallback: only for newer devices */
    } forms[] = { { first, false, 0 }, { first, true, 0 }, { "80", false, 80 }, { "75", false, 75 } };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct error *e = i == 0 ? err : &later;
        cuda_result code = CUDA_OK;
        char *image = NULL;
        size_t size = 0;
        if (forms[i].sm != 0 && forms[i].sm >= sm) continue;
        hpck_status form =
            cuda_translate(device, source, options, forms[i].target, forms[i].is_cubin, &image, &size, e);
        if (form == HPCK_OK) form = load_image(device, image, size, &code, program, e);
        if (i == 0 || form == HPCK_OK) st = form;
        if (form == HPCK_OK || (i == 0 && !is_refusal(code)) || device->fault != CUDA_OK) goto done;
    }
done:
    error_free(&later);
    cuda_leave(device);
    return st;
}

/* ---- saving and loading ---- */

hpck_status cuda_save(struct backend_program *program, void **bytes, size_t *size, struct error *err)
{
    void *copy = malloc(program->image_size);
    if (copy == NULL)
        return error_set(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for %zu bytes of code", program->image_size);
    memcpy(copy, program->image, program->image_size);
    *bytes = copy;
    *size = program->image_size;
    return HPCK_OK;
}

hpck_status cuda_load_program(struct backend_device *device, const void *bytes, size_t size,
                              struct backend_program **program, struct error *err)
{
    hpck_status st = cuda_enter_outside_capture(device, "loading a kernel", err);
    cuda_result code = CUDA_OK;
    if (st != HPCK_OK) return st;
    char *image = malloc(size + 1);
    if (image == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for %zu bytes of code", size);
    memcpy(image, bytes, size);
    image[size] = '\0'; /* the driver finds the end of PTX by it */
    HPCK_TRY(load_image(device, image, size, &code, program, err));
done:
    cuda_leave(device);
    return st;
}

void cuda_unload(struct backend_program *program)
{
    struct error ignored = { 0 };
    if (program == NULL) return;
    if (cuda_enter(program->device, &ignored) == HPCK_OK) {
        program->device->cu.module_unload(program->module);
        cuda_leave(program->device);
    }
    error_free(&ignored);
    free(program->image);
    free(program);
}
