/* Progress on stderr: one line that is rewritten in place on a terminal, a plain line every 10 seconds otherwise. */
#ifndef HPCK_AUTOTUNE_PROGRESS_H
#define HPCK_AUTOTUNE_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool is_live;
    bool is_shown;     /* a live line stands on the terminal */
    double last_shown; /* measure_now() */
};

void progress_open(struct progress *progress, FILE *out);

/* True when the next progress_show would be seen: callers skip making its text. */
bool progress_is_due(const struct progress *progress);
void progress_show(struct progress *progress, const char *text);

/* A line that stays. */
void progress_note(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Removes the live line. */
void progress_close(struct progress *progress);

/* "4m10s", "1h02m", "9s" of seconds; returns buffer. */
char *progress_duration(double seconds, char *buffer, size_t size);

#endif
