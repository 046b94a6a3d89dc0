/* The environment as a library may trust it. */
#ifndef HPCK_CORE_ENV_H
#define HPCK_CORE_ENV_H

/* NULL: unset, empty, or the process runs with privileges that its caller does not have (set-user-id). */
const char *env_get(const char *name);

#endif
