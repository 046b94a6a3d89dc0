/* The manners of the command-line tools. */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

int tool_exit_code(hpck_status status)
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

int tool_end(const char *program, int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "%s: standard output cannot be written: %s\n", program, strerror(errno));
    return code == EXIT_OK ? EXIT_UNREADABLE : code;
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

/* Characters that two names share at the start: finds the option that a typing error was meant for. */
static size_t shared_start(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

/* "--name" or "--name=value". */
static const struct tool_option *find_option(const struct tool_command_line *line, const char *argument,
                                             const char **value, struct error *err)
{
    const char *name = argument + strspn(argument, "-");
    size_t length = strcspn(name, "=");
    const struct tool_option *nearest = &line->options[line->option_count - 1]; /* --help */
    size_t best = 0;

    *value = name[length] == '=' ? name + length + 1 : NULL;
    for (int i = 0; i < line->option_count && strncmp(argument, "--", 2) == 0; i++) {
        const struct tool_option *option = &line->options[i];
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0) return option;
        if (shared_start(option->name, name) <= best) continue;
        best = shared_start(option->name, name);
        nearest = option;
    }
    error_set(err, HPCK_INVALID_ARGUMENT, "unknown option %s; the nearest is --%s", argument, nearest->name);
    return NULL;
}

hpck_status tool_read(const struct tool_command_line *line, int argc, char **argv, void *context, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < argc; i++) {
        const char *value;
        if (argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
            HPCK_TRY(line->argument(argv[i], context, err));
            continue;
        }
        const struct tool_option *option = find_option(line, argv[i], &value, err);
        if (!option) return HPCK_INVALID_ARGUMENT;
        if (!option->value && value) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "--%s takes no value", option->name);
        if (option->value && !value) {
            if (++i == argc)
                HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "--%s needs a value: --%s %s", option->name, option->name,
                          option->value);
            value = argv[i];
        }
        HPCK_TRY(line->option(option, value, context, err));
    }
done:
    return st;
}

hpck_status tool_integer(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
                         struct error *err)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *value < low || *value > high)
        return error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected a whole number in %" PRIu64 " .. %" PRIu64,
                         option, text, low, high);
    return HPCK_OK;
}

hpck_status tool_number(const char *option, const char *text, double low, double high, double *value,
                        struct error *err)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= low && *value <= high)) /* NaN is in no range */
        return error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected a number in %g .. %g", option, text, low,
                         high);
    return HPCK_OK;
}

hpck_status tool_word(const char *option, const char *text, const char *const *names, int count, int *index,
                      struct error *err)
{
    for (*index = 0; *index < count; (*index)++)
        if (strcmp(text, names[*index]) == 0) return HPCK_OK;
    error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected", option, text);
    for (int i = 0; i < count; i++)
        error_append(err, "%s %s", i == 0 ? "" : i == count - 1 ? " or" : ",", names[i]);
    return HPCK_INVALID_ARGUMENT;
}

/* ---- what both print --------------------------------------------------------------------------------------------- */

void tool_print_options(FILE *out, const struct tool_option *options, int count)
{
    for (int i = 0; i < count; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        fprintf(out, "  %-20s %s\n", left, options[i].doc);
    }
}

void tool_print_suites(FILE *out, const char *indent)
{
    for (int i = 0; i < suite_count; i++)
        fprintf(out, "%s%-20s %s\n", indent, suites[i].name, suites[i].doc);
}

static hpck_status print_device(const hpck_device_info *device, bool as_json, struct error *err)
{
    if (!as_json) {
        printf("%s  %s  (%s, %" PRId64 " compute units, driver %s)\n", device->selector, device->name, device->type,
               device->compute_units, device->driver);
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

hpck_status tool_print_devices(const char *tool, bool as_json, struct error *err)
{
    hpck_status st = HPCK_OK;
    hpck_device_info *devices = NULL;
    size_t count = 0;
    st = hpck_devices(NULL, 0, &count);
    if (st != HPCK_OK) HPCK_FAIL(err, st, "the devices cannot be listed: %s", hpck_status_string(st));
    if (count == 0) fprintf(stderr, "%s: no device: no OpenCL driver is installed, or it offers none\n", tool);
    devices = calloc(count + 1, sizeof *devices);
    if (!devices) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for %zu devices", count);
    HPCK_TRY(hpck_devices(devices, count, &count));
    for (size_t i = 0; i < count; i++)
        HPCK_TRY(print_device(&devices[i], as_json, err));
done:
    free(devices);
    return st;
}
