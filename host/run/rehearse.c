/* See rehearse.h. */
#include "rehearse.h"

#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "gemm.h"
#include "program_options.h"
#include "reduce.h"

static void (*const rehearsals[OP_COUNT])(const struct problem *problem, struct rehearsal *rehearsal) = {
    [OP_CONV] = conv_rehearsal,
    [OP_GEMM] = gemm_rehearsal,
    [OP_REDUCE] = reduce_rehearsal,
};

/* Legal, and compiled with the same options? */
static hpck_status check_alike(const struct family *family, const struct point *point, const struct point *small,
                               struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf options = { 0 };
    struct strbuf small_options = { 0 };
    const char *reason = family->valid(small);
    if (reason != NULL) HPCK_FAIL(err, HPCK_UNSUPPORTED, "rehearse: not legal for a small problem: %s", reason);
    program_options(&options, family, point);
    program_options(&small_options, family, small);
    if (options.failed || small_options.failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "rehearse: out of memory");
    if (options.length != small_options.length || memcmp(options.text, small_options.text, options.length) != 0)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "rehearse: a small problem has other options: %s", small_options.text);
done:
    strbuf_free(&options);
    strbuf_free(&small_options);
    return st;
}

static hpck_status zeros(const struct backend *backend, struct backend_device *device, size_t bytes, void **memory,
                         struct error *err)
{
    void *host = calloc(bytes, 1);
    if (host == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "rehearse: out of memory for %zu bytes", bytes);
    hpck_status st = backend->upload(device, host, bytes, memory, err);
    free(host);
    return st;
}

static hpck_status run_steps(const struct backend *backend, const struct family *family, const struct point *point,
                             struct backend_program *program, const struct call *call, void *workspace,
                             struct error *err)
{
    hpck_status st = HPCK_OK;
    struct step step = { 0 };
    for (int i = 0; i < family->step_count; i++) {
        if (!family->steps[i].enabled(point)) continue;
        HPCK_TRY(step_make(&step, backend, program, &family->steps[i], point, err));
        step_fill(&step, call, workspace);
        HPCK_TRY(backend->rehearse(step.kernel, step.arg, step.arg_count, &step.geometry, err));
        backend->kernel_free(step.kernel);
        step.kernel = NULL;
    }
done:
    backend->kernel_free(step.kernel);
    return st;
}

hpck_status rehearse(const struct backend *backend, struct backend_device *device, const struct family *family,
                     const struct point *point, struct backend_program *program, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct rehearsal rehearsal = { 0 };
    struct resources resources = { 0 };
    void *workspace = NULL;
    rehearsals[point->problem->op](point->problem, &rehearsal);
    const struct point small = { point->device, &rehearsal.problem, point->param };
    HPCK_TRY(check_alike(family, point, &small, err));
    family->resources(&small, &resources);
    if (resources.workspace_bytes > 0)
        HPCK_TRY(backend->allocate(device, (size_t)resources.workspace_bytes, &workspace, err));
    for (int i = 0; i < OP_BUFFERS_MAX; i++)
        if (rehearsal.buffer_bytes[i] > 0)
            HPCK_TRY(zeros(backend, device, rehearsal.buffer_bytes[i], &rehearsal.call.buffer[i], err));
    HPCK_TRY(run_steps(backend, family, &small, program, &rehearsal.call, workspace, err));
done:
    for (int i = 0; i < OP_BUFFERS_MAX; i++)
        backend->release(device, rehearsal.call.buffer[i]);
    backend->release(device, workspace);
    return st;
}
