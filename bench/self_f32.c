/* hpck itself on the same problem in f32: what 16-bit storage gains or costs. */
#include "reference.h"

#include <stdlib.h>

struct self {
    hpck_handle *handle;
    struct workload *workload;
};

static hpck_status self_load(void **library, struct error *err)
{
    (void)err;
    *library = NULL;
    return HPCK_OK;
}

static void self_unload(void *library)
{
    (void)library;
}

static const char *self_version(const void *library)
{
    (void)library;
    return "hpck " HPCK_VERSION_STRING;
}

static void self_close(void *opaque)
{
    struct self *state = opaque;
    if (!state) return;
    workload_free(state->workload);
    free(state);
}

static hpck_status self_open(void *library, hpck_handle *handle, const struct problem *problem,
                             struct workload *workload, int copies, void **out, struct error *err)
{
    (void)library;
    (void)workload;
    hpck_status st = HPCK_OK;
    struct workload_options options = WORKLOAD_OPTIONS_INIT;
    struct problem f32 = *problem;
    struct self *state = calloc(1, sizeof *state);
    if (!state) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory");
    f32.dtype_in = HPCK_F32;
    f32.dtype_out = HPCK_F32;
    options.copies = copies;
    state->handle = handle;
    HPCK_TRY(workload_create(handle, &f32, &options, &state->workload, err));
    *out = state;
    state = NULL;
done:
    self_close(state);
    return st;
}

static const char *self_routine(const void *state)
{
    (void)state;
    return "";
}

static hpck_status self_run(void *opaque, struct error *err)
{
    struct self *state = opaque;
    return workload_run(state->workload, NULL, err);
}

static hpck_status self_finish(void *opaque, struct error *err)
{
    struct self *state = opaque;
    hpck_status st = hpck_synchronize(state->handle);
    return st == HPCK_OK ? st : error_set(err, st, "%s", hpck_error_message(state->handle));
}

static hpck_status self_verify(void *opaque, struct error *err)
{
    struct self *state = opaque;
    return workload_verify(state->workload, NULL, err);
}

const struct reference reference_self_f32 = {
    .name = "self-f32",
    .doc = "hpck's own f32 kernel for the same sizes",
    .is_hpck = true,
    .on_request = true,
    .load = self_load,
    .unload = self_unload,
    .version = self_version,
    .open = self_open,
    .routine = self_routine,
    .run = self_run,
    .finish = self_finish,
    .verify = self_verify,
    .close = self_close,
};
