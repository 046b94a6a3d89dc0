/* Verifies the variants of one kernel family on the default device against the oracle:
 *     verify_family FAMILY [LIMIT [SIZE_MAX]]
 * LIMIT: about how many variants (0 or absent: all; see variants.h for which), SIZE_MAX: largest m and n, a third of the
 * largest k. Two problems each. Prints every failure with what repeats it; exit 1 on any, 77 where no variant of the
 * family is legal on this device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "handle.h"
#include "variants.h"

enum { PROBLEMS_EACH = 2, FAILURES_PRINTED = 10, EXIT_SKIPPED = 77, EXIT_USAGE = 2 };

static void print_failure(const struct family *family, const struct trial *trial, const struct error *err)
{
    char problem[PROBLEM_TEXT_MAX], params[512];
    fprintf(stderr, "%s %s, %s: alpha %g beta %g ld_pad %" PRId64 " offset %" PRId64 " seed %" PRIu64 ": %s\n",
            problem_print(&trial->problem, problem), family->name,
            family_params_print(family, trial->param, params, sizeof params), (double)trial->options.alpha,
            (double)trial->options.beta, trial->options.ld_pad, trial->options.offset, trial->options.seed,
            error_text(err));
}

/* Verifies problems for one variant; returns how many failed. */
static int verify_variant(hpck_handle *handle, const struct family *family, const int64_t *param, int64_t size_max,
                          uint64_t *seed, bool is_quiet)
{
    const struct device_desc *device = handle->backend->describe(handle->device);
    struct trial trial, first;
    const struct trial *like = NULL;
    int failed = 0;
    for (int p = 0; p < PROBLEMS_EACH; p++) {
        struct error err = { 0 };
        if (!trial_draw(family, device, param, like, size_max, seed, &trial)) continue;
        if (like == NULL) {
            first = trial;
            like = &first;
        }
        if (trial_verify(handle, family, &trial, &err) != HPCK_OK) {
            if (!is_quiet) print_failure(family, &trial, &err);
            failed++;
        }
        error_free(&err);
    }
    return failed;
}

static int verify_family(hpck_handle *handle, const struct family *family, int limit, int64_t size_max)
{
    const uint64_t seed_of_run = variants_seed();
    uint64_t seed = seed_of_run;
    struct variants variants = { 0 };
    struct error err = { 0 };
    int failed = 0;
    const struct device_desc *device = handle->backend->describe(handle->device);
    if (variants_list(family, device, limit, size_max, &seed, &variants, &err) != HPCK_OK) {
        fprintf(stderr, "%s\n", error_text(&err));
        error_free(&err);
        return EXIT_FAILURE;
    }
    for (int v = 0; v < variants.count; v++) {
        failed += verify_variant(handle, family, variants.param + (size_t)v * (size_t)family->param_count, size_max,
                                 &seed, failed >= FAILURES_PRINTED);
    }
    printf("%s on %s: %d variants, %d problems each: %d wrong (HPCK_TEST_SEED=%" PRIu64 ")\n", family->name,
           device->name, variants.count, (int)PROBLEMS_EACH, failed, seed_of_run);
    const bool is_empty = variants.count == 0;
    variants_free(&variants);
    if (failed > 0) return EXIT_FAILURE;
    return is_empty ? EXIT_SKIPPED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct family *family = argc > 1 ? family_find(argv[1]) : NULL;
    const int limit = argc > 2 ? atoi(argv[2]) : 0;
    const int64_t size_max = argc > 3 ? atoll(argv[3]) : 150;
    if (family == NULL || limit < 0 || size_max < 1) {
        fprintf(stderr, "usage: verify_family FAMILY [LIMIT [SIZE_MAX]]\n");
        return EXIT_USAGE;
    }
    hpck_handle *handle = NULL;
    int result = EXIT_FAILURE;
    if (hpck_create(&handle, NULL) == HPCK_OK)
        result = verify_family(handle, family, limit, size_max);
    else
        fprintf(stderr, "%s\n", hpck_error_message(handle));
    hpck_destroy(handle);
    return result;
}
