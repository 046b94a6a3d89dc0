/* Compiling for CUDA devices that are not here: NVRTC needs no driver. */
#include "cuda_objects.h"

#include <stdio.h>
#include <string.h>

#include "strbuf.h"

/* Shared memory that a block may ask for, in KiB: table "Technical Specifications per Compute Capability" of the CUDA
 * programming guide. */
static const struct {
    int sm;
    int shared_kib;
} architectures[] = { { 75, 64 },   { 80, 163 },  { 86, 99 },   { 87, 163 }, { 89, 99 }, { 90, 227 },
                      { 100, 227 }, { 103, 227 }, { 110, 227 }, { 120, 99 }, { 121, 99 } };
enum { ARCHITECTURE_COUNT = sizeof architectures / sizeof *architectures };

void cuda_fingerprint(const struct device_desc *desc, char *text, size_t size)
{
    snprintf(text, size, "cuda|%.16s", desc->architecture);
}

/* What devices of one architecture differ in is that of a large one: of these fields only estimates depend. */
hpck_status cuda_describe_absent(const char *architecture, struct device_desc *desc, char *fingerprint, size_t size,
                                 struct error *err)
{
    struct strbuf known = { 0 };
    *desc = (struct device_desc){ .backend = "cuda", .vendor = "NVIDIA Corporation" };
    for (int i = 0; i < ARCHITECTURE_COUNT; i++) {
        const int sm = architectures[i].sm;
        snprintf(desc->architecture, sizeof desc->architecture, "sm_%d", sm);
        strbuf_addf(&known, " %s", desc->architecture);
        if (strcmp(desc->architecture, architecture) != 0) continue;
        strbuf_free(&known);
        snprintf(desc->name, sizeof desc->name, "any device of %s", architecture);
        desc->field = (struct device_fields){
            .is_gpu = 1,
            .compute_units = 128,
            .max_work_items = 1024,
            .local_bytes = (int64_t)architectures[i].shared_kib << 10,
            .cache_bytes = INT64_C(32) << 20,
            .global_bytes = INT64_C(64) << 30,
            .max_alloc_bytes = INT64_C(64) << 30,
            .vector_width = 1,
            .sub_group = 32,
            .cuda_sm = sm,
            .has_tensor_maps = sm >= 90,
        };
        cuda_fingerprint(desc, fingerprint, size);
        return HPCK_OK;
    }
    error_set(err, HPCK_INVALID_ARGUMENT, "cuda: there is no target \"%s\"; known are%s", architecture,
              known.text != NULL ? known.text : "");
    strbuf_free(&known);
    return HPCK_INVALID_ARGUMENT;
}

/* PTX for this very architecture: an NVRTC that is too old for it would write slower code under the same key. */
hpck_status cuda_compile_absent(const struct device_desc *desc, const char *source, const char *options,
                                const char *target, void **bytes, size_t *size, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct backend_device compiler = { .desc = *desc };
    char *image = NULL;
    char newest[16];
    int sm = 0;
    if (target == NULL) {
        HPCK_TRY(cuda_target(&compiler, &sm, err));
        if (sm != desc->field.cuda_sm)
            HPCK_FAIL(err, HPCK_COMPILE_FAILED,
                      "cuda: this NVRTC does not know %s; the nearest that it knows is sm_%d", desc->architecture,
                      sm);
        snprintf(newest, sizeof newest, "%d", sm);
        target = newest;
    }
    HPCK_TRY(cuda_translate(&compiler, source, options, target, false, &image, size, err));
    *bytes = image;
done:
    return st;
}
