/* The command line of hpck-tune. */
#ifndef HPCK_AUTOTUNE_CLI_H
#define HPCK_AUTOTUNE_CLI_H

#include "results.h"

enum cli_action {
    CLI_TUNE,
    CLI_LIST_DEVICES,
    CLI_LIST_SUITES,
    CLI_VERSION,
    CLI_HELP,
    CLI_SHOW,
    CLI_VERIFY,
    CLI_DIFF,
    CLI_MERGE,
    CLI_EXPORT,
    CLI_BUNDLE,
    CLI_PRUNE
};

struct cli {
    enum cli_action action;
    struct tuner_options tuner;
    enum results_format format;
    struct shapes shapes;
    const char *targets; /* of bundle; NULL: not given */
    const char **files;  /* of the subcommands diff, merge and prune */
    int file_count;
};

/* INVALID_ARGUMENT: the message quotes what was not understood and shows the nearest valid form. argv must outlive it. */
hpck_status cli_parse(int argc, char **argv, struct cli *cli, struct error *err);
void cli_free(struct cli *cli);
void cli_help(FILE *out);

/* "90", "90s", "10m", "1h30m" -> seconds. */
bool cli_duration(const char *text, double *seconds);

#endif
