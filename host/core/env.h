/* The environment as a library may trust it. */
#ifndef HPCK_CORE_ENV_H
#define HPCK_CORE_ENV_H

#include "error.h"

/* NULL: unset, empty, or the process runs with privileges that its caller does not have (set-user-id). */
const char *env_get(const char *name);

/* Opens a file for appending lines; "%p" in path is the process id. Only regular files and character devices
 * (a terminal, /dev/null) are accepted, and opening never blocks. IO: the message names the path and the reason. */
hpck_status env_open_append(const char *path, int *fd, struct error *err);

/* One write of the whole text, so that lines of several processes do not mix. A failure is not reported: there is
 * no better place to report it to. */
void env_write(int fd, const char *text, size_t length);

#endif
