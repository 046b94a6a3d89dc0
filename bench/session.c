/* Opens the device once and every reference library once. */
#include "session.h"

#include <stdio.h>

static void contender_open(struct session *session, const struct reference *reference)
{
    struct contender *contender = &session->contenders[session->contender_count++];
    struct error err = { 0 };
    contender->reference = reference;
    contender->is_loaded = reference->load(&contender->library, &err) == HPCK_OK;
    if (!contender->is_loaded && session->options->against_given) session->is_asked_for_absent = true;
    snprintf(contender->note, sizeof contender->note, "%s",
             contender->is_loaded ? reference->version(contender->library) : error_text(&err));
    error_free(&err);
}

/* An emulated time beside a measured one would mean nothing. */
static void dismiss_measured_ones(struct session *session)
{
    for (int i = 0; i < session->contender_count; i++) {
        struct contender *contender = &session->contenders[i];
        if (!contender->is_loaded || contender->reference->is_hpck) continue;
        contender->reference->unload(contender->library);
        contender->is_loaded = false;
        if (session->options->against_given) session->is_asked_for_absent = true;
        snprintf(contender->note, sizeof contender->note, "not compared: %.100s has no measured times",
                 session->device->name);
    }
}

hpck_status session_open(const struct bench_options *options, const volatile sig_atomic_t *stop,
                         struct session *session, struct error *err)
{
    hpck_options wanted = HPCK_OPTIONS_INIT;
    *session = (struct session){ .options = options, .stop = stop };
    for (int i = 0; i < reference_count; i++)
        if (options->against[i]) contender_open(session, references[i]);

    wanted.device = options->device;
    wanted.db = options->db;
    hpck_status st = hpck_create(&session->handle, &wanted);
    if (st != HPCK_OK)
        return error_set(err, st, "%s",
                         session->handle ? hpck_error_message(session->handle) : hpck_status_string(st));
    session->device = session->handle->backend->describe(session->handle->device);
    if (session->device->is_emulated) dismiss_measured_ones(session);
    return HPCK_OK;
}

void session_close(struct session *session)
{
    for (int i = 0; i < session->contender_count; i++)
        if (session->contenders[i].is_loaded)
            session->contenders[i].reference->unload(session->contenders[i].library);
    hpck_destroy(session->handle);
    *session = (struct session){ 0 };
}
