/* Verifies one point of a kernel family on the default device against the oracle:
 *     verify_point FAMILY NAME=VALUE[,NAME=VALUE...] PROBLEM...
 * Parameters that are not named have the value of the family's first seed. Each problem is run three times: tight operands with
 * beta 0, and padded, shifted ones with beta, aligned to 8 elements and not at all (where the family takes them). Exit 1 on a wrong result or a point that is not legal for a problem. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "variants.h"

enum { EXIT_USAGE = 2 };

/* False, with a message, where a word of the list is not a value of a parameter. */
static bool read_params(const struct family *family, char *list, int64_t *param)
{
    memcpy(param, family->seeds, (size_t)family->param_count * sizeof *param);
    for (char *rest = list, *word; (word = strtok_r(rest, ",", &rest)) != NULL;) {
        char *value = strchr(word, '=');
        if (value != NULL) *value++ = '\0';
        const int index = family_param_index(family, word);
        if (index >= 0 && value != NULL) param[index] = strtoll(value, NULL, 10);
        if (index < 0 || value == NULL || !family_param_allows(family, index, param[index])) {
            fprintf(stderr, "%s: %s=%s is not a parameter and one of its values\n", family->name, word,
                    value != NULL ? value : "");
            return false;
        }
    }
    return true;
}

static hpck_status verify_problem(hpck_handle *handle, const struct family *family, const int64_t *param,
                                  const char *text, struct error *err)
{
    static const struct workload_options layouts[] = {
        { .seed = 1, .alpha = 1, .beta = 0, .ld_pad = 0, .offset = 0, .copies = 1 },
        { .seed = 2, .alpha = 0.5F, .beta = -1.25F, .ld_pad = 3, .offset = 8, .ld_multiple = 8, .copies = 1 },
        { .seed = 2, .alpha = 0.5F, .beta = -1.25F, .ld_pad = 3, .offset = 5, .copies = 1 },
    };
    hpck_status st = HPCK_OK;
    struct trial trial = { 0 };
    struct problem problem;
    HPCK_TRY(problem_parse(text, &problem, err));
    memcpy(trial.param, param, (size_t)family->param_count * sizeof *param);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        trial.options = layouts[i];
        trial.problem = problem;
        workload_traits(&trial.problem, &trial.options);
        if (i > 0 && select_rejection(family, handle->backend->describe(handle->device), handle->backend->dialect,
                                      &trial.problem, trial.param, INT64_MAX) != NULL)
            continue; /* operands that are aligned worse */
        HPCK_TRY(trial_verify(handle, family, &trial, err));
    }
done:
    return st;
}

int main(int argc, char **argv)
{
    const struct family *family = argc > 3 ? family_find(argv[1]) : NULL;
    int64_t param[FAMILY_PARAMS_MAX];
    if (family == NULL || !read_params(family, argv[2], param)) {
        fprintf(stderr, "usage: verify_point FAMILY NAME=VALUE[,NAME=VALUE...] PROBLEM...\n");
        return EXIT_USAGE;
    }
    hpck_handle *handle = NULL;
    int failed = 0;
    if (hpck_create(&handle, NULL) != HPCK_OK) {
        fprintf(stderr, "%s\n", hpck_error_message(handle));
        failed = 1;
    }
    for (int i = 3; i < argc && failed == 0; i++) {
        struct error err = { 0 };
        if (verify_problem(handle, family, param, argv[i], &err) != HPCK_OK) {
            fprintf(stderr, "%s %s: %s\n", family->name, argv[i], error_text(&err));
            failed = 1;
        }
        error_free(&err);
    }
    if (failed == 0) {
        printf("%s on %s: %d problems right\n", family->name, handle->backend->describe(handle->device)->name,
               argc - 3);
    }
    hpck_destroy(handle);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
