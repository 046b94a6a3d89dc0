/* The error a handle or tool carries: a status and a message that says what, which value, which rule.
 * Fallible functions return hpck_status and fill an error; they leave through one `done:` label. */
#ifndef HPCK_CORE_ERROR_H
#define HPCK_CORE_ERROR_H

#include <hpck/hpck.h>

struct error {
    hpck_status status;
    char *text; /* owned; NULL: no message */
};

/* Replaces the message; returns `status`, so that `return error_set(...)` reads well. err may be NULL. */
hpck_status error_set(struct error *err, hpck_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to the message (a build log, the file it came from); the status stays. */
void error_append(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *error_text(const struct error *err); /* never NULL */
void error_free(struct error *err);

/* Both expect a local `hpck_status st` and a label `done`. */
#define HPCK_TRY(expr)                                                                                             \
    do {                                                                                                           \
        st = (expr);                                                                                               \
        if (st != HPCK_OK) goto done;                                                                              \
    } while (0)
#define HPCK_FAIL(err, code, ...)                                                                                  \
    do {                                                                                                           \
        st = error_set((err), (code), __VA_ARGS__);                                                                \
        goto done;                                                                                                 \
    } while (0)

#endif
