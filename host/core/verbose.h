/* HPCK_VERBOSE=error,check,dispatch,cache,compile,profile or `all`: one CSV-like line per event on stderr, or in
 * HPCK_VERBOSE_FILE (%p: process id). Each line: hpck,v1,<event>,<problem or ->,<details as key=value>.
 * HPCK_TRACE=FILE: one line in the problem language per distinct problem that was called.
 * State hangs off the handle; nothing here is global. docs/verbose.md lists the events. */
#ifndef HPCK_CORE_VERBOSE_H
#define HPCK_CORE_VERBOSE_H

#include <stdbool.h>

#include "problem.h"

enum verbose_event {
    VERBOSE_ERROR,
    VERBOSE_CHECK,
    VERBOSE_DISPATCH,
    VERBOSE_CACHE,
    VERBOSE_COMPILE,
    VERBOSE_PROFILE,
    VERBOSE_EVENT_COUNT
};

struct verbose;

/* Reads the environment. An unknown word in HPCK_VERBOSE is reported in the output itself, never fatal. */
hpck_status verbose_open(struct verbose **verbose, struct error *err);
void verbose_close(struct verbose *verbose);

/* False for a NULL verbose: callers skip formatting on the hot path. */
bool verbose_wants(const struct verbose *verbose, enum verbose_event event);
void verbose_print(struct verbose *verbose, enum verbose_event event, const struct problem *problem,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Writes the problem to HPCK_TRACE if this handle has not traced it yet (called when a plan is made). */
void verbose_trace(struct verbose *verbose, const struct problem *problem);

#endif
