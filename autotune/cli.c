/* Reads the command line from the same table that --help prints. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const double DEFAULT_BUDGET = 600.0;
static const double LONGEST = 1e9; /* seconds, 30 years: what any clock and printed time can hold */

enum option_id {
    DEVICE,
    BUDGET,
    EVALS,
    STRATEGY,
    SEED,
    DB,
    SUITE,
    SHAPES,
    JOBS,
    TIME_LIMIT,
    MIN_GAIN,
    TARGET,
    DRY_RUN,
    FORMAT,
    LIST_DEVICES,
    LIST_SUITES,
    VERSION,
    HELP
};

static const struct tool_option table[] = {
    { SUITE, "suite", "NAME", "tune the problems of a suite (--list-suites)" },
    { SHAPES, "shapes", "FILE", "tune the problems of a file: one a line (as HPCK_TRACE writes), or a CSV" },
    { SHAPES, "shapes", "FILE:TIER", "only the rows of one tier of a CSV" },
    { DEVICE, "device", "D", "opencl:0:0, or a part of a device's name; default: HPCK_DEVICE, else the best" },
    { BUDGET, "budget", "TIME", "wall clock for the whole list: 90s, 10m, 1h30m; default 10m without --evals" },
    { EVALS, "evals", "N", "at most N trials per problem, those of earlier runs included" },
    { STRATEGY, "strategy", "S", "local, random or exhaustive; default local" },
    { SEED, "seed", "N", "of the random choices and operands; default 1" },
    { DB, "db", "PATH", "tuning database to read first and to write; default: HPCK_DB, else the user's" },
    { JOBS, "jobs", "N",
      "processes that compile side by side, while nothing is timed; default: one\n"
      "                       per CPU, at most 16; 0: the process that times compiles too" },
    { TIME_LIMIT, "time-limit", "TIME", "for one trial, after which its process is killed; default 30s" },
    { MIN_GAIN, "min-gain", "PERCENT", "a new choice must be this much faster than the old one; default 2" },
    { TARGET, "target", "LIST", "of bundle: CUDA architectures, sm_80,sm_90" },
    { DRY_RUN, "dry-run", NULL, "count candidates and compilations and estimate the time; touch nothing" },
    { FORMAT, "format", "F", "text or json (one object a line); default text" },
    { LIST_DEVICES, "list-devices", NULL, "print the devices and exit" },
    { LIST_SUITES, "list-suites", NULL, "print the suites and exit" },
    { VERSION, "version", NULL, "print the version and exit" },
    { HELP, "help", NULL, "print this and exit" },
};
enum { OPTION_COUNT = sizeof table / sizeof *table };

