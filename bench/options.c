/* The command line, read from the same table that --help prints. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

enum option_id {
    DEVICE,
    DB,
    SUITE,
    SHAPES,
    AGAINST,
    DEFAULT,
    VERIFY,
    ROUNDS,
    LIMIT,
    HOT,
    COLD,
    SEED,
    FORMAT,
    MIN_RATIO,
    COMPARE,
    THRESHOLD,
    JUNIT,
    LIST_DEVICES,
    LIST_SUITES,
    VERSION,
    HELP
};

static const struct option {
    enum option_id id;
    const char *name;
    const char *value; /* NULL: takes none */
    const char *doc;
} options_table[] = {
    { SUITE, "suite", "NAME", "measure the problems of a suite (--list-suites)" },
    { SHAPES, "shapes", "FILE", "measure the problems of a file: one a line, or a CSV; FILE:TIER one tier of it" },
    { DEVICE, "device", "D", "opencl:0:0, or a part of a device's name; default: HPCK_DEVICE, else the best" },
    { DB, "db", "PATH", "tuning database that is consulted first" },
    { AGAINST, "against", "LIST",
      "references, separated by commas, or none; default: openblas,clblast if present" },
    { DEFAULT, "default", NULL, "also measure the kernel that would be chosen without any tuning database" },
    { VERIFY, "verify", NULL, "compare every result with the double-precision oracle before it is timed" },
    { ROUNDS, "rounds", "N", "alternating rounds per problem; default 24" },
    { LIMIT, "limit", "SECONDS", "start no further round of a problem after this time; default 60, 0: no limit" },
    { HOT, "hot", NULL, "every run finds its operands where the last one left them" },
    { COLD, "cold", NULL, "runs rotate through operands of twice the cache; default for memory-bound problems" },
    { SEED, "seed", "N", "seed of the random operands; default 1" },
    { FORMAT, "format", "F", "text, json (one object per line) or csv; default text" },
    { MIN_RATIO, "min-ratio", "R", "fail where a reference's time / hpck's time is below R" },
    { COMPARE, "compare", "FILE", "fail where a problem got slower than in FILE (of --format json), beyond noise" },
    { THRESHOLD, "threshold", "R", "what --compare accepts: new speed / old speed; default 0.95" },
    { JUNIT, "junit", "FILE", "also write the outcomes as JUnit XML" },
    { LIST_DEVICES, "list-devices", NULL, "print the devices and exit" },
    { LIST_SUITES, "list-suites", NULL, "print the suites and exit" },
    { VERSION, "version", NULL, "print the version and exit" },
    { HELP, "help", NULL, "print this and exit" },
};
enum { OPTION_COUNT = sizeof options_table / sizeof *options_table };

static const char *const help_head =
    "usage: hpck-bench [OPTION]... PROBLEM... | --suite NAME | --shapes FILE | -\n"
    "Times hpck's GEMM on a device against other libraries, in alternating rounds of one process.\n"
    "A PROBLEM looks like gemm:f16>f32:nt:m64n64k64:b16:col:bias:relu; - reads problems from standard input.\n"
    "\n";

static const char *const help_tail =
    "\n"
    "A ratio is the median over the rounds of (reference time / hpck time): above 1 hpck is faster.\n"
    "Results go to standard output, everything else to standard error. docs/benchmarking.md explains the columns.\n"
    "\n"
    "environment:\n"
    "  HPCK_DEVICE        device, when --device is not given\n"
    "  HPCK_DB            tuning database consulted first, when --db is not given\n"
    "  HPCK_CACHE_DIR     folder of compiled kernels; empty: none\n"
    "  HPCK_VERBOSE, HPCK_VERBOSE_FILE   what the library tells (docs/verbose.md)\n"
    "  HPCK_OPENBLAS      the CBLAS library to open as openblas; default libopenblas.so.0\n"
    "  HPCK_CLBLAST       the library to open as clblast; default libclblast.so.1\n"
    "  POCL_AFFINITY      set to 1 when unset: PoCL's threads stay on their cores; those of OpenBLAS are not "
    "touched\n"
    "  OPENBLAS_NUM_THREADS ...   OpenBLAS reads its own variables; hpck-bench leaves its defaults alone\n"
    "\n"
    "exit codes:\n"
    "  0   done\n"
    "  1   a wrong result, or slower than --min-ratio or --compare allow\n"
    "  2   a mistake in the command line\n"
    "  3   no device\n"
    "  4   the tuning database or the file of --compare cannot be read\n"
    "  77  skipped: a reference named by --against is not on this machine\n"
    "  130 interrupted; the rows finished so far are printed\n";

void options_help(void)
{
    fputs(help_head, stdout);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table[i];
        char left[32];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        printf("  %-18s %s\n", left, option->doc);
    }
    fputs("\nreferences:\n", stdout);
    for (int i = 0; i < reference_count; i++)
        printf("  %-18s %s%s\n", references[i]->name, references[i]->doc,
               references[i]->on_request ? "; only when asked for" : "");
    fputs("\nsuites:\n", stdout);
    for (int i = 0; i < suite_count; i++)
        printf("  %-18s %s\n", suites[i].name, suites[i].doc);
    fputs(help_tail, stdout);
}

/* ---- looking up and reading values ------------------------------------------------------------------------- */

