/* Lists of problems for hpck-tune and hpck-bench: from arguments, files, standard input and the suites that travel
 * inside the tools. A list of lines has one of two forms:
 *     problem language: one problem a line, blank lines and lines starting with # skipped (HPCK_TRACE writes this)
 *     CSV: a first line that names the columns, of which problem is used (in the problem language; in double quotes where
 *          it has commas), or m n k transA transB batch layout for a GEMM in f32; and name and tier where present */
#ifndef HPCK_AUTOTUNE_SHAPES_H
#define HPCK_AUTOTUNE_SHAPES_H

#include <stdio.h>

#include "problem.h"

struct shape {
    char name[64];          /* from a CSV; "" elsewhere */
    struct problem problem; /* as written, not canonical */
};

struct shapes { /* start with { 0 } */
    struct shape *items;
    int count;
    int capacity;
};

/* Each appends to the list. INVALID_ARGUMENT: a message with file and line, the text that was not understood, and a
 * valid form. On an error the list keeps what it had before. */
hpck_status shapes_add_problem(struct shapes *shapes, const char *text, struct error *err);
hpck_status shapes_add_stream(struct shapes *shapes, FILE *stream, const char *name, const char *tier,
                              struct error *err);
/* "FILE", "FILE:TIER" for the rows of one tier of a CSV, "-" for standard input. */
hpck_status shapes_add_file(struct shapes *shapes, const char *path, struct error *err);
hpck_status shapes_add_suite(struct shapes *shapes, const char *name, struct error *err);

void shapes_free(struct shapes *shapes);

#endif
