/* See versioned.h. */
#include "versioned.h"

#include <string.h>

hpck_status versioned_copy(void *known, size_t size, size_t first, const void *caller, size_t given,
                           const char *name, struct error *err)
{
    const char *bytes = caller;
    if (given < first)
        return error_set(err, HPCK_INVALID_ARGUMENT,
                         "%s: size = %zu is not the size of any version of the struct (initialise it with its "
                         "HPCK_..._INIT)",
                         name, given);
    for (size_t i = size; i < given; i++)
        if (bytes[i] != 0)
            return error_set(
                err, HPCK_UNSUPPORTED,
                "%s: size = %zu is newer than this library (%s), and byte %zu asks for something it does "
                "not know",
                name, given, HPCK_VERSION_STRING, i);
    memcpy(known, caller, given < size ? given : size);
    return HPCK_OK;
}
