/* What follows from the sizes of a convolution; shared by the language, the public entry and the tools. */
#ifndef HPCK_CORE_OP_CONV_H
#define HPCK_CORE_OP_CONV_H

#include "problem.h"

enum { CONV_ALIGN_MAX = 16 }; /* bytes; the largest value of the trait `align` */
enum conv_direction { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_FILTER }; /* = hpck_conv_direction */

/* Rows and columns of y; 0: the filter does not fit into the padded x, -1: the numbers overflow. The sizes must have
 * passed the checks for sign. */
int64_t conv_rows(const struct conv_fields *f);
int64_t conv_columns(const struct conv_fields *f);

#endif
