/* What stays open while problems are measured: the device and the libraries that it is compared with. */
#ifndef HPCK_BENCH_SESSION_H
#define HPCK_BENCH_SESSION_H

#include <signal.h>

#include "options.h"

struct contender {
    const struct reference *reference;
    void *library;
    bool is_loaded;
    char note[160]; /* its version, or why it is absent */
};

struct session {
    const struct bench_options *options;
    hpck_handle *handle;
    const struct device_desc *device;
    struct contender contenders[REFERENCES_MAX]; /* those of options->against */
    int contender_count;
    bool is_asked_for_absent; /* --against names a library that this machine does not have */
    const volatile sig_atomic_t *stop;
};

hpck_status session_open(const struct bench_options *options, const volatile sig_atomic_t *stop,
                         struct session *session, struct error *err);
void session_close(struct session *session);

#endif
