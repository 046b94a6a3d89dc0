/* Verifies one point of a kernel family on the default device against the oracle:
 *     verify_point FAMILY NAME=VALUE[,NAME=VALUE...] PROBLEM...
 * Parameters and runs are as in point.h. Exit 1 on a wrong result or a point that is not legal for a problem. */
#include <stdio.h>
#include <stdlib.h>

#include "handle.h"
#include "point.h"

enum { EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
    const struct family *family = argc > 3 ? family_find(argv[1]) : NULL;
    int64_t param[FAMILY_PARAMS_MAX];
    struct error err = { 0 };
    if (family == NULL || point_parse(family, argv[2], param, &err) != HPCK_OK) {
        fprintf(stderr, "%s\nusage: verify_point FAMILY NAME=VALUE[,NAME=VALUE...] PROBLEM...\n", error_text(&err));
        error_free(&err);
        return EXIT_USAGE;
    }
    hpck_handle *handle = NULL;
    int failed = 0;
    if (hpck_create(&handle, NULL) != HPCK_OK) {
        fprintf(stderr, "%s\n", hpck_error_message(handle));
        failed = 1;
    }
    for (int i = 3; i < argc && failed == 0; i++) {
        struct trial trial;
        if (point_verify(handle, family, param, argv[i], &trial, &err) != HPCK_OK) {
            fprintf(stderr, "%s %s: %s\n", family->name, argv[i], error_text(&err));
            failed = 1;
        }
    }
    error_free(&err);
    if (failed == 0) {
        printf("%s on %s: %d problems right\n", family->name, handle->backend->describe(handle->device)->name,
               argc - 3);
    }
    hpck_destroy(handle);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
