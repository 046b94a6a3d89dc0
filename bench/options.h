/* What hpck-bench was asked to do. */
#ifndef HPCK_BENCH_OPTIONS_H
#define HPCK_BENCH_OPTIONS_H

#include "reference.h"
#include "shapes.h"

enum bench_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };
enum bench_cache { CACHE_AUTO, CACHE_HOT, CACHE_COLD };
enum bench_action { ACTION_MEASURE, ACTION_LIST_DEVICES, ACTION_LIST_SUITES, ACTION_VERSION, ACTION_HELP };

struct bench_options {
    enum bench_action action;
    const char *device; /* NULL: the library's own choice */
    const char *db;     /* NULL: the usual layers */
    struct shapes shapes;
    enum bench_format format;
    bool against[REFERENCES_MAX]; /* by index into references[] */
    bool against_given;           /* by name: an absent one is then exit code 77 */
    bool with_default;
    bool verify;
    enum bench_cache cache;
    int rounds;
    double limit_seconds; /* per problem; 0: none */
    uint64_t seed;
    double min_ratio;    /* 0: none */
    const char *compare; /* NULL: none */
    double threshold;
    const char *junit; /* NULL: none */
};

/* INVALID_ARGUMENT: the message quotes what was not understood. */
hpck_status options_parse(int argc, char **argv, struct bench_options *options, struct error *err);
void options_free(struct bench_options *options);
void options_help(void);

#endif
