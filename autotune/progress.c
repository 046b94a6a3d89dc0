/* The live line, or plain ones. */
#include "progress.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "measure.h"

static const double LIVE_SECONDS = 0.2;
static const double PLAIN_SECONDS = 10.0;

void progress_open(struct progress *progress, FILE *out)
{
    *progress = (struct progress){ .out = out, .is_live = isatty(fileno(out)) == 1, .last_shown = measure_now() };
}

bool progress_is_due(const struct progress *progress)
{
    return measure_now() - progress->last_shown >= (progress->is_live ? LIVE_SECONDS : PLAIN_SECONDS);
}

/* A line longer than the terminal would wrap and could not be taken back. */
static int terminal_width(const struct progress *progress)
{
    struct winsize size = { 0 };
    if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
    return size.ws_col - 1;
}

static void take_back(struct progress *progress)
{
    if (progress->is_shown) fputs("\r\033[K", progress->out);
    progress->is_shown = false;
}

void progress_show(struct progress *progress, const char *text)
{
    progress->last_shown = measure_now();
    if (!progress->is_live) {
        fprintf(progress->out, "%s\n", text);
        return;
    }
    take_back(progress);
    fprintf(progress->out, "%.*s", terminal_width(progress), text);
    fflush(progress->out);
    progress->is_shown = true;
}

void progress_note(struct progress *progress, const char *format, ...)
{
    va_list args;
    take_back(progress);
    va_start(args, format);
    vfprintf(progress->out, format, args);
    va_end(args);
    fputc('\n', progress->out);
}

void progress_close(struct progress *progress)
{
    take_back(progress);
    fflush(progress->out);
}

char *progress_duration(double seconds, char *buffer, size_t size)
{
    long total = seconds > 0.0 ? (long)(seconds + 0.5) : 0;
    if (total < 60)
        snprintf(buffer, size, "%lds", total);
    else if (total < 3600)
        snprintf(buffer, size, "%ldm%02lds", total / 60, total % 60);
    else
        snprintf(buffer, size, "%ldh%02ldm", total / 3600, total / 60 % 60);
    return buffer;
}