static const struct command {
    enum cli_action action;
    const char *name;
    const char *form;
    const char *doc;
} commands[] = {
    { CLI_SHOW, "show", "show [PROBLEM...]", "print the layers of the database and its records, best first" },
    { CLI_EXPORT, "export", "export [PROBLEM...]", "print the records of all layers as lines of a database" },
    { CLI_VERIFY, "verify", "verify [PROBLEM...]",
      "run the records of this device again: legal, right, as fast as they say?" },
    { CLI_DIFF, "diff", "diff A B", "print where the best records of two files differ" },
    { CLI_MERGE, "merge", "merge INTO FROM...", "add the records of other databases to a file" },
    { CLI_BUNDLE, "bundle", "bundle PROBLEM...",
      "compile what the library could choose for the problems on CUDA devices of\n"
      "                       --target, which need not be here; the bundle goes to standard output" },
    { CLI_PRUNE, "prune", "prune [FILE...]", "remove what no longer matches a kernel, or is damaged, from a file" },
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* ---- help --------------------------------------------------------------------------------------------------------- */

void cli_help(FILE *out)
{
    fputs("usage: hpck-tune [OPTION]... PROBLEM... | --suite NAME | --shapes FILE | -\n"
          "       hpck-tune [OPTION]... COMMAND [ARGUMENT]...\n"
          "Finds the fastest kernel for each problem on a device and writes it to the tuning database, from which\n"
          "the library selects. A PROBLEM looks like gemm:f16>f32:nt:m64n64k64:b16:col:bias:relu,\n"
          "reduce:sum:f32:4096x1024:axes1 or conv:fwd:f32:nhwc:n1c64h56w56k64r3s3:p1 (docs/problem-language.md);\n"
          "- reads problems from standard input. A run that was interrupted goes on where it was when it is\n"
          "started again.\n"
          "\n"
          "options:\n",
          out);
    tool_print_options(out, table, OPTION_COUNT);
    fputs("\ncommands (--db PATH, --format text|json):\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-20s %s\n", commands[i].form, commands[i].doc);
    fputs("\nsuites:\n", out);
    tool_print_suites(out, "  ");
    fputs("\n"
          "Results go to standard output, progress and notes to standard error. Trials are kept in PATH.journal\n"
          "beside the database PATH; delete that file to have everything tried anew. docs/tuning.md tells more.\n"
          "\n"
          "environment:\n"
          "  HPCK_DEVICE          device, when --device is not given\n"
          "  HPCK_DB              database to read first and to write, when --db is not given\n"
          "  XDG_DATA_HOME        the user's database is $XDG_DATA_HOME/hpck/tuning.jsonl (~/.local/share)\n"
          "  HPCK_CACHE_DIR       folder of compiled kernels, where the winners are put; empty: none\n"
          "  HPCK_VERBOSE, HPCK_VERBOSE_FILE   what the library tells (docs/verbose.md)\n"
          "  POCL_AFFINITY        set to 1 when unset, which keeps PoCL's threads on their cores\n"
          "  HPCK_TUNE_TEST_FAULT crash@N, hang@N, wrong@N, crash-compile@N, hang-compile@N: for tests, what trial "
          "N\n"
          "                       (from 0) does\n"
          "\n"
          "exit codes:\n"
          "  0    done, also when nothing better was found\n"
          "  1    a problem could not be tuned, or its kernel before tuning was wrong; verify: a record is not as "
          "it\n"
          "       says; diff: the files differ\n"
          "  2    a mistake in the command line or in a list of problems\n"
          "  3    no device\n"
          "  4    a tuning database cannot be read or written, or is locked; standard output cannot be written\n"
          "  130  interrupted: the trial at work was finished and the best so far was written\n",
          out);
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

bool cli_duration(const char *text, double *seconds)
{
    double total = 0.0;
    if (!*text) return false;
    while (*text) {
        char *end;
        if ((*text < '0' || *text > '9') && *text != '.') return false;
        double number = strtod(text, &end);
        double unit = *end == 'h' ? 3600.0 : *end == 'm' ? 60.0 : 1.0;
        if (end == text || (*end && !strchr("hms", *end))) return false;
        total += unit * number;
        text = *end ? end + 1 : end;
    }
    *seconds = total;
    return total > 0.0 && total <= LONGEST;
}

static hpck_status read_duration(const char *name, const char *text, double *seconds, struct error *err)
{
    if (cli_duration(text, seconds)) return HPCK_OK;
    return error_set(err, HPCK_INVALID_ARGUMENT, "--%s %s: expected a time such as 90s, 10m or 1h30m", name, text);
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static hpck_status apply(const struct tool_option *option, const char *value, void *context, struct error *err)
{
    struct cli *cli = context;
    static const char *const formats[] = { [RESULTS_TEXT] = "text", [RESULTS_JSON] = "json" };
    uint64_t integer = 0;
    int word = 0;
    hpck_status st = HPCK_OK;
    switch ((enum option_id)option->id) {
    case SUITE:
        return shapes_add_suite(&cli->shapes, value, err);
    case SHAPES:
        return shapes_add_file(&cli->shapes, value, err);
    case DEVICE:
        cli->tuner.device = value;
        break;
    case BUDGET:
        return read_duration(option->name, value, &cli->tuner.budget_seconds, err);
    case EVALS:
        HPCK_TRY(tool_integer(option->name, value, 1, 1000000000, &integer, err));
        cli->tuner.evals = (int)integer;
        break;
    case STRATEGY:
        HPCK_TRY(tool_word(option->name, value, strategy_names, STRATEGY_COUNT, &word, err));
        cli->tuner.strategy = (enum strategy)word;
        break;
    case SEED:
        return tool_integer(option->name, value, 0, UINT64_MAX, &cli->tuner.seed, err);
    case DB:
        cli->tuner.db = value;
        break;
    case JOBS:
        HPCK_TRY(tool_integer(option->name, value, 0, 1024, &integer, err));
        cli->tuner.jobs = (int)integer;
        break;
    case TIME_LIMIT:
        return read_duration(option->name, value, &cli->tuner.time_limit_seconds, err);
    case MIN_GAIN:
        HPCK_TRY(tool_number(option->name, value, 0.0, 1000.0, &cli->tuner.min_gain, err));
        cli->tuner.min_gain /= 100.0;
        break;
    case TARGET:
        cli->targets = value;
        break;
    case DRY_RUN:
        cli->tuner.is_dry_run = true;
        break;
    case FORMAT:
        HPCK_TRY(tool_word(option->name, value, formats, 2, &word, err));
        cli->format = (enum results_format)word;
        break;
    case LIST_DEVICES:
        cli->action = CLI_LIST_DEVICES;
        break;
    case LIST_SUITES:
        cli->action = CLI_LIST_SUITES;
        break;
    case VERSION:
        cli->action = CLI_VERSION;
        break;
    case HELP:
        cli->action = CLI_HELP;
        break;
    }
done:
    return st;
}

static bool takes_files(const struct cli *cli)
{
    return cli->action == CLI_DIFF || cli->action == CLI_MERGE || cli->action == CLI_PRUNE;
}

/* The first argument may be a command, options before it or not. */
static bool take_command(struct cli *cli, const char *argument)
{
    if (cli->action != CLI_TUNE || cli->shapes.count > 0) return false;
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argument, commands[i].name) == 0) cli->action = commands[i].action;
    return cli->action != CLI_TUNE;
}

static hpck_status take_argument(const char *argument, void *context, struct error *err)
{
    struct cli *cli = context;
    if (take_command(cli, argument)) return HPCK_OK;
    if (takes_files(cli)) {
        cli->files[cli->file_count++] = argument;
        return HPCK_OK;
    }
    if (strcmp(argument, "-") == 0) return shapes_add_file(&cli->shapes, argument, err);
    return shapes_add_problem(&cli->shapes, argument, err);
}

static hpck_status check(const struct cli *cli, struct error *err)
{
    if (cli->action == CLI_TUNE && cli->shapes.count == 0)
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "nothing to tune: name problems (gemm:f32:nn:m512n512k512), "
                         "--suite NAME or --shapes FILE; --help tells more");
    if (cli->action == CLI_BUNDLE && (cli->shapes.count == 0 || !cli->targets))
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "bundle: expected problems and targets: hpck-tune bundle --target sm_80,sm_90 "
                         "gemm:f16:nn:m512n512k512 > kernels.hpck");
    if (cli->action != CLI_BUNDLE && cli->targets)
        return error_set(err, HPCK_INVALID_ARGUMENT, "--target %s: only the command bundle takes it", cli->targets);
    if (cli->action == CLI_DIFF && cli->file_count != 2)
        return error_set(err, HPCK_INVALID_ARGUMENT, "diff: expected hpck-tune diff A B");
    if (cli->action == CLI_MERGE && cli->file_count < 2)
        return error_set(err, HPCK_INVALID_ARGUMENT, "merge: expected hpck-tune merge INTO FROM...");
    return HPCK_OK;
}

hpck_status cli_parse(int argc, char **argv, struct cli *cli, struct error *err)
{
    static const struct tool_command_line line = { table, OPTION_COUNT, apply, take_argument };
    hpck_status st = HPCK_OK;

    *cli = (struct cli){ .tuner = TUNER_OPTIONS_INIT };
    cli->files = calloc((size_t)argc + 1, sizeof *cli->files);
    if (!cli->files) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "no memory for the command line");
    HPCK_TRY(tool_read(&line, argc - 1, argv + 1, cli, err));
    HPCK_TRY(check(cli, err));
    if (cli->tuner.budget_seconds == 0.0 && cli->tuner.evals == 0) cli->tuner.budget_seconds = DEFAULT_BUDGET;
done:
    return st;
}

void cli_free(struct cli *cli)
{
    shapes_free(&cli->shapes);
    free(cli->files);
}
