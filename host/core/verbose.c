/* The library's only voice: event lines asked for by HPCK_VERBOSE, and the problems recorded for HPCK_TRACE. */
#include "verbose.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env.h"
#include "file.h"
#include "strbuf.h"

static const char *const event_names[VERBOSE_EVENT_COUNT] = {
    [VERBOSE_ERROR] = "error", [VERBOSE_CHECK] = "check",     [VERBOSE_DISPATCH] = "dispatch",
    [VERBOSE_CACHE] = "cache", [VERBOSE_COMPILE] = "compile", [VERBOSE_PROFILE] = "profile",
};

struct verbose {
    bool wants[VERBOSE_EVENT_COUNT];
    int fd;
    int trace_fd;  /* -1: no trace */
    char **traced; /* texts in ascending order */
    size_t traced_count;
    size_t traced_capacity;
};

/* ---- lines ------------------------------------------------------------------------------------------------- */

/* One event is one line, whatever a driver's build log contains. */
static void add_line(struct strbuf *line, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n')
            strbuf_add(line, "\\n");
        else
            strbuf_addn(line, c < ' ' || c == 0x7f ? "?" : text, 1);
    }
}

static void write_event(const struct verbose *verbose, enum verbose_event event, const struct problem *problem,
                        const char *format, va_list args)
{
    char text[PROBLEM_TEXT_MAX] = "-";
    struct strbuf details = { 0 };
    struct strbuf line = { 0 };
    if (problem != NULL) problem_print(problem, text);
    strbuf_addv(&details, format, args);
    strbuf_addf(&line, "hpck,v1,%s,%s,", event_names[event], text);
    add_line(&line, details.text != NULL ? details.text : "");
    strbuf_add(&line, "\n");
    if (!line.failed && !details.failed) file_append(verbose->fd, line.text, line.length);
    strbuf_free(&line);
    strbuf_free(&details);
}

/* Complaints about the verbose settings themselves: shown whatever HPCK_VERBOSE asks for. */
static void complain(const struct verbose *verbose, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(const struct verbose *verbose, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_event(verbose, VERBOSE_ERROR, NULL, format, args);
    va_end(args);
}

bool verbose_wants(const struct verbose *verbose, enum verbose_event event)
{
    return verbose != NULL && verbose->wants[event];
}

void verbose_print(struct verbose *verbose, enum verbose_event event, const struct problem *problem,
                   const char *format, ...)
{
    if (!verbose_wants(verbose, event)) return;
    va_list args;
    va_start(args, format);
    write_event(verbose, event, problem, format, args);
    va_end(args);
}

/* ---- opening ----------------------------------------------------------------------------------------------- */

static bool read_word(struct verbose *verbose, const char *word, size_t length)
{
    bool all = length == 3 && memcmp(word, "all", 3) == 0;
    bool known = all;
    for (int i = 0; i < VERBOSE_EVENT_COUNT; i++) {
        if (!all && (strlen(event_names[i]) != length || memcmp(event_names[i], word, length) != 0)) continue;
        verbose->wants[i] = true;
        known = true;
    }
    return known;
}

static void read_words(struct verbose *verbose, const char *words)
{
    enum { SHOWN = 40 };
    while (*words != '\0') {
        size_t length = strcspn(words, ",");
        if (length > 0 && !read_word(verbose, words, length))
            complain(verbose,
                     "HPCK_VERBOSE: \"%.*s\" is not one of error, check, dispatch, cache, compile, profile, all",
                     (int)(length < SHOWN ? length : SHOWN), words);
        words += length;
        words += *words == ',';
    }
}

static void open_files(struct verbose *verbose, const char *words, const char *file, const char *trace)
{
    struct error err = { 0 };
    if (words != NULL && file != NULL && file_open_append(file, &verbose->fd, &err) != HPCK_OK)
        complain(verbose, "HPCK_VERBOSE_FILE: %s", error_text(&err));
    if (trace != NULL && file_open_append(trace, &verbose->trace_fd, &err) != HPCK_OK)
        complain(verbose, "HPCK_TRACE: %s", error_text(&err));
    error_free(&err);
}

hpck_status verbose_open(struct verbose **verbose, struct error *err)
{
    const char *words = env_get("HPCK_VERBOSE");
    struct verbose *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for the verbose output");
    opened->fd = STDERR_FILENO;
    opened->trace_fd = -1;
    open_files(opened, words, env_get("HPCK_VERBOSE_FILE"), env_get("HPCK_TRACE"));
    if (words != NULL) {
        static const char header[] = "hpck,v1,event,problem,details\n";
        file_append(opened->fd, header, sizeof header - 1);
        read_words(opened, words);
    }
    *verbose = opened;
    return HPCK_OK;
}

void verbose_close(struct verbose *verbose)
{
    if (verbose == NULL) return;
    if (verbose->fd != STDERR_FILENO) close(verbose->fd);
    if (verbose->trace_fd >= 0) close(verbose->trace_fd);
    for (size_t i = 0; i < verbose->traced_count; i++)
        free(verbose->traced[i]);
    free(verbose->traced);
    free(verbose);
}

/* ---- trace -------------------------------------------------------------------------------------------------- */

/* Remembers the text; false when it was there already or memory is short (then it is not traced twice either). */
static bool remember(struct verbose *verbose, const char *text)
{
    size_t low = 0;
    size_t high = verbose->traced_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(text, verbose->traced[middle]);
        if (order == 0) return false;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (verbose->traced_count == verbose->traced_capacity) {
        size_t capacity = verbose->traced_capacity > 0 ? 2 * verbose->traced_capacity : 64;
        char **grown = realloc(verbose->traced, capacity * sizeof *grown);
        if (grown == NULL) return false;
        verbose->traced = grown;
        verbose->traced_capacity = capacity;
    }
    char *copy = strdup(text);
    if (copy == NULL) return false;
    memmove(verbose->traced + low + 1, verbose->traced + low,
            (verbose->traced_count - low) * sizeof *verbose->traced);
    verbose->traced[low] = copy;
    verbose->traced_count++;
    return true;
}

void verbose_trace(struct verbose *verbose, const struct problem *problem)
{
    if (verbose == NULL || verbose->trace_fd < 0) return;
    char text[PROBLEM_TEXT_MAX + 1];
    problem_print(problem, text);
    if (!remember(verbose, text)) return;
    size_t length = strlen(text);
    text[length] = '\n';
    file_append(verbose->trace_fd, text, length + 1);
}
