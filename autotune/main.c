/* hpck-tune: finds the fastest kernel for each problem and writes it to the tuning database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"
#include "database.h"
#include "interrupt.h"
#include "suites.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_DEVICE = 3, EXIT_UNREADABLE = 4 };

static int exit_code_of(hpck_status status)
{
    switch (status) {
    case HPCK_OK:
        return EXIT_OK;
    case HPCK_INVALID_ARGUMENT:
        return EXIT_USAGE;
    case HPCK_NO_DEVICE:
        return EXIT_NO_DEVICE;
    case HPCK_DB_FORMAT:
    case HPCK_IO:
    case HPCK_TIMEOUT: /* of the database's lock */
        return EXIT_UNREADABLE;
    default:
        return EXIT_FAILED;
    }
}

static hpck_status print_device(const hpck_device_info *device, enum results_format format, struct error *err)
{
    if (format == RESULTS_TEXT) {
        printf("%s  %s  (%s, %lld compute units, driver %s)\n", device->selector, device->name, device->type,
               (long long)device->compute_units, device->driver);
        return HPCK_OK;
    }
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "selector", device->selector, "name", device->name,
                  "vendor", device->vendor, "driver", device->driver, "type", device->type, "compute_units",
                  (json_int_t)device->compute_units, "global_bytes", (json_int_t)device->global_bytes);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!line) return error_set(err, HPCK_OUT_OF_MEMORY, "cannot print device %s", device->selector);
    puts(line);
    free(line);
    return HPCK_OK;
}

static hpck_status list_devices(enum results_format format, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_device_info *devices = NULL;
    size_t count = 0;
    HPCK_TRY(hpck_devices(NULL, 0, &count));
    if (count == 0) fputs("hpck-tune: no device: no OpenCL driver is installed, or it offers none\n", stderr);
    devices = calloc(count + 1, sizeof *devices);
    if (!devices) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for %zu devices", count);
    HPCK_TRY(hpck_devices(devices, count, &count));
    for (size_t i = 0; i < count; i++)
        HPCK_TRY(print_device(&devices[i], format, err));
done:
    free(devices);
    return st;
}

static void list_suites(void)
{
    for (int i = 0; i < suite_count; i++)
        printf("%-12s %s\n", suites[i].name, suites[i].doc);
}

static int tune(const struct cli *cli, struct error *err)
{
    struct tuner tuner;
    interrupt_install();
    hpck_status st = tuner_open(&tuner, &cli->tuner, &cli->shapes, interrupt_flag(), err);
    if (st != HPCK_OK) return exit_code_of(st);
    if (cli->tuner.is_dry_run) {
        st = results_plan(&tuner, cli->format, stdout, err);
        tuner_close(&tuner);
        return exit_code_of(st);
    }
    st = tuner_run(&tuner, err);
    results_print(&tuner, cli->format, stdout);
    int code = st != HPCK_OK ? exit_code_of(st) : *tuner.stop ? EXIT_INTERRUPTED : results_exit_code(&tuner);
    tuner_close(&tuner);
    return code;
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
        list_suites();
        return EXIT_OK;
    case CLI_LIST_DEVICES:
        return exit_code_of(list_devices(cli->format, err));
    case CLI_SHOW:
        return exit_code_of(database_show(cli->tuner.db, &cli->shapes, cli->format, stdout, err));
    case CLI_EXPORT:
        return exit_code_of(database_export(cli->tuner.db, &cli->shapes, stdout, err));
    case CLI_MERGE:
        return exit_code_of(database_merge(cli->files, cli->file_count, stderr, err));
    case CLI_PRUNE:
        return exit_code_of(database_prune(cli->tuner.db, cli->files, cli->file_count, stderr, err));
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
    return code;
}
