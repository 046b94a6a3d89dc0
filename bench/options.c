/* The command line, read from the same table that --help prints. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "measure.h"
#include "tool.h"

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

static const struct tool_option table[] = {
    { SUITE, "suite", "NAME", "measure the problems of a suite (--list-suites)" },
    { SHAPES, "shapes", "FILE", "measure the problems of a file: one a line, or a CSV; FILE:TIER one tier of it" },
    { DEVICE, "device", "D", "opencl:0:0, or a part of a device's name; default: HPCK_DEVICE, else the best" },
    { DB, "db", "PATH", "tuning database that is consulted first" },
    { AGAINST, "against", "LIST",
      "references, separated by commas, or none; default: openblas,clblast,onednn if present" },
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
enum { OPTION_COUNT = sizeof table / sizeof *table };

static const char *const help_head =
    "usage: hpck-bench [OPTION]... PROBLEM... | --suite NAME | --shapes FILE | -\n"
    "Times hpck's kernels on a device against other libraries, in alternating rounds of one process.\n"
    "A PROBLEM looks like gemm:f16>f32:nt:m64n64k64:b16:col:bias:relu, reduce:sum:f32:4096x1024:axes1 or\n"
    "conv:fwd:f32:nhwc:n1c64h56w56k64r3s3:p1 (docs/problem-language.md); - reads problems from standard input.\n"
    "\n";

static const char *const help_tail =
    "\n"
    "A ratio is the median over the rounds of (reference time / hpck time): above 1 hpck is faster.\n"
    "Results go to standard output, everything else to standard error. docs/benchmarking.md explains the columns.\n"
    "\n"
    "environment:\n"
    "  HPCK_DEVICE          device, when --device is not given\n"
    "  HPCK_DB              tuning database consulted first, when --db is not given\n"
    "  HPCK_CACHE_DIR       folder of compiled kernels; empty: none\n"
    "  HPCK_VERBOSE, HPCK_VERBOSE_FILE   what the library tells (docs/verbose.md)\n"
    "  HPCK_OPENBLAS        the CBLAS library to open as openblas; default libopenblas.so.0\n"
    "  HPCK_CLBLAST         the library to open as clblast; default libclblast.so.1\n"
    "  HPCK_CUBLAS          the cuBLASLt library to open as cublas; default libcublasLt.so.13 or .12\n"
    "  HPCK_CUDNN           the library to open as cudnn; default libcudnn.so.9\n"
    "  HPCK_CUDA_DRIVER     the CUDA driver; default libcuda.so.1\n"
    "  HPCK_ONEDNN          the library to open as onednn; default libdnnl.so.2\n"
    "  POCL_AFFINITY        set to 1 when unset: PoCL's threads stay on their cores; those of OpenBLAS are not "
    "touched\n"
    "  OPENBLAS_CORETYPE    set when unset where OpenBLAS is too old to know this CPU\n"
    "  OPENBLAS_NUM_THREADS ...   OpenBLAS reads its own variables; hpck-bench leaves its other defaults alone\n"
    "\n"
    "exit codes:\n"
    "  0    done\n"
    "  1    a wrong result, or slower than --min-ratio or --compare allow\n"
    "  2    a mistake in the command line\n"
    "  3    no device\n"
    "  4    the tuning database or the file of --compare cannot be read, standard output cannot be written\n"
    "  77   skipped: a reference named by --against is not on this machine\n"
    "  130  interrupted; the rows finished so far are printed\n";

void options_help(void)
{
    fputs(help_head, stdout);
    tool_print_options(stdout, table, OPTION_COUNT);
    fputs("\nreferences:\n", stdout);
    for (int i = 0; i < reference_count; i++)
        printf("  %-20s %s%s\n", references[i]->name, references[i]->doc,
               references[i]->on_request ? "; only when asked for" : "");
    fputs("\nsuites:\n", stdout);
    tool_print_suites(stdout, "  ");
    fputs(help_tail, stdout);
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
            error_set(err, HPCK_INVALID_ARGUMENT,
                      "--against %s: there is no reference \"%.*s\"; expected none alone, or some of:", text,
                      (int)length, name);
            for (int i = 0; i < reference_count; i++)
                error_append(err, " %s", references[i]->name);
            return HPCK_INVALID_ARGUMENT;
        }
        options->against[found] = true;
    }
    return HPCK_OK;
}

static hpck_status apply(const struct tool_option *option, const char *value, void *context, struct error *err)
{
    static const char *const formats[] = { [FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_CSV] = "csv" };
    struct bench_options *options = context;
    const char *name = option->name;
    uint64_t integer = 0;
    int word = 0;
    hpck_status st = HPCK_OK;
    switch ((enum option_id)option->id) {
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
        HPCK_TRY(tool_integer(name, value, 1, MEASURE_ROUNDS_MAX, &integer, err));
        options->rounds = (int)integer;
        break;
    case LIMIT:
        return tool_number(name, value, 0.0, 1e6, &options->limit_seconds, err);
    case HOT:
        options->cache = CACHE_HOT;
        break;
    case COLD:
        options->cache = CACHE_COLD;
        break;
    case SEED:
        return tool_integer(name, value, 0, UINT64_MAX, &options->seed, err);
    case FORMAT:
        HPCK_TRY(tool_word(name, value, formats, 3, &word, err));
        options->format = (enum bench_format)word;
        break;
    case MIN_RATIO:
        return tool_number(name, value, 0.0, 1e6, &options->min_ratio, err);
    case COMPARE:
        options->compare = value;
        break;
    case THRESHOLD:
        return tool_number(name, value, 0.0, 1e6, &options->threshold, err);
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

static hpck_status take_problem(const char *text, void *context, struct error *err)
{
    struct bench_options *options = context;
    if (strcmp(text, "-") == 0) return shapes_add_file(&options->shapes, text, err);
    return shapes_add_problem(&options->shapes, text, err);
}

hpck_status options_parse(int argc, char **argv, struct bench_options *options, struct error *err)
{
    static const struct tool_command_line line = { table, OPTION_COUNT, apply, take_problem };
    hpck_status st = HPCK_OK;
    *options = (struct bench_options){ .rounds = 24, .limit_seconds = 60.0, .seed = 1, .threshold = 0.95 };
    for (int i = 0; i < reference_count; i++)
        options->against[i] = !references[i]->on_request;

    HPCK_TRY(tool_read(&line, argc - 1, argv + 1, options, err));
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
