/* A folder of its own for a test, and files in it. */
#ifndef HPCK_TESTS_SCRATCH_H
#define HPCK_TESTS_SCRATCH_H

#include <stddef.h>

/* Makes a fresh folder and the XDG folders in it, which the environment then points to, so that no user's or system's
 * file takes part; HPCK_DB, HPCK_VERBOSE, HPCK_VERBOSE_FILE and HPCK_TRACE are unset. CMocka setup and teardown. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* The path of a file in the folder; valid until the eighth call after it. */
const char *scratch_path(const char *name);

void scratch_write(const char *name, const char *text, size_t length);
/* The whole file, terminated; caller frees. *length may be NULL. NULL: there is no such file. */
char *scratch_read(const char *name, size_t *length);

#endif
