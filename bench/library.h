/* A shared library opened at run time. */
#ifndef HPCK_BENCH_LIBRARY_H
#define HPCK_BENCH_LIBRARY_H

#include "error.h"

struct library {
    void *handle;
    char file[128]; /* the name of the file that was opened, links resolved: it carries the version */
};

/* The file that the environment variable names, else `soname`. */
const char *library_file(const char *variable, const char *soname);

/* Opens that file. UNSUPPORTED: not there. */
hpck_status library_open(struct library *library, const char *variable, const char *soname, struct error *err);
/* The first of several names that is there: a list that ends with NULL. */
hpck_status library_open_first(struct library *library, const char *variable, const char *const *sonames,
                               struct error *err);
void library_close(struct library *library);

/* Stores the address of a function in the function pointer at `pointer`. UNSUPPORTED: the library lacks it. */
hpck_status library_function(const struct library *library, const char *name, void *pointer, struct error *err);

#endif
