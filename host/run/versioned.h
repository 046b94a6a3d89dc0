/* Public structs carry their size, so that a program and a library of different ages understand each other. */
#ifndef HPCK_RUN_VERSIONED_H
#define HPCK_RUN_VERSIONED_H

#include "error.h"

/* Copies a caller's struct of `given` bytes over *known, which holds the defaults. `first` is the size in the first
 * release, `size` the one this library knows. A longer struct (a newer program) is accepted when what we do not know
 * is all zero: it asks for nothing new. */
hpck_status versioned_copy(void *known, size_t size, size_t first, const void *caller, size_t given,
                           const char *name, struct error *err);

#endif
