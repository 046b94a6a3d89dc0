/* Loads cuDNN; convolutions and reductions are in files of their own. */
#include <hpck/hpck_cuda.h>

#include "cudnn_library.h"

#include <stdio.h>
#include <stdlib.h>

#include "reference.h"

static void cudnn_unload(void *library)
{
    struct cudnn *dnn = library;
    if (!dnn) return;
    library_close(&dnn->library);
    library_close(&dnn->driver);
    free(dnn);
}

static hpck_status cudnn_load(void **library, struct error *err)
{
    hpck_status st = HPCK_OK;
    size_t (*version)(void) = NULL;
    struct cudnn *dnn = calloc(1, sizeof *dnn);
    if (!dnn) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    HPCK_TRY(library_open(&dnn->driver, "HPCK_CUDA_DRIVER", "libcuda.so.1", err));
    HPCK_TRY(library_function(&dnn->driver, "cuCtxSetCurrent", &dnn->set_context, err));
    HPCK_TRY(library_open(&dnn->library, "HPCK_CUDNN", "libcudnn.so.9", err));
#define LOOK_UP(member, symbol, parameters) HPCK_TRY(library_function(&dnn->library, #symbol, &dnn->member, err));
    CUDNN_FUNCTIONS(LOOK_UP)
    HPCK_TRY(library_function(&dnn->library, "cudnnGetVersion", &version, err));
    snprintf(dnn->version_text, sizeof dnn->version_text, "%s: cuDNN %zu", dnn->library.file, version());
    *library = dnn;
    dnn = NULL;
done:
    cudnn_unload(dnn);
    return st;
}

static const char *cudnn_version(const void *library)
{
    return ((const struct cudnn *)library)->version_text;
}

hpck_status cudnn_check(int code, const char *what, struct error *err)
{
    return code == CUDNN_OK ? HPCK_OK : error_set(err, HPCK_UNSUPPORTED, "%s returned status %d", what, code);
}

int cudnn_type_of(hpck_dtype dtype)
{
    return dtype == HPCK_F32 ? CUDNN_F32 : dtype == HPCK_F16 ? CUDNN_F16 : CUDNN_BF16;
}

hpck_status cudnn_open(const struct cudnn *dnn, hpck_handle *handle, cudnn_handle *out, struct error *err)
{
    hpck_status st = HPCK_OK;
    CUcontext context = NULL;
    CUstream stream = NULL;
    if (hpck_cuda_get(handle, &context, &stream) != HPCK_OK) HPCK_FAIL(err, HPCK_UNSUPPORTED, "not a CUDA device");
    /* cuDNN works in the context that is current in this thread; hpck leaves it as it is */
    HPCK_TRY(cudnn_check(dnn->set_context(context), "cuCtxSetCurrent", err));
    HPCK_TRY(cudnn_check(dnn->create(out), "cudnnCreate", err));
    HPCK_TRY(cudnn_check(dnn->set_stream(*out, stream), "cudnnSetStream", err));
done:
    return st;
}

static hpck_status no_product(void *library, hpck_handle *handle, const struct problem *problem,
                              struct workload *workload, int copies, void **state, struct error *err)
{
    (void)library, (void)handle, (void)problem, (void)workload, (void)copies, (void)state;
    return error_set(err, HPCK_UNSUPPORTED, "cuDNN is compared in convolutions and reductions");
}

const struct reference reference_cudnn = {
    .name = "cudnn",
    .doc = "cuDNN 9 (HPCK_CUDNN) on the same device and stream: convolutions, reductions",
    .on_request = true,
    .load = cudnn_load,
    .unload = cudnn_unload,
    .version = cudnn_version,
    .open = no_product,
    .part[OP_CONV] = &reference_cudnn_conv,
    .part[OP_REDUCE] = &reference_cudnn_reduce,
};
