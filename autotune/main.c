/* hpck-tune: finds the fastest kernel for each problem and writes it to the tuning database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle_make.h"
#include "cli.h"
#include "compilers.h"
#include "database.h"
#include "tool.h"
#include "verify.h"

static int tune(const struct cli *cli, struct error *err)
{
    struct tuner tuner;
    interrupt_install();
    hpck_status st = tuner_open(&tuner, &cli->tuner, &cli->shapes, interrupt_flag(), err);
    if (st != HPCK_OK) return tool_exit_code(st);
    if (cli->tuner.is_dry_run) {
        st = results_plan(&tuner, cli->format, stdout, err);
        tuner_close(&tuner);
        return tool_exit_code(st);
    }
    st = tuner_run(&tuner, err);
    results_print(&tuner, cli->format, stdout);
    int code = st != HPCK_OK ? tool_exit_code(st) : *tuner.stop ? EXIT_INTERRUPTED : results_exit_code(&tuner);
    tuner_close(&tuner);
    return code;
}

static int verify(const struct cli *cli, struct error *err)
{
    bool is_fine = false;
    interrupt_install();
    const volatile sig_atomic_t *stop = interrupt_flag();
    hpck_status st = verify_database(&cli->tuner, &cli->shapes, stop, cli->format, stdout, &is_fine, err);
    if (st != HPCK_OK) return tool_exit_code(st);
    return *stop ? EXIT_INTERRUPTED : is_fine ? EXIT_OK : EXIT_FAILED;
}

static int diff(const struct cli *cli, struct error *err)
{
    bool differ = false;
    hpck_status st = database_diff(cli->files[0], cli->files[1], &cli->shapes, cli->format, stdout, &differ, err);
    return st != HPCK_OK ? tool_exit_code(st) : differ ? EXIT_FAILED : EXIT_OK;
}

static int bundle(const struct cli *cli, struct error *err)
{
    const int jobs = cli->tuner.jobs;
    const struct bundle_order order = { .targets = cli->targets,
                                        .db = cli->tuner.db,
                                        .jobs = jobs < 0 ? compilers_default_count() : jobs,
                                        .problems = &cli->shapes };
    if (isatty(STDOUT_FILENO)) {
        error_set(err, HPCK_INVALID_ARGUMENT, "bundle: standard output is a terminal: add > kernels.hpck");
        return EXIT_USAGE;
    }
    return tool_exit_code(bundle_make(&order, stdout, stderr, err));
}

static int act(const struct cli *cli, struct error *err)
{
    switch (cli->action) {
    case CLI_HELP:
        cli_help(stdout);
        return EXIT_OK;
    case CLI_VERSION:
        puts("hpck-tune " HPCK_VERSION_STRING);
        return EXIT_OK;
    case CLI_LIST_SUITES:
        tool_print_suites(stdout, "");
        return EXIT_OK;
    case CLI_LIST_DEVICES:
        return tool_exit_code(tool_print_devices("hpck-tune", cli->format == RESULTS_JSON, err));
    case CLI_SHOW:
        return tool_exit_code(database_show(cli->tuner.db, &cli->shapes, cli->format, stdout, err));
    case CLI_VERIFY:
        return verify(cli, err);
    case CLI_DIFF:
        return diff(cli, err);
    case CLI_EXPORT:
        return tool_exit_code(database_export(cli->tuner.db, &cli->shapes, stdout, err));
    case CLI_BUNDLE:
        return bundle(cli, err);
    case CLI_MERGE:
        return tool_exit_code(database_merge(cli->files, cli->file_count, stderr, err));
    case CLI_PRUNE:
        return tool_exit_code(database_prune(cli->tuner.db, cli->files, cli->file_count, stderr, err));
    case CLI_TUNE:
        return tune(cli, err);
    }
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct error err = { HPCK_OK, NULL };
    struct cli cli;

    setenv("POCL_AFFINITY", "1", 0); /* before any driver is opened; what the user set wins */
    if (argc > 1 && strcmp(argv[1], WORKER_COMMAND) == 0) return worker_main(argc - 2, argv + 2);
    hpck_status st = cli_parse(argc, argv, &cli, &err);
    int code = st == HPCK_OK ? act(&cli, &err) : EXIT_USAGE;
    if (error_text(&err)[0]) fprintf(stderr, "hpck-tune: %s\n", error_text(&err));
    cli_free(&cli);
    error_free(&err);
    return tool_end("hpck-tune", code);
}
