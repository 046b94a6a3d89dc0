/* What hpck-tune and hpck-bench have in common, so that they speak alike: exit codes, a command line that is read from
 * the table that --help prints, the lists of devices and suites. */
#ifndef HPCK_AUTOTUNE_TOOL_H
#define HPCK_AUTOTUNE_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "interrupt.h" /* EXIT_INTERRUPTED */

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* a wrong result, or below a bar */
    EXIT_USAGE = 2,
    EXIT_NO_DEVICE = 3,
    EXIT_UNREADABLE = 4, /* a tuning database or another file */
    EXIT_SKIPPED = 77
};
int tool_exit_code(hpck_status status);

/* Last thing in main: results that standard output did not take (a full disk) are reported and make a success 4. */
int tool_end(const char *program, int code);

/* ---- the command line -------------------------------------------------------------------------------------------- */

struct tool_option {
    int id;
    const char *name;
    const char *value; /* NULL: takes none */
    const char *doc;
};

struct tool_command_line {
    const struct tool_option *options;
    int option_count;
    hpck_status (*option)(const struct tool_option *option, const char *value, void *context, struct error *err);
    hpck_status (*argument)(const char *text, void *context,
                            struct error *err); /* whatever is no option; "-" is none */
};

/* argv without the program's name. INVALID_ARGUMENT: the message quotes what was not understood and names the nearest
 * option. */
hpck_status tool_read(const struct tool_command_line *line, int argc, char **argv, void *context,
                      struct error *err);

/* Values of options. INVALID_ARGUMENT: the message tells the option, the text and what was expected. */
hpck_status tool_integer(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
                         struct error *err);
hpck_status tool_number(const char *option, const char *text, double low, double high, double *value,
                        struct error *err);
/* *index: which of the `count` names the text is. */
hpck_status tool_word(const char *option, const char *text, const char *const *names, int count, int *index,
                      struct error *err);

/* ---- what both print --------------------------------------------------------------------------------------------- */

void tool_print_options(FILE *out, const struct tool_option *options, int count);
void tool_print_suites(FILE *out, const char *indent);
/* One device a line; a machine without any gets a note on standard error and is no error. */
hpck_status tool_print_devices(const char *tool, bool as_json, struct error *err);

#endif