/* Number of leading characters that two names share: enough to find the option a typing error was meant for. */
static size_t shared_start(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

/* "--name" or "--name=value". */
static const struct option *option_find(const char *argument, const char **value, struct error *err)
{
    const char *name = argument + strspn(argument, "-");
    size_t length = strcspn(name, "=");
    const struct option *nearest = &options_table[OPTION_COUNT - 1]; /* --help */
    size_t best = 0;

    *value = name[length] == '=' ? name + length + 1 : NULL;
    for (int i = 0; i < OPTION_COUNT && strncmp(argument, "--", 2) == 0; i++) {
        const struct option *option = &options_table[i];
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0) return option;
        if (shared_start(option->name, name) > best) {
            best = shared_start(option->name, name);
            nearest = option;
        }
    }
    error_set(err, HPCK_INVALID_ARGUMENT, "unknown option %s; the nearest is --%s", argument, nearest->name);
    return NULL;
}

static hpck_status read_number(const char *name, const char *text, double low, double high, double *value,
                               struct error *err)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= low && *value <= high))
        return error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected a number in %g .. %g", name, text, low,
                         high);
    return HPCK_OK;
}

static hpck_status read_integer(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value,
                                struct error *err)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *value < low || *value > high)
        return error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected a whole number in %llu .. %llu", name, text,
                         (unsigned long long)low, (unsigned long long)high);
    return HPCK_OK;
}

static hpck_status read_format(const char *text, enum bench_format *format, struct error *err)
{
    static const char *const names[] = { [FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv" };
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], text) != 0) continue;
        *format = (enum bench_format)i;
        return HPCK_OK;
    }
    return error_set(err, HPCK_INVALID_ARGUMENT, "--format %s: expected text, json or csv", text);
}

static hpck_status read_against(const char *text, struct bench_options *options, struct error *err)
{
    options->against_given = true;
    memset(options->against, 0, sizeof options->against);
    if (strcmp(text, "none") == 0) return HPCK_OK;
    for (const char *name = text; name; name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL) {
        size_t length = strcspn(name, ",");
        int found = -1;
        for (int i = 0; i < reference_count; i++)
            if (strlen(references[i]->name) == length && strncmp(references[i]->name, name, length) == 0) found = i;
        if (found < 0) {
            error_set(err, HPCK_INVALID_ARGUMENT, "--against %s: there is no reference \"%.*s\"; there are: none",
                      text, (int)length, name);
            for (int i = 0; i < reference_count; i++)
                error_append(err, " %s", references[i]->name);
            return HPCK_INVALID_ARGUMENT;
        }
        options->against[found] = true;
    }
    return HPCK_OK;
}

static hpck_status apply(const struct option *option, const char *value, struct bench_options *options,
                         struct error *err)
{
    uint64_t integer = 0;
    hpck_status st = HPCK_OK;
    switch (option->id) {
    case DEVICE:
        options->device = value;
        break;
    case DB:
        options->db = value;
        break;
    case SUITE:
        return shapes_add_suite(&options->shapes, value, err);
    case SHAPES:
        return shapes_add_file(&options->shapes, value, err);
    case AGAINST:
        return read_against(value, options, err);
    case DEFAULT:
        options->with_default = true;
        break;
    case VERIFY:
        options->verify = true;
        break;
    case ROUNDS:
        HPCK_TRY(read_integer(option->name, value, 1, MEASURE_ROUNDS_MAX, &integer, err));
        options->rounds = (int)integer;
        break;
    case LIMIT:
        return read_number(option->name, value, 0.0, 1e6, &options->limit_seconds, err);
    case HOT:
        options->cache = CACHE_HOT;
        break;
    case COLD:
        options->cache = CACHE_COLD;
        break;
    case SEED:
        return read_integer(option->name, value, 0, UINT64_MAX, &options->seed, err);
    case FORMAT:
        return read_format(value, &options->format, err);
    case MIN_RATIO:
        return read_number(option->name, value, 0.0, 1e6, &options->min_ratio, err);
    case COMPARE:
        options->compare = value;
        break;
    case THRESHOLD:
        return read_number(option->name, value, 0.0, 1e6, &options->threshold, err);
    case JUNIT:
        options->junit = value;
        break;
    case LIST_DEVICES:
        options->action = ACTION_LIST_DEVICES;
        break;
    case LIST_SUITES:
        options->action = ACTION_LIST_SUITES;
        break;
    case VERSION:
        options->action = ACTION_VERSION;
        break;
    case HELP:
        options->action = ACTION_HELP;
        break;
    }
done:
    return st;
}

hpck_status options_parse(int argc, char **argv, struct bench_options *options, struct error *err)
{
    hpck_status st = HPCK_OK;
    *options = (struct bench_options){ .rounds = 24, .limit_seconds = 60.0, .seed = 1, .threshold = 0.95 };
    for (int i = 0; i < reference_count; i++)
        options->against[i] = !references[i]->on_request;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-") == 0) {
            HPCK_TRY(shapes_add_file(&options->shapes, "-", err));
            continue;
        }
        if (argv[i][0] != '-') {
            HPCK_TRY(shapes_add_problem(&options->shapes, argv[i], err));
            continue;
        }
        const char *value;
        const struct option *option = option_find(argv[i], &value, err);
        if (!option) return HPCK_INVALID_ARGUMENT;
        if (!option->value && value) HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "--%s takes no value", option->name);
        if (option->value && !value) {
            if (++i == argc)
                HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "--%s needs a value: --%s %s", option->name, option->name,
                          option->value);
            value = argv[i];
        }
        HPCK_TRY(apply(option, value, options, err));
    }
    if (options->action == ACTION_MEASURE && options->shapes.count == 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT,
                  "nothing to measure: name problems (gemm:f32:nn:m512n512k512), --suite NAME or --shapes FILE");
done:
    return st;
}

void options_free(struct bench_options *options)
{
    shapes_free(&options->shapes);
}
