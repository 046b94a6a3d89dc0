/* A problem: what is to be computed, apart from where the operands lie. Its text form is the problem language:
 *     gemm:f16>f32:nt:m64n64k64:b16:col:bias:relu
 * used by verbose output, traces, tools, tests and the tuning database. problem_print(problem_parse(s)) == s for the
 * canonical spelling of s. */
#ifndef HPCK_CORE_PROBLEM_H
#define HPCK_CORE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include <hpck/hpck.h>

#include "error.h"
#include "fields.h" /* generated: enum op_id, union problem_fields, PROBLEM_KEY_COUNT tables */

struct problem {
    enum op_id op;
    hpck_dtype dtype_in;
    hpck_dtype dtype_out;
    union problem_fields field; /* unused trailing values are 0, so that problems compare with memcmp */
};

enum { PROBLEM_TEXT_MAX = 384 }; /* bytes that any printed problem fits in, terminator included */

/* INVALID_ARGUMENT: the message quotes the text that was not understood and shows a valid form. */
hpck_status problem_parse(const char *text, struct problem *problem, struct error *err);
/* buffer has PROBLEM_TEXT_MAX bytes; returns buffer. */
char *problem_print(const struct problem *problem, char *buffer);

/* INVALID_ARGUMENT: a negative size, or sizes whose products (extents, bytes, operations) do not fit in int64. Parsed
 * problems have passed it; whoever fills a problem by hand calls it. */
hpck_status problem_check(const struct problem *problem, struct error *err);

/* The same computation in the one form that families see (GEMM: row-major). */
struct problem problem_canonical(const struct problem *problem);

/* The problem as the families of `op` see it: itself, or the same computation stated in their operation (the convolution
 * with a filter of one pixel is a GEMM), written to *room. NULL: they cannot compute it. problem is canonical. */
const struct problem *problem_as(const struct problem *problem, enum op_id op, struct problem *room);

/* Equality and a total order of what the language prints (traits are not compared). The order is arbitrary, but the
 * same in every run on a machine. */
bool problem_same(const struct problem *a, const struct problem *b);
int problem_order(const struct problem *a, const struct problem *b);

/* Arithmetic operations and bytes of operands touched once; what GFLOP/s and GB/s are computed from. */
double problem_flops(const struct problem *problem);
double problem_bytes(const struct problem *problem);

/* How unlike two problems of one op are; 0: the same, INFINITY: no tuning carries over (other op, dtype, ...).
 * Sums |log2| of the ratios of the sizes, so "twice as many rows" counts the same everywhere. */
double problem_distance(const struct problem *a, const struct problem *b);

const char *dtype_name(hpck_dtype dtype); /* "f32" "f16" "bf16" */
size_t dtype_bytes(hpck_dtype dtype);

#endif
