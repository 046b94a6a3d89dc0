/* NVRTC: from CUDA C++ to PTX or a cubin. */
#include "cuda_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

enum { OPTIONS_MAX = 128, ARCHS_MAX = 64 };

static hpck_status need_nvrtc(struct backend_device *device, struct error *err)
{
    if (device->has_nvrtc) return HPCK_OK;
    hpck_status st = nvrtc_load(&device->nvrtc, err);
    device->has_nvrtc = st == HPCK_OK;
    return st;
}

hpck_status cuda_target(struct backend_device *device, int *sm, struct error *err)
{
    hpck_status st = HPCK_OK;
    int archs[ARCHS_MAX];
    int count = 0;
    int major = 0;
    int minor = 0;
    HPCK_TRY(need_nvrtc(device, err));
    *sm = 0;
    device->nvrtc.version(&major, &minor);
    if (device->nvrtc.arch_count(&count) != 0 || count < 1 || count > ARCHS_MAX || device->nvrtc.archs(archs) != 0)
        HPCK_FAIL(err, HPCK_COMPILE_FAILED, "cuda: NVRTC %d.%d does not say which targets it knows", major, minor);
    for (int i = 0; i < count; i++)
        if (archs[i] <= device->desc.field.cuda_sm && archs[i] > *sm) *sm = archs[i];
    if (*sm == 0)
        HPCK_FAIL(err, HPCK_COMPILE_FAILED,
                  "cuda: NVRTC %d.%d writes code for sm_%d and later, the device is sm_%d", major, minor, archs[0],
                  (int)device->desc.field.cuda_sm);
done:
    return st;
}

static char *build_log(const struct nvrtc_api *nvrtc, struct _nvrtcProgram *program)
{
    size_t size = 0;
    if (nvrtc->log_size(program, &size) != 0) return NULL;
    char *log = calloc(size + 1, 1);
    if (log != NULL) nvrtc->log(program, log);
    return log;
}

/* Splits at blanks, in place. */
static int split(char *text, const char **words, int capacity)
{
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < capacity;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return count;
}

static hpck_status take_image(struct backend_device *device, struct _nvrtcProgram *program, bool is_cubin,
                              char **image, size_t *size, struct error *err)
{
    const struct nvrtc_api *nvrtc = &device->nvrtc;
    hpck_status st = HPCK_OK;
    char *bytes = NULL;
    int code = is_cubin ? nvrtc->cubin_size(program, size) : nvrtc->ptx_size(program, size);
    if (code != 0) HPCK_FAIL(err, HPCK_COMPILE_FAILED, "cuda: NVRTC gives no code: %s", nvrtc->error_text(code));
    bytes = calloc(*size + 1, 1);
    if (bytes == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for %zu bytes of code", *size);
    code = is_cubin ? nvrtc->cubin(program, bytes) : nvrtc->ptx(program, bytes);
    if (code != 0) HPCK_FAIL(err, HPCK_COMPILE_FAILED, "cuda: NVRTC gives no code: %s", nvrtc->error_text(code));
    if (!is_cubin) *size = strlen(bytes); /* NVRTC counts the 0 */
    *image = bytes;
    bytes = NULL;
done:
    free(bytes);
    return st;
}

hpck_status cuda_translate(struct backend_device *device, const char *source, const char *options,
                           const char *target, bool is_cubin, char **image, size_t *size, struct error *err)
{
    const struct nvrtc_api *nvrtc = &device->nvrtc;
    hpck_status st = HPCK_OK;
    struct _nvrtcProgram *program = NULL;
    struct strbuf all = { 0 };
    const char *words[OPTIONS_MAX];
    int code = 0;
    HPCK_TRY(need_nvrtc(device, err));
    strbuf_addf(&all, "--gpu-architecture=%s_%s --std=c++14 --disable-warnings %s", is_cubin ? "sm" : "compute",
                target, options);
    if (all.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "cuda: out of memory for the compiler's options");
    int count = split(all.text, words, OPTIONS_MAX);
    code = nvrtc->create(&program, source, "kernel.cu", 0, NULL, NULL);
    if (code != 0) HPCK_FAIL(err, HPCK_COMPILE_FAILED, "cuda: nvrtcCreateProgram: %s", nvrtc->error_text(code));
    code = nvrtc->compile(program, count, words);
    if (code != 0) {
        char *log = build_log(nvrtc, program);
        st = error_set(err, HPCK_COMPILE_FAILED,
                       "cuda: the kernel does not build: %s\ntarget: sm_%s\noptions: %s\nbuild log:\n%s",
                       nvrtc->error_text(code), target, options, log != NULL ? log : "(none)");
        free(log);
        goto done;
    }
    HPCK_TRY(take_image(device, program, is_cubin, image, size, err));
done:
    if (program != NULL) nvrtc->destroy(&program);
    strbuf_free(&all);
    return st;
}
