/* The suites of problems that travel inside the tools, so that --suite works without the source tree: every *.suite of
 * this folder under its own name (problem language), and the tiers of gemm.csv as `ci`, `cpu` and `gpu` (CSV). */
#ifndef HPCK_BENCH_SUITES_H
#define HPCK_BENCH_SUITES_H

struct suite {
    const char *name;
    const char *doc;
    const char *const *lines; /* as a shapes file has them; a CSV's first names the columns */
    int line_count;
};

extern const struct suite suites[];
extern const int suite_count;

#endif
